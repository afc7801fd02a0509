// A button that opens the system's file dialog.
import { h } from './dom.ts';
import { type IconName, icon } from './icons.ts';

export interface PickerOptions {
  readonly label: string;
  readonly icon: IconName;
  readonly class?: string;
  readonly accept?: string;
  readonly multiple?: boolean;
  /** Choose a folder instead of files. */
  readonly folder?: boolean;
  /** Photograph instead of choosing, where the device can. */
  readonly capture?: boolean;
}

/** The input itself is the button for keyboard and screen reader; its label is what one sees. */
export function filePicker(options: PickerOptions, take: (input: HTMLInputElement) => void): HTMLElement {
  const input = h('input', {
    type: 'file',
    class: 'visually-hidden',
    accept: options.accept,
    multiple: options.multiple ?? false,
    webkitdirectory: options.folder ?? false,
    capture: options.capture ? 'environment' : undefined,
    onchange: () => {
      if (input.files?.length) take(input);
      // So that the same file can be chosen again.
      input.value = '';
    },
  });
  return h('label', { class: `button ${options.class ?? ''}` }, icon(options.icon), options.label, input);
}
