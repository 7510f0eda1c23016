/** A line of the last minute, drawn on a canvas. */

const POINTS = 60;

export class Sparkline {
  private readonly values: (number | null)[] = [];

  /** `floor` is the least value at the top edge, so that noise near zero stays small. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly floor: number,
  ) {
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  push(value: number | null): void {
    this.values.push(value);
    if (this.values.length > POINTS) this.values.shift();
    this.draw();
  }

  private draw(): void {
    const ratio = devicePixelRatio;
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const context = this.canvas.getContext("2d");
    if (context === null || width === 0 || height === 0) return;
    context.clearRect(0, 0, width, height);
    const colour = getComputedStyle(this.canvas).color;
    for (const run of runs(points(this.values, width, height, this.floor, ratio))) {
      stroke(context, run, colour, ratio);
      fill(context, run, colour, height);
    }
  }
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One point per value, the newest at the right edge; null where nothing was measured. Leaves `margin` above and below. */
export function points(
  values: readonly (number | null)[],
  width: number,
  height: number,
  floor: number,
  margin: number,
): (Point | null)[] {
  const top = Math.max(floor, ...values.map((value) => value ?? 0));
  const usable = height - 2 * margin;
  return values.map((value, index) => {
    if (value === null) return null;
    const x = width - ((values.length - 1 - index) * width) / (POINTS - 1);
    return { x, y: margin + usable * (1 - Math.max(0, value) / top) };
  });
}

/** The stretches between gaps. */
export function runs(all: readonly (Point | null)[]): Point[][] {
  const stretches: Point[][] = [[]];
  for (const point of all) {
    if (point === null) stretches.push([]);
    else stretches.at(-1)?.push(point);
  }
  return stretches.filter((stretch) => stretch.length > 0);
}

function trace(context: CanvasRenderingContext2D, run: readonly Point[]): void {
  context.beginPath();
  for (const { x, y } of run) context.lineTo(x, y);
}

function stroke(context: CanvasRenderingContext2D, run: readonly Point[], colour: string, ratio: number): void {
  trace(context, run);
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * ratio;
  context.lineJoin = "round";
  context.stroke();
}

function fill(context: CanvasRenderingContext2D, run: readonly Point[], colour: string, height: number): void {
  trace(context, run);
  context.lineTo(run.at(-1)?.x ?? 0, height);
  context.lineTo(run[0]?.x ?? 0, height);
  context.closePath();
  context.globalAlpha = 0.12;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
}
