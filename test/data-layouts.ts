// Tiny copies of the data sets' layouts, from their documented structure: 6 x 4 images, masks of the left half.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { encodePng } from '../src/data/image.node.ts';

export const width = 6;
export const height = 4;

/** What a mask says in every tiny copy: the left half is anomalous. */
export const leftHalf = Uint8Array.from({ length: width * height }, (_, i) =>
  i % width < width / 2 ? 1 : 0,
);

type Content = Uint8Array | string;
export type Files = Record<string, Content>;

/** Path, class, kind of defect, whether it has a mask: of an anomalous image; of a normal one `mask` is null. */
export interface Expected {
  image: string;
  className: string;
  defect: string;
  anomaly: boolean;
  mask: boolean;
}

export interface TinyCopy {
  /** The data set, as the paper calls it; also the folder's name. */
  name: string;
  layout: string;
  files: Files;
  test: Expected[];
  /** Number of images in the split `train`. */
  train: number;
}

let shade = 0;
/** A grey image unlike all others, so that no two are duplicates. */
function pixels(): Uint8Array {
  shade++;
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => (shade * 31 + i * 7 + (shade >> 3)) % 256);
}

export const png = (): Promise<Uint8Array> => encodePng({ width, height, data: pixels() });
export const maskPng = (value = 255): Promise<Uint8Array> =>
  encodePng({ width, height, data: leftHalf.map((one) => one * value) });
const raw = (data: Uint8Array, channels: 1 | 3) => sharp(data, { raw: { width, height, channels } });
const jpg = (): Promise<Uint8Array> => raw(pixels(), 3).jpeg().toBuffer();
const tif = (): Promise<Uint8Array> => raw(pixels(), 3).tiff().toBuffer();
/** Strong compression: small values stay where there is no defect. */
const maskJpg = (): Promise<Uint8Array> =>
  raw(
    leftHalf.map((one, i) => one * 255 || (i % 5 === 0 ? 9 : 0)),
    1,
  )
    .jpeg({ quality: 95 })
    .toBuffer();
const maskTif = (): Promise<Uint8Array> =>
  raw(
    leftHalf.map((one) => one * 255),
    1,
  )
    .tiff({ compression: 'lzw' })
    .toBuffer();

/** 8-bit BMP with a grey palette, rows from the bottom. */
export function bmp(values: Uint8Array): Uint8Array {
  const stride = Math.ceil(width / 4) * 4;
  const offset = 54 + 1024;
  const bytes = new Uint8Array(offset + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  for (const [at, value] of [
    [2, bytes.length],
    [10, offset],
    [14, 40],
    [18, width],
    [22, height],
    [46, 256],
  ] as const) {
    view.setUint32(at, value, true);
  }
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  for (let i = 0; i < 256; i++) bytes.fill(i, 54 + 4 * i, 54 + 4 * i + 3);
  for (let y = 0; y < height; y++) {
    bytes.set(values.subarray(y * width, (y + 1) * width), offset + (height - 1 - y) * stride);
  }
  return bytes;
}
const imageBmp = (): Uint8Array => bmp(pixels().subarray(0, width * height));
const maskBmp = (): Uint8Array => bmp(leftHalf.map((one) => one * 255));

/** MVTec AD's layout: per class one training image, a good one and one of each kind. */
async function mvtec(classes: readonly string[], kinds: readonly string[], ending = '_mask') {
  const files: Files = {};
  const test: Expected[] = [];
  for (const className of [...classes].sort()) {
    files[`${className}/train/good/000.png`] = await png();
    for (const defect of [...kinds, 'good'].sort()) {
      const image = `${className}/test/${defect}/000.png`;
      files[image] = await png();
      const anomaly = defect !== 'good';
      if (anomaly) files[`${className}/ground_truth/${defect}/000${ending}.png`] = await maskPng();
      test.push({ image, className, defect, anomaly, mask: anomaly });
    }
  }
  files['readme.txt'] = 'licence';
  return { files, test, train: classes.length };
}

const polyp = (image: string): Expected => ({
  image,
  className: 'colon',
  defect: 'polyp',
  anomaly: true,
  mask: true,
});
const labelOnly = (className: string, image: string, defect: string, anomaly: boolean): Expected => ({
  image,
  className,
  defect,
  anomaly,
  mask: false,
});

async function visa(): Promise<Omit<TinyCopy, 'name' | 'layout'>> {
  const normal = 'candle/Data/Images/Normal/0001.JPG';
  const training = 'candle/Data/Images/Normal/0000.JPG';
  const anomalies = ['candle/Data/Images/Anomaly/000.JPG', 'candle/Data/Images/Anomaly/001.JPG'];
  const masks = anomalies.map((file) => file.replace('Images', 'Masks').replace('.JPG', '.png'));
  return {
    files: {
      [normal]: await jpg(),
      [training]: await jpg(),
      [anomalies[0]!]: await jpg(),
      [anomalies[1]!]: await jpg(),
      // Values are the defects' numbers, not 255.
      [masks[0]!]: await maskPng(1),
      [masks[1]!]: await maskPng(3),
      'candle/image_anno.csv': `image,label,mask\n${anomalies[0]},chunk of wax missing,${masks[0]}\n${anomalies[1]},"melt,scratch",${masks[1]}\n`,
      'split_csv/1cls.csv': `object,split,label,image,mask\ncandle,train,normal,${training},\ncandle,test,normal,${normal},\n${anomalies.map((image, i) => `candle,test,anomaly,${image},${masks[i]}\n`).join('')}`,
      'split_csv/2cls_fewshot.csv': 'object,split,label,image,mask\n',
    },
    test: [
      { image: normal, className: 'candle', defect: 'good', anomaly: false, mask: false },
      {
        image: anomalies[0]!,
        className: 'candle',
        defect: 'chunk of wax missing',
        anomaly: true,
        mask: true,
      },
      { image: anomalies[1]!, className: 'candle', defect: 'melt, scratch', anomaly: true, mask: true },
    ],
    train: 1,
  };
}

/** One tiny copy of every data set of the paper, and of the second form in which VisA is found. */
export async function tinyCopies(): Promise<TinyCopy[]> {
  const dagm = (split: string, number: string): string => `Class1/${split}/${number}.PNG`;
  const labels = (...rows: string[]): string => `1\r\n${rows.map((row) => `${row}\r\n`).join('')}`;
  const yes = (image: string): Expected => labelOnly('brain', image, 'yes', true);
  const no = (image: string): Expected => labelOnly('brain', image, 'no', false);
  return [
    { name: 'MVTec AD', layout: 'MVTec AD', ...(await mvtec(['bottle', 'metal_nut'], ['broken_large'])) },
    { name: 'VisA', layout: 'VisA', ...(await visa()) },
    { name: 'VisA', layout: 'MVTec AD', ...(await mvtec(['candle', 'pcb1'], ['bad'], '')) },
    {
      name: 'BTAD',
      layout: 'BTAD',
      files: {
        '01/train/ok/0000.bmp': imageBmp(),
        '01/test/ok/0001.bmp': imageBmp(),
        '01/test/ko/0000.bmp': imageBmp(),
        '01/ground_truth/ko/0000.png': await maskPng(),
        '03/train/ok/0000.bmp': imageBmp(),
        '03/test/ko/0000.bmp': imageBmp(),
        '03/ground_truth/ko/0000.bmp': maskBmp(),
      },
      test: [
        { image: '01/test/ko/0000.bmp', className: '01', defect: 'ko', anomaly: true, mask: true },
        { image: '01/test/ok/0001.bmp', className: '01', defect: 'ok', anomaly: false, mask: false },
        { image: '03/test/ko/0000.bmp', className: '03', defect: 'ko', anomaly: true, mask: true },
      ],
      train: 2,
    },
    { name: 'MPDD', layout: 'MVTec AD', ...(await mvtec(['bracket_black', 'tubes'], ['hole', 'scratches'])) },
    {
      name: 'DAGM',
      layout: 'DAGM',
      files: {
        [dagm('Train', '0576')]: await png(),
        [dagm('Train', '0577')]: await png(),
        'Class1/Train/Label/0577_label.PNG': await maskPng(),
        'Class1/Train/Label/Labels.txt': labels(
          '576\t0\t0576.PNG\t0\t0',
          '577\t1\t0577.PNG\t0\t0577_label.PNG',
        ),
        [dagm('Test', '0001')]: await png(),
        [dagm('Test', '0002')]: await png(),
        'Class1/Test/Label/0002_label.PNG': await maskPng(),
        'Class1/Test/Label/Labels.txt': labels('1\t0\t0001.PNG\t0\t0', '2\t1\t0002.PNG\t0\t0002_label.PNG'),
        // Labels.txt may be missing: then masks say which images are defective.
        'Class10/Test/0001.PNG': await png(),
        'Class10/Test/0003.PNG': await png(),
        'Class10/Test/Label/0003_label.PNG': await maskPng(),
      },
      test: [
        { image: 'Class1/Test/0001.PNG', className: 'Class1', defect: 'good', anomaly: false, mask: false },
        { image: 'Class1/Test/0002.PNG', className: 'Class1', defect: 'defect', anomaly: true, mask: true },
        { image: 'Class10/Test/0001.PNG', className: 'Class10', defect: 'good', anomaly: false, mask: false },
        { image: 'Class10/Test/0003.PNG', className: 'Class10', defect: 'defect', anomaly: true, mask: true },
      ],
      train: 2,
    },
    {
      name: 'DTD-Synthetic',
      layout: 'MVTec AD',
      ...(await mvtec(['Blotchy_099', 'Woven_127'], ['bad'])),
    },
    {
      name: 'AITEX',
      layout: 'AITEX',
      files: {
        'NODefect_images/2306881-210020u/0001_000_05.png': await png(),
        'Defect_images/0001_002_00.png': await png(),
        'Mask_images/0001_002_00_mask.png': await maskPng(),
        'Defect_images/0044_019_04.png': await png(),
        // Two files, one of the upper rows and one of the lower: their union is the mask.
        'Mask_images/0044_019_04_mask1.png': await encodePng({
          width,
          height,
          data: leftHalf.map((one, i) => (i < 12 ? one * 255 : 0)),
        }),
        'Mask_images/0044_019_04_mask2.png': await encodePng({
          width,
          height,
          data: leftHalf.map((one, i) => (i >= 12 ? one * 255 : 0)),
        }),
      },
      test: [
        {
          image: 'Defect_images/0001_002_00.png',
          className: 'fabric',
          defect: 'broken end',
          anomaly: true,
          mask: true,
        },
        {
          image: 'Defect_images/0044_019_04.png',
          className: 'fabric',
          defect: 'fuzzyball',
          anomaly: true,
          mask: true,
        },
        labelOnly('fabric', 'NODefect_images/2306881-210020u/0001_000_05.png', 'good', false),
      ],
      train: 0,
    },
    {
      name: 'KolektorSDD',
      layout: 'KolektorSDD',
      files: {
        'kos01/Part0.jpg': await jpg(),
        'kos01/Part0_label.bmp': bmp(new Uint8Array(width * height)),
        'kos01/Part5.jpg': await jpg(),
        'kos01/Part5_label.bmp': maskBmp(),
      },
      test: [
        labelOnly('electrical commutators', 'kos01/Part0.jpg', 'good', false),
        {
          image: 'kos01/Part5.jpg',
          className: 'electrical commutators',
          defect: 'defect',
          anomaly: true,
          mask: true,
        },
      ],
      train: 0,
    },
    {
      name: 'ELPV',
      layout: 'ELPV',
      files: {
        'images/cell0001.png': await png(),
        'images/cell0002.png': await png(),
        'images/cell0003.png': await png(),
        'images/cell0004.png': await png(),
        'labels.csv': [
          'images/cell0001.png  1.0                 mono',
          'images/cell0002.png  0.0                 mono',
          'images/cell0003.png  0.3333333333333333  poly',
          'images/cell0004.png  1.0                 poly',
          '',
        ].join('\n'),
      },
      test: [
        labelOnly('solar_cell', 'images/cell0001.png', 'mono', true),
        labelOnly('solar_cell', 'images/cell0002.png', 'good', false),
        labelOnly('solar_cell', 'images/cell0004.png', 'poly', true),
      ],
      train: 0,
    },
    {
      name: 'BrainMRI',
      layout: 'yes and no',
      files: { 'yes/Y1.jpg': await jpg(), 'no/1 no.jpeg': await jpg(), 'no/N1.JPG': await jpg() },
      test: [no('no/1 no.jpeg'), no('no/N1.JPG'), yes('yes/Y1.jpg')],
      train: 0,
    },
    {
      name: 'HeadCT',
      layout: 'HeadCT',
      files: {
        'head_ct/head_ct/000.png': await png(),
        'head_ct/head_ct/100.png': await png(),
        'labels.csv': 'id, hemorrhage\n0,1\n100,0\n',
      },
      test: [
        labelOnly('brain', 'head_ct/head_ct/000.png', 'hemorrhage', true),
        labelOnly('brain', 'head_ct/head_ct/100.png', 'normal', false),
      ],
      train: 0,
    },
    {
      name: 'LAG',
      layout: 'LAG',
      files: {
        'suspicious_glaucoma/image/1.jpg': await jpg(),
        'suspicious_glaucoma/attention_map/1.jpg': await jpg(),
        'suspicious_glaucoma/label/1.txt': '1',
        'non_glaucoma/image/2.jpg': await jpg(),
        'non_glaucoma/attention_map/2.jpg': await jpg(),
      },
      test: [
        labelOnly('fundus', 'non_glaucoma/image/2.jpg', 'non_glaucoma', false),
        labelOnly('fundus', 'suspicious_glaucoma/image/1.jpg', 'suspicious_glaucoma', true),
      ],
      train: 0,
    },
    {
      name: 'Br35H',
      layout: 'yes and no',
      files: { 'yes/y0.jpg': await jpg(), 'no/no0.jpg': await jpg(), 'pred/pred0.jpg': await jpg() },
      test: [no('no/no0.jpg'), yes('yes/y0.jpg')],
      train: 0,
    },
    {
      name: 'CVC-ColonDB',
      layout: 'images and masks',
      files: { 'images/1.png': await png(), 'masks/1.png': await maskPng() },
      test: [polyp('images/1.png')],
      train: 0,
    },
    {
      name: 'CVC-ClinicDB',
      layout: 'CVC-ClinicDB',
      files: { 'Original/1.tif': await tif(), 'Ground Truth/1.tif': await maskTif() },
      test: [polyp('Original/1.tif')],
      train: 0,
    },
    {
      name: 'Kvasir',
      layout: 'images and masks',
      files: {
        'images/cju0qkwl35piu0993l0dewei2.jpg': await jpg(),
        'masks/cju0qkwl35piu0993l0dewei2.jpg': await maskJpg(),
        'kavsir_bboxes.json': '{}',
      },
      test: [polyp('images/cju0qkwl35piu0993l0dewei2.jpg')],
      train: 0,
    },
    {
      name: 'Endo',
      layout: 'images and masks',
      files: { 'images/a.jpg': await jpg(), 'masks/a.jpg': await maskJpg() },
      test: [polyp('images/a.jpg')],
      train: 0,
    },
    {
      name: 'ISIC',
      layout: 'ISIC',
      files: {
        'ISBI2016_ISIC_Part1_Test_Data/ISIC_0000003.jpg': await jpg(),
        'ISBI2016_ISIC_Part1_Test_GroundTruth/ISIC_0000003_Segmentation.png': await maskPng(),
        'ISBI2016_ISIC_Part1_Training_Data/ISIC_0000000.jpg': await jpg(),
        'ISBI2016_ISIC_Part1_Training_GroundTruth/ISIC_0000000_Segmentation.png': await maskPng(),
      },
      test: [
        {
          image: 'ISBI2016_ISIC_Part1_Test_Data/ISIC_0000003.jpg',
          className: 'skin',
          defect: 'lesion',
          anomaly: true,
          mask: true,
        },
      ],
      train: 1,
    },
    {
      name: 'TN3K',
      layout: 'TN3K',
      files: {
        'test-image/0000.jpg': await jpg(),
        'test-mask/0000.jpg': await maskJpg(),
        'trainval-image/0000.jpg': await jpg(),
        'trainval-mask/0000.jpg': await maskJpg(),
        'tn3k-trainval-fold0.json': '{}',
      },
      test: [
        { image: 'test-image/0000.jpg', className: 'thyroid', defect: 'nodule', anomaly: true, mask: true },
      ],
      train: 1,
    },
  ];
}

/** Writes files below `root`. */
export async function writeTree(root: string, files: Files): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
  }
}
