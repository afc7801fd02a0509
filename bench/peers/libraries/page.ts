// One library in a page of its own; the driver calls `answer`.
import { type Library, type Request, serve } from '../library.ts';

async function open(name: string, version: string): Promise<Library> {
  switch (name) {
    case 'faprompt':
      return (await import('../ours.ts')).openOurs(version);
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
const ready = open(query.get('library') ?? '', query.get('version') ?? '').then(serve);
Object.assign(globalThis, { answer: async (request: Request) => (await ready)(request) });
