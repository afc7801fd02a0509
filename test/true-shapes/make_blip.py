"""Writes a BLIP of seeded random weights at the published shapes, under its authors' and under Hugging Face's names, and
what PyTorch's own transformer layers compute with it:

    python3 test/true-shapes/make_blip.py OUT BLIP-base [FORMAT ...]     (python3-torch)
"""
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

out, model = sys.argv[1:3]
SIZES = {'BLIP-base': (768, 12, 12), 'BLIP-large': (1024, 24, 16)}
VISION, BLOCKS, HEADS = SIZES[model]
TEXT, LAYERS, TEXT_HEADS, VOCABULARY, POSITIONS, EMBED, PATCH, GRID = 768, 12, 12, 30524, 512, 256, 16, 24
SIZE = PATCH * GRID
TEXTS = [[101, 1037, 6302, 1997, 1037, 4874, 1012, 102], [101, 1037, 5591, 13104, 102]]

generator = torch.Generator().manual_seed(7)


def normal(*shape, std):
    return torch.randn(*shape, generator=generator) * std


def encoder_layer(width, heads, hidden, eps, norm_first):
    layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout=0.0, activation=F.gelu, layer_norm_eps=eps,
                                       batch_first=True, norm_first=norm_first)
    for name, p in layer.named_parameters():
        gain = 1.3 if 'in_proj_weight' in name else 1.0
        base = 1.0 if 'norm' in name and name.endswith('weight') else 0.0
        std = gain * p.shape[-1] ** -0.5 if p.dim() == 2 else 0.1 if base else 0.05
        p.data = base + normal(*p.shape, std=std)
    return layer.eval()


def norm(width, eps):
    layer = nn.LayerNorm(width, eps)
    layer.weight.data, layer.bias.data = 1 + normal(width, std=0.1), normal(width, std=0.05)
    return layer.eval()


def linear(o, i):
    layer = nn.Linear(i, o)
    layer.weight.data, layer.bias.data = normal(o, i, std=i ** -0.5), normal(o, std=0.05)
    return layer


patch = nn.Conv2d(3, VISION, PATCH, stride=PATCH)
patch.weight.data = normal(*patch.weight.shape, std=0.7 * (3 * PATCH * PATCH) ** -0.5)
patch.bias.data = normal(VISION, std=0.05)
class_token, positions = normal(1, 1, VISION, std=0.3), normal(1, GRID * GRID + 1, VISION, std=0.3)
blocks = [encoder_layer(VISION, HEADS, 4 * VISION, 1e-6, True) for _ in range(BLOCKS)]
last = norm(VISION, 1e-6)
words, text_positions = normal(VOCABULARY, TEXT, std=0.5), normal(POSITIONS, TEXT, std=0.2)
first = norm(TEXT, 1e-12)
layers = [encoder_layer(TEXT, TEXT_HEADS, 4 * TEXT, 1e-12, False) for _ in range(LAYERS)]
vision_proj, text_proj = linear(EMBED, VISION), linear(EMBED, TEXT)


@torch.no_grad()
def features():
    image = torch.from_numpy(np.sin(0.37 * np.arange(3 * SIZE * SIZE) % 1000).astype(np.float32)).reshape(1, 3, SIZE, SIZE)
    x = patch(image).flatten(2).transpose(1, 2)
    x = torch.cat([class_token, x], 1) + positions
    for block in blocks:
        x = block(x)
    x = F.normalize(vision_proj(last(x)), dim=-1)
    found = {'input': image[0], 'image': x[0, 0], 'clip': x[0, 0], 'patches': x[0, 1:]}
    for i, ids in enumerate(TEXTS):
        t = first(words[ids] + text_positions[:len(ids)])[None]
        for layer in layers:
            t = layer(t)
        found[f'text{i}'] = F.normalize(text_proj(t[0, 0]), dim=-1)
    return found


def authors():
    w = {'visual_encoder.cls_token': class_token, 'visual_encoder.pos_embed': positions}

    def put(name, module):
        w[name + '.weight'], w[name + '.bias'] = module.weight.data, module.bias.data
    put('visual_encoder.patch_embed.proj', patch)
    for i, b in enumerate(blocks):
        at = f'visual_encoder.blocks.{i}'
        w[at + '.attn.qkv.weight'], w[at + '.attn.qkv.bias'] = b.self_attn.in_proj_weight.data, b.self_attn.in_proj_bias.data
        for name, module in (('attn.proj', b.self_attn.out_proj), ('norm1', b.norm1), ('norm2', b.norm2),
                             ('mlp.fc1', b.linear1), ('mlp.fc2', b.linear2)):
            put(f'{at}.{name}', module)
    put('visual_encoder.norm', last)
    w['text_encoder.embeddings.word_embeddings.weight'] = words
    w['text_encoder.embeddings.position_embeddings.weight'] = text_positions
    w['text_encoder.embeddings.position_ids'] = torch.arange(POSITIONS)[None]
    put('text_encoder.embeddings.LayerNorm', first)
    for i, layer in enumerate(layers):
        at = f'text_encoder.encoder.layer.{i}'
        for kind, value in (('weight', layer.self_attn.in_proj_weight), ('bias', layer.self_attn.in_proj_bias)):
            for name, third in zip(('query', 'key', 'value'), value.data.chunk(3)):
                w[f'{at}.attention.self.{name}.{kind}'] = third.clone()
        for name, module in (('attention.output.dense', layer.self_attn.out_proj), ('attention.output.LayerNorm', layer.norm1),
                             ('intermediate.dense', layer.linear1), ('output.dense', layer.linear2),
                             ('output.LayerNorm', layer.norm2)):
            put(f'{at}.{name}', module)
    put('vision_proj', vision_proj), put('text_proj', text_proj)
    w['temp'] = torch.tensor(0.07)
    return w


def hugging_face(w):
    named = {}
    for name, t in w.items():
        if name == 'temp':
            continue
        for old, new in (('visual_encoder.cls_token', 'vision_model.embeddings.class_embedding'),
                         ('visual_encoder.pos_embed', 'vision_model.embeddings.position_embedding'),
                         ('visual_encoder.patch_embed.proj', 'vision_model.embeddings.patch_embedding'),
                         ('visual_encoder.norm.', 'vision_model.post_layernorm.'),
                         ('visual_encoder.blocks', 'vision_model.encoder.layers'), ('attn.qkv', 'self_attn.qkv'),
                         ('attn.proj', 'self_attn.projection'), ('.norm1.', '.layer_norm1.'), ('.norm2.', '.layer_norm2.')):
            name = name.replace(old, new)
        named[name] = t
    return named


FORMATS = ['authors/model_base_retrieval.pth', 'hugging_face/pytorch_model.bin']
if len(sys.argv) == 3:
    import struct
    arrays = {k: v.contiguous().numpy().astype(np.float32) for k, v in features().items()}
    header, at = {}, 0
    for name, a in arrays.items():
        header[name] = {'dtype': 'F32', 'shape': list(a.shape), 'data_offsets': [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    with open(f'{out}/features.safetensors', 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + b''.join(a.tobytes() for a in arrays.values()))
    json.dump({'formats': FORMATS, 'texts': TEXTS, 'dual': 0, 'torch': torch.__version__}, open(f'{out}/manifest.json', 'w'))
for name in sys.argv[3:]:
    path = f'{out}/{name}'
    os.makedirs(os.path.dirname(path), exist_ok=True)
    torch.save({'model': authors()} if name.endswith('.pth') else hugging_face(authors()), path)
