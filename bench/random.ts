/** Uniform numbers of variance 1 from a 32-bit linear congruential generator: cheap, and no kernel can exploit them. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * Math.sqrt(3);
  };
}
