"""Makes a folder of reference tensors with the reference implementation (reference/ref.py, plain PyTorch in float64):

    python3 test/golden/make.py OUT        (Debian: python3-torch python3-numpy)
    FAPROMPT_GOLDEN=OUT npm run golden

Values are float64 results rounded to float32. A tensor's tolerance is ten times the largest error of PyTorch's own float32
in three runs, two of them from weights that differ in their last bits (Adam amplifies rounding where a gradient is tiny,
and one run can be lucky); at least 2e-6 of the tensor's largest magnitude.
"""
import json
import os
import sys
from dataclasses import asdict, replace

out = sys.argv[1]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'reference'))
import numpy as np
import torch
import ref
import st
import tiny

CONFIGURATIONS = {
    'b': tiny.B,
    # Layer tokens that reach past the shared prefix; heads of 32; every patch is taken.
    'long_layer_tokens': replace(tiny.A, n_pos=3, n_neg=2, deep_len=6, deep_depth=4, num_prompts=3, top_m=9, image_size=24,
                                 head_dim=32, embed=48),
    # One of everything: one block, one prompt, one patch, one token, no layer tokens, no resized positions.
    'ones': replace(tiny.A, vision_layers=1, dual_layers=1, text_layers=1, n_pos=1, n_neg=1, num_prompts=1, top_m=1,
                    deep_depth=1, image_size=32),
    # GELU instead of QuickGELU, as most OpenCLIP models have it.
    'gelu': tiny.A,
    # Wider text than vision, odd numbers.
    'odd': replace(tiny.A, vision_width=64, text_width=192, embed=80, n_pos=7, n_neg=3, num_prompts=5, top_m=11, deep_len=1,
                   deep_depth=2, text_layers=2, dual_layers=3, patch=12, train_res=36, image_size=60),
}


def tensors_of(cfg, weights, params, data, ids, opts, dtype):
    w, p, d = (tiny.to(x, dtype) for x in (weights, params, data))
    p = {k: v.clone() for k, v in p.items()}
    adam, got = ref.Adam(p), {}

    def infer(step):
        with torch.no_grad():
            o = ref.forward(w, p, d['images'], *ids, cfg, opts)
            m = ref.anomaly_map(o)
            got.update({f'infer{step}/anomaly_map': m, f'infer{step}/smoothed4': ref.gaussian(m, 4.0), f'infer{step}/score': o['score']})

    infer(0)
    for step in (1, 2, 3):
        rec = ref.Rec() if step == 1 else None
        o, losses, grads = ref.train_step(w, p, {**d, 'ids_pos': ids[0], 'ids_neg': ids[1]}, cfg, opts, adam, rec)
        got.update({f'loss/step{step}/{k}': v.detach() for k, v in losses.items() if torch.is_tensor(v)})
        if rec:
            keep = lambda k: not k.startswith(('vision/', 'image/cls', 'image/tokens'))
            ends = (int(ids[0].argmax()) + 1, int(ids[1].argmax()) + 1)
            cut = lambda k, v: v[:, :ends['neg' in k]] if v.dim() == 3 and ('prompt' in k or '/in' in k or '/layer' in k) else v
            got.update({f'value/{k}': cut(k, v) for k, v in rec.values().items() if keep(k)})
            got.update({f'grad/{k}': cut(k, v) for k, v in rec.grads().items() if keep(k)})
            got.update({f'value/{k}': o[k].detach() for k in ('topk_values', 'topk_indices', 'taken', 'prior')})
            got.update({f'pgrad/{k}': v.detach() for k, v in grads.items()})
        got.update({f'param{step}/{k}': v.detach().clone() for k, v in p.items()})
    infer(3)
    vision = ref.Rec()
    cls, tok = ref.encode_image(w, d['images'], cfg, vision)
    seen = {**vision.values(), 'image/cls': ref.unit(cls), 'image/tokens': ref.unit(tok)}
    return got, seen


def nudged(tensors, seed):
    """The tensors with relative noise of half a float32 unit in the last place."""
    noise = torch.Generator().manual_seed(seed)
    return {k: v * (1 + 2 ** -24 * (2 * torch.rand(v.shape, generator=noise, dtype=torch.float64) - 1)) for k, v in tensors.items()}


def save(path, got64, runs32, files):
    described, arrays = {}, {}
    for k, v in got64.items():
        a = v.numpy()
        entry = {'shape': list(a.shape), 'dtype': 'F32' if a.dtype.kind == 'f' else 'I32'}
        if a.dtype.kind == 'f':
            err = max(float(np.abs(run[k].numpy().astype(np.float64) - a).max()) for run in runs32) if a.size else 0.0
            entry['atol'] = max(10 * err, 2e-6 * float(np.abs(a).max()) if a.size else 0.0, 1e-9)
            arrays[k] = a.astype(np.float32)
        else:
            arrays[k] = a.astype(np.int32)
        described[k] = entry
    st.save(os.path.join(out, path), arrays)
    files[path] = {'tensors': described}


manifest = {'files': {}}
quick_gelu = ref.quick_gelu
for number, (name, cfg) in enumerate(CONFIGURATIONS.items()):
    ref.quick_gelu = torch.nn.functional.gelu if name == 'gelu' else quick_gelu
    os.makedirs(os.path.join(out, name), exist_ok=True)
    weights, params, data = tiny.make_weights(cfg, 100 + number), tiny.make_params(cfg, 200 + number), tiny.make_data(cfg, 300 + number)
    modes = {}
    inputs = {'images': data['images'], 'masks': data['masks'], 'labels': data['labels'].int()}
    for mode, opts in ref.MODES.items():
        template = 'paper' if mode == 'paper' else 'code'
        ids = tiny.templates(cfg, template)
        inputs.update({f'ids_pos/{template}': ids[0].int(), f'ids_neg/{template}': ids[1].int()})
        got64, seen64 = tensors_of(cfg, weights, params, data, ids, opts, torch.float64)
        single = lambda w, p: tensors_of(cfg, w, p, data, ids, opts, torch.float32)
        runs = [single(weights, params), *(single(nudged(weights, seed), nudged(params, seed + 1)) for seed in (1, 3))]
        save(f'{name}/{mode}.safetensors', got64, [got for got, _ in runs], manifest['files'])
        modes[mode] = {'options': asdict(opts), 'template': template}
    save(f'{name}/vision.safetensors', seen64, [seen for _, seen in runs], manifest['files'])
    inputs.update({f'param0/{k}': v for k, v in params.items()})
    st.save(os.path.join(out, name, 'inputs.safetensors'), {k: v.detach().numpy() for k, v in inputs.items()})
    st.save(os.path.join(out, name, 'weights.safetensors'), {k: v.numpy() for k, v in weights.items()})
    manifest[name] = {'cfg': asdict(cfg), 'modes': modes, 'activation': 'gelu' if name == 'gelu' else 'quickgelu'}
with open(os.path.join(out, 'manifest.json'), 'w') as f:
    json.dump(manifest, f, indent=1)
