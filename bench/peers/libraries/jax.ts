// jax-js: jit over the whole computation, weights [in, out] as it reads them best, nn.dotProductAttention.
import {
  blockUntilReady,
  defaultDevice,
  init,
  type Array as JaxArray,
  jit,
  nn,
  numpy as np,
  vjp,
} from '@jax-js/jax';
import type { Library } from '../library.ts';
import { operands, type Problem, rotation, values } from '../problems.ts';
import { transposed } from './transpose.ts';

type Arrays = Record<string, JaxArray>;

/** Functions consume their arguments: whatever is used again is taken as `.ref`. */
const quickGelu = (x: JaxArray) => x.ref.mul(nn.sigmoid(x.mul(1.702)));

const layerNorm = (x: JaxArray, weight: JaxArray, bias: JaxArray) =>
  nn.standardize(x, -1).mul(weight).add(bias);

const linear = (x: JaxArray, weight: JaxArray, bias: JaxArray) => np.matmul(x, weight).add(bias);

function attention(
  qkv: JaxArray,
  {
    batch,
    length,
    heads,
    headDim,
    causal,
  }: Extract<Problem, { kind: 'attention' | 'block' | 'block gradient' }>,
) {
  const [q, k, v] = np.split(qkv, 3, -1).map((part) => part.reshape([batch, length, heads, headDim]));
  return nn.dotProductAttention(q!, k!, v!, { isCausal: causal }).reshape([batch, length, heads * headDim]);
}

function block(x: JaxArray, w: Arrays, problem: Parameters<typeof attention>[1]): JaxArray {
  const qkv = linear(
    layerNorm(x.ref, w['ln_1.weight']!.ref, w['ln_1.bias']!.ref),
    w['attn.in_proj_weight']!.ref,
    w['attn.in_proj_bias']!.ref,
  );
  const attended = attention(qkv, problem);
  const middle = x.add(linear(attended, w['attn.out_proj.weight']!.ref, w['attn.out_proj.bias']!.ref));
  const hidden = linear(
    layerNorm(middle.ref, w['ln_2.weight']!.ref, w['ln_2.bias']!.ref),
    w['mlp.c_fc.weight']!.ref,
    w['mlp.c_fc.bias']!.ref,
  );
  return middle.add(linear(quickGelu(hidden), w['mlp.c_proj.weight']!.ref, w['mlp.c_proj.bias']!.ref));
}

/** The computation as a function of the data and the frozen weights. */
function compute(problem: Problem): (data: Arrays, frozen: Arrays) => Arrays {
  switch (problem.kind) {
    case 'matmul':
      return ({ x }, { weight }) => ({ out: np.matmul(x!, weight!) });
    case 'layernorm':
      return ({ x }, { weight, bias }) => ({ out: layerNorm(x!, weight!, bias!) });
    case 'softmax':
      return ({ x }) => ({ out: nn.softmax(x!, -1) });
    case 'quickgelu':
      return ({ x }) => ({ out: quickGelu(x!) });
    case 'attention':
      return ({ qkv }) => ({ out: attention(qkv!, problem) });
    case 'block':
      return ({ x }, frozen) => ({ out: block(x!, frozen, problem) });
    case 'block gradient':
      return ({ x, dout }, frozen) => {
        const [out, pullback] = vjp((input: JaxArray) => block(input, frozen, problem), [x!]);
        const [dx] = pullback(dout!) as [JaxArray];
        return { out, dx };
      };
  }
}

export async function openJax(version: string): Promise<Library> {
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU adapter');
  defaultDevice('webgpu');
  const adapter = (await navigator.gpu.requestAdapter())!;
  const first = jit((x: JaxArray) => x.ravel().slice([0, 1]));
  return {
    name: 'jax-js',
    version,
    adapter: adapter.info.description || `${adapter.info.vendor} ${adapter.info.architecture}`,
    forms: () => ['jit', 'eager'],
    async prepare(problem, form) {
      const specs = operands(problem);
      const frozen: Arrays = {};
      const sets: Arrays[] = [];
      for (let set = 0; set < rotation; set += 1) {
        const data: Arrays = {};
        for (const [name, numbers] of Object.entries(values(problem, set))) {
          const spec = specs[name]!;
          if (spec.frozen && set > 0) continue;
          const array = np.array(numbers).reshape([...spec.shape]);
          const matrix = spec.frozen && spec.shape.length === 2;
          // A copy in [in, out] order on the device, not a view.
          const placed = matrix
            ? np.array(transposed(numbers, spec.shape)).reshape([...spec.shape].reverse())
            : array;
          if (matrix) array.dispose();
          (spec.frozen ? frozen : data)[name] = await blockUntilReady(placed);
        }
        sets.push(data);
      }
      const compiled = form === 'jit' ? jit(compute(problem)) : compute(problem);
      const referenced = (arrays: Arrays) =>
        Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref]));
      const start = (set: number) => compiled(referenced(sets[set]!), referenced(frozen)) as Arrays;
      let last: Arrays = {};
      const release = () => {
        for (const array of Object.values(last)) array.dispose();
        last = {};
      };
      return {
        run(set) {
          release();
          last = start(set);
          // It is lazy, and drops what is disposed before it ran: asking for the buffer submits the work.
          for (const array of Object.values(last)) array.ref.gpuBufferSync();
        },
        async finish() {
          await first(last.out!.ref).data();
        },
        async results(set) {
          const outputs = start(set);
          const found: Record<string, Float32Array> = {};
          for (const [name, array] of Object.entries(outputs))
            found[name] = (await array.data()) as Float32Array;
          return found;
        },
      };
    },
  };
}
