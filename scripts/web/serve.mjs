// npm run web: builds the page and serves it on localhost.
import path from 'node:path';
import { buildPage } from './build.mjs';
import { pageServer } from './server.mjs';

const folder = path.resolve(import.meta.dirname, '../../dist-web');
const port = Number(process.env.PORT ?? 8080);
await buildPage(folder);
const server = pageServer(folder);
server.on('error', (error) => {
  console.error(error.code === 'EADDRINUSE' ? `port ${port} is taken: PORT=8081 npm run web` : error.message);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}/`));
