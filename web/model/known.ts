// CLIPs that are known by name: where they are, how large, and how long a photograph takes with them on this device.
import { effect, type ReadonlySignal, signal } from '@preact/signals-core';
import { listWeights, type StoredWeights } from '../../src/detector/index.ts';
import { type ClipConfig, clipTensorShapes, knownClipConfigs } from '../../src/model/clip/config.ts';
import { type KnownModel, type KnownSource, parseManifest, sourcesOf } from '../../src/model/hub/manifest.ts';
import manifest from '../../weights/manifest.json' with { type: 'json' };
import { fill, h, uniqueId } from '../core/dom.ts';
import { formatRemaining, formatSize } from '../core/format.ts';
import { keep, kept } from '../core/keep.ts';
import { writtenChoice } from '../engine/choice.ts';
import type { Engine } from '../engine/engine.ts';
import type { Problem } from '../engine/problems.ts';
import type { TryUse } from './use.ts';

const usualHub = 'https://huggingface.co';
const models = parseManifest(manifest, 'manifest.json');

/** Where a file is. */
const addressOf = (
  hub: string,
  { repo, revision }: KnownSource,
  { path, url }: KnownSource['files'][0],
): string => url ?? `${hub.replace(/\/+$/, '')}/${repo}/resolve/${revision}/${path}`;

/** @param use tries a choice; @returns what went wrong */
export function knownModels(engine: Engine, use: TryUse, refreshed: ReadonlySignal<unknown>): HTMLElement {
  const hub = signal(usualHub);
  const stored = signal<readonly StoredWeights[]>([]);
  void kept<string>('settings', 'hub').then((found) => {
    if (found) hub.value = found;
  });
  effect(() => {
    refreshed.value;
    engine.info.value;
    listWeights().then(
      (list) => {
        stored.value = list;
      },
      () => {},
    );
  });

  async function open(model: KnownModel): Promise<void> {
    let problem: Problem | undefined;
    for (const source of sourcesOf(model)) {
      const [first] = source.files;
      const sha256 = source.files.length === 1 ? first.sha256 : undefined;
      problem = await use({
        clip: {
          label: model.name,
          source: addressOf(hub.peek(), source, first),
          ...(sha256 ? { sha256 } : {}),
        },
        // So that it says something at once; better ones can be trained.
        prompts: writtenChoice(''),
      });
      // The next place only where this one cannot be reached.
      if (problem?.kind !== 'network') return;
    }
  }

  const list = h('ul', { class: 'known' });
  effect(() => {
    const from = hub.value;
    fill(list, ...models.map((model) => row(model, from)));
  });

  function row(model: KnownModel, from: string): HTMLElement {
    const [file] = model.files;
    const address = addressOf(from, model, file);
    const here = stored.value.find(({ url }) => url === address);
    const whole = here?.sha256 !== undefined;
    const facts = [
      file.bytes ? formatSize(file.bytes) : sizeOf(model.name),
      `licence ${model.licence}`,
      secondsOf(model.name, engine.pace.value),
      whole
        ? 'on this device already'
        : here && here.stored > 0 && `${formatSize(here.stored)} of it on this device`,
    ];
    const inUse = engine.choice.value.clip.source === address;
    const action = inUse ? 'In use' : whole ? 'Use' : here ? 'Go on' : 'Download and use';
    return h(
      'li',
      {},
      h('span', { class: 'stored-name' }, ...breakable(model.name)),
      h('span', { class: 'quiet' }, facts.filter(Boolean).join(' · ')),
      h(
        'button',
        {
          type: 'button',
          class: 'button small',
          'aria-pressed': String(inUse),
          'aria-label': `${action}: ${model.name}`,
          onclick: () => open(model),
        },
        action,
      ),
    );
  }

  const id = uniqueId('hub');
  const input = h('input', { id, type: 'url', required: true, spellcheck: false });
  effect(() => {
    input.value = hub.value;
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'known-heading' },
    h('h2', { id: 'known-heading' }, 'Real CLIPs'),
    h(
      'p',
      { class: 'quiet' },
      'Trained on hundreds of millions of photographs. Downloaded once, checked, and kept on this device; a download that is cut goes on where it stopped.',
    ),
    list,
    h(
      'details',
      { class: 'quiet' },
      h('summary', {}, 'Where from'),
      h(
        'form',
        {
          class: 'row',
          onsubmit: (event: Event) => {
            event.preventDefault();
            hub.value = input.value.replace(/\/+$/, '');
            void keep('settings', 'hub', hub.peek());
          },
        },
        h('label', { for: id }, 'Hub'),
        input,
        h('button', { type: 'submit', class: 'button small' }, 'Use this hub'),
      ),
    ),
  );
}

/** Sizes of the family that a name says; undefined: of none that is known. */
function configOf(name: string): ClipConfig | undefined {
  const family = /ViT-([BL])[-/](\d+)(@336px)?(?!.*plus)/.exec(name);
  return family
    ? knownClipConfigs[`ViT-${family[1]}/${family[2]}${family[3] ?? ''}` as keyof typeof knownClipConfigs]
    : undefined;
}

/** Of a file of which nobody said how large it is: its values in F32, as all of these have them. */
function sizeOf(name: string): string | undefined {
  const config = configOf(name);
  if (!config) return undefined;
  const shapes = [...clipTensorShapes(config).values()];
  const values = shapes.reduce((sum, shape) => sum + shape.reduce((product, side) => product * side, 1), 0);
  return `about ${formatSize(4 * values)}`;
}

/** The image encoder with its second stream beside the first alone, about. */
const secondStream = 1.6;

/**
 * How long a photograph takes at most, from operations per millisecond as they were measured here: a small model, whose
 * steps are short, makes less of the device than a large one.
 */
export function secondsOf(name: string, pace: number | undefined): string | undefined {
  const config = configOf(name);
  if (!config || pace === undefined) return undefined;
  const { visionWidth: d, visionLayers, patch, grid } = config;
  const side = patch === 14 ? Math.round(518 / patch) : grid;
  const n = side * side + 1;
  const operations = secondStream * visionLayers * (24 * d * d * n + 4 * n * n * d);
  const seconds = operations / pace / 1000;
  return `up to about ${seconds < 1 ? `${seconds.toFixed(1)} s` : formatRemaining(seconds)} a photograph here`;
}

/** A name whose line may end behind its slashes and underscores, and nowhere else. */
const breakable = (name: string): (string | HTMLElement)[] =>
  name.split(/(?<=[/_])/).flatMap((part, i) => (i === 0 ? [part] : [h('wbr'), part]));
