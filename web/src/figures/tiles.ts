/** The grid of figures: a label, a reading, and for what moves a line of the last minute. */

import { element } from "../ui/dom";
import type { Reading } from "./format";
import { Sparkline } from "./sparkline";

export interface Tile<Figures> {
  readonly label: string;
  readonly read: (figures: Figures) => Reading;
  readonly plot?: (figures: Figures) => number | null;
  /** Least value at the top edge of the plot. */
  readonly floor?: number;
}

export class Tiles<Figures> {
  private readonly updates: ((figures: Figures) => void)[];

  constructor(parent: HTMLElement, tiles: readonly Tile<Figures>[]) {
    this.updates = tiles.map((tile) => {
      const value = element("span", { className: "value" }, "–");
      const unit = element("span", { className: "unit" });
      const reading = element("dd", {}, value, unit);
      const node = element("div", { className: tile.plot === undefined ? "tile fact" : "tile" }, element("dt", {}, tile.label), reading);
      const line = tile.plot === undefined ? null : plotIn(node, tile.floor ?? 1);
      parent.append(node);
      return (figures) => {
        const read = tile.read(figures);
        value.textContent = read.value;
        unit.textContent = read.unit;
        line?.push(tile.plot?.(figures) ?? null);
      };
    });
  }

  show(figures: Figures): void {
    for (const update of this.updates) update(figures);
  }
}

function plotIn(node: HTMLElement, floor: number): Sparkline {
  const canvas = element("canvas", { className: "spark" });
  canvas.setAttribute("aria-hidden", "true");
  node.append(canvas);
  return new Sparkline(canvas, floor);
}
