// Measures the variants of an operator on this adapter, each class of calls once, and keeps the fastest (gpu/tuning.ts).
import type { Gpu } from '../gpu/gpu.ts';
import type { Shader } from '../gpu/shader.ts';
import { byteLength, elements, scalesOffset, type Tensor, type TensorSpec } from '../kernels/tensor.ts';
import { type HostData, writeBuffer } from './device-tensor.ts';
import type { Node } from './graph.ts';
import { profile } from './profile.ts';
import { createSteps, dispatchesOf, type NodeDispatch, recordStep, type Step } from './steps.ts';

/** Calls of less work are not worth measuring. */
const fewestFlops = 1e6;
/** A variant must beat the operator's own choice by this factor: choices must not hang on noise. */
const margin = 0.95;
const repetitions = 5;

interface Candidate {
  readonly variant: string | undefined;
  readonly dispatches: readonly NodeDispatch[];
}

/**
 * The variant for a call, '' for the operator's own choice. A class of calls that the adapter has not seen is measured,
 * each variant on buffers of its own.
 * @param gpu one with `tuning`
 */
export async function measuredVariant(gpu: Gpu, node: Node, offered: readonly string[]): Promise<string> {
  const { op, attrs, inputs, outputs } = node;
  if (op.cost({ attrs, inputs, outputs }).flops < fewestFlops) return '';
  const candidates = distinct(gpu, node, offered);
  if (candidates.length < 2) return '';
  const key = callClass(node, candidates);
  const known = gpu.tuning!.get(key);
  if (known !== undefined) return known;
  const sizes = inputs.flatMap((t) => (t ? [t.shape.join('x')] : []));
  gpu.tuning!.onMeasure(`${op.name} ${sizes.join(', ')}`);
  const times = await measure(gpu, node, candidates);
  const own = times[0]!;
  const best = times.reduce((at, time, i) => (time < times[at]! ? i : at), 0);
  const variant = times[best]! < margin * own ? candidates[best]!.variant! : '';
  gpu.tuning!.set(key, variant);
  return variant;
}

/** The operator's own choice first, then the variants that differ from it and from each other. */
function distinct(gpu: Gpu, node: Node, offered: readonly string[]): Candidate[] {
  const seen = new Set<string>();
  return [undefined, ...offered].flatMap((variant) => {
    const dispatches = dispatchesOf(gpu, node, variant);
    const code = JSON.stringify(
      dispatches.map(({ dispatch: { shader, overrides, uniforms, workgroups } }) => [
        shader.path,
        overrides,
        uniforms,
        workgroups,
      ]),
    );
    if (seen.has(code)) return [];
    seen.add(code);
    return [{ variant, dispatches }];
  });
}

/**
 * Calls that share a choice: the same operator, attributes and code, and operands of about the same sizes. The code is
 * in it so that a changed kernel is measured anew.
 */
function callClass({ op, attrs, inputs }: Node, candidates: readonly Candidate[]): string {
  const shaders = new Set(candidates.flatMap((c) => c.dispatches.map(({ dispatch }) => dispatch.shader)));
  const code = [...shaders].reduce((hash, shader) => Math.imul(hash, 31) + fingerprint(shader), 0) >>> 0;
  return [op.name, JSON.stringify(attrs), ...inputs.map(sizeClass), code.toString(16)].join(' ');
}

/** Dimensions above 16 count as the nearest power of two; whether four divides them decides about vector loads. */
function sizeClass(spec: TensorSpec | undefined): string {
  if (!spec) return '-';
  const sizes = spec.shape.map((n) =>
    n <= 16 ? `${n}` : `${2 ** Math.round(Math.log2(n))}${n % 4 ? '+' : ''}`,
  );
  return `${spec.dtype}[${sizes.join()}]`;
}

/** FNV-1a of a shader's text. */
function fingerprint({ code }: Shader): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < code.length; i += 1) hash = Math.imul(hash ^ code.charCodeAt(i), 0x01000193);
  return hash;
}

/** Each candidate's shortest time in milliseconds, on operands of the node's own sizes. */
async function measure(gpu: Gpu, node: Node, candidates: readonly Candidate[]): Promise<number[]> {
  const own: GPUBuffer[] = [];
  try {
    const buffers = new Map<number, GPUBuffer>();
    for (const tensor of [...node.inputs, ...node.outputs]) {
      if (!tensor || buffers.has(tensor.storage)) continue;
      const buffer = gpu.memory.allocate(byteLength(tensor), `${node.op.name} (tuning)`);
      own.push(buffer);
      buffers.set(tensor.storage, buffer);
      if (node.inputs.includes(tensor)) writeBuffer(gpu, buffer, 0, sample(tensor));
    }
    const bind = (tensor: Tensor) => ({ buffer: buffers.get(tensor.storage)!, size: byteLength(tensor) });
    const times: number[] = [];
    for (const { dispatches } of candidates)
      times.push(await shortest(gpu, await createSteps(gpu, dispatches, bind, own)));
    return times;
  } finally {
    for (const buffer of own) gpu.memory.free(buffer);
  }
}

async function shortest(gpu: Gpu, steps: readonly Step[]): Promise<number> {
  await run(gpu, steps); // compiles on lazy drivers
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repetitions; i += 1) {
    const start = performance.now();
    const times = gpu.capabilities.timestamps ? await profile(gpu, steps) : await run(gpu, steps);
    const time = times ? times.reduce((sum, t) => sum + t.milliseconds, 0) : performance.now() - start;
    best = Math.min(best, time);
  }
  return best;
}

async function run(gpu: Gpu, steps: readonly Step[]): Promise<undefined> {
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const step of steps) recordStep(pass, step);
  pass.end();
  gpu.device.queue.submit([encoder.finish()]);
  await gpu.finish();
}

/** Numbers of magnitude 0.5 to 1 with random signs; indices are 0, which is always inside. */
function sample(spec: TensorSpec): HostData {
  const count = elements(spec.shape);
  let state = 1;
  const bits = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  switch (spec.dtype) {
    case 'f32':
      return Float32Array.from({ length: count }, () => (bits() | 0) / 2 ** 32 + (state & 1 ? 0.5 : -0.5));
    case 'f16':
      return Uint16Array.from({ length: count }, () => 0x3800 | ((bits() >>> 16) & 0x83ff));
    case 'u8':
      return Uint8Array.from({ length: count }, () => bits() >>> 24);
    case 'q8': {
      const bytes = Uint8Array.from({ length: byteLength(spec) }, () => bits() >>> 24);
      new Float32Array(bytes.buffer, scalesOffset(spec)).fill(1 / 128);
      return bytes;
    }
    case 'i32':
      return new Int32Array(count);
  }
}
