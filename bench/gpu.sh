#!/bin/bash
# Ten minutes with a GPU, on a machine without network: run it in the unpacked bundle of bench/offline-bundle.sh, or in a
# checkout with node_modules. What says the most comes first. Each part has a time limit of its own and writes
# OUT/PART.txt (and .json) while it runs; a part that fails does not stop the others.
#
# usage: bench/gpu.sh OUT [PART[:SECONDS]...]     default: all of them, as listed below
# FAPROMPT_GPU_MODEL   CLIP of step and detect, seeded random weights (default: ViT-L/14@336px)
# FAPROMPT_TUNE        measure the kernels' variants on this adapter first (default: on)
# FAPROMPT_GOLDEN      folder of the reference tensors (default: shared/golden in the bundle)
# exit code: 0 if every part succeeded; a part's 124 says that it ran out of time
set -uo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 2
shift
model=${FAPROMPT_GPU_MODEL:-ViT-L/14@336px}
bundle=$(dirname "$project")
[ -x "$bundle/node/node" ] && PATH=$bundle/node:$PATH
cd "$project" || exit 2

# The Vulkan loader, where the machine has none, and NVIDIA's driver where no loader would look for it.
if ! ldconfig -p | grep -q 'libvulkan\.so\.1' && ls "$bundle"/packages/*.deb >/dev/null 2>&1; then
  for package in "$bundle"/packages/*.deb; do dpkg -x "$package" "$bundle/loader"; done
  export LD_LIBRARY_PATH=$bundle/loader/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
if [ -z "${VK_DRIVER_FILES:-}" ] && ! ls /usr/share/vulkan/icd.d/*nvidia* /etc/vulkan/icd.d/*nvidia* >/dev/null 2>&1; then
  for icd in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json; do
    if [ -f "$icd" ]; then export VK_DRIVER_FILES=$icd; fi
  done
fi
# Choices between variants are part of the result.
export FAPROMPT_TUNE=${FAPROMPT_TUNE:-on} XDG_CACHE_HOME=$out/cache
[ ! -f "$bundle/VERSION" ] || export FAPROMPT_PEERS=built # the bundle has no bundler

node scripts/vulkan/adapter.mjs 2>"$out/adapter.log" | tail -1 | tee "$out/adapter.json"
if ! grep -q '"vendor"' "$out/adapter.json"; then
  echo "error: no WebGPU adapter: $(tail -1 "$out/adapter.log")" >&2
  exit 1
fi
command -v nvidia-smi >/dev/null && nvidia-smi >"$out/nvidia-smi.txt"
torch=()
python3 -c 'import torch' 2>/dev/null && torch=(--torch)

# Each part and its limit in seconds, 600 in all.
# Right or wrong before fast or slow: of what has run on no card yet, then of everything.
limits="adapter:10 golden:60 new:50 detect:60 step:75 products:45 folder:60 tests:60 kernels:80 peers:70 cold:30"

run() {
  local limited=(timeout -k 5 "$2" node)
  local bench=("${limited[@]}" dist/bench.js)
  case $1 in
    adapter) "${limited[@]}" scripts/vulkan/features.mjs ;;
    detect) "${bench[@]}" detect --model "$model" --f16 --runs 20 "${torch[@]}" --json "$out/detect.json" ;;
    step) "${bench[@]}" step --model "$model" --f16 --runs 20 "${torch[@]}" --json "$out/step.json" ;;
    # Images a second through a folder, and what the GPU waits for.
    folder) "${bench[@]}" folder --model "$model" --f16 --images 64 --runs 1 --batches 1,4,8,16 --json "$out/folder.json" ;;
    products) "${bench[@]}" products --budget 40 ;;
    # Right or wrong by the kernels' own choices: measuring them at every small shape took longer than the check.
    golden) FAPROMPT_TUNE=off FAPROMPT_GOLDEN=${FAPROMPT_GOLDEN:-$bundle/shared/golden} "${limited[@]}" dist/golden.js ;;
    # What a GPU has that software adapters have not: other subgroups, matrix units, ways that start at a size. First what is
    # new there: the fused step, batches of images and scores, tiled gradients, matrix units.
    new) "${limited[@]}" node_modules/vitest/vitest.mjs run test/{fusion,batching,matmul-units,image-batch,score-batch,attention,subgroups}.test.ts ;;
    tests) "${limited[@]}" node_modules/vitest/vitest.mjs run test/{kernels,matmul}.test.ts ;;
    kernels) "${bench[@]}" kernels --shapes model --json "$out/kernels.json" ;;
    # The other libraries are too large for the bundle: without them, ours beside PyTorch.
    peers) "${bench[@]}" peers "${torch[@]}" $([ -d bench/peers/node_modules ] || echo --only faprompt) --json "$out/peers.json" ;;
    cold) "${bench[@]}" cold --json "$out/cold.json" ;;
    *) echo "unknown part: expected one of $limits, found $1" && return 2 ;;
  esac
}
[ $# -gt 0 ] || set -- $limits
failed=0
: >"$out/summary.txt"
for part in "$@"; do
  name=${part%%:*}
  [ "$part" != "$name" ] || part=$(grep -o "\b$name:[0-9]*" <<<"$limits" || echo "$name:60")
  echo "$name ..."
  start=$SECONDS
  if run "$name" "${part##*:}" >"$out/$name.txt" 2>&1; then result=ok; else
    result="failed with exit code $?"
    failed=1
  fi
  last=$(grep -v '^ *$' "$out/$name.txt" | tail -1)
  echo "$name: $result, $((SECONDS - start)) s: $last" | tee -a "$out/summary.txt"
done
exit $failed
