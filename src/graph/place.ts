/** Where a tensor lies. */
export interface Place {
  /** The storage whose buffer it is. */
  readonly storage: number;
  /** In bytes. */
  readonly offset: number;
}
