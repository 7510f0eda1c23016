/** What is known of participants and of the server, in words. */

import type { Reading } from "../figures/format";
import type { Path, TrackFigures } from "./answers";
import type { ParticipantMoment } from "./moments";

const NONE = "–";
const UNITS = ["", "k", "M", "G"];

/** A number in three digits or so, with a prefix by thousands; `per` is its unit. */
export function scaled(value: number | null, per: string): Reading {
  if (value === null) return { value: NONE, unit: per };
  const [left, scale] = thousands(value);
  return { value: left.toFixed(scale > 0 && left < 99.95 ? (left < 9.995 ? 2 : 1) : 0), unit: `${UNITS[scale] ?? ""}${per}` };
}

/** `2.5`, `500k`: as short as it can be said. */
export function brief(value: number): string {
  const [left, scale] = thousands(value);
  return `${Number(left.toPrecision(3))}${UNITS[scale] ?? ""}`;
}

function thousands(value: number): [left: number, scale: number] {
  let [left, scale] = [value, 0];
  while (Math.abs(left) >= 999.5 && scale < UNITS.length - 1) [left, scale] = [left / 1000, scale + 1];
  return [left, scale];
}

export const bits = (kbps: number | null): Reading => scaled(kbps === null ? null : kbps * 1000, "bit/s");

export function joined({ value, unit }: Reading): string {
  return value === NONE || unit === "" ? value : `${value} ${unit}`;
}

export function duration(seconds: number): Reading {
  const minutes = Math.floor(seconds / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (days > 0) return { value: `${days} d ${hours}`, unit: "h" };
  if (hours > 0) return { value: `${hours} h ${minutes % 60}`, unit: "min" };
  return minutes > 0 ? { value: `${minutes}`, unit: "min" } : { value: `${Math.floor(seconds)}`, unit: "s" };
}

export function memory(bytes: number | null): Reading {
  return { value: bytes === null ? NONE : (bytes / 2 ** 20).toFixed(0), unit: "MiB" };
}

/** `UDP`, `TLS, relayed`; one per direction where they differ. */
export function transport(paths: readonly Path[]): string {
  const words = paths.map(({ protocol, relayed }) => protocol.toUpperCase() + (relayed ? ", relayed" : ""));
  return words.join(" + ") || NONE;
}

/** `sends 2, passes on 1`: layers of video by number, 0 the lowest. */
export function layers({ layerIn, layerForwarded, layerOut }: ParticipantMoment): string {
  const passes = layerForwarded === null || layerForwarded === layerIn ? "" : `, passes on ${layerForwarded}`;
  const words = [layerIn === null ? "" : `sends ${layerIn}${passes}`, layerOut === null ? "" : `gets ${layerOut}`];
  return words.filter(Boolean).join("; ") || NONE;
}

const MAX_REASONS = 6;

/** What was dropped and why, the most first; empty when nothing was. */
export function drops(reasons: Readonly<Record<string, number>>): string {
  const most = Object.entries(reasons).sort(([, a], [, b]) => b - a).slice(0, MAX_REASONS);
  const words = most.map(([reason, count]) => `${reason.replaceAll("_", " ")} ${count}`);
  return words.length === 0 ? "" : `Dropped since the start: ${words.join(", ")}.`;
}

const SOURCES: Readonly<Record<string, string>> = {
  camera: "Camera",
  microphone: "Microphone",
  screen_share: "Screen",
  screen_share_audio: "Screen sound",
};

export function trackName({ kind, source }: TrackFigures): string {
  return SOURCES[source] ?? (kind === "video" ? "Video" : "Audio");
}

/** `q: 120 kbit/s, 30 fps; h: …`: the layers that arrive, lowest first; of several, the forwarded one has a mark. */
export function layerList(track: TrackFigures): string {
  const active = track.layers.filter(({ active }) => active);
  if (track.kind !== "video" || active.length === 0) return NONE;
  return active
    .map(({ layer, rid, bitrate_bps, frame_rate }) => {
      const mark = layer === track.forwarded_layer && active.length > 1 ? " ✓" : "";
      return `${rid ?? layer}: ${joined(scaled(bitrate_bps, "bit/s"))}, ${frame_rate.toFixed(0)} fps${mark}`;
    })
    .join("; ");
}
