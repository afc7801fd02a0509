"""The arithmetic of the published training step, written plainly: every step runs the frozen image encoder without
gradient, and all prompts in full (77 positions) with gradient to the prompts. Random weights. Prints one JSON line.

usage: published_step.py '{"config": {...}, "size": 518, "images": 1, "prompts": 10, "dual": 19, "mode": "step"}'
mode: "step" (image encoder, text forward and backward) or "detect" (image encoder and text forward, one image)
"""
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

args = json.loads(sys.argv[1])
c, size, images = args["config"], args["size"], args["images"]
torch.set_num_threads(os.cpu_count() or 1)
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)


def block(d):
    make = lambda *s: torch.randn(*s, device=device) * s[-1] ** -0.5
    return dict(qkv=make(3 * d, d), out=make(d, d), fc=make(4 * d, d), proj=make(d, 4 * d))


def split(x, heads):
    b, n, d = x.shape
    return x.view(b, n, heads, d // heads).transpose(1, 2)


def attend(q, k, v, w, heads, mask=None):
    q, k, v = split(q, heads), split(k, heads), split(v, heads)
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    out = ((scores if mask is None else scores + mask).softmax(-1) @ v).transpose(1, 2).flatten(2)
    return F.linear(out, w["out"])


def norm(x):
    return F.layer_norm(x, x.shape[-1:])


def mlp(x, w):
    h = F.linear(norm(x), w["fc"])
    return x + F.linear(h * torch.sigmoid(1.702 * h), w["proj"])


def encode_image(x):
    x = F.conv2d(x, conv, stride=c["patch"]).flatten(2).transpose(1, 2)
    x = norm(torch.cat([x[:, :1] * 0, x], 1))
    vv = None
    for i, w in enumerate(vision):
        q, k, v = F.linear(norm(x), w["qkv"]).chunk(3, -1)
        if i >= len(vision) - args["dual"]:
            vv = (x if vv is None else vv) + attend(v, v, v, w, c["visionHeads"])
        x = mlp(x + attend(q, k, v, w, c["visionHeads"]), w)
    return F.normalize(x[:, 0] @ image_proj, dim=-1), F.normalize(norm(vv)[:, 1:] @ image_proj, dim=-1)


def encode_text(x):
    for w in text:
        q, k, v = F.linear(norm(x), w["qkv"]).chunk(3, -1)
        x = mlp(x + attend(q, k, v, w, c["textHeads"], mask), w)
    return norm(x[:, 11]) @ text_proj


with torch.no_grad():
    vision = [block(c["visionWidth"]) for _ in range(c["visionLayers"])]
    text = [block(c["textWidth"]) for _ in range(c["textLayers"])]
    conv = torch.randn(c["visionWidth"], 3, c["patch"], c["patch"], device=device) * 0.02
    image_proj = torch.randn(c["visionWidth"], c["embedDim"], device=device) * 0.03
    text_proj = torch.randn(c["textWidth"], c["embedDim"], device=device) * 0.03
    mask = torch.full((77, 77), float("-inf"), device=device).triu(1)
    pixels = torch.randn(images, 3, size, size, device=device)


def now():
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def similarity(patches, normal, abnormal):
    both = torch.stack([normal.expand_as(abnormal), abnormal], -1)
    return (F.normalize(patches, dim=-1) @ F.normalize(both, dim=1) / 0.07).softmax(-1)


def text_side(feature, patches, backward):
    """1 normal and K prior-free prompts once, K prior-enabled prompts per image (91 in all at batch 8, K = 10)."""
    k, d = args["prompts"], c["textWidth"]
    learned = torch.randn(1 + k, 77, d, device=device).mul_(0.02).requires_grad_(backward)
    first = encode_text(learned)
    probabilities = similarity(patches, first[:1], first[1:].mean(0, keepdim=True))
    prior = torch.zeros(images, 1, 1, d, device=device) + probabilities[..., 1].mean(1).view(-1, 1, 1, 1)
    per_image = encode_text((learned[1:] + prior).view(images * k, 77, d))
    enabled = similarity(patches, first[:1], per_image.view(images, k, -1).mean(1))
    side = round(patches.shape[1] ** 0.5)
    maps = [p.transpose(1, 2).view(images, 2, side, side) for p in (probabilities, enabled)]
    maps = [F.interpolate(m, size=(size, size), mode="bilinear") for m in maps]
    loss = sum((1 - m[:, 1] + 1e-5).log().mean() for m in maps) + F.cosine_similarity(feature, per_image[:images]).mean()
    if backward:
        loss.backward()
    return loss


a = torch.randn(1024, 1024, device=device)
a @ a
start = now()
for _ in range(5):
    a @ a
matmul = 5 * 2 * 1024**3 / (now() - start) / 1e9

step = args["mode"] == "step"
if args.get("warm") or device == "cuda":  # on a GPU the first calls choose and load kernels
    with torch.no_grad():
        features = encode_image(pixels)
    if device == "cuda":
        text_side(*features, step)
start = now()
with torch.no_grad():
    features = encode_image(pixels)
image_seconds = now() - start
start = now()
with torch.set_grad_enabled(step):
    text_side(*features, step)
text_seconds = now() - start
print(json.dumps({
    "torch": torch.__version__, "device": device, "threads": torch.get_num_threads(), "matmulGflops": matmul,
    "images": images, "imageSeconds": image_seconds, "textSeconds": text_seconds,
}))
