// The empty page: ways to bring a photograph, and samples for a person without one.
import { effect, type Signal } from '@preact/signals-core';
import { fill, h, nextTask } from '../core/dom.ts';
import { icon } from '../core/icons.ts';
import { filePicker } from '../core/picker.ts';
import { cameraButton } from './camera.ts';
import { type Refused, refusedNotice } from './messages.ts';
import { drawSample, samples } from './samples.ts';

export interface WelcomeActions {
  take(files: File[]): void;
  calibrate(): void;
  openProject(file: File): void;
  live(): void;
}

/** @param refused what was not taken */
export function welcome(
  refused: Signal<Refused | undefined>,
  { take, calibrate, openProject, live }: WelcomeActions,
): HTMLElement {
  const messages = h('div', { class: 'messages' });
  effect(() => fill(messages, refusedNotice(refused)));
  return h(
    'div',
    { class: 'welcome' },
    messages,
    h(
      'div',
      { class: 'drop' },
      icon('upload'),
      h('h1', { tabindex: -1 }, 'Find the defect in a photograph'),
      h(
        'p',
        { class: 'lead' },
        'Drop or paste photographs of a product or surface. The page marks what looks out of place, and nothing leaves this device.',
      ),
      h(
        'div',
        { class: 'row centre' },
        filePicker(
          {
            label: 'Choose photographs',
            icon: 'images',
            class: 'primary',
            accept: 'image/*',
            multiple: true,
          },
          (input) => take([...input.files!]),
        ),
        cameraButton((photograph) => take([photograph])),
        h('button', { type: 'button', class: 'button', onclick: live }, icon('video'), 'Live'),
        h(
          'button',
          { type: 'button', class: 'button', onclick: calibrate },
          icon('check'),
          'Calibrate on good parts',
        ),
        filePicker({ label: 'Open a project', icon: 'folder', accept: '.zip,application/zip' }, (input) =>
          openProject(input.files![0]!),
        ),
      ),
    ),
    h(
      'section',
      { class: 'samples', 'aria-labelledby': 'samples-heading' },
      h('h2', { id: 'samples-heading' }, 'No photograph at hand? Try a generated one.'),
      h('ul', {}, ...samples.map((sample) => h('li', {}, sampleButton(sample, take)))),
    ),
  );
}

function sampleButton(sample: (typeof samples)[number], take: (files: File[]) => void): HTMLElement {
  const picture = h('img', { alt: '', width: 256, height: 256 });
  const drawn = nextTask().then(() => drawSample(sample));
  drawn.then((file) => {
    const url = URL.createObjectURL(file);
    picture.onload = () => URL.revokeObjectURL(url);
    picture.src = url;
  });
  return h(
    'button',
    { type: 'button', class: 'sample', onclick: async () => take([await drawn]) },
    picture,
    h('span', {}, sample.label),
  );
}
