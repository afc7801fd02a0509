// Which view is shown: the address's hash says, so that back, forward and bookmarks work.
import { announce } from './core/announce.ts';
import { h } from './core/dom.ts';

export interface Router {
  add(name: string, label: string, view: HTMLElement): void;
  /** Shows what the address says, from now on. */
  start(): void;
  current(): string;
}

export function createRouter(nav: HTMLElement, main: HTMLElement): Router {
  const routes = new Map<string, { label: string; view: HTMLElement; link: HTMLElement }>();
  let current = '';

  function show(first: boolean): void {
    const wanted = location.hash.slice(1);
    // #main is the skip link's.
    if (wanted === 'main') return;
    const [fallback] = routes.keys();
    const name = routes.has(wanted) ? wanted : fallback!;
    if (name === current) return;
    current = name;
    for (const [other, { view, link }] of routes) {
      view.hidden = other !== name;
      if (other === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    const { label, view } = routes.get(name)!;
    document.title = `${label} · faprompt`;
    if (first) return;
    scrollTo(0, 0);
    announce(label);
    // The heading that is visible, so that reading goes on from there.
    [...view.querySelectorAll<HTMLElement>('h1')].find((heading) => heading.checkVisibility())?.focus();
  }

  return {
    add(name, label, view) {
      const link = h('a', { href: `#${name}` }, label);
      routes.set(name, { label, view, link });
      nav.append(link);
      main.append(view);
    },
    start() {
      addEventListener('hashchange', () => show(false));
      show(true);
    },
    current: () => current,
  };
}
