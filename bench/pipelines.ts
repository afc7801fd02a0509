// What compilers of GPUs make of every pipeline of an image and of a training step, on a machine without those GPUs:
// registers, spills, the share of multiply-adds in the inner loop. Counts and ratios; never times.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { mesa26Command } from '../scripts/mesa26.mjs';
import type { Capabilities, Gpu } from '../src/gpu/gpu.ts';
import type { OverrideValue } from '../src/gpu/pipelines.ts';
import type { Shader } from '../src/gpu/shader.ts';
import { type Plan, plan } from '../src/graph/plan.ts';
import { dispatchesOf } from '../src/graph/steps.ts';
import { planImage } from '../src/model/clip/image-graph.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { createWordTokenizer, templateTokenizer } from '../src/model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { defaultDualLayers } from '../src/model/clip/vision.ts';
import { weightSpecs } from '../src/model/clip/weights.ts';
import { createModelGraph } from '../src/model/context.ts';
import { forward } from '../src/model/faprompt/forward.ts';
import { presets } from '../src/model/faprompt/options.ts';
import { anomalyMap, smoothedMap, smoothingSigma } from '../src/model/faprompt/score.ts';
import { promptTemplates, usedTokens } from '../src/model/faprompt/templates.ts';
import { featureInputs } from '../src/model/scorer.ts';
import { buildStepGraph, planStep } from '../src/train/step.ts';
import { configOf, sizeOf } from './random-clip.ts';

/** One pipeline, and how often an image, its score and a step dispatch it. */
export interface PipelineUse {
  readonly shader: Shader;
  readonly overrides: Readonly<Record<string, OverrideValue>>;
  readonly count: number;
  readonly flops: number;
}

/** What the host side chooses by: a large GPU, as an H100 describes itself. */
export const largeGpu: Capabilities = {
  subgroupSize: 32,
  timestamps: true,
  software: false,
  maxInvocations: 1024,
  workgroupMemory: 49152,
  matrixUnits: [{ M: 16, N: 16, K: 16 }],
  roundOperands: false,
};

interface Plans {
  readonly image: Plan;
  readonly step: Plan;
  /** Maps and scores from features, of one image and of 8 together. */
  readonly score: Plan;
  readonly scoreOf8: Plan;
}

/** What one image, its score and one cached training step of 8 run. Nothing is put on a GPU. */
export function plansOf(model: string): Plans {
  const config = configOf(model);
  const specs = weightSpecs(config, () => 'F16');
  const clip = { config, weightSpec: (name: string) => specs.get(name) };
  const options = presets.topm;
  const tokenizer = model === 'small' ? createWordTokenizer(smallClipWords) : templateTokenizer();
  const templates = promptTemplates(tokenizer, options);
  const row = new Float32Array(config.textWidth);
  const rows = new Map([...usedTokens(templates), 0].map((id) => [id, row]));
  const size = sizeOf(model);
  const step = buildStepGraph(clip, { clip: config, options, templates, rows }, { batch: 8, size });
  // As createScorer has it.
  const score = (batch: number) => {
    const context = createModelGraph(clip.weightSpec);
    const { image, patches } = featureInputs(context, { clip, size, needs: fapromptNeeds(0) }, batch);
    const faprompt = { clip: config, options, templates, rows };
    const found = forward(context, faprompt, { image: image!, patches: patches! }, { size });
    const map = smoothedMap(context, anomalyMap(context, found), smoothingSigma(size, options.sigma));
    return plan(
      context.graph,
      { map, score: found.score },
      { batch: true, fixedParameters: true, items: batch },
    );
  };
  return {
    image: planImage(clip, size, fapromptNeeds(defaultDualLayers(config))),
    step: planStep(step),
    score: score(1),
    scoreOf8: score(8),
  };
}

/** What a plan runs each time: without what it computes once. */
export const eachTime = ({ nodes, once }: Plan): Plan['nodes'] => nodes.slice(once.nodes);

/** How often each operator is dispatched, most in a step first: [operator, image, score, step]. */
export function dispatchesByOperator(plans: Plans): string[][] {
  const kinds = ['image', 'score', 'step'] as const;
  const counts = new Map<string, Record<(typeof kinds)[number], number>>();
  for (const kind of kinds)
    for (const node of eachTime(plans[kind])) {
      const count = counts.get(node.op.name) ?? { image: 0, score: 0, step: 0 };
      count[kind] += dispatchesOf({ capabilities: largeGpu } as Gpu, node, undefined).length;
      counts.set(node.op.name, count);
    }
  return [...counts]
    .sort(([, a], [, b]) => b.step - a.step || b.image - a.image)
    .map(([name, count]) => [name, ...kinds.map((kind) => `${count[kind] || ''}`)]);
}

/** The pipelines of all three, most work first. */
export function pipelinesOf(model: string): PipelineUse[] {
  const { image, step, score } = plansOf(model);
  const uses = new Map<string, PipelineUse>();
  for (const node of [...image.nodes, ...score.nodes, ...step.nodes])
    for (const { dispatch, flops } of dispatchesOf({ capabilities: largeGpu } as Gpu, node, undefined)) {
      const { shader, overrides = {} } = dispatch;
      const key = `${shader.path} ${JSON.stringify(overrides)}`;
      const before = uses.get(key);
      uses.set(key, {
        shader,
        overrides,
        count: (before?.count ?? 0) + 1,
        flops: (before?.flops ?? 0) + flops,
      });
    }
  return [...uses.values()].sort((a, b) => b.flops - a.flops);
}

export interface Compiled {
  /** As `begin` names it. */
  readonly pipeline: number;
  /** Of a lane, in the compiled code. */
  readonly registers: number;
  /**
   * What a lane needs: RADV's scheduler takes more than that where workgroup memory keeps further subgroups out anyway, so
   * that more loads are on their way. NVK does not tell them apart.
   */
  readonly needed: number;
  readonly spills: number;
  readonly instructions: number;
  /** Of the block of instructions with the most multiply-adds, which share they are; 0: the compiler does not say. */
  readonly multiplyAdds: number;
}

/** The line by which the compiling process says which pipeline comes next. */
export const begin = (pipeline: number): string => `@@pipeline ${pipeline}`;

/** Reads what NVK's and RADV's compilers print, line by line. @returns what was compiled, so far */
export function createReader(): { line(text: string): void; readonly compiled: readonly Compiled[] } {
  const compiled: Compiled[] = [];
  let current: { -readonly [K in keyof Compiled]: number } | undefined;
  let inFinalCode = false;
  let block = { all: 0, multiplyAdds: 0 };
  let best = { all: 0, multiplyAdds: 0 };
  const number = (pattern: RegExp, text: string) => {
    const found = pattern.exec(text);
    return found ? Number(found[1]) : undefined;
  };
  const finish = () => {
    if (current && current.registers > 0) compiled.push(current);
    current = undefined;
  };
  return {
    line(text) {
      if (text.startsWith('@@')) {
        finish();
        const pipeline = number(/^@@pipeline (\d+)/, text);
        if (pipeline !== undefined)
          current = { pipeline, registers: 0, needed: 0, spills: 0, instructions: 0, multiplyAdds: 0 };
        best = { all: 0, multiplyAdds: 0 };
        return;
      }
      if (!current) return;
      if (/^NAK IR after/.test(text)) inFinalCode = text.includes('after calc_instr_deps');
      else if (/^Stage:/.test(text)) inFinalCode = false;
      else if (inFinalCode && /^block/.test(text)) block = { all: 0, multiplyAdds: 0 };
      else if (inFinalCode && /^ {4}/.test(text)) {
        block.all += 1;
        if (/\b(ffma|hmma)\b/.test(text)) block.multiplyAdds += 1;
      } else if (inFinalCode && text.startsWith('}') && block.multiplyAdds > best.multiplyAdds) {
        best = block;
        current.multiplyAdds = best.multiplyAdds / best.all;
      }
      current.instructions =
        number(/^Instruction count: (\d+)/, text) ??
        number(/^Instructions: (\d+)/, text) ??
        current.instructions;
      const registers = number(/^(?:Num GPRs|VGPRs): (\d+)/, text);
      current.registers = registers ?? current.registers;
      current.needed = number(/^Pre-Sched VGPRs: (\d+)/, text) ?? registers ?? current.needed;
      current.spills += number(/^(?:Spills to mem|Spilled [SV]GPRs): (\d+)/, text) ?? 0;
    },
    get compiled() {
      return current && current.registers > 0 ? [...compiled, current] : compiled;
    },
  };
}

export const pretended = {
  nvidia: {
    driver: 'nouveau',
    shim: 'nouveau',
    env: { NAK_DEBUG: 'print', NOUVEAU_CHIPSET: '172' },
  },
  amd: {
    driver: 'radeon',
    shim: 'amdgpu',
    env: { RADV_DEBUG: 'shaderstats', AMDGPU_GPU_ID: 'navi31' },
  },
} as const;
export type Pretended = keyof typeof pretended;

/**
 * Compiles for a GPU that is only pretended.
 * @param script the benchmarks' bundle, and the arguments by which it compiles the pipelines of `file`
 * @throws where the process ends badly or a pipeline is missing from what the compiler printed
 */
export async function compileFor(
  gpu: Pretended,
  script: readonly string[],
  count: number,
): Promise<Compiled[]> {
  const { driver, shim, env } = pretended[gpu];
  const command = mesa26Command({ driver, shim });
  // Into a file: NVK's compiler gives up where it cannot print at once, and node's pipes do not wait.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-compiler-'));
  const printed = await open(path.join(folder, 'printed.txt'), 'w+');
  const reader = createReader();
  const failed: string[] = [];
  let code: unknown;
  try {
    const child = spawn(command.command, [...command.args, ...script], {
      env: { ...process.env, ...command.env, ...env },
      stdio: ['ignore', 'ignore', printed.fd],
    });
    [code] = await once(child, 'exit');
    for await (const text of createInterface({
      input: printed.createReadStream({ start: 0, autoClose: false }),
    })) {
      if (text.startsWith('@@failed')) failed.push(text.slice(9));
      reader.line(text);
    }
  } finally {
    await printed.close();
    await rm(folder, { recursive: true, force: true });
  }
  if (failed.length > 0 || code !== 0)
    throw new Error(`${gpu}: the compiling process ended with ${code}: ${failed.join('; ')}`);
  const { compiled } = reader;
  if (compiled.length !== count)
    throw new Error(`${gpu}: expected the statistics of ${count} pipelines, found ${compiled.length}`);
  return [...compiled];
}

/** Least share of multiply-adds in the inner loop of kernels that should do little else; NVIDIA's compiler only. */
const leastMultiplyAdds: Readonly<Record<string, number>> = {
  'matmul_block.wgsl': 0.85,
  'matmul_tile.wgsl': 0.55,
  'attention_tile.wgsl': 0.75,
};

/**
 * Kernels that need more registers than others may. On matrix units RDNA3 holds every f16 in two lanes, so the matrices of
 * a subgroup's operands take twice NVIDIA's registers. With 140 a SIMD's 1536 hold 10 subgroups; workgroup memory has room
 * for 8.
 */
const mostNeeded: Readonly<Record<Pretended, Readonly<Record<string, number>>>> = {
  nvidia: {},
  amd: { 'matmul_units_16x16x16.wgsl': 140 },
};

/** What is wrong with a pipeline that was compiled for `gpu`; empty: nothing. */
export function faults(gpu: Pretended, file: string, c: Compiled, mostRegisters: number): string[] {
  const name = path.basename(file);
  const least = leastMultiplyAdds[name];
  return [
    ...(c.spills > 0 ? [`${c.spills} spills`] : []),
    ...(c.needed > Math.max(mostRegisters, mostNeeded[gpu][name] ?? 0)
      ? [`needs ${c.needed} registers`]
      : []),
    ...(least && c.multiplyAdds > 0 && c.multiplyAdds < least
      ? [`${(100 * c.multiplyAdds).toFixed(0)} % multiply-adds, at least ${100 * least} %`]
      : []),
  ];
}
