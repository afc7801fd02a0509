/** Captions of photographs, in the words of the generator's captions and of the index. */
import type { Random } from '../../base/random.ts';
import { captionLength, describeThing, type Naming } from '../synth/captions.ts';
import { defects } from '../synth/defects/index.ts';
import type { Photo } from './photos.ts';

/** Words of a thing's name in a caption: the last ones say most ("mild low fat yoghurt"). */
const thingWords = 4;

/** What is to be seen, without where: "arla sour cream in a shop" is a sour cream. */
export function thingOf({ caption }: Pick<Photo, 'caption'>): string {
  const [name = ''] = caption.toLowerCase().split(/ (?:in|on|under) (?=a |the )/);
  return words(name).slice(-thingWords).join(' ');
}

/** Names for a defect that is painted onto photographs but is none of the generator's. */
export const cutOut: Naming = {
  nouns: ['a foreign object', 'something foreign on it', 'a piece of something else'],
  adjectives: ['contaminated', 'obstructed'],
};

/** How the state of a photograph is called; null: it is flawless. */
export function namingOf({ state }: Pick<Photo, 'state'>): Naming | null {
  if (state === 'normal') return null;
  const noun = words(state).join(' ');
  return { nouns: [noun], adjectives: ['damaged', 'defective', 'faulty'] };
}

/** A caption that a training text has room for. */
export function describePhoto(random: Random, thing: string, defect: Naming | null): string {
  for (let tries = 0; tries < 20; tries++) {
    const caption = describeThing(random, thing, defect);
    if (words(caption).length <= captionLength) return caption;
  }
  return `${defect ? 'damaged' : 'flawless'} ${thing}`;
}

/** Words and punctuation marks, as the word tokenizer tells them apart. */
const words = (text: string): string[] => text.toLowerCase().match(/\p{L}+|[^\s\p{L}]/gu) ?? [];

/** All words that captions of these photographs add to the generator's, sorted. */
export function photoWords(photos: readonly Photo[]): string[] {
  const phrases = [
    ...photos.map(thingOf),
    ...photos.flatMap((photo) => namingOf(photo)?.nouns ?? []),
    ...cutOut.nouns,
    ...cutOut.adjectives,
    ...Object.values(defects).flatMap(({ nouns }) => nouns),
  ];
  return [...new Set(phrases.flatMap(words))].sort();
}
