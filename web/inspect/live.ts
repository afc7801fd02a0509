// The camera's stream, as many frames a second as the device computes: what comes meanwhile is dropped, never queued.
import { effect, signal } from '@preact/signals-core';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { announce } from '../core/announce.ts';
import { fill, h } from '../core/dom.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { icon } from '../core/icons.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { progressCard } from '../core/progress.ts';
import { offerUndo } from '../core/undo.ts';
import type { Engine } from '../engine/engine.ts';
import { explain } from '../engine/problems.ts';
import { drawHeat } from '../studio/heat.ts';
import { asMap } from '../studio/studio.ts';
import { cameraProblem } from './camera.ts';
import { type Display, heatSettings } from './display.ts';
import { framesOf } from './frames.ts';
import { type Reading, readScore } from './reading.ts';

/** Moments that are kept. */
const mostStills = 12;
/** Milliseconds over which the frame rate is taken. */
const span = 4000;
/** Milliseconds without a new picture after which there is no verdict. */
const silence = 2000;
const noPicture = 'No picture comes from the camera.';
const cameraGone = 'The camera was switched off or taken away. Close this, and begin again when it is back.';
/** Milliseconds between two verdicts that are said. */
const pauseBetween = 3000;

interface Still {
  readonly file: File;
  readonly url: string;
  readonly score: number;
}

/** @param take gets the stills that somebody wants to keep. Resolves when the dialog is closed. */
export async function liveView(
  engine: Engine,
  display: Display,
  take: (files: readonly File[]) => void,
): Promise<void> {
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
  const list = h('ul', { class: 'live-stills', 'aria-label': 'Moments that failed' });
  const stills = signal<readonly Still[]>([]);
  const files = () => stills.peek().map(({ file }) => file);
  let taken = false;
  const keepButton = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: () => {
        taken = true;
        take(files());
        dialog.close();
      },
    },
    'Keep',
  );
  const dialog = h(
    'dialog',
    { class: 'live', 'aria-labelledby': 'live-heading' },
    h('h2', { id: 'live-heading', tabindex: -1 }, 'Live'),
    picture,
    h('div', { class: 'row spread' }, verdict, figures),
    status,
    progressCard(engine.activity, engine.cancel),
    list,
    h(
      'div',
      { class: 'row end' },
      keepButton,
      h('button', { type: 'button', class: 'button primary', onclick: () => dialog.close() }, 'Stop'),
    ),
  );
  const stop = effect(() => {
    const all = stills.value;
    keepButton.hidden = all.length === 0;
    keepButton.textContent = `Keep ${plural(all.length, 'moment')} that failed`;
    fill(
      list,
      ...all.map(({ url, score }, i) =>
        h(
          'li',
          {},
          h('img', { src: url, alt: `Moment ${i + 1} that failed, score ${score.toFixed(2)}` }),
          h('span', { class: 'badge', 'aria-hidden': 'true' }, icon('close'), score.toFixed(2)),
        ),
      ),
    );
    list.hidden = all.length === 0;
  });

  let stream: MediaStream | undefined;
  const turned = () =>
    picture.style.setProperty('--aspect', String(video.videoWidth / Math.max(1, video.videoHeight)));
  const stopAsking = askBeforeLeaving(() => stills.peek().length > 0);
  dialog.addEventListener('close', () => {
    stopAsking();
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector('h2')!.focus();
  const closed = new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    if (dialog.open) {
      video.srcObject = stream;
      await video.play();
      status.textContent = '';
      turned();
      // A phone may be turned.
      video.addEventListener('resize', turned);
      await watch();
    } else for (const track of stream.getTracks()) track.stop();
  } catch (error) {
    const { title, text } = explain(error);
    nothingSeen(stream ? [title, text].filter(Boolean).join('. ') : cameraProblem(error));
  }
  await closed;
  stop();
  rescueFocus(currentThumbnail, visibleHeading);
  for (const { url } of stills.peek()) URL.revokeObjectURL(url);
  if (!taken && stills.peek().length > 0)
    offerUndo(`Not kept: ${plural(stills.peek().length, 'moment')} that failed.`, () => take(files()));
  dialog.remove();

  async function watch(): Promise<void> {
    const [track] = stream!.getVideoTracks();
    const frames = framesOf(video, track);
    dialog.addEventListener('close', frames.stop);
    const ends: number[] = [];
    let computed = 0;
    let before: Reading | undefined;
    let said = 0;
    while (dialog.open) {
      // The frame that is there when the engine is free.
      const found = await engine.run(
        'Live',
        async (detector, tools) => {
          const frame = await frames.next(silence);
          return frame && { frame, ...(await detector.detect(frame, { name: 'camera', ...tools })) };
        },
        true,
      );
      if (!dialog.open) return;
      if (!found) {
        // What was seen last says nothing about the part that lies there now.
        if (status.textContent === '') nothingSeen(noPicture);
        before = undefined;
        if (track?.readyState !== 'ended') continue;
        return nothingSeen(cameraGone);
      }
      status.textContent = '';
      const { frame, score, map } = found;
      computed += 1;
      const now = performance.now();
      ends.push(now);
      while (now - ends[0]! > span) ends.shift();
      const rate = ends.length > 1 ? (1000 * (ends.length - 1)) / (now - ends[0]!) : 0;
      figures.textContent = `${rate.toFixed(1)} frames a second · ${plural(Math.max(0, frames.arrived() - computed), 'frame')} dropped`;
      const reading = readingOf(score);
      show(reading, score, asMap({ map }));
      if (isBad(reading) && !(before && isBad(before))) await keepMoment(frame, score);
      if (reading.verdict !== before?.verdict && now - said > pauseBetween) {
        announce(`${reading.verdict}, score ${score.toFixed(2)}`);
        said = now;
      }
      before = reading;
    }
  }

  /** No verdict, and why. */
  function nothingSeen(why: string): void {
    status.textContent = why;
    picture.dataset.tone = 'neutral';
    verdict.dataset.tone = 'neutral';
    fill(verdict, 'No verdict');
    heat.width = 0;
  }
  function readingOf(score: number): Reading {
    const { known, limit, learnt } = engine;
    return readScore({
      score,
      limit: limit.peek(),
      untrained: known.peek()?.clip.notice !== undefined,
      unfamiliar: learnt.peek(),
    });
  }
  function show(reading: Reading, score: number, map: AnomalyMap): void {
    picture.dataset.tone = reading.tone;
    verdict.dataset.tone = reading.tone;
    fill(
      verdict,
      reading.passes && icon(reading.passes === 'pass' ? 'check' : 'close'),
      `${reading.verdict} ${score.toFixed(2)}`,
    );
    drawHeat(
      heat,
      map,
      heatSettings(display, map, engine.ownLimit.peek() === undefined && engine.learnt.peek() !== undefined),
    );
  }
  async function keepMoment(frame: ImageData, score: number): Promise<void> {
    const moment = new OffscreenCanvas(frame.width, frame.height);
    moment.getContext('2d')!.putImageData(frame, 0, 0);
    const time = new Date().toISOString().slice(11, 19).replaceAll(':', '-');
    const blob = await moment.convertToBlob({ type: 'image/jpeg', quality: 0.95 });
    const file = new File([blob], `live-${time}-${stills.peek().length + 1}.jpg`, { type: blob.type });
    const [oldest, ...rest] = stills.peek();
    const full = stills.peek().length >= mostStills;
    if (full && oldest) URL.revokeObjectURL(oldest.url);
    stills.value = [...(full ? rest : stills.peek()), { file, url: URL.createObjectURL(file), score }];
  }
}

const isBad = ({ passes, tone }: Reading): boolean => (passes ? passes === 'fail' : tone === 'bad');
