import { GpuError } from './errors.ts';
import { locate, type Shader } from './shader.ts';
import { codeFor } from './subgroups.ts';

export type OverrideValue = number | boolean;

/** Compiled pipelines, shared by shader and override values. */
export interface PipelineCache {
  readonly size: number;
  /** Calls `listener` whenever a pipeline is asked for that is new, or is compiled. @returns what ends it */
  watch(listener: (compiled: number, asked: number) => void): () => void;
  /** Compiles without blocking; the same request twice is one pipeline. @throws GpuError 'shader-compile' with the file and line, a part's own if it lies in one. */
  get(shader: Shader, overrides: Readonly<Record<string, OverrideValue>>): Promise<GPUComputePipeline>;
  layout(shader: Shader): GPUBindGroupLayout;
}

/** @param sizedSubgroups shaders ask for the size of their subgroups */
export function createPipelineCache(device: GPUDevice, sizedSubgroups: boolean): PipelineCache {
  const modules = new Map<string, GPUShaderModule>();
  const layouts = new Map<string, GPUBindGroupLayout>();
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();

  const listeners = new Set<(compiled: number, asked: number) => void>();
  let compiled = 0;
  const report = () => {
    for (const listener of listeners) listener(compiled, pipelines.size);
  };

  const remember = <T>(map: Map<string, T>, key: string, make: () => T): T => {
    const known = map.get(key);
    if (known !== undefined) return known;
    const made = make();
    map.set(key, made);
    return made;
  };

  const layout = (shader: Shader) =>
    remember(layouts, shader.path, () => {
      const entries: GPUBindGroupLayoutEntry[] = shader.bindings.map(({ binding, access }) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
      }));
      if (shader.uniform) {
        entries.push({
          binding: shader.uniform.binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: 'uniform' },
        });
      }
      return device.createBindGroupLayout({ label: shader.path, entries });
    });

  const module = (shader: Shader) =>
    remember(modules, shader.path, () =>
      device.createShaderModule({ label: shader.path, code: codeFor(shader, sizedSubgroups) }),
    );

  const compile = async (shader: Shader, overrides: Readonly<Record<string, OverrideValue>>) => {
    for (const name of Object.keys(overrides)) {
      if (!shader.overrides.includes(name)) throw new Error(`${shader.path}: no override named "${name}"`);
    }
    const constants = Object.fromEntries(
      Object.entries(overrides).map(([name, value]) => [name, Number(value)]),
    );
    device.pushErrorScope('validation');
    const shaderModule = module(shader);
    const pipeline = device.createComputePipelineAsync({
      label: shader.path,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout(shader)] }),
      compute: { module: shaderModule, entryPoint: 'main', constants },
    });
    const scope = device.popErrorScope();
    try {
      const [done] = await Promise.all([pipeline, scope]);
      compiled += 1;
      report();
      return done;
    } catch (error) {
      const { messages } = await shaderModule.getCompilationInfo();
      const first = messages.find((m) => m.type === 'error');
      const where = first ? `${locate(shader, first.lineNum)}:${first.linePos}` : shader.path;
      const reason = first?.message ?? (error instanceof Error ? error.message : String(error));
      throw new GpuError('shader-compile', `${where}: ${reason}`);
    }
  };

  return {
    get size() {
      return pipelines.size;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    layout,
    get(shader, overrides) {
      const sorted = Object.entries(overrides).sort(([a], [b]) => (a < b ? -1 : 1));
      const before = pipelines.size;
      const pipeline = remember(pipelines, `${shader.path} ${JSON.stringify(sorted)}`, () =>
        compile(shader, overrides),
      );
      if (pipelines.size > before) report();
      return pipeline;
    },
  };
}
