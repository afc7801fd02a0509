// What a run trains, on the device: a method's learnables, the optimizer's moments, and the steps that change them.
import type { Gpu } from '../gpu/gpu.ts';
import type { DeviceTensor } from '../graph/device-tensor.ts';
import type { Executable } from '../graph/executor.ts';
import type { Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Clip } from '../model/clip/weights.ts';
import { joinValues, splitShapes, splitValues, wholes } from '../model/methods/parts.ts';
import { createCompiledSteps } from './compiled-steps.ts';
import { type StepImage, stepFeeds } from './resident.ts';
import { learningOf, type TrainSettings } from './settings.ts';
import {
  buildStep,
  compileStep,
  createTrainingState,
  type HostState,
  readTrainingState,
  stepInputs,
} from './step.ts';

/** What images are of that have no class. */
const unnamed = 'object';

/** Values to begin with: the moments may be absent. */
export type StartState = Pick<HostState, 'parameters'> & Partial<HostState>;

export interface Trained {
  /** The learnables; they change with every step. */
  readonly parameters: ReadonlyMap<string, DeviceTensor>;
  /** All of it as it is now. */
  read(): Promise<HostState>;
  /**
   * Queues a step.
   * @param phase of the training, from 0 @param schedule of the optimizer
   * @returns the loss terms on their way
   */
  step(
    images: readonly StepImage[],
    phase: number,
    schedule: Float32Array,
  ): Promise<{ readonly losses: ReturnType<Executable['run']> }>;
  dispose(): void;
}

export interface TrainedSetup {
  readonly gpu: Gpu;
  readonly clip: Clip;
  readonly settings: TrainSettings;
  /** Names that images' classes have. */
  readonly classes: readonly string[] | undefined;
  readonly tokenizer: (() => Promise<Tokenizer>) | undefined;
  /** A step for batches of this size was compiled. */
  compiled?(batch: number, executable: Executable): void;
}

export async function createTrained(setup: TrainedSetup, start: StartState): Promise<Trained> {
  const { gpu, clip, settings, tokenizer, classes = [unnamed] } = setup;
  const { method, imageSize: size, dualLayers } = settings;
  const learning = learningOf(method);
  const { optimizer } = learning;
  const learner = await learning.prepare({ gpu, clip, size, classes, tokenizer });
  const needs = method.needs(clip.config, { dualLayers });
  const parts = learning.parts?.(clip.config) ?? wholes;
  const state = createTrainingState(
    gpu,
    splitShapes(learning.shapes(clip.config), parts),
    mapState(start, (values) => splitValues(values, parts)),
    optimizer.moments,
  );
  const steps = createCompiledSteps(async (batch, phase) => {
    const graph = buildStep(clip, { learner, needs }, { batch, size }, { optimizer, phase });
    const executable = await compileStep(gpu, clip, graph, state);
    setup.compiled?.(batch, executable);
    return executable;
  });
  return {
    parameters: state.parameters,
    read: async () => mapState(await readTrainingState(gpu, state), (values) => joinValues(values, parts)),
    async step(images, phase, schedule) {
      const executable = await steps.of(images.length, phase);
      const own = learner.feeds?.(images.map(({ className = unnamed }) => className)) ?? {};
      const read = stepInputs(executable);
      const given = Object.entries({ ...stepFeeds(images, size), ...own, schedule });
      const feeds = Object.fromEntries(given.filter(([name]) => read.has(name)));
      return { losses: executable.run(feeds, Object.keys(executable.plan.outputs)) };
    },
    dispose() {
      steps.dispose();
      state.dispose();
    },
  };
}

/** Every part of a state through a function. */
const mapState = <S extends Partial<HostState>>(
  state: S,
  each: (values: ReadonlyMap<string, Float32Array>) => Map<string, Float32Array>,
): S =>
  Object.fromEntries(
    Object.entries(state).map(([part, values]) => [part, each(values as ReadonlyMap<string, Float32Array>)]),
  ) as unknown as S;
