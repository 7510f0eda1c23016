/** One table row per layer a publisher sends. */

import { element } from "../ui/dom";
import { bitrate, frameRate, type Reading, size } from "./format";
import type { LayerFigures } from "./publisher";

const NAMES: Readonly<Record<string, string>> = { q: "q · quarter", h: "h · half", f: "f · full" };

const together = ({ value, unit }: Reading): string => `${value} ${unit}`.trim();

export function showLayers(body: HTMLTableSectionElement, layers: readonly LayerFigures[]): void {
  body.replaceChildren(...layers.map((layer) => row(layer, layers.length === 1)));
}

function row(layer: LayerFigures, alone: boolean): HTMLTableRowElement {
  const name = element("th", { scope: "row" }, alone ? "Single" : (NAMES[layer.rid] ?? layer.rid));
  const cells = [
    layer.codec ?? "–",
    together(size(layer.width, layer.height)),
    together(frameRate(layer.fps)),
    together(bitrate(layer.bitrateKbps)),
    layer.active ? (layer.limitedBy ?? "–") : "paused",
  ];
  const className = layer.active ? "" : "inactive";
  return element("tr", { className }, name, ...cells.map((text) => element("td", {}, text)));
}
