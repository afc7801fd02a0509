// The texts of FiLO's classes as inputs of a graph.
import { f32 } from '../../../kernels/tensor.ts';
import type { Clip } from '../../clip/weights.ts';
import type { ModelGraph } from '../../context.ts';
import type { ScorerSetup } from '../method.ts';
import { type ClassTexts, classTexts, type Tail } from './descriptions.ts';
import type { FiloTexts, Side } from './forward.ts';
import type { FiloOptions } from './options.ts';

/** Texts of several classes for one graph: tails padded to the longest, texts to the most. */
export class TextTable {
  readonly start: Float32Array;
  readonly dropped: readonly string[];
  private readonly length: Readonly<Record<Side, number>>;
  private readonly count: Readonly<Record<Side, number>>;

  private constructor(
    private readonly width: number,
    private readonly rows: ReadonlyMap<number, Float32Array>,
    private readonly classes: ReadonlyMap<string, ClassTexts>,
    sot: number,
  ) {
    const most = (side: Side, of: (tails: readonly Tail[]) => number) =>
      Math.max(...[...classes.values()].map(({ tails }) => of(tails[side])));
    const longest = (tails: readonly Tail[]) => Math.max(...tails.map(({ ids }) => ids.length));
    this.start = rows.get(sot)!;
    this.dropped = [...new Set([...classes.values()].flatMap(({ dropped }) => dropped))];
    this.length = { normal: most('normal', longest), abnormal: most('abnormal', longest) };
    this.count = { normal: most('normal', (t) => t.length), abnormal: most('abnormal', (t) => t.length) };
  }

  static async of(
    clip: Clip,
    options: FiloOptions,
    names: readonly string[],
    tokenizer: ScorerSetup['tokenizer'],
  ): Promise<TextTable> {
    const words = (await tokenizer?.()) ?? clip.tokenizer;
    const classes = new Map(names.map((name) => [name, classTexts(clip, words, options, name)] as const));
    const ids = [...classes.values()].flatMap(({ tails }) =>
      [...tails.normal, ...tails.abnormal].flatMap((t) => t.ids),
    );
    const rows = await clip.tokenRows([...new Set([words.sot, ...ids])]);
    return new TextTable(clip.config.textWidth, rows, classes, words.sot);
  }

  /** Graph inputs for the texts of one kind. */
  inputs({ graph }: ModelGraph, side: Side): FiloTexts {
    return {
      tails: graph.input(`${side}/tails`, f32(this.count[side], this.length[side], this.width)),
      ends: graph.input(`${side}/ends`, { shape: [this.count[side], 1], dtype: 'i32' }),
      chosen: graph.input(`${side}/chosen`, f32(1, this.count[side])),
    };
  }

  /** Values for them. @param position the only one that counts; undefined: all */
  feeds(className: string, position?: number): Record<string, Float32Array | Int32Array> {
    const feeds: Record<string, Float32Array | Int32Array> = {};
    for (const side of ['normal', 'abnormal'] as const) {
      const { tails } = this.classes.get(className)!;
      const values = new Float32Array(this.count[side] * this.length[side] * this.width);
      const ends = new Int32Array(this.count[side]);
      const chosen = new Float32Array(this.count[side]);
      tails[side].forEach(({ ids, position: own }, text) => {
        ids.forEach((id, i) => {
          values.set(this.rows.get(id)!, (text * this.length[side] + i) * this.width);
        });
        ends[text] = ids.length - 1;
        chosen[text] = Number(position === undefined || own < 0 || own === position);
      });
      feeds[`${side}/tails`] = values;
      feeds[`${side}/ends`] = ends;
      feeds[`${side}/chosen`] = chosen;
    }
    return feeds;
  }
}
