// The page where WebGPU is missing: what is, and where to find it.
import { h } from './core/dom.ts';
import { icon } from './core/icons.ts';

export type Missing = 'webgpu' | 'secure-context' | 'adapter' | 'framed';

/** undefined: nothing that can be told at once is. */
export function whatIsMissing(): Missing | undefined {
  // A host that sends the headers (scripts/web/policy.mjs) sees to this; others must not make the page a part of theirs.
  if (window.top !== window.self) return 'framed';
  // Browsers hide WebGPU on pages that came over plain http from another machine.
  if (!isSecureContext) return 'secure-context';
  return 'gpu' in navigator ? undefined : 'webgpu';
}

/** Whether WebGPU has a device behind it. */
export async function hasAdapter(): Promise<boolean> {
  return (await navigator.gpu.requestAdapter().catch(() => null)) !== null;
}

const browsers: readonly (readonly [string, string])[] = [
  ['Chrome and Edge', '113 or newer on Windows, macOS and ChromeOS; 121 or newer on Android 12 and later'],
  ['Safari', '26 or newer on macOS, iPhone, iPad and Vision Pro'],
  ['Firefox', '141 or newer on Windows; 145 or newer on Macs with Apple silicon'],
  [
    'Chrome on Linux',
    '144 or newer with Intel graphics of the twelfth generation or later; otherwise switch on chrome://flags/#enable-unsafe-webgpu',
  ],
];

const texts: Record<Missing, { title: string; text: string }> = {
  webgpu: {
    title: 'This browser has no WebGPU',
    text: 'The page computes on your own graphics device, through WebGPU. These browsers have it:',
  },
  'secure-context': {
    title: 'This address is not secure',
    text: 'Browsers offer WebGPU over https or on localhost only. Open the page over https. These browsers have WebGPU:',
  },
  framed: {
    title: 'This page is shown inside another one',
    text: 'It reads photographs and weights that you choose, so it works in a window of its own only. Open its address there, in one of these browsers:',
  },
  adapter: {
    title: 'WebGPU found no graphics device',
    text: 'This browser knows WebGPU, but offers no device for it. Switch on hardware acceleration in its settings, update the graphics driver, or try another browser:',
  },
};

export function missingPage(missing: Missing): HTMLElement {
  const { title, text } = texts[missing];
  return h(
    'section',
    { class: 'missing', role: 'alert' },
    icon('warning'),
    h('h1', { tabindex: -1 }, title),
    h('p', { class: 'lead' }, text),
    h('dl', {}, ...browsers.flatMap(([name, versions]) => [h('dt', {}, name), h('dd', {}, versions)])),
    h('button', { type: 'button', class: 'button primary', onclick: () => location.reload() }, 'Look again'),
  );
}
