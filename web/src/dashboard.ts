/** The dashboard: rooms, who is in them and how their media fares, and what the server has to do for it. */

import { Client } from "./dashboard/client";
import { Poller } from "./dashboard/poller";
import { RoomPanel } from "./dashboard/room-panel";
import { RoomsList, ROOMS_PER_PAGE } from "./dashboard/rooms";
import { ServerPanel } from "./dashboard/server-panel";
import { Refusal } from "./session/refusal";
import type { State } from "./session/states";
import { byId } from "./ui/dom";
import { expose } from "./ui/hook";
import { devLinks, tokenOf } from "./ui/links";
import { showState } from "./ui/state-pill";

const pill = byId("state", HTMLElement);
const notice = byId("notice", HTMLElement);
const main = byId("board", HTMLElement);
const tokenForm = byId("token-form", HTMLFormElement);
const tokenField = byId("token", HTMLInputElement);
const roomForm = byId("room-form", HTMLFormElement);
const roomField = byId("room-name", HTMLInputElement);

const server = new ServerPanel(byId("server", HTMLElement), byId("tiles", HTMLElement), byId("server-charts", HTMLElement), byId("drops", HTMLElement));
const rooms = new RoomsList(
  byId("rooms", HTMLElement),
  byId("rooms-hint", HTMLElement),
  byId("rooms-pages", HTMLElement),
  choose,
  () => poller.hurry(),
);
const panel = new RoomPanel({
  section: byId("room", HTMLElement),
  title: byId("room-title", HTMLElement),
  hint: byId("room-hint", HTMLElement),
  wanted: byId("wanted", HTMLInputElement),
  order: byId("order", HTMLSelectElement),
  body: byId("people", HTMLTableSectionElement),
  pages: byId("people-pages", HTMLElement),
  details: {
    section: byId("details", HTMLElement),
    title: byId("details-title", HTMLElement),
    facts: byId("details-facts", HTMLElement),
    tracks: byId("tracks", HTMLTableSectionElement),
    charts: byId("charts", HTMLElement),
  },
});
const poller = new Poller({ ask, onTrouble, onEnd });

let token = tokenOf(location.hash);
let state: State = "idle";
let room = new URLSearchParams(location.search).get("room");
let listed: string[] = [];

async function start(): Promise<void> {
  token ??= (await devLinks("demo"))?.admin_token ?? null;
  if (token === null) return askForToken("This needs a token that may list rooms and administer them.");
  tokenForm.hidden = true;
  notice.hidden = true;
  main.hidden = false;
  enter("connecting");
  poller.start();
}

/** One round: all that is shown, at once. */
async function ask(signal: AbortSignal): Promise<void> {
  if (token === null) return;
  const client = new Client(token);
  const asked = room;
  const [load, page, figures] = await Promise.all([
    allowed(client.server(signal)),
    allowed(client.rooms(rooms.pageToken, ROOMS_PER_PAGE, signal)),
    asked === null ? null : allowed(client.room(asked, signal)),
  ]);
  if (signal.aborted) return;
  const answers = [load, page, figures].filter((answer) => answer !== null);
  const refused = answers.find((answer) => answer instanceof Refusal);
  if (refused !== undefined && answers.every((answer) => answer instanceof Refusal && answer.kind === "denied")) throw refused;
  enter("live");
  notice.hidden = true;
  const at = Date.now() / 1000;
  if (load instanceof Refusal) server.hide();
  else server.show(load, at);
  if (page instanceof Refusal) rooms.refuse("This token does not list rooms. A room it may administer can be opened by name.");
  else {
    listed = page.items.map(({ name }) => name);
    rooms.show(page, room);
  }
  // While the answer was on its way, another room may have been chosen.
  if (figures === null || asked !== room) return;
  if (figures instanceof Refusal) panel.refuse(figures.kind === "gone" ? "Nobody is here, and there is no such room now." : figures.message);
  else panel.show(figures, at);
}

/** What the token does not show, and a room that has ended, leave the rest standing; all else stops the round. */
async function allowed<T>(answer: Promise<T>): Promise<T | Refusal> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refusal && (error.status === 403 || error.kind === "gone")) return error;
    throw error;
  }
}

function onTrouble({ message }: Refusal): void {
  enter("reconnecting");
  say(`${message}. What is shown is old; it goes on by itself.`);
}

function onEnd({ kind, message }: Refusal): void {
  enter("failed");
  if (kind !== "denied") return say(message);
  token = null;
  askForToken(message);
}

function askForToken(why: string): void {
  main.hidden = true;
  tokenForm.hidden = false;
  say(why);
  tokenField.focus();
}

function say(text: string): void {
  notice.textContent = text;
  notice.hidden = false;
}

function enter(next: State): void {
  state = next;
  main.classList.toggle("stale", next === "reconnecting");
  showState(pill, next, { idle: "No token", reconnecting: "No answer" });
}

function choose(name: string): void {
  room = name;
  const query = new URLSearchParams({ room: name });
  history.replaceState(null, "", `${location.pathname}?${query.toString()}${location.hash}`);
  panel.open(name);
  poller.hurry();
}

tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  token = tokenField.value.trim();
  tokenField.value = "";
  void start();
});
roomForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const name = roomField.value.trim();
  roomField.value = "";
  if (name !== "") choose(name);
});
addEventListener("online", () => poller.hurry());
addEventListener("pagehide", () => poller.stop());
// Brought back from the back-forward cache.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) void start();
});

panel.open(room);
expose(() => ({
  state,
  stats: { rooms: [...listed], room, participants: panel.people.map(({ figures, moment }) => ({ ...figures, ...moment })), server: server.latest },
  session: null,
}));
void start();
