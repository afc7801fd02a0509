/** A shader file, read and reflected by scripts/wgsl-plugin.mjs. */
declare module '*.wgsl' {
  const shader: import('./gpu/shader.ts').Shader;
  export default shader;
}
