// Parameters and their moments as the tensors of a file: parameters keep their names, moments are m/<name> and v/<name>.
import { float32Tensor, type SafetensorsFile, type TensorData } from '../formats/safetensors.ts';
import { checkLearnables } from '../model/faprompt/learnables.ts';
import type { HostState } from './step.ts';

const parts = ['parameters', 'm', 'v'] as const;
const prefix = { parameters: '', m: 'm/', v: 'v/' } as const;
type Part = (typeof parts)[number];

type Shapes = ReadonlyMap<string, readonly number[]>;

/** @throws Error for a state without the optimizer's moments */
export function stateTensors(
  state: Partial<HostState>,
  shapes: Shapes,
  moments: readonly ('m' | 'v')[] = ['m', 'v'],
): Map<string, TensorData> {
  const tensors = new Map<string, TensorData>();
  for (const part of ['parameters', ...moments] as const)
    for (const [name, shape] of shapes)
      tensors.set(prefix[part] + name, float32Tensor(shape, state[part]!.get(name)!));
  return tensors;
}

/** @throws WeightsError for tensors that are not those of `shapes` */
export async function readState(
  file: SafetensorsFile,
  shapes: Shapes,
  moments: readonly ('m' | 'v')[] = ['m', 'v'],
): Promise<HostState> {
  const stored: readonly Part[] = ['parameters', ...moments];
  const all = new Map(
    stored.flatMap((part) => [...shapes].map(([key, shape]) => [prefix[part] + key, shape] as const)),
  );
  checkLearnables(file.tensors, all, file.source.name);
  const read = async (part: Part) => {
    const values = new Map<string, Float32Array>();
    if (!stored.includes(part)) return values;
    for (const key of shapes.keys()) values.set(key, await file.readFloat32(prefix[part] + key));
    return values;
  };
  return { parameters: await read('parameters'), m: await read('m'), v: await read('v') };
}
