import { describe, expect, it } from "vitest";
import { isCodecChoice, ordered } from "../src/media/codecs";
import { encodingsFor } from "../src/media/encodings";
import { scaled } from "../src/media/loudness";
import { withStereo } from "../src/whep";

const track = (width: number, contentHint = "motion") => ({ contentHint, getSettings: () => ({ width }) });

describe("encodingsFor", () => {
  it("sends a camera in three sizes, lowest first", () => {
    expect(encodingsFor(track(640), true, "default", true)).toEqual([
      { rid: "q", scaleResolutionDownBy: 4 },
      { rid: "h", scaleResolutionDownBy: 2 },
      { rid: "f", scaleResolutionDownBy: 1 },
    ]);
  });

  it("sends small cameras, screens, and what nobody wants layered, once", () => {
    expect(encodingsFor(track(639), true, "default", true)).toEqual([{}]);
    expect(encodingsFor(track(1920, "detail"), true, "default", true)).toEqual([{}]);
    expect(encodingsFor(track(1280), false, "default", true)).toEqual([{}]);
    expect(encodingsFor(null, true, "default", true)).toEqual([{}]);
  });

  it.each(["VP9", "AV1"] as const)("asks for separate %s streams, not spatial layers", (codec) => {
    const modes = encodingsFor(track(1280), true, codec, true).map((encoding) => Object.entries(encoding));
    for (const mode of modes) expect(mode).toContainEqual(["scalabilityMode", "L1T1"]);
    expect(modes).toHaveLength(3);
  });

  it("sends VP9 once where its layers would all be small", () => {
    expect(encodingsFor(track(1280), true, "VP9", false)).toEqual([{}]);
    expect(encodingsFor(track(1280), true, "AV1", false)).toHaveLength(3);
  });
});

describe("ordered", () => {
  const codecs = ["video/VP8", "video/rtx", "video/H264", "video/AV1", "video/H264"].map((mimeType) => ({ mimeType }));

  it("puts the choice first and loses nothing", () => {
    expect(ordered(codecs, "H264").map(({ mimeType }) => mimeType)).toEqual([
      "video/H264",
      "video/H264",
      "video/VP8",
      "video/rtx",
      "video/AV1",
    ]);
    expect(ordered(codecs, "VP9")).toEqual(codecs);
  });
});

it("knows its codecs", () => {
  expect(["H264", "default", "h264", ""].map(isCodecChoice)).toEqual([true, true, false, false]);
});

describe("withStereo", () => {
  const sdp = (fmtp: string) => `m=audio 9 X 111 63\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\n${fmtp}`;

  it("asks for stereo Opus", () => {
    expect(withStereo(sdp("a=fmtp:63 111/111\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"))).toBe(
      sdp("a=fmtp:63 111/111\r\na=fmtp:111 stereo=1;minptime=10;useinbandfec=1\r\n"),
    );
  });

  it("leaves alone what says so already, and what has no Opus", () => {
    const said = sdp("a=fmtp:111 minptime=10;stereo=0\r\n");
    expect(withStereo(said)).toBe(said);
    expect(withStereo("m=video 9 X 96\r\n")).toBe("m=video 9 X 96\r\n");
  });
});

describe("scaled", () => {
  it("maps decibels to 0..1", () => {
    expect(scaled(new Float32Array(64))).toBe(0);
    expect(scaled(new Float32Array(64).fill(1))).toBeCloseTo(1);
    expect(scaled(new Float32Array(64).fill(10 ** -1.5))).toBeCloseTo(0.5);
  });
});
