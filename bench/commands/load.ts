import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { formatBytes } from '../../src/gpu/errors.ts';
import { knownClipConfigs } from '../../src/model/clip/config.ts';
import { benchLoad, loadOnce, writeRandomClip } from '../load.ts';
import { root } from '../root.ts';
import { integer } from './options.ts';

interface Given {
  model: string;
  clip?: string;
  runs: number;
  json?: string;
}

export const addLoadCommand = (program: Command): Command => {
  program
    .command('load-once [file]', { hidden: true })
    .action(async (file?: string) => console.log(JSON.stringify(await loadOnce(file))));
  return program
    .command('load')
    .description("a CLIP's weights from a file to the device: time against cat, and host memory")
    .addOption(
      new Option('--model <name>', 'of seeded random weights, f32')
        .choices(Object.keys(knownClipConfigs))
        .default('ViT-L/14@336px'),
    )
    .option('--clip <file>', 'a weights file instead')
    .option('--runs <n>', 'processes of each kind; medians count', integer, 3)
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ model, clip, runs, json }: Given) => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-load-'));
      try {
        const file = clip ?? path.join(folder, 'clip.safetensors');
        if (clip === undefined) await writeRandomClip(file, model);
        const result = await benchLoad(path.join(root, 'dist', 'bench.js'), file, runs);
        const { idle, peak, device, host, load, cat } = result;
        console.log(
          `${result.adapter}, ${clip ?? `${model}, random f32 weights`}, medians of ${runs} processes\n` +
            `file: ${formatBytes(result.file)}; loaded in ${(load / 1000).toFixed(2)} s, cat takes ${(cat / 1000).toFixed(2)} s\n` +
            `largest resident set: idle ${formatBytes(idle)}, loading ${formatBytes(peak)}; device buffers: ${formatBytes(device)}\n` +
            `host memory for loading: ${formatBytes(host)}`,
        );
        if (json) await writeFileAtomic(json, `${JSON.stringify(result, null, 2)}\n`);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
};
