/** What is drawn of a participant, and of the server. */

import { milliseconds, percent } from "../figures/format";
import type { Tile } from "../figures/tiles";
import type { ChartPlan } from "./chart";
import type { ParticipantMoment, ServerMoment } from "./moments";
import { bits, brief, duration, joined, memory, scaled } from "./words";

const sayBits = (kbps: number | null): string => joined(bits(kbps));
const sayPercent = (value: number | null): string => joined(percent(value));
const sayMillis = (value: number | null): string => joined(milliseconds(value));
const sayRate = (value: number | null): string => joined(scaled(value, "/s"));
const sayLayer = (value: number | null): string => (value === null ? "–" : value.toFixed(0));

export const PARTICIPANT_CHARTS: readonly ChartPlan<ParticipantMoment>[] = [
  {
    title: "Bitrate, bit/s",
    say: sayBits,
    mark: (kbps) => brief(kbps * 1000),
    top: 100,
    lines: [
      { label: "In", colour: "--line-1", read: (m) => m.inKbps },
      { label: "Out", colour: "--line-2", read: (m) => m.outKbps },
      { label: "Estimated", colour: "--line-3", read: (m) => m.estimateKbps, optional: true },
    ],
  },
  {
    title: "Packet loss, %",
    say: sayPercent,
    mark: brief,
    top: 5,
    lines: [
      { label: "In", colour: "--line-1", read: (m) => m.lossInPercent },
      { label: "Out", colour: "--line-2", read: (m) => m.lossOutPercent },
    ],
  },
  {
    title: "Round trip, ms",
    say: sayMillis,
    mark: brief,
    top: 20,
    lines: [{ label: "Round trip", colour: "--line-1", read: (m) => m.rttMs }],
  },
  {
    title: "Video layer, 0 the lowest",
    say: sayLayer,
    mark: brief,
    top: 2.5,
    whole: true,
    lines: [
      { label: "Sends", colour: "--line-1", read: (m) => m.layerIn, stepped: true },
      { label: "Passed on", colour: "--line-3", read: (m) => m.layerForwarded, stepped: true },
      { label: "Gets", colour: "--line-2", read: (m) => m.layerOut, stepped: true },
    ],
  },
];

const busiest = ({ workerPercents }: ServerMoment): number | null => (workerPercents.length === 0 ? null : Math.max(...workerPercents));

export const SERVER_CHARTS: readonly ChartPlan<ServerMoment>[] = [
  {
    title: "Processor, %",
    say: sayPercent,
    mark: brief,
    top: 10,
    lines: [
      { label: "All cores", colour: "--line-1", read: (m) => m.cpuPercent },
      { label: "Event loop (1 core)", colour: "--line-2", read: (m) => m.loopPercent },
      { label: "Busiest worker (1 core)", colour: "--line-3", read: busiest },
    ],
  },
  {
    title: "Traffic, bit/s",
    say: sayBits,
    mark: (kbps) => brief(kbps * 1000),
    top: 100,
    lines: [
      { label: "In", colour: "--line-1", read: (m) => m.inKbps },
      { label: "Out", colour: "--line-2", read: (m) => m.outKbps },
    ],
  },
  {
    title: "Packets per second",
    say: sayRate,
    mark: brief,
    top: 10,
    lines: [
      { label: "In", colour: "--line-1", read: (m) => m.packetsIn },
      { label: "Out", colour: "--line-2", read: (m) => m.packetsOut },
      { label: "Dropped", colour: "--line-4", read: (m) => m.droppedPerSecond },
    ],
  },
  {
    title: "Event loop lag, ms",
    say: sayMillis,
    mark: brief,
    top: 5,
    lines: [{ label: "Mean", colour: "--line-1", read: (m) => m.lagMs }],
  },
];

export const SERVER_TILES: readonly Tile<ServerMoment>[] = [
  { label: "Rooms", read: (m) => ({ value: String(m.rooms), unit: "" }) },
  { label: "Participants", read: (m) => ({ value: String(m.participants), unit: "" }) },
  { label: "Processor", read: (m) => ({ ...percent(m.cpuPercent), unit: `% of ${m.cores} ${m.cores === 1 ? "core" : "cores"}` }) },
  { label: "Memory", read: (m) => memory(m.memoryBytes) },
  { label: "Up for", read: (m) => duration(m.uptimeSeconds) },
  { label: "Version", read: (m) => ({ value: m.version, unit: "" }) },
];
