// ONNX Runtime with its WebGPU provider, in Node and in a browser: inputs and outputs stay on the GPU (IO binding).
import type {
  InferenceSession,
  InferenceSessionFactory,
  Tensor,
  TensorConstructor,
} from 'onnxruntime-common';
import type { Shape } from '../../../src/kernels/tensor.ts';
import type { Library } from '../library.ts';
import { type Problem, rotation, values, widthOf } from '../problems.ts';
import { firstModel, identityModel, type OnnxForm, onnxForms, onnxProblem } from './onnx-model.ts';

interface Runtime {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/** No node may fall back to the CPU. */
const options: InferenceSession.SessionOptions = {
  executionProviders: ['webgpu'],
  graphOptimizationLevel: 'all',
  extra: { session: { disable_cpu_ep_fallback: '1' } },
};

export function createOnnx(
  { InferenceSession, Tensor }: Runtime,
  about: Pick<Library, 'name' | 'version' | 'adapter'>,
): Library {
  const open = (model: Uint8Array, onGpu = true) =>
    InferenceSession.create(model, onGpu ? { ...options, preferredOutputLocation: 'gpu-buffer' } : options);

  const upload = async (data: Float32Array, shape: Shape): Promise<Tensor> => {
    const session = await open(identityModel(shape));
    const result = await session.run({ x: new Tensor('float32', data, [...shape]) });
    return result[session.outputNames[0]!]!;
  };

  return {
    ...about,
    forms: onnxForms,
    async prepare(problem, form) {
      const onnx = onnxProblem(problem, form as OnnxForm);
      const session = await open(onnx.model);
      const first = await open(firstModel(onnx.output.shape), false);
      const sets: Record<string, Tensor>[] = [];
      for (let set = 0; set < rotation; set += 1) {
        const feeds: Record<string, Tensor> = {};
        const numbers = dataOf(problem, set);
        for (const [name, shape] of Object.entries(onnx.inputs))
          feeds[name] = await upload(numbers[name]!, shape);
        sets.push(feeds);
      }
      let last: Tensor | undefined;
      const start = async (set: number) => (await session.run(sets[set]!))[onnx.output.name]!;
      return {
        async run(set) {
          last?.dispose();
          last = await start(set);
        },
        async finish() {
          if (last!.location !== 'gpu-buffer') throw new Error(`the result is on the ${last!.location}`);
          const result = await first.run({ x: last! });
          await result[first.outputNames[0]!]!.getData();
        },
        async results(set) {
          const numbers = dataOf(problem, set);
          const check = await open(onnx.model, false);
          const feeds = Object.fromEntries(
            Object.entries(onnx.inputs).map(([name, shape]) => [
              name,
              new Tensor('float32', numbers[name]!, [...shape]),
            ]),
          );
          const out = (await check.run(feeds))[onnx.output.name]!;
          return { out: (await out.getData()) as Float32Array };
        },
      };
    },
  };
}

/** The operands; an attention's packed rows are taken apart. */
function dataOf(problem: Problem, set: number): Record<string, Float32Array> {
  const numbers = values(problem, set);
  if (problem.kind !== 'attention') return numbers;
  const width = widthOf(problem);
  const rows = problem.batch * problem.length;
  const part = (index: number) => {
    const out = new Float32Array(rows * width);
    for (let row = 0; row < rows; row += 1) {
      const start = (3 * row + index) * width;
      out.set(numbers.qkv!.subarray(start, start + width), row * width);
    }
    return out;
  };
  return { q: part(0), k: part(1), v: part(2) };
}
