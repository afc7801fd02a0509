// npm run true-shapes [-- MODEL ...]: CLIPs and a BLIP at their true shapes, in every format and naming, against plain PyTorch.
//
// For each model make.py writes a CLIP of seeded random weights in one format after the other (nothing is kept). Each is
// loaded, and its unit features are compared with PyTorch's: f32 within 1e-4 of the feature's norm, and the same bits in
// every format of the same precision; what F16, BF16 and int8 add is printed.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findPython } from '../../bench/torch.ts';
import { run as cli } from '../../src/cli/program.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { openFile } from '../../src/formats/source.node.ts';
import { formatBytes } from '../../src/gpu/errors.ts';
import { type Gpu, openGpu } from '../../src/gpu/gpu.ts';
import { openClip } from '../../src/model/checkpoint/open.node.ts';
import { createImageEncoder } from '../../src/model/clip/image-encoder.ts';
import { fapromptNeeds } from '../../src/model/clip/needs.ts';
import { type Clip, loadClip } from '../../src/model/clip/weights.ts';
import { imageFeature, textFeatures } from '../../src/model/clip/zero-shot.ts';

const models = ['ViT-B/32', 'ViT-B/16', 'ViT-L/14@336px', 'BLIP-base'];
const script = (model: string) =>
  path.resolve(
    import.meta.dirname,
    '..',
    'test',
    'true-shapes',
    model.startsWith('BLIP') ? 'make_blip.py' : 'make.py',
  );
/** Of the norm of a feature, which is 1. */
const tolerance = 1e-4;

interface Manifest {
  readonly formats: readonly string[];
  readonly texts: readonly (readonly number[])[];
  readonly dual: number;
  readonly torch: string;
}
type Features = ReadonlyMap<string, Float32Array>;

async function featuresOf(
  gpu: Gpu,
  clip: Clip,
  input: Float32Array,
  { texts, dual }: Manifest,
): Promise<Features> {
  const encoder = await createImageEncoder({
    gpu,
    clip,
    size: clip.config.imageResolution,
    needs: fapromptNeeds(dual),
  });
  const [{ image, patches }] = (await encoder.encode([input])) as [
    { image: Float32Array; patches: Float32Array },
  ];
  encoder.dispose();
  const found = new Map([
    ['image', image],
    ['patches', patches],
    ['clip', await imageFeature(gpu, clip, input)],
  ]);
  const features = await textFeatures(gpu, clip, texts);
  for (const [i, feature] of features.entries()) found.set(`text${i}`, feature);
  return found;
}

/** Largest distance of a feature (a row) from the reference's. */
function worstError(got: Float32Array, want: Float32Array, width: number): number {
  let worst = 0;
  for (let row = 0; row < want.length; row += width) {
    let sum = 0;
    for (let i = row; i < row + width; i += 1) sum += (got[i]! - want[i]!) ** 2;
    worst = Math.max(worst, Math.sqrt(sum));
  }
  return got.length === want.length ? worst : Number.POSITIVE_INFINITY;
}

async function checkModel(gpu: Gpu, python: string, model: string): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'faprompt-true-shapes-'));
  const make = (...formats: string[]) =>
    execFileSync(python, [script(model), folder, model, ...formats], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  let good = true;
  try {
    make();
    const manifest = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
    console.log(`${model} against PyTorch ${manifest.torch}; worst distance of a unit feature`);
    const source = await openFile(path.join(folder, 'features.safetensors'));
    const file = await readSafetensors(source);
    const want = new Map<string, Float32Array>();
    for (const name of file.tensors.keys()) want.set(name, await file.readFloat32(name));
    await source.close();

    const seen = new Map<string, Features>();
    const check = async (name: string, weights: string) => {
      const began = performance.now();
      const opened = await openClip(weights);
      const types = new Set([...opened.file.tensors.values()].map(({ dtype }) => dtype));
      const precision = ['I8', 'BF16', 'F16', 'F32'].find((type) => types.has(type as 'F32'))!;
      const clip = await loadClip(gpu, opened.file);
      const seconds = (performance.now() - began) / 1e3;
      const found = await featuresOf(gpu, clip, want.get('input')!, manifest);
      clip.dispose();
      await opened.close(); // rows of the token embedding are read when a text needs them
      const errors = [...found].map(
        ([feature, values]) =>
          [feature, worstError(values, want.get(feature)!, clip.config.embedDim)] as const,
      );
      const before = seen.get(precision);
      const same =
        before &&
        [...found].every(([feature, v]) => Buffer.compare(bytes(v), bytes(before.get(feature)!)) === 0);
      seen.set(precision, before ?? found);
      const fails =
        same === false || (precision === 'F32' && errors.some(([, error]) => !(error <= tolerance)));
      good &&= !fails;
      console.log(
        `  ${fails ? 'FAILS ' : ''}${name.padEnd(48)} ${precision.padEnd(4)} loaded in ${seconds.toFixed(1)} s  ` +
          `${errors.map(([feature, error]) => `${feature} ${error.toExponential(1)}`).join('  ')}` +
          `${before ? (same ? '  same bits' : '  OTHER BITS') : ''}`,
      );
    };
    for (const format of manifest.formats) {
      make(format);
      const weights = path.join(folder, format);
      await check(format, weights);
      if (format === manifest.formats[0]) {
        for (const dtype of model.startsWith('BLIP') ? ['f16'] : ['f16', 'int8']) {
          const out = path.join(folder, dtype, 'model.safetensors');
          const code = await cli(['weights', 'convert', weights, out, '--dtype', dtype]);
          if (code !== 0) throw new Error(`weights convert --dtype ${dtype}: exit code ${code}`);
          await check(`converted: ${dtype}`, out);
          await rm(path.dirname(out), { recursive: true });
        }
      }
      await rm(path.dirname(weights), { recursive: true });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return good;
}

const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !models.includes(name));
if (unknown.length > 0) throw new Error(`expected some of ${models.join(', ')}, found ${unknown.join(', ')}`);
const python = findPython();
const gpu = await openGpu();
try {
  console.log(`${gpu.description}`);
  for (const model of chosen.length > 0 ? chosen : models)
    if (!(await checkModel(gpu, python, model))) process.exitCode = 1;
  console.log(`GPU memory at the end: ${formatBytes(gpu.memory.allocated)}`);
} finally {
  gpu.close();
}
