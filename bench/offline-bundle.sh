#!/bin/bash
# Packs what a bare x86-64 Linux machine with a GPU and no network needs to run bench/gpu.sh, in less than 62 MB: node,
# the project (built, with Dawn's binding and the test runner), the Vulkan loader's packages and the golden tensors.
# Weights are not packed: the benchmarks make a seeded random CLIP on the spot.
#
# usage: bench/offline-bundle.sh [FILE]          default: faprompt-gpu.tar.xz
# there: tar xJf faprompt-gpu.tar.xz && faprompt-gpu/project/bench/gpu.sh OUT
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
file=$(realpath -m "${1:-faprompt-gpu.tar.xz}")
limit=$((62 * 1000 * 1000)) # of 64 that may travel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/faprompt-gpu
project=$bundle/project
mkdir -p "$project" "$bundle/node" "$bundle/packages" "$bundle/shared"

cd "$root"
[ "$(uname -m)" = x86_64 ] || { echo "error: run this on x86-64, found $(uname -m)" >&2; exit 1; }
node scripts/build.mjs
echo "project at $(git describe --always --dirty)" | tee "$bundle/VERSION"
# No part reads the CLIP for photographs.
git ls-files -z | grep -zv -e '^bench/results/' -e '^weights/photo-' | xargs -0 cp --parents -t "$project"
node -e 'fs.cpSync("dist", process.argv[1], { recursive: true, filter: (file) => !file.endsWith(".map") })' "$project/dist"
# What the part `peers` runs: there is no bundler there.
node bench/peers/build.mjs
cp -r --parents bench/peers/build "$project/"

# Not needed to run: linters, types, what builds pages and drives browsers, other systems' binaries of Dawn.
unused=(".[^b]*" @arethetypeswrong publint "@img/*musl*" @biomejs typescript @typescript @types @webgpu webgpu/dist/"darwin*" webgpu/dist/"win32*"
  webgpu/dist/linux-arm64 "lightningcss*" lucide-static @esbuild esbuild/bin playwright-core/lib/vite @fontsource-variable uplot axe-core highlight.js cli-highlight marked-terminal)
tar c "${unused[@]/#/--exclude=node_modules/}" --exclude='*.map' --exclude='*.d.ts' node_modules | tar x -C "$project"
cp -L "$(command -v node)" "$bundle/node/node"
strip "$bundle/node/node" 2>/dev/null || true

# The loader, and what NVIDIA's driver links to; gpu.sh unpacks them where the machine has none. Without GLVND's libraries
# an H100's driver was found and could not be opened.
packages=(libvulkan1 libx11-6 libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0
  libglvnd0 libegl1 libgl1 libglx0 libgles2 libopengl0)
(cd "$bundle/packages" && apt-get -o APT::Sandbox::User=root download -qq "${packages[@]}")

golden=${FAPROMPT_GOLDEN:-$root/../shared/golden}
if [ -d "$golden" ]; then cp -r "$golden" "$bundle/shared/golden"; else echo "note: no golden tensors at $golden"; fi

tar c -C "$work" faprompt-gpu | xz -T2 --x86 --lzma2=preset=6,dict=64MiB >"$file.tmp"
size=$(stat -c %s "$file.tmp")
if [ "$size" -ge "$limit" ]; then
  rm "$file.tmp"
  echo "error: the bundle has $size bytes, expected fewer than $limit; the largest parts:" >&2
  du -m --max-depth=4 "$bundle" | sort -rn | head -15 >&2
  exit 1
fi
mv "$file.tmp" "$file"
echo "$file: $((size / 1000000)) MB"
