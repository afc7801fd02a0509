// Starting the worker in whatever way a page's tools left open.
import { DetectorError } from './errors.ts';
import { readyMessage } from './rpc.ts';

/**
 * The script given, or the one beside the bundle (bundlers that know the pattern below move it along), or else the source
 * that the library carries, as a Blob: for bundlers that lost the file, and libraries on another origin.
 * @throws DetectorError 'internal' where none can be started
 */
export async function startWorker(script: string | URL | undefined): Promise<Worker> {
  const options = { type: 'module', name: 'faprompt' } as const;
  if (script !== undefined) return ready(() => new Worker(script, options));
  try {
    // Written out so that bundlers see it.
    return await ready(
      () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'faprompt' }),
    );
  } catch (failure) {
    const { default: source } = await import('inlined:worker');
    if (source === undefined) throw failure;
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    try {
      return await ready(() => new Worker(url, options));
    } finally {
      URL.revokeObjectURL(url);
    }
  }
}

/** Resolves when the worker listens. */
function ready(start: () => Worker): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(
        new DetectorError('internal', `the worker failed: ${why || 'its script could not be loaded'}`, {
          hint: "where a policy forbids blob: workers, serve the package's worker.js from your own origin and name it by `workerUrl`; or use worker: false",
          cause,
        }),
      );
    let worker: Worker;
    try {
      worker = start();
    } catch (error) {
      return fail((error as Error).message, error); // another origin
    }
    const settle = (done: () => void) => {
      worker.removeEventListener('message', onMessage);
      worker.removeEventListener('error', onError);
      done();
    };
    const onMessage = ({ data }: MessageEvent) => {
      if (data === readyMessage) settle(() => resolve(worker));
    };
    const onError = (event: ErrorEvent) => {
      event.preventDefault();
      worker.terminate();
      settle(() => fail(event.message));
    };
    worker.addEventListener('message', onMessage);
    worker.addEventListener('error', onError);
  });
}
