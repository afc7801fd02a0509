// The images to train on.
import { type ReadonlySignal, type Signal, signal } from '@preact/signals-core';

export interface TrainItem {
  readonly id: number;
  readonly name: string;
  readonly image: Blob;
  readonly url: string;
  /** Known to be defective: needs a mask. */
  readonly defective: boolean;
  /** An image file, white where the defect is. */
  readonly mask: Signal<Blob | undefined>;
}

export interface NewItem {
  readonly name: string;
  readonly image: Blob;
  readonly mask?: Blob;
  readonly defective?: boolean;
}

export interface TrainItems {
  readonly all: ReadonlySignal<readonly TrainItem[]>;
  add(items: readonly NewItem[]): void;
  remove(item: TrainItem): void;
  clear(): void;
}

export function createItems(): TrainItems {
  const all = signal<readonly TrainItem[]>([]);
  let ids = 0;
  return {
    all,
    add(items) {
      all.value = [
        ...all.value,
        ...items.map(({ name, image, mask, defective }) => ({
          id: ++ids,
          name,
          image,
          url: URL.createObjectURL(image),
          defective: defective ?? mask !== undefined,
          mask: signal(mask),
        })),
      ];
    },
    remove(item) {
      all.value = all.value.filter((other) => other !== item);
      URL.revokeObjectURL(item.url);
    },
    clear() {
      for (const { url } of all.value) URL.revokeObjectURL(url);
      all.value = [];
    },
  };
}

/** What an item counts as; an image with a defect and no mask cannot be trained on. */
export const kindOf = ({ defective, mask }: TrainItem): 'normal' | 'defect' | 'unusable' =>
  mask.value ? 'defect' : defective ? 'unusable' : 'normal';
