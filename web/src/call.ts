/** The Call page: a lobby to check devices in, the meeting, and the lobby again. */

import type { CallFigures, Meeting } from "./call/meeting";
import { grantsOf, unfit } from "./call/grants";
import { Lobby } from "./call/lobby";
import type { State } from "./session/states";
import { copy } from "./ui/copy";
import { byId } from "./ui/dom";
import { expose } from "./ui/hook";
import { callPath, devLinks, roomOfPath, tokenOf } from "./ui/links";
import { showState } from "./ui/state-pill";

const room = roomOfPath("call", location.pathname);
if (room === "") location.replace("/");

const pill = byId("state", HTMLElement);
const meetingElement = byId("meeting", HTMLElement);
const link = byId("call-link", HTMLElement);
const copyLink = byId("copy-link", HTMLButtonElement);
const lobby = new Lobby((typed) => void join(typed));
/** livekit-client is the largest part of the page: it comes while devices are checked. */
const loading = import("./call/meeting");
// A failure shows when somebody joins.
loading.catch(() => undefined);

let token = tokenOf(location.hash);
let meeting: Meeting | null = null;
let state: State = "idle";

function enter(next: State): void {
  state = next;
  showState(pill, next, { idle: "Not joined", live: "In the call", failed: "Not joined" });
}

/** Whether there is a token for this room; asks for one otherwise. */
function introduced(): boolean {
  if (token === null) {
    lobby.say("This call needs a token.");
    lobby.askForToken();
    return false;
  }
  const grants = grantsOf(token);
  const fault = unfit(grants, room);
  if (grants === null || fault !== null) {
    token = null;
    lobby.say(fault);
    lobby.askForToken();
    return false;
  }
  lobby.introduce(grants);
  return true;
}

async function join(typed: string | null): Promise<void> {
  if (meeting !== null) return;
  token = typed ?? token;
  const grants = introduced() && token !== null ? grantsOf(token) : null;
  if (token === null || grants === null) return;
  lobby.say(null);
  lobby.busy(true);
  enter("connecting");
  const [camera, microphone] = [lobby.choice("video"), lobby.choice("audio")];
  const joining = { room, token, grants, name: lobby.name, camera, microphone };
  try {
    const { Meeting } = await loading;
    meeting = new Meeting(joining, { onState: enter, onEnded });
  } catch {
    return refuse("The page could not be loaded in full. Load it again.", false);
  }
  await lobby.leave();
  show("meeting");
  const refusal = await meeting.join();
  if (refusal !== null) return refuse(refusal.message, refusal.denied);
  byId("mic", HTMLButtonElement).focus();
}

function refuse(message: string, denied: boolean): void {
  meeting = null;
  show("lobby");
  enter("failed");
  void lobby.enter("Ready to join?", message);
  if (!denied) return;
  token = null;
  lobby.askForToken();
}

function onEnded(words: string): void {
  meeting = null;
  show("lobby");
  enter("idle");
  void lobby.enter("The call is over for you", words);
  byId("join", HTMLButtonElement).focus();
}

function show(what: "lobby" | "meeting"): void {
  meetingElement.hidden = what !== "meeting";
  byId("lobby", HTMLElement).hidden = what !== "lobby";
  document.body.classList.toggle("in-call", what === "meeting");
}

async function begin(): Promise<void> {
  const entered = lobby.enter("Ready to join?", null);
  if (token === null) {
    const links = await devLinks(room);
    token = links?.call_token ?? null;
    // Only there does the bare link lead anybody in.
    copyLink.hidden = links === null;
  }
  introduced();
  await entered;
}

byId("room", HTMLElement).textContent = room;
document.title = `${room} · Call · Sluice`;
link.textContent = new URL(callPath(room), location.origin).href;
copyLink.addEventListener("click", () => void copy(link, copyLink));
expose<CallFigures>(() => ({ state, stats: meeting?.figures ?? {}, session: null }));
void begin();
