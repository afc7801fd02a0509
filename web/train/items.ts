// The images to train on.
import { type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import { type ObjectUrl, objectUrl } from '../core/object-url.ts';
import { studio } from '../studio/studio.ts';

export interface TrainItem extends ObjectUrl {
  readonly id: number;
  readonly name: string;
  readonly image: Blob;
  /** Known to be defective: needs a mask. */
  readonly defective: Signal<boolean>;
  /** An image file, white where the defect is; of the image's size. */
  readonly mask: Signal<Blob | undefined>;
  /** undefined until it was looked at; false: cannot be decoded. */
  readonly readable: Signal<boolean | undefined>;
}

export interface NewItem {
  readonly name: string;
  readonly image: Blob;
  readonly mask?: Blob;
  /** For messages. */
  readonly maskName?: string;
  readonly defective?: boolean;
  /** That it had before a reload. */
  readonly id?: number;
}

export interface TrainItems {
  readonly all: ReadonlySignal<readonly TrainItem[]>;
  /**
   * Looked at before they are shown.
   * @param look false: they were, before a reload
   * @returns what is wrong with them, in sentences
   */
  add(items: readonly NewItem[], look?: boolean): Promise<readonly string[]>;
  /** @returns how to put them back, and how to forget them for good */
  remove(some: readonly TrainItem[]): { undo: () => void; settle: () => void };
}

/** Images that are looked at at once. */
const together = 4;

export function createItems(): TrainItems {
  const all = signal<readonly TrainItem[]>([]);
  let ids = 0;

  function create(
    { name, image, defective = false, id = ids + 1 }: NewItem,
    mask: Blob | undefined,
    readable: boolean,
  ): TrainItem {
    const address = objectUrl(image);
    ids = Math.max(ids, id);
    return {
      id,
      name,
      image,
      get url() {
        return address.url;
      },
      release: address.release,
      defective: signal(defective),
      mask: signal(mask),
      readable: signal(readable),
    };
  }

  /** Decodes an image and its mask: what does not fit would otherwise be found in the middle of a run. */
  async function look({ name, image, mask, maskName, defective }: NewItem) {
    const sizes = await studio().sizes(image, mask);
    const called = maskName ?? `the mask of ${name}`;
    const problem = !sizes.image
      ? `${name} cannot be read as an image, and is left out.`
      : mask && !sizes.mask
        ? `${called} cannot be read: ${name} needs another mask.`
        : sizes.mask && (sizes.mask.width !== sizes.image.width || sizes.mask.height !== sizes.image.height)
          ? `${called} has ${sizes.mask.width} × ${sizes.mask.height} pixels, its image ${sizes.image.width} × ${sizes.image.height}: ${name} needs another mask.`
          : undefined;
    const item = create(
      { name, image, defective: defective ?? mask !== undefined },
      problem ? undefined : mask,
      sizes.image !== undefined,
    );
    return { item, problem };
  }

  return {
    all,
    async add(items, wanted = true) {
      if (!wanted) {
        all.value = [...all.value, ...items.map((item) => create(item, item.mask, true))];
        return [];
      }
      const problems: string[] = [];
      for (let at = 0; at < items.length; at += together) {
        const looked = await Promise.all(items.slice(at, at + together).map(look));
        all.value = [...all.value, ...looked.map(({ item }) => item)];
        problems.push(...looked.flatMap(({ problem }) => problem ?? []));
      }
      return problems;
    },
    remove(some) {
      const gone = new Set(some);
      all.value = all.peek().filter((item) => !gone.has(item));
      return {
        undo() {
          // Where they were.
          all.value = [...all.peek(), ...some].sort((a, b) => a.id - b.id);
        },
        settle() {
          for (const item of some) item.release();
        },
      };
    },
  };
}

export type ItemKind = 'normal' | 'defect' | 'unusable' | 'unreadable';

/** What an item counts as; an image with a defect and no mask cannot be trained on. */
export const kindOf = ({ defective, mask, readable }: TrainItem): ItemKind =>
  readable.value === false ? 'unreadable' : mask.value ? 'defect' : defective.value ? 'unusable' : 'normal';

export const isUsable = (item: TrainItem): boolean => ['normal', 'defect'].includes(kindOf(item));
