// TensorFlow.js: its fused product with bias and activation where it has one, tidy scopes, the WebGPU back end.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-webgpu';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import type { Library } from '../library.ts';
import { causalMask, operands, type Problem, rotation, values } from '../problems.ts';

type Tensors = Record<string, tf.Tensor>;
type Sequences = Extract<Problem, { kind: 'attention' | 'block' | 'block gradient' }>;

const quickGelu = (x: tf.Tensor) => x.mul(x.mul(1.702).sigmoid());

function layerNorm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(weight).add(bias);
}

const linear = (x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor) =>
  tf.fused.matMul({
    a: x as tf.Tensor2D,
    b: weight as tf.Tensor2D,
    transposeB: false,
    ...(bias ? { bias } : {}),
  });

function attention(
  qkv: tf.Tensor,
  { batch, length, heads, headDim, causal }: Sequences,
  mask?: tf.Tensor,
): tf.Tensor {
  const [q, k, v] = tf
    .split(qkv, 3, -1)
    .map((part) => part.reshape([batch, length, heads, headDim]).transpose([0, 2, 1, 3]));
  const scores = tf.matMul(q!.mul(headDim ** -0.5), k!, false, true);
  const weights = tf.softmax(causal ? scores.add(mask!) : scores);
  return tf
    .matMul(weights, v!)
    .transpose([0, 2, 1, 3])
    .reshape([batch * length, heads * headDim]);
}

function block(x: tf.Tensor, w: Tensors, problem: Sequences): tf.Tensor {
  const qkv = linear(
    layerNorm(x, w['ln_1.weight']!, w['ln_1.bias']!),
    w['attn.in_proj_weight']!,
    w['attn.in_proj_bias'],
  );
  const attended = attention(qkv, problem, w.mask);
  const middle = x.add(linear(attended, w['attn.out_proj.weight']!, w['attn.out_proj.bias']));
  const hidden = linear(
    layerNorm(middle, w['ln_2.weight']!, w['ln_2.bias']!),
    w['mlp.c_fc.weight']!,
    w['mlp.c_fc.bias'],
  );
  return middle.add(linear(quickGelu(hidden), w['mlp.c_proj.weight']!, w['mlp.c_proj.bias']));
}

function compute(problem: Problem, data: Tensors, frozen: Tensors): Tensors {
  switch (problem.kind) {
    case 'matmul':
      return { out: tf.matMul(data.x!, frozen.weight!) };
    case 'layernorm':
      return { out: layerNorm(data.x!, frozen.weight!, frozen.bias!) };
    case 'softmax':
      return { out: tf.softmax(data.x!, -1) };
    case 'quickgelu':
      return { out: quickGelu(data.x!) };
    case 'attention':
      return { out: attention(data.qkv!, problem, frozen.mask) };
    case 'block':
      return { out: block(data.x!, frozen, problem) };
    case 'block gradient': {
      let out: tf.Tensor | undefined;
      const dx = tf.grad((x) => {
        out = tf.keep(block(x, frozen, problem));
        return out;
      })(data.x!, data.dout!);
      return { out: out!, dx };
    }
  }
}

export async function openTensorFlow(version: string): Promise<Library> {
  tf.enableProdMode();
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js found no WebGPU adapter');
  await tf.ready();
  const adapter = (await navigator.gpu.requestAdapter())!;
  return {
    name: 'TensorFlow.js',
    version,
    adapter: adapter.info.description || `${adapter.info.vendor} ${adapter.info.architecture}`,
    forms: () => ['tidy'],
    async prepare(problem) {
      const specs = operands(problem);
      const frozen: Tensors = {};
      const sets: Tensors[] = [];
      for (let set = 0; set < rotation; set += 1) {
        const data: Tensors = {};
        for (const [name, numbers] of Object.entries(values(problem, set))) {
          const { shape, frozen: isFrozen } = specs[name]!;
          if (isFrozen && set > 0) continue;
          // Rows of all sequences together: products of two dimensions are its fastest.
          const flat = shape.length === 3 ? [shape[0]! * shape[1]!, shape[2]!] : [...shape];
          const tensor = tf.tensor(numbers, flat);
          (isFrozen ? frozen : data)[name] =
            isFrozen && shape.length === 2 ? tf.tidy(() => tensor.transpose().clone()) : tensor;
        }
        sets.push(data);
      }
      if ('causal' in problem && problem.causal) {
        frozen.mask = tf.tensor(causalMask(problem.length), [problem.length, problem.length]);
      }
      const start = (set: number): Tensors => tf.tidy(() => compute(problem, sets[set]!, frozen));
      let last: Tensors = {};
      return {
        run(set) {
          tf.dispose(last);
          last = start(set);
        },
        async finish() {
          const first = tf.tidy(() => last.out!.reshape([-1]).slice([0], [1]));
          await first.data();
          first.dispose();
        },
        async results(set) {
          const outputs = start(set);
          const found: Record<string, Float32Array> = {};
          for (const [name, tensor] of Object.entries(outputs))
            found[name] = (await tensor.data()) as Float32Array;
          tf.dispose(outputs);
          return found;
        },
      };
    },
  };
}
