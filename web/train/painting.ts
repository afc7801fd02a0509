// Strokes on a canvas: kept as a list, so that each can be undone.

export interface Stroke {
  readonly erase: boolean;
  /** Diameter in pixels of the image. */
  readonly size: number;
  readonly points: { readonly x: number; readonly y: number }[];
}

export interface Painting {
  /** Begins a stroke at a point in pixels of the image. */
  begin(stroke: Omit<Stroke, 'points'>, x: number, y: number): void;
  /** Goes on with it. */
  move(x: number, y: number): void;
  /** Takes the last stroke back; false if there is none. */
  undo(): boolean;
  clear(): void;
}

const colour = 'rgb(255 59 48)';

/** @param background what was painted before; undefined: nothing */
export function createPainting(canvas: HTMLCanvasElement, background: ImageBitmap | undefined): Painting {
  const context = canvas.getContext('2d')!;
  let base = background;
  let strokes: Stroke[] = [];

  function segment(
    { erase, size }: Stroke,
    from: { x: number; y: number },
    to: { x: number; y: number },
  ): void {
    context.globalCompositeOperation = erase ? 'destination-out' : 'source-over';
    context.strokeStyle = colour;
    context.lineCap = 'round';
    context.lineWidth = size;
    context.beginPath();
    context.moveTo(from.x, from.y);
    // A line of no length draws nothing, its round ends included.
    context.lineTo(to.x, to.y + (from.x === to.x && from.y === to.y ? 0.01 : 0));
    context.stroke();
  }

  function redraw(): void {
    context.globalCompositeOperation = 'source-over';
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (base) context.drawImage(base, 0, 0);
    for (const stroke of strokes)
      stroke.points.forEach((point, i) => {
        segment(stroke, stroke.points[Math.max(0, i - 1)]!, point);
      });
  }
  redraw();

  return {
    begin(stroke, x, y) {
      const begun = { ...stroke, points: [{ x, y }] };
      strokes.push(begun);
      segment(begun, { x, y }, { x, y });
    },
    move(x, y) {
      const stroke = strokes.at(-1);
      if (!stroke) return;
      segment(stroke, stroke.points.at(-1)!, { x, y });
      stroke.points.push({ x, y });
    },
    undo() {
      const undone = strokes.pop() !== undefined;
      if (undone) redraw();
      return undone;
    },
    clear() {
      base = undefined;
      strokes = [];
      redraw();
    },
  };
}
