// Weights as training frameworks store them, and files that are something else.
import { describe, expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import {
  float32Tensor,
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { clipTensors } from '../src/model/checkpoint/names.ts';
import { readTensors } from '../src/model/checkpoint/open.ts';
import { promptTensors } from '../src/model/checkpoint/published-prompts.ts';
import { clipConfigOf } from '../src/model/clip/config.ts';
import { asHuggingFace, asOpenClip, tinyConfig, tinyWeights } from './clip-files.ts';
import { type Node, torchFile, zip } from './torch-file.ts';
import { cli } from './train-fixtures.ts';

const weights = tinyWeights();
const read = (bytes: Uint8Array, name = 'test.bin') => readTensors(bytesSource(name, bytes));
type Tensors = ReadonlyMap<string, TensorData>;
const renamed = (tensors: Tensors, rename: (name: string) => string) =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));
const one = float32Tensor([1], Float32Array.of(7));

async function errorOf(promise: Promise<unknown>): Promise<WeightsError> {
  const error = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WeightsError);
  return error as WeightsError;
}

/** Expects the tiny CLIP, by its configuration and one tensor. */
async function expectTiny(bytes: Uint8Array): Promise<readonly string[]> {
  const { file, ignored } = clipTensors(await read(bytes));
  expect(clipConfigOf(file)).toEqual(tinyConfig);
  expect(await file.readFloat32('visual.ln_post.bias')).toEqual(weights.get('visual.ln_post.bias')!.data);
  return ignored;
}

describe('prefixes', () => {
  test.each([
    'module.',
    '_orig_mod.',
    'module._orig_mod.',
    '_orig_mod.module.',
    'model.',
    'net.',
    'clip_model.',
    'clip.',
    'state_dict.',
    'model.module._orig_mod.clip.',
    'student.backbone.',
    '_forward_module.model.',
  ])('%s before all names, in every scheme', async (prefix) => {
    for (const named of [weights, asHuggingFace(weights), asOpenClip(weights)])
      await expectTiny(writeSafetensors(renamed(named, (name) => prefix + name)));
  });

  test('wrappers of parts: torch.compile, FSDP and checkpointing inside the names', async () => {
    const inside = renamed(weights, (name) =>
      name
        .replace(/^visual\./, 'visual._orig_mod.')
        .replace(/resblocks\.(\d+)\./, 'resblocks.$1._fsdp_wrapped_module._checkpoint_wrapped_module.'),
    );
    await expectTiny(writeSafetensors(inside));
  });

  test.each(['ema.', 'model_ema.', 'ema_model.module.', 'teacher.', 'shadow_params.'])(
    'a copy under %s beside the model, before it or after it',
    async (copy) => {
      const zeros = renamed(weights, (name) => copy + name);
      for (const [name, { dtype, shape }] of zeros)
        zeros.set(name, { dtype, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
      for (const prefix of ['', 'model.', 'module.']) {
        const own = renamed(weights, (name) => prefix + name);
        for (const both of [new Map([...zeros, ...own]), new Map([...own, ...zeros])])
          expect(await expectTiny(writeSafetensors(both))).toHaveLength(zeros.size);
      }
    },
  );

  test('other modules beside the model are ignored where it has a prefix, and refused where it has none', async () => {
    const own = renamed(weights, (name) => `model.${name}`);
    expect(await expectTiny(writeSafetensors(new Map([...own, ['criterion.weight', one]])))).toEqual([
      'criterion.weight',
    ]);
    const { file } = clipTensors(
      await read(writeSafetensors(new Map([...weights, ['criterion.weight', one]]))),
    );
    expect(() => clipConfigOf(file)).toThrow(/criterion\.weight: .*unknown tensor/);
  });

  test('no CLIP at all: the names that the file has', async () => {
    const other = new Map([
      ['encoder.layer.0.weight', one],
      ['encoder.layer.1.weight', one],
    ]);
    const file = await read(writeSafetensors(other));
    expect(() => clipTensors(file)).toThrow(/a CLIP .* found 2 tensors: encoder\.layer\.0\.weight, encoder/);
    const prompts = await read(writeSafetensors(new Map([['ctx_pos', one]])));
    expect(() => clipTensors(prompts)).toThrow(/trained prompts, which go with --prompts/);
  });

  test('published prompts behind a prefix', async () => {
    const file = await read(
      torchFile(new Map([['state_dict', new Map([['module.prompt_learner.ctx_pos', one]])]])),
    );
    expect([...promptTensors(file)!.tensors.keys()]).toEqual(['ctx_pos']);
    expect(await promptTensors(file)!.readFloat32('ctx_pos')).toEqual(Float32Array.of(7));
    expect(promptTensors(await read(writeSafetensors(weights)))).toBeUndefined();
  });
});

describe('other objects in a pickle', () => {
  const object = (global: string, attributes: [string, Node][] = []): Node => ({
    global,
    attributes: new Map(attributes),
  });
  const objects: [string, Node][] = [
    [
      'args',
      object('argparse.Namespace', [
        ['lr', 1],
        ['path', object('pathlib.PosixPath')],
      ]),
    ],
    ['score', object('numpy.core.multiarray.scalar')],
    ['array', object('numpy.core.multiarray._reconstruct', [['state', [1, 2]]])],
    ['when', object('datetime.datetime')],
    ['config', object('omegaconf.dictconfig.DictConfig', [['_content', new Map([['model', 'ViT-L/14']])]])],
    ['function', object('posix.system')],
    ['device', object('torch.device')],
  ];

  test.each(['state_dict', 'model', 'model_state_dict', 'net', 'clip', 'anything'])(
    'beside a state dict under %s',
    async (key) => {
      const state = new Map<string, Node>([
        ...objects,
        [key, weights as ReadonlyMap<string, Node>],
        ['epoch', 3],
      ]);
      await expectTiny(torchFile(state));
      const file = await read(torchFile(state));
      expect(file.foreign).toContain('posix.system');
      expect(file.foreign).toContain('argparse.Namespace');
    },
  );

  test('an optimizer and a copy of the model beside it', async () => {
    const copy = new Map(
      [...weights].map(
        ([name, { dtype, shape }]) =>
          [name, { dtype, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }] as const,
      ),
    );
    const state = new Map<string, Node>([
      ['model_ema', copy],
      ['model', weights as ReadonlyMap<string, Node>],
      ['optimizer', new Map([['state', [one, one]]])],
    ]);
    await expectTiny(torchFile(state));
  });

  test('`model` as the name of an architecture, and as its options', async () => {
    for (const model of ['ViT-L/14', object('argparse.Namespace')] as const)
      await expectTiny(
        torchFile(
          new Map<string, Node>([
            ['model', model],
            ['state_dict', weights as ReadonlyMap<string, Node>],
          ]),
        ),
      );
  });

  test('a module that was stored whole', async () => {
    interface Module {
      readonly parameters: Map<string, Node>;
      readonly modules: Map<string, Module>;
    }
    const empty = (): Module => ({ parameters: new Map(), modules: new Map() });
    const root = empty();
    for (const [name, tensor] of weights) {
      const parts = name.split('.');
      let at = root;
      for (const part of parts.slice(0, -1)) {
        if (!at.modules.has(part)) at.modules.set(part, empty());
        at = at.modules.get(part)!;
      }
      at.parameters.set(parts.at(-1)!, tensor);
    }
    const stored = ({ parameters, modules }: Module): Node =>
      object('clip.model.Module', [
        ['training', false],
        ['_parameters', parameters],
        ['_buffers', new Map()],
        ['_modules', new Map([...modules].map(([name, module]) => [name, stored(module)]))],
      ]);
    await expectTiny(torchFile(stored(root)));
    await expectTiny(torchFile(new Map([['model', stored(root)]])));
  });

  test('a subclass of a dictionary as state dict, and a tensor of unknown numbers', async () => {
    // GLOBAL, empty tuple, NEWOBJ, then items: as pickle stores subclasses of dict.
    const whole = torchFile(weights as ReadonlyMap<string, Node>);
    const text = Buffer.from(whole).toString('latin1');
    expect(text).toContain('\x80\x02}(');
    const subclass = zipOf(text, (pickle) => pickle.replace('\x80\x02}(', '\x80\x02cmy.lib\nState\n)\x81('));
    await expectTiny(subclass);
    const complex = zipOf(text, (pickle) => pickle.replaceAll('FloatStorage', 'ComplexStorage'));
    expect((await errorOf(read(complex))).found).toMatch(/the Python objects .* are not read|none/);
  });

  /** The archive with its first pickle changed. */
  function zipOf(archive: string, change: (pickle: string) => string): Uint8Array {
    const entries = new Map<string, Uint8Array>();
    const bytes = Buffer.from(archive, 'latin1');
    for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50; ) {
      const [size, name, extra] = [
        bytes.readUInt32LE(at + 22),
        bytes.readUInt16LE(at + 26),
        bytes.readUInt16LE(at + 28),
      ];
      const title = bytes.toString('latin1', at + 30, at + 30 + name);
      const data = bytes.subarray(at + 30 + name + extra, at + 30 + name + extra + size);
      entries.set(
        title,
        title.endsWith('data.pkl') ? Buffer.from(change(data.toString('latin1')), 'latin1') : data,
      );
      at += 30 + name + extra + size;
    }
    return zip(entries);
  }
});

describe('files that are something else', () => {
  test.each<[string, string, RegExp]>([
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n',
      /Git LFS pointer.*git lfs pull/,
    ],
    ['an HTML page', '<!doctype html><title>Sign in</title>', /an HTML page/],
    ['an HTML page after blank lines', '\n\n  <html>', /an HTML page/],
    ['a JSON error', '{"error":"Repository not found"}', /JSON: .*Repository not found/],
    ['XML', '<?xml version="1.0"?><Error/>', /an XML file/],
    ['a gzip archive', '\x1f\x8b\x08\0\0\0\0\0\0\x03', /a gzip archive/],
    ['a picture', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', /a PNG image/],
    ['nothing', '', /an empty file/],
    ['zeros', '\0'.repeat(64), /zeros|JSON/],
    ['text', 'hello, this is a note', /the text "hello/],
  ])('%s', async (_, content, found) => {
    const bytes = Buffer.from(content, 'latin1');
    expect((await errorOf(read(bytes))).message).toMatch(found);
    const direct = await errorOf(readSafetensors(bytesSource('prompts.safetensors', bytes)));
    expect(direct.message).toMatch(found);
  });

  test('a name that is not known: all that are', async () => {
    for (const name of ['vit-l', 'ViT-L/15', 'clip'])
      for (const argv of [
        ['weights', 'info', name],
        ['train', '--dry-run', '--clip', name],
      ]) {
        const { code, note } = await cli(argv);
        expect(code).toBe(1);
        expect(note).toMatch(/a known name, found none of them\n {2}known names: .*ViT-L\/14@336px/);
      }
    expect((await cli(['weights', 'info', 'vit-l'])).note).toMatch(/known names: .*ViT-L\/14,/);
  });
});
