// Part of minified bundles (wgsl-plugin.mjs): a Shader from its stretches of text and its facts in short form, the
// same for all shaders.

/** What `shaderOf` reads: see src/gpu/shader.ts. Without `path`, `code` and `origins`. */
export const packFacts = ({ bindings, uniform, overrides, constants }) => [
  bindings.map(({ name, binding, access }) => `${name} ${binding} ${access}`).join(),
  uniform &&
    `${uniform.binding} ${uniform.size},${uniform.members.map(({ name, offset, type }) => `${name} ${offset} ${type}`)}`,
  overrides.join(),
  constants,
];

const entries = (text) => (text ? text.split(',').map((entry) => entry.split(' ')) : []);

/** @returns {import('../src/gpu/shader.ts').Shader} */
export const shaderOf = (path, parts, bindings, uniform, overrides, constants) => {
  const [[binding, size] = [], ...members] = entries(uniform);
  return {
    path,
    code: parts.join('\n'),
    origins: [],
    bindings: entries(bindings).map(([name, at, access]) => ({ name, binding: +at, access })),
    uniform: uniform && {
      binding: +binding,
      size: +size,
      members: members.map(([name, offset, type]) => ({ name, offset: +offset, type })),
    },
    overrides: entries(overrides).flat(),
    constants,
  };
};
