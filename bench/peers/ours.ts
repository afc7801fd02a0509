// This engine as one of the libraries: the model's own functions, weights and operands as parameters on the device.
import { openGpu } from '../../src/gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor } from '../../src/graph/device-tensor.ts';
import { compile, type Executable } from '../../src/graph/executor.ts';
import { gradient } from '../../src/graph/gradient.ts';
import { attention } from '../../src/kernels/attention/attention.ts';
import { multiply } from '../../src/kernels/elementwise/elementwise.ts';
import { layernorm } from '../../src/kernels/layernorm/layernorm.ts';
import { linear } from '../../src/kernels/matmul/matmul.ts';
import { quickgelu } from '../../src/kernels/quickgelu/quickgelu.ts';
import { sumAll } from '../../src/kernels/reduce/reduce.ts';
import { softmax } from '../../src/kernels/softmax/softmax.ts';
import { f32, type Tensor } from '../../src/kernels/tensor.ts';
import { attentionOut, mlp, queryKeyValue } from '../../src/model/clip/transformer.ts';
import { type Context, createModelGraph } from '../../src/model/context.ts';
import type { Library } from './library.ts';
import { operands, type Problem, rotation, values } from './problems.ts';

/** Operands are parameters by their names; a block's are those of CLIP's block 0. */
function build(context: Context, problem: Problem): Record<string, Tensor> {
  const { graph } = context;
  const block = 'transformer.resblocks.0';
  const operand = (name: string) => context.weight(`${block}.${name}`);
  switch (problem.kind) {
    case 'matmul':
      return { out: linear(graph, operand('x'), operand('weight')) };
    case 'layernorm':
      return { out: layernorm(graph, operand('x'), { weight: operand('weight'), bias: operand('bias') }) };
    case 'softmax':
      return { out: softmax(graph, operand('x'), { axis: 1 }) };
    case 'quickgelu':
      return { out: quickgelu(graph, operand('x')) };
    case 'attention':
      return { out: attention(graph, operand('qkv'), problem) };
    case 'block':
    case 'block gradient': {
      const x = operand('x');
      const attended = attention(graph, queryKeyValue(context, x, block), problem);
      const out = mlp(context, attentionOut(context, attended, x, block), block, 'quickgelu');
      if (problem.kind === 'block') return { out };
      const [dx] = gradient(graph, sumAll(graph, multiply(graph, out, operand('dout'))), [x]);
      return { out, dx: dx! };
    }
  }
}

/** @param variants operator=variant pairs that are forced, separated by commas */
export async function openOurs(version: string, variants = ''): Promise<Library> {
  const pairs = variants.split(',').filter(Boolean);
  const gpu = await openGpu({
    variants: Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string])),
  });
  const staging = gpu.device.createBuffer({
    size: 16,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  return {
    name: 'faprompt',
    version,
    adapter: gpu.description,
    forms: () => ['model'],
    async prepare(problem) {
      const specs = operands(problem);
      const nameOf = (weight: string) => weight.replace('transformer.resblocks.0.', '');
      const frozen = new Map<string, DeviceTensor>();
      const executables: Executable[] = [];
      for (let set = 0; set < rotation; set += 1) {
        const data = values(problem, set);
        const model = createModelGraph((name) => specs[nameOf(name)] && f32(...specs[nameOf(name)]!.shape), {
          training: problem.kind === 'block gradient',
        });
        const outputs = build(model, problem);
        const parameters = new Map<number, DeviceTensor>();
        for (const [weight, tensor] of model.weights) {
          const name = nameOf(weight);
          let given = frozen.get(name);
          if (!given) {
            given = createDeviceTensor(gpu, name, tensor, data[name]!);
            if (specs[name]!.frozen) frozen.set(name, given);
          }
          parameters.set(tensor.storage, given);
        }
        executables.push(await compile(gpu, model.graph, outputs, { parameters }));
      }
      let last = executables[0]!;
      return {
        async run(set) {
          last = executables[set]!;
          await last.run({});
        },
        async finish() {
          const encoder = gpu.device.createCommandEncoder();
          encoder.copyBufferToBuffer(last.tensor('out').buffer, 0, staging, 0, 16);
          gpu.device.queue.submit([encoder.finish()]);
          await gpu.guard(staging.mapAsync(GPUMapMode.READ));
          staging.unmap();
        },
        async results(set) {
          const names = problem.kind === 'block gradient' ? ['out', 'dx'] : ['out'];
          return (await executables[set]!.run({}, names)) as Record<string, Float32Array>;
        },
      };
    },
  };
}
