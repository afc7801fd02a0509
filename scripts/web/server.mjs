// Serves the page from folders on the disk, with the headers that a host should send.
import { createServer } from 'node:http';
import sirv from 'sirv';
import { headers } from './policy.mjs';

/**
 * Answers below `base` ('/' or '/some/path/') with the files of a folder, 404 elsewhere; single ranges are served.
 * @param {string} folder
 * @param {Record<string, string>} mounts folders whose files are served below a path of the page: { '/weights/': folder }
 */
export function pageServer(folder, base = '/', mounts = {}) {
  const setHeaders = (response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  };
  const serve = (from) => sirv(from, { dev: true, setHeaders });
  const files = serve(folder);
  const mounted = Object.entries(mounts).map(([prefix, from]) => [prefix, serve(from)]);
  return createServer((request, response) => {
    const missing = () => response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    if (!request.url?.startsWith(base)) return missing();
    request.url = request.url.slice(base.length - 1);
    const [prefix, other] = mounted.find(([start]) => request.url.startsWith(start)) ?? ['/', files];
    request.url = request.url.slice(prefix.length - 1);
    other(request, response, missing);
  });
}
