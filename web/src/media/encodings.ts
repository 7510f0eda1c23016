/** How a video track is encoded: simulcast where it pays. */

import type { CodecChoice } from "./codecs";

/** Below this width the smaller layers would be thumbnails nobody asks for. */
const SIMULCAST_MIN_WIDTH = 640;

/**
 * Encodings for `track`, lowest first: quarter, half and full size (RFC 8853) for a camera at least 640 pixels wide,
 * else one. A shared screen is text: scaled down it is unreadable, so it goes out once. So does VP9 where there are no
 * scalability modes: Firefox makes all its layers the smallest.
 */
export function encodingsFor(
  track: Pick<MediaStreamTrack, "contentHint" | "getSettings"> | null,
  simulcast: boolean,
  codec: CodecChoice,
  scalabilityModes: boolean,
): RTCRtpEncodingParameters[] {
  const wide = track !== null && (track.getSettings().width ?? 0) >= SIMULCAST_MIN_WIDTH;
  if (!simulcast || !wide || track.contentHint === "detail") return [{}];
  if (codec === "VP9" && !scalabilityModes) return [{}];
  // Given several encodings and no mode, Chromium sends VP9 and AV1 as spatial layers of one stream instead.
  const mode = codec === "VP9" || codec === "AV1" ? { scalabilityMode: "L1T1" } : {};
  return [
    { rid: "q", scaleResolutionDownBy: 4, ...mode },
    { rid: "h", scaleResolutionDownBy: 2, ...mode },
    { rid: "f", scaleResolutionDownBy: 1, ...mode },
  ];
}

/** Not in TypeScript's DOM yet. */
type Scalable = RTCRtpEncodingParameters & { scalabilityMode?: string };

/** Whether this browser takes scalability modes (WebRTC-SVC): encodings are plain objects, so only a sender can tell. */
export function knowsScalabilityModes(): boolean {
  const pc = new RTCPeerConnection();
  const wanted: Scalable = { scalabilityMode: "L1T1" };
  const { sender } = pc.addTransceiver("video", { sendEncodings: [wanted] });
  const [encoding]: Scalable[] = sender.getParameters().encodings;
  pc.close();
  return encoding?.scalabilityMode !== undefined;
}
