/** WHEP client (draft-ietf-wish-whep-04): plays the broadcast of a room. */

import type { Access } from "./session/resource";
import { type Observer, type Role, Session } from "./session/session";

export class Player {
  readonly session: Session;

  /** `onStream` is called with the stream of every new session, once its first track is known. */
  constructor(access: Access, observer: Observer, onStream: (stream: MediaStream) => void) {
    const listen = (pc: RTCPeerConnection): void => {
      const stream = new MediaStream();
      pc.addEventListener("track", ({ track }) => {
        stream.addTrack(track);
        if (stream.getTracks().length === 1) onStream(stream);
      });
    };
    const role: Role = {
      listen,
      prepare: (pc) => {
        pc.addTransceiver("audio", { direction: "recvonly" });
        pc.addTransceiver("video", { direction: "recvonly" });
        listen(pc);
      },
      shape: withStereo,
    };
    this.session = new Session(access, role, observer);
  }
}

/** Asks for stereo Opus (RFC 7587 section 7.1): without it browsers play a stereo broadcast in mono. */
export function withStereo(sdp: string): string {
  const payloadType = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(sdp)?.[1];
  if (payloadType === undefined) return sdp;
  const fmtp = new RegExp(`^(a=fmtp:${payloadType} )(?!.*stereo=)`, "m");
  return sdp.replace(fmtp, "$1stereo=1;");
}
