/** How a video track is encoded: simulcast where it pays. */

import type { CodecChoice } from "./codecs";

/** Below this width the smaller layers would be thumbnails nobody asks for. */
const SIMULCAST_MIN_WIDTH = 640;

/**
 * Encodings for `track`, lowest first: quarter, half and full size (RFC 8853) for a camera at least 640 pixels wide,
 * else one. A shared screen is text: scaled down it is unreadable, so it goes out once.
 */
export function encodingsFor(
  track: Pick<MediaStreamTrack, "contentHint" | "getSettings"> | null,
  simulcast: boolean,
  codec: CodecChoice,
): RTCRtpEncodingParameters[] {
  const wide = track !== null && (track.getSettings().width ?? 0) >= SIMULCAST_MIN_WIDTH;
  if (!simulcast || !wide || track.contentHint === "detail") return [{}];
  // Given several encodings and no mode, Chromium sends VP9 and AV1 as spatial layers of one stream instead.
  const mode = codec === "VP9" || codec === "AV1" ? { scalabilityMode: "L1T1" } : {};
  return [
    { rid: "q", scaleResolutionDownBy: 4, ...mode },
    { rid: "h", scaleResolutionDownBy: 2, ...mode },
    { rid: "f", scaleResolutionDownBy: 1, ...mode },
  ];
}
