/** Who and what is to be seen of a room: plain values, read off the participants as livekit-client has them. */

import { displayName } from "./names";

export const QUALITIES = ["unknown", "lost", "poor", "good", "excellent"] as const;
export type Quality = (typeof QUALITIES)[number];

/** What is needed of livekit-client's TrackPublication. */
export interface Publication<Track> {
  readonly trackSid: string;
  readonly kind: string;
  readonly source: string;
  readonly isMuted: boolean;
  readonly track?: Track | undefined;
}

/** What is needed of livekit-client's Participant. */
export interface Participant<Track> {
  readonly identity: string;
  readonly name?: string | undefined;
  readonly isLocal: boolean;
  readonly isSpeaking: boolean;
  readonly lastSpokeAt?: Date | undefined;
  readonly connectionQuality: string;
  getTrackPublications(): readonly Publication<Track>[];
}

export interface Person {
  readonly identity: string;
  readonly name: string;
  readonly local: boolean;
  readonly speaking: boolean;
  /** Milliseconds since the epoch; 0 for never. */
  readonly lastSpokeMs: number;
  readonly quality: Quality;
  /** True without a microphone, too. */
  readonly muted: boolean;
  /** True without a camera, too. */
  readonly cameraOff: boolean;
  /** Tracks that are not muted: what a host can mute. */
  readonly audible: readonly string[];
  readonly visible: readonly string[];
}

/** One tile: a participant's camera, or a shared screen. */
export interface Face<Track> {
  readonly key: string;
  readonly person: Person;
  readonly screen: boolean;
  /** Null when there is nothing to show: no camera, a muted one, or one not received yet. */
  readonly video: Track | null;
}

const SCREEN = "screen_share";
const SCREEN_SOUND = "screen_share_audio";

export function personOf(participant: Participant<unknown>): Person {
  const live = participant.getTrackPublications().filter(({ isMuted }) => !isMuted);
  const audio = live.filter(({ kind }) => kind === "audio");
  const video = live.filter(({ kind }) => kind === "video");
  return {
    identity: participant.identity,
    name: displayName(participant.name, participant.identity),
    local: participant.isLocal,
    speaking: participant.isSpeaking,
    lastSpokeMs: participant.lastSpokeAt?.getTime() ?? 0,
    quality: QUALITIES.find((known) => known === participant.connectionQuality) ?? "unknown",
    muted: !audio.some(({ source }) => source !== SCREEN_SOUND),
    cameraOff: !video.some(({ source }) => source !== SCREEN),
    audible: audio.map(({ trackSid }) => trackSid),
    visible: video.map(({ trackSid }) => trackSid),
  };
}

/** The tiles of one participant: always one for the camera, and one for a shared screen while there is one. */
export function facesOf<Track>(participant: Participant<Track>): Face<Track>[] {
  const person = personOf(participant);
  const video = participant.getTrackPublications().filter(({ kind }) => kind === "video");
  // Whoever publishes without saying what (WHIP does) is taken to show a camera.
  const camera = video.find(({ source }) => source === "camera") ?? video.find(({ source }) => source !== SCREEN);
  const screen = video.find(({ source }) => source === SCREEN);
  const shown = (publication: Publication<Track> | undefined): Track | null =>
    publication === undefined || publication.isMuted ? null : (publication.track ?? null);
  const faces = [{ key: faceKey(person.identity, false), person, screen: false, video: shown(camera) }];
  if (screen !== undefined) {
    faces.push({ key: faceKey(person.identity, true), person, screen: true, video: shown(screen) });
  }
  return faces;
}

export function faceKey(identity: string, screen: boolean): string {
  return `${screen ? "screen" : "camera"} ${identity}`;
}

/**
 * Which tile is large: the one somebody chose here, else the newest of the screens that others share. One's own screen
 * is on the screen anyway.
 */
export function focusOf(faces: readonly Face<unknown>[], chosen: string | null): string | null {
  if (chosen !== null && faces.some(({ key }) => key === chosen)) return chosen;
  return faces.findLast(({ screen, person }) => screen && !person.local)?.key ?? null;
}
