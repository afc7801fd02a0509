/** Folder names that say what is in them, in all data sets alike. */

/** Names of folders of normal images, written together and without `images` and the like at their end. */
const normal: ReadonlySet<string> = new Set(
  (
    'good ok okay normal healthy no non nondefective nondefect nondefected nodefect nodefects defectfree faultfree ' +
    'faultless flawless perfect clean intact undamaged nondamaged negative neg pass passed passing free nonanomalous ' +
    'nonanomaly noanomaly anomalyfree notanomalous fine okfront gut io goods normals correct gesund bon sain bueno ' +
    'buena sano 正常 良品 合格 无缺陷 無欠陥 정상 양품'
  ).split(' '),
);

/** Names of folders of masks, likewise. */
const onlyMasks = [
  'groundtruth',
  'groundtruths',
  'gt',
  'gts',
  'mask',
  'masks',
  'segmentation',
  'segmentations',
];
/** These may be kinds of defects too, among others. */
const perhapsMasks = ['seg', 'annotation', 'annotations', 'label', 'labels'];

/** Lower case, without separators; `good_images`, `OK-parts`, `0_good` and `normal (1)` are `good`, `ok` and `normal`. */
const stem = (name: string): string => {
  const plain = name
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\s_.()-]+/g, '')
    .replace(/^\d+(?=\D)/, '');
  return plain.replace(/(images?|imgs?|pictures?|samples?|parts?|products?|items?|data)?\d*$/, '') || plain;
};

/** Whether a folder of this name holds normal images: `good`, `OK`, `NORMAL`, `non-defective`, `no`, ... */
export const isNormalName = (name: string): boolean => normal.has(stem(name));

/** Whether a folder of this name holds masks: `ground_truth`, `Ground Truth`, `masks`, `gt`, ... */
export const isMaskFolder = (name: string): boolean => isOnlyMasks(name) || perhapsMasks.includes(stem(name));

/** The same without names that a kind of defect may have, such as `label` of a bottle. */
export const isOnlyMasks = (name: string): boolean => onlyMasks.includes(stem(name));
