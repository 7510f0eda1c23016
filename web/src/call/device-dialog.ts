/** The dialog to change devices in a call. */

import type { Room } from "livekit-client";
import { deviceProblem } from "../media/devices";
import { byId, element } from "../ui/dom";

const KINDS = {
  "call-camera": { kind: "videoinput", word: "camera" },
  "call-mic": { kind: "audioinput", word: "microphone" },
  "call-speaker": { kind: "audiooutput", word: "speaker" },
} as const satisfies Record<string, { kind: MediaDeviceKind; word: string }>;

export class DeviceDialog {
  private readonly dialog = byId("devices-dialog", HTMLDialogElement);
  private readonly problem = byId("devices-problem", HTMLElement);

  constructor(
    private readonly room: Room,
    signal: AbortSignal,
  ) {
    byId("devices", HTMLButtonElement).addEventListener("click", () => void this.open(), { signal });
    for (const id of keys(KINDS)) {
      const select = byId(id, HTMLSelectElement);
      select.addEventListener("change", () => void this.change(id, select.value), { signal });
    }
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.list(), { signal });
    signal.addEventListener("abort", () => this.dialog.close());
  }

  private async open(): Promise<void> {
    this.problem.hidden = true;
    await this.list();
    this.dialog.showModal();
  }

  private async list(): Promise<void> {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    for (const id of keys(KINDS)) {
      const { kind, word } = KINDS[id];
      const options = devices
        .filter((device) => device.kind === kind && device.deviceId !== "")
        .map(({ deviceId, label }, index) => element("option", { value: deviceId }, label || `${word} ${index + 1}`));
      const select = byId(id, HTMLSelectElement);
      select.replaceChildren(...options);
      select.disabled = options.length === 0;
      const active = this.room.getActiveDevice(kind);
      if (options.some(({ value }) => value === active)) select.value = active ?? "";
    }
    // Choosing where sound comes out is not in every browser.
    byId("speaker-field", HTMLElement).hidden = byId("call-speaker", HTMLSelectElement).disabled;
  }

  private async change(id: keyof typeof KINDS, deviceId: string): Promise<void> {
    const { kind, word } = KINDS[id];
    this.problem.hidden = true;
    try {
      await this.room.switchActiveDevice(kind, deviceId);
    } catch (error) {
      this.problem.hidden = false;
      this.problem.textContent = deviceProblem(error, word);
      await this.list();
    }
  }
}

function keys<T extends object>(record: T): (keyof T)[] {
  return Object.keys(record) as (keyof T)[];
}
