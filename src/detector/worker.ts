// Entry of the worker: a detector on this thread, called from the page.
import { browserEnvironment } from './environment.browser.ts';
import { DetectorError } from './errors.ts';
import { asDetectorError } from './failures.ts';
import { type ModelOptions, openLocal, type PortableDetector } from './local.ts';
import type { WorkerMethods } from './remote.ts';
import { type Context, type Port, readyMessage, serve } from './rpc.ts';

let detector: PortableDetector | undefined;
const loaded = (): PortableDetector => {
  if (!detector) throw new DetectorError('closed', 'nothing was loaded');
  return detector;
};
const progressTo = ({ emit }: Context) => ({ progress: (value: unknown) => emit('progress', value) });

const methods: WorkerMethods = {
  async load(options: ModelOptions, context) {
    detector = await openLocal(browserEnvironment, {
      ...options,
      ...progressTo(context),
      signal: context.signal,
      onWarning: (warning) => context.emit('warning', warning),
      onDevice: (event) => context.emit('device', event),
      onInfo: (info) => context.emit('info', info),
    });
    return detector.info;
  },
  detect: ({ image, perPrompt, defaults }, context) =>
    loaded().detect(image, { ...progressTo(context), signal: context.signal, perPrompt, defaults }),
  setPrompts: ({ prompts, options }) => loaded().setPrompts(prompts, options),
  train(options, context) {
    const { emit, on, signal } = context;
    const training = loaded().train({
      ...options,
      ...progressTo(context),
      signal,
      onStep: (value) => emit('step', value),
      onEpoch: (value) => emit('epoch', value),
      onCheckpoint: (value) => emit('checkpoint', value),
      onMap: (value) => emit('map', value),
      onProblem: (value) => emit('problem', value),
    });
    on('pause', training.pause);
    on('continue', training.continue);
    on('stop', training.stop);
    on('watch', (value) => training.watch(value as Parameters<typeof training.watch>[0]));
    return training.result;
  },
  classify: ({ image, texts, vocabulary }, context) =>
    loaded().classify(image, texts, { ...progressTo(context), signal: context.signal, vocabulary }),
};

const port = globalThis as unknown as Port;
serve(port, methods, asDetectorError);
port.postMessage(readyMessage, []);
