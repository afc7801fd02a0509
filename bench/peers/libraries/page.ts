// One library in a page of its own; the driver calls `answer`.
import { type Library, type Request, serve } from '../library.ts';

async function open(name: string, version: string, variants: string): Promise<Library> {
  switch (name) {
    case 'faprompt':
      return (await import('../ours.ts')).openOurs(version, variants);
    case 'onnxruntime-web':
      return (await import('./onnx-web.ts')).openOnnxWeb(version);
    case 'jax-js':
      return (await import('./jax.ts')).openJax(version);
    case 'tensorflow':
      return (await import('./tensorflow.ts')).openTensorFlow(version);
    default:
      throw new Error(`unknown library ${name}`);
  }
}

const query = new URLSearchParams(location.search);
const [library = '', version = '', variants = ''] = ['library', 'version', 'variants'].map(
  (key) => query.get(key) ?? '',
);
const ready = open(library, version, variants).then(serve);
Object.assign(globalThis, { answer: async (request: Request) => (await ready)(request) });
