#!/bin/bash
# Everything that is worth knowing about a GPU, on a machine without network: run it in the unpacked bundle of
# bench/offline-bundle.sh, or in a checkout with node_modules. Each part writes OUT/PART.txt (and .json); a part that
# fails does not stop the others.
#
# usage: bench/gpu.sh OUT [PART...]              parts: tests golden kernels step detect cold peers (default: all)
# FAPROMPT_GPU_MODEL   CLIP of step and detect, seeded random weights (default: ViT-L/14@336px)
# FAPROMPT_GPU_LIMIT   seconds for one part (default: 1800); exit code 124 says that a part took longer
# FAPROMPT_TUNE        measure the kernels' variants on this adapter first (default: on)
# exit code: 0 if every part succeeded
set -uo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 2
shift
model=${FAPROMPT_GPU_MODEL:-ViT-L/14@336px}
limit=${FAPROMPT_GPU_LIMIT:-1800}
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

node scripts/vulkan/adapter.mjs 2>"$out/adapter.log" | tail -1 | tee "$out/adapter.json"
if ! grep -q '"vendor"' "$out/adapter.json"; then
  echo "error: no WebGPU adapter: $(tail -1 "$out/adapter.log")" >&2
  exit 1
fi
command -v nvidia-smi >/dev/null && nvidia-smi >"$out/nvidia-smi.txt"
torch=()
python3 -c 'import torch' 2>/dev/null && torch=(--torch)

run() {
  local limited=(timeout -k 10 "$limit" node)
  local bench=("${limited[@]}" dist/bench.js)
  case $1 in
    tests) FAPROMPT_SHARED=$bundle/shared "${limited[@]}" node_modules/vitest/vitest.mjs run ;;
    golden) FAPROMPT_GOLDEN=${FAPROMPT_GOLDEN:-$bundle/shared/golden} "${limited[@]}" dist/golden.js ;;
    kernels) "${bench[@]}" kernels --json "$out/kernels.json" ;;
    step) "${bench[@]}" step --model "$model" --f16 --steps 200 "${torch[@]}" --json "$out/step.json" ;;
    detect) "${bench[@]}" detect --model "$model" --f16 "${torch[@]}" --json "$out/detect.json" ;;
    cold) "${bench[@]}" cold --json "$out/cold.json" ;;
    # The other libraries are too large for the bundle: without them, ours beside PyTorch.
    peers) "${bench[@]}" peers "${torch[@]}" $([ -d bench/peers/node_modules ] || echo --only faprompt) --json "$out/peers.json" ;;
    *) echo "unknown part: expected tests, golden, kernels, step, detect, cold or peers, found $1" && return 2 ;;
  esac
}
parts=("$@")
[ $# -gt 0 ] || parts=(tests golden kernels step detect cold peers)
failed=0
: >"$out/summary.txt"
for part in "${parts[@]}"; do
  echo "$part ..."
  start=$SECONDS
  if run "$part" >"$out/$part.txt" 2>&1; then result=ok; else
    result="failed with exit code $?"
    failed=1
  fi
  last=$(grep -v '^ *$' "$out/$part.txt" | tail -1)
  echo "$part: $result, $((SECONDS - start)) s: $last" | tee -a "$out/summary.txt"
done
exit $failed
