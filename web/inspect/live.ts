// The camera's stream, as many frames a second as the device computes: what comes meanwhile is dropped, never queued.
import { announce } from '../core/announce.ts';
import { h, showDialog } from '../core/dom.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from '../core/focus.ts';
import { plural } from '../core/format.ts';
import { askBeforeLeaving } from '../core/leaving.ts';
import { progressCard } from '../core/progress.ts';
import { offerUndo } from '../core/undo.ts';
import type { Engine } from '../engine/engine.ts';
import { explain } from '../engine/problems.ts';
import { asMap } from '../studio/studio.ts';
import { cameraProblem } from './camera.ts';
import type { Display } from './display.ts';
import { framesOf } from './frames.ts';
import { createMoments, type Moments } from './live-moments.ts';
import { createScreen, type Screen } from './live-screen.ts';
import { type Reading, readScore } from './reading.ts';

/** Milliseconds over which the frame rate is taken. */
const span = 4000;
/** Milliseconds without a new picture after which there is no verdict. */
const silence = 2000;
const noPicture = 'No picture comes from the camera.';
const cameraGone = 'The camera was switched off or taken away. Close this, and begin again when it is back.';
/** Milliseconds between two verdicts that are said. */
const pauseBetween = 3000;

/** @param take gets the moments that somebody wants to keep. Resolves when the dialog is closed. */
export async function liveView(
  engine: Engine,
  display: Display,
  take: (files: readonly File[]) => void,
): Promise<void> {
  const screen = createScreen(engine, display);
  let taken = false;
  const moments = createMoments(() => {
    taken = true;
    take(moments.files());
    dialog.close();
  });
  const dialog = h(
    'dialog',
    { class: 'live', 'aria-labelledby': 'live-heading' },
    h('h2', { id: 'live-heading', tabindex: -1 }, 'Live'),
    ...screen.elements,
    progressCard(engine.activity, engine.cancel),
    moments.list,
    h(
      'div',
      { class: 'row end' },
      moments.keepButton,
      h('button', { type: 'button', class: 'button primary', onclick: () => dialog.close() }, 'Stop'),
    ),
  );
  dialog.addEventListener(
    'close',
    askBeforeLeaving(() => moments.files().length > 0),
  );
  const closed = showDialog(dialog, dialog.querySelector('h2')!);
  await watchCamera({ engine, dialog, screen, moments });
  await closed;
  moments.release();
  rescueFocus(currentThumbnail, visibleHeading);
  const left = moments.files();
  if (!taken && left.length > 0)
    offerUndo(`Not kept: ${plural(left.length, 'moment')} that failed.`, () => take(left));
  dialog.remove();
}

interface Live {
  readonly engine: Engine;
  readonly dialog: HTMLDialogElement;
  readonly screen: Screen;
  readonly moments: Moments;
}

/** Watches as long as the dialog is open, and switches the camera off. */
async function watchCamera(live: Live): Promise<void> {
  const { dialog, screen } = live;
  let stream: MediaStream | undefined;
  const release = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    screen.video.srcObject = null;
  };
  dialog.addEventListener('close', release);
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    // Closed while the browser was asking.
    if (!dialog.open) return release();
    await screen.begin(stream);
    await watchFrames(live, stream.getVideoTracks()[0]);
  } catch (error) {
    const { title, text } = explain(error);
    screen.nothing(stream ? [title, text].filter(Boolean).join('. ') : cameraProblem(error));
  }
}

async function watchFrames(
  { engine, dialog, screen, moments }: Live,
  track: MediaStreamTrack | undefined,
): Promise<void> {
  const frames = framesOf(screen.video, track);
  dialog.addEventListener('close', frames.stop);
  const rate = createRate();
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
      if (screen.status.textContent === '') screen.nothing(noPicture);
      before = undefined;
      if (track?.readyState !== 'ended') continue;
      return screen.nothing(cameraGone);
    }
    const { frame, score, map } = found;
    const now = performance.now();
    screen.figures.textContent = rate(frames.arrived());
    const reading = readingOf(engine, score);
    screen.show(reading, score, asMap({ map }));
    if (isBad(reading) && !(before && isBad(before))) await moments.add(frame, score);
    if (reading.verdict !== before?.verdict && now - said > pauseBetween) {
      announce(`${reading.verdict}, score ${score.toFixed(2)}`);
      said = now;
    }
    before = reading;
  }
}

/** To be called for each frame that was computed, with how many the camera has shown. @returns the rate, in words */
function createRate(): (arrived: number) => string {
  const ends: number[] = [];
  let computed = 0;
  return (arrived) => {
    computed += 1;
    const now = performance.now();
    ends.push(now);
    while (now - ends[0]! > span) ends.shift();
    const rate = ends.length > 1 ? (1000 * (ends.length - 1)) / (now - ends[0]!) : 0;
    return `${rate.toFixed(1)} frames a second · ${plural(Math.max(0, arrived - computed), 'frame')} dropped`;
  };
}

function readingOf({ known, limit, learnt }: Engine, score: number): Reading {
  return readScore({
    score,
    limit: limit.peek(),
    untrained: known.peek()?.clip.notice !== undefined,
    unfamiliar: learnt.peek(),
  });
}

const isBad = ({ passes, tone }: Reading): boolean => (passes ? passes === 'fail' : tone === 'bad');
