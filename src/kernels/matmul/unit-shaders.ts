// A file per size of the matrix units: types of matrices cannot be made from overrides. The first that the adapter has.
import type { Shader } from '../../gpu/shader.ts';
import units8Shader from './matmul_units_8x8x8.wgsl';
import units16Shader from './matmul_units_16x16x16.wgsl';

export const unitShaders: readonly Shader[] = [units16Shader, units8Shader];
