// Parameters and their moments as the tensors of a file: parameters keep their names, moments are m/<name> and v/<name>.
import { float32Tensor, type SafetensorsFile, type TensorData } from '../formats/safetensors.ts';
import { checkLearnables } from '../model/faprompt/learnables.ts';
import type { HostState } from './step.ts';

const parts = ['parameters', 'm', 'v'] as const;
const prefix = { parameters: '', m: 'm/', v: 'v/' } as const;

type Shapes = ReadonlyMap<string, readonly number[]>;

/** @throws Error for a state without moments */
export function stateTensors(state: Partial<HostState>, shapes: Shapes): Map<string, TensorData> {
  const tensors = new Map<string, TensorData>();
  for (const part of parts)
    for (const [name, shape] of shapes)
      tensors.set(prefix[part] + name, float32Tensor(shape, state[part]!.get(name)!));
  return tensors;
}

/** @throws WeightsError for tensors that are not those of `shapes` */
export async function readState(file: SafetensorsFile, shapes: Shapes): Promise<HostState> {
  const all = new Map(
    parts.flatMap((part) => [...shapes].map(([key, shape]) => [prefix[part] + key, shape] as const)),
  );
  checkLearnables(file.tensors, all, file.source.name);
  const read = async (part: (typeof parts)[number]) => {
    const values = new Map<string, Float32Array>();
    for (const key of shapes.keys()) values.set(key, await file.readFloat32(prefix[part] + key));
    return values;
  };
  return { parameters: await read('parameters'), m: await read('m'), v: await read('v') };
}
