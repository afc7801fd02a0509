// Where the keyboard goes on after its element went away.

const usable = (element: Element | null | undefined): element is HTMLElement =>
  element instanceof HTMLElement &&
  element.isConnected &&
  element.checkVisibility({ visibilityProperty: true }) &&
  !element.matches(':disabled') &&
  !element.closest('[inert]');

/** Frames for which a loss is watched: what a click sets off may end later. */
const patience = 90;

/**
 * Gives the focus to the first of these that can take it, once it is lost (on the body, or on something that is hidden
 * or disabled); nobody is pulled away from elsewhere.
 */
export function rescueFocus(...candidates: readonly (() => Element | null | undefined)[]): void {
  let frames = patience;
  const look = (): void => {
    frames -= 1;
    const focused = document.activeElement;
    const lost = !focused || focused === document.body || !usable(focused);
    for (const candidate of lost ? candidates : []) {
      const element = candidate();
      if (!usable(element)) continue;
      element.focus();
      if (document.activeElement === element) return;
    }
    if (frames > 0) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** The heading of the view that is shown: the last resort. */
export const visibleHeading = (): HTMLElement | undefined =>
  [...document.querySelectorAll<HTMLElement>('main h1[tabindex]')].find((heading) =>
    heading.checkVisibility(),
  );

/** The thumbnail of what is shown, where there is one. */
export const currentThumbnail = (): Element | undefined =>
  [...document.querySelectorAll('.filmstrip .thumb[tabindex="0"]')].find((thumb) => thumb.checkVisibility());
