// A page on a machine that is busy elsewhere: what comes to it comes late, in its order, each time by something else. Tests that
// look before the page has answered fail with it every time, not once in a hundred.
import type { BrowserContext } from 'playwright-core';

/** What can be late. */
const kinds = ['frames', 'tasks', 'storage', 'workers', 'network', 'address'] as const;
type Kind = (typeof kinds)[number];

/**
 * Makes pages of a context slow as FAPROMPT_SLOW_PAGE says: `all`, or some of the kinds with commas between; a number behind
 * a colon: milliseconds at the most. Nothing happens without it.
 */
export async function slowAsAsked(context: BrowserContext): Promise<void> {
  const asked = process.env.FAPROMPT_SLOW_PAGE;
  if (!asked) return;
  const [names, most] = asked.split(':');
  const late = names === 'all' ? kinds : names!.split(',').map(kindNamed);
  await slowDown(context, late, most === undefined ? undefined : Number(most));
}

/** @param most milliseconds by which each thing is late, at the most */
export const slowDown = (context: BrowserContext, late: readonly Kind[], most = 200): Promise<unknown> =>
  context.addInitScript(slow, { late, most });

function kindNamed(name: string): Kind {
  const kind = kinds.find((one) => one === name);
  if (!kind) throw new Error(`FAPROMPT_SLOW_PAGE: ${name} is none of ${kinds.join(', ')}`);
  return kind;
}

/** Runs in the page. */
function slow({ late, most }: { late: readonly string[]; most: number }): void {
  const wait = setTimeout.bind(globalThis);
  /** Runs what it is given a while later, and never before what it was given earlier. */
  const queue = () => {
    const waiting: (() => void)[] = [];
    let last = 0;
    return (run: () => void) => {
      waiting.push(run);
      last = Math.max(last, performance.now() + Math.random() * most);
      // Timers end in whole milliseconds, so two of them may change places.
      wait(() => waiting.shift()!(), last - performance.now());
    };
  };
  const lateListeners = (target: { addEventListener: EventTarget['addEventListener'] }, type: string) => {
    const add = target.addEventListener;
    const later = new WeakMap<EventTarget, (run: () => void) => void>();
    target.addEventListener = function (this: EventTarget, name: string, listener, options) {
      if (name !== type || typeof listener !== 'function') return add.call(this, name, listener, options);
      const own = this ?? globalThis;
      if (!later.has(own)) later.set(own, queue());
      add.call(own, name, (event) => later.get(own)!(() => listener.call(own, event)), options);
    } as EventTarget['addEventListener'];
  };
  const change: Record<string, () => void> = {
    frames() {
      const frame = requestAnimationFrame.bind(globalThis);
      let callbacks = new Map<number, FrameRequestCallback>();
      let ids = 0;
      globalThis.requestAnimationFrame = (callback) => {
        if (callbacks.size === 0)
          wait(
            () =>
              frame((time) => {
                const now = callbacks;
                callbacks = new Map();
                for (const run of now.values()) run(time);
              }),
            Math.random() * most,
          );
        callbacks.set(++ids, callback);
        return ids;
      };
      globalThis.cancelAnimationFrame = (id) => void callbacks.delete(id);
    },
    tasks() {
      const later = queue();
      const timeout = globalThis.setTimeout;
      globalThis.setTimeout = ((run: () => void, ms = 0, ...given: unknown[]) =>
        ms > 0 ? timeout(run, ms, ...given) : later(run)) as typeof setTimeout;
    },
    storage() {
      const later = queue();
      // Who listens hears of a change when the page does.
      const listen = IDBTransaction.prototype.addEventListener;
      IDBTransaction.prototype.addEventListener = function (
        this: IDBTransaction,
        name: string,
        listener: EventListener,
      ) {
        listen.call(this, name, name === 'complete' ? (event) => later(() => listener(event)) : listener);
      } as typeof listen;
      const handlers = (prototype: object, name: string, isLate: (target: object) => boolean) => {
        const { get, set } = Object.getOwnPropertyDescriptor(prototype, name)!;
        Object.defineProperty(prototype, name, {
          get,
          set(this: object, handler: (event: Event) => void) {
            set!.call(this, (event: Event) => {
              if (isLate(this)) later(() => handler.call(this, event));
              else handler.call(this, event);
            });
          },
        });
      };
      handlers(IDBTransaction.prototype, 'oncomplete', () => true);
      // Of a request only where nothing more is asked of its transaction: idb-keyval sets both on those.
      handlers(IDBRequest.prototype, 'onsuccess', (request) => 'oncomplete' in request);
    },
    workers: () => lateListeners(Worker.prototype, 'message'),
    network() {
      const ask = fetch.bind(globalThis);
      globalThis.fetch = async (...given) => {
        await new Promise((resolve) => wait(resolve, Math.random() * most));
        return ask(...given);
      };
    },
    address: () => lateListeners(globalThis as unknown as EventTarget, 'hashchange'),
  };
  for (const kind of late) change[kind]!();
}
