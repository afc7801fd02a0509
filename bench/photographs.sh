#!/usr/bin/env bash
# The tables of photographs in weights/README.md, both CLIPs that ship: made in parts, each of which prints its own into OUT
# when it is done. Interrupted, the same command goes on where it was.
#
#   bench/photographs.sh OUT PHOTOS DATA [PART...]
#
# PHOTOS: photographs with index.jsonl (docs/PHOTOS.md), of which the two held-out sources are looked at; DATA: a folder
# with magnetic_tile, brainmri and headct. PART: an image size, 96 with three seeds of prompts and others with one, or
# windows-SIZE for WinCLIP, which encodes hundreds of windows of an image; by default 96 128 192 256 windows-96
# windows-192. BESIDE=FILE... measures other CLIPs as well. EVERY=2 takes every second image, of magnetic_tile every fourth
# (default: all).
set -euo pipefail
out=$(realpath -m "$1") photos=$(realpath "$2") data=$(realpath "$3")
shift 3
cd "$(dirname "$0")/.."
every=${EVERY:-1}
sets=$out/sets-$every
mkdir -p "$out"
node scripts/build.mjs

if [ ! -e "$sets/done" ]; then
  rm -rf "$sets"
  mkdir -p "$sets/looks" "$sets/all"
  node scripts/with-vulkan.mjs node dist/node/cli.js synth "$sets/looks/held-out-sources" --photos "$photos" \
    --classes concrete_damage,hsst_fabric --seed 7 --image-size 192 --good 60 --defective 60
  node bench/subset.mjs "$sets/looks" "$sets/all" "$every" held-out-sources
  node bench/subset.mjs "$data" "$sets/all" $((every * every)) magnetic_tile
  node bench/subset.mjs "$data" "$sets/all" "$every" brainmri headct
  touch "$sets/done"
fi

quality() { # PART SIZE METHODS SEEDS
  if [ -s "$out/$1.txt" ]; then return; fi
  echo "photographs: $1 ($(date -u +%T))"
  node scripts/with-vulkan.mjs node dist/bench.js quality --image-size 96 --real-sizes "$2" --methods "$3" --real "$sets/all"/* \
    --seeds 3 --real-seeds "$4" --no-ablations --beside weights/photo-clip.safetensors ${BESIDE:-} --out "$out/work-$every" \
    --json "$out/$1.json" > "$out/$1.part"
  mv "$out/$1.part" "$out/$1.txt"
  cat "$out/$1.txt"
}
for part in ${@:-96 128 192 256 windows-96 windows-192}; do
  case $part in
    windows-*) quality "$part" "${part#windows-}" winclip 1 ;;
    *) quality "$part" "$part" pair,prompt-ensemble,anomalyclip,faprompt "$([ "$part" = 96 ] && echo 3 || echo 1)" ;;
  esac
done
