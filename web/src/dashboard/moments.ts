/** One second of a participant, and one of the server, as the page shows them. */

import type { ParticipantFigures, ServerFigures } from "./answers";
import type { Growth, Totals } from "./window";

export interface ParticipantMoment {
  readonly inKbps: number;
  readonly outKbps: number;
  /** What the path to the participant is estimated to carry; null: this server does not estimate. */
  readonly estimateKbps: number | null;
  readonly lossInPercent: number | null;
  readonly lossOutPercent: number | null;
  readonly rttMs: number | null;
  /** Layers of video, 0 the lowest: the highest that arrives, that is passed on, and that the participant is sent. */
  readonly layerIn: number | null;
  readonly layerForwarded: number | null;
  readonly layerOut: number | null;
}

export function participantTotals({ incoming }: ParticipantFigures): Totals {
  return { packets: incoming.packets, lost: incoming.lost };
}

/** `growth`: of the totals above, null if not known yet. */
export function participantMoment(figures: ParticipantFigures, growth: Growth | null): ParticipantMoment {
  const { incoming, outgoing, tracks, rtt_ms } = figures;
  const video = tracks.filter(({ kind }) => kind === "video");
  const active = video.flatMap(({ layers }) => layers.filter((layer) => layer.active).map(({ layer }) => layer));
  const forwarded = video.flatMap(({ forwarded_layer, layers }) => (layers.length === 0 ? [] : (forwarded_layer ?? [])));
  const received = outgoing.video_layers.flatMap((streams, layer) => (streams > 0 ? layer : []));
  return {
    inKbps: incoming.bitrate_bps / 1000,
    outKbps: outgoing.bitrate_bps / 1000,
    estimateKbps: outgoing.estimate_bps == null ? null : outgoing.estimate_bps / 1000,
    lossInPercent: growth === null ? null : lossPercent(growth.of("lost"), growth.of("packets")),
    lossOutPercent: outgoing.loss_fraction === null ? null : 100 * outgoing.loss_fraction,
    rttMs: rtt_ms,
    layerIn: highest(active),
    layerForwarded: highest(forwarded),
    layerOut: highest(received),
  };
}

function lossPercent(lost: number, received: number): number | null {
  return lost + received <= 0 ? null : (100 * lost) / (lost + received);
}

function highest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

export interface ServerMoment {
  /** Of all processors this process may use; rates are null until there are two readings. */
  readonly cpuPercent: number | null;
  /** Of one processor, which is the most a thread can have. */
  readonly loopPercent: number | null;
  readonly workerPercents: readonly number[];
  readonly lagMs: number | null;
  readonly packetsIn: number | null;
  readonly packetsOut: number | null;
  readonly inKbps: number | null;
  readonly outKbps: number | null;
  readonly droppedPerSecond: number | null;
  readonly memoryBytes: number | null;
  readonly cores: number;
  readonly rooms: number;
  readonly participants: number;
  readonly uptimeSeconds: number;
  readonly version: string;
}

export function serverTotals({ processor, event_loop, traffic, dropped }: ServerFigures): Totals {
  const workers = processor.worker_seconds.map((seconds, index) => [worker(index), seconds] as const);
  return {
    ...Object.fromEntries(workers),
    process: processor.process_seconds,
    ...(processor.event_loop_seconds === null ? {} : { loop: processor.event_loop_seconds }),
    lag: event_loop.lag_seconds,
    observations: event_loop.observations,
    packetsIn: traffic.packets_received,
    packetsOut: traffic.packets_sent,
    bytesIn: traffic.bytes_received,
    bytesOut: traffic.bytes_sent,
    dropped: Object.values(dropped).reduce((total, count) => total + count, 0),
  };
}

/** `growth`: of the totals above, null if not known yet. */
export function serverMoment(figures: ServerFigures, growth: Growth | null): ServerMoment {
  const { processor, participants } = figures;
  const rate = (name: string, factor: number): number | null => growth && (factor * growth.of(name)) / growth.seconds;
  const observed = growth?.of("observations") ?? 0;
  return {
    cpuPercent: rate("process", 100 / processor.cores),
    loopPercent: processor.event_loop_seconds === null ? null : rate("loop", 100),
    workerPercents: growth === null ? [] : processor.worker_seconds.map((_, index) => rate(worker(index), 100) ?? 0),
    lagMs: growth === null || observed === 0 ? null : (1000 * growth.of("lag")) / observed,
    packetsIn: rate("packetsIn", 1),
    packetsOut: rate("packetsOut", 1),
    inKbps: rate("bytesIn", 8 / 1000),
    outKbps: rate("bytesOut", 8 / 1000),
    droppedPerSecond: rate("dropped", 1),
    memoryBytes: figures.memory_bytes,
    cores: processor.cores,
    rooms: figures.rooms,
    participants: Object.values(participants).reduce((total, count) => total + count, 0),
    uptimeSeconds: figures.uptime_seconds,
    version: figures.version,
  };
}

const worker = (index: number): string => `worker ${index}`;
