// What is painted, as a list of doings on a canvas: each of them can be taken back, clearing too.

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Brush {
  readonly erase: boolean;
  /** Diameter in pixels of the image. */
  readonly size: number;
}

type Doing =
  | { readonly kind: 'stroke'; readonly brush: Brush; readonly points: Point[] }
  | { readonly kind: 'polygon'; readonly points: readonly Point[] }
  | { readonly kind: 'bitmap'; readonly bitmap: ImageBitmap }
  | { readonly kind: 'clear' };

export interface Painting {
  /** Begins a stroke at a point in pixels of the image. */
  begin(brush: Brush, at: Point): void;
  /** Goes on with it. */
  move(to: Point): void;
  polygon(points: readonly Point[]): void;
  /** Lays a painting of the canvas's size over what is there. */
  lay(bitmap: ImageBitmap): void;
  clear(): void;
  /** Takes the last doing back; false if there is none. */
  undo(): boolean;
  /** Whether anything was done. */
  changed(): boolean;
  /** Frees the pictures that it is made of: a megabyte for every 250,000 pixels of the photograph. */
  close(): void;
}

const colour = 'rgb(255 59 48)';

/**
 * @param background what was painted before, of the canvas's size; undefined: nothing
 * @param onChange after every doing
 */
export function createPainting(
  canvas: HTMLCanvasElement,
  background: ImageBitmap | undefined,
  onChange: () => void,
): Painting {
  const context = canvas.getContext('2d')!;
  const doings: Doing[] = [];

  function segment({ erase, size }: Brush, from: Point, to: Point): void {
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

  function draw(doing: Doing): void {
    context.globalCompositeOperation = 'source-over';
    switch (doing.kind) {
      case 'stroke':
        doing.points.forEach((point, i) => {
          segment(doing.brush, doing.points[Math.max(0, i - 1)]!, point);
        });
        break;
      case 'polygon':
        context.fillStyle = colour;
        context.beginPath();
        for (const { x, y } of doing.points) context.lineTo(x, y);
        context.closePath();
        context.fill();
        break;
      case 'bitmap':
        context.drawImage(doing.bitmap, 0, 0);
        break;
      case 'clear':
        context.clearRect(0, 0, canvas.width, canvas.height);
    }
  }
  function redraw(): void {
    context.globalCompositeOperation = 'source-over';
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (background) context.drawImage(background, 0, 0);
    doings.forEach(draw);
  }
  redraw();
  const add = (doing: Doing): void => {
    doings.push(doing);
    draw(doing);
    onChange();
  };

  return {
    begin: (brush, at) => add({ kind: 'stroke', brush, points: [at] }),
    move(to) {
      const doing = doings.at(-1);
      if (doing?.kind !== 'stroke') return;
      segment(doing.brush, doing.points.at(-1)!, to);
      doing.points.push(to);
    },
    polygon: (points) => add({ kind: 'polygon', points }),
    lay: (bitmap) => add({ kind: 'bitmap', bitmap }),
    clear: () => add({ kind: 'clear' }),
    undo() {
      const undone = doings.pop() !== undefined;
      if (undone) redraw();
      onChange();
      return undone;
    },
    changed: () => doings.length > 0,
    close() {
      background?.close();
      for (const doing of doings) if (doing.kind === 'bitmap') doing.bitmap.close();
    },
  };
}
