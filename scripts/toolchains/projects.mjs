// The projects that a newcomer may have, each empty but for the README's example: files, commands, and where the page is.
// Versions are what the registry has today; each project installs its own.

/** @param {string} example browser example, to be put into a component */
const component = (example) => `'use client';
import { useEffect } from 'react';
${example.split('\n')[0]}

async function start() {
${example.split('\n').slice(1).join('\n')}
}

export default function Page() {
  useEffect(() => void start(), []);
  return <main><input type="file" /><output></output><canvas width="518" height="518"></canvas></main>;
}
`;

const html = (script, head = '') => `<!doctype html>
<html lang="en">
<meta charset="utf-8" />
<title>Where is the defect?</title>
${head}<input type="file" accept="image/*" />
<output></output>
<canvas width="518" height="518"></canvas>
${script}
</html>
`;
const module = (src) => html(`<script type="module" src="${src}"></script>`);

const tsconfig = (moduleKind, moduleResolution) =>
  JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      module: moduleKind,
      moduleResolution,
      strict: true,
      types: ['node'],
      outDir: 'out',
    },
    files: ['detect.ts'],
  });

const inTypeScript = (moduleKind, moduleResolution) => ({
  kind: 'node',
  packages: ['webgpu', 'sharp', 'typescript', '@types/node'],
  files: ({ node }) => ({
    'detect.ts': node,
    'tsconfig.json': tsconfig(moduleKind, moduleResolution),
  }),
  build: ['npx', 'tsc'],
  run: ['node', 'out/detect.js'],
});

/**
 * kind `node`: `run` prints the score. kind `page`: what `build` leaves in `serve` is served as static files, or `server`
 * is a program that serves it at the port in $PORT. `output`: folder of the bundle.
 */
export const projects = {
  'Node, ES module': {
    kind: 'node',
    packages: ['webgpu', 'sharp'],
    files: ({ node }) => ({ 'detect.mjs': node }),
    run: ['node', 'detect.mjs'],
  },
  'Node, CommonJS': {
    kind: 'node',
    packages: ['webgpu', 'sharp'],
    type: 'commonjs',
    files: ({ node }) => ({
      'detect.cjs': `const { Detector } = require('faprompt');\n(async () => {\n${node.split('\n').slice(1).join('\n')}\n})();\n`,
    }),
    run: ['node', 'detect.cjs'],
  },
  'TypeScript, bundler': inTypeScript('esnext', 'bundler'),
  'TypeScript, node16': inTypeScript('node16', 'node16'),
  'Vite, build': {
    kind: 'page',
    packages: ['vite'],
    files: ({ browser }) => ({ 'index.html': module('/detect.js'), 'detect.js': browser }),
    build: ['npx', 'vite', 'build'],
    // The example awaits at its top level.
    config: { 'vite.config.js': "export default { build: { target: 'es2022' } };\n" },
    serve: 'dist',
  },
  'Vite, dev server': {
    kind: 'page',
    packages: ['vite'],
    files: ({ browser }) => ({ 'index.html': module('/detect.js'), 'detect.js': browser }),
    server: ['npx', 'vite', '--host', '127.0.0.1', '--strictPort', '--port', '$PORT'],
  },
  'webpack 5': {
    kind: 'page',
    packages: ['webpack@5', 'webpack-cli'],
    files: ({ browser }) => ({ 'src/index.js': browser }),
    build: ['npx', 'webpack', '--mode', 'production'],
    page: { 'dist/index.html': module('main.js') },
    serve: 'dist',
  },
  esbuild: {
    kind: 'page',
    packages: ['esbuild'],
    files: ({ browser }) => ({ 'detect.js': browser }),
    build: ['npx', 'esbuild', 'detect.js', '--bundle', '--minify', '--format=esm', '--outdir=dist'],
    page: { 'dist/index.html': module('detect.js') },
    serve: 'dist',
  },
  'esbuild --splitting': {
    kind: 'page',
    packages: ['esbuild'],
    files: ({ browser }) => ({ 'detect.js': browser }),
    build: [
      ...['npx', 'esbuild', 'detect.js', '--bundle', '--minify', '--format=esm', '--outdir=dist'],
      '--splitting',
    ],
    page: { 'dist/index.html': module('detect.js') },
    serve: 'dist',
  },
  Rollup: {
    kind: 'page',
    packages: ['rollup', '@rollup/plugin-node-resolve'],
    files: ({ browser }) => ({ 'detect.js': browser }),
    build: ['npx', 'rollup', 'detect.js', '-d', 'dist', '-f', 'es', '-p', 'node-resolve={browser:true}'],
    page: { 'dist/index.html': module('detect.js') },
    serve: 'dist',
  },
  'Next.js': {
    kind: 'page',
    packages: ['next', 'react', 'react-dom'],
    files: ({ browser }) => ({
      'app/page.jsx': component(browser),
      'app/layout.jsx':
        'export default function Layout({ children }) {\n  return <html lang="en"><body>{children}</body></html>;\n}\n',
    }),
    build: ['npx', 'next', 'build'],
    server: ['npx', 'next', 'start', '-H', '127.0.0.1', '-p', '$PORT'],
    output: '.next/static',
  },
  'static, import map': {
    kind: 'page',
    packages: [],
    files: ({ browser }) => ({
      'index.html': html(
        '<script type="module" src="detect.js"></script>',
        '<script type="importmap">{ "imports": { "faprompt": "./node_modules/faprompt/dist/browser/index.js" } }</script>\n',
      ),
      'detect.js': browser,
    }),
    serve: '.',
  },
};
