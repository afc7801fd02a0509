// What an image costs with a method: time and memory, measured on one image, encoder and scorer warm.
import type { MethodCost } from '../benchmark/results.ts';
import type { Sample } from '../data/dataset.ts';
import type { Method } from '../model/methods/method.ts';
import { planBytes, stateBytes, weightBytes } from '../train/memory.ts';
import { countLearnables } from '../train/step.ts';
import type { ImageSettings } from './image-settings.ts';
import type { Io } from './io.ts';
import type { ClassScorers } from './scorers.ts';
import { type ClipSession, openFeatures } from './session.ts';

interface Measured extends ImageSettings {
  readonly method: Method;
  readonly scorers: ClassScorers;
}

/** @returns learnables and GPU memory, and the seconds that this image takes to encode and to score, all warm */
export async function measureCost(
  io: Io,
  session: ClipSession,
  { method, scorers, ...settings }: Measured,
  { image, className }: Sample,
): Promise<{
  readonly cost: MethodCost;
  readonly seconds: { readonly encode: number; readonly score: number };
}> {
  const { clip } = session;
  const features = openFeatures(io, session, settings, { cache: false, cachePrecision: 'f32' });
  try {
    await features.load(image); // compiles
    const began = performance.now();
    const entry = await features.load(image);
    const encoded = performance.now();
    const scorer = await scorers.of(className);
    await scorer.score(entry.features, image);
    const start = performance.now();
    await scorer.score(entry.features, image);
    const end = performance.now();
    const shapes = method.learning?.shapes(clip.config) ?? new Map();
    const plans = [...features.graphs, scorer.executable].map((each) => each.plan);
    const cost = {
      learnables: countLearnables(shapes),
      bytes: plans.reduce(
        (sum, plan) => sum + planBytes(plan),
        weightBytes(clip.tensors.values()) + stateBytes(shapes, 0),
      ),
    };
    return { cost, seconds: { encode: (encoded - began) / 1000, score: (end - start) / 1000 } };
  } finally {
    features.dispose();
  }
}
