/**
 * The layouts that path patterns describe, from the most particular to the most general: the first that fits wins.
 * docs/DATASETS.md says where each data set is from and how it is read.
 */
import type { PatternLayout } from './pattern.ts';

/** Folders of a split; `test_public` is MVTec AD 2's. */
const splitFolders = 'train|training|test|testing|test_public|val|valid|validation';

const mvtecClasses =
  'bottle cable capsule carpet grid hazelnut leather metal_nut pill screw tile toothbrush transistor wood zipper';
const visaClasses =
  'candle capsules cashew chewinggum fryum macaroni1 macaroni2 pcb1 pcb2 pcb3 pcb4 pipe_fryum';
const mpddClasses = 'bracket_black bracket_brown bracket_white connector metal_plate tubes';
const dtdClasses =
  'Blotchy_099 Fibrous_183 Marbled_078 Matted_069 Mesh_114 Perforated_037 Stratified_154 Woven_001 Woven_068 Woven_104 Woven_125 Woven_127';

/** Defect codes of the file names, from the data set's paper (Silvestre-Blanes et al., 2019). */
const aitexDefects = {
  '002': 'broken end',
  '006': 'broken yarn',
  '010': 'broken pick',
  '016': 'weft curling',
  '019': 'fuzzyball',
  '022': 'cut selvage',
  '023': 'crease',
  '025': 'warp ball',
  '027': 'knots',
  '029': 'contamination',
  '030': 'nep',
  '036': 'weft crack',
};

/** What stands behind an image's name in the name of its mask; a folder of the image's name holds several masks. */
const maskEnds = ['_mask', '', '_gt', '_label', '_segmentation', '_seg', '/*'];

/** Masks in a folder, under the names of their images. */
const masksIn = (...folders: string[]): string[] =>
  folders.flatMap((folder) => maskEnds.map((end) => `${folder}/{name}${end}`));

/** Where the masks of `<class>/<split>/<defect>/<name>` lie; without `_mask`: VisA as its own script converts it. */
const classMasks = masksIn(
  '{class}/{masks}/{defect}',
  '{class}/{masks}/{split}/{defect}',
  '{class}/{split}/{masks}/{defect}',
  '{class}/{split}/{defect}/{masks}',
);

export const patternLayouts: readonly PatternLayout[] = [
  {
    name: 'AITEX',
    requires: ['Defect_images/{name}'],
    images: [
      {
        image: 'Defect_images/{number:\\d+}_{defect:\\d+}_{fabric}',
        masks: ['_mask', '_mask1', '_mask2'].map((end) => `Mask_images/{number}_{defect}_{fabric}${end}`),
        className: 'fabric',
      },
      { image: 'NODefect_images/{fabric}/{name}', className: 'fabric', defect: 'good' },
      { image: 'NODefect_images/{name}', className: 'fabric', defect: 'good' },
    ],
    normal: ['good'],
    defects: aitexDefects,
  },
  {
    name: 'LAG',
    images: [{ image: '{defect:suspicious_glaucoma|non_glaucoma}/image/{name}', className: 'fundus' }],
    normal: ['non_glaucoma'],
    // Where ophthalmologists looked: no masks.
    leaves: /^(suspicious_glaucoma|non_glaucoma)\/attention_map\//i,
  },
  {
    name: 'ISIC',
    images: [
      {
        image: 'ISBI2016_ISIC_Part1_{split:Training|Test}_Data/{name}',
        masks: ['ISBI2016_ISIC_Part1_{split}_GroundTruth/{name}_Segmentation'],
        className: 'skin',
        defect: 'lesion',
      },
    ],
    normal: [],
  },
  {
    name: 'TN3K',
    images: [
      {
        image: '{split:trainval|test}-image/{name}',
        masks: ['{split}-mask/{name}'],
        className: 'thyroid',
        defect: 'nodule',
      },
    ],
    normal: [],
  },
  ...['', 'PNG/', 'TIF/'].map(
    (folder): PatternLayout => ({
      name: 'CVC-ClinicDB',
      requires: [`${folder}Ground Truth/{name}`],
      images: [
        {
          image: `${folder}Original/{name}`,
          masks: [`${folder}Ground Truth/{name}`],
          className: 'colon',
          defect: 'polyp',
        },
      ],
      normal: [],
      // Everything is there twice, as PNG and as TIFF.
      leaves: /^(png|tif)\//i,
    }),
  ),
  {
    // As it is distributed, but without the file of its splits.
    name: 'VisA without split_csv',
    images: [
      {
        image: '{class}/Data/Images/{defect:Normal|Anomaly}/{name}',
        masks: ['{class}/Data/Masks/{defect}/{name}'],
      },
    ],
    normal: ['normal'],
  },
  {
    name: 'BTAD',
    known: [{ name: 'BTAD', classes: ['01', '02', '03'] }],
    requires: [`{class}/{split:${splitFolders}}/ok/{name}`],
    images: [{ image: `{class}/{split:${splitFolders}}/{defect}/{name}`, masks: classMasks }],
    normal: 'common',
  },
  {
    name: 'MVTec AD',
    known: [
      { name: 'MVTec AD', classes: mvtecClasses.split(' ') },
      { name: 'VisA', classes: visaClasses.split(' ') },
      { name: 'MPDD', classes: mpddClasses.split(' ') },
      { name: 'DTD-Synthetic', classes: dtdClasses.split(' ') },
    ],
    images: [
      {
        image: `{class}/{split:${splitFolders}}/{defect}/{name}`,
        masks: classMasks,
      },
    ],
    normal: 'common',
  },
  {
    name: 'images and masks',
    known: [
      { name: 'Kvasir', file: /^kavsir_bboxes\.json$/ },
      { name: 'Kvasir', folder: /kvasir/i },
      { name: 'CVC-ColonDB', folder: /colon-?db/i },
      { name: 'CVC-ClinicDB', folder: /clinic-?db/i },
      { name: 'Endo', folder: /^endo/i },
    ],
    requires: ['images/{name}', 'masks/{name}'],
    images: [{ image: 'images/{name}', masks: masksIn('masks'), className: 'colon', defect: 'polyp' }],
    normal: [],
  },
  {
    name: 'yes and no',
    known: [
      { name: 'Br35H', file: /^(?:yes\/y0|no\/no0)\.jpe?g$/ },
      { name: 'BrainMRI', file: /^(?:yes\/Y1|no\/1 no)\.jpe?g$/i },
    ],
    requires: ['yes/{name}', 'no/{name}'],
    images: [{ image: '{defect:yes|no}/{name}', className: 'brain' }],
    normal: ['no'],
    // Br35H's images without labels; BrainMRI's archive holds everything twice.
    leaves: /^(pred|brain_tumor_dataset)\//i,
  },
  {
    name: 'folder of good',
    known: [],
    images: [
      {
        image: '{class}/{defect}/{name}',
        masks: masksIn('{class}/{masks}/{defect}', '{class}/{masks}', '{class}/{defect}/{masks}'),
      },
    ],
    normal: 'common',
    needsNormal: true,
  },
];
