// Keeps the page's own files, so that it opens without a network. The weights are kept by the detector, and checked.
export {};

/** What of a service worker's scope is used here; TypeScript cannot have its library beside the DOM's. */
interface Scope {
  addEventListener(type: 'install' | 'activate', listener: (event: Lifecycle) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}
interface Lifecycle {
  waitUntil(done: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

/** Set by the build: the page's files, relative, and a hash over their content. */
declare const pageFiles: readonly string[];
declare const pageVersion: string;

const scope = self as unknown as Scope;
const prefix = 'faprompt-page-';
const cacheName = prefix + pageVersion;

scope.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(cacheName)
      .then((cache) => cache.addAll(pageFiles))
      .then(() => scope.skipWaiting()),
  );
});

scope.addEventListener('activate', (event) => {
  const old = async () => {
    for (const key of await caches.keys())
      if (key.startsWith(prefix) && key !== cacheName) await caches.delete(key);
    await scope.clients.claim();
  };
  event.waitUntil(old());
});

const own = new Set(pageFiles.map((file) => new URL(file, self.location.href).href));

// The network first: a page that was built anew is seen at once.
scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const address = request.url.replace(/[?#].*$/, '');
  if (request.method !== 'GET' || !own.has(address)) return;
  event.respondWith(
    fetch(request).catch(async (error: unknown) => {
      const kept = await caches.match(address, { cacheName });
      if (kept) return kept;
      throw error;
    }),
  );
});
