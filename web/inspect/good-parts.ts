// Scores of photographs of good parts, and the limit that they give.
import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { leftOut, sortFiles } from '../core/files.ts';
import { plural } from '../core/format.ts';
import { keep, kept } from '../core/keep.ts';
import type { Engine } from '../engine/engine.ts';
import { type Limit, limitFromGood, limitInWords } from '../engine/limit.ts';
import { explain } from '../engine/problems.ts';
import type { Detect } from './detect.ts';

export interface GoodParts {
  readonly scores: ReadonlySignal<readonly number[]>;
  /** Share of good parts that may fail. */
  readonly rate: Signal<number>;
  /** Photographs that were not looked at yet. */
  readonly waiting: ReadonlySignal<number>;
  readonly problems: ReadonlySignal<readonly string[]>;
  readonly limit: ReadonlySignal<Limit | undefined>;
  /** What the limit means, or why there is none. */
  readonly preview: ReadonlySignal<string>;
  /** Looks at photographs. */
  take(files: Iterable<File>): Promise<void>;
  /** Scores of photographs that were looked at elsewhere. */
  add(some: readonly number[]): void;
  clear(): void;
}

export interface Beginning {
  readonly scores: readonly number[];
  readonly rate: number;
  /** Whether anybody still waits for what comes out. */
  wanted(): boolean;
}

export function createGoodParts(engine: Engine, detect: Detect, begun: Beginning): GoodParts {
  const scores = signal(begun.scores);
  const rate = signal(begun.rate);
  const waiting = signal(0);
  const problems = signal<readonly string[]>([]);
  const limit = computed(() =>
    scores.value.length > 0 ? limitFromGood(scores.value, rate.value) : undefined,
  );
  const preview = computed(() =>
    limit.value
      ? `Photographs will fail from ${limitInWords(limit.value)}`
      : scores.value.length > 0
        ? 'A good photograph has the highest score that there is: no limit lets it pass.'
        : '',
  );
  const note = (text: string) => {
    problems.value = [...problems.peek(), text];
    announce(text);
  };
  const tell = () => announce(`${plural(scores.peek().length, 'good photograph')}. ${preview.peek()}`);
  return {
    scores,
    rate,
    waiting,
    problems,
    limit,
    preview,
    async take(files) {
      const { images, others } = sortFiles(files);
      const left = leftOut(others);
      if (left) note(left);
      waiting.value += images.length;
      for (const [i, file] of images.entries()) {
        try {
          const { score } = await engine.run(file.name, (detector, tools) =>
            detect({ file, name: file.name }, detector, tools),
          );
          scores.value = [...scores.peek(), score];
        } catch (error) {
          const problem = explain(error);
          if (problem.kind === 'stopped' || !begun.wanted()) {
            waiting.value -= images.length - i;
            return;
          }
          note([problem.title, problem.text].filter(Boolean).join('. '));
        }
        waiting.value -= 1;
      }
      tell();
    },
    add(some) {
      scores.value = [...scores.peek(), ...some];
      tell();
    },
    clear() {
      scores.value = [];
      problems.value = [];
    },
  };
}

/** Scores that no limit was made of yet, and what they come from. */
interface Kept {
  readonly scoring: string | undefined;
  readonly scores: readonly number[];
}

/** What was begun and left: Escape, or a reload, must not cost what took minutes. */
export async function keptScores({ scoring }: Engine): Promise<readonly number[] | undefined> {
  const found = await kept<Kept>('settings', 'calibration');
  return found && found.scoring === scoring.peek() ? found.scores : undefined;
}

/** Keeps them from now on. @returns how to stop */
export function keepScores({ scoring }: Engine, { scores }: GoodParts): () => void {
  const first = scores.peek();
  return effect(() => {
    const now: Kept = { scoring: scoring.peek(), scores: scores.value };
    if (scores.value !== first) void keep('settings', 'calibration', now);
  });
}
