/** One way to the server, tried for real: a WHIP session that takes no other, up to the end of its DTLS handshake. */

import { connected } from "../session/peer";
import { Refusal } from "../session/refusal";
import { type Access, openSession, type Opened } from "../session/resource";
import { candidateAddresses, onlyCandidates } from "./answer";
import type { Finding, Leg } from "./findings";
import { gathered } from "./gather";
import type { Relay } from "./servers";

const CONNECT_MS = 7_000;
/** TURN's own refusals; 701 is the browser's word for no answer (W3C WebRTC section 4.8.3). */
const NO_ANSWER = 701;

/** Straight to the server's candidates of one protocol. */
export function direct(access: Access, protocol: "udp" | "tcp", signal: AbortSignal): Promise<Finding> {
  const leg: Leg = `direct ${protocol}`;
  return attempt(access, leg, {}, signal, async (begun) => {
    const [where] = candidateAddresses(begun.answer, protocol);
    if (where === undefined) {
      return { leg, status: "skipped", detail: "The server has no such candidate.", fault: "not-offered" };
    }
    const answer = onlyCandidates(begun.answer, protocol);
    return (await settle({ ...begun, answer }, leg, where)) ?? silent(leg, where);
  });
}

/** By an allocation at a relay, and nothing else. */
export function relayed(access: Access, { transport, server, where }: Relay, signal: AbortSignal): Promise<Finding> {
  const leg: Leg = `relay ${transport}`;
  const configuration: RTCConfiguration = { iceServers: [server], iceTransportPolicy: "relay" };
  return attempt(access, leg, configuration, signal, async (begun) => {
    let allocated = false;
    begun.pc.addEventListener("icecandidate", ({ candidate }) => {
      allocated ||= candidate?.type === "relay";
    });
    const found = await settle(begun, leg, where, () => allocated);
    if (found !== null) return found;
    if (allocated) {
      return { leg, status: "failed", detail: "Allocated, but nothing came through.", fault: "not-through", where };
    }
    const refusal = begun.errors.find(({ errorCode }) => errorCode !== NO_ANSWER);
    if (refusal === undefined) return silent(leg, where);
    const detail = `The relay refused: ${refusal.errorCode} ${refusal.errorText}`.trim();
    return { leg, status: "failed", detail, fault: "refused", where };
  });
}

/** An offer the server has answered; nothing is applied yet. */
interface Begun {
  readonly pc: RTCPeerConnection;
  readonly offer: RTCSessionDescriptionInit;
  readonly answer: string;
  readonly errors: readonly RTCPeerConnectionIceErrorEvent[];
  readonly signal: AbortSignal;
}

async function attempt(
  access: Access,
  leg: Leg,
  configuration: RTCConfiguration,
  signal: AbortSignal,
  run: (connection: Begun) => Promise<Finding>,
): Promise<Finding> {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...configuration });
  const errors: RTCPeerConnectionIceErrorEvent[] = [];
  pc.addEventListener("icecandidateerror", (error) => errors.push(error));
  let opened: Opened | null = null;
  try {
    pc.addTransceiver("audio", { direction: "sendonly" });
    const offer = await pc.createOffer();
    opened = await openSession(access, offer.sdp ?? "", signal);
    return await run({ pc, offer, answer: opened.sdp, errors, signal });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { leg, status: "failed", detail: error.message, fault: "refused" };
  } finally {
    pc.close();
    void opened?.resource.delete();
  }
}

/** Null if no connection came about. `possible`: whether one still may once all candidates are gathered. */
async function settle(
  { pc, offer, answer, signal }: Begun,
  leg: Leg,
  where: string,
  possible: () => boolean = () => true,
): Promise<Finding | null> {
  const began = performance.now();
  await pc.setLocalDescription(offer);
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  const hopeless = new AbortController();
  void gathered(pc, CONNECT_MS, signal).then(() => {
    if (!possible()) hopeless.abort();
  });
  if (!(await connected(pc, CONNECT_MS, AbortSignal.any([signal, hopeless.signal])))) return null;
  const setupMs = performance.now() - began;
  const roundTripMs = await roundTrip(pc);
  return { leg, status: "ok", detail: "Connected.", where, setupMs, ...(roundTripMs === null ? {} : { roundTripMs }) };
}

const silent = (leg: Leg, where: string): Finding => ({
  leg,
  status: "failed",
  detail: "No answer.",
  fault: "silence",
  where,
});

/** That of the last ICE check on the path in use. */
async function roundTrip(pc: RTCPeerConnection): Promise<number | null> {
  const stats = await pc.getStats();
  for (const entry of stats.values()) {
    if (entry.type !== "candidate-pair") continue;
    const { nominated, state, currentRoundTripTime } = entry as RTCIceCandidatePairStats;
    if (nominated === true && state === "succeeded" && currentRoundTripTime !== undefined) {
      return currentRoundTripTime * 1e3;
    }
  }
  return null;
}
