// The picture that a video shows, as pixels.

/**
 * Not by a canvas or createImageBitmap: Chromium keeps what a video is drawn from, a megabyte a picture, until there are
 * hundreds of them.
 * @param reused filled where it has the right size
 * @returns RGBA; undefined where the browser cannot copy a video's pictures
 */
export async function videoPixels(
  video: HTMLVideoElement,
  reused?: Uint8ClampedArray<ArrayBuffer>,
): Promise<ImageData | undefined> {
  if (!('VideoFrame' in globalThis)) return undefined;
  let frame: VideoFrame | undefined;
  try {
    frame = new VideoFrame(video);
    const { width, height } = frame.visibleRect!;
    const options = { format: 'RGBA' } as const;
    const bytes = frame.allocationSize(options);
    // A browser that converts nothing has another size.
    if (bytes !== 4 * width * height) return undefined;
    const data = reused?.length === bytes ? reused : new Uint8ClampedArray(bytes);
    await frame.copyTo(data, options);
    return new ImageData(data, width, height);
  } catch {
    return undefined; // nothing shown yet, or another site's: whoever draws it finds out
  } finally {
    frame?.close();
  }
}
