// What the library carries in itself for page tools that lose files: `import('inlined:NAME')` gives text or bytes.
// Builds that have the files beside them (the page, the tests) carry nothing: undefined.
const filter = /^inlined:/;

/**
 * @param {Record<string, () => Promise<{ contents: string | Uint8Array, loader: 'text' | 'binary' }>>} contents
 * @returns {import('esbuild').Plugin}
 */
export const esbuildInlined = (contents = {}) => ({
  name: 'inlined',
  setup(build) {
    build.onResolve({ filter }, ({ path }) => ({
      path: path.slice('inlined:'.length),
      namespace: 'inlined',
    }));
    build.onLoad({ filter: /./, namespace: 'inlined' }, async ({ path }) =>
      contents[path] ? contents[path]() : { contents: 'export default undefined;', loader: 'js' },
    );
  },
});
