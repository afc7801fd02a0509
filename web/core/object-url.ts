// An address for a file, for img elements: made when it is first asked for, as few of many files are in sight.

export interface ObjectUrl {
  readonly url: string;
  /** Frees what the address holds; asked for again, there is another one. */
  release(): void;
}

export function objectUrl(file: Blob): ObjectUrl {
  let made: string | undefined;
  return {
    get url() {
      made ??= URL.createObjectURL(file);
      return made;
    },
    release() {
      if (made !== undefined) URL.revokeObjectURL(made);
      made = undefined;
    },
  };
}
