// The model that is open, and what is known of it, also once it is closed.
import { computed, type ReadonlySignal, signal } from '@preact/signals-core';
import { Detector, type DetectorInfo, type DeviceEvent, type Warning } from '../../src/detector/index.ts';
import { howToLook, type ModelChoice } from './choice.ts';
import type { JobTools } from './jobs.ts';

export interface OpenModel {
  readonly info: ReadonlySignal<DetectorInfo | undefined>;
  readonly known: ReadonlySignal<DetectorInfo | undefined>;
  readonly device: ReadonlySignal<DeviceEvent | undefined>;
  readonly warnings: ReadonlySignal<readonly Warning[]>;
  /** Absent while no model is open. */
  detector(): Detector | undefined;
  /** Opens one in place of the one that is open. */
  load(choice: ModelChoice, tools: JobTools): Promise<Detector>;
  /** Goes from one choice to another. @throws DetectorError, and the first one is open again */
  change(from: ModelChoice, to: ModelChoice, tools: JobTools): Promise<void>;
  close(): void;
  forgetDevice(): void;
  /** What is known of a model that is to be opened. */
  recall(known: DetectorInfo | undefined): void;
}

export function createOpenModel(): OpenModel {
  const info = signal<DetectorInfo | undefined>(undefined);
  const before = signal<DetectorInfo | undefined>(undefined);
  const device = signal<DeviceEvent | undefined>(undefined);
  const warnings = signal<readonly Warning[]>([]);
  let open: Detector | undefined;

  const close = () => {
    open?.close();
    open = undefined;
    before.value = info.peek() ?? before.peek();
    info.value = undefined;
    warnings.value = [];
  };
  const load = async (next: ModelChoice, tools: JobTools): Promise<Detector> => {
    close();
    const { clip, prompts } = next;
    open = await Detector.load({
      clip: clip.source,
      ...(clip.sha256 ? { sha256: clip.sha256 } : {}),
      ...(prompts ? { prompts: prompts.source, ...howToLook(next) } : {}),
      ...tools,
      onWarning: (warning) => {
        warnings.value = [...warnings.value, warning];
      },
      onDevice: (event) => {
        device.value = event;
        if (event.state === 'failed') close();
      },
    });
    info.value = open.info;
    return open;
  };
  return {
    info,
    known: computed(() => info.value ?? before.value),
    device,
    warnings,
    detector: () => open,
    load,
    async change(from, to, tools) {
      const sameClip = open && sameSource(to.clip.source, from.clip.source);
      if (sameClip && to.prompts) {
        // Refused, the old ones stay.
        info.value = await open!.setPrompts(to.prompts.source, howToLook(to));
        return;
      }
      try {
        await load(to, tools);
      } catch (error) {
        const failed = info.peek() === undefined && open === undefined;
        // What worked before works on; its files are on the disk.
        if (failed) await load(from, { ...tools, signal: new AbortController().signal }).catch(() => {});
        throw error;
      }
    },
    close,
    forgetDevice() {
      device.value = undefined;
    },
    recall(known) {
      before.value = known;
    },
  };
}

const sameSource = (a: unknown, b: unknown): boolean =>
  a === b || ((typeof a === 'string' || a instanceof URL) && String(a) === String(b));
