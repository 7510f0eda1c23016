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
  | "not-offered";


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

/** The ways that media can take, the best first. */
export const MEDIA_LEGS: readonly Leg[] = ["direct udp", "direct tcp", "relay udp", "relay tcp", "relay tls"];

/** Those of them that work. */
export function waysThrough(findings: readonly Finding[]): Leg[] {
  return findings.filter(({ leg, status }) => status === "ok" && MEDIA_LEGS.includes(leg)).map(({ leg }) => leg);
}

/** A leg that there is not. */
export function notOffered(leg: Leg, detail: string): Finding {
  return { leg, status: "skipped", detail, fault: "not-offered" };
}
