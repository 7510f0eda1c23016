/** What a viewer wants to know once a second. */

import { codecOf, entriesOf, type Entry, growth, kbps, num, pathRttMs, type Sample, sum } from "./sample";

export interface ViewerFigures {
  readonly bitrateKbps: number;
  /** Packets that never came, of those sent since the last figures; null while nothing comes. */
  readonly lossPercent: number | null;
  readonly rttMs: number | null;
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  readonly codec: string | null;
  readonly audioCodec: string | null;
  /** Mean time a frame waited for its turn since the last figures; null while nothing is played. */
  readonly jitterBufferMs: number | null;
  /** Since the session began, as is all that follows. */
  readonly freezes: number;
  /** 0 to 1, now. */
  readonly audioLevel: number;
  readonly audioEnergy: number;
  readonly framesDecoded: number;
  readonly keyFramesDecoded: number;
  readonly bytesReceived: number;
  /** Media arrived since the last figures. */
  readonly playing: boolean;
}

/** Figures of `after`, with rates since `before` (null for the first sample: rates are then 0). */
export function viewerFigures(before: Sample | null, after: Sample): ViewerFigures {
  const video = entriesOf(after, "inbound-rtp", "video")[0];
  const audio = entriesOf(after, "inbound-rtp", "audio")[0];
  const all = [video, audio].filter((entry) => entry !== undefined);
  const bytes = sum(all, (entry) => growth(before, entry, "bytesReceived"));
  return {
    bitrateKbps: kbps(before, after, bytes),
    lossPercent: lossPercent(before, all),
    rttMs: pathRttMs(after),
    fps: num(video, "framesPerSecond") ?? 0,
    width: num(video, "frameWidth") ?? 0,
    height: num(video, "frameHeight") ?? 0,
    codec: codecOf(after, video),
    audioCodec: codecOf(after, audio),
    jitterBufferMs: jitterBufferMs(before, video ?? audio),
    freezes: num(video, "freezeCount") ?? 0,
    audioLevel: num(audio, "audioLevel") ?? 0,
    audioEnergy: num(audio, "totalAudioEnergy") ?? 0,
    framesDecoded: num(video, "framesDecoded") ?? 0,
    keyFramesDecoded: num(video, "keyFramesDecoded") ?? 0,
    bytesReceived: sum(all, (entry) => num(entry, "bytesReceived") ?? 0),
    playing: bytes > 0,
  };
}

function lossPercent(before: Sample | null, entries: readonly Entry[]): number | null {
  const lost = sum(entries, (entry) => growth(before, entry, "packetsLost"));
  const expected = lost + sum(entries, (entry) => growth(before, entry, "packetsReceived"));
  return expected === 0 ? null : (100 * lost) / expected;
}

function jitterBufferMs(before: Sample | null, entry: Entry | undefined): number | null {
  if (entry === undefined) return null;
  const emitted = growth(before, entry, "jitterBufferEmittedCount");
  return emitted === 0 ? null : (1000 * growth(before, entry, "jitterBufferDelay")) / emitted;
}
