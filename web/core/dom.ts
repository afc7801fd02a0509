// Building elements without a framework.
export type Child = Node | string | false | null | undefined;

/** Attributes by name; `on...` are listeners, `true` an attribute without value, `false` and undefined none. */
export type Properties = Readonly<
  Record<string, string | number | boolean | undefined | ((event: never) => void)>
>;

/** An element with attributes, listeners and children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  decorate(element, properties, children);
  return element;
}

/** The same for SVG. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: Child[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  decorate(element, properties, children);
  return element;
}

function decorate(element: Element, properties: Properties, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter(isNode));
}

const isNode = (child: Child): child is Node | string =>
  child !== false && child !== null && child !== undefined;

/** Replaces an element's children. */
export const fill = (element: Element, ...children: Child[]): void =>
  element.replaceChildren(...children.filter(isNode));

let ids = 0;

/** An id that no other element has, for labels. */
export const uniqueId = (stem: string): string => `${stem}-${++ids}`;

/** A task of its own for what follows: the browser may draw and react before. */
export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Calls `draw` at most once a frame, with the last arguments. */
export const oncePerFrame = <Arguments extends unknown[]>(draw: (...given: Arguments) => void) =>
  lastOnly(draw, (run) => requestAnimationFrame(run));

/** Calls `work` after the frame, once what it did before has ended, with the last arguments. */
export function oneAtATime<Arguments extends unknown[]>(
  work: (...given: Arguments) => Promise<void>,
): (...given: Arguments) => void {
  let before: Promise<unknown> = Promise.resolve();
  return lastOnly(
    (...given: Arguments) => {
      before = work(...given).catch(reportError);
    },
    (run) => requestAnimationFrame(() => void before.then(run)),
  );
}

function lastOnly<Arguments extends unknown[]>(
  work: (...given: Arguments) => void,
  schedule: (run: () => void) => void,
): (...given: Arguments) => void {
  let last: Arguments | undefined;
  return (...given) => {
    const waiting = last !== undefined;
    last = given;
    if (waiting) return;
    schedule(() => {
      const now = last!;
      last = undefined;
      work(...now);
    });
  };
}

/** Shows a dialog, with the focus on `first`. Resolves when it is closed; it is for the caller to remove it then. */
export function showDialog(dialog: HTMLDialogElement, first: HTMLElement): Promise<unknown> {
  document.body.append(dialog);
  dialog.showModal();
  first.focus();
  return new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
}
