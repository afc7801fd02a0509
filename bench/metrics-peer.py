#!/usr/bin/env python3
"""Holds src/eval against scikit-learn and scikit-image on random cases, and times it against the published PRO.

    python3 bench/metrics-peer.py [--cases 200] [--time 100] [--large 4000]

Needs node, this repository's packages, and numpy, scikit-learn, scikit-image (Debian: python3-sklearn,
python3-skimage), and Linux for --time N, which also runs the published procedure on N images of 518 x 518. --large N
times ours alone on N such images, made up one after the other. Exit code 1 on a difference.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

try:
    from skimage import measure
    from sklearn import metrics
except ImportError as missing:
    sys.exit(f'{missing}; on Debian: apt install python3-sklearn python3-skimage')

if int(np.__version__.split('.')[0]) > 1:
    sys.exit(f'numpy {np.__version__}: the published PRO is compared as NumPy 1 computes it (Debian 12: python3-numpy)')

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Reads raw images (float32 map, uint8 mask) of each case from one file, or makes them up where there is none; prints
# metrics, seconds and peak memory.
NODE = """
import { openSync, readSync, readFileSync } from 'node:fs';
import { createPixelMetrics } from './src/eval/index.ts';
const { mode, cases } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const file = process.argv[3] && openSync(process.argv[3]);
let state = 1;
/** Noise, and in every other image a square of higher values that is the anomaly. */
const makeUp = (k, map, mask, width) => {
  for (let i = 0; i < map.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    map[i] = state / 2 ** 33;
  }
  for (let y = 100; k % 2 && y < 160; y++)
    for (let i = y * width + 100; i < y * width + 160; i++) [mask[i], map[i]] = [1, map[i] + 0.4];
};
let seconds = 0;
const timed = (run) => {
  const start = performance.now();
  const value = run();
  seconds += (performance.now() - start) / 1e3;
  return value;
};
const results = cases.map(({ images, width, height }) => {
  const metrics = createPixelMetrics({ mode });
  for (let k = 0; k < images; k++) {
    const map = new Float32Array(width * height);
    const mask = new Uint8Array(width * height);
    if (file) [map, mask].forEach((values) => readSync(file, values));
    else makeUp(k, map, mask, width);
    timed(() => metrics.add(map, mask, width, height));
  }
  return timed(() => metrics.result());
});
const peak = Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
console.log(JSON.stringify({ results, seconds, peak }));
"""


def measure_ours(folder, sizes, mode, *data):
    bundle, header = folder / 'metrics.mjs', folder / 'cases.json'
    esbuild = ROOT / 'node_modules' / '.bin' / 'esbuild'
    subprocess.run([esbuild, '--bundle', '--platform=node', '--format=esm', '--log-level=warning',
                    f'--outfile={bundle}'], input=NODE, text=True, cwd=ROOT, check=True)
    header.write_text(json.dumps(dict(mode=mode, cases=sizes)))
    done = subprocess.run(['node', bundle, header, *data], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def ours(cases, mode):
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / 'cases.bin'
        with data.open('wb') as out:
            for maps, masks in cases:
                for scores, mask in zip(maps, masks):
                    out.write(scores.tobytes() + mask.tobytes())
        sizes = [dict(images=m.shape[0], height=m.shape[1], width=m.shape[2]) for m, _ in cases]
        return measure_ours(pathlib.Path(folder), sizes, mode, data)


def large(images):
    with tempfile.TemporaryDirectory() as folder:
        found = measure_ours(pathlib.Path(folder), [dict(images=images, height=518, width=518)], 'histogram')
    print(f'{images} images of 518 x 518, made up: all metrics, histogram: {found["seconds"]:.1f} s, '
          f'peak {found["peak"]:.0f} MB, bounds {found["results"][0]["bounds"]}')


def published_pro(masks, maps, steps=200, limit=0.3):
    """The published procedure, step by step, which gives other thresholds under NumPy 2; NaN where its curve is empty."""
    lo, hi = maps.min(), maps.max()
    if lo == hi:
        return float('nan')
    binary = np.zeros_like(maps, dtype=bool)
    overlaps, fprs = [], []
    for threshold in np.arange(lo, hi, (hi - lo) / steps):
        binary[maps <= threshold], binary[maps > threshold] = 0, 1
        overlap = []
        for found, mask in zip(binary, masks):
            for region in measure.regionprops(measure.label(mask)):
                overlap.append(found[region.coords[:, 0], region.coords[:, 1]].sum() / region.area)
        normal = 1 - masks
        overlaps.append(np.mean(overlap))
        fprs.append(np.logical_and(normal, binary).sum() / normal.sum())
    overlaps, fprs = np.array(overlaps), np.array(fprs)
    kept = fprs < limit
    fprs = fprs[kept]
    if len(fprs) < 2 or fprs.max() == fprs.min():
        return float('nan')
    return metrics.auc((fprs - fprs.min()) / (fprs.max() - fprs.min()), overlaps[kept])


def mvtec_pro(masks, maps, limit=0.3):
    """MVTec AD: each region an equal share of the true positives, the ROC curve of that to the limit."""
    labels = np.stack([measure.label(mask, connectivity=2) for mask in masks])
    weight = np.ones(maps.shape)
    for label, out in zip(labels, weight):
        for region in measure.regionprops(label):
            out[label == region.label] = 1 / region.area
    fpr, overlap, _ = metrics.roc_curve(masks.ravel(), maps.ravel(), sample_weight=weight.ravel(),
                                        drop_intermediate=False)
    end = np.interp(limit, fpr, overlap) if limit not in fpr else overlap[fpr <= limit][-1]
    keep = fpr < limit
    return metrics.auc(np.r_[fpr[keep], limit], np.r_[overlap[keep], end]) / limit


def peer(maps, masks):
    y, s = masks.ravel(), maps.ravel()
    if y.min() == y.max():
        return dict(auroc=None, ap=None, maxF1=None, iou=None, pro=None, proMvtec=None)
    precision, recall, _ = metrics.precision_recall_curve(y, s)
    f1 = np.max(2 * precision * recall / np.maximum(precision + recall, 1e-300))
    pro = published_pro(masks, maps)
    return dict(auroc=metrics.roc_auc_score(y, s), ap=metrics.average_precision_score(y, s), maxF1=f1,
                iou=f1 / (2 - f1), pro=None if np.isnan(pro) else pro, proMvtec=mvtec_pro(masks, maps))


def blobs(rng, shape, count):
    """Masks with `count` random ellipses, which may touch or overlap."""
    masks = np.zeros(shape, np.uint8)
    rows, columns = np.mgrid[:shape[1], :shape[2]]
    for _ in range(count):
        y, x = rng.uniform(0, shape[1]), rng.uniform(0, shape[2])
        a, b = rng.uniform(0.5, 1 + shape[1] / 8, 2)
        masks[rng.integers(shape[0])][((rows - y) / a) ** 2 + ((columns - x) / b) ** 2 <= 1] = 1
    return masks


def random_case(rng, number):
    shape = (rng.integers(1, 5), rng.integers(1, 33), rng.integers(1, 33))
    masks = [blobs(rng, shape, rng.integers(1, 9)), (rng.random(shape) < 0.15).astype(np.uint8),
             blobs(rng, shape, 1), np.zeros(shape, np.uint8)][number % 7 % 4]
    maps = rng.random(shape) ** 2 + masks * rng.random(shape) * rng.choice([0, 0.5, 2]) - rng.choice([0, 0.5])
    levels = rng.choice([0, 3, 20])
    maps = np.round(maps * levels) / levels if levels else maps
    maps = np.full(shape, 0.5) if number % 11 == 0 else maps
    return maps.astype(np.float32), masks


def compare(cases):
    found = ours(cases, 'exact')['results']
    worst, undefined, failed = 0.0, 0, 0
    for number, ((maps, masks), got) in enumerate(zip(cases, found)):
        for name, expected in peer(maps, masks).items():
            undefined += expected is None
            if (expected is None) != (got[name] is None):
                print(f'case {number}, {name}: {got[name]}, expected {expected}')
                failed += 1
            elif expected is not None:
                worst = max(worst, abs(got[name] - expected))
    print(f'{len(cases)} cases, 6 metrics each ({undefined} undefined): worst difference {worst:.1e}')
    return failed == 0 and worst <= 1e-9


def peak_memory():
    """Largest resident size in MB. (getrusage would count what a forked child shared with its parent.)"""
    return int(re.search(r'VmHWM:\s*(\d+)', pathlib.Path('/proc/self/status').read_text())[1]) / 1024


def race(images):
    rng = np.random.default_rng(1)
    shape = (images, 518, 518)
    masks = np.concatenate([blobs(rng, (1, *shape[1:]), 3 * (k % 2)) for k in range(images)])
    maps = rng.random(shape, np.float32)
    maps = maps * maps * np.float32(0.6) + masks * rng.random(shape, np.float32) * np.float32(0.4)
    results = {mode: ours([(maps, masks)], mode) for mode in ('exact', 'histogram')}
    pathlib.Path('/proc/self/clear_refs').write_text('5')  # the peak counts from here
    before, start = peak_memory(), time.perf_counter()
    pro = published_pro(masks, maps)
    seconds = time.perf_counter() - start
    print(f'{images} images of 518 x 518')
    print(f'published PRO alone: {seconds:.1f} s, peak {peak_memory():.0f} MB (its input loaded: {before:.0f} MB), {pro:.9f}')
    for mode, result in results.items():
        print(f'all metrics, {mode}: {result["seconds"]:.2f} s ({seconds / result["seconds"]:.0f}x), '
              f'peak {result["peak"]:.0f} MB, PRO {result["results"][0]["pro"]:.9f}, '
              f'bounds {result["results"][0]["bounds"]}')
    return abs(results['exact']['results'][0]['pro'] - pro) <= 1e-9


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', type=int, default=200)
    parser.add_argument('--time', type=int, default=0, metavar='IMAGES')
    parser.add_argument('--large', type=int, default=0, metavar='IMAGES')
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    right = compare([random_case(generator, number) for number in range(options.cases)])
    if options.time:
        right = race(options.time) and right
    if options.large:
        large(options.large)
    sys.exit(0 if right else 1)
