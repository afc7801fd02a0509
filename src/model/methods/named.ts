// The methods that have a name: the systems of the paper's tables 1 and 2, and the rows of tables 3 to 5 and figure 3.
import { filoMethods } from '#methods/filo';
import { type FapromptOptions, type PresetName, presets } from '../faprompt/options.ts';
import { anomalyclipEnsemble, ensembleDefaults } from './anomalyclip-ensemble/anomalyclip-ensemble.ts';
import { anovl } from './anovl/anovl.ts';
import { anovlDefaults } from './anovl/options.ts';
import { aprilGan, aprilGanDefaults } from './april-gan/april-gan.ts';
import { blipDefaults, blipMethod } from './blip/blip.ts';
import { clipAcOptions, clipDefaults, clipMethod } from './clip/clip.ts';
import { cocoopDefaults, coop, coopDefaults } from './coop/coop.ts';
import { faprompt } from './faprompt/faprompt.ts';
import type { Method } from './method.ts';
import { written, writtenEnsemble, writtenPair } from './pair/pair.ts';
import { winclip, winclipDefaults } from './winclip/winclip.ts';

const learned = (
  name: string,
  title: string,
  preset: PresetName,
  options: Partial<FapromptOptions> = {},
): Method => faprompt(name, title, { ...presets[preset], ...options });

const sweep = <K extends 'prompts' | 'patches'>(option: K, letter: string, values: readonly number[]) =>
  values.map((n) => learned(`${option}-${n}`, `FAPrompt, ${letter} = ${n}`, 'topm', { [option]: n }));

const all: readonly Method[] = [
  // Tables 1 and 2, in their order.
  clipMethod('clip', 'CLIP', clipDefaults),
  clipMethod('clip-ac', 'CLIP-AC', clipAcOptions),
  winclip('winclip', 'WinCLIP', winclipDefaults),
  aprilGan('april-gan', 'APRIL-GAN', aprilGanDefaults),
  anovl('anovl', 'AnoVL', anovlDefaults),
  coop('coop', 'CoOp', coopDefaults),
  // The tables' CoCoOp is AnomalyCLIP with a prior of the class token, which is table 4's row of that name, too.
  learned('cocoop', 'CoCoOp', 'anomalyclip', {
    prior: true,
    priorFrom: 'class',
    priorWeight: 0,
  }),
  blipMethod('blip', 'BLIP (a learnable pair, our definition)', blipDefaults),
  learned('anomalyclip', 'AnomalyCLIP', 'anomalyclip'),
  ...filoMethods,
  learned('faprompt', 'FAPrompt', 'topm'),
  // Not in the tables.
  coop('cocoop-original', 'CoCoOp, its own paper', cocoopDefaults),
  written('pair', "one pair of written prompts on FAPrompt's features", writtenPair),
  written('prompt-ensemble', "WinCLIP's written prompts on FAPrompt's features, no windows", writtenEnsemble),
  learned('learnable-pair', "AnomalyCLIP's prompts with FAPrompt's losses and score", 'learnable-pair'),
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
  learned('class-dap', 'prior of the class token, no CAP', 'anomalyclip', {
    prior: true,
    priorFrom: 'class',
  }),
  learned('class-prior', 'prior of the class token', 'topm', { priorFrom: 'class' }),
  learned('first-patches', 'prior of patches 0..M-1 (published code)', 'official'),
  // Table 5: ensembles, and what stands for the K prompts.
  anomalyclipEnsemble('anomalyclip-ensemble', 'AnomalyCLIP Ensemble (10 models)', ensembleDefaults),
  learned('anomalyclip-ensemble-star', 'AnomalyCLIP Ensemble* (K orthogonal prompts)', 'anomalyclip', {
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

/** Those that need no training. */
export const writtenMethods: readonly Method[] = all.filter(({ learning }) => !learning);

/**
 * What a CLIP detects with before anything is trained on it. Of the written ones the best on the CLIP that ships
 * (weights/README.md), at the cost of one pass of the image encoder; WinCLIP's windows and AnoVL's steps per image cost
 * a hundred.
 */
export const bestWritten = 'prompt-ensemble';
