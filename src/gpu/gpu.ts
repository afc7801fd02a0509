import { adapterSource } from '#gpu/adapter';
import type { GpuError } from './errors.ts';
import { watchHealth } from './health.ts';
import { createMemory, type Memory } from './memory.ts';
import { createPipelineCache, type PipelineCache } from './pipelines.ts';
import { firstThatCompiles, sizeControl, subgroupsOf } from './subgroups.ts';
import { openTuning, type Tuning, type TuningOptions } from './tuning.ts';

/** What kernels may choose by. */
export interface Capabilities {
  /** Lanes of every subgroup; 0 without subgroups, or where their size varies and cannot be asked for. */
  readonly subgroupSize: number;
  readonly timestamps: boolean;
  /** A software rasteriser (lavapipe, SwiftShader): workgroup memory buys nothing there, vector loads do. */
  readonly software: boolean;
  readonly maxInvocations: number;
  /** Bytes of workgroup memory that a workgroup may have. */
  readonly workgroupMemory: number;
  /** Sizes of the products of f16 matrices that a subgroup adds in f32; empty where the adapter has none. */
  readonly matrixUnits: readonly MatrixUnit[];
  /** Whether matrix units get operands rounded to f16, at half the work and 1/1000 of the accuracy. */
  readonly roundOperands: boolean;
}

/** [M, K] x [K, N] */
export interface MatrixUnit {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** An open device. Everything that touches WebGPU objects goes through it. */
export interface Gpu {
  readonly device: GPUDevice;
  /** The adapter and its driver, in words. */
  readonly description: string;
  readonly capabilities: Capabilities;
  /** Variants of operators that are forced on this device. */
  readonly variants: Readonly<Record<string, string>>;
  /** Measured choices between variants; undefined: operators choose for themselves. */
  readonly tuning: Tuning | undefined;
  readonly pipelines: PipelineCache;
  readonly memory: Memory;
  /** Waits for the submitted work. @throws GpuError 'device-lost', 'out-of-memory' or 'validation'. */
  finish(): Promise<void>;
  /** Resolves when the device is lost, other than by `close`. */
  readonly lost: Promise<GpuError>;
  /** What went wrong, after which nothing will work on this device any more. */
  readonly failure: GpuError | undefined;
  /** `promise`, or the device's loss if that comes first. */
  guard<T>(promise: Promise<T>): Promise<T>;
  /** To be told how many bind groups nobody uses any more. */
  dropped(bindGroups: number): void;
  /** Frees the device; the process can end by itself afterwards. */
  close(): void;
}

export interface GpuOptions {
  /**
   * false: act as if the adapter had no subgroups, which forces the kernels that do without. A number: subgroups of so
   * many lanes, of those that the adapter offers. Default: the adapter's own, where they vary 32 if it can be asked for
   * that.
   */
  readonly subgroups?: boolean | number;
  /**
   * Products on matrix units round their operands to f16 (default: false, they are split so that nothing is lost). An
   * error of 1e-3 of the operands' largest values is then to be expected; adapters without matrix units do not change.
   */
  readonly roundOperands?: boolean;
  /** Operator name -> variant to force everywhere, where the operator has it on this adapter. */
  readonly variants?: Readonly<Record<string, string>>;
  /** Most bytes that may be allocated; default: no limit on a GPU, 80 % of the machine's memory on a software adapter. */
  readonly memoryBudget?: number;
  /**
   * Measure the variants of operators, once per adapter and class of shapes, and keep the choices. The same choices
   * give the same bits. Default: not measured.
   */
  readonly tuning?: TuningOptions | undefined;
  /**
   * false: shaders run without Dawn's bounds checks (Node only; a browser keeps its own). For measurements: an operand
   * that does not fit its shader then reads and writes whatever lies beside it. Default: true.
   */
  readonly boundsChecks?: boolean;
}

const wantedFeatures: readonly string[] = ['subgroups', 'timestamp-query'];
const matrixFeatures: readonly string[] = [
  'subgroups',
  'shader-f16',
  'chromium-experimental-subgroup-matrix',
];
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/**
 * WebGPU has no way to free a bind group but the garbage collector, which does not see what one holds: on Mesa's software
 * adapter a mapping of its own, of which Linux allows a process 65,530. A training drops about 500 of them.
 */
const collectAfter = 4096;

/** Dawn's, where its toggles and the driver allow it; no standard has it yet. */
interface MatrixInfo {
  readonly subgroupMatrixConfigs?: Iterable<
    MatrixUnit & { readonly componentType: string; readonly resultComponentType: string }
  >;
}

/** The adapter's matrix units for f16 -> f32. */
function matrixUnitsOf({ features, info }: GPUAdapter): MatrixUnit[] {
  if (!matrixFeatures.every((f) => features.has(f))) return [];
  return [...((info as MatrixInfo).subgroupMatrixConfigs ?? [])]
    .filter((c) => c.componentType === 'f16' && c.resultComponentType === 'f32')
    .map(({ M, N, K }) => ({ M, N, K }));
}

let open = 0;

/** An adapter's device with all the limits that it has, and what else of it we use. */
async function openDevice(adapter: GPUAdapter, wanted: boolean | number) {
  try {
    const offered = subgroupsOf(adapter, wanted);
    const listed = offered[0]!.size > 0 ? matrixUnitsOf(adapter) : [];
    const features = [
      ...new Set([
        ...wantedFeatures,
        ...(offered[0]!.controlled ? [sizeControl] : []),
        ...(listed.length > 0 ? matrixFeatures : []),
      ]),
    ].filter((f) => adapter.features.has(f)) as GPUFeatureName[];
    const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
    const device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits });
    const subgroups = await firstThatCompiles(device, offered).catch((error: unknown) => {
      device.destroy();
      throw error;
    });
    return {
      device,
      subgroups,
      matrixUnits: subgroups.size > 0 ? listed : [],
      timestamps: features.includes('timestamp-query'),
    };
  } catch (error) {
    if (open === 0) adapterSource.release(); // else the process would not end
    throw error;
  }
}

/** What kernels may choose by, of a device that was opened. */
function capabilitiesOf(
  { info }: GPUAdapter,
  { device, subgroups, matrixUnits, timestamps }: Awaited<ReturnType<typeof openDevice>>,
  roundOperands: boolean,
): Capabilities {
  return {
    subgroupSize: subgroups.size,
    timestamps,
    software: /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(
      `${info.architecture} ${info.device} ${info.description}`,
    ),
    maxInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
    workgroupMemory: device.limits.maxComputeWorkgroupStorageSize,
    matrixUnits,
    roundOperands,
  };
}

/** Choices of variants that were measured on such an adapter, opened in this way. */
async function tuningOf(
  { tuning, boundsChecks = true }: GpuOptions,
  description: string,
  { software, subgroupSize, matrixUnits, roundOperands }: Capabilities,
): Promise<Tuning | undefined> {
  if (!tuning || (software && !tuning.software)) return undefined;
  const parts = [
    description,
    `${subgroupSize} lanes${boundsChecks ? '' : ', unchecked'}`,
    ...(matrixUnits.length > 0 ? ['matrix units'] : []),
    ...(roundOperands ? ['rounded'] : []),
  ];
  return openTuning(tuning, parts.join(', '));
}

/** Opens the best adapter with all the limits it has. @throws GpuError 'no-adapter' with the command that helps. */
export async function openGpu(options: GpuOptions = {}): Promise<Gpu> {
  const { boundsChecks = true, roundOperands = false } = options;
  const adapter = await adapterSource.open({ boundsChecks });
  const opened = await openDevice(adapter, options.subgroups ?? true);
  open += 1;
  const { device, subgroups } = opened;
  const health = watchHealth(device);
  const capabilities = capabilitiesOf(adapter, opened, roundOperands);
  const { info } = adapter;
  const description = info.description || `${info.vendor} ${info.architecture}`;
  const tuning = await tuningOf(options, description, capabilities);
  const ownMemory = capabilities.software ? adapterSource.softwareMemory() : Number.POSITIVE_INFINITY;
  let closed = false;
  let uncollected = 0;
  return {
    device,
    description,
    capabilities,
    variants: options.variants ?? {},
    tuning,
    pipelines: createPipelineCache(device, subgroups.controlled),
    memory: createMemory(device, options.memoryBudget ?? ownMemory),
    lost: health.lost,
    get failure() {
      return health.failure;
    },
    finish: () => health.guard(device.queue.onSubmittedWorkDone()),
    guard: health.guard,
    dropped(bindGroups) {
      uncollected += bindGroups;
      if (uncollected < collectAfter) return;
      uncollected = 0;
      adapterSource.collect();
    },
    close() {
      if (closed) return;
      closed = true;
      health.close();
      device.destroy();
      open -= 1;
      if (open === 0) adapterSource.release();
    },
  };
}
