#!/usr/bin/env bash
# The table of photographs in weights/README.md at 192 and 256 pixels, both CLIPs that ship: made in parts, each of which
# prints its own table into OUT when it is done. Interrupted, the same command goes on where it was.
#
#   bench/photographs.sh OUT PHOTOS DATA [PART...]
#
# PHOTOS: photographs with index.jsonl (docs/PHOTOS.md), of which the two held-out sources are looked at; DATA: a folder
# with magnetic_tile, brainmri and headct. PART: 192 256 windows-192 windows-256, in this order by default. EVERY=n takes
# every n-th image of DATA's sets (default 8, that is 99 tiles, 32 of brainmri, 25 of headct), LOOKS=n so many good and as
# many bad looks at each held-out source (default 20); 1 and 60 are the full sets.
# By what an image takes (0.1 and 0.24 s on two quiet cores at 192 and 256 pixels for the small CLIP, 2.8 times as much for
# the other, WinCLIP's windows 4 times), all parts take about 20 minutes.
set -euo pipefail
out=$(realpath -m "$1") photos=$(realpath "$2") data=$(realpath "$3")
shift 3
cd "$(dirname "$0")/.."
every=${EVERY:-8} looks=${LOOKS:-20}
sets=$out/sets-$every-$looks
mkdir -p "$out"
node scripts/build.mjs

if [ ! -e "$sets/done" ]; then
  rm -rf "$sets"
  mkdir -p "$sets/all"
  node scripts/with-vulkan.mjs node dist/node/cli.js synth "$sets/all/held-out-sources" --photos "$photos" \
    --classes concrete_damage,hsst_fabric --seed 7 --image-size 256 --good "$looks" --defective "$looks"
  node bench/subset.mjs "$data" "$sets/all" "$every" magnetic_tile brainmri headct
  # WinCLIP encodes thousands of windows of an image: a third of the sets.
  mkdir -p "$sets/few"
  node bench/subset.mjs "$sets/all" "$sets/few" 3 held-out-sources magnetic_tile brainmri headct
  touch "$sets/done"
fi

quality() { # PART SIZE METHODS SETS
  if [ -s "$out/$1.txt" ]; then return; fi
  echo "photographs: $1 ($(date -u +%T))"
  node scripts/with-vulkan.mjs node dist/bench.js quality --image-size "$2" --real-sizes "$2" --methods "$3" --real "$sets/$4"/* \
    --seeds 1 --train-images 16 --test-images 2 --no-ablations --beside weights/photo-clip.safetensors --out "$out/work" \
    --json "$out/$1.json" > "$out/$1.part"
  mv "$out/$1.part" "$out/$1.txt"
  cat "$out/$1.txt"
}
for part in ${@:-192 256 windows-192 windows-256}; do
  case $part in
    windows-*) quality "$part" "${part#windows-}" winclip few ;;
    *) quality "$part" "$part" pair,anomalyclip,faprompt all ;;
  esac
done
