import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import {
  float16Tensor,
  float32Tensor,
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from '../src/formats/safetensors.ts';
import { writeTensors } from '../src/formats/safetensors-write.node.ts';
import { bytesSource } from '../src/formats/source.ts';
import type { TensorFile } from '../src/formats/tensor-file.ts';
import { configMetadata } from '../src/model/checkpoint/config-json.ts';
import { clipTensors } from '../src/model/checkpoint/names.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { readClip, readTensors } from '../src/model/checkpoint/open.ts';
import { promptTensors, publishedPrompts } from '../src/model/checkpoint/published-prompts.ts';
import { clipConfigOf, clipMetadata } from '../src/model/clip/config.ts';
import { asHuggingFace, asOpenClip, tinyConfig, tinyWeights } from './clip-files.ts';
import { type Node, torchFile, zip } from './torch-file.ts';

const weights = tinyWeights();
const folder = mkdtempSync(path.join(tmpdir(), 'faprompt-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (bytes: Uint8Array, name = 'test.bin') => readTensors(bytesSource(name, bytes));

/** Every tensor of the tiny CLIP, read whole and in ranges that start and end anywhere. */
async function expectTiny(file: TensorFile, what: string, expected = weights): Promise<void> {
  expect([...file.tensors.keys()].sort(), what).toEqual([...expected.keys()].sort());
  for (const [name, { shape, data }] of expected) {
    expect(file.tensors.get(name)!.shape, `${what} ${name}`).toEqual(shape);
    const values = data as Float32Array;
    expect(Buffer.compare(asBytes(await file.readFloat32(name)), asBytes(values)), `${what} ${name}`).toBe(0);
    const start = Math.floor(values.length / 3) + 1;
    const count = Math.max(0, Math.min(values.length - start, Math.floor(values.length / 2)));
    const range = await file.readFloat32(name, Math.min(start, values.length), count);
    expect(Buffer.compare(asBytes(range), asBytes(values.slice(start, start + count))), name).toBe(0);
  }
}
const asBytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

describe('one CLIP in every naming and format', () => {
  const schemes = {
    openai: weights,
    huggingface: asHuggingFace(weights),
    openclip: asOpenClip(weights),
  } as const;

  test.each(Object.entries(schemes))('%s names: safetensors, PyTorch, shards', async (scheme, named) => {
    const half = Math.ceil(named.size / 2);
    const shards = [new Map([...named].slice(0, half)), new Map([...named].slice(half))];
    const files = new Map(
      shards.map((tensors, i) => [`model-${i}.safetensors`, writeSafetensors(tensors, { format: 'pt' })]),
    );
    const weight_map = Object.fromEntries(
      shards.flatMap((tensors, i) => [...tensors.keys()].map((name) => [name, `model-${i}.safetensors`])),
    );
    const index = new TextEncoder().encode(JSON.stringify({ metadata: {}, weight_map }));
    const beside = async (name: string) => {
      const bytes = files.get(name);
      return bytes && bytesSource(name, bytes);
    };
    const wrapped = new Map<string, Node>([
      ['epoch', 3],
      ['state_dict', new Map([...named].map(([name, tensor]) => [`module.${name}`, tensor]))],
      ['optimizer', new Map([['state', [float32Tensor([1], new Float32Array(1))]]])],
    ]);
    for (const [format, file] of [
      ['safetensors', await read(writeSafetensors(named))],
      ['.pt', await read(torchFile(named))],
      ['training checkpoint', await read(torchFile(wrapped))],
      ['shards', await readTensors(bytesSource('model.safetensors.index.json', index), beside)],
    ] as const) {
      const clip = clipTensors(file);
      expect(clip.scheme).toBe(scheme);
      await expectTiny(clip.file, `${scheme} ${format}`);
      expect(clipConfigOf(clip.file)).toEqual(tinyConfig);
      expect(clip.ignored.length).toBe(scheme === 'openai' ? 0 : 1);
    }
  });

  test("OpenAI's TorchScript archives: objects, sizes beside the weights, constants", async () => {
    const root = { global: '__torch__.clip.Multimodal', attributes: new Map<string, Node>() };
    root.attributes.set('training', false);
    root.attributes.set('input_resolution', int64(24));
    for (const [name, tensor] of weights) {
      const path = name.split('.');
      let attributes = root.attributes;
      for (const [i, part] of path.slice(0, -1).entries()) {
        if (!attributes.has(part))
          attributes.set(part, { global: `__torch__.m${i}.___torch_mangle_${i}.M`, attributes: new Map() });
        attributes = (attributes.get(part) as typeof root).attributes;
      }
      attributes.set(path.at(-1)!, float16Tensor(tensor.shape, tensor.data as Float32Array));
    }
    const clip = clipTensors(await read(torchFile(root, [float32Tensor([1], new Float32Array([7]))])));
    expect([...clip.ignored].sort()).toEqual(['CONSTANTS.c0', 'input_resolution']);
    await expectTiny(clip.file, 'TorchScript');
    expect(clip.file.tensors.get('visual.proj')!.dtype).toBe('F16');
    expect(clipConfigOf(clip.file)).toEqual(tinyConfig);
  });

  test('views of a storage: offsets and strides as PyTorch stores them', async () => {
    const data = Float32Array.from({ length: 24 }, (_, i) => i);
    const view = (shape: number[], strides: number[], offset: number): Node => ({
      ...float32Tensor([24], data),
      shape,
      strides,
      offset,
    });
    const file = await read(
      torchFile(
        new Map([
          ['transposed', view([3, 4], [1, 3], 2)],
          ['column', view([4], [6], 5)],
          ['channels last', view([1, 2, 2, 3], [24, 1, 6, 2], 1)],
          ['scalar', view([], [], 23)],
          ['empty', view([0, 5], [5, 1], 0)],
        ]),
      ),
    );
    expect([...(await file.readFloat32('transposed'))]).toEqual([2, 5, 8, 11, 3, 6, 9, 12, 4, 7, 10, 13]);
    expect([...(await file.readFloat32('transposed', 5, 2))]).toEqual([6, 9]);
    expect([...(await file.readFloat32('column'))]).toEqual([5, 11, 17, 23]);
    expect([...(await file.readFloat32('channels last'))]).toEqual([1, 3, 5, 7, 9, 11, 2, 4, 6, 8, 10, 12]);
    expect([...(await file.readFloat32('scalar'))]).toEqual([23]);
    expect((await file.readFloat32('empty')).length).toBe(0);
  });

  test('a written file holds the same values, in the type asked for, and its configuration', async () => {
    const out = path.join(folder, 'out.safetensors');
    const { file } = clipTensors(await read(torchFile(asHuggingFace(weights))));
    for (const dtype of ['F16', 'F32', undefined] as const) {
      const seen: number[] = [];
      let total = 0;
      await writeTensors(out, file, {
        dtype,
        metadata: clipMetadata({ ...tinyConfig, activation: 'gelu' }),
        onProgress: (done, all) => {
          seen.push(done);
          total = all;
        },
      });
      const { file: back, close } = await openClip(out);
      await expectTiny(back, `${dtype}`); // random weights are representable in F16
      expect(back.tensors.get('visual.proj')!.dtype).toBe(dtype ?? 'F32');
      expect(clipConfigOf(back)).toEqual({ ...tinyConfig, activation: 'gelu' });
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(seen.at(-1)).toBe(total);
      await close();
    }
  });
});

const int64 = (value: number): TensorData => ({
  dtype: 'I64',
  shape: [],
  data: new BigInt64Array([BigInt(value)]),
});

/** The WeightsError that a promise ends in. */
async function errorOf(promise: Promise<unknown>): Promise<WeightsError> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WeightsError);
  return error as WeightsError;
}

describe('what is refused', () => {
  const clipOf = async (tensors: Map<string, TensorData>) => {
    const { file } = clipTensors(await read(writeSafetensors(tensors)));
    return clipConfigOf(file);
  };
  const f = (...shape: number[]) => float32Tensor(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));

  test.each<[string, string, number[], RegExp]>([
    ['a ResNet', 'visual.layer1.0.conv1.weight', [1], /ResNet/],
    ['a timm encoder', 'visual.trunk.blocks.0.norm1.weight', [1], /timm/],
    ['another text encoder', 'text.transformer.embeddings.word_embeddings.weight', [1], /text encoder other/],
    ['CoCa', 'text_decoder.ln_final.weight', [1], /decoder/],
    ['SigLIP', 'logit_bias', [], /SigLIP/],
    ['layer scale', 'visual.transformer.resblocks.0.ls_1.gamma', [64], /unknown tensor/],
    ['an unknown tensor', 'extra', [2], /unknown tensor/],
  ])('%s, by the name of its tensor', async (_, name, shape, found) => {
    for (const scheme of [weights, asOpenClip(weights)]) {
      const error = await errorOf(clipOf(new Map([[name, f(...shape)], ...scheme])));
      expect(error.tensor).toBe(name);
      expect(error.found).toMatch(found);
    }
  });

  test('Hugging Face: a missing, repeated or odd projection', async () => {
    const key = 'vision_model.encoder.layers.0.self_attn.k_proj.weight';
    const without = asHuggingFace(weights);
    without.delete(key);
    expect((await errorOf(clipOf(without))).found).toMatch(/no key/);
    expect((await errorOf(clipOf(asHuggingFace(weights).set(key, f(64, 63))))).found).toMatch(/\[64,63\]/);
    const extra = asHuggingFace(weights).set('vision_model.encoder.layers.0.mlp.fc3.weight', f(1));
    expect((await errorOf(clipOf(extra))).tensor).toBe('vision_model.encoder.layers.0.mlp.fc3.weight');
    const twice = asOpenClip(weights).set('ln_final.bias', f(128));
    expect((await errorOf(clipOf(twice))).found).toBe('a second one');
  });

  test('pickles without tensors, by the names of the objects that they hold: nothing of them is run', async () => {
    const reduce = (module: string, name: string) =>
      Uint8Array.from([
        0x80,
        2,
        0x63,
        ...new TextEncoder().encode(`${module}\n${name}\n`),
        0x28,
        0x58,
        2,
        0,
        0,
        0,
        0x6c,
        0x73,
        0x74,
        0x52,
        0x2e,
      ]);
    const archive = (bytes: Uint8Array) => read(zip(new Map([['a/data.pkl', bytes]])));
    for (const [module, name] of [
      ['os', 'system'],
      ['builtins', 'eval'],
      ['torch', 'load'],
      ['__torch__', 'Evil'],
      ['numpy.core.multiarray', '_reconstruct'],
      ['toString', 'constructor'],
    ] as const)
      expect((await errorOf(archive(reduce(module, name)))).found).toBe(
        `none; the Python objects ${module}.${name} are not read`,
      );
    // INST and OBJ call without REDUCE; EXT fetches from a registry.
    const inst = [0x80, 2, 0x28, 0x69, ...new TextEncoder().encode('os\nsystem\n'), 0x2e];
    expect((await errorOf(archive(Uint8Array.from(inst)))).found).toMatch(/os\.system are not read/);
    const object = [0x80, 2, 0x28, 0x63, ...new TextEncoder().encode('os\nsystem\n'), 0x6f, 0x2e];
    expect((await errorOf(archive(Uint8Array.from(object)))).found).toMatch(/os\.system are not read/);
    expect((await errorOf(archive(Uint8Array.from([0x80, 2, 0x28, 0x82, 0x2e])))).found).toMatch(/opcode/);
  });

  test('tensors beyond their storage, and storages that are not there', async () => {
    const small = float32Tensor([4], new Float32Array(4));
    const error = (node: Node) => errorOf(read(torchFile(new Map([['x', node]]))));
    expect((await error({ ...small, shape: [5] })).expected).toMatch(/within the 16 bytes/);
    expect((await error({ ...small, offset: 1 })).found).toBe('20 bytes');
    expect((await error({ ...small, shape: [2 ** 30, 2 ** 30], strides: [0, 0] })).expected).toMatch(
      /within/,
    );
    expect((await error({ ...small, shape: [-1] })).found).toMatch(/other arguments/);
    const whole = torchFile(new Map([['x', small]]));
    const renamed = Buffer.from(
      Buffer.from(whole).toString('latin1').replaceAll('data/0', 'data/9'),
      'latin1',
    );
    expect((await errorOf(read(renamed))).expected).toMatch(/data\/0/);
  });

  test('other archives: legacy, tar, compressed, truncated, big-endian, another zip', async () => {
    const legacy = Uint8Array.from([
      0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e, 0,
    ]);
    expect((await errorOf(read(legacy))).found).toMatch(/before PyTorch 1\.6/);
    const tar = new Uint8Array(1024);
    tar.set(new TextEncoder().encode('ustar'), 257);
    expect((await errorOf(read(tar))).found).toMatch(/tar/);
    expect(
      (await errorOf(read(zip(new Map([['a/data.pkl', new Uint8Array(9)]]), { method: 8 })))).found,
    ).toMatch(/compressed/);
    expect((await errorOf(read(zip(new Map([['readme', new Uint8Array(9)]]))))).found).toMatch(/another zip/);
    const whole = torchFile(weights);
    expect((await errorOf(read(whole.subarray(0, whole.length - 100)))).found).toMatch(/truncated/);
    const big = zip(
      new Map([
        ['a/data.pkl', Uint8Array.from([0x80, 2, 0x7d, 0x2e])],
        ['a/byteorder', new TextEncoder().encode('big')],
      ]),
    );
    expect((await errorOf(read(big))).found).toBe('big');
    expect((await errorOf(read(new Uint8Array(0)))).expected).toMatch(/safetensors/);
  });

  test('takes no safetensors file for another format, whatever its header looks like', async () => {
    // The header's length comes first: 128, 640, ... look like the beginning of a pickle, 123 like JSON.
    for (let padding = 0; padding < 300; padding += 8) {
      const file = writeSafetensors(new Map([['x', f(2)]]), { padding: ' '.repeat(padding), tar: 'ustar' });
      expect([...(await read(file)).tensors.keys()], `header of ${file[0]! + 256 * file[1]!}`).toEqual(['x']);
    }
    const tar = writeSafetensors(new Map([['x', f(200)]]));
    tar.set(new TextEncoder().encode('ustar'), 257);
    expect((await read(tar)).tensors.size).toBe(1);
  });

  test('indices that point elsewhere', async () => {
    const index = (weight_map: unknown) =>
      errorOf(
        readTensors(
          bytesSource('i.json', new TextEncoder().encode(JSON.stringify({ weight_map, padding: '......' }))),
          async (name) =>
            name === 'a.safetensors'
              ? bytesSource(name, writeSafetensors(new Map([['x', f(2)]])))
              : undefined,
        ),
      );
    expect((await index({ x: '../../etc/passwd' })).expected).toMatch(/plain file names/);
    expect((await index({ x: '..' })).expected).toMatch(/plain file names/);
    expect((await index({ x: 'b.safetensors' })).expected).toMatch(/b\.safetensors/);
    expect((await index({ y: 'a.safetensors' })).tensor).toBe('y');
    expect((await index(3)).found).toMatch(/^none in JSON/);
  });
});

describe('configuration beside the weights', () => {
  const json = (value: unknown) => configMetadata(JSON.stringify(value), 'config.json');

  test("Hugging Face's config.json: activation and heads, with its defaults left out", () => {
    expect(json({ model_type: 'clip' })).toEqual({ activation: 'quickgelu', head_dim: '64,64' });
    const vision_config = { hidden_act: 'gelu', hidden_size: 1280, num_attention_heads: 16 };
    const text_config = { hidden_act: 'gelu', hidden_size: 1024, num_attention_heads: 16 };
    expect(json({ model_type: 'clip', vision_config, text_config })).toEqual({
      activation: 'gelu',
      head_dim: '80,64',
    });
    expect(() => json({ model_type: 'clip', vision_config })).toThrow(/one activation/);
    expect(() => json({ model_type: 'siglip' })).toThrow(/model_type "clip"/);
    expect(() => json({ model_type: 'clip', vision_config: { hidden_act: 'relu' } })).toThrow(/relu/);
    expect(() => json([])).toThrow(WeightsError);
  });

  test("OpenCLIP's open_clip_config.json: GELU unless quick_gelu", () => {
    const cfg = { vision_cfg: { width: 1280, head_width: 80 }, text_cfg: { width: 1024, heads: 16 } };
    expect(json({ model_cfg: cfg })).toEqual({ activation: 'gelu', head_dim: '80,64' });
    expect(json({ model_cfg: { ...cfg, quick_gelu: true } }).activation).toBe('quickgelu');
    expect(() => json({ model_cfg: { ...cfg, vision_cfg: { timm_model_name: 'x' } } })).toThrow(/timm/);
  });

  test('it is read from the folder; an OpenCLIP file without it is refused', async () => {
    const model = path.join(folder, 'model');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(model);
    writeFileSync(path.join(model, 'open_clip_model.safetensors'), writeSafetensors(asOpenClip(weights)));
    expect((await errorOf(openClip(model))).expected).toMatch(/open_clip_config\.json/);
    const cfg = { vision_cfg: { width: 64, head_width: 32 }, text_cfg: { width: 128, heads: 2 } };
    writeFileSync(path.join(model, 'open_clip_config.json'), JSON.stringify({ model_cfg: cfg }));
    const clip = await openClip(model);
    expect(clipConfigOf(clip.file)).toMatchObject({ activation: 'gelu', visionHeads: 2, textHeads: 2 });
    expect(clip.files).toEqual([path.join(model, 'open_clip_model.safetensors')]);
    await clip.close();
    expect((await errorOf(openClip(folder))).found).toBe('none');
  });

  test("a file's own metadata count more than the folder's configuration", async () => {
    const bytes = writeSafetensors(weights, { activation: 'quickgelu' });
    const beside = async (name: string) =>
      name === 'config.json'
        ? bytesSource(
            name,
            new TextEncoder().encode(
              '{"model_type":"clip","vision_config":{"hidden_act":"gelu"},"text_config":{"hidden_act":"gelu"}}',
            ),
          )
        : undefined;
    const { file } = await readClip(bytesSource('m', bytes), beside);
    expect(clipConfigOf(file).activation).toBe('quickgelu');
    const wrong = await read(writeSafetensors(weights, { activation: 'relu' }));
    expect(() => clipConfigOf(wrong)).toThrow(/activation: quickgelu or gelu, found relu/);
    const heads = await read(writeSafetensors(weights, { head_dim: '0' }));
    expect(() => clipConfigOf(heads)).toThrow(/head_dim/);
  });
});

describe('published prompt checkpoints', () => {
  const t = (...shape: number[]) =>
    float32Tensor(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5));
  const common = (normal: number, own: number, prompts: number): [string, TensorData][] => [
    ['ctx_pos', t(1, 1, normal, 8)],
    ['ctx_neg', t(1, prompts, own, 8)],
    ['token_prefix_pos', t(1, 1, 1, 8)],
    ['token_suffix_neg', t(1, prompts, 3, 8)],
    ['tokenized_prompts_pos', { dtype: 'I32', shape: [1, 1, 2], data: new Int32Array(2) }],
    ...[0, 1].flatMap((i): [string, TensorData][] => [
      [`compound_prompts_text.${i}`, t(4, 8)],
      [`compound_prompt_projections.${i}.weight`, t(9, 8)],
      [`compound_prompt_projections.${i}.bias`, t(9)],
    ]),
  ];
  const faprompt = new Map([
    ...common(5, 2, 10),
    ['patch_meta_net.linear1.weight', t(5, 80)],
    ['patch_meta_net.linear1.bias', t(5)],
    ['patch_meta_net.linear2.weight', t(8, 5)],
    ['patch_meta_net.linear2.bias', t(8)],
  ] as [string, TensorData][]);

  test("FAPrompt's: sizes from the shapes, unused tensors named", async () => {
    const file = await read(torchFile(new Map([['prompt_learner', faprompt]])));
    const { method, tensors, ignored } = publishedPrompts(file);
    expect(method.title).toBe('FAPrompt');
    expect(method.options).toMatchObject({
      normalTokens: 5,
      abnormalTokens: 2,
      prompts: 10,
      patches: 10,
      layerTokens: 4,
      layerDepth: 3,
      priorFrom: 'first',
    });
    expect(tensors.length).toBe(8);
    expect([...ignored].sort()).toEqual([
      'compound_prompt_projections.0.bias',
      'compound_prompt_projections.0.weight',
      'compound_prompt_projections.1.bias',
      'compound_prompt_projections.1.weight',
      'token_prefix_pos',
      'token_suffix_neg',
      'tokenized_prompts_pos',
    ]);
    expect([...(await file.readFloat32('ctx_pos', 0, 2))]).toEqual([0.5, 0.5]);
  });

  test("CoOp's, CoCoOp's and APRIL-GAN's", async () => {
    const dassl = (tensors: [string, TensorData][]) =>
      read(torchFile(new Map([['state_dict', new Map(tensors)]])));
    const context: [string, TensorData][] = [
      ['ctx', t(6, 8)],
      ['token_prefix', t(2, 1, 8)],
      ['token_suffix', t(2, 70, 8)],
    ];
    const coop = publishedPrompts(promptTensors(await dassl(context))!);
    expect(coop).toMatchObject({
      method: { name: 'coop', options: { context: 6, shift: 'none' } },
      tensors: ['ctx'],
      ignored: ['token_prefix', 'token_suffix'],
    });
    const network: [string, TensorData][] = [
      ['meta_net.linear1.weight', t(1, 8)],
      ['meta_net.linear1.bias', t(1)],
      ['meta_net.linear2.weight', t(8, 1)],
      ['meta_net.linear2.bias', t(8)],
    ];
    const cocoop = publishedPrompts(promptTensors(await dassl([...context, ...network]))!);
    expect(cocoop.method).toMatchObject({ name: 'cocoop-original', options: { context: 6, shift: 'image' } });
    expect(cocoop.tensors).toHaveLength(5);
    const layers = [0, 1, 2].flatMap((i): [string, TensorData][] => [
      [`fc.${i}.weight`, t(8, 16)],
      [`fc.${i}.bias`, t(8)],
    ]);
    const file = await read(torchFile(new Map([['trainable_linearlayer', new Map(layers)]])));
    const april = publishedPrompts(promptTensors(file)!);
    expect(april).toMatchObject({ method: { name: 'april-gan', options: { taps: 3 } }, ignored: [] });
    expect(april.tensors).toHaveLength(6);
    const other = await read(torchFile(new Map([['model', new Map([...layers, ['conv.weight', t(1)]])]])));
    expect(promptTensors(other)).toBeUndefined();
  });

  test("AnomalyCLIP's is recognised; a strange tensor is refused", async () => {
    const file = await read(torchFile(new Map([['prompt_learner', new Map(common(12, 12, 1))]])));
    expect(publishedPrompts(file).method).toMatchObject({
      title: 'AnomalyCLIP',
      options: { normalTokens: 12, prompts: 1, compound: false, prior: false, sigma: 4 },
    });
    const strange = await read(torchFile(new Map([...faprompt, ['other', t(1)]])));
    expect(() => publishedPrompts(strange)).toThrow(/other: expected only the published/);
    const odd = await read(torchFile(new Map([...faprompt, ['patch_meta_net.linear1.weight', t(5, 81)]])));
    expect(() => publishedPrompts(odd)).toThrow(/multiple of 8 inputs, found 81/);
  });
});

test('the safetensors reader still names the tensor of another scheme when used alone', async () => {
  const file = await readSafetensors(bytesSource('hf', writeSafetensors(asHuggingFace(weights))));
  expect(() => clipConfigOf(file)).toThrow(/Hugging Face/);
});
