import { fork } from 'node:child_process';
import { serve } from './library.ts';
const mode = process.argv[2];
if (mode === 'parent') {
  const c = fork(process.argv[1]!, ['child'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  c.on('exit', (x, s) => console.log('exit', x, s));
  c.on('message', (m) => { console.log(m); });
  c.send('go');
} else {
  const lib = await (await import('./libraries/onnx-node.ts')).openOnnxNode('x'); const h = serve(lib);
  console.log('open');
  const go = async () => { for (const r of [{do:'prepare',problem:{kind:'matmul',M:512,K:512,N:512}},{do:'sample',set:1},{do:'time',calls:1},{do:'time',calls:5},{do:'dispose'}] as any) { console.log(r.do); const a = await h(r) as any; console.log(a.milliseconds); } };
  if (mode === 'child') { process.on('message', async () => { await go(); process.disconnect(); }); } else await go();
}
