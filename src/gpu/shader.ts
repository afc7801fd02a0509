/** A stretch of a shader's lines that come from one file: line `line` of the code, from 1, is line `from` of `path`. */
export interface Origin {
  readonly line: number;
  readonly path: string;
  readonly from: number;
}

/** A WGSL file as scripts/wgsl-plugin.mjs loads it: its text with its parts, and what wgsl_reflect reads off it. */
export interface Shader {
  /** Path inside the repository, for error messages and as the pipeline cache's key. */
  readonly path: string;
  readonly code: string;
  /** Which files the lines of `code` come from, in their order: a part's lines stand where its `#include` stood. */
  readonly origins: readonly Origin[];
  readonly bindings: readonly { readonly name: string; readonly binding: number; readonly access: string }[];
  /** The shader's one uniform struct, if it has one; `size` in bytes, a multiple of 16. */
  readonly uniform?: {
    readonly binding: number;
    readonly size: number;
    readonly members: readonly { readonly name: string; readonly offset: number; readonly type: string }[];
  };
  readonly overrides: readonly string[];
  /** Integers that the shader declares as module constants: the enumerations that overrides and uniforms choose from. */
  readonly constants: Readonly<Record<string, number>>;
}

/** Which file and line a line of a shader's code comes from, as `path:line`. */
export function locate(shader: Shader, line: number): string {
  const origin = shader.origins.findLast((o) => o.line <= line) ?? { line: 1, path: shader.path, from: 1 };
  return `${origin.path}:${origin.from + line - origin.line}`;
}

/** The value of one of the shader's constants. @throws where the shader has none of that name. */
export function constantOf(shader: Shader, name: string): number {
  const value = shader.constants[name];
  if (value === undefined)
    throw new Error(
      `${shader.path}: no constant named "${name}" (${Object.keys(shader.constants).join(', ')})`,
    );
  return value;
}

/** A scalar, or the components of a WGSL vector. */
export type UniformValue = number | readonly number[];

/**
 * Writes `values` into `bytes` at the offsets that the shader's uniform struct has in WGSL.
 * @throws if a member is missing or a value has no member: host and shader must name the same facts.
 */
export function packUniform(
  shader: Shader,
  values: Readonly<Record<string, UniformValue>>,
  bytes: DataView,
): void {
  const members = shader.uniform?.members ?? [];
  for (const name of Object.keys(values)) {
    if (!members.some((m) => m.name === name))
      throw new Error(`${shader.path}: no uniform member named "${name}"`);
  }
  for (const { name, offset, type } of members) {
    const value = values[name];
    if (value === undefined) throw new Error(`${shader.path}: uniform member "${name}" was not given`);
    const components = typeof value === 'number' ? [value] : value;
    components.forEach((component, i) => {
      const at = offset + 4 * i;
      if (type.endsWith('f') || type.includes('f32')) bytes.setFloat32(at, component, true);
      else if (type.endsWith('i') || type.includes('i32')) bytes.setInt32(at, component, true);
      else bytes.setUint32(at, component, true);
    });
  }
}
