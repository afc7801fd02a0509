// A list of buttons with one stop for Tab: arrows, Home and End go from one to the next, Delete removes.

export interface RovingList {
  readonly count: number;
  /** Number of the one that the event came from; -1: from none. */
  readonly at: number;
  /** Called when the keyboard goes to one: it takes the focus. */
  go(to: number): void;
  remove?(at: number): void;
  /** Buttons in a row; 1 or absent: all in one line. */
  perRow?(): number;
}

/** For the list's `keydown`. */
export function rove(event: KeyboardEvent, { count, at, go, remove, perRow }: RovingList): void {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || at < 0) return;
  const row = perRow?.() ?? 0;
  const to: Record<string, number> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    Home: 0,
    End: count - 1,
    ...(row > 0 ? { ArrowDown: at + row, ArrowUp: at - row } : {}),
  };
  const wanted = to[event.key];
  if (wanted !== undefined) {
    event.preventDefault();
    go(Math.max(0, Math.min(count - 1, wanted)));
  } else if (event.key === 'Delete' && remove) {
    event.preventDefault();
    remove(at);
  }
}
