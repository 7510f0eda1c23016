/** The watch page: plays the broadcast of a room, whatever happens to the server, the publisher or the network. */

import { Meter } from "./figures/meter";
import { Tiles } from "./figures/tiles";
import { type ViewerFigures, viewerFigures } from "./figures/viewer";
import { VIEWER_TILES } from "./figures/viewer-tiles";
import { Picture } from "./media/picture";
import type { Refusal } from "./session/refusal";
import type { State } from "./session/states";
import { byId } from "./ui/dom";
import { expose } from "./ui/hook";
import { devLinks, roomOfPath, tokenOf, whepPath } from "./ui/links";
import { showState } from "./ui/state-pill";
import { Player } from "./whep";

const room = roomOfPath("watch", location.pathname);
if (room === "") location.replace("/");

const pill = byId("state", HTMLElement);
const screenBox = byId("screen", HTMLElement);
const veil = byId("veil", HTMLElement);
const veilTitle = byId("veil-title", HTMLElement);
const veilText = byId("veil-text", HTMLElement);
const badge = byId("badge", HTMLElement);
const again = byId("again", HTMLButtonElement);
const unmute = byId("unmute", HTMLButtonElement);
const mute = byId("mute", HTMLButtonElement);
const volume = byId("volume", HTMLInputElement);
const pip = byId("pip", HTMLButtonElement);
const fullscreen = byId("fullscreen", HTMLButtonElement);
const tokenForm = byId("token-form", HTMLFormElement);
const tokenField = byId("token", HTMLInputElement);
const video = byId("video", HTMLVideoElement);
const tiles = new Tiles(byId("tiles", HTMLElement), VIEWER_TILES);
const picture = new Picture(video, byId("still", HTMLCanvasElement), () => {
  unmute.hidden = false;
});

/** Seconds without media, while connected, after which the broadcaster is taken to be away. */
const AWAY_AFTER = 3;
/** Seconds without a new picture, while sound goes on, after which that is said: no camera, or a codec unknown here. */
const STILL_AFTER = 5;

let token = tokenOf(location.hash);
let player: Player | null = null;
let latest: ViewerFigures | null = null;
let silentSeconds = 0;
let stillSeconds = 0;

async function start(): Promise<void> {
  token ??= (await devLinks(room))?.watch_token ?? null;
  if (token === null) return askForToken("This room needs a token", "Ask the broadcaster for a link that has one.");
  player?.session.stop();
  const endpoint = new URL(whepPath(room), location.origin).href;
  player = new Player({ endpoint, token }, { onState }, (stream) => void picture.play(stream));
  player.session.start();
}

function onState(state: State, refusal: Refusal | null): void {
  showState(pill, state);
  silentSeconds = stillSeconds = 0;
  badge.hidden = true;
  again.hidden = true;
  tokenForm.hidden = true;
  switch (state) {
    case "connecting":
      return cover("Connecting", refusal?.message ?? "");
    case "waiting":
      if (picture.seen) return cover("The broadcast is interrupted", "It goes on here by itself when the broadcaster is back.");
      return cover("Not live yet", "The picture appears here by itself as soon as the broadcast starts.");
    case "live":
      veil.hidden = true;
      return picture.release();
    case "reconnecting":
      // The last picture stays; a veil would only hide it.
      picture.hold();
      return say("Reconnecting");
    case "failed":
      if (refusal?.kind === "denied") {
        token = null;
        return askForToken("This token does not open the room", refusal.message);
      }
      again.hidden = false;
      return cover("The broadcast cannot be played", refusal?.message ?? "");
    case "idle":
      return;
  }
}

function cover(title: string, text: string): void {
  veil.hidden = false;
  veilTitle.textContent = title;
  veilText.textContent = text;
}

function say(text: string): void {
  badge.hidden = false;
  badge.textContent = text;
}

function askForToken(title: string, text: string): void {
  cover(title, text);
  tokenForm.hidden = false;
  tokenField.focus();
}

function onFigures(figures: ViewerFigures): void {
  stillSeconds = figures.framesDecoded !== latest?.framesDecoded ? 0 : stillSeconds + 1;
  silentSeconds = figures.playing ? 0 : silentSeconds + 1;
  latest = figures;
  tiles.show(figures);
  if (player?.session.state !== "live") return;
  const away = silentSeconds >= AWAY_AFTER;
  badge.hidden = !away && stillSeconds < STILL_AFTER;
  badge.textContent = away ? "Waiting for the broadcaster" : "Sound only";
}

function showVolume(): void {
  const silent = video.muted || video.volume === 0;
  mute.setAttribute("aria-pressed", String(silent));
  mute.title = silent ? "Unmute" : "Mute";
  volume.value = String(video.muted ? 0 : video.volume);
  if (!silent) unmute.hidden = true;
}

function setMuted(muted: boolean): void {
  video.muted = muted;
  if (!muted && video.volume === 0) video.volume = 1;
}

function wire(): void {
  tokenForm.addEventListener("submit", (event) => {
    event.preventDefault();
    token = tokenField.value.trim();
    tokenField.value = "";
    void start();
  });
  again.addEventListener("click", () => void start());
  unmute.addEventListener("click", () => setMuted(false));
  mute.addEventListener("click", () => setMuted(mute.getAttribute("aria-pressed") !== "true"));
  volume.addEventListener("input", () => {
    video.volume = volume.valueAsNumber;
    video.muted = volume.valueAsNumber === 0;
  });
  video.addEventListener("volumechange", showVolume);
  pip.hidden = !document.pictureInPictureEnabled;
  pip.addEventListener("click", () => {
    // Refused without a picture to show; there is nothing to do about that.
    const change = document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture();
    void Promise.resolve(change).catch(() => undefined);
  });
  fullscreen.hidden = !document.fullscreenEnabled;
  fullscreen.addEventListener("click", () => {
    void (document.fullscreenElement ? document.exitFullscreen() : screenBox.requestFullscreen());
  });
  addEventListener("online", () => player?.session.retryNow());
  addEventListener("pagehide", () => player?.session.stop());
  // Brought back from the back-forward cache, where no connection survives.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) void start();
  });
  new Meter(() => player?.session.pc ?? null, viewerFigures, onFigures);
  expose(() => ({
    state: player?.session.state ?? "idle",
    stats: latest ?? {},
    session: player?.session.url ?? null,
  }));
}

byId("room", HTMLElement).textContent = room;
document.title = `${room} · Sluice`;
wire();
void start();
