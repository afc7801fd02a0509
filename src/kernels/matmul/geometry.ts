import { elements, type Shape, ShapeError, type TensorSpec } from '../tensor.ts';

export interface Transposes {
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
}

export type Activation = 'quickgelu' | 'relu';

export interface MatmulAttrs extends Transposes {
  readonly activation?: Activation | undefined;
  /** The product is d loss / d f(x) and is multiplied by the slope of f at the fifth input, x. */
  readonly slopeOf?: Activation | undefined;
  /** Keep the values before the activation: QuickGELU's gradient needs them. */
  readonly saveForBackward?: boolean | undefined;
  /** Factor of the product; default 1. */
  readonly scale?: number | undefined;
  /**
   * Rows of the result that one item (an image of a batch) has, where the results of an item must not depend on the others,
   * nor on how many there are: the kernel is chosen by these rows, and no tile whose scale follows its values has rows of
   * two items. Whole matrices, in a product of a batch of them.
   */
  readonly itemRows?: number | undefined;
  /**
   * A sum over many rows, a^T b: a GPU adds up so many parts of it that it computes beside each other. They divide the rows.
   */
  readonly parts?: number | undefined;
}

/** A product of matrices as the shaders see it: one batch dimension, strides in elements, 0 where shared. */
export interface Geometry {
  readonly batch: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly strideA: number;
  readonly strideB: number;
}

/**
 * Sizes and output shape [...batch, M, N] of a product.
 * @throws ShapeError where the operands do not fit: inner dimensions differ, or both have a batch and the two differ.
 */
export function productShape(
  { transposeA = false, transposeB = false }: Transposes,
  a: TensorSpec | undefined,
  b: TensorSpec | undefined,
): { shape: number[]; geometry: Geometry } {
  const found = `[${a?.shape.join(', ')}] and [${b?.shape.join(', ')}]`;
  if (!a || !b || a.shape.length < 2 || b.shape.length < 2)
    throw new ShapeError('matmul', 'two operands of at least 2 dimensions', found);
  const [M, innerA] = matrix(a.shape, transposeA);
  const [K, N] = matrix(b.shape, transposeB);
  if (innerA !== K || elements(a.shape) * elements(b.shape) === 0) {
    const layouts = `a [..., ${transposeA ? 'K, M' : 'M, K'}] and b [..., ${transposeB ? 'N, K' : 'K, N'}]`;
    throw new ShapeError('matmul', `${layouts} with the same K`, found);
  }
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const [countA, countB] = [elements(batchA), elements(batchB)];
  if (countA !== 1 && countB !== 1 && batchA.join() !== batchB.join())
    throw new ShapeError('matmul', 'equal batch dimensions, or one operand without', found);
  const aHasTheBatch = countA === countB ? batchA.length >= batchB.length : countB === 1;
  const shape = [...(aHasTheBatch ? batchA : batchB), M, N];
  const batch = Math.max(countA, countB);
  // With a shared b, the matrices of a batch are so many more rows of one matrix.
  const geometry =
    countB === 1 && !transposeA
      ? { batch: 1, M: batch * M, N, K, strideA: 0, strideB: 0 }
      : { batch, M, N, K, strideA: countA === 1 ? 0 : M * K, strideB: countB === 1 ? 0 : K * N };
  return { shape, geometry };
}

/** The product of one item, by which its kernel is chosen. */
export function ofItem(geometry: Geometry, { itemRows }: MatmulAttrs): Geometry {
  if (itemRows === undefined) return geometry;
  return geometry.batch > 1 ? { ...geometry, batch: itemRows / geometry.M } : { ...geometry, M: itemRows };
}

/** The product with no matrix that has rows of two items: of one matrix, each item's rows are one of a batch. */
export const apart = (geometry: Geometry, { itemRows }: MatmulAttrs): Geometry =>
  itemRows === undefined || geometry.batch > 1 || itemRows === geometry.M
    ? geometry
    : { ...geometry, batch: geometry.M / itemRows, M: itemRows, strideA: itemRows * geometry.K };

function matrix(shape: Shape, transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}
