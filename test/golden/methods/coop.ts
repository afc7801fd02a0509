import { clipNeeds } from '../../../src/model/clip/needs.ts';
import { clipForward } from '../../../src/model/methods/clip/clip.ts';
import { coopForward, coopLearner } from '../../../src/model/methods/coop/coop.ts';
import { tailsFeed, tailsOf } from '../../../src/model/methods/coop/tails.ts';
import { sgdOptimizer } from '../../../src/model/methods/optimizer.ts';
import { runOnFeatures } from './detection.ts';
import { encodeImages, type MethodSetting } from './setting.ts';
import { checkTraining } from './training.ts';

/** The words for "normal" and "anomalous" in the golden tails. */
const states = [1, 2] as const;

/** [B, 2] with each row less its first number. */
const lessFirst = (x: Float32Array): Float32Array => x.map((value, i) => value - x[i - (i % 2)]!);

export async function checkCoop(setting: MethodSetting): Promise<void> {
  const { golden, report, clip, count, size, texts, dot, eot, sot } = setting;
  for (const name of ['coop', 'cocoop']) {
    const file = `coop/${name}.safetensors`;
    const opened = await golden.open(file);
    if (!opened) {
      report.notes.push(`no ${file}: skipped`);
      continue;
    }
    const group = `methods/${name}`;
    const compare = (tensor: string, got: ArrayLike<number>) => report.compare(group, file, tensor, got);
    const features = await encodeImages(setting, clip, clipNeeds, setting);
    await compare('cls', features.image!);
    const options = {
      context: opened.tensors.get('init/ctx')!.shape[0]!,
      shift: name === 'cocoop' ? 'image' : 'none',
    } as const;
    const tail = (state: number, words: readonly number[]) => [state, ...words, dot, eot];
    const tails = await tailsOf(
      clip,
      sot,
      new Map(
        texts.classes.map((words, c) => [
          String(c),
          [tail(states[0], words), tail(states[1], words)] as const,
        ]),
      ),
    );
    const scale = await clip.logitScale();
    const classes = texts['class of each image'].map(String);
    const state = await checkTraining(setting, {
      file,
      group,
      learner: coopLearner(tails, { options, clip: clip.config, scale }),
      needs: clipNeeds,
      optimizer: sgdOptimizer(),
      learningRate: 0.002,
      features,
      classes,
      lossesAtGolden: true,
      recordOf: (record) => ({ name: record }),
      // Ours are less the normal one's, which changes neither loss nor gradient.
      expected: (name, values) => (name === 'value/logits' ? lessFirst(values) : values),
    });
    const feed = tailsFeed(tails, options.context, classes);
    const found = await runOnFeatures(
      setting,
      clip,
      clipNeeds,
      features,
      (model, inputs) => {
        const { graph } = model;
        const given = {
          start: tails.start,
          tails: graph.constant('tails', feed.tails, [2 * count, tails.length, tails.width]),
          ends: graph.constant('ends', feed.ends, [2 * count, 1]),
        };
        const { learnables, text, score } = coopForward(model, inputs.image!, given, {
          options,
          clip: clip.config,
          scale,
        });
        const { map } = clipForward(model, inputs, text, { temperature: 0.01, sigma: 4, size });
        return { outputs: { text, smoothed: map, score }, learnables };
      },
      state.parameters,
    );
    state.dispose();
    for (const each of ['score', 'text', 'smoothed']) await compare(`infer3/${each}`, found[each]!);
  }
}
