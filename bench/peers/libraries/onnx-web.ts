import * as ort from 'onnxruntime-web/webgpu';
import type { Library } from '../library.ts';
import { createOnnx } from './onnx.ts';

export async function openOnnxWeb(version: string): Promise<Library> {
  ort.env.wasm.wasmPaths = '/node_modules/onnxruntime-web/dist/';
  const { info } = (await navigator.gpu.requestAdapter())!;
  const adapter = info.description || `${info.vendor} ${info.architecture}`;
  return createOnnx(ort, { name: 'ONNX Runtime Web', version, adapter });
}
