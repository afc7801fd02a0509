// Handing a file to the person.

/** Starts the download of `content` under `name`. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the blob once the click was handled, Safari a little later.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A name without the ending of its file and without what file systems refuse. */
export const stem = (name: string): string =>
  name.replace(/\.[^.]*$/, '').replace(/[\\/:*?"<>|]+/g, '_') || 'image';
