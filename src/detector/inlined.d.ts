// What the build puts into the library as text and bytes (scripts/inline-plugin.mjs); undefined in other builds.
declare module 'inlined:worker' {
  const source: string | undefined;
  export default source;
}
declare module 'inlined:clip' {
  const bytes: Uint8Array<ArrayBuffer> | undefined;
  export default bytes;
}
declare module 'inlined:prompts' {
  const bytes: Uint8Array<ArrayBuffer> | undefined;
  export default bytes;
}
declare module 'inlined:vocabulary' {
  const bytes: Uint8Array<ArrayBuffer> | undefined;
  export default bytes;
}
