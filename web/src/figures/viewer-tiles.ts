/** The viewer's figures as tiles. */

import { bitrate, codecs, count, decibels, frameRate, milliseconds, percent, size } from "./format";
import type { Tile } from "./tiles";
import type { ViewerFigures } from "./viewer";

export const VIEWER_TILES: readonly Tile<ViewerFigures>[] = [
  { label: "Bitrate", read: (f) => bitrate(f.bitrateKbps), plot: (f) => f.bitrateKbps, floor: 200 },
  { label: "Packet loss", read: (f) => percent(f.lossPercent), plot: (f) => f.lossPercent, floor: 5 },
  { label: "Round trip", read: (f) => milliseconds(f.rttMs), plot: (f) => f.rttMs, floor: 50 },
  { label: "Frame rate", read: (f) => frameRate(f.fps), plot: (f) => f.fps, floor: 30 },
  { label: "Jitter buffer", read: (f) => milliseconds(f.jitterBufferMs), plot: (f) => f.jitterBufferMs, floor: 100 },
  { label: "Audio level", read: (f) => decibels(f.audioLevel), plot: (f) => f.audioLevel, floor: 0.25 },
  { label: "Resolution", read: (f) => size(f.width, f.height) },
  { label: "Codecs", read: (f) => codecs(f.codec, f.audioCodec) },
  { label: "Freezes", read: (f) => count(f.freezes) },
];
