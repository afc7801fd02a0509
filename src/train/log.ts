// The run's log, one JSON object per line: {"event":"step",...} and {"event":"epoch",...}.
import type { EpochEvent, Progress, StepEvent } from './trainer.ts';

const round = (value: number, digits: number) => Number(value.toFixed(digits));

export const stepLine = ({ epoch, step, images, losses, ms, progress }: StepEvent): string =>
  `${JSON.stringify({ event: 'step', epoch, step, position: progress.position, images, ...losses, ms: round(ms, 2) })}\n`;

export const epochLine = ({ epoch, step, loss }: EpochEvent): string =>
  `${JSON.stringify({ event: 'epoch', epoch, step, loss })}\n`;

/** The lines up to a checkpoint: what a killed run wrote after it, half a last line included, is left out. */
export function truncateLog(text: string, { step, epoch }: Pick<Progress, 'step' | 'epoch'>): string {
  const kept = text.split('\n').filter((line) => {
    try {
      const entry: unknown = JSON.parse(line);
      if (typeof entry !== 'object' || entry === null) return false;
      const { event, ...at } = entry as { event?: string; step?: number; epoch?: number };
      // An epoch's line is written just before its checkpoint.
      return (at.step ?? 0) <= step && (event !== 'epoch' || (at.epoch ?? 0) <= epoch);
    } catch {
      return false;
    }
  });
  return kept.map((line) => `${line}\n`).join('');
}
