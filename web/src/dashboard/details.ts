/** One participant in full: who it is, what it publishes, and its last ten minutes. */

import { element } from "../ui/dom";
import type { TrackFigures } from "./answers";
import { Chart } from "./chart";
import type { History } from "./history";
import type { ParticipantMoment } from "./moments";
import type { Person } from "./people";
import { PARTICIPANT_CHARTS } from "./plans";
import { joined, layerList, scaled, trackName, transport } from "./words";

export interface DetailsParts {
  readonly section: HTMLElement;
  readonly title: HTMLElement;
  readonly facts: HTMLElement;
  readonly tracks: HTMLTableSectionElement;
  readonly charts: HTMLElement;
}

export class Details {
  private readonly charts: readonly Chart<ParticipantMoment>[];

  constructor(private readonly parts: DetailsParts) {
    this.charts = PARTICIPANT_CHARTS.map((plan) => new Chart(parts.charts, plan));
  }

  hide(): void {
    this.parts.section.hidden = true;
  }

  show({ figures }: Person, history: History<ParticipantMoment>): void {
    const { section, title, facts, tracks } = this.parts;
    section.hidden = false;
    title.textContent = figures.name === "" ? figures.identity : `${figures.identity} (${figures.name})`;
    const words = [figures.kind, figures.state, transport(figures.paths), streams(figures.outgoing.streams), figures.problem];
    facts.textContent = words.filter((word) => word !== null && word !== "–").join(" · ");
    tracks.replaceChildren(...figures.tracks.map(trackRow));
    if (figures.tracks.length === 0) tracks.append(element("tr", {}, element("td", { colSpan: 5 }, "Publishes nothing.")));
    for (const chart of this.charts) chart.show(history);
  }

  /** The participant has left, or is on no page any more: what was drawn stays. */
  leave(): void {
    this.parts.facts.textContent = "Has left.";
  }
}

function streams(count: number): string | null {
  if (count === 0) return null;
  return count === 1 ? "gets 1 stream" : `gets ${count} streams`;
}

function trackRow(track: TrackFigures): HTMLTableRowElement {
  const words = [
    track.codec.toUpperCase(),
    track.muted ? "muted" : track.bitrate_bps > 0 ? "live" : "silent",
    joined(scaled(track.bitrate_bps, "bit/s")),
    layerList(track),
  ];
  const row = element("tr", {}, element("th", { scope: "row" }, trackName(track)), ...words.map((word) => element("td", {}, word)));
  row.dataset["track"] = track.id;
  return row;
}
