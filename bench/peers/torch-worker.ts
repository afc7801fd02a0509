// PyTorch's process, for orientation: no WebGPU library, so no ratio is made with it.
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import { root } from '../root.ts';
import { findPython } from '../torch.ts';
import type { Worker } from './compare.ts';
import type { Replies, Request } from './library.ts';
import { operands, type Problem, sampledRows } from './problems.ts';

const script = path.join(root, 'bench', 'peers', 'libraries', 'torch_worker.py');

/** @throws Error where no python3 with torch is found */
export function torchWorker(): Worker {
  const child = spawn(findPython(), [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let problem: Problem | undefined;
  return {
    async ask(request) {
      if (request.do === 'prepare') problem = request.problem;
      const extra =
        request.do === 'prepare'
          ? { operands: operands(request.problem) }
          : request.do === 'sample'
            ? { rows: sampledRows(problem!) }
            : {};
      child.stdin.write(`${JSON.stringify({ ...request, ...extra })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('the process of PyTorch ended');
      const { reply, error } = JSON.parse(value) as { reply?: Replies[Request['do']]; error?: string };
      if (error !== undefined) throw new Error(error);
      return reply as never;
    },
    async close() {
      child.kill('SIGKILL');
    },
  };
}
