// Serves the page on localhost, with the headers that a host should send.
import { createServer } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import sirv from 'sirv';
import { buildPage } from './build.mjs';
import { headers } from './policy.mjs';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * Answers below `base` ('/' or '/some/path/') with the files of a folder, 404 elsewhere; single ranges are served.
 * @param {string} folder
 */
export function pageServer(folder, base = '/') {
  const files = sirv(folder, {
    dev: true,
    setHeaders: (response) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    },
  });
  return createServer((request, response) => {
    const missing = () => response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    if (!request.url?.startsWith(base)) return missing();
    request.url = request.url.slice(base.length - 1);
    files(request, response, missing);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = path.join(root, 'dist-web');
  const port = Number(process.env.PORT ?? 8080);
  await buildPage(folder);
  const server = pageServer(folder);
  server.on('error', (error) => {
    console.error(
      error.code === 'EADDRINUSE' ? `port ${port} is taken: PORT=8081 npm run web` : error.message,
    );
    process.exit(1);
  });
  server.listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}/`));
}
