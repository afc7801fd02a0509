// Small help with signals.

/** Ends effects that were collected. */
export const stopAll = (stops: readonly (() => unknown)[]): void => {
  for (const stop of stops) stop();
};
