/** A chart of the last minutes, drawn by uPlot, with a legend that tells the values under the pointer or the latest. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { element } from "../ui/dom";
import { HISTORY_SECONDS, type History } from "./history";

/** A colour of the pages, or of the charts (`src/style/dashboard.css`). */
export type Colour = "--line-1" | "--line-2" | "--line-3" | "--line-4";

export interface Line<Row> {
  readonly label: string;
  readonly colour: Colour;
  readonly read: (row: Row) => number | null;
  /** Values hold until the next one: no slopes. */
  readonly stepped?: boolean;
  /** Left out until there is something to draw. */
  readonly optional?: boolean;
}

export interface ChartPlan<Row> {
  readonly title: string;
  readonly lines: readonly Line<Row>[];
  readonly say: (value: number | null) => string;
  /** A value at the axis, where there is little room. */
  readonly mark: (value: number) => string;
  /** The least value at the top edge, so that noise near zero stays small. */
  readonly top: number;
  /** The values are whole numbers. */
  readonly whole?: boolean;
}

const HEIGHT = 150;
/** The time axis of a chart that has just begun. */
const LEAST_SECONDS = 60;
const AXIS_WIDTH = 46;
const AXIS_HEIGHT = 24;
/** Above and to the right, for the half of a label that stands out. */
const MARGIN = 10;

export class Chart<Row> {
  private readonly legend = element("ul", { className: "legend" });
  private readonly plot = element("div", { className: "plot" });
  private readonly readings: HTMLElement[];
  private readonly items: HTMLElement[];
  private drawn: uPlot | null = null;
  private history: History<Row> | null = null;

  constructor(
    parent: HTMLElement,
    private readonly plan: ChartPlan<Row>,
  ) {
    this.readings = plan.lines.map(() => element("span", { className: "reading" }, "–"));
    this.items = plan.lines.map(({ label, colour }, index) => {
      const swatch = element("span", { className: "swatch" });
      swatch.dataset["colour"] = colour;
      return element("li", {}, swatch, `${label} `, this.readings[index] ?? "");
    });
    this.legend.append(...this.items);
    this.plot.setAttribute("aria-hidden", "true");
    parent.append(element("figure", { className: "card chart" }, element("figcaption", {}, plan.title), this.plot, this.legend));
    new ResizeObserver(() => this.resize()).observe(this.plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.drawn?.destroy();
      this.drawn = null;
      this.draw();
    });
  }

  show(history: History<Row>): void {
    this.history = history;
    this.draw();
  }

  private draw(): void {
    const { history, plan } = this;
    if (history === null || this.plot.clientWidth === 0) return;
    const columns = plan.lines.map(({ read }) => history.values(read));
    const shown = plan.lines.map(({ optional }, index) => !optional || (columns[index]?.some((value) => value !== null) ?? false));
    this.drawn ??= this.create();
    plan.lines.forEach((_, index) => {
      const item = this.items[index];
      if (item !== undefined) item.hidden = !shown[index];
    });
    this.drawn.setData([history.times(), ...columns], true);
    this.tell();
  }

  private create(): uPlot {
    const style = getComputedStyle(this.plot);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const [ink, grid] = [colour("--ink-soft"), colour("--line")];
    const axis: uPlot.Axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
    return new uPlot(
      {
        width: this.plot.clientWidth,
        height: HEIGHT,
        padding: [MARGIN, 2 * MARGIN, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        hooks: { setCursor: [() => this.tell()] },
        scales: { x: { time: true, range: () => timeRange(this.history?.times() ?? []) }, y: { range: (_u, _min, max) => [0, Math.max(this.plan.top, (max ?? 0) * 1.1)] } },
        axes: [
          { ...axis, size: AXIS_HEIGHT, space: 70, values: (_u, splits) => splits.map(clock) },
          {
            ...axis,
            size: AXIS_WIDTH,
            space: 30,
            ...(this.plan.whole ? { incrs: [1, 2, 5, 10] } : {}),
            values: (_u, splits) => splits.map(this.plan.mark),
          },
        ],
        series: [
          {},
          ...this.plan.lines.map(({ label, colour: name, stepped }): uPlot.Series => ({
            label,
            stroke: colour(name),
            width: 1.75,
            points: { show: false },
            spanGaps: false,
            ...(stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
          })),
        ],
      },
      [[], ...this.plan.lines.map(() => [])],
      this.plot,
    );
  }

  private resize(): void {
    if (this.drawn === null) this.draw();
    else if (this.plot.clientWidth > 0) this.drawn.setSize({ width: this.plot.clientWidth, height: HEIGHT });
  }

  private tell(): void {
    const { history } = this;
    if (history === null) return;
    const pointed = this.drawn?.cursor.idx;
    const row = pointed == null ? history.latest : history.row(pointed);
    this.plan.lines.forEach(({ read }, index) => {
      const reading = this.readings[index];
      if (reading !== undefined) reading.textContent = this.plan.say(row === null ? null : read(row));
    });
  }
}

/** Up to the latest, for as long as there is something to see, within bounds. uPlot makes a day of a single point. */
function timeRange(times: readonly number[]): [number, number] {
  const [begin, end] = [times[0] ?? 0, times.at(-1) ?? 0];
  return [end - Math.min(HISTORY_SECONDS, Math.max(LEAST_SECONDS, end - begin)), end];
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}
