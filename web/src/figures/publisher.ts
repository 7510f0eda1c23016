/** What a publisher wants to know once a second. */

import { byId, codecOf, entriesOf, type Entry, growth, kbps, num, pathRttMs, type Sample, sum, text } from "./sample";

export interface LayerFigures {
  /** The simulcast rid; `single` without simulcast. */
  readonly rid: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateKbps: number;
  readonly codec: string | null;
  /** `cpu`, `bandwidth` or `other` while the browser sends less than it could. */
  readonly limitedBy: string | null;
  readonly active: boolean;
}

export interface PublisherFigures {
  /** Media out, all layers and audio; each packet once. */
  readonly bitrateKbps: number;
  /** As the server's receiver reports have it; null before the first. */
  readonly lossPercent: number | null;
  readonly rttMs: number | null;
  /** Of the largest layer that is sent. */
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  readonly codec: string | null;
  readonly audioCodec: string | null;
  /** 0 to 1. */
  readonly audioLevel: number;
  readonly framesEncoded: number;
  readonly keyFramesEncoded: number;
  readonly bytesSent: number;
  /** The browser's estimate of what the path carries; null before there is one. */
  readonly availableKbps: number | null;
  readonly layers: readonly LayerFigures[];
}

/** The rids of `encodingsFor`: a layer held back for lack of bandwidth has no size to sort by. */
const LOW_TO_HIGH = ["q", "h", "f"];

/** Figures of `after`, with rates since `before` (null for the first sample: rates are then 0). */
export function publisherFigures(before: Sample | null, after: Sample): PublisherFigures {
  const video = entriesOf(after, "outbound-rtp", "video");
  const audio = entriesOf(after, "outbound-rtp", "audio");
  const all = [...video, ...audio];
  // A layer that is off and never sent anything was refused by the server: it is not one of ours.
  const layers = video
    .filter((entry) => entry["active"] !== false || (num(entry, "bytesSent") ?? 0) > 0)
    .map((entry) => layerOf(before, after, entry))
    .sort((a, b) => LOW_TO_HIGH.indexOf(a.rid) - LOW_TO_HIGH.indexOf(b.rid));
  const top = layers.filter((layer) => layer.active && layer.width > 0).at(-1);
  const reports = entriesOf(after, "remote-inbound-rtp");
  return {
    bitrateKbps: kbps(before, after, sum(all, (entry) => mediaGrowth(before, entry))),
    lossPercent: lossPercent(before, after, reports),
    rttMs: reportRttMs(reports) ?? pathRttMs(after),
    fps: top?.fps ?? 0,
    width: top?.width ?? 0,
    height: top?.height ?? 0,
    codec: top?.codec ?? codecOf(after, video[0]),
    audioCodec: codecOf(after, audio[0]),
    audioLevel: num(entriesOf(after, "media-source", "audio")[0], "audioLevel") ?? 0,
    framesEncoded: sum(video, (entry) => num(entry, "framesEncoded") ?? 0),
    keyFramesEncoded: sum(video, (entry) => num(entry, "keyFramesEncoded") ?? 0),
    bytesSent: sum(all, (entry) => num(entry, "bytesSent") ?? 0),
    availableKbps: availableKbps(after),
    layers,
  };
}

function layerOf(before: Sample | null, after: Sample, entry: Entry): LayerFigures {
  const limit = text(entry, "qualityLimitationReason");
  return {
    rid: text(entry, "rid") ?? "single",
    width: num(entry, "frameWidth") ?? 0,
    height: num(entry, "frameHeight") ?? 0,
    fps: num(entry, "framesPerSecond") ?? 0,
    bitrateKbps: kbps(before, after, mediaGrowth(before, entry)),
    codec: codecOf(after, entry),
    limitedBy: limit === "none" ? null : limit,
    active: entry["active"] !== false,
  };
}

/** Bytes of new media: browsers probe for bandwidth by sending old packets again, on the lowest layer. */
function mediaGrowth(before: Sample | null, entry: Entry): number {
  return Math.max(0, growth(before, entry, "bytesSent") - growth(before, entry, "retransmittedBytesSent"));
}

/** The receiver's fraction lost (RFC 3550 section 6.4.1) of each stream, weighted by the packets sent on it. */
function lossPercent(before: Sample | null, after: Sample, reports: readonly Entry[]): number | null {
  const weighed = reports.map((report) => {
    const stream = byId(after, report["localId"]);
    return { lost: num(report, "fractionLost") ?? 0, packets: stream ? growth(before, stream, "packetsSent") : 0 };
  });
  const packets = weighed.reduce((total, { packets }) => total + packets, 0);
  if (packets === 0) return null;
  return (100 * weighed.reduce((total, { lost, packets }) => total + lost * packets, 0)) / packets;
}

function reportRttMs(reports: readonly Entry[]): number | null {
  const seconds = reports.flatMap((report) => num(report, "roundTripTime") ?? []);
  return seconds.length === 0 ? null : Math.min(...seconds) * 1000;
}

function availableKbps(sample: Sample): number | null {
  const pairs = entriesOf(sample, "candidate-pair");
  const bps = pairs.flatMap((pair) => num(pair, "availableOutgoingBitrate") ?? [])[0];
  return bps === undefined ? null : bps / 1000;
}
