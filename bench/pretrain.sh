#!/bin/bash
# Trains the small CLIP on drawn images and photographs on a GPU, in a given time: a few steps are timed first, and the
# learning rate's schedule is made as long as the rest of the time allows. Ends by itself; writes OUT/clip.safetensors,
# OUT/log.jsonl and OUT/pretrain.txt. Run it in the unpacked bundle of bench/offline-bundle.sh, or in a built checkout.
#
# usage: bench/pretrain.sh OUT PHOTOS [MINUTES [MORE OF PRETRAIN...]]    PHOTOS: a folder with index.jsonl; default: 8 minutes
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd)
photos=$(cd "$2" && pwd)
budget=$((60 * ${3:-8}))
more=("${@:4}")
began=$SECONDS
bundle=$(dirname "$project")
[ -x "$bundle/node/node" ] && PATH=$bundle/node:$PATH
cd "$project"

pretrain() {
  node dist/node/cli.js pretrain --photos "$photos" --image-size 96 --width 192 --layers 6 --embed 128 --batch 128 \
    --lr 1e-3 --seed 0 "${more[@]}" "$@"
}
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
pretrain --out "$trial" --steps 40 --warmup 1 >"$out/trial.txt" 2>&1
# The last steps of the trial say how long one takes, waiting for its batch included.
per_step=$(node -e '
  const rows = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map((row) => JSON.parse(row));
  const times = rows.filter(({ step }) => step > 20).map(({ ms, waited }) => ms + waited).sort((a, b) => a - b);
  console.log(times[times.length >> 1]);
' "$trial/log.jsonl")
left=$((budget - (SECONDS - began) - 30)) # to start, and to write
steps=$(node -e 'console.log(Math.max(100, Math.floor((1000 * process.argv[1]) / process.argv[2])))' "$left" "$per_step")
echo "$per_step ms a step: $steps steps in $left s" | tee "$out/pretrain.txt"
pretrain --out "$out/run" --steps "$steps" --warmup $((steps / 25 + 1)) --save-every 500 \
  --max-minutes "$(node -e 'console.log((process.argv[1] - -20) / 60)' "$left")" \
  --export "$out/clip.safetensors" 2>&1 | tail -5 | tee -a "$out/pretrain.txt" || true
cp "$out/run/log.jsonl" "$out/log.jsonl"
sha256sum "$out/clip.safetensors" | tee -a "$out/pretrain.txt"
