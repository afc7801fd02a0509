"""PyTorch as one of the libraries, for orientation: the same operands, checked like the others, on its CPU or CUDA.

Reads requests (library.ts) as JSON lines from standard input and answers on standard output.
"""
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

device = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_num_threads(os.cpu_count() or 1)
ROTATION = 3
MASK = 2**32 - 1


def uniform(seed, count):
    """random.ts: a linear congruential generator, here by doubling: s[i + m] = A s[i] + C."""
    factor, increment = 1664525, 1013904223
    states = torch.tensor([(seed * factor + increment) & MASK], dtype=torch.int64)
    while len(states) < count:
        # 64-bit products of 32-bit numbers overflow their sign: multiply by halves of the factor.
        low, high = factor & 0xFFFF, factor >> 16
        product = (states * low + ((states * high & 0xFFFF) << 16)) & MASK
        states = torch.cat([states, (product + increment) & MASK])
        factor, increment = (factor * factor) & MASK, (increment * (factor + 1)) & MASK
    return (states[:count].double() / 2**31 - 1) * 3**0.5


def make(operands, seed_of_set):
    made = {}
    for i, (name, spec) in enumerate(operands.items()):
        frozen = spec.get("frozen", False)
        count = 1
        for n in spec["shape"]:
            count *= n
        numbers = uniform(7919 * i + (0 if frozen else 104729 * (seed_of_set + 1)), count)
        values = spec.get("mean", 0) + spec["deviation"] * numbers
        made[name] = values.float().view(spec["shape"]).to(device)
    return made


def quickgelu(x):
    return x * torch.sigmoid(1.702 * x)


def attention(qkv, p):
    b, n, h, d = p["batch"], p["length"], p["heads"], p["headDim"]
    q, k, v = (t.reshape(b, n, h, d).transpose(1, 2) for t in qkv.chunk(3, -1))
    if hasattr(F, "scaled_dot_product_attention"):
        out = F.scaled_dot_product_attention(q, k, v, is_causal=p["causal"])
    else:
        scores = q @ k.transpose(-1, -2) * d**-0.5
        if p["causal"]:
            scores = scores + torch.full((n, n), float("-inf"), device=device).triu(1)
        out = scores.softmax(-1) @ v
    return out.transpose(1, 2).reshape(b, n, h * d)


def block(w, p):
    x = w["x"]
    width = (x.shape[-1],)
    normed = F.layer_norm(x, width, w["ln_1.weight"], w["ln_1.bias"])
    attended = attention(F.linear(normed, w["attn.in_proj_weight"], w["attn.in_proj_bias"]), p)
    x = x + F.linear(attended, w["attn.out_proj.weight"], w["attn.out_proj.bias"])
    normed = F.layer_norm(x, width, w["ln_2.weight"], w["ln_2.bias"])
    hidden = quickgelu(F.linear(normed, w["mlp.c_fc.weight"], w["mlp.c_fc.bias"]))
    return x + F.linear(hidden, w["mlp.c_proj.weight"], w["mlp.c_proj.bias"])


def compute(w, p):
    kind = p["kind"]
    if kind == "block gradient":
        x = w["x"].detach().requires_grad_(True)
        out = block({**w, "x": x}, p)
        return {"out": out.detach(), "dx": torch.autograd.grad(out, x, w["dout"])[0]}
    with torch.no_grad():
        if kind == "matmul":
            return {"out": F.linear(w["x"], w["weight"])}
        if kind == "layernorm":
            return {"out": F.layer_norm(w["x"], (p["width"],), w["weight"], w["bias"])}
        if kind == "softmax":
            return {"out": w["x"].softmax(-1)}
        if kind == "quickgelu":
            return {"out": quickgelu(w["x"])}
        if kind == "attention":
            return {"out": attention(w["qkv"], p)}
        return {"out": block(w, p)}


def finish(outputs):
    if device == "cuda":
        torch.cuda.synchronize()
    return float(outputs["out"].flatten()[0])


state = {}


def answer(request):
    if request["do"] == "describe":
        about = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
        return {"name": "PyTorch", "version": torch.__version__, "adapter": about, "forms": ["eager"]}
    if request["do"] == "prepare":
        start = time.perf_counter()
        state.update(problem=request["problem"], sets=[make(request["operands"], s) for s in range(ROTATION)], calls=0)
        finish(compute(state["sets"][0], state["problem"]))
        return {"milliseconds": 1e3 * (time.perf_counter() - start)}
    if request["do"] == "sample":
        outputs = compute(state["sets"][request["set"]], state["problem"])
        rows = torch.tensor(request["rows"], device=device)
        return {name: t.reshape(-1, t.shape[-1])[rows].flatten().tolist() for name, t in outputs.items()}
    start = time.perf_counter()
    for _ in range(request["calls"]):
        outputs = compute(state["sets"][state["calls"] % ROTATION], state["problem"])
        state["calls"] += 1
    finish(outputs)
    return {"milliseconds": 1e3 * (time.perf_counter() - start) / request["calls"]}


for line in sys.stdin:
    try:
        reply = {"reply": answer(json.loads(line))}
    except Exception as error:  # reported to the parent, which goes on without this library
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
