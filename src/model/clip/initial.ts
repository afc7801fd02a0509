// Weights to start training from (OpenAI's CLIP.initialize_parameters).
import type { ClipConfig } from './config.ts';
import { clipTensorShapes } from './config.ts';
import { gaussian } from './random.ts';

/** CLIP's temperature at the beginning, as `logit_scale`, and the largest that training may make of it. */
export const initialLogitScale = Math.log(1 / 0.07);
export const largestLogitScale = Math.log(100);

/** Seeded initial weights of a CLIP, by name; a tensor's numbers depend on the seed and its name only. */
export function initialClipWeights(config: ClipConfig, seed: number): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of clipTensorShapes(config)) {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const std = deviation(name, config);
    if (std > 0) {
      const normal = gaussian(seed, name);
      for (let i = 0; i < values.length; i++) values[i] = std * normal();
    } else if (name === 'logit_scale') values.fill(initialLogitScale);
    else if (/ln_\w+\.weight$/.test(name)) values.fill(1);
    weights.set(name, values);
  }
  return weights;
}

/** Standard deviation of a tensor's normal numbers; 0: not random (norms, biases, temperature). */
function deviation(name: string, config: ClipConfig): number {
  const visual = name.startsWith('visual.');
  const width = visual ? config.visionWidth : config.textWidth;
  const layers = visual ? config.visionLayers : config.textLayers;
  switch (name) {
    case 'token_embedding.weight':
      return 0.02;
    case 'positional_embedding':
      return 0.01;
    case 'visual.conv1.weight':
      return (3 * config.patch ** 2) ** -0.5;
    case 'visual.class_embedding':
    case 'visual.positional_embedding':
    case 'visual.proj':
    case 'text_projection':
      return width ** -0.5;
  }
  if (name.endsWith('.attn.in_proj_weight')) return width ** -0.5;
  if (/\.(out_proj|c_proj)\.weight$/.test(name)) return width ** -0.5 * (2 * layers) ** -0.5;
  return name.endsWith('.c_fc.weight') ? (2 * width) ** -0.5 : 0;
}
