// node bench/subset.mjs FROM TO N NAME...: every N-th image of each class and kind of the data sets FROM/NAME (with a
// meta.json), as data sets TO/NAME that link to the same images.
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

const [from, to, n, ...names] = process.argv.slice(2);
const every = Number(n);
if (!to || !Number.isInteger(every) || every < 1 || names.length === 0) {
  console.error('usage: node bench/subset.mjs FROM TO N NAME...');
  process.exit(2);
}
for (const name of names) {
  const [source, target] = [path.resolve(from, name), path.join(to, name)];
  const meta = JSON.parse(await readFile(path.join(source, 'meta.json'), 'utf8'));
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const file of await readdir(source))
    if (file !== 'meta.json') await symlink(path.join(source, file), path.join(target, file));
  const test = Object.fromEntries(
    Object.entries(meta.test).map(([className, entries]) => {
      const counts = new Map();
      const kept = entries.filter(({ anomaly, specie_name }) => {
        const kind = `${anomaly} ${specie_name}`;
        const before = counts.get(kind) ?? 0;
        counts.set(kind, before + 1);
        return before % every === 0;
      });
      return [className, kept];
    }),
  );
  const count = Object.values(test).reduce((sum, entries) => sum + entries.length, 0);
  await writeFile(path.join(target, 'meta.json'), JSON.stringify({ ...meta, test }));
  console.log(`${target}: ${count} images`);
}
