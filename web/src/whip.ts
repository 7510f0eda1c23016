/** WHIP client (RFC 9725): publishes one audio and one video track, replaceable while live. */

import { preferCodec, type CodecChoice } from "./media/codecs";
import { encodingsFor, knowsScalabilityModes } from "./media/encodings";
import type { Access } from "./session/resource";
import { type Observer, type Role, Session } from "./session/session";

export type Kind = "audio" | "video";

export interface PublishOptions {
  readonly codec: CodecChoice;
  readonly simulcast: boolean;
}

export class Publisher {
  readonly session: Session;
  private readonly tracks = new Map<Kind, MediaStreamTrack>();
  private readonly senders = new Map<Kind, RTCRtpSender>();
  /** RFC 9725 section 4.4.2: one stream, so that every m-section carries the same msid. */
  private readonly stream = new MediaStream();

  constructor(access: Access, options: PublishOptions, observer: Observer) {
    const role: Role = { prepare: (pc) => this.prepare(pc, options), agreed: () => this.fullSize() };
    this.session = new Session(access, role, observer);
  }

  /** Sends `track` from now on, also while live; null sends nothing. */
  async setTrack(kind: Kind, track: MediaStreamTrack | null): Promise<void> {
    if (track === null) this.tracks.delete(kind);
    else this.tracks.set(kind, track);
    const open = this.session.pc !== null && this.session.pc.signalingState !== "closed";
    if (open) await this.senders.get(kind)?.replaceTrack(track);
  }

  /** A server that refuses simulcast leaves only the first encoding, the smallest: it becomes the full picture. */
  private async fullSize(): Promise<void> {
    const sender = this.senders.get("video");
    const parameters = sender?.getParameters();
    const [only, ...others] = parameters?.encodings ?? [];
    if (parameters === undefined || only === undefined || others.some(({ active }) => active)) return;
    if ((only.scaleResolutionDownBy ?? 1) === 1) return;
    only.scaleResolutionDownBy = 1;
    await sender?.setParameters(parameters);
  }

  private prepare(pc: RTCPeerConnection, { codec, simulcast }: PublishOptions): void {
    // Both m-sections from the start: a microphone or camera chosen later then needs no new session.
    for (const kind of ["audio", "video"] as const) {
      const track = this.tracks.get(kind) ?? null;
      const transceiver = pc.addTransceiver(track ?? kind, {
        direction: "sendonly",
        streams: [this.stream],
        ...(kind === "video" ? { sendEncodings: encodingsFor(track, simulcast, codec, knowsScalabilityModes()) } : {}),
      });
      this.senders.set(kind, transceiver.sender);
      if (kind === "video") preferCodec(transceiver, codec);
    }
  }
}
