// Turns a plan into buffers, pipelines and bind groups once, and runs it as often as wanted.
import { createQueue } from '../base/prefetch.ts';
import { GpuError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { byteLength, type Tensor } from '../kernels/tensor.ts';
import { allocateTensors, packedOf } from './allocate.ts';
import { type DeviceTensor, type HostData, writeBuffer } from './device-tensor.ts';
import { createUpload, type Feeds } from './feeds.ts';
import type { Graph } from './graph.ts';
import { createGuards } from './guard.ts';
import { ofOneItem, varyingStorages } from './items.ts';
import { largestTensors, plan as makePlan, type Plan, runsInFlight } from './plan.ts';
import { type DispatchTime, profile } from './profile.ts';
import { createReadback } from './readback.ts';
import { createSteps, dispatchesOf, recordStep, type Step } from './steps.ts';
import { chooseVariants } from './tuner.ts';

export interface CompileOptions {
  /** Device tensors for the graph's parameters, by storage. */
  readonly parameters?: ReadonlyMap<number, DeviceTensor>;
  /** Operator name -> variant to force, where the operator has it on this adapter. */
  readonly variants?: Readonly<Record<string, string>>;
  /** Surround every tensor with sentinels and check them after every run. */
  readonly guards?: boolean;
  /** Run nodes that share their weights as one (batching.ts); the order of sums may change with the number of rows. */
  readonly batch?: boolean;
  /** Let operators take their neighbours' work upon themselves (fusion.ts); default true. */
  readonly fuse?: boolean;
  /** Parameters never change: what depends on no input is computed in the first run only. */
  readonly fixedParameters?: boolean;
  /**
   * Items along the first dimension of all that depends on inputs, whose results must not depend on how many there are:
   * kernels are chosen, and variants measured, for one.
   */
  readonly items?: number | undefined;
}

export interface RunOptions {
  /** Stops between two submits. @throws its reason */
  readonly signal?: AbortSignal | undefined;
  /** Floating-point operations done so far, of all; after every submit. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Executable {
  readonly plan: Plan;
  readonly dispatches: number;
  /** What the host did for all runs so far: milliseconds, and bytes that it handed over. */
  readonly spent: Readonly<HostWork>;
  /**
   * Uploads `feeds` (inputs keep what they held before; a tensor that is on the device already, such as another
   * executable's output, is copied there), runs everything and copies the outputs named by `read`.
   * What the outputs do not depend on may be fed, and is left out. A run that reads nothing returns once the work is
   * queued; `gpu.finish()` waits for it. The next run may be started before the results of one are there
   * (`runsInFlight`): work is done in the order of the calls, uploads included.
   * @throws GpuError, or Error for a feed of a name that the graph has not, or of the wrong size.
   */
  run(feeds: Feeds, read?: readonly string[], options?: RunOptions): Promise<Record<string, HostData>>;
  /** One run with GPU timestamps around every dispatch. @throws if the adapter has none. */
  profile(): Promise<DispatchTime[]>;
  /** An output as another executable's parameter; valid until this one runs again. */
  tensor(output: string): DeviceTensor;
  dispose(): void;
}

export interface HostWork {
  runs: number;
  upload: number;
  encode: number;
  submit: number;
  uploadedBytes: number;
}

/** Work after which a command buffer is submitted, so that no single submit holds a display's GPU for seconds. */
const flopsPerSubmit = 2e11;
/** On a software adapter, for runs that can be stopped: about a second's work. */
const softwareFlopsPerSubmit = 2e9;

/** Plans and compiles. @throws GpuError 'out-of-memory' naming the largest tensors, 'limit-too-small', 'shader-compile'. */
export async function compile(
  gpu: Gpu,
  graph: Graph,
  outputs: Readonly<Record<string, Tensor>>,
  options: CompileOptions = {},
): Promise<Executable> {
  const { device, memory } = gpu;
  const plan = makePlan(graph, outputs, {
    share: !options.guards,
    batch: options.batch === true,
    ...(options.fuse === undefined ? {} : { fuse: options.fuse }),
    fixedParameters: options.fixedParameters === true && !options.guards,
    packed: packedOf(options.parameters ?? new Map()),
    items: options.items,
  });
  const own: GPUBuffer[] = [];
  try {
    const variants = await chooseVariants(
      gpu,
      plan.nodes,
      options.variants ?? gpu.variants,
      options.items === undefined ? undefined : ofOneItem(options.items, varyingStorages(graph, graph.nodes)),
    );
    const guards = options.guards ? createGuards(gpu) : undefined;
    const allocate = (bytes: number, label: string) => {
      const buffer = memory.allocate(guards ? guards.padded(bytes) : bytes, label);
      own.push(buffer);
      return buffer;
    };
    const buffers = allocateTensors(plan, options.parameters, allocate, guards);
    for (const storage of plan.leaves.constants) {
      writeBuffer(gpu, buffers.get(storage)!, guards?.offset ?? 0, graph.leaves.get(storage)!.values!);
    }
    const dispatches = plan.nodes.map((node, i) => dispatchesOf(gpu, node, variants[i]));
    const onlyFirst = dispatches.slice(0, plan.once.nodes).flat().length;
    const steps = await createSteps(
      gpu,
      dispatches.flat(),
      (tensor) => {
        const buffer = buffers.get(tensor.storage)!;
        const size = byteLength(tensor);
        if (guards) return guards.binding(buffer, size);
        const place = plan.places.get(tensor.storage) ?? { storage: tensor.storage, offset: 0 };
        const begin = options.parameters?.get(place.storage)?.offset ?? 0;
        return { buffer, offset: begin + place.offset, size };
      },
      own,
    );
    const offset = guards?.offset ?? 0;
    const readback = createReadback(
      gpu,
      outputs,
      { bytes: plan.bytes.readback / runsInFlight, own },
      ({ storage }) => ({ buffer: buffers.get(storage)!, offset }),
    );
    const upload = createUpload(gpu, graph, buffers, offset);
    const spent: HostWork = { runs: 0, upload: 0, encode: 0, submit: 0, uploadedBytes: 0 };
    const timed = <T>(part: 'upload' | 'encode' | 'submit', work: () => T): T => {
      const began = performance.now();
      const result = work();
      spent[part] += performance.now() - began;
      return result;
    };
    /** A run that waits between its submits must not have its inputs overwritten by the next. */
    const inTurn = createQueue();

    /** The first run was submitted as a whole. */
    let begun = false;
    const encode = (limit: number) => encodeSteps(device, steps, begun ? onlyFirst : 0, limit);
    /** Submits part by part, waiting for each, until the signal says stop. */
    const submitWatched = async ({ signal, onProgress }: RunOptions): Promise<void> => {
      const limit = gpu.capabilities.software ? softwareFlopsPerSubmit : flopsPerSubmit;
      let done = 0;
      const total = plan.flops - (begun ? plan.once.flops : 0);
      onProgress?.(0, total);
      for (const { commands, flops } of encode(limit)) {
        signal?.throwIfAborted();
        device.queue.submit([commands]);
        await gpu.finish();
        done += flops;
        onProgress?.(Math.min(done, total), total);
      }
    };

    return {
      plan,
      dispatches: steps.length,
      spent,
      async run(feeds, read = [], options) {
        const { found } = await inTurn(async () => {
          await gpu.guard(Promise.resolve());
          spent.runs += 1;
          spent.uploadedBytes += timed('upload', () => upload(feeds));
          if (guards) guards.fill(buffers, graph);
          if (options) await submitWatched(options);
          const work = options
            ? []
            : timed('encode', () => encode(flopsPerSubmit).map((part) => part.commands));
          const copies = readback.begin(read);
          timed('submit', () => device.queue.submit([...work, ...copies.commands]));
          begun = true;
          const found = copies.results();
          if (guards) {
            await found;
            await guards.check(buffers, graph);
          }
          return { found }; // not waited for: the next run may begin
        });
        return found;
      },
      profile: () => profile(gpu, steps),
      tensor(name) {
        const tensor = outputs[name];
        if (!tensor) throw new Error(`no output named "${name}" in this graph`);
        return { shape: tensor.shape, dtype: tensor.dtype, buffer: buffers.get(tensor.storage)! };
      },
      dispose() {
        for (const buffer of own) memory.free(buffer);
        if (own.length > 0) gpu.dropped(steps.length);
        own.length = 0;
      },
    };
  } catch (error) {
    for (const buffer of own) memory.free(buffer);
    if (error instanceof GpuError && (error.kind === 'out-of-memory' || error.kind === 'limit-too-small')) {
      throw new GpuError(error.kind, `${error.message}. The largest tensors are ${largestTensors(plan)}`);
    }
    throw error;
  }
}

/**
 * The steps from the `first` on in command buffers of `limit` floating-point operations or a little more, one at least, and
 * the work in each.
 */
function encodeSteps(
  device: GPUDevice,
  steps: readonly Step[],
  first: number,
  limit: number,
): { readonly commands: GPUCommandBuffer; readonly flops: number }[] {
  const parts: { commands: GPUCommandBuffer; flops: number }[] = [];
  let i = first;
  do {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let flops = 0;
    for (; i < steps.length && flops < limit; i += 1) {
      const step = steps[i]!;
      recordStep(pass, step);
      flops += step.flops;
    }
    pass.end();
    parts.push({ commands: encoder.finish(), flops });
  } while (i < steps.length);
  return parts;
}
