/** A call: livekit-client's room, and the parts of the page that show it. The one module that loads livekit-client. */

import {
  ConnectionError,
  ConnectionErrorReason,
  ConnectionState,
  DisconnectReason,
  type LocalParticipant,
  type Participant,
  type RemoteParticipant,
  Room,
  RoomEvent,
  setLogLevel,
  type Track,
  type TrackPublication,
  VideoPresets,
} from "livekit-client";
import type { State } from "../session/states";
import { byId } from "../ui/dom";
import { Comings } from "./comings";
import { Controls } from "./controls";
import { Conversation } from "./conversation";
import { DeviceDialog } from "./device-dialog";
import { endingWords, refusalWords, type Refusal } from "./endings";
import { facesOf, type Person, personOf } from "./faces";
import type { Grants } from "./grants";
import { Host } from "./host";
import { HostActions } from "./host-actions";
import type { Choice } from "./lobby";
import { LONGEST_TEXT } from "./messages";
import { displayName } from "./names";
import { Notes } from "./notes";
import { type PanelName, Panels } from "./panels";
import { People } from "./people";
import { Sounds } from "./sounds";
import { Stage } from "./stage";

export interface Joining {
  readonly room: string;
  readonly token: string;
  readonly grants: Grants;
  readonly name: string;
  readonly camera: Choice;
  readonly microphone: Choice;
}

export interface Observer {
  onState(state: State): void;
  /** Left, removed or lost; not called when joining failed. */
  onEnded(words: string): void;
}

/** For the page's hook. */
export interface CallFigures {
  readonly participants: readonly ParticipantFigures[];
  readonly messages: number;
  readonly reconnects: number;
}

export interface ParticipantFigures extends Pick<Person, "identity" | "name" | "local" | "muted" | "cameraOff" | "quality" | "speaking"> {
  readonly framesShown: number;
  readonly width: number;
  readonly height: number;
  readonly sharing: boolean;
}

/** What happens in the same moment is drawn once. */
const DRAW_MS = 50;
const COMINGS_MS = 1000;
/** Texts are short; a stream that unpacks to more is not one. Bytes. */
const LARGEST_STREAM = 16 * LONGEST_TEXT;
/** Everything after which something on the page may look different. */
const SEEN = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.ParticipantNameChanged,
  RoomEvent.ParticipantPermissionsChanged,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.Reconnected,
  RoomEvent.Moved,
] as const;

const STATES: Readonly<Record<ConnectionState, State>> = {
  [ConnectionState.Disconnected]: "idle",
  [ConnectionState.Connecting]: "connecting",
  [ConnectionState.Connected]: "live",
  [ConnectionState.Reconnecting]: "reconnecting",
  [ConnectionState.SignalReconnecting]: "reconnecting",
};

setLogLevel("warn");

export class Meeting {
  private readonly over = new AbortController();
  private readonly room: Room;
  private readonly stage = new Stage(this.over.signal);
  private readonly notes = new Notes(byId("notes", HTMLUListElement));
  private readonly sounds = new Sounds(byId("sounds", HTMLElement));
  private readonly banner = byId("banner", HTMLElement);
  private readonly alone = byId("alone", HTMLElement);
  private readonly unmuteSound = byId("unmute-sound", HTMLButtonElement);
  private readonly comings = new Comings();
  private readonly people: People;
  private readonly panels: Panels;
  private readonly conversation: Conversation;
  private readonly controls: Controls;
  private drawing: ReturnType<typeof setTimeout> | undefined;
  private greeting: ReturnType<typeof setTimeout> | undefined;
  private joined = false;
  private reconnects = 0;

  constructor(
    private readonly joining: Joining,
    private readonly observer: Observer,
  ) {
    const { signal } = this.over;
    this.room = new Room({
      adaptiveStream: true,
      dynacast: true,
      videoCaptureDefaults: { resolution: VideoPresets.h720.resolution, ...device(joining.camera) },
      audioCaptureDefaults: device(joining.microphone),
      dataStream: { maxPayloadByteLength: LARGEST_STREAM },
    });
    const say = (text: string): void => this.notes.say(text);
    const host = new Host(location.origin, joining.room, joining.token);
    this.people = new People(joining.grants.host ? new HostActions(host, say, signal) : null);
    this.conversation = new Conversation(this.room, () => this.panels.isOpen("chat"), say, signal);
    this.panels = new Panels(byId("meeting", HTMLElement), (name) => this.onOpen(name), signal);
    this.controls = new Controls(this.me, say, signal);
    new DeviceDialog(this.room, signal);
    this.unmuteSound.addEventListener("click", () => void this.room.startAudio(), { signal });
    byId("leave", HTMLButtonElement).addEventListener("click", () => void this.leave(), { signal });
    this.listen();
  }

  /** Joins and sends what was chosen. Null once in the call, else why not; then this object is done. */
  async join(): Promise<Refusal | null> {
    try {
      await this.room.connect(location.origin, this.joining.token);
    } catch (error) {
      this.end();
      return refusal(error);
    }
    this.joined = true;
    // The SDK says "connected" before this returns; whoever was there already makes no event.
    this.onConnection(this.room.state);
    this.draw();
    void this.introduce();
    if (this.joining.microphone.on) void this.controls.set("microphone", true);
    if (this.joining.camera.on) void this.controls.set("camera", true);
    return null;
  }

  async leave(): Promise<void> {
    await this.room.disconnect();
  }

  get figures(): CallFigures {
    const participants = this.everybody.map((participant) => {
      const { identity, name, local, muted, cameraOff, quality, speaking } = personOf(participant);
      const [camera, screen] = facesOf(participant);
      const picture = this.stage.figures(camera?.key ?? "") ?? { framesShown: 0, width: 0, height: 0 };
      return { identity, name, local, muted, cameraOff, quality, speaking, sharing: screen !== undefined, ...picture };
    });
    return { participants, messages: this.conversation.count, reconnects: this.reconnects };
  }

  private get me(): LocalParticipant {
    return this.room.localParticipant;
  }

  private get everybody(): Participant[] {
    return [this.me, ...this.room.remoteParticipants.values()];
  }

  private listen(): void {
    const { room } = this;
    for (const event of SEEN) room.on(event, () => this.drawSoon());
    room.on(RoomEvent.ConnectionStateChanged, (state) => this.onConnection(state));
    room.on(RoomEvent.Reconnected, () => {
      this.reconnects++;
      this.notes.say("Reconnected");
    });
    room.on(RoomEvent.Disconnected, (reason) => this.onDisconnected(reason));
    room.on(RoomEvent.TrackSubscribed, (track) => this.sounds.add(track));
    room.on(RoomEvent.TrackUnsubscribed, (track) => this.sounds.remove(track));
    room.on(RoomEvent.TrackMuted, (publication, participant) => this.onMuted(publication, participant));
    room.on(RoomEvent.ParticipantConnected, (who) => this.onComing(who, "join"));
    room.on(RoomEvent.ParticipantDisconnected, (who) => this.onComing(who, "leave"));
    room.on(RoomEvent.AudioPlaybackStatusChanged, () => {
      this.unmuteSound.hidden = room.canPlaybackAudio;
    });
  }

  private onOpen(name: PanelName): void {
    if (name === "chat") this.conversation.read();
  }

  private onConnection(state: ConnectionState): void {
    const reconnecting = STATES[state] === "reconnecting";
    this.banner.hidden = !reconnecting;
    this.banner.textContent = reconnecting ? "The connection was interrupted. Reconnecting…" : "";
    // While joining, and once over, `join` and `onEnded` say it.
    if (this.joined && STATES[state] !== "idle") this.observer.onState(STATES[state]);
  }

  private onDisconnected(reason: DisconnectReason | undefined): void {
    if (!this.joined) return;
    this.joined = false;
    this.end();
    this.observer.onEnded(endingWords(reason === undefined ? undefined : DisconnectReason[reason]));
  }

  private onMuted({ kind, source }: TrackPublication, participant: Participant): void {
    if (!participant.isLocal || this.controls.busy) return;
    const what = source === "screen_share" ? "shared screen" : kind === "audio" ? "microphone" : "camera";
    this.notes.say(`Your ${what} was turned off.`);
  }

  private onComing({ identity, name }: RemoteParticipant, what: "join" | "leave"): void {
    this.comings[what](identity, displayName(name, identity));
    this.greeting ??= setTimeout(() => {
      this.greeting = undefined;
      for (const words of this.comings.take()) this.notes.say(words);
    }, COMINGS_MS);
  }

  private drawSoon(): void {
    this.drawing ??= setTimeout(() => this.draw(), DRAW_MS);
  }

  private draw(): void {
    clearTimeout(this.drawing);
    this.drawing = undefined;
    if (this.over.signal.aborted) return;
    const { everybody } = this;
    this.stage.show(everybody.flatMap((participant) => facesOf<Track>(participant)));
    this.people.show(everybody.map(personOf));
    this.controls.show();
    this.conversation.draw();
    this.alone.hidden = everybody.length > 1;
  }

  private async introduce(): Promise<void> {
    const { name, grants } = this.joining;
    if (!grants.naming || name === "" || name === this.me.name) return;
    await this.me.setName(name).catch(() => this.notes.say("Your name could not be set."));
  }

  private end(): void {
    this.over.abort();
    clearTimeout(this.drawing);
    clearTimeout(this.greeting);
    this.stage.show([]);
    this.people.show([]);
    this.notes.clear();
    this.banner.hidden = this.unmuteSound.hidden = this.alone.hidden = true;
  }
}

function device({ deviceId }: Choice): { deviceId?: ConstrainDOMString } {
  return deviceId === null ? {} : { deviceId };
}

function refusal(error: unknown): Refusal {
  if (!(error instanceof ConnectionError)) return refusalWords(undefined, undefined);
  return refusalWords(ConnectionErrorReason[error.reason], error.status);
}
