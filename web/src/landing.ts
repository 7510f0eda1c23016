/** The landing page: a room name, and the lines an encoder needs for it. */

import { wireCopyButtons } from "./ui/copy";
import { byId } from "./ui/dom";
import { broadcastPath, callPath, devLinks, watchUrl, whipPath } from "./ui/links";

const room = byId("room", HTMLInputElement);
const form = byId("room-form", HTMLFormElement);
const TYPING_MS = 250;

let latest = 0;
let typing: ReturnType<typeof setTimeout> | undefined;

function ffmpegLine(url: string, token: string): string {
  return (
    "ffmpeg -re -i input.mp4 -c:v libx264 -profile:v baseline -preset veryfast -tune zerolatency -bf 0 -g 60 " +
    `-c:a libopus -ar 48000 -ac 2 -f whip -authorization "${token}" "${url}"`
  );
}

async function showLines(name: string): Promise<void> {
  const turn = ++latest;
  const links = await devLinks(name);
  // A slower answer for an earlier name must not overwrite this one.
  if (turn !== latest) return;
  const url = links?.obs.server ?? new URL(whipPath(name), location.origin).href;
  const token = links?.obs.token ?? "TOKEN";
  byId("obs-server", HTMLElement).textContent = url;
  byId("obs-token", HTMLElement).textContent = token;
  byId("ffmpeg", HTMLElement).textContent = links?.ffmpeg ?? ffmpegLine(url, token);
  byId("hint-room", HTMLElement).textContent = name;
  byId("token-hint", HTMLElement).hidden = links !== null;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const name = room.value.trim();
  if (name === "") return room.focus();
  const choice = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
  if (choice === "call") location.assign(callPath(name));
  else location.assign(choice === "watch" ? watchUrl(location.origin, name, null) : broadcastPath(name));
});

room.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => void showLines(room.value.trim() || "demo"), TYPING_MS);
});

wireCopyButtons();
void showLines(room.value.trim() || "demo");
