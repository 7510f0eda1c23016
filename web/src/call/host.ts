/** What the host of a room may do to others, by the LiveKit server API (Twirp, JSON) with the page's own token. */

/** The server said no; the message is for people. */
export class HostRefused extends Error {}

export class Host {
  /** `origin` of the server. */
  constructor(
    private readonly origin: string,
    private readonly room: string,
    private readonly token: string,
  ) {}

  /** Mutes one published track. Raises HostRefused. */
  mute(identity: string, trackSid: string): Promise<void> {
    return this.call("MutePublishedTrack", { identity, trackSid, muted: true });
  }

  /** Ends a participant's session. Raises HostRefused. */
  remove(identity: string): Promise<void> {
    return this.call("RemoveParticipant", { identity });
  }

  private async call(method: string, request: object): Promise<void> {
    const response = await fetch(`${this.origin}/twirp/livekit.RoomService/${method}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ room: this.room, ...request }),
    }).catch(() => null);
    if (response === null) throw new HostRefused("The server cannot be reached.");
    if (!response.ok) throw new HostRefused(await reason(response));
  }
}

/** The `msg` of a Twirp error, else words for the status. */
async function reason(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && "msg" in body && typeof body.msg === "string" && body.msg !== "") {
    return body.msg.slice(0, 200);
  }
  return response.status === 404 ? "They are no longer here." : `The server refused (${response.status}).`;
}
