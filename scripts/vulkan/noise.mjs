// What the WebGPU implementation itself prints on standard error, and is nobody's concern: Dawn tells whenever a Vulkan
// driver allows more dynamic buffers than it can use, from native code, with no way to switch it off.
import { StringDecoder } from 'node:string_decoder';

const noise =
  /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.\r?\n?$/;
const start = 'Warning: maxDynamic';

/**
 * Hands on a stream of text, but for those lines. Every other byte goes through, a last line without its end included.
 * @param {NodeJS.ReadableStream} source
 * @param {(text: string) => void} write
 * @returns {Promise<void>} once the source has ended
 */
export function withoutNoise(source, write) {
  const decoder = new StringDecoder('utf8');
  let held = ''; // the beginning of a line that may turn out to be noise
  let inside = false; // of a line whose beginning was handed on
  const take = (text, ended) => {
    let kept = '';
    const lines = (held + text).split(/(?<=\n)/);
    held = '';
    for (const line of lines) {
      const whole = line.endsWith('\n');
      if (!inside && !whole && !ended && line !== '' && start.startsWith(line.slice(0, start.length)))
        held = line;
      else if (inside || !noise.test(line)) kept += line;
      inside = held === '' && line !== '' ? !whole : inside;
    }
    if (kept !== '') write(kept);
  };
  return new Promise((resolve) => {
    source.on('data', (bytes) => take(decoder.write(bytes), false));
    source.on('close', () => {
      take(decoder.end(), true);
      resolve();
    });
  });
}
