// None in browsers: matrix units are behind a flag there, and their shaders weigh 8 kB gzipped.
import type { Shader } from '../../gpu/shader.ts';

export const unitShaders: readonly Shader[] = [];
