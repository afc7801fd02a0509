// How long work of several kinds will still take.

export interface Estimate {
  did(kind: Kind, images: number, ms: number): void;
  /** Work that turned out to be done already. */
  skip(kind: Kind, images: number): void;
  /** Milliseconds, at the rate of each kind so far; of a kind that was not met yet, at that of the other. */
  left(): number;
}

type Kind = 'training' | 'evaluation';
const kinds: readonly Kind[] = ['training', 'evaluation'];

/** @param work images of each kind */
export function createEstimate(work: Readonly<Record<Kind, number>>): Estimate {
  const left = { ...work };
  const done = { training: { images: 0, ms: 0 }, evaluation: { images: 0, ms: 0 } };
  const rate = (kind: Kind): number | undefined => {
    const { images, ms } = done[kind];
    return images > 0 ? ms / images : undefined;
  };
  return {
    did(kind, images, ms) {
      left[kind] -= images;
      done[kind].images += images;
      done[kind].ms += ms;
    },
    skip(kind, images) {
      left[kind] -= images;
    },
    left() {
      const known = kinds.map(rate).find((each) => each !== undefined) ?? 0;
      return kinds.reduce((sum, kind) => sum + Math.max(0, left[kind]) * (rate(kind) ?? known), 0);
    },
  };
}
