import { clipNeeds } from '../../../src/model/clip/needs.ts';
import { clipForward } from '../../../src/model/methods/clip/clip.ts';
import { prototypesOf } from '../../../src/model/methods/texts.ts';
import { runOnFeatures } from './detection.ts';
import { channelsLast, encodeImages, idsOf, type MethodSetting } from './setting.ts';

const file = 'clip/clip.safetensors';

/** CLIP with one pair of texts, and CLIP-AC's form: an ensemble. */
export async function checkClip(setting: MethodSetting): Promise<void> {
  const { gpu, golden, report, clip, count, size } = setting;
  const opened = await golden.open(file);
  if (!opened) return void report.notes.push(`no ${file}: skipped`);
  const compare = (name: string, got: ArrayLike<number>) => report.compare('methods/clip', file, name, got);
  const features = await encodeImages(setting, clip, clipNeeds, setting);
  await compare('cls', features.image!);
  await compare('patches', features.patches!);
  for (const form of ['pair', 'ensemble']) {
    const [normal, abnormal] = (['normal', 'abnormal'] as const).map((kind) => {
      const all = idsOf(setting, 0, kind);
      return form === 'pair' ? all.slice(0, 1) : all;
    });
    const values = await prototypesOf({ gpu, clip }, { normal: normal!, abnormal: abnormal! }, 'unit');
    await compare(`${form}/prototypes`, values);
    const found = await runOnFeatures(setting, clip, clipNeeds, features, (model, inputs) => {
      const prototypes = model.graph.constant('prototypes', values, [1, 2, clip.config.embedDim]);
      const { map, score } = clipForward(model, inputs, prototypes, {
        temperature: 0.01,
        sigma: 4,
        size,
      });
      return { outputs: { smoothed: map, score } };
    });
    await compare(`${form}/logits`, found['image/logits']!);
    await compare(`${form}/score`, found.score!);
    await compare(`${form}/prob`, channelsLast(found.prob!, count, 2));
    await compare(`${form}/map`, found.map!);
    await compare(`${form}/smoothed`, found.smoothed!);
  }
}
