// In the page: how far an image, as the detector decodes it, is from the pixels that Node decodes.
import { decodeInBrowser } from '../../../src/detector/images.browser.ts';
import { type Gpu, openGpu } from '../../../src/gpu/gpu.ts';

let gpu: Promise<Gpu> | undefined;

const bytes = async (address: string) => new Uint8Array(await (await fetch(address)).arrayBuffer());

/** @param pixels address of the RGB bytes that are expected */
export async function decode(
  address: string,
  pixels: string,
): Promise<{ width: number; height: number; worst: number } | { problem: string }> {
  gpu ??= openGpu();
  try {
    const image = { name: address, file: await bytes(address) };
    const { width, height, data } = await decodeInBrowser(await gpu, image);
    const expected = await bytes(pixels);
    if (expected.length !== data.length) return { width, height, worst: Number.POSITIVE_INFINITY };
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i]!)), 0);
    return { width, height, worst };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
