// The operator cases of ops.safetensors, by this engine's operators.

import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import type { Gpu } from '../../src/gpu/gpu.ts';
import type { HostData } from '../../src/graph/device-tensor.ts';
import { createDeviceTensor, type DeviceTensor } from '../../src/graph/device-tensor.ts';
import { compile } from '../../src/graph/executor.ts';
import { gradient } from '../../src/graph/gradient.ts';
import { createGraph, type Graph } from '../../src/graph/graph.ts';
import { adam, adamSchedule } from '../../src/kernels/adam/adam.ts';
import { attention } from '../../src/kernels/attention/attention.ts';
import { binaryFocal } from '../../src/kernels/binary_focal/binary_focal.ts';
import { cosinePairs } from '../../src/kernels/cosine_pairs/cosine_pairs.ts';
import { crossEntropy } from '../../src/kernels/cross_entropy/cross_entropy.ts';
import { diceLoss } from '../../src/kernels/dice/dice.ts';
import { multiply } from '../../src/kernels/elementwise/elementwise.ts';
import { focalLoss } from '../../src/kernels/focal/focal.ts';
import { gaussianBlur } from '../../src/kernels/gaussian_blur/gaussian_blur.ts';
import { l2norm } from '../../src/kernels/l2norm/l2norm.ts';
import { layernorm } from '../../src/kernels/layernorm/layernorm.ts';
import { linear } from '../../src/kernels/matmul/matmul.ts';
import { patchEmbedding } from '../../src/kernels/patch_embedding/patch_embedding.ts';
import { permute } from '../../src/kernels/permute/permute.ts';
import { quickgelu } from '../../src/kernels/quickgelu/quickgelu.ts';
import { max, reduce, sumAll } from '../../src/kernels/reduce/reduce.ts';
import { relu } from '../../src/kernels/relu/relu.ts';
import { resizeBilinear } from '../../src/kernels/resize_bilinear/resize_bilinear.ts';
import { concat } from '../../src/kernels/slice/slice.ts';
import { softmax } from '../../src/kernels/softmax/softmax.ts';
import { elements, f32, type Shape, type Tensor } from '../../src/kernels/tensor.ts';
import { topk } from '../../src/kernels/topk/topk.ts';
import { attentionOut, mlp, queryKeyValue } from '../../src/model/clip/transformer.ts';
import { createModelGraph } from '../../src/model/context.ts';
import { probabilities } from '../../src/model/faprompt/similarity.ts';
import { type GoldenFolder, values } from './folder.ts';
import type { Report } from './report.ts';

type Attributes = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, Tensor>>;
type Builder = (g: Graph, x: Inputs, attributes: Attributes) => Tensor;

/** [B, H, L, d] of q, k and v -> packed rows [B, L, 3 H d]. */
function pack(g: Graph, heads: readonly Tensor[]): Tensor {
  const [b, h, l, d] = heads[0]!.shape as [number, number, number, number];
  return concat(
    g,
    heads.map((t) => g.view(permute(g, t, [0, 2, 1, 3]), [b, l, h * d])),
    2,
  );
}

/** [B, L, H d] -> [B, H, L, d]. */
function unpack(g: Graph, merged: Tensor, like: Shape): Tensor {
  const [b, h, l, d] = like as [number, number, number, number];
  return permute(g, g.view(merged, [b, l, h, d]), [0, 2, 1, 3]);
}

const flat = (g: Graph, t: Tensor) => g.view(t, [1, elements(t.shape)]);
const dice: Builder = (g, { prob, mask }, { smooth, channel }) =>
  diceLoss(g, prob!, mask!, { channel: channel as 0 | 1, smooth: smooth as number });

const builders: Readonly<Record<string, Builder>> = {
  layernorm: (g, { x, w, b }, { eps }) =>
    layernorm(g, x!, { weight: w!, bias: b! }, { epsilon: eps as number }),
  softmax: (g, { x }, { tau }) =>
    softmax(g, x!, { axis: x!.shape.length - 1, scale: 1 / ((tau as number | undefined) ?? 1) }),
  quickgelu: (g, { x }) => quickgelu(g, x!),
  linear: (g, { x, w, b }) => linear(g, x!, w!, { bias: b! }),
  attention(g, { q, k, v }, { causal }) {
    const out = attention(g, pack(g, [q!, k!, v!]), { heads: q!.shape[1]!, causal: causal as boolean });
    return unpack(g, out, q!.shape);
  },
  attention_vv: (g, { v }) =>
    unpack(g, attention(g, pack(g, [v!, v!, v!]), { heads: v!.shape[1]!, source: 'vv' }), v!.shape),
  bilinear: (g, { x }, { size }) =>
    resizeBilinear(g, x!, { height: (size as number[])[0]!, width: (size as number[])[1]! }),
  patch_conv(g, { x, w }, { patch }) {
    const [b, , height, width] = x!.shape as [number, number, number, number];
    const p = patch as number;
    const tokens = patchEmbedding(g, x!, w!);
    return g.view(permute(g, tokens, [0, 2, 1]), [b, w!.shape[0]!, height / p, width / p]);
  },
  focal: (g, { prob, mask }, { gamma, smooth }) =>
    focalLoss(g, prob!, mask!, { gamma: gamma as number, smooth: smooth as number }),
  dice,
  binary_focal: (g, { score, y }, { kind, gamma }) =>
    binaryFocal(g, score!, y!, { kind: kind as 'logits' | 'prob', gamma: gamma as number }),
  cross_entropy: (g, { logits, y }) => crossEntropy(g, logits!, y!),
  orthogonal: (g, { f }) => cosinePairs(g, f!),
  unit: (g, { x }) => l2norm(g, x!),
  prototype: (g, { pos, neg }) =>
    l2norm(g, concat(g, [pos!, g.view(reduce(g, neg!, { kind: 'mean', axis: 0 }), [1, pos!.shape[1]!])], 0)),
  similarity(g, { tokens, text }, { tau }) {
    const context = { graph: g } as Parameters<typeof probabilities>[0];
    return permute(g, probabilities(context, tokens!, text!, tau as number), [0, 2, 1]);
  },
  max_rows: (g, { x }) => max(g, x!, 1)[0],
  prior_net: (g, { tokens, w1, b1, w2, b2 }) =>
    linear(g, relu(g, linear(g, flat(g, tokens!), w1!, { bias: b1! })), w2!, { bias: b2! }),
  gaussian: (g, { x }, { sigma }) => gaussianBlur(g, x!, { sigma: sigma as number }),
};

/** Everything in ops.safetensors. */
export async function checkOps(gpu: Gpu, golden: GoldenFolder, report: Report): Promise<void> {
  const file = await golden.open('ops.safetensors');
  if (!file) return void report.notes.push('no ops.safetensors: operator cases skipped');
  const cases = new Set([...file.tensors.keys()].map((name) => name.split('/').slice(0, 2).join('/')));
  for (const name of cases) {
    const [op, testCase] = name.split('/') as [string, string];
    const attributes: Attributes = { ...golden.manifest.ops?.[op]?.[testCase] };
    if (op === 'topk') await checkTopk(gpu, file, name, attributes, report);
    else if (op === 'adam') await checkAdam(gpu, file, name, attributes, report);
    else if (op === 'text_block') await checkTextBlock(gpu, golden, file, name, attributes, report);
    else if (builders[op]) {
      const extra = op === 'dice' ? { channel: testCase.endsWith('abnormal') ? 1 : 0 } : {};
      await checkCase(gpu, file, name, builders[op], { ...attributes, ...extra }, report);
    } else throw new Error(`ops.safetensors: no operator of this engine for "${op}"`);
  }
}

/** Reads `<case>/in.*`; operands of a cross entropy's `y` are class indices. */
async function readInputs(file: SafetensorsFile, name: string, graph: Graph) {
  const inputs: Record<string, Tensor> = {};
  const feeds: Record<string, HostData> = {};
  for (const [tensor, { shape }] of file.tensors) {
    if (!tensor.startsWith(`${name}/in.`)) continue;
    const key = tensor.slice(`${name}/in.`.length);
    const data = await values(file, tensor);
    const integer = name.startsWith('cross_entropy/') && key === 'y';
    feeds[key] = integer ? Int32Array.from(data) : Float32Array.from(data);
    inputs[key] = graph.input(key, { shape, dtype: integer ? 'i32' : 'f32' });
  }
  return { inputs, feeds };
}

/** Adds loss = sum(out * gout) and the gradients that the file has; compares all. */
async function finishCase(
  gpu: Gpu,
  file: SafetensorsFile,
  name: string,
  graph: Graph,
  { inputs, feeds }: Awaited<ReturnType<typeof readInputs>>,
  out: Tensor,
  report: Report,
  parameters: ReadonlyMap<number, DeviceTensor> = new Map(),
): Promise<void> {
  const outputs: Record<string, Tensor> = { out };
  const wanted = [...file.tensors.keys()]
    .filter((t) => t.startsWith(`${name}/gin.`))
    .map((t) => t.slice(name.length + 5));
  if (wanted.length > 0) {
    feeds.gout = await file.readFloat32(`${name}/gout`);
    const gout = graph.input('gout', f32(...file.tensors.get(`${name}/gout`)!.shape));
    const found = gradient(
      graph,
      sumAll(graph, multiply(graph, out, gout)),
      wanted.map((key) => inputs[key]!),
    );
    wanted.forEach((key, i) => {
      // A constant operator has no gradient node: the derivative is zero.
      outputs[`gin.${key}`] =
        found[i] ??
        graph.constant('zero', new Float32Array(elements(inputs[key]!.shape)), inputs[key]!.shape);
    });
  }
  const executable = await compile(gpu, graph, outputs, { parameters });
  const got = await executable.run(feeds, Object.keys(outputs));
  executable.dispose();
  const group = `ops/${name.split('/')[0]}`;
  for (const key of Object.keys(outputs))
    await report.compare(group, 'ops.safetensors', `${name}/${key}`, got[key]!);
}

async function checkCase(
  gpu: Gpu,
  file: SafetensorsFile,
  name: string,
  build: Builder,
  attributes: Attributes,
  report: Report,
) {
  const graph = createGraph();
  const operands = await readInputs(file, name, graph);
  await finishCase(gpu, file, name, graph, operands, build(graph, operands.inputs, attributes), report);
}

async function checkTextBlock(
  gpu: Gpu,
  golden: GoldenFolder,
  file: SafetensorsFile,
  name: string,
  attributes: Attributes,
  report: Report,
) {
  const weights = typeof attributes.weights === 'string' ? await golden.open(attributes.weights) : undefined;
  if (!weights)
    return void report.notes.push(
      `ops ${name} skipped: ${attributes.weights ?? 'its weights file'} is not in the folder`,
    );
  const model = createModelGraph(
    (tensor) => (weights.tensors.has(tensor) ? f32(...weights.tensors.get(tensor)!.shape) : undefined),
    { training: true },
  );
  const { graph } = model;
  const operands = await readInputs(file, name, graph);
  const block = `transformer.resblocks.${attributes.block as number}`;
  const x = operands.inputs.x!;
  const attended = attention(graph, queryKeyValue(model, x, block), {
    heads: attributes.heads as number,
    causal: attributes.causal as boolean,
  });
  const out = mlp(model, attentionOut(model, attended, x, block), block, 'quickgelu');
  const parameters = new Map<number, DeviceTensor>();
  for (const [tensor, t] of model.weights)
    parameters.set(t.storage, createDeviceTensor(gpu, tensor, t, await weights.readFloat32(tensor)));
  await finishCase(gpu, file, name, graph, operands, out, report, parameters);
  for (const { buffer } of parameters.values()) gpu.memory.free(buffer);
}

async function checkTopk(gpu: Gpu, file: SafetensorsFile, name: string, { k }: Attributes, report: Report) {
  const graph = createGraph();
  const { inputs, feeds } = await readInputs(file, name, graph);
  const [found, indices] = topk(graph, inputs.x!, k as number);
  const executable = await compile(gpu, graph, { values: found, indices });
  const got = await executable.run(feeds, ['values', 'indices']);
  executable.dispose();
  await report.compare('ops/topk', 'ops.safetensors', `${name}/values`, got.values!);
  await report.compare('ops/topk', 'ops.safetensors', `${name}/indices`, got.indices!);
}

async function checkAdam(
  gpu: Gpu,
  file: SafetensorsFile,
  name: string,
  { lr, beta1, beta2, eps }: Attributes,
  report: Report,
) {
  const graph = createGraph();
  const x = await file.readFloat32(`${name}/in.x`);
  const gradients = await file.readFloat32(`${name}/in.grads`);
  const size = x.length;
  const state = {
    parameter: graph.input('x', f32(size)),
    m: graph.input('m', f32(size)),
    v: graph.input('v', f32(size)),
  };
  const derivative = graph.input('gradient', f32(size));
  const schedule = graph.input('schedule', f32(2));
  const settings = { beta1: beta1 as number, beta2: beta2 as number, epsilon: eps as number };
  adam(graph, { ...state, gradient: derivative, schedule }, settings);
  const executable = await compile(gpu, graph, { x: state.parameter, m: state.m, v: state.v });
  const zeros = new Float32Array(size);
  const out: number[] = [];
  let got = await executable.run({ x, m: zeros, v: zeros, gradient: zeros, schedule: new Float32Array(2) });
  for (let step = 1; step <= gradients.length / size; step += 1) {
    const feeds = {
      gradient: gradients.slice((step - 1) * size, step * size),
      schedule: adamSchedule({ lr: lr as number, ...settings }, step),
    };
    got = await executable.run(feeds, ['x', 'm', 'v']);
    out.push(...(got.x as Float32Array));
  }
  executable.dispose();
  await report.compare('ops/adam', 'ops.safetensors', `${name}/out`, out);
  await report.compare('ops/adam', 'ops.safetensors', `${name}/m`, got.m!);
  await report.compare('ops/adam', 'ops.safetensors', `${name}/v`, got.v!);
}
