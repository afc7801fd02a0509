/** The part of the npm package `safetensors` that the tests use; it ships no types. */
declare module 'safetensors' {
  export class SafeTensor {
    constructor(file: Uint8Array);
    readonly metadata: Map<string, { dtype: string; shape: number[]; data_offsets: number[] }>;
    getTensor(name: string): Uint8Array;
  }
}
