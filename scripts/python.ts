import { execFileSync } from 'node:child_process';

/** Where a python3 is looked for, in this order. */
export const pythons = [process.env.FAPROMPT_PYTHON, 'python3', '/usr/bin/python3'].filter(
  (name) => name !== undefined,
);

/** The first of them that can import a module. */
export const pythonWith = (module: string): string | undefined =>
  pythons.find((python) => {
    try {
      execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
