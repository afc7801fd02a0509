// The page: views behind the address's hash, or why there are none.
import { createEngine } from './engine/engine.ts';
import { narrate } from './engine/narrate.ts';
import { inspectView } from './inspect/inspect.ts';
import { keepingNotice } from './keeping.ts';
import { hasAdapter, type Missing, missingPage, whatIsMissing } from './missing.ts';
import { createRouter } from './router.ts';
import { createTrainWork } from './train/work.ts';

const main = document.getElementById('main')!;
const nav = document.getElementById('nav')!;

const giveUp = (missing: Missing) => {
  nav.replaceChildren();
  main.replaceChildren(missingPage(missing));
};

const missing = whatIsMissing();
if (missing) giveUp(missing);
else {
  const engine = createEngine();
  narrate(engine);
  const work = createTrainWork();
  main.before(keepingNotice());
  const router = createRouter(nav, main);
  const active = (name: string) => () => router.current() === name;
  router.add('inspect', 'Inspect', () => inspectView(engine, work, active('inspect')));
  // Loaded when they are first looked at: they are most of the page.
  router.add('train', 'Train', async () => {
    const { trainView } = await import('./train/train.ts');
    return trainView(engine, work, active('train'));
  });
  router.add('model', 'Model', async () => {
    const { modelView } = await import('./model/model.ts');
    return modelView(engine);
  });
  await router.start();
  // Takes a while: the page is there meanwhile.
  if (!(await hasAdapter())) giveUp('adapter');
}

document.documentElement.dataset.ready = '';

// Offline, the page comes from what this keeps.
if ('serviceWorker' in navigator)
  navigator.serviceWorker.register(new URL('./offline.js', import.meta.url)).catch(() => {
    // The page works without: a browser may forbid it in a private window.
  });

// Not by the hash, which says the view: a reload would lead elsewhere.
document.querySelector('.skip')!.addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});

// A drop that misses must not replace the page by the photograph.
for (const type of ['dragover', 'drop']) addEventListener(type, (event) => event.preventDefault());
