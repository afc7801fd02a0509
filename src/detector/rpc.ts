// Calls over a message port: callbacks come back as events, an abort goes over as one, errors keep their kind.
import { DetectorError, type DetectorErrorKind } from './errors.ts';

/** The part of Worker, DedicatedWorkerGlobalScope and MessagePort that is used. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

type Request =
  | { readonly id: number; readonly method: string; readonly args: unknown }
  | { readonly id: number; readonly tell: string; readonly value: unknown };
type Reply =
  | { readonly id: number; readonly event: string; readonly value: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SentError };

interface SentError {
  readonly kind: DetectorErrorKind;
  readonly message: string;
  readonly hint?: string;
  readonly file?: string;
}

/** What the serving side says once it listens. */
export const readyMessage = 'faprompt-worker-ready';

/** What goes with each event is for the two sides to know. */
export type Events = Readonly<Record<string, ((value: never) => void) | undefined>>;

export interface CallOptions {
  readonly events?: Events;
  readonly signal?: AbortSignal | undefined;
  readonly transfer?: Transferable[];
  /** Events may come after the result. */
  readonly lasting?: boolean;
}

export interface Call<T> {
  readonly result: Promise<T>;
  /** Says something to the call while it runs. */
  tell(what: string, value?: unknown): void;
}

export interface Caller {
  call<T>(method: string, args: unknown, options?: CallOptions): Call<T>;
  /** Rejects what is under way, and everything from now on. */
  fail(error: unknown): void;
}

export function createCaller(port: Port): Caller {
  const calls = new Map<
    number,
    { events: Events; settle(reply: { result: unknown } | { error: unknown }): void }
  >();
  let next = 0;
  let failure: { error: unknown } | undefined;
  port.addEventListener('message', ({ data }) => {
    const reply = data as Reply;
    const call = calls.get(reply.id);
    if (!call) return;
    if ('event' in reply) call.events[reply.event]?.(reply.value as never);
    else if ('error' in reply) call.settle({ error: received(reply.error) });
    else call.settle(reply);
  });
  const send = (request: Request, transfer: Transferable[] = []) => port.postMessage(request, transfer);
  return {
    call<T>(
      method: string,
      args: unknown,
      { events = {}, signal, transfer = [], lasting }: CallOptions = {},
    ) {
      const id = next++;
      const result = new Promise<T>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        if (failure) return reject(failure.error);
        const abort = () => {
          send({ id, tell: 'abort', value: undefined });
          settle({ error: signal!.reason });
        };
        const settle = (reply: { result: unknown } | { error: unknown }) => {
          signal?.removeEventListener('abort', abort);
          if ('error' in reply || !lasting) calls.delete(id);
          if ('error' in reply) reject(reply.error);
          else resolve(reply.result as T);
        };
        calls.set(id, { events, settle });
        signal?.addEventListener('abort', abort, { once: true });
        try {
          send({ id, method, args }, transfer);
        } catch (error) {
          settle({ error }); // something that cannot be cloned
        }
      });
      return { result, tell: (what, value) => send({ id, tell: what, value }) };
    },
    fail(error) {
      failure = { error };
      for (const call of [...calls.values()]) call.settle(failure);
      calls.clear();
    },
  };
}

/** What a method is handed beside its arguments. */
export interface Context {
  readonly signal: AbortSignal;
  emit(event: string, value: unknown): void;
  /** Hears what the caller says while the method runs. */
  on(what: string, listener: (value: unknown) => void): void;
}

/** Arguments are checked by the types of the caller's side. */
export type Methods = Readonly<Record<string, (args: never, context: Context) => Promise<unknown>>>;

/** Answers calls. @param describe any error as one of the library's */
export function serve(port: Port, methods: Methods, describe: (error: unknown) => DetectorError): void {
  const running = new Map<number, Map<string, (value: unknown) => void>>();
  const send = (reply: Reply) => port.postMessage(reply, arrayBuffers(reply));
  port.addEventListener('message', async ({ data }) => {
    const request = data as Request;
    const { id } = request;
    if ('tell' in request) return running.get(id)?.get(request.tell)?.(request.value);
    const abort = new AbortController();
    const listeners = new Map<string, (value: unknown) => void>([['abort', () => abort.abort()]]);
    running.set(id, listeners);
    try {
      const result = await methods[request.method]!(request.args as never, {
        signal: abort.signal,
        emit: (event, value) => send({ id, event, value }),
        on: (what, listener) => listeners.set(what, listener),
      });
      send({ id, result });
    } catch (error) {
      const { kind, message, hint, file } = describe(error);
      send({
        id,
        error: {
          kind,
          message,
          ...(hint === undefined ? {} : { hint }),
          ...(file === undefined ? {} : { file }),
        },
      });
    } finally {
      running.delete(id);
    }
  });
}

const received = ({ kind, message, hint, file }: SentError) =>
  new DetectorError(kind, message, { hint, file });

/** Buffers of the arrays in a reply: moved, not copied. The worker keeps none of what it answers with. */
function arrayBuffers(value: unknown): Transferable[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  if (typeof value !== 'object' || value === null) return [];
  return [...new Set(Object.values(value).flatMap(arrayBuffers))];
}
