// The licences of the packages whose code is in the bundles.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/**
 * @param {string[]} inputs files that were bundled, from the project's folder
 * @param {string} file to write
 */
export async function writeNotices(inputs, file) {
  const folders = new Set(
    inputs.flatMap((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []),
  );
  const sections = [];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(
      await readFile(path.join(root, folder, 'package.json'), 'utf8'),
    );
    const texts = (await readdir(path.join(root, folder))).filter((entry) =>
      /^(licen[cs]e|notice|copying)/i.test(entry),
    );
    const bodies = await Promise.all(texts.map((text) => readFile(path.join(root, folder, text), 'utf8')));
    sections.push(`${name} ${version} (${license})\n\n${bodies.join('\n').trim()}\n`);
  }
  const head = 'Packages whose code is part of the files in this folder, and their licences.\n';
  await writeFile(file, [head, ...sections].join(`\n${'-'.repeat(80)}\n\n`));
}
