// Where the command line reads and writes: what is an input, what is a result, and what happens when a place fails.
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gpu, openGpu } from '../src/gpu/gpu.ts';
import { resultFiles } from '../src/jobs/results.node.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let prompts: string;
let model: string[];
let image: string;
const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);

const noDevice = {
  openGpu: () => Promise.reject(new Error('the device was opened before the places were checked')),
};

beforeAll(async () => {
  fixtures = await makeFixtures();
  const { clip, data } = fixtures;
  model = ['--clip', clip, '--cache', out('cache')];
  const argv = ['train', '--data', data, ...model, '--out', out('run'), '--epochs', '1', ...tinyOptions];
  const { code, note } = await cli(argv);
  expect(code, note).toBe(0);
  prompts = out('run', 'prompts.safetensors');
  image = path.join(data, 'weave', 'test', 'good', '000.png');
});
afterAll(() => fixtures.remove());

let folders = 0;
/** A folder with copies of an image under these names. */
async function folderOf(...names: string[]): Promise<string> {
  const dir = out(`folder${folders++}`);
  for (const name of names) {
    await mkdir(path.dirname(path.join(dir, name)), { recursive: true });
    await copyFile(image, path.join(dir, name));
  }
  return dir;
}

const detect = (inputs: readonly string[], to: string, more: readonly string[] = [], io = {}) =>
  cli(['detect', ...inputs, '--prompts', prompts, ...model, '--out', to, ...more], io);
const scores = async (to: string) =>
  JSON.parse(await readFile(path.join(to, 'scores.json'), 'utf8')) as {
    images: { image: string; score: number; heatmap?: string; map?: string }[];
    problems: { image: string; problem: string }[];
    interrupted?: boolean;
    missing?: number;
  };
const names = async (to: string) => (await scores(to)).images.map((row) => path.basename(row.image));

describe('what is an input', () => {
  test('hidden files, system files and other formats are none; the last are counted', async () => {
    const dir = await folderOf('a.png', '._a.png', '__MACOSX/b.png', '.hidden/c.png', 'folder.png/d.png');
    await writeFile(path.join(dir, '._a.png'), '\0\x05\x16\x07');
    await writeFile(path.join(dir, 'e.heic'), 'x');
    await writeFile(path.join(dir, 'f.jp2'), 'x');
    await writeFile(path.join(dir, 'g.txt'), 'x');
    await symlink('..', path.join(dir, 'folder.png', 'up'));
    const to = out('hidden');
    const { code, note } = await detect([dir], to, ['--no-threshold']);
    expect([code, await names(to)]).toEqual([0, ['a.png', 'd.png']]);
    expect(note).toMatch(/note: .*left out: 2 files \(1 \.heic, 1 \.jp2\) of formats that are not read/);
    const calibrated = [
      'calibrate',
      '--good',
      dir,
      '--prompts',
      prompts,
      ...model,
      '--out',
      out('hidden.st'),
    ];
    expect((await cli(calibrated)).code).toBe(0);
  });

  test('a folder of other formats only says which', async () => {
    const dir = await folderOf('a.heic');
    const { code, note } = await detect([dir], out('none'), [], noDevice);
    expect([code, note]).toEqual([1, expect.stringMatching(/found none, but 1 file \(1 \.heic\)/)]);
  });

  test('the folder of results inside the inputs, and results elsewhere, are none', async () => {
    const dir = await folderOf('a.png', 'sub/b.map.png');
    const to = path.join(dir, 'results');
    for (let run = 0; run < 3; run++) {
      expect((await detect([dir], to)).code).toBe(0);
      expect(await names(to)).toEqual(['a.png', 'b.map.png']);
    }
    // Other results in another folder: told by what is in them.
    const { note } = await detect([dir], out('elsewhere'));
    expect(note).toMatch(/left out: 4 results of this program/);
    expect(await names(out('elsewhere'))).toEqual(['a.png', 'b.map.png']);
  });
});

describe('results never take the place of anything else', () => {
  test('an input folder as folder of results, also by a link', async () => {
    const dir = await folderOf('foo.png', 'foo.map.png');
    const link = out('link');
    await symlink(dir, link);
    for (const to of [dir, `${dir}/`, link, path.join(dir, '..', path.basename(dir))]) {
      const { code, note } = await detect([dir], to, [], noDevice);
      expect([code, note]).toEqual([
        1,
        expect.stringMatching(/--out: expected another folder than the images'/),
      ]);
    }
  });

  test('an image that is named itself, and a picture that is not among the inputs', async () => {
    const dir = await folderOf('foo.png', 'foo.map.png');
    const own = await readFile(path.join(dir, 'foo.map.png'));
    const both = [path.join(dir, 'foo.png'), path.join(dir, 'foo.map.png')];
    const first = await detect(both, dir, [], noDevice);
    expect([first.code, first.note]).toEqual([1, expect.stringMatching(/foo\.map\.png.*overwrite an input/)]);
    const second = await detect(both.slice(0, 1), dir, [], noDevice);
    expect(second.code).toBe(1);
    expect(second.note).toMatch(/overwrite a file that is no result of this program/);
    expect(await readFile(path.join(dir, 'foo.map.png'))).toEqual(own);
    // Results of an earlier run may be written anew.
    const to = out('again');
    for (let run = 0; run < 2; run++) expect((await detect([both[0]!], to)).code).toBe(0);
    expect((await sharp(path.join(to, 'foo.map.png')).metadata()).depth).toBe('ushort');
  });

  test('two images of one name', async () => {
    const dir = await folderOf('a.png', 'b/a.png', 'A.png');
    const to = out('same');
    expect((await detect([dir, path.join(dir, 'b', 'a.png'), path.join(dir, 'a.png')], to)).code).toBe(0);
    const files = (await scores(to)).images.flatMap(({ heatmap, map }) => [heatmap, map]);
    expect(new Set(files.map((file) => file!.toLowerCase())).size).toBe(10);
  });

  test('a watched folder as folder of results', async () => {
    const dir = await folderOf('a.png');
    const argv = ['detect', '--watch', dir, '--prompts', prompts, ...model, '--out', dir];
    const { code, note } = await cli(argv, noDevice);
    expect([code, note]).toEqual([1, expect.stringMatching(/expected another folder than the watched one/)]);
  });

  test("a data set's folder as that of a run, of metrics and of a report", async () => {
    const data = ['--data', fixtures.data];
    for (const argv of [
      ['train', ...data, ...model, '--out', fixtures.data],
      ['eval', ...data, '--prompts', prompts, ...model, '--out', `${fixtures.data}/weave/..`],
      ['eval', ...data, '--prompts', prompts, ...model, '--report', fixtures.data],
    ]) {
      const { code, note } = await cli(argv, noDevice);
      expect([code, note]).toEqual([
        1,
        expect.stringMatching(/expected another folder than that of the inputs/),
      ]);
    }
  });

  test('convert onto itself', async () => {
    const { code, note } = await cli(['weights', 'convert', fixtures.clip, fixtures.clip]);
    expect([code, note]).toEqual([1, expect.stringMatching(/expected another file than <in>/)]);
  });
});

describe('one failure is one', () => {
  test('long names are cut where they must be, in bytes', async () => {
    const long = 'b'.repeat(205);
    const chinese = '漆'.repeat(82);
    const dir = await folderOf('a.png', `${long}.png`, `${chinese}.png`, 'z.jpg');
    const to = out('long');
    const { code, note } = await detect([dir], to);
    expect([code, note]).toEqual([0, '']);
    for (const { heatmap, map } of (await scores(to)).images)
      for (const file of [heatmap!, map!]) {
        expect(Buffer.byteLength(file)).toBeLessThanOrEqual(255);
        await readFile(path.join(to, file));
      }
    const [one, two] = ['1', '2'].map((end) => resultFiles('x'.repeat(250) + end).map);
    expect(one).not.toBe(two);
    expect((await readdir(to)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('results that cannot be written: the score counts, the others are done, exit code 1', async () => {
    const dir = await folderOf('a.png', 'b.png', 'c.png');
    const to = out('blocked');
    const {
      code,
      note,
      out: table,
    } = await detect([dir], to, [], {
      note() {},
      // A folder takes the place of a result once the run has begun.
      onInterrupt: () => {
        void mkdir(path.join(to, 'b.heatmap.png', 'x'), { recursive: true });
        return () => {};
      },
    });
    expect([code, note]).toEqual([1, '']);
    const { images, problems } = await scores(to);
    expect(images.map(({ heatmap }) => heatmap)).toEqual(['a.heatmap.png', undefined, 'c.heatmap.png']);
    expect(problems.map(({ image: file }) => path.basename(file))).toEqual(['b.png']);
    expect(table.match(/\.png/g)).toHaveLength(3);
  });

  test('an interrupt: what was begun is finished, every picture has its row, exit code 130', async () => {
    const dir = await folderOf(...Array.from({ length: 40 }, (_, i) => `${i}.png`));
    const to = out('interrupted');
    const lines: string[] = [];
    let interrupt = () => {};
    const { code, note } = await cli(
      ['detect', dir, '--prompts', prompts, ...model, '--out', to, '--json-lines'],
      {
        out(text) {
          lines.push(text);
          interrupt();
        },
        onInterrupt(stop) {
          interrupt = stop;
          return () => {};
        },
      },
    );
    const found = await scores(to);
    const done = found.images.length;
    expect([code, found.interrupted, found.missing, lines.length]).toEqual([130, true, 40 - done, done]);
    expect(done).toBeLessThan(40);
    expect(note).toContain(`interrupted: ${done} of 40 images are done`);
    expect(note.match(/interrupted: finishing the images under way/g)).toHaveLength(1);
    const pictures = found.images.flatMap(({ heatmap, map }) => [heatmap, map]);
    expect((await readdir(to)).sort()).toEqual(['scores.json', ...pictures].sort());
  });

  test('a watched folder that disappears is said and waited for', async () => {
    const dir = await folderOf('old.png');
    const notes: string[] = [];
    const printed: string[] = [];
    let interrupt = () => {};
    const until = async (list: string[], text: string) => {
      while (!list.some((line) => line.includes(text))) await new Promise((done) => setTimeout(done, 10));
    };
    const running = cli(
      ['detect', '--watch', dir, '--interval', '20', '--prompts', prompts, '--json-lines', ...model],
      {
        out: (text) => printed.push(text),
        note: (text) => notes.push(text),
        onInterrupt(stop) {
          interrupt = stop;
          return () => {};
        },
      },
    );
    await until(notes, 'watching');
    await rename(dir, `${dir}-away`);
    await until(notes, 'expected the watched folder, found ENOENT');
    await rename(`${dir}-away`, dir);
    await until(notes, 'can be read again');
    await copyFile(image, path.join(dir, 'new.png'));
    await until(printed, 'new.png');
    expect(printed.some((line) => line.includes('old.png'))).toBe(false);
    interrupt();
    expect((await running).code).toBe(1);
    const missing = ['detect', '--watch', out('nowhere'), '--prompts', prompts, '--json-lines', ...model];
    const { code, note } = await cli(missing);
    expect([code, note]).toEqual([1, expect.stringMatching(/--watch: expected a folder that can be read/)]);
  });
});

test('a device that is lost under a watch is opened again, and the watch goes on', async () => {
  const dir = await folderOf('old.png');
  const notes: string[] = [];
  const printed: string[] = [];
  const opened: Gpu[] = [];
  let interrupt = () => {};
  const until = async (list: string[], text: string) => {
    while (!list.some((line) => line.includes(text))) await new Promise((done) => setTimeout(done, 10));
  };
  const options = ['--interval', '20', '--prompts', prompts, '--json-lines', '--no-threshold', ...model];
  const running = cli(['detect', path.join(dir, 'old.png'), '--watch', dir, ...options], {
    out: (text) => printed.push(text),
    note: (text) => notes.push(text),
    async openGpu() {
      opened.push(await openGpu());
      return opened.at(-1)!;
    },
    onInterrupt(stop) {
      interrupt = stop;
      return () => {};
    },
  });
  await until(notes, 'watching');
  opened[0]!.device.destroy();
  for (const name of ['a.png', 'b.png']) {
    await copyFile(image, path.join(dir, name));
    await until(printed, name);
  }
  interrupt();
  expect((await running).code).toBe(0);
  expect(opened).toHaveLength(2);
  expect(notes.filter((line) => line.startsWith('watching'))).toHaveLength(1);
  expect(printed.map((line) => path.basename((JSON.parse(line) as { image: string }).image))).toEqual([
    'old.png',
    'a.png',
    'b.png',
  ]);
});

describe('places are tried before the work', () => {
  test('a file where a folder should be, a folder where a file should be, a place that cannot be made', async () => {
    const file = out('afile');
    await writeFile(file, 'mine');
    const data = ['--data', fixtures.data];
    const evaluate = ['eval', ...data, '--prompts', prompts, ...model];
    const calibrate = ['calibrate', ...data, '--prompts', prompts, ...model];
    const bad: [string[], RegExp][] = [
      [
        ['detect', image, '--prompts', prompts, ...model, '--out', file],
        /--out: expected a folder.*the file/,
      ],
      [[...evaluate, '--out', file], /--out: expected a folder.*the file/],
      [[...evaluate, '--report', path.join(file, 'deep', 'er')], /--report: expected a folder.*ENOTDIR/],
      [[...evaluate, '--json', fixtures.dir], /--json: expected a file to write, found the folder/],
      [[...calibrate, '--out', fixtures.dir], /--out: expected a file to write, found the folder/],
      [[...calibrate, '--out', '/proc/faprompt/x.safetensors'], /--out: expected a folder.*\/proc: E/],
      [['train', ...data, ...model, '--out', file], /--out: expected a folder.*the file/],
      [['train', ...data, ...model, '--out', '/proc/faprompt'], /--out: expected a folder/],
      [['pretrain', '--out', file], /--out: expected a folder/],
      [['weights', 'convert', fixtures.clip, fixtures.dir], /<out>: expected a file to write/],
    ];
    for (const [argv, reason] of bad) {
      const { code, note, out: printed } = await cli(argv, noDevice);
      expect([argv[0], code, printed]).toEqual([argv[0], 1, '']);
      expect(note).toMatch(reason);
    }
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  test('a file written through a link leaves the link', async () => {
    const [real, link] = [out('real.json'), out('link.json')];
    await writeFile(real, '');
    await symlink(real, link);
    const argv = ['eval', '--data', fixtures.data, '--prompts', prompts, ...model, '--json', link];
    expect((await cli(argv)).code).toBe(0);
    expect(JSON.parse(await readFile(real, 'utf8'))).toHaveProperty('mean');
  });

  test('--resume of a folder in which no run was begun', async () => {
    await mkdir(out('empty-run'));
    for (const dir of [out('no-run'), out('empty-run')]) {
      const argv = ['train', '--data', fixtures.data, ...model, '--out', dir, '--resume', ...tinyOptions];
      const { code, note } = await cli(argv, noDevice);
      expect([code, note]).toEqual([
        1,
        expect.stringMatching(/resume: expected the folder of a run to go on with/),
      ]);
    }
    await rm(out('no-run'), { recursive: true, force: true });
  });
});

describe('images of one label', () => {
  /** The data set with those of its images that `keep` takes, read by its meta.json. */
  async function only(
    name: string,
    keep: (entry: { anomaly: number }) => boolean,
    change = (entry: object) => entry,
  ) {
    await cp(fixtures.data, out(name), { recursive: true });
    const file = out(name, 'meta.json');
    const meta = JSON.parse(await readFile(file, 'utf8')) as { test: Record<string, { anomaly: number }[]> };
    const test = Object.entries(meta.test).map(([key, entries]) => [key, entries.filter(keep).map(change)]);
    await writeFile(file, JSON.stringify({ train: {}, test: Object.fromEntries(test) }));
    return out(name);
  }
  const train = (data: string, to: string) =>
    cli(['train', '--data', data, ...model, '--out', out(to), '--epochs', '1', ...tinyOptions]);

  test('without an anomaly, or without a mask for one, nothing is trained', async () => {
    const normal = await only('normal', ({ anomaly }) => anomaly === 0);
    const { code, note } = await train(normal, 'run-normal');
    expect(code).toBe(1);
    expect(note).toMatch(/warning: one label: .*found 4 normal, none anomalous/);
    expect(note).toMatch(
      /error: data: expected anomalous images with masks to train on, found 4 normal images/,
    );
    expect(await readdir(out('run-normal')).catch(() => [])).toEqual([]);
    const bare = await only(
      'bare',
      () => true,
      (entry) => ({ ...entry, mask_path: '' }),
    );
    expect((await train(bare, 'run-bare')).note).toMatch(/4 normal images and 5 anomalous without a mask/);
  });

  test('masks that are all white, and images of 12 bits, are said by train and eval', async () => {
    const data = await only('odd', () => true);
    const mask = out('odd', 'weave', 'ground_truth', 'hole', '000_mask.png');
    await writeFile(mask, await sharp(mask).linear(0, 255).png().toBuffer());
    const image12 = out('odd', 'weave', 'test', 'good', '000.png');
    const bright = await sharp(image12).toColourspace('b-w').raw().toBuffer();
    const dark = Uint16Array.from(bright.subarray(0, 32 * 32), (value) => 16 * value);
    const grey = sharp(dark, { raw: { width: 32, height: 32, channels: 1 } }).toColourspace('grey16');
    await writeFile(image12, await grey.png().toBuffer());
    const evaluate = ['eval', '--data', data, '--prompts', prompts, ...model];
    for (const { code, note } of [await train(data, 'run-odd'), await cli(evaluate)]) {
      expect(code, note).toBe(0);
      expect(note).toMatch(/note: full mask: 1, e\.g\. .*hole\/000_mask\.png: expected a normal pixel too/);
      expect(note).toMatch(/note: 1 image of 16-bit samples with none above 4095: read as 12 bits/);
    }
    const uncached = await detect([image12], out('odd-out'), ['--no-cache']);
    expect(uncached.note).toMatch(/note: 1 image of 16-bit samples/);
  });

  test('without a normal one it is said; so it is by eval and calibrate', async () => {
    const anomalous = await only('anomalous', ({ anomaly }) => anomaly === 1);
    const trained = await train(anomalous, 'run-anomalous');
    expect([trained.code, trained.note]).toEqual([
      0,
      expect.stringMatching(/warning: data: none of the 5 images/),
    ]);
    const label = /warning: one label: .*found 5 anomalous, none normal/;
    expect(trained.note).toMatch(label);
    const given = ['--data', anomalous, '--prompts', prompts, ...model];
    const evaluated = await cli(['eval', ...given]);
    expect([evaluated.code, evaluated.note]).toEqual([0, expect.stringMatching(label)]);
    expect((await cli(['calibrate', ...given, '--best-f1', '--out', out('c.safetensors')])).note).toMatch(
      label,
    );
  });
});

test('--version, help, and one text for classify', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  for (const argv of [['--version'], ['-V']]) {
    const { code, out: printed } = await cli(argv);
    expect([code, printed.trim()]).toEqual([0, version]);
  }
  expect((await cli(['help'])).out).toMatch(/^Usage: faprompt/);
  expect((await cli(['help', 'train'])).out).toMatch(/^Usage: faprompt train/);
  expect((await cli(['help', 'train'])).code).toBe(0);
  for (const texts of [['one'], ['same', 'same']]) {
    const { code, note } = await cli(
      ['classify', image, '--clip', fixtures.clip, '--text', ...texts],
      noDevice,
    );
    expect([code, note]).toEqual([1, expect.stringMatching(/--text: expected two texts or more/)]);
  }
});
