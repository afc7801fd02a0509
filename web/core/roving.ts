// A list of buttons with one stop for Tab: arrows, Home and End go from one to the next, Delete removes.

export interface RovingList {
  /** The buttons in the order in which they are shown. */
  buttons(): readonly HTMLElement[];
  /** Called when the keyboard goes to one. */
  go(button: HTMLElement): void;
  remove?(button: HTMLElement): void;
  /** Buttons in a row; 1 or absent: all in one line. */
  perRow?(): number;
}

/** For the list's `keydown`. */
export function rove(event: KeyboardEvent, { buttons, go, remove, perRow }: RovingList): void {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const all = buttons();
  const at = all.findIndex((button) => button.parentElement?.contains(event.target as Node));
  if (at < 0) return;
  const row = perRow?.() ?? 0;
  const to: Record<string, number> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    Home: 0,
    End: all.length - 1,
    ...(row > 0 ? { ArrowDown: at + row, ArrowUp: at - row } : {}),
  };
  const wanted = to[event.key];
  if (wanted !== undefined) {
    event.preventDefault();
    const next = all[Math.max(0, Math.min(all.length - 1, wanted))]!;
    go(next);
    next.focus();
  } else if (event.key === 'Delete' && remove) {
    event.preventDefault();
    remove(all[at]!);
  }
}
