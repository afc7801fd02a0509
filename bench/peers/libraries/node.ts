// One library in a Node process of its own; answers the parent's requests.
import { type Library, type Request, serve } from '../library.ts';

const [name, version, variants] = process.argv.slice(2) as [string, string, string];

/** What libraries for browsers look for. The adapter is the one that ours uses, with the same toggles. */
async function pretendBrowser(): Promise<void> {
  // Not at the top: ONNX Runtime brings a Dawn of its own, and two in one process crash.
  await import('core-js/actual/iterator'); // jax-js uses what Node has from 22 on
  const { adapterSource } = await import('../../../src/gpu/node.ts');
  const gpu = {
    requestAdapter: () => adapterSource.open({ boundsChecks: true }),
    getPreferredCanvasFormat: () => 'bgra8unorm',
  };
  const navigator = { gpu, userAgent: 'node', hardwareConcurrency: 2, language: 'en' };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  Object.assign(globalThis, { window: globalThis, self: globalThis });
  (globalThis as { document?: unknown }).document ??= {
    createElement: () => ({ getContext: () => null, style: {} }),
    body: {},
  };
}

async function open(): Promise<Library> {
  switch (name) {
    case 'faprompt':
      return (await import('../ours.ts')).openOurs(version, variants);
    case 'onnxruntime':
      return (await import('./onnx-node.ts')).openOnnxNode(version);
    case 'jax-js':
      await pretendBrowser();
      return (await import('./jax.ts')).openJax(version);
    case 'tensorflow':
      await pretendBrowser();
      return (await import('./tensorflow.ts')).openTensorFlow(version);
    default:
      throw new Error(`unknown library ${name}`);
  }
}

const answer = open().then(serve);
process.on('message', async (request: Request) => {
  try {
    process.send!({ reply: await (await answer)(request) });
  } catch (error) {
    process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on('disconnect', () => process.exit(0));
