/** Before the call: see and hear oneself, choose devices and a name. */

import { deviceProblem, listDevices, NO_DEVICE } from "../media/devices";
import { Loudness } from "../media/loudness";
import { Sources } from "../media/sources";
import { byId } from "../ui/dom";
import type { Kind } from "../whip";
import type { Grants } from "./grants";
import { displayName } from "./names";

/** A device to start with, and whether to. */
export interface Choice {
  /** Null: the browser's own. */
  readonly deviceId: string | null;
  readonly on: boolean;
}

const LEVEL_MS = 100;

const KINDS = {
  video: { kind: "videoinput", word: "camera", select: "camera-device", button: "lobby-camera" },
  audio: { kind: "audioinput", word: "microphone", select: "mic-device", button: "lobby-mic" },
} as const;

export class Lobby {
  private readonly element = byId("lobby", HTMLElement);
  private readonly form = byId("join-form", HTMLFormElement);
  private readonly title = byId("lobby-title", HTMLElement);
  private readonly notice = byId("notice", HTMLElement);
  private readonly tokenBox = byId("token-field", HTMLElement);
  private readonly tokenField = byId("token", HTMLInputElement);
  private readonly nameField = byId("name", HTMLInputElement);
  private readonly nameHint = byId("name-hint", HTMLElement);
  private readonly joinButton = byId("join", HTMLButtonElement);
  private readonly preview = byId("preview", HTMLVideoElement);
  private readonly previewNote = byId("preview-note", HTMLElement);
  private readonly level = byId("mic-level", HTMLMeterElement);
  /** What has been tried. */
  private readonly opened = new Set<Kind>();
  private readonly loudness = new Loudness();
  private readonly sources = new Sources(
    (kind, track) => this.onTrack(kind, track),
    (kind) => void this.open(kind, null),
  );

  /** `onJoin` gets the token that was typed, null when none was asked for. */
  constructor(onJoin: (typed: string | null) => void) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = this.tokenBox.hidden ? null : this.tokenField.value.trim();
      this.tokenField.value = "";
      onJoin(typed);
    });
    for (const kind of ["video", "audio"] as const) {
      const select = this.select(kind);
      select.addEventListener("change", () => void this.open(kind, select.value));
      const button = byId(KINDS[kind].button, HTMLButtonElement);
      button.addEventListener("click", () => this.mute(kind, button));
    }
    navigator.mediaDevices?.addEventListener("devicechange", () => {
      if (!this.element.hidden) for (const kind of ["video", "audio"] as const) void this.list(kind);
    });
    setInterval(() => (this.level.value = this.loudness.read()), LEVEL_MS);
  }

  get name(): string {
    return this.nameField.value.trim();
  }

  choice(kind: Kind): Choice {
    const { value } = this.select(kind);
    const muted = byId(KINDS[kind].button, HTMLButtonElement).ariaPressed === "true";
    const deviceId = value === "" || value === NO_DEVICE ? null : value;
    // Who does not wait for the preview wants a camera all the same.
    return { deviceId, on: !muted && (this.sources.track(kind) !== null || !this.opened.has(kind)) };
  }

  /** Shows the lobby; `why` says what happened before. */
  async enter(title: string, why: string | null): Promise<void> {
    this.element.hidden = false;
    this.title.textContent = title;
    this.joinButton.textContent = title === "Ready to join?" ? "Join" : "Join again";
    this.busy(false);
    this.say(why);
    if (!("mediaDevices" in navigator)) {
      return this.say("Browsers give out cameras only over HTTPS or on localhost. You can join to see and hear.");
    }
    for (const kind of ["video", "audio"] as const) await this.open(kind, this.select(kind).value || null);
  }

  /** Hides it and lets go of the devices: the call opens them anew. */
  async leave(): Promise<void> {
    this.element.hidden = true;
    for (const kind of ["video", "audio"] as const) await this.use(kind, NO_DEVICE);
  }

  busy(busy: boolean): void {
    this.joinButton.disabled = busy;
  }

  say(text: string | null): void {
    this.notice.hidden = text === null;
    this.notice.textContent = text ?? "";
  }

  askForToken(): void {
    this.tokenBox.hidden = false;
    this.tokenField.required = true;
    this.tokenField.focus();
  }

  /** Once there is a token: whose, and whether the name can be chosen. */
  introduce(grants: Grants): void {
    this.tokenBox.hidden = true;
    this.tokenField.required = false;
    this.nameField.readOnly = !grants.naming;
    this.nameHint.hidden = grants.naming;
    if (!grants.naming) this.nameField.value = displayName(grants.name, grants.identity);
    else if (this.name === "") this.nameField.value = grants.name === "" ? "" : displayName(grants.name, "");
    this.nameField.placeholder = grants.identity;
  }

  private onTrack(kind: Kind, track: MediaStreamTrack | null): void {
    if (kind === "audio") return this.loudness.listen(track);
    this.preview.srcObject = track === null ? null : new MediaStream([track]);
    this.notePicture();
  }

  private notePicture(): void {
    const track = this.sources.track("video");
    this.previewNote.hidden = track?.enabled ?? false;
    this.previewNote.textContent = track === null ? "No camera" : "Your camera is off";
  }

  private async open(kind: Kind, deviceId: string | null): Promise<void> {
    try {
      await this.use(kind, deviceId);
    } catch (error) {
      this.say(deviceProblem(error, KINDS[kind].word));
    }
    this.opened.add(kind);
    // Too late for the preview.
    if (this.element.hidden) await this.use(kind, NO_DEVICE);
    this.notePicture();
    await this.list(kind);
  }

  private use(kind: Kind, deviceId: string | null): Promise<void> {
    return kind === "video" ? this.sources.useCamera(deviceId) : this.sources.useMicrophone(deviceId);
  }

  private list(kind: Kind): Promise<void> {
    return listDevices(this.select(kind), KINDS[kind].kind, this.sources.track(kind));
  }

  private mute(kind: Kind, button: HTMLButtonElement): void {
    const muted = button.ariaPressed !== "true";
    button.ariaPressed = String(muted);
    this.sources.setMuted(kind, muted);
    this.notePicture();
  }

  private select(kind: Kind): HTMLSelectElement {
    return byId(KINDS[kind].select, HTMLSelectElement);
  }
}
