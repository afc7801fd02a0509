// The page: views behind the address's hash, or why there are none.
import { createEngine } from './engine/engine.ts';
import { inspectView } from './inspect/inspect.ts';
import { missingPage, whatIsMissing } from './missing.ts';
import { modelView } from './model/model.ts';
import { createRouter } from './router.ts';
import { trainView } from './train/train.ts';

const main = document.getElementById('main')!;
const nav = document.getElementById('nav')!;

const missing = await whatIsMissing();
if (missing) main.append(missingPage(missing));
else {
  const engine = createEngine();
  const router = createRouter(nav, main);
  router.add(
    'inspect',
    'Inspect',
    inspectView(engine, () => router.current() === 'inspect'),
  );
  router.add(
    'train',
    'Train',
    trainView(engine, () => router.current() === 'train'),
  );
  router.add('model', 'Model', modelView(engine));
  router.start();
}

document.documentElement.dataset.ready = '';

// Offline, the page comes from what this keeps.
if ('serviceWorker' in navigator)
  navigator.serviceWorker.register(new URL('./offline.js', import.meta.url)).catch(() => {
    // The page works without: a browser may forbid it in a private window.
  });

// A drop that misses must not replace the page by the photograph.
for (const type of ['dragover', 'drop']) addEventListener(type, (event) => event.preventDefault());
