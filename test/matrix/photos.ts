// A folder of four photographs (noise) with index.jsonl, as `pretrain --photos` wants it.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

export async function writePhotos(dir: string): Promise<void> {
  const rows: string[] = [];
  await mkdir(path.join(dir, 'masks'), { recursive: true });
  for (const [source, state] of [
    ['wood', 'normal'],
    ['cup', 'normal'],
    ['cloth', 'normal'],
    ['steel', 'rust'],
  ] as const) {
    const file = `images/${source}/1.jpg`;
    await mkdir(path.join(dir, 'images', source), { recursive: true });
    const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const;
    await sharp({ create: { width: 80, height: 64, channels: 3, background: '#a08060', noise } })
      .jpeg()
      .toFile(path.join(dir, file));
    const mask = state === 'normal' ? null : `masks/${source}.png`;
    if (mask !== null) {
      const data = Uint8Array.from({ length: 80 * 64 }, (_, i) => (i % 80 > 30 && i % 80 < 50 ? 255 : 0));
      await sharp(data, { raw: { width: 80, height: 64, channels: 1 } })
        .png()
        .toFile(path.join(dir, mask));
    }
    const about = {
      group: source === 'cup' ? 'object' : 'surface',
      licence: 'CC0-1.0',
      caption: `${source} sheet`,
    };
    rows.push(JSON.stringify({ path: file, ...about, state, mask }));
  }
  await writeFile(path.join(dir, 'index.jsonl'), rows.join('\n'));
}
