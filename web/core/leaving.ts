// The browser's own question before a page goes, while something would be lost by it.

const reasons = new Set<() => boolean>();

/** Asks as long as `reason` holds. @returns how to stop */
export function askBeforeLeaving(reason: () => boolean): () => void {
  reasons.add(reason);
  return () => reasons.delete(reason);
}

addEventListener('beforeunload', (event) => {
  if ([...reasons].some((reason) => reason())) event.preventDefault();
});
