/** The whole check, one leg after the other: they share one room, in which there is one session of ours at a time. */

import { noAnswer, Refusal, refusalOf } from "../session/refusal";
import type { Access } from "../session/resource";
import { direct, relayed } from "./attempt";
import { type Finding, type Leg, notOffered } from "./findings";
import { gather } from "./gather";
import { mappingOf, reflexiveOf } from "./reflexive";
import { stunServers, type Transport } from "./servers";

export interface Check {
  /** The ways in the order they are tried; each is announced before it is. */
  onBegin(leg: Leg): void;
  onFinding(finding: Finding): void;
}

const REQUEST_MS = 10_000;
const TRANSPORTS: readonly Transport[] = ["udp", "tcp", "tls"];

/** Runs the check. `room` is one that nobody else uses. */
export async function runCheck(access: Access, room: string, check: Check, signal: AbortSignal): Promise<void> {
  check.onBegin("server");
  const began = performance.now();
  let servers: RTCIceServer[];
  try {
    servers = await iceServers(access, room, signal);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const fault = error.kind === "transient" ? "silence" : "refused";
    return check.onFinding({ leg: "server", status: "failed", detail: error.message, fault });
  }
  const roundTripMs = performance.now() - began;
  check.onFinding({ leg: "server", status: "ok", detail: "It named its STUN and TURN servers.", roundTripMs });
  await reflexive(servers, check, signal);
  for (const protocol of ["udp", "tcp"] as const) {
    if (signal.aborted) return;
    check.onBegin(`direct ${protocol}`);
    check.onFinding(await direct(access, protocol, signal));
  }
  for (const transport of TRANSPORTS) {
    if (signal.aborted) return;
    check.onBegin(`relay ${transport}`);
    check.onFinding(await relayed(access, transport, signal));
  }
}

async function iceServers(access: Access, room: string, signal: AbortSignal): Promise<RTCIceServer[]> {
  const response = await fetch(`/v1/ice-servers?room=${encodeURIComponent(room)}`, {
    cache: "no-store",
    headers: { Authorization: `Bearer ${access.token}` },
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
  }).catch(() => Promise.reject(noAnswer()));
  if (!response.ok) throw await refusalOf(response, Date.now());
  const body = (await response.json().catch(() => Promise.reject(noAnswer()))) as { iceServers?: RTCIceServer[] };
  return Array.isArray(body.iceServers) ? body.iceServers : [];
}

/** Our public address, and how the NAT before it behaves. */
async function reflexive(servers: readonly RTCIceServer[], check: Check, signal: AbortSignal): Promise<void> {
  check.onBegin("stun");
  const stun = stunServers(servers);
  const [where] = stun;
  if (where === undefined) return check.onFinding(notOffered("stun", "The server names none."));
  const { candidates, errors, reflexiveMs } = await gather([{ urls: stun.map((address) => `stun:${address}`) }], signal);
  const seen = reflexiveOf(candidates);
  const addresses = seen.map(({ address, port }) => `${address}, port ${port}`).join("; ");
  if (seen.length > 0) {
    const roundTripMs = reflexiveMs ?? undefined;
    check.onFinding({ leg: "stun", status: "ok", detail: `Seen as ${addresses}.`, where, ...(roundTripMs === undefined ? {} : { roundTripMs }) });
  } else if (errors.length >= stun.length) {
    check.onFinding({ leg: "stun", status: "failed", detail: "No answer.", fault: "silence", where });
  } else {
    check.onFinding({ leg: "stun", status: "ok", detail: "No NAT in between, as far as the browser tells.", where });
  }
  const answering = stun.filter((address) => !errors.some(({ url }) => url.includes(address)));
  const mapping = mappingOf(seen, answering);
  check.onFinding(
    mapping === null
      ? notOffered("nat", "Cannot be told: that takes two addresses of the server, and a NAT.")
      : { leg: "nat", status: "ok", detail: `It gives ${mapping}, by what two servers see.` },
  );
}
