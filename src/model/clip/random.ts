import { floatToHalf, halfToFloat } from '../../formats/half.ts';
import { float32Tensor, type TensorData } from '../../formats/safetensors.ts';
import { defaultTemperature, temperatureName, wordEmbeddings } from '../blip/config.ts';
import { type ClipConfig, clipTensorShapes } from './config.ts';

/**
 * Seeded random weights of a CLIP, in F32: activations and attention keep the scales of a trained model, nothing
 * else does. Every value is also representable in F16. Each tensor has its own stream of random numbers, derived
 * from the seed and its name, so that a tensor does not depend on the others.
 */
export function randomClipWeights(config: ClipConfig, seed: number): Map<string, TensorData> {
  const weights = new Map<string, TensorData>();
  for (const [name, shape] of clipTensorShapes(config))
    weights.set(name, float32Tensor(shape, randomClipTensor(name, shape, seed)));
  return weights;
}

/** The values of one tensor of `randomClipWeights`, for writing a large model piece by piece. */
export function randomClipTensor(
  name: string,
  shape: readonly number[],
  seed: number,
): Float32Array<ArrayBuffer> {
  const { mean, std } = distribution(name, shape);
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const normal = gaussian(seed, name);
  for (let i = 0; i < values.length; i++) values[i] = halfToFloat(floatToHalf(mean + std * normal()));
  return values;
}

/** Mean and standard deviation by kind of tensor; matrices keep the variance of what they multiply. */
function distribution(name: string, shape: readonly number[]): { mean: number; std: number } {
  const fanIn = (gain: number, inputs: number) => ({ mean: 0, std: gain / Math.sqrt(inputs) });
  const [rows = 1, columns = 1] = shape;
  switch (name) {
    case 'logit_scale':
      return { mean: Math.log(100), std: 0 };
    case 'visual.class_embedding':
      return fanIn(1, rows);
    case 'visual.positional_embedding':
      return { mean: 0, std: 0.3 };
    case 'positional_embedding':
      return { mean: 0, std: 0.01 };
    case 'token_embedding.weight':
      return { mean: 0, std: 0.02 };
    case 'visual.conv1.weight':
      return fanIn(0.7, columns * shape[2]! * shape[3]!);
    case 'visual.proj':
    case 'text_projection':
      return fanIn(1, rows); // applied as x.W
  }
  if (name === temperatureName) return { mean: defaultTemperature, std: 0 };
  if (name === wordEmbeddings) return { mean: 0, std: 0.5 };
  if (/^visual_encoder\.(cls_token|pos_embed)$/.test(name)) return { mean: 0, std: 0.3 };
  if (name.endsWith('.position_embeddings.weight')) return { mean: 0, std: 0.2 };
  if (name === 'visual_encoder.patch_embed.proj.weight') return fanIn(0.7, columns * shape[2]! * shape[3]!);
  if (name.endsWith('.qkv.weight')) return fanIn(1.3, columns);
  if (/(\.?ln_\w+|\.norm\d?|\.LayerNorm)\.weight$/.test(name)) return { mean: 1, std: 0.1 };
  // 1.3: attention a little more decided than uniform.
  if (name.endsWith('.in_proj_weight')) return fanIn(1.3, columns);
  if (name.endsWith('.weight')) return fanIn(1, columns); // applied as x.W^T
  return { mean: 0, std: /\.(out_proj|c_proj)\.bias$/.test(name) ? 0.02 : 0.05 };
}

/** Standard normal numbers: Marsaglia's polar method over xoshiro128**, seeded from a number and a name. */
export function gaussian(seed: number, name: string): () => number {
  const next = xoshiro128(seed, name);
  const uniform = () => next() * 2 ** -31 - 1; // [-1, 1)
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    let x: number;
    let y: number;
    let square: number;
    do {
      x = uniform();
      y = uniform();
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const scale = Math.sqrt((-2 * Math.log(square)) / square);
    spare = y * scale;
    return x * scale;
  };
}

/** xoshiro128** 1.1 (Blackman and Vigna): uniform 32-bit integers. */
function xoshiro128(seed: number, name: string): () => number {
  // FNV-1a of seed and name, then splitmix32 fills the state.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${seed}:${name}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  const splitmix = () => {
    hash = (hash + 0x9e3779b9) | 0;
    let z = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), splitmix()] as [number, number, number, number];
  return () => {
    const t = Math.imul(b, 5);
    const result = Math.imul((t << 7) | (t >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
}
