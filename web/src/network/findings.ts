/** What the network check finds, as plain values. */

export type Leg =
  | "server"
  | "stun"
  | "nat"
  | "direct udp"
  | "direct tcp"
  | "relay udp"
  | "relay tcp"
  | "relay tls";

/** How a leg fails, or why it was not tried. */
export type Fault =
  /** Nothing came back. */
  | "silence"
  /** It was reached, and said no. */
  | "refused"
  /** The relay was reached, and the media behind it was not. */
  | "not-through"
  /** The server names no such way. */
  | "not-offered"
  /** The browser does not tell. */
  | "untold";

export interface Finding {
  readonly leg: Leg;
  readonly status: "ok" | "failed" | "skipped";
  /** What was seen. */
  readonly detail: string;
  readonly fault?: Fault;
  /** Milliseconds until it could be used. */
  readonly setupMs?: number;
  readonly roundTripMs?: number;
  /** Host and port it is about. */
  readonly where?: string;
}

const MEDIA_LEGS: ReadonlySet<Leg> = new Set(["direct udp", "direct tcp", "relay udp", "relay tcp", "relay tls"]);

/** The ways that media can take, of those found. */
export function waysThrough(findings: readonly Finding[]): Leg[] {
  return findings.filter(({ leg, status }) => status === "ok" && MEDIA_LEGS.has(leg)).map(({ leg }) => leg);
}
