#!/bin/bash
# Trains the small CLIP on drawn images and photographs on a GPU, in a given time: two thirds of it at a learning rate that
# hardly falls, the rest while it falls to 0, as many steps as the first part says that there is time for. Ends by itself;
# writes OUT/clip.safetensors, OUT/log.jsonl and OUT/pretrain.txt. Run it in the unpacked bundle of
# bench/offline-bundle.sh, or in a built checkout.
#
# usage: bench/pretrain.sh OUT PHOTOS [MINUTES [MORE OF PRETRAIN...]]    PHOTOS: a folder with index.jsonl; default: 8 minutes
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd)
photos=$(cd "$2" && pwd)
budget=$((60 * ${3:-8}))
more=("${@:4}")
began=$SECONDS
bundle=$(dirname "$project")
[ -x "$bundle/node/node" ] && PATH=$bundle/node:$PATH
cd "$project"
# Node decodes images in as many threads as this says, whatever the number of workers.
UV_THREADPOOL_SIZE=$(nproc)
export UV_THREADPOOL_SIZE

pretrain() {
  node dist/node/cli.js pretrain --photos "$photos" --image-size 96 --width 192 --layers 6 --embed 128 --batch 128 --visits 3 \
    --lr 1e-3 --seed 0 "${more[@]}" "$@"
}
pretrain --out "$out/run" --steps 50000 --warmup 200 --save-every 1000 \
  --max-minutes "$(node -e 'console.log((process.argv[1] * 0.66) / 60)' "$budget")" >"$out/first.txt" 2>&1 ||
  [ $? = 130 ] # out of time, as meant
# Steps in the second half of what is done, waiting for batches included, and what fits into the time that is left.
read -r done more_steps < <(node -e '
  const rows = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map((row) => JSON.parse(row));
  const later = rows.filter(({ step }) => step > rows.length / 2);
  const perStep = later.reduce((sum, { ms, waited }) => sum + ms + waited, 0) / later.length;
  console.log(rows.length, Math.max(50, Math.floor((1000 * process.argv[2]) / perStep)));
' "$out/run/log.jsonl" "$((budget - (SECONDS - began) - 15))") # 15 s to start, and to write
echo "$done steps in $((SECONDS - began)) s, $more_steps more" | tee "$out/pretrain.txt"
pretrain --out "$out/run" --steps 50000 --warmup 200 --save-every 1000 --resume \
  --stop-at $((done + more_steps)) --cooldown "$more_steps" --export "$out/clip.safetensors" 2>&1 | tail -3 |
  tee -a "$out/pretrain.txt"
cp "$out/run/log.jsonl" "$out/log.jsonl"
sha256sum "$out/clip.safetensors" | tee -a "$out/pretrain.txt"
