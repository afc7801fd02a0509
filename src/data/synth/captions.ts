/** Captions: lower-case sentences in a closed vocabulary that say what an image shows. */
import type { Random } from '../../base/random.ts';
import { type ColorName, colorNames } from './colors.ts';
import { type DefectName, defectNames, defects } from './defects/index.ts';
import { type FamilyName, families, familyNames } from './families/index.ts';

/** What a caption tells. */
export interface Described {
  family: FamilyName;
  defect: DefectName | null;
  /** Of the surface or object; null if it has no single one. */
  color: ColorName | null;
}

/** No caption has more tokens (words and punctuation marks), start and end of text not counted. */
export const captionLength = 14;

const goodAdjectives =
  'flawless clean perfect intact normal good undamaged unblemished pristine healthy faultless'.split(' ');
const badAdjectives = 'damaged broken defective faulty flawed abnormal imperfect bad'.split(' ');
const badNouns = ['damage', 'a defect', 'a flaw', 'an anomaly', 'a fault', 'an error'];
const goodEndings = [
  ...['damage', 'defect', 'defects', 'flaw', 'flaws', 'anomaly', 'any damage', 'any defect'].map(
    (noun) => `without ${noun}`,
  ),
  'with no damage',
  'with no defect',
  'in good condition',
  'in perfect condition',
];

/**
 * Ways to say it. {a}: an article that fits what follows; {thing}: colour and name; {state}: an adjective of the
 * state; {ending}: "with ..." or "without ...".
 */
const templates = [
  '{state} {thing}',
  '{state} {thing} .',
  '{a} {state} {thing} .',
  '{thing} {ending}',
  '{a} {thing} {ending} .',
  'a photo of {a} {state} {thing}',
  'a photo of {a} {state} {thing} .',
  'a photo of the {state} {thing} .',
  'a photo of {a} {thing} {ending} .',
  'a photo of the {thing} {ending} .',
  'a picture of {a} {state} {thing} .',
  'a close up photo of {a} {state} {thing} .',
  'a cropped photo of the {state} {thing} .',
  'a blurry photo of {a} {thing} {ending} .',
  'an image of {a} {thing} {ending}',
  '{state} object , {a} {thing}',
  'a photo of a {state} object : {thing} .',
  'the {thing} is {state} .',
  'this {thing} is {state}',
];

/** A caption of what is described; true for every way of saying it. */
export function describe(random: Random, { family, defect, color }: Described): string {
  const noun = random.pick<string>(families[family].nouns);
  const thing = color !== null && random.next() < 0.5 ? `${color} ${noun}` : noun;
  return describeThing(random, thing, defect === null ? null : defects[defect]);
}

/** What a defect is called: after "with", and before the thing's name. */
export interface Naming {
  readonly nouns: readonly string[];
  readonly adjectives: readonly string[];
}

/** A caption of a thing that is flawless (null) or shows a defect; some captions say which, the others only that it does. */
export function describeThing(random: Random, thing: string, defect: Naming | null): string {
  const named = defect !== null && random.next() < 0.6 ? defect : null;
  const state = random.pick<string>(
    named ? named.adjectives : defect !== null ? badAdjectives : goodAdjectives,
  );
  const ending = named
    ? `with ${random.pick<string>(named.nouns)}`
    : defect !== null
      ? `with ${random.pick(badNouns)}`
      : random.pick(goodEndings);
  return fill(random.pick(templates), { thing, state, ending });
}

function fill(template: string, words: Record<string, string>): string {
  return template
    .replace(/\{(thing|state|ending)\}/g, (_, name: string) => words[name]!)
    .replace(
      /(?<=^|\s)(?:\{a\}|a) (\S)/g,
      (_, next: string) => `${'aeiou'.includes(next) ? 'an' : 'a'} ${next}`,
    );
}

/** All words that captions can contain, of all roles, sorted. Punctuation marks are words. */
export function captionWords(): string[] {
  const phrases = [
    ...templates.map((template) => template.replace(/\{\w+\}/g, '')),
    ...goodAdjectives,
    ...badAdjectives,
    ...badNouns.map((noun) => `with ${noun}`),
    ...goodEndings,
    ...colorNames,
    ...familyNames.flatMap((name) => families[name].nouns),
    ...defectNames.flatMap((name) => [...defects[name].nouns, ...defects[name].adjectives]),
    'a an',
  ];
  return [...new Set(phrases.flatMap((phrase) => phrase.split(' ')))].filter(Boolean).sort();
}
