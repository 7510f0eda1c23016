/** Which participants a page of the table shows, and in which order. */

import type { ParticipantFigures } from "./answers";
import type { ParticipantMoment } from "./moments";

export interface Person {
  readonly figures: ParticipantFigures;
  readonly moment: ParticipantMoment;
}

export const ORDERS = ["joined", "identity", "bitrate", "loss", "rtt"] as const;
export type Order = (typeof ORDERS)[number];

export const PAGE_SIZE = 25;

export interface PeoplePage {
  readonly people: readonly Person[];
  /** Of those that were looked for. */
  readonly total: number;
  /** From 0; the last one when there are fewer pages than asked for. */
  readonly page: number;
  readonly pages: number;
}

/** Those with `wanted` in identity, name, kind or state, whatever its case; the worst first where the order is by a figure. */
export function pageOf(everyone: readonly Person[], wanted: string, order: Order, page: number): PeoplePage {
  const needle = wanted.trim().toLowerCase();
  const found = needle === "" ? [...everyone] : everyone.filter(({ figures }) => matches(figures, needle));
  if (order === "identity") found.sort((a, b) => compare(a.figures.identity, b.figures.identity));
  else if (order !== "joined") found.sort((a, b) => weight(b.moment, order) - weight(a.moment, order));
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const shown = Math.min(Math.max(0, page), pages - 1);
  return { people: found.slice(shown * PAGE_SIZE, (shown + 1) * PAGE_SIZE), total: found.length, page: shown, pages };
}

function matches({ identity, name, kind, state }: ParticipantFigures, needle: string): boolean {
  return [identity, name, kind, state].some((text) => text.toLowerCase().includes(needle));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function weight(moment: ParticipantMoment, order: "bitrate" | "loss" | "rtt"): number {
  if (order === "bitrate") return moment.inKbps + moment.outKbps;
  if (order === "rtt") return moment.rttMs ?? -1;
  return Math.max(moment.lossInPercent ?? -1, moment.lossOutPercent ?? -1);
}
