// What the tests of hostile files, images and pickles (security-*.test.ts) do in a process of its own.
import { readFileSync } from 'node:fs';
import { readImage } from '../src/data/image.node.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { openFile } from '../src/formats/source.node.ts';
import { readTensors } from '../src/model/checkpoint/open.ts';

/** Width, height and a checksum of the pixels. */
export async function decode(file: string, times = 1): Promise<[number, number, number]> {
  const images = await Promise.all(Array.from({ length: times }, () => readImage(file)));
  const { width, height, data } = images[0]!;
  let sum = 0;
  for (let i = 0; i < data.length; i += 1) sum = (sum * 31 + data[i]!) >>> 0;
  return [width, height, sum];
}

export async function tensors(file: string): Promise<number> {
  const source = await openFile(file);
  try {
    return (await readTensors(source)).tensors.size;
  } finally {
    await source.close();
  }
}

export async function header(file: string): Promise<number> {
  const source = await openFile(file);
  try {
    return (await readSafetensors(source)).tensors.size;
  } finally {
    await source.close();
  }
}

const kinds = { tensors, header, decode, decodeFour: (file: string) => decode(file, 4) };

/** The process's largest resident set. Not getrusage's, which begins with the peak of the process that started this one. */
const peakMebibytes = () =>
  Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;

/** What each file gives, one after the other. */
export async function each(kind: keyof typeof kinds, files: readonly string[]) {
  const found = [];
  for (const file of files) {
    const began = performance.now();
    const error = await kinds[kind](file).then(
      () => 'undefined',
      (thrown: Error) => `${thrown.name}: ${thrown.message}`,
    );
    const peak = peakMebibytes();
    found.push({ file, error, seconds: (performance.now() - began) / 1000, peak });
  }
  return found;
}
