/** The publisher's figures as tiles. */

import { bitrate, codecs, frameRate, milliseconds, percent, size } from "./format";
import type { PublisherFigures } from "./publisher";
import type { Tile } from "./tiles";

export const PUBLISHER_TILES: readonly Tile<PublisherFigures>[] = [
  { label: "Bitrate", read: (f) => bitrate(f.bitrateKbps), plot: (f) => f.bitrateKbps, floor: 200 },
  { label: "Packet loss", read: (f) => percent(f.lossPercent), plot: (f) => f.lossPercent, floor: 5 },
  { label: "Round trip", read: (f) => milliseconds(f.rttMs), plot: (f) => f.rttMs, floor: 50 },
  { label: "Frame rate", read: (f) => frameRate(f.fps), plot: (f) => f.fps, floor: 30 },
  { label: "Resolution", read: (f) => size(f.width, f.height) },
  { label: "Codecs", read: (f) => codecs(f.codec, f.audioCodec) },
];
