/** The buttons for what one sends oneself: microphone, camera, screen. */

import type { LocalParticipant } from "livekit-client";
import { deviceProblem } from "../media/devices";
import { byId } from "../ui/dom";

type Source = "microphone" | "camera" | "screen";

/** Numbers of livekit.TrackSource, as `canPublishSources` has them. */
const SOURCE_NUMBERS: Readonly<Record<Source, number>> = { camera: 1, microphone: 2, screen: 3 };
const NOT_ALLOWED = "You may not send this here";

export class Controls {
  private readonly buttons: Readonly<Record<Source, HTMLButtonElement>> = {
    microphone: byId("mic", HTMLButtonElement),
    camera: byId("camera", HTMLButtonElement),
    screen: byId("screen", HTMLButtonElement),
  };
  private readonly changing = new Set<Source>();

  constructor(
    private readonly me: LocalParticipant,
    private readonly say: (text: string) => void,
    signal: AbortSignal,
  ) {
    for (const source of ["microphone", "camera", "screen"] as const) {
      this.buttons[source].addEventListener("click", () => void this.toggle(source), { signal });
    }
  }

  /** True while one of the buttons is at work: what changes then was asked for here. */
  get busy(): boolean {
    return this.changing.size > 0;
  }

  async set(source: Source, on: boolean): Promise<void> {
    if (this.changing.has(source) || !this.may(source)) return;
    this.changing.add(source);
    this.show();
    try {
      if (source === "microphone") await this.me.setMicrophoneEnabled(on);
      else if (source === "camera") await this.me.setCameraEnabled(on);
      else await this.me.setScreenShareEnabled(on, { audio: true });
    } catch (error) {
      this.explain(source, error);
    } finally {
      this.changing.delete(source);
      this.show();
    }
  }

  show(): void {
    const { me } = this;
    this.paint("microphone", !me.isMicrophoneEnabled, ["Mute microphone", "Unmute microphone"]);
    this.paint("camera", !me.isCameraEnabled, ["Turn camera off", "Turn camera on"]);
    this.paint("screen", me.isScreenShareEnabled, ["Share screen", "Stop sharing"]);
    this.buttons.screen.hidden = !("getDisplayMedia" in (navigator.mediaDevices ?? {}));
  }

  private toggle(source: Source): Promise<void> {
    const { me } = this;
    if (source === "microphone") return this.set(source, !me.isMicrophoneEnabled);
    if (source === "camera") return this.set(source, !me.isCameraEnabled);
    return this.set(source, !me.isScreenShareEnabled);
  }

  private paint(source: Source, pressed: boolean, [usual, other]: readonly [string, string]): void {
    const button = this.buttons[source];
    const allowed = this.may(source);
    button.disabled = this.changing.has(source) || !allowed;
    button.ariaPressed = String(pressed);
    button.ariaLabel = usual;
    button.title = !allowed ? NOT_ALLOWED : pressed ? other : usual;
  }

  /** Until the server says what is permitted, everything is. */
  private may(source: Source): boolean {
    const { permissions } = this.me;
    if (permissions === undefined) return true;
    const { canPublish, canPublishSources: sources } = permissions;
    return canPublish && (sources.length === 0 || sources.includes(SOURCE_NUMBERS[source]));
  }

  private explain(source: Source, error: unknown): void {
    if (!(error instanceof DOMException)) return this.say(`The ${source} could not be sent.`);
    // Closing the browser's chooser is a change of mind, not a problem.
    if (source === "screen" && error.name === "NotAllowedError") return;
    this.say(deviceProblem(error, source));
  }
}
