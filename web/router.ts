// Which view is shown: the address's hash says, so that back, forward and bookmarks work.
import { announce } from './core/announce.ts';
import { h, nextTask } from './core/dom.ts';

export interface Router {
  /** @param make makes the view when it is first shown */
  add(name: string, label: string, make: () => HTMLElement | Promise<HTMLElement>): void;
  /** Shows what the address says, from now on. */
  start(): Promise<void>;
  current(): string;
}

interface Route {
  readonly label: string;
  readonly link: HTMLElement;
  readonly make: () => HTMLElement | Promise<HTMLElement>;
  view?: Promise<HTMLElement>;
}

export function createRouter(nav: HTMLElement, main: HTMLElement): Router {
  const routes = new Map<string, Route>();
  let current = '';

  /** In tasks of their own, so that the page never blocks for long: the caller's, making the view, showing it. */
  async function made(route: Route): Promise<HTMLElement> {
    await nextTask();
    const view = await route.make();
    await nextTask();
    main.append(view);
    return view;
  }

  async function show(first: boolean): Promise<void> {
    const wanted = location.hash.slice(1);
    // #main is the skip link's: it changes nothing, but a page that begins with it has to show something.
    if (wanted === 'main' && !first) return;
    const [fallback] = routes.keys();
    const name = routes.has(wanted) ? wanted : fallback!;
    if (name === current) return;
    current = name;
    const route = routes.get(name)!;
    for (const [other, { link }] of routes) {
      if (other === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    document.title = `${route.label} · faprompt`;
    route.view ??= made(route);
    const view = await route.view;
    // Another one was asked for meanwhile.
    if (current !== name) {
      view.hidden = true;
      return;
    }
    for (const other of main.children) (other as HTMLElement).hidden = other !== view;
    if (first) return;
    scrollTo(0, 0);
    announce(route.label);
    // The heading that is visible, so that reading goes on from there.
    [...view.querySelectorAll<HTMLElement>('h1')].find((heading) => heading.checkVisibility())?.focus();
  }

  return {
    add(name, label, make) {
      const link = h('a', { href: `#${name}` }, label);
      routes.set(name, { label, link, make });
      nav.append(link);
    },
    start() {
      addEventListener('hashchange', () => show(false));
      return show(true);
    },
    current: () => current,
  };
}
