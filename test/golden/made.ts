// Where the reference tensors are: the folder that FAPROMPT_GOLDEN names, the shared one, or one made here by PyTorch.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pythonWith } from '../../scripts/python.ts';
import { sharedPath } from '../../testing/shared.ts';

/** `import.meta.dirname` is dist/ in the built command: this file's own folder is found from the working directory. */
const here = path.resolve('test/golden');

/**
 * The folder, made if there is none: anew whenever make.py or the reference implementation has changed.
 * @throws Error that says what to install, where PyTorch is missing
 */
export async function referenceFolder(say: (text: string) => void): Promise<string> {
  if (process.env.FAPROMPT_GOLDEN !== undefined) return path.resolve(process.env.FAPROMPT_GOLDEN);
  if (existsSync(sharedPath('golden/manifest.json'))) return sharedPath('golden');
  const reference = path.join(here, 'reference');
  const names = (await readdir(reference)).filter((name) => name.endsWith('.py')).sort();
  const sources = [path.join(here, 'make.py'), ...names.map((name) => path.join(reference, name))];
  const hash = createHash('sha256');
  for (const file of sources) hash.update(await readFile(file));
  const folder = path.resolve('.cache', `golden-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(path.join(folder, 'manifest.json'))) return folder;
  const python = pythonWith('torch, numpy');
  if (python === undefined)
    throw new Error(
      'there are no reference tensors, and no PyTorch to make them: install python3-torch and python3-numpy (Debian, Ubuntu: apt-get install), or name a Python that has them by FAPROMPT_PYTHON, or a folder that was made elsewhere by FAPROMPT_GOLDEN',
    );
  say('making the reference tensors with PyTorch (once; about a minute)');
  const unfinished = `${folder}.${process.pid}.tmp`;
  try {
    execFileSync(python, [sources[0]!, unfinished], { stdio: ['ignore', 'ignore', 'inherit'] });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}
