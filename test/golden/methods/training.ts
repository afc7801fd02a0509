// A method's training against golden tensors: step 1 in full, losses and learnables after every step.

import type { HostData } from '../../../src/graph/device-tensor.ts';
import { compile } from '../../../src/graph/executor.ts';
import type { ImageNeeds } from '../../../src/model/clip/needs.ts';
import type { Learner } from '../../../src/model/methods/method.ts';
import type { Optimizer } from '../../../src/model/methods/optimizer.ts';
import {
  bindStep,
  buildStep,
  createTrainingState,
  readTrainingState,
  type TrainingState,
} from '../../../src/train/step.ts';
import type { MethodSetting } from './setting.ts';

export interface GoldenTraining {
  readonly file: string;
  readonly group: string;
  readonly learner: Learner;
  readonly needs: ImageNeeds;
  readonly optimizer: Optimizer;
  readonly learningRate: number;
  /** Of the batch, by name. */
  readonly features: Readonly<Record<string, Float32Array>>;
  readonly classes: readonly string[];
  /** What the golden file calls a recorded intermediate, and its values in that file's order. */
  readonly recordOf: (name: string) => {
    readonly name: string;
    readonly order?: (x: Float32Array) => Float32Array;
  };
  readonly lossOf?: (name: string) => string;
  /**
   * Losses of later steps are taken at the golden learnables, not at our own (which are compared, too): for a loss of
   * 100 times a cosine, whose SGD step is as long as its gradient, an error of 3e-7 in a learnable, a sixtieth of what is
   * allowed there, is one of 3e-5 in the loss, twice what is allowed there.
   */
  readonly lossesAtGolden?: boolean;
  /** The golden values as this engine defines them. */
  readonly expected?: (name: string, values: Float32Array) => Float32Array;
}

/** Names of a file's tensors behind a prefix. */
export const named = (tensors: Iterable<string>, prefix: string): string[] =>
  [...tensors].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));

/** The learnables before the first step. */
export async function initialState(
  { gpu, golden }: MethodSetting,
  file: string,
  moments: Optimizer['moments'],
) {
  const opened = (await golden.open(file))!;
  const names = named(opened.tensors.keys(), 'init/');
  const shapes = new Map(names.map((name) => [name, opened.tensors.get(`init/${name}`)!.shape]));
  const parameters = new Map<string, Float32Array>();
  for (const name of names) parameters.set(name, await opened.readFloat32(`init/${name}`));
  return createTrainingState(gpu, shapes, { parameters }, moments);
}

/** Runs the golden steps. @returns the state after them */
export async function checkTraining(
  setting: MethodSetting,
  training: GoldenTraining,
): Promise<TrainingState> {
  const { gpu, golden, report, clip, count, size } = setting;
  const { file, group, learner, needs, optimizer, recordOf, lossOf = (name) => name } = training;
  const opened = (await golden.open(file))!;
  const all = [...opened.tensors.keys()];
  const state = await initialState(setting, file, optimizer.moments);
  const step = buildStep(
    clip,
    { learner, needs },
    { batch: count, size },
    { optimizer, intermediates: true },
  );
  const outputs = Object.fromEntries([
    ...Object.entries(step.losses).map(([name, t]) => [`loss/${name}`, t] as const),
    ...[...step.model.records].map(([name, t]) => [`value/${name}`, t] as const),
    ...[...step.intermediates].map(([name, t]) => [`grad/${name}`, t] as const),
    ...[...step.gradients].map(([name, t]) => [`pgrad/${name}`, t] as const),
  ]);
  const executable = await compile(gpu, step.model.graph, outputs, {
    parameters: bindStep(clip, step, state),
  });
  const inputs = new Set(
    executable.plan.leaves.inputs.map((storage) => step.model.graph.leaves.get(storage)!.name),
  );
  const feeds: Record<string, HostData> = {
    ...training.features,
    ...learner.feeds?.(training.classes),
    masks: Uint8Array.from(setting.masks),
    classes: setting.labels,
    labels: Float32Array.from(setting.labels),
  };
  const steps = Math.max(...all.flatMap((name) => Number(/^param(\d+)\//.exec(name)?.[1] ?? 0)));
  for (let n = 1; n <= steps; n++) {
    const schedule = optimizer.schedule({
      learningRate: training.learningRate,
      step: n,
      epoch: 1, // the full rate: a warm-up is over
      epochs: 10,
    });
    const given = Object.entries({ ...feeds, schedule }).filter(([name]) => inputs.has(name));
    const found = await executable.run(Object.fromEntries(given), Object.keys(outputs));
    const at = (name: string): Float32Array => {
      const values = found[name];
      if (!values) throw new Error(`${file}: this engine has nothing for "${name}"`);
      return values as Float32Array;
    };
    const lossesOf = training.lossesAtGolden && n > 1 ? await lossesAt(n - 1) : at;
    for (const name of named(all, `loss${n}/`))
      await report.compare(group, file, `loss${n}/${name}`, lossesOf(`loss/${lossOf(name)}`));
    if (n === 1) {
      for (const kind of ['value', 'grad'] as const)
        for (const name of named(all, `${kind}/`)) {
          const { name: ours, order = (x: Float32Array) => x } = recordOf(name);
          await report.compare(
            group,
            file,
            `${kind}/${name}`,
            order(at(`${kind}/${ours}`)),
            undefined,
            (x) => training.expected?.(`${kind}/${name}`, x) ?? x,
          );
        }
      for (const name of named(all, 'pgrad/'))
        await report.compare(group, file, `pgrad/${name}`, at(`pgrad/${name}`));
    }
    const { parameters } = await readTrainingState(gpu, state);
    for (const name of named(all, `param${n}/`))
      await report.compare(
        group,
        file,
        `param${n}/${name}`,
        parameters.get(name)!,
        await whereItMoves(setting, file, name),
      );
  }
  executable.dispose();
  return state;

  /** The losses at the golden learnables after step `n`, by a step of its own. */
  async function lossesAt(n: number): Promise<(name: string) => Float32Array> {
    const parameters = new Map<string, Float32Array>();
    for (const name of named(all, `param${n}/`))
      parameters.set(name, await opened.readFloat32(`param${n}/${name}`));
    const shapes = new Map(
      [...parameters.keys()].map((name) => [name, opened.tensors.get(`param${n}/${name}`)!.shape]),
    );
    const there = createTrainingState(gpu, shapes, { parameters }, optimizer.moments);
    const own = await compile(gpu, step.model.graph, outputs, { parameters: bindStep(clip, step, there) });
    const schedule = new Float32Array(optimizer.scheduleLength);
    const given = Object.entries({ ...feeds, schedule }).filter(([name]) => inputs.has(name));
    const found = await own.run(Object.fromEntries(given), Object.keys(outputs));
    own.dispose();
    there.dispose();
    return (name) => found[name] as Float32Array;
  }
}

/** Adam amplifies rounding where a gradient is tiny: only the others are compared (the manifest's conventions). */
export async function whereItMoves({ golden }: MethodSetting, file: string, name: string, prefix = '') {
  const derivative = await (await golden.open(file))!.readFloat32(`${prefix}pgrad/${name}`);
  const floor = 1e-5 * derivative.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return (i: number) => Math.abs(derivative[i]!) > floor;
}
