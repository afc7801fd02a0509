// What is seen of a camera's stream: its picture with the heat map, the verdict, and why there is none.
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { fill, h } from '../core/dom.ts';
import { icon } from '../core/icons.ts';
import type { Engine } from '../engine/engine.ts';
import { drawHeat } from '../studio/heat.ts';
import { type Display, heatSettings } from './display.ts';
import type { Reading } from './reading.ts';

export interface Screen {
  readonly elements: readonly HTMLElement[];
  readonly video: HTMLVideoElement;
  /** Why nothing is seen; empty: something is. */
  readonly status: HTMLElement;
  /** For the frame rate. */
  readonly figures: HTMLElement;
  begin(stream: MediaStream): Promise<void>;
  show(reading: Reading, score: number, map: AnomalyMap): void;
  /** No verdict, and why. */
  nothing(why: string): void;
}

export function createScreen(engine: Engine, display: Display): Screen {
  const video = h('video', {
    autoplay: true,
    muted: true,
    playsinline: true,
    'aria-label': 'Camera picture',
  });
  const heat = h('canvas', { class: 'heat', 'aria-hidden': 'true' });
  const picture = h('div', { class: 'live-picture' }, video, heat);
  const status = h('p', { role: 'status' }, 'Waiting for the camera. Your browser may ask for permission.');
  const verdict = h('p', { class: 'live-verdict' });
  const figures = h('p', { class: 'quiet amount live-figures' });
  const keepShape = () =>
    picture.style.setProperty('--aspect', String(video.videoWidth / Math.max(1, video.videoHeight)));
  const tone = (tone: Reading['tone']) => {
    picture.dataset.tone = tone;
    verdict.dataset.tone = tone;
  };
  return {
    elements: [picture, h('div', { class: 'row spread' }, verdict, figures), status],
    video,
    status,
    figures,
    async begin(stream) {
      video.srcObject = stream;
      await video.play();
      status.textContent = '';
      keepShape();
      // A phone may be turned.
      video.addEventListener('resize', keepShape);
    },
    show(reading, score, map) {
      status.textContent = '';
      tone(reading.tone);
      fill(
        verdict,
        reading.passes && icon(reading.passes === 'pass' ? 'check' : 'close'),
        `${reading.verdict} ${score.toFixed(2)}`,
      );
      const stretched = engine.ownLimit.peek() === undefined && engine.learnt.peek() !== undefined;
      drawHeat(heat, map, heatSettings(display, map, stretched));
    },
    nothing(why) {
      status.textContent = why;
      tone('neutral');
      fill(verdict, 'No verdict');
      heat.width = 0;
    },
  };
}
