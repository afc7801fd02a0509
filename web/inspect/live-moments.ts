// Moments of the camera's stream that failed: the last of them, to be kept as photographs.
import { effect, signal } from '@preact/signals-core';
import { fill, h } from '../core/dom.ts';
import { plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';

/** More than this are not held. */
const most = 12;

interface Moment {
  readonly file: File;
  readonly url: string;
  readonly score: number;
}

export interface Moments {
  readonly list: HTMLElement;
  readonly keepButton: HTMLElement;
  files(): readonly File[];
  add(frame: ImageData, score: number): Promise<void>;
  /** Gives the pictures back; the files stay. */
  release(): void;
}

/** @param keep is called by the button, for all that are held */
export function createMoments(keep: () => void): Moments {
  const all = signal<readonly Moment[]>([]);
  const list = h('ul', { class: 'live-stills', 'aria-label': 'Moments that failed' });
  const keepButton = h('button', { type: 'button', class: 'button', onclick: keep }, 'Keep');
  const stop = effect(() => {
    const none = all.value.length === 0;
    keepButton.hidden = none;
    keepButton.textContent = `Keep ${plural(all.value.length, 'moment')} that failed`;
    list.hidden = none;
    fill(
      list,
      ...all.value.map(({ url, score }, i) =>
        h(
          'li',
          {},
          h('img', { src: url, alt: `Moment ${i + 1} that failed, score ${score.toFixed(2)}` }),
          h('span', { class: 'badge', 'aria-hidden': 'true' }, icon('close'), score.toFixed(2)),
        ),
      ),
    );
  });
  return {
    list,
    keepButton,
    files: () => all.peek().map(({ file }) => file),
    async add(frame, score) {
      const file = await fileOf(frame, all.peek().length + 1);
      const [oldest, ...rest] = all.peek();
      const full = all.peek().length >= most;
      if (full && oldest) URL.revokeObjectURL(oldest.url);
      all.value = [...(full ? rest : all.peek()), { file, url: URL.createObjectURL(file), score }];
    },
    release() {
      stop();
      for (const { url } of all.peek()) URL.revokeObjectURL(url);
    },
  };
}

async function fileOf(frame: ImageData, number: number): Promise<File> {
  const moment = new OffscreenCanvas(frame.width, frame.height);
  moment.getContext('2d')!.putImageData(frame, 0, 0);
  const time = new Date().toISOString().slice(11, 19).replaceAll(':', '-');
  const blob = await moment.convertToBlob({ type: 'image/jpeg', quality: 0.95 });
  return new File([blob], `live-${time}-${number}.jpg`, { type: blob.type });
}
