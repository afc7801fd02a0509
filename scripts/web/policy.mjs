// What the page may do: its own scripts and styles, and reading from addresses that the person gives.

/**
 * No inline script or style, no eval, no frames, no forms that leave. `connect-src` has https because a CLIP may be
 * opened by address; the page itself asks nobody but its own origin (test/page-inspect.test.ts watches).
 */
const directives = {
  'default-src': "'none'",
  'script-src': "'self'",
  'worker-src': "'self'",
  'style-src': "'self'",
  'font-src': "'self'",
  'img-src': "'self' blob:",
  'connect-src': "'self' https: http://localhost:* http://127.0.0.1:*",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
};

const text = (entries) => entries.map(([name, value]) => `${name} ${value}`).join('; ');

/** For the page's meta element, which any static host delivers. */
export const contentPolicy = text(Object.entries(directives));

/** For hosts that can send headers; `npm run web` does. */
export const headers = {
  'Content-Security-Policy': text([...Object.entries(directives), ['frame-ancestors', "'none'"]]),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(self), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** The same as a file of the page's folder, in the form that Netlify and Cloudflare Pages read. */
export const headersFile = `/*\n${Object.entries(headers)
  .map(([name, value]) => `  ${name}: ${value}\n`)
  .join('')}`;
