// In the page: configuration `a` of the reference tensors, forward, backward and three steps of Adam.

import { readSafetensors } from '../../../src/formats/safetensors.ts';
import { bytesSource } from '../../../src/formats/source.ts';
import { openGpu } from '../../../src/gpu/gpu.ts';
import { checkStored } from '../../golden/check-configuration.ts';
import type { GoldenFolder, Manifest } from '../../golden/folder.ts';
import { createReport, formatReport } from '../../golden/report.ts';

async function openGolden(address: string): Promise<GoldenFolder> {
  const manifest = (await (await fetch(`${address}/manifest.json`)).json()) as Manifest;
  const opened = new Map<string, ReturnType<typeof load>>();
  const load = async (file: string) => {
    const response = await fetch(`${address}/${file}`);
    if (!response.ok) return undefined;
    return readSafetensors(bytesSource(file, new Uint8Array(await response.arrayBuffer())));
  };
  return {
    manifest,
    configurations: ['a'],
    open(file) {
      if (!opened.has(file)) opened.set(file, load(file));
      return opened.get(file)!;
    },
    tolerance: (file, tensor) => manifest.files[file]?.tensors[tensor]?.atol,
  };
}

export async function golden(address: string) {
  const gpu = await openGpu();
  const folder = await openGolden(address);
  const report = createReport(folder);
  const parts: [string, number][] = [];
  await checkStored(gpu, folder, 'a', 'weights.safetensors', report, {
    onPart: (part) => parts.push([part, performance.now()]),
  });
  gpu.close();
  const { capabilities, description } = gpu;
  return { ...formatReport(report), notes: report.notes, capabilities, description, parts };
}
