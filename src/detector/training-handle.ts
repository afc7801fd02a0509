import type { Training, TrainResult } from './api.ts';

/** What a run does when its caller asks for it. */
export interface TrainingControls extends Pick<Training, 'stop' | 'watch'> {
  pause?(): void;
  continue(): void;
}

/** A run's handle, which remembers whether it is paused. @param start begins the run, which may look at that */
export function trainingHandle(
  start: (handle: { readonly paused: boolean }) => Promise<TrainResult>,
  controls: TrainingControls,
): Training {
  const handle = { paused: false };
  const result = start(handle);
  result.catch(() => {}); // whoever awaits it hears of it
  return {
    result,
    get paused() {
      return handle.paused;
    },
    pause() {
      handle.paused = true;
      controls.pause?.();
    },
    continue() {
      handle.paused = false;
      controls.continue();
    },
    stop: controls.stop,
    watch: controls.watch,
  };
}
