// Hand-written prompts: states of an object, in templates.

export interface WrittenPrompts {
  /** Phrases for an object without and with defects; "{}" stands for the object. */
  readonly normal: readonly string[];
  readonly abnormal: readonly string[];
  /** Sentences; "{}" stands for a phrase. */
  readonly templates: readonly string[];
  /** The object's name; "{class}" stands for the class of the image. */
  readonly object: string;
  readonly temperature: number;
}

/** A pair of prompts as plain CLIP is used. */
export const clipPair: WrittenPrompts = {
  normal: ['flawless {}'],
  abnormal: ['damaged {}'],
  templates: ['a photo of a {}.'],
  object: 'object',
  temperature: 0.07,
};

/** The compositional prompt ensemble of WinCLIP (Jeong et al., CVPR 2023, appendix), without its windows. */
export const winclipEnsemble: WrittenPrompts = {
  normal: [
    '{}',
    'flawless {}',
    'perfect {}',
    'unblemished {}',
    '{} without flaw',
    '{} without defect',
    '{} without damage',
  ],
  abnormal: ['damaged {}', '{} with flaw', '{} with defect', '{} with damage'],
  templates: [
    'a cropped photo of the {}.',
    'a cropped photo of a {}.',
    'a close-up photo of a {}.',
    'a close-up photo of the {}.',
    'a bright photo of a {}.',
    'a bright photo of the {}.',
    'a dark photo of the {}.',
    'a dark photo of a {}.',
    'a jpeg corrupted photo of a {}.',
    'a jpeg corrupted photo of the {}.',
    'a blurry photo of the {}.',
    'a blurry photo of a {}.',
    'a photo of a {}.',
    'a photo of the {}.',
    'a photo of a small {}.',
    'a photo of the small {}.',
    'a photo of a large {}.',
    'a photo of the large {}.',
    'a photo of the {} for visual inspection.',
    'a photo of a {} for visual inspection.',
    'a photo of the {} for anomaly detection.',
    'a photo of a {} for anomaly detection.',
  ],
  object: 'object',
  temperature: 0.07,
};

/** Whether the texts differ from class to class. */
export const namesClass = ({ object }: WrittenPrompts): boolean => object.includes('{class}');

/** Every state in every template. @param className of the image, as data sets write it: `metal_nut` */
export function phrases(
  { normal, abnormal, templates, object }: WrittenPrompts,
  className = 'object',
): { normal: string[]; abnormal: string[] } {
  const name = object.replaceAll('{class}', className.replaceAll('_', ' '));
  const compose = (states: readonly string[]) =>
    states.flatMap((state) => templates.map((t) => t.replaceAll('{}', state.replaceAll('{}', name))));
  return { normal: compose(normal), abnormal: compose(abnormal) };
}
