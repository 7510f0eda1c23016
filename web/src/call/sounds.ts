/** What is to be heard: one audio element per track, none of them seen. */

import type { RemoteTrack } from "livekit-client";

export class Sounds {
  constructor(private readonly place: HTMLElement) {
    place.replaceChildren();
  }

  add(track: RemoteTrack): void {
    if (track.kind === "audio") this.place.append(track.attach());
  }

  remove(track: RemoteTrack): void {
    if (track.kind === "audio") for (const gone of track.detach()) gone.remove();
  }
}
