/** The broadcast page: choose what to send, see it, go live, and see how it leaves. */

import { type PublisherFigures, publisherFigures } from "./figures/publisher";
import { showLayers } from "./figures/layers";
import { Meter } from "./figures/meter";
import { Tiles } from "./figures/tiles";
import { PUBLISHER_TILES } from "./figures/publisher-tiles";
import { isCodecChoice, sendableCodecs } from "./media/codecs";
import { deviceProblem, listDevices } from "./media/devices";
import { Loudness } from "./media/loudness";
import { Sources } from "./media/sources";
import type { Refusal } from "./session/refusal";
import type { State } from "./session/states";
import { copy } from "./ui/copy";
import { byId, element } from "./ui/dom";
import { expose } from "./ui/hook";
import { devLinks, tokenOf, watchUrl, whipPath } from "./ui/links";
import { showState } from "./ui/state-pill";
import { type Kind, Publisher } from "./whip";

const room = new URLSearchParams(location.search).get("room")?.trim() ?? "";
if (room === "") location.replace("/");

const preview = byId("preview", HTMLVideoElement);
const previewNote = byId("preview-note", HTMLElement);
const notice = byId("notice", HTMLElement);
const pill = byId("state", HTMLElement);
const goLive = byId("go-live", HTMLButtonElement);
const stop = byId("stop", HTMLButtonElement);
const micButton = byId("mic", HTMLButtonElement);
const cameraButton = byId("camera", HTMLButtonElement);
const screenButton = byId("screen", HTMLButtonElement);
const cameraDevice = byId("camera-device", HTMLSelectElement);
const micDevice = byId("mic-device", HTMLSelectElement);
const micLevel = byId("mic-level", HTMLMeterElement);
const codec = byId("codec", HTMLSelectElement);
const simulcast = byId("simulcast", HTMLInputElement);
const tokenForm = byId("token-form", HTMLFormElement);
const tokenField = byId("token", HTMLInputElement);
const watchLink = byId("watch-link", HTMLInputElement);
const layerRows = byId("layers", HTMLTableSectionElement);
const tiles = new Tiles(byId("tiles", HTMLElement), PUBLISHER_TILES);

const links = devLinks(room);
const loudness = new Loudness();
const sources = new Sources(onTrack, (kind, wasScreen) => void onEnded(kind, wasScreen));
let token = tokenOf(location.hash);
let publisher: Publisher | null = null;
let latest: PublisherFigures | null = null;

// --- what is sent

function onTrack(kind: Kind, track: MediaStreamTrack | null): void {
  void publisher?.setTrack(kind, track);
  if (kind === "audio") return loudness.listen(track);
  preview.srcObject = track === null ? null : new MediaStream([track]);
  notePicture();
  screenButton.setAttribute("aria-pressed", String(sources.screenShared));
  labelOf(screenButton).textContent = sources.screenShared ? "Stop sharing" : "Share screen";
}

function notePicture(): void {
  const track = sources.track("video");
  previewNote.hidden = track?.enabled ?? false;
  previewNote.textContent = track === null ? "No picture: choose a camera, or share your screen." : "Your picture is off.";
}

async function onEnded(kind: Kind, wasScreen: boolean): Promise<void> {
  if (!wasScreen) say(`The ${kind === "audio" ? "microphone" : "camera"} went away.`);
  if (kind === "audio") await openMicrophone(null);
  else await openCamera(wasScreen ? cameraDevice.value || null : null);
}

async function openCamera(deviceId: string | null): Promise<void> {
  await opening("camera", () => sources.useCamera(deviceId));
  if (sources.track("video") === null) onTrack("video", null);
  await listDevices(cameraDevice, "videoinput", sources.track("video"));
}

async function openMicrophone(deviceId: string | null): Promise<void> {
  await opening("microphone", () => sources.useMicrophone(deviceId));
  await listDevices(micDevice, "audioinput", sources.track("audio"));
}

async function opening(what: string, open: () => Promise<void>): Promise<boolean> {
  try {
    await open();
    return true;
  } catch (error) {
    say(deviceProblem(error, what));
    return false;
  }
}

async function toggleScreen(): Promise<void> {
  if (sources.screenShared) return openCamera(cameraDevice.value || null);
  try {
    await sources.shareScreen();
  } catch (error) {
    // Closing the browser's chooser is a change of mind, not a problem.
    if (!(error instanceof DOMException && error.name === "NotAllowedError")) say(deviceProblem(error, "screen"));
  }
}

function toggleMute(kind: Kind, button: HTMLButtonElement, words: readonly [on: string, off: string]): void {
  const muted = button.getAttribute("aria-pressed") !== "true";
  sources.setMuted(kind, muted);
  notePicture();
  button.setAttribute("aria-pressed", String(muted));
  button.title = words[muted ? 1 : 0];
  button.setAttribute("aria-label", words[0]);
}

// --- going live

async function start(): Promise<void> {
  say(null);
  token ??= (await links)?.publish_token ?? null;
  if (token === null) return askForToken("This room needs a publishing token.");
  tokenForm.hidden = true;
  publisher?.session.stop();
  const endpoint = new URL(whipPath(room), location.origin).href;
  const choice = isCodecChoice(codec.value) ? codec.value : "default";
  publisher = new Publisher({ endpoint, token }, { codec: choice, simulcast: simulcast.checked }, { onState });
  await publisher.setTrack("audio", sources.track("audio"));
  await publisher.setTrack("video", sources.track("video"));
  publisher.session.start();
}

function onState(state: State, refusal: Refusal | null): void {
  showState(pill, state);
  const on = state !== "idle" && state !== "failed";
  goLive.hidden = on;
  stop.hidden = !on;
  codec.disabled = simulcast.disabled = on;
  if (!on) {
    latest = null;
    layerRows.replaceChildren();
  }
  say(refusal?.message ?? null);
  if (refusal?.kind === "denied") {
    token = null;
    askForToken(`${refusal.message} Use another token.`);
  }
}

function askForToken(why: string): void {
  say(why);
  tokenForm.hidden = false;
  tokenField.focus();
}

function say(text: string | null): void {
  notice.hidden = text === null;
  notice.textContent = text ?? "";
}

function labelOf(button: HTMLButtonElement): HTMLElement {
  return button.querySelector<HTMLElement>(".label") ?? button;
}

// --- the page

function wire(): void {
  goLive.addEventListener("click", () => void start());
  stop.addEventListener("click", () => publisher?.session.stop());
  tokenForm.addEventListener("submit", (event) => {
    event.preventDefault();
    token = tokenField.value.trim();
    tokenField.value = "";
    void start();
  });
  micButton.addEventListener("click", () => toggleMute("audio", micButton, ["Mute microphone", "Unmute microphone"]));
  cameraButton.addEventListener("click", () => toggleMute("video", cameraButton, ["Turn picture off", "Turn picture on"]));
  screenButton.addEventListener("click", () => void toggleScreen());
  cameraDevice.addEventListener("change", () => void openCamera(cameraDevice.value));
  micDevice.addEventListener("change", () => void openMicrophone(micDevice.value));
  byId("copy-link", HTMLButtonElement).addEventListener("click", ({ currentTarget }) => {
    if (currentTarget instanceof HTMLButtonElement) void copy(watchLink, currentTarget);
  });
  addEventListener("online", () => publisher?.session.retryNow());
  addEventListener("pagehide", () => publisher?.session.stop());
  setInterval(() => (micLevel.value = loudness.read()), 100);
  new Meter(() => publisher?.session.pc ?? null, publisherFigures, (figures) => {
    latest = figures;
    tiles.show(figures);
    showLayers(layerRows, figures.layers);
  });
  expose(() => ({
    state: publisher?.session.state ?? "idle",
    stats: latest ?? {},
    session: publisher?.session.url ?? null,
  }));
}

async function showWatchLink(): Promise<void> {
  const known = await links;
  watchLink.value = watchUrl(location.origin, room, known?.watch_token ?? null);
  byId("open-link", HTMLAnchorElement).href = watchLink.value;
  byId("watch-hint", HTMLElement).hidden = known !== null;
}

async function openDevices(): Promise<void> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) {
    // Browsers hand out cameras on https and on this machine's own name only.
    goLive.disabled = true;
    return say("Browsers give out cameras only over HTTPS or on localhost: open this page that way.");
  }
  screenButton.hidden = !("getDisplayMedia" in devices);
  await openCamera(null);
  await openMicrophone(null);
  devices.addEventListener("devicechange", () => {
    if (!sources.screenShared) void listDevices(cameraDevice, "videoinput", sources.track("video"));
    void listDevices(micDevice, "audioinput", sources.track("audio"));
  });
}

byId("room", HTMLElement).textContent = room;
document.title = `${room} · Broadcast · Sluice`;
codec.append(
  ...sendableCodecs().map((value) => element("option", { value }, value === "default" ? "Browser's choice" : value)),
);
wire();
void showWatchLink();
void openDevices();
