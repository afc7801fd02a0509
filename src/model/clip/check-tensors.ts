// Whether the tensors of a file are those of a CLIP with a ViT.

import type { DType } from '../../formats/safetensors-header.ts';
import { isMatrix, scaleName } from './matrices.ts';

/** What validation needs to know of a tensor. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Sizes that OpenAI's archives keep as scalars beside the tensors; the shapes say the same. */
const ignoredScalars = new Set(['input_resolution', 'context_length', 'vocab_size']);

const floatTypes: readonly DType[] = ['F32', 'F16', 'BF16', 'F64'];

export type Fail = (tensor: string, expected: string, found: string) => never;

export function refuseOtherModels(tensors: ReadonlyMap<string, TensorType>, fail: Fail): void {
  for (const name of tensors.keys()) {
    if (/^visual\.(layer\d|attnpool|conv2)\b/.test(name))
      fail(name, 'a ViT image encoder', 'a ResNet image encoder, which FAPrompt cannot use');
    if (/^(vision_model|text_model)\./.test(name))
      fail(
        name,
        "names of OpenAI's state dict (visual.conv1.weight, ...)",
        'names of Hugging Face CLIPModel',
      );
  }
}

/** Number of distinct blocks, not the highest index: a damaged name must not ask for a billion blocks. */
export function countBlocks(tensors: ReadonlyMap<string, TensorType>, name: string): number {
  const blocks = new Set<string>();
  for (const tensor of tensors.keys())
    if (tensor.startsWith(`${name}.resblocks.`))
      blocks.add(tensor.split('.', name.split('.').length + 2).at(-1)!);
  return Math.max(1, blocks.size);
}

export function checkTensors(
  tensors: ReadonlyMap<string, TensorType>,
  shapes: ReadonlyMap<string, readonly number[]>,
  fail: Fail,
): void {
  for (const [name, shape] of shapes) checkTensor(tensors, name, shape, fail);
  const scales = new Set(
    [...shapes.keys()].filter((name) => tensors.get(name)!.dtype === 'I8').map(scaleName),
  );
  for (const name of tensors.keys())
    if (!shapes.has(name) && !scales.has(name) && !ignoredScalars.has(name))
      fail(name, "only tensors of CLIP under OpenAI's names", 'an unknown tensor');
}

/** Shape and type of one tensor, and the scales of an I8 matrix. */
export function checkTensor(
  tensors: ReadonlyMap<string, TensorType>,
  name: string,
  shape: readonly number[],
  fail: Fail,
): void {
  const expected = `shape [${shape}]`;
  const tensor = tensors.get(name) ?? fail(name, expected, 'no such tensor');
  if (tensor.shape.join() !== shape.join()) fail(name, expected, `[${tensor.shape}]`);
  if (tensor.dtype === 'I8' && isMatrix(name)) checkScales(tensors, name, shape[0]!, fail);
  else if (!floatTypes.includes(tensor.dtype))
    fail(name, `dtype ${floatTypes.join(', ')}${isMatrix(name) ? ' or I8' : ''}`, tensor.dtype);
}

function checkScales(
  tensors: ReadonlyMap<string, TensorType>,
  matrix: string,
  rows: number,
  fail: Fail,
): void {
  const name = scaleName(matrix);
  const expected = `F32 [${rows}], the scales of an I8 matrix`;
  const scales = tensors.get(name) ?? fail(name, expected, 'no such tensor');
  if (scales.dtype !== 'F32' || scales.shape.join() !== `${rows}`)
    fail(name, expected, `${scales.dtype} [${scales.shape}]`);
}
