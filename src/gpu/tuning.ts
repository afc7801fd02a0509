// Which variant of a kernel an adapter runs fastest, as measured earlier. graph/tuner.ts measures.

/** Where choices are kept between runs: one text per adapter. */
export interface TuningStore {
  read(adapter: string): Promise<string | undefined>;
  write(adapter: string, text: string): Promise<void>;
}

export interface TuningOptions {
  readonly store: TuningStore;
  /**
   * Software adapters too; default: GPUs only. The operators' own choices come from measurements on a software adapter,
   * where compiling the variants takes seconds.
   */
  readonly software?: boolean;
  /** Called before a class of calls is measured for the first time. */
  readonly onMeasure?: (what: string) => void;
}

/** The choices for one adapter. */
export interface Tuning {
  /** The choice for a class of calls: a variant's name, or '' for the operator's own choice. */
  get(key: string): string | undefined;
  set(key: string, variant: string): void;
  onMeasure(what: string): void;
  /** Stores what was set since the last time. */
  save(): Promise<void>;
}

const format = 1;

/** @returns undefined where nothing can be stored: choices that change from run to run would change a run's bits */
export async function openTuning(
  { store, onMeasure = () => {} }: TuningOptions,
  adapter: string,
): Promise<Tuning | undefined> {
  const choices = parse(await store.read(adapter));
  let changed = true;
  const save = async () => {
    if (!changed) return;
    // Another process may have measured meanwhile; what it has found stands.
    for (const [key, variant] of parse(await store.read(adapter))) choices.set(key, variant);
    await store.write(
      adapter,
      `${JSON.stringify({ format, adapter, choices: Object.fromEntries(choices) }, null, 2)}\n`,
    );
    changed = false;
  };
  try {
    await save();
  } catch {
    return undefined;
  }
  return {
    get: (key) => choices.get(key),
    set(key, variant) {
      choices.set(key, variant);
      changed = true;
    },
    onMeasure,
    save,
  };
}

/** What does not read as choices counts as none: they can be measured again. */
function parse(text: string | undefined): Map<string, string> {
  try {
    const found = JSON.parse(text ?? '') as { format?: unknown; choices?: Record<string, unknown> };
    if (found.format !== format) return new Map();
    return new Map(
      Object.entries(found.choices ?? {}).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    );
  } catch {
    return new Map();
  }
}
