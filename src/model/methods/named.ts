// The methods that have a name: baselines, FAPrompt, and the ablations of the paper's tables 3 to 5 and figure 3.
import { type FapromptOptions, type PresetName, presets } from '../faprompt/options.ts';
import type { LearnedMethod, Method, WrittenMethod } from './method.ts';
import { clipPair, type WrittenPrompts, winclipEnsemble } from './written.ts';

const written = (name: string, title: string, prompts: WrittenPrompts): WrittenMethod => ({
  kind: 'written',
  name,
  title,
  prompts,
});

const learned = (
  name: string,
  title: string,
  preset: PresetName,
  options: Partial<FapromptOptions> = {},
): LearnedMethod => ({ kind: 'learned', name, title, options: { ...presets[preset], ...options } });

const sweep = <K extends 'prompts' | 'patches'>(option: K, letter: string, values: readonly number[]) =>
  values.map((n) => learned(`${option}-${n}`, `FAPrompt, ${letter} = ${n}`, 'topm', { [option]: n }));

const all: readonly Method[] = [
  written('clip', 'CLIP, one pair of written prompts', clipPair),
  written('winclip', "WinCLIP's ensemble of written prompts", winclipEnsemble),
  learned('anomalyclip', "AnomalyCLIP's learnable pair", 'anomalyclip'),
  learned('faprompt', 'FAPrompt', 'topm'),
  // Table 3: the modules and their losses.
  learned('cap', '+ CAP (FAPrompt without DAP)', 'topm', { prior: false }),
  learned('cap-no-orthogonal', '+ CAP without orthogonal loss', 'topm', {
    prior: false,
    orthogonalWeight: 0,
  }),
  learned('dap', '+ DAP (FAPrompt without CAP)', 'anomalyclip', { prior: true }),
  learned('dap-no-prior-loss', '+ DAP without prior loss', 'anomalyclip', { prior: true, priorWeight: 0 }),
  learned('no-orthogonal', 'FAPrompt without orthogonal loss', 'topm', { orthogonalWeight: 0 }),
  learned('no-prior-loss', 'FAPrompt without prior loss', 'topm', { priorWeight: 0 }),
  // Table 4: what the prior is made from.
  learned('class-dap-no-prior-loss', 'prior of the class token, no prior loss, no CAP', 'anomalyclip', {
    prior: true,
    priorFrom: 'class',
    priorWeight: 0,
  }),
  learned('class-dap', 'prior of the class token, no CAP', 'anomalyclip', {
    prior: true,
    priorFrom: 'class',
  }),
  learned('class-prior', 'prior of the class token', 'topm', { priorFrom: 'class' }),
  learned('first-patches', 'prior of patches 0..M-1 (published code)', 'official'),
  // Table 5: ensembles, and what stands for the K prompts.
  learned('anomalyclip-ensemble', 'AnomalyCLIP with K orthogonal prompts', 'anomalyclip', {
    prompts: presets.topm.prompts,
    orthogonalWeight: presets.topm.orthogonalWeight,
  }),
  learned('best-matched', 'best-matched prompts', 'topm', { aggregate: 'best' }),
  learned('weighted', 'weighted prompts', 'topm', { aggregate: 'weighted' }),
  // Figure 3: K and M.
  ...sweep('prompts', 'K', [1, 5, 15, 20]),
  ...sweep('patches', 'M', [1, 5, 15, 20]),
];

/** By name. */
export const namedMethods: ReadonlyMap<string, Method> = new Map(all.map((method) => [method.name, method]));
