// AnoVL's views of an image (vl_test.py): itself, 8 rotations, 8 translations, flip, grey, 3 quarter turns.

/** Rotations in sixteenths of pi: -45 to 45 degrees. */
const rotations = [-4, -3, -2, -1, 1, 2, 3, 4];
/** Translations in halves of the image. */
const distances = [0.2, 0.1];
const corners = [
  [1, 1],
  [-1, 1],
  [-1, -1],
  [1, -1],
] as const;
/** Weights of red, green and blue in grey, of the normalised channels. */
const grey = [0.299, 0.587, 0.114] as const;

/**
 * The 22 views of a preprocessed (normalised) image [3, S, S], each [3, S, S]; the image itself is the first. Rotations
 * and translations sample bilinearly, reflected at the borders (PyTorch's affine_grid and grid_sample with
 * align_corners=True).
 */
export function augment(image: Float32Array, size: number): Float32Array[] {
  const turned = rotations.map((k) => {
    const angle = (k * Math.PI) / 16;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    return warp(image, size, [c, -s, 0, s, c, 0]);
  });
  const moved = distances.flatMap((d) =>
    corners.map(([x, y]) => warp(image, size, [1, 0, x * d, 0, 1, y * d])),
  );
  const each = (from: (row: number, column: number) => number): Float32Array => {
    const out = new Float32Array(image.length);
    const area = size * size;
    for (let i = 0; i < image.length; i++) {
      const within = i % area;
      out[i] = image[i - within + from(Math.floor(within / size), within % size)]!;
    }
    return out;
  };
  const last = size - 1;
  return [
    image,
    ...turned,
    ...moved,
    each((y, x) => y * size + last - x),
    greyed(image),
    each((y, x) => x * size + last - y),
    each((y, x) => (last - y) * size + last - x),
    each((y, x) => (last - x) * size + y),
  ];
}

function greyed(image: Float32Array): Float32Array {
  const area = image.length / 3;
  const out = new Float32Array(image.length);
  for (let i = 0; i < area; i++) {
    const value = grey[0] * image[i]! + grey[1] * image[area + i]! + grey[2] * image[2 * area + i]!;
    for (let channel = 0; channel < 3; channel++) out[channel * area + i] = value;
  }
  return out;
}

type Affine = readonly [number, number, number, number, number, number];

/** out(p) = image(A p), p in [-1, 1]^2 from corner pixel to corner pixel. */
function warp(image: Float32Array, size: number, [a, b, c, d, e, f]: Affine): Float32Array {
  const out = new Float32Array(image.length);
  const area = size * size;
  const last = size - 1;
  const unit = (i: number) => (size === 1 ? 0 : (2 * i) / last - 1);
  const pixel = (x: number) => reflect(((x + 1) / 2) * last, last);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [x, y] = [unit(column), unit(row)];
      const [sx, sy] = [pixel(a * x + b * y + c), pixel(d * x + e * y + f)];
      const [x0, y0] = [Math.floor(sx), Math.floor(sy)];
      const [x1, y1] = [Math.min(x0 + 1, last), Math.min(y0 + 1, last)];
      const [wx, wy] = [sx - x0, sy - y0];
      for (let channel = 0; channel < 3; channel++) {
        const at = (i: number, j: number) => image[channel * area + i * size + j]!;
        out[channel * area + row * size + column] =
          (1 - wy) * ((1 - wx) * at(y0, x0) + wx * at(y0, x1)) +
          wy * ((1 - wx) * at(y1, x0) + wx * at(y1, x1));
      }
    }
  }
  return out;
}

/** A coordinate reflected into [0, last]. */
function reflect(x: number, last: number): number {
  if (last === 0) return 0;
  const t = Math.abs(x) % (2 * last);
  return t > last ? 2 * last - t : t;
}
