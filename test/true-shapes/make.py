"""Writes a CLIP of seeded random weights at a model's true shapes in the formats and namings that are in use, and what
plain PyTorch computes with it:

    python3 test/true-shapes/make.py OUT ViT-B/32 [FORMAT ...]     (python3-torch)

The weights are not float16 numbers, so that F16 and int8 have an error to show.
"""
import json
import os
import sys

out, model = sys.argv[1:3]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'golden', 'reference'))
import numpy as np
import torch
import ref
import st
import tiny

BASE = dict(vision_width=768, vision_layers=12, text_width=512, text_layers=12, embed=512)
LARGE = dict(vision_width=1024, vision_layers=24, text_width=768, text_layers=12, embed=768)
MODELS = {
    'ViT-B/32': dict(BASE, patch=32, train_res=224),
    'ViT-B/16': dict(BASE, patch=16, train_res=224),
    'ViT-L/14@336px': dict(LARGE, patch=14, train_res=336),
}
shapes = MODELS[model]
cfg = ref.Cfg(**shapes, image_size=shapes['train_res'], context=77, vocab=49408,
              dual_layers=round(shapes['vision_layers'] * 19 / 24))
TEXTS = [[49406, 320, 1125, 539, 320, 2368, 49407], [49406, 320, 1125, 539, 320, 13507, 2968, 269, 49407]]


def features(w):
    """Unit features: class token with and without ln_post, V-V patches, texts."""
    s = cfg.image_size
    image = torch.from_numpy(np.sin(0.37 * np.arange(3 * s * s) % 1000).astype(np.float32)).reshape(1, 3, s, s)
    kept = {}
    cls, tokens = ref.encode_image(w, image, cfg, lambda name, x: kept.setdefault(name, x))
    last = kept[f'vision/layer{cfg.vision_layers - 1}/ori']
    found = {'image': cls[0], 'clip': (ref.layer_norm(last[:, :1], w, 'visual.ln_post') @ w['visual.proj'])[0, 0],
             'patches': tokens[0, 1:]}
    for i, ids in enumerate(TEXTS):
        x = w['token_embedding.weight'][ids][None] + w['positional_embedding'][:len(ids)]
        for layer in range(cfg.text_layers):
            x = ref.block(x, w, f'transformer.resblocks.{layer}', cfg.text_heads, ref.causal_mask(len(ids), x))
        found[f'text{i}'] = (ref.layer_norm(x, w, 'ln_final')[:, -1] @ w['text_projection'])[0]
    return {name: ref.unit(x).numpy() for name, x in {'input': None, **found}.items() if x is not None} | {
        'input': image[0].numpy()}


def hugging_face(w):
    named = {}
    for name, t in w.items():
        tower = 'vision_model' if name.startswith('visual.') else 'text_model'
        if 'resblocks' in name:
            index, part = name.split('resblocks.')[1].split('.', 1)
            layer = f'{tower}.encoder.layers.{index}'
            if 'in_proj' in part:
                for which, third in zip('qkv', t.chunk(3)):
                    named[f'{layer}.self_attn.{which}_proj.{part.split("in_proj_")[1]}'] = third
                continue
            for old, new in [('attn.', 'self_attn.'), ('ln_', 'layer_norm'), ('c_fc', 'fc1'), ('c_proj', 'fc2')]:
                part = part.replace(old, new)
            named[f'{layer}.{part}'] = t
        else:
            kind = name.rsplit('.', 1)[-1]
            new = {'visual.proj': 'visual_projection.weight', 'text_projection': 'text_projection.weight',
                   'logit_scale': 'logit_scale', 'visual.class_embedding': 'vision_model.embeddings.class_embedding',
                   'visual.conv1.weight': 'vision_model.embeddings.patch_embedding.weight',
                   'visual.positional_embedding': 'vision_model.embeddings.position_embedding.weight',
                   'positional_embedding': 'text_model.embeddings.position_embedding.weight',
                   'token_embedding.weight': 'text_model.embeddings.token_embedding.weight'}.get(name)
            new = new or {'visual.ln_pre': 'vision_model.pre_layrnorm', 'visual.ln_post': 'vision_model.post_layernorm',
                          'ln_final': 'text_model.final_layer_norm'}[name.rsplit('.', 1)[0]] + '.' + kind
            named[new] = t.T if new in ('visual_projection.weight', 'text_projection.weight') else t
    named['text_model.embeddings.position_ids'] = torch.arange(cfg.context)[None]
    return named


def open_clip(w):
    named = {(k if k.startswith('visual.') or k == 'logit_scale' else 'text.' + k): t for k, t in w.items()}
    named['text.text_projection.weight'] = named.pop('text.text_projection').T
    return named


def safetensors(path, named, dtype=np.float32):
    st.save(path, {k: t.contiguous().numpy().astype(dtype if t.is_floating_point() else np.int64) for k, t in named.items()})


def shards(folder, named, count=3):
    names, files = sorted(named), {}
    for i in range(count):
        files[f'model-{i + 1:05d}-of-{count:05d}.safetensors'] = names[i::count]
    for file, part in files.items():
        safetensors(f'{folder}/{file}', {k: named[k] for k in part})
    index = {'weight_map': {k: file for file, part in files.items() for k in part}}
    json.dump(index, open(f'{folder}/model.safetensors.index.json', 'w'))


class Plain(torch.nn.Module):
    """A module whose state dict is the given one: what OpenAI's TorchScript archives look like from outside."""

    def __init__(self, tensors):
        super().__init__()
        children = {}
        for name, t in tensors.items():
            head, _, rest = name.partition('.')
            if rest:
                children.setdefault(head, {})[rest] = t
            else:
                self.register_parameter(head, torch.nn.Parameter(t, requires_grad=False))
        for head, inner in children.items():
            self.add_module(head, Plain(inner))

    def forward(self, x: torch.Tensor):
        return x


def archive(path, w):
    torch.jit.save(torch.jit.trace(Plain(w), torch.zeros(1), check_trace=False), path)


FORMATS = {
    'openai/model.safetensors': lambda f, w: safetensors(f, w),
    'openai-f16/model.safetensors': lambda f, w: safetensors(f, w, np.float16),
    'openai-jit/model.pt': archive,
    'openai-state/model.pt': lambda f, w: torch.save({'epoch': 1, 'state_dict': {'module.' + k: t for k, t in w.items()}}, f),
    'huggingface/model.safetensors': lambda f, w: safetensors(f, hugging_face(w)),
    'huggingface-shards/model.safetensors.index.json': lambda f, w: shards(os.path.dirname(f), hugging_face(w)),
    'huggingface-bin/pytorch_model.bin': lambda f, w: torch.save(hugging_face(w), f),
    'openclip/open_clip_model.safetensors': lambda f, w: safetensors(f, open_clip(w)),
    'openclip-bin/open_clip_pytorch_model.bin': lambda f, w: torch.save(open_clip(w), f),
    'openclip-bf16/open_clip_pytorch_model.bin': lambda f, w: torch.save({k: t.bfloat16() for k, t in open_clip(w).items()}, f),
}

with torch.no_grad():
    noise = torch.Generator().manual_seed(2)
    weights = {k: t * (1 + 2e-4 * torch.randn(t.shape, generator=noise)) for k, t in tiny.make_weights(cfg, 1).items()}
    os.makedirs(out, exist_ok=True)
    if sys.argv[4:] == []:
        st.save(f'{out}/features.safetensors', features(weights))
        json.dump({'formats': list(FORMATS), 'texts': TEXTS, 'dual': cfg.dual_layers, 'torch': torch.__version__},
                  open(f'{out}/manifest.json', 'w'))
    for name in sys.argv[4:]:
        os.makedirs(os.path.dirname(f'{out}/{name}'), exist_ok=True)
        if name.startswith('openclip'):
            json.dump({'model_cfg': {'embed_dim': cfg.embed, 'quick_gelu': True,
                                     'vision_cfg': {'image_size': cfg.train_res, 'layers': cfg.vision_layers, 'width': cfg.vision_width,
                                                    'patch_size': cfg.patch},
                                     'text_cfg': {'context_length': 77, 'vocab_size': 49408, 'width': cfg.text_width,
                                                  'heads': cfg.text_heads, 'layers': cfg.text_layers}}},
                      open(f'{out}/{os.path.dirname(name)}/open_clip_config.json', 'w'))
        FORMATS[name](f'{out}/{name}', weights)
