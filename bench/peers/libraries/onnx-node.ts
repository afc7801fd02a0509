import * as ort from 'onnxruntime-node';
import type { Library } from '../library.ts';
import { createOnnx } from './onnx.ts';

export const openOnnxNode = async (version: string): Promise<Library> =>
  createOnnx(ort, { name: 'ONNX Runtime', version, adapter: 'its own Dawn, which does not say' });
