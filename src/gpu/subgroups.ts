// How many lanes the subgroups of a device have. Kernels are written for one size: an adapter whose subgroups vary (Intel,
// AMD) is asked for it, pipeline by pipeline, where it can be (WebGPU's subgroup-size-control), else it has none for us.
import { GpuError } from './errors.ts';
import type { Shader } from './shader.ts';
import probe from './subgroup_probe.wgsl';

export interface Subgroups {
  /** Lanes; 0: no kernel may use subgroups. */
  readonly size: number;
  /** Whether shaders ask for the size: without that, they might be run with another one. */
  readonly controlled: boolean;
}

export const sizeControl = 'subgroup-size-control';

/** The sizes to ask for, the first that works: 32 is what Intel, AMD and NVIDIA have in common. */
const preferred: readonly number[] = [32, 16, 64, 8, 128, 4];

type Adapter = Pick<GPUAdapter, 'features' | 'info'>;

/**
 * The subgroups that an adapter can give, best first; the last are none.
 * @param wanted whether there shall be any, or how many lanes they shall have
 * @throws GpuError 'limit-too-small' where that number cannot be had
 */
export function subgroupsOf({ features, info }: Adapter, wanted: boolean | number): Subgroups[] {
  const none: Subgroups = { size: 0, controlled: false };
  const has = (name: string) => (features as ReadonlySet<string>).has(name);
  const { subgroupMinSize: least = 0, subgroupMaxSize: most = 0 } = info;
  const found = has('subgroups') && most > 0;
  if (typeof wanted === 'number') {
    const fixed = found && least === most && wanted === least;
    const possible = found && has(sizeControl) && wanted >= least && wanted <= most;
    if (!possible && !fixed)
      throw new GpuError(
        'limit-too-small',
        `subgroups of ${wanted} lanes: this adapter has ${found ? `${least === most ? '' : `${least} to `}${most}` : 'no subgroups'}` +
          `${found && !has(sizeControl) ? ', and no way to choose' : ''}`,
      );
    return [{ size: wanted, controlled: possible }];
  }
  if (!wanted || !found) return [none];
  if (least === most) return [{ size: least, controlled: false }];
  if (!has(sizeControl)) return [none];
  const sizes = preferred.filter((size) => size >= least && size <= most);
  return [...sizes.map((size) => ({ size, controlled: true })), none];
}

/** The first of `subgroups` for which the device compiles a shader: which of its sizes it can be asked for, none says. */
export async function firstThatCompiles(
  device: GPUDevice,
  subgroups: readonly Subgroups[],
): Promise<Subgroups> {
  for (const each of subgroups) if (!each.controlled || (await compiles(device, each.size))) return each;
  throw new GpuError('limit-too-small', `subgroups of ${subgroups[0]?.size} lanes: the adapter refuses them`);
}

async function compiles(device: GPUDevice, size: number): Promise<boolean> {
  device.pushErrorScope('validation');
  const pipeline = device.createComputePipelineAsync({
    layout: 'auto',
    compute: {
      module: device.createShaderModule({ code: probe.code }),
      entryPoint: 'main',
      constants: { SUBGROUP: size },
    },
  });
  const [compiled] = await Promise.all([
    pipeline.then(
      () => true,
      () => false,
    ),
    device.popErrorScope(),
  ]);
  return compiled;
}

/** A shader's text for a device whose subgroups are controlled, or need not be: then nothing asks for a size. */
export const codeFor = ({ code }: Shader, controlled: boolean): string =>
  controlled
    ? code
    : code.replace('enable subgroup_size_control;', '').replace('@subgroup_size(SUBGROUP)', '');
