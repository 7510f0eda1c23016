/** The tracks a publisher sends: one picture (camera or shared screen) and one microphone, exchangeable at any time. */

import type { Kind } from "../whip";
import { NO_DEVICE } from "./devices";

const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};

export class Sources {
  private readonly tracks = new Map<Kind, MediaStreamTrack>();
  private readonly muted = new Set<Kind>();
  private sharing = false;

  /**
   * `onTrack` is told of every new track, null for none; `onEnded` when a device was unplugged or the screen is no
   * longer shared.
   */
  constructor(
    private readonly onTrack: (kind: Kind, track: MediaStreamTrack | null) => void,
    private readonly onEnded: (kind: Kind, wasScreen: boolean) => void,
  ) {}

  get screenShared(): boolean {
    return this.sharing;
  }

  track(kind: Kind): MediaStreamTrack | null {
    return this.tracks.get(kind) ?? null;
  }

  /** Opens a camera; null for the one the browser prefers. Raises DOMException as getUserMedia does. */
  async useCamera(deviceId: string | null): Promise<void> {
    const video = { ...CAMERA, ...exactly(deviceId) };
    this.put("video", await open(deviceId, { video }), "motion", false);
  }

  /** Opens a microphone; null for the one the browser prefers. Raises DOMException as getUserMedia does. */
  async useMicrophone(deviceId: string | null): Promise<void> {
    this.put("audio", await open(deviceId, { audio: exactly(deviceId) }), "", false);
  }

  /** Asks for a screen or window and sends it in place of the camera. Raises DOMException as getDisplayMedia does. */
  async shareScreen(): Promise<void> {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } } });
    this.put("video", stream.getVideoTracks()[0] ?? null, "detail", true);
  }

  /** A muted track goes on as silence or black, so that nothing needs negotiating. */
  setMuted(kind: Kind, muted: boolean): void {
    if (muted) this.muted.add(kind);
    else this.muted.delete(kind);
    const track = this.tracks.get(kind);
    if (track !== undefined) track.enabled = !muted;
  }

  private put(kind: Kind, track: MediaStreamTrack | null, hint: string, screen: boolean): void {
    const old = this.tracks.get(kind);
    this.tracks.delete(kind);
    if (kind === "video") this.sharing = screen;
    if (track !== null) {
      this.tracks.set(kind, track);
      track.contentHint = hint;
      track.enabled = !this.muted.has(kind);
      track.addEventListener("ended", () => {
        if (this.tracks.get(kind) === track) this.onEnded(kind, screen);
      });
    }
    this.onTrack(kind, track);
    old?.stop();
  }
}

function exactly(deviceId: string | null): MediaTrackConstraints {
  return deviceId === null ? {} : { deviceId: { exact: deviceId } };
}

async function open(deviceId: string | null, constraints: MediaStreamConstraints): Promise<MediaStreamTrack | null> {
  if (deviceId === NO_DEVICE) return null;
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  return stream.getTracks()[0] ?? null;
}
