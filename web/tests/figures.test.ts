import { describe, expect, it } from "vitest";
import { bitrate, codecs, decibels, milliseconds, percent, size } from "../src/figures/format";
import { publisherFigures } from "../src/figures/publisher";
import type { Entry, Sample } from "../src/figures/sample";
import { points, runs } from "../src/figures/sparkline";
import { viewerFigures } from "../src/figures/viewer";

const sample = (atMs: number, ...entries: Entry[]): Sample => ({ atMs, entries });
const PATH: readonly Entry[] = [
  { id: "T", type: "transport", selectedCandidatePairId: "P" },
  { id: "P", type: "candidate-pair", currentRoundTripTime: 0.012, availableOutgoingBitrate: 2_500_000 },
  { id: "other", type: "candidate-pair", currentRoundTripTime: 0.9 },
  { id: "C", type: "codec", mimeType: "video/VP8" },
  { id: "O", type: "codec", mimeType: "audio/opus" },
];

describe("publisherFigures", () => {
  const layer = (rid: string, width: number, bytesSent: number, packetsSent: number, more: Entry = {}): Entry => ({
    id: rid, type: "outbound-rtp", kind: "video", rid, codecId: "C", frameWidth: width, frameHeight: (width * 9) / 16,
    framesPerSecond: 30, bytesSent, packetsSent, framesEncoded: 10, active: true, qualityLimitationReason: "none", ...more,
  });
  const audio = (bytesSent: number): Entry => ({
    id: "A", type: "outbound-rtp", kind: "audio", codecId: "O", bytesSent, packetsSent: 0,
  });

  it("adds up the layers and takes size and rate from the largest that is sent", () => {
    const before = sample(1000, layer("q", 320, 1000, 10), layer("f", 1280, 10_000, 100), audio(0));
    const after = sample(
      2000,
      ...PATH,
      layer("f", 1280, 135_000, 200),
      layer("q", 320, 26_000, 60, { qualityLimitationReason: "bandwidth" }),
      audio(4000),
    );
    const figures = publisherFigures(before, after);
    expect(figures).toMatchObject({
      bitrateKbps: 1232, fps: 30, width: 1280, height: 720, codec: "VP8", audioCodec: "opus", rttMs: 12,
      framesEncoded: 20, availableKbps: 2500, lossPercent: null,
    });
    expect(figures.layers.map(({ rid, bitrateKbps, limitedBy }) => [rid, bitrateKbps, limitedBy])).toEqual([
      ["q", 200, "bandwidth"],
      ["f", 1000, null],
    ]);
  });

  it("counts media once, not what was sent again", () => {
    const before = sample(0, layer("q", 320, 1000, 1, { retransmittedBytesSent: 500 }));
    const after = sample(1000, ...PATH, layer("q", 320, 126_000, 90, { retransmittedBytesSent: 100_500 }));
    const figures = publisherFigures(before, after);
    expect([figures.bitrateKbps, figures.layers[0]?.bitrateKbps, figures.bytesSent]).toEqual([200, 200, 126_000]);
  });

  it("weighs reported loss by what each stream sent", () => {
    const report = (localId: string, fractionLost: number, roundTripTime: number): Entry => ({
      id: `R${localId}`, type: "remote-inbound-rtp", localId, fractionLost, roundTripTime,
    });
    const before = sample(0, layer("q", 320, 0, 0), layer("f", 1280, 0, 0));
    const after = sample(
      1000, ...PATH, layer("q", 320, 0, 100), layer("f", 1280, 0, 300), report("q", 0.2, 0.03), report("f", 0, 0.02),
    );
    expect(publisherFigures(before, after).lossPercent).toBeCloseTo(5);
    expect(publisherFigures(before, after).rttMs).toBeCloseTo(20);
  });

  it("leaves out layers the server refused, keeps those paused", () => {
    const refused = layer("f", 0, 0, 0, { active: false });
    const paused = layer("h", 640, 500, 5, { active: false });
    const figures = publisherFigures(null, sample(0, ...PATH, layer("q", 320, 10, 1), refused, paused));
    expect(figures.layers.map(({ rid, active }) => [rid, active])).toEqual([
      ["q", true],
      ["h", false],
    ]);
    expect(figures.width).toBe(320);
  });

  it("keeps a layer in its place that bandwidth holds back", () => {
    const held = layer("f", 0, 0, 0, { qualityLimitationReason: "bandwidth" });
    const figures = publisherFigures(null, sample(0, ...PATH, held, layer("h", 640, 9, 1), layer("q", 320, 9, 1)));
    expect(figures.layers.map(({ rid }) => rid)).toEqual(["q", "h", "f"]);
    expect(figures.width).toBe(640);
  });

  it("has no rates before the second sample, and stands an empty report", () => {
    expect(publisherFigures(null, sample(0, layer("q", 320, 1000, 10))).bitrateKbps).toBe(0);
    expect(publisherFigures(null, sample(0))).toMatchObject({ bitrateKbps: 0, rttMs: null, layers: [], codec: null });
  });
});

describe("viewerFigures", () => {
  const video = (more: Entry): Entry => ({ id: "V", type: "inbound-rtp", kind: "video", codecId: "C", ...more });
  const before = sample(
    0, video({ bytesReceived: 0, packetsReceived: 0, packetsLost: 2, jitterBufferDelay: 1, jitterBufferEmittedCount: 10 }),
  );

  it("computes rates over the interval and takes counters as they are", () => {
    const after = sample(
      500,
      ...PATH,
      video({
        bytesReceived: 62_500, packetsReceived: 95, packetsLost: 7, jitterBufferDelay: 1.6, jitterBufferEmittedCount: 25,
        framesDecoded: 25, framesPerSecond: 30, frameWidth: 640, frameHeight: 360, freezeCount: 1,
      }),
      { id: "A", type: "inbound-rtp", kind: "audio", codecId: "O", audioLevel: 0.5, totalAudioEnergy: 3, bytesReceived: 9 },
    );
    const figures = viewerFigures(before, after);
    expect(figures).toMatchObject({
      bitrateKbps: 1000, lossPercent: 5, rttMs: 12, fps: 30, width: 640, height: 360, codec: "VP8", audioCodec: "opus",
      freezes: 1, audioLevel: 0.5, audioEnergy: 3, framesDecoded: 25, playing: true,
    });
    expect(figures.jitterBufferMs).toBeCloseTo(40);
  });

  it("knows when nothing comes", () => {
    const after = sample(1000, ...before.entries);
    expect(viewerFigures(before, after)).toMatchObject({ playing: false, lossPercent: null, jitterBufferMs: null });
  });

  it("never shows negative loss when late packets arrive after all", () => {
    const after = sample(1000, video({ bytesReceived: 10, packetsReceived: 10, packetsLost: 0 }));
    expect(viewerFigures(before, after).lossPercent).toBe(0);
  });
});

describe("format", () => {
  it("fits the unit to the size, and shows a dash for what is not known", () => {
    const together = [bitrate(999), bitrate(999.6), bitrate(2345)].map(({ value, unit }) => `${value} ${unit}`);
    expect(together).toEqual(["999 kbit/s", "1.00 Mbit/s", "2.35 Mbit/s"]);
    expect([percent(null), percent(0.25), percent(12.4)].map(({ value }) => value)).toEqual(["–", "0.3", "12"]);
    expect([milliseconds(null), milliseconds(3.21), milliseconds(48.6)].map(({ value }) => value)).toEqual(["–", "3.2", "49"]);
    expect([size(0, 0), size(1280, 720)].map(({ value }) => value)).toEqual(["–", "1280×720"]);
    expect([decibels(0), decibels(1), decibels(0.1)].map(({ value }) => value)).toEqual(["–", "0", "-20"]);
    expect([codecs("VP8", "opus"), codecs(null, null)].map(({ value }) => value)).toEqual(["VP8 · Opus", "–"]);
  });
});

describe("sparkline", () => {
  it("ends at the right edge, with the greatest value at the top and zero at the bottom", () => {
    expect(points([0, 50, 100], 59, 22, 1, 1)).toEqual([
      { x: 57, y: 21 },
      { x: 58, y: 11 },
      { x: 59, y: 1 },
    ]);
  });

  it("keeps small values small below the floor", () => {
    expect(points([1], 59, 20, 10, 0)).toEqual([{ x: 59, y: 18 }]);
  });

  it("breaks where nothing was measured", () => {
    expect(runs(points([1, null, 1, 1], 59, 10, 1, 0)).map(({ length }) => length)).toEqual([1, 2]);
  });
});
