/** Cameras and microphones to choose from. */

import { element } from "../ui/dom";

/** The choice of no device at all. */
export const NO_DEVICE = "none";

/** Fills `select` with the devices of `kind`; keeps the choice when it is still there, else shows `current`. */
export async function listDevices(
  select: HTMLSelectElement,
  kind: "audioinput" | "videoinput",
  current: MediaStreamTrack | null,
): Promise<void> {
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === kind);
  const chosen = current?.getSettings().deviceId ?? NO_DEVICE;
  const word = kind === "audioinput" ? "Microphone" : "Camera";
  const options = devices
    .filter(({ deviceId }) => deviceId !== "")
    .map(({ deviceId, label }, index) => element("option", { value: deviceId }, label || `${word} ${index + 1}`));
  select.replaceChildren(...options, element("option", { value: NO_DEVICE }, "None"));
  select.value = options.some(({ value }) => value === chosen) ? chosen : NO_DEVICE;
}

/** Why a device could not be opened, and what to do about it. */
export function deviceProblem(error: unknown, what: string): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return `The browser was told not to use the ${what}. Allow it in the address bar, then choose it again.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${what} was found. Connect one, then choose it in the list.`;
    case "NotReadableError":
    case "AbortError":
      return `The ${what} is in use by another program, or does not answer.`;
    default:
      return `The ${what} could not be opened.`;
  }
}
