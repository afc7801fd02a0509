// One live region for everything that is said to a screen reader.

/** Says `text` when the reader is free; the same text twice in a row is said twice. */
export function announce(text: string): void {
  const region = document.getElementById('announcer');
  if (!region) return;
  region.textContent = '';
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}
