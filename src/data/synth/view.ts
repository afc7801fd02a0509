/** Where the camera stands: from pixels to the world, whose unit is the picture's side at zoom 1. */

export interface View {
  /** Pixels a side. */
  size: number;
  /** Pixels per unit of the world. */
  unit: number;
  /** The world's point at the picture's upper left corner. */
  x: number;
  y: number;
  /** Step in the world from a pixel to its right neighbour; the one below is (-stepY, stepX). */
  stepX: number;
  stepY: number;
}

export interface Pose {
  /** Radians. */
  angle: number;
  scale: number;
  /** In units of the world. */
  dx: number;
  dy: number;
}

/** A camera that sees 1 / zoom of the world around (x, y), turned by `angle`. */
export function createView(
  size: number,
  { zoom = 1, angle = 0, x = 0, y = 0 }: Partial<Record<'zoom' | 'angle' | 'x' | 'y', number>> = {},
): View {
  const step = 1 / (size * zoom);
  const [stepX, stepY] = [step * Math.cos(angle), step * Math.sin(angle)];
  const half = size / 2;
  return {
    size,
    unit: size * zoom,
    x: x - half * (stepX - stepY),
    y: y - half * (stepX + stepY),
    stepX,
    stepY,
  };
}

/** The same picture in the coordinates of an object that is turned, scaled and moved by `pose`. */
export function posed(view: View, { angle, scale, dx, dy }: Pose): View {
  const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
  const turn = (x: number, y: number): [number, number] => [cos * x + sin * y, cos * y - sin * x];
  const [x, y] = turn(view.x - dx, view.y - dy);
  const [stepX, stepY] = turn(view.stepX, view.stepY);
  return { size: view.size, unit: view.unit * scale, x, y, stepX, stepY };
}
