/** One way to the server, tried for real: a WHIP session that takes no other, up to the end of its DTLS handshake. */

import { pause } from "../session/backoff";
import { connected } from "../session/peer";
import { Refusal } from "../session/refusal";
import { type Access, openSession, type Opened } from "../session/resource";
import { candidateAddresses, onlyCandidates } from "./answer";
import { type Finding, type Leg, notOffered } from "./findings";
import { gathered } from "./gather";
import { relays, type Transport } from "./servers";

const MAX_BUNDLE: RTCConfiguration = { bundlePolicy: "max-bundle" };
const CONNECT_MS = 7_000;
const LOOK_MS = 100;
const LOOKS = 8;
/** TURN's own refusals; 701 is the browser's word for no answer (W3C WebRTC section 4.8.3). */
const NO_ANSWER = 701;

/** Straight to the server's candidates of one protocol. */
export function direct(access: Access, protocol: "udp" | "tcp", signal: AbortSignal): Promise<Finding> {
  const leg: Leg = `direct ${protocol}`;
  return attempt(access, leg, signal, async (begun) => {
    const [where] = candidateAddresses(begun.answer, protocol);
    if (where === undefined) return notOffered(leg, "The server has no such candidate.");
    const answer = onlyCandidates(begun.answer, protocol);
    return (await settle({ ...begun, answer }, leg, where)) ?? silent(leg, where);
  });
}

/** By an allocation at a relay of one transport, and nothing else. */
export function relayed(access: Access, transport: Transport, signal: AbortSignal): Promise<Finding> {
  const leg: Leg = `relay ${transport}`;
  return attempt(access, leg, signal, async (begun) => {
    // The session's own credential: it is good for as long as the session is.
    const relay = relays(begun.iceServers).find((each) => each.transport === transport);
    if (relay === undefined) return notOffered(leg, "The server names no such relay.");
    const { where } = relay;
    begun.pc.setConfiguration({ ...MAX_BUNDLE, iceServers: [relay.server], iceTransportPolicy: "relay" });
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
  readonly iceServers: readonly RTCIceServer[];
  readonly errors: readonly RTCPeerConnectionIceErrorEvent[];
  readonly signal: AbortSignal;
}

async function attempt(
  access: Access,
  leg: Leg,
  signal: AbortSignal,
  run: (connection: Begun) => Promise<Finding>,
): Promise<Finding> {
  const pc = new RTCPeerConnection(MAX_BUNDLE);
  const errors: RTCPeerConnectionIceErrorEvent[] = [];
  pc.addEventListener("icecandidateerror", (error) => errors.push(error));
  let opened: Opened | null = null;
  try {
    pc.addTransceiver("audio", { direction: "sendonly" });
    const offer = await pc.createOffer();
    opened = await openSession(access, offer.sdp ?? "", signal);
    return await run({ pc, offer, answer: opened.sdp, iceServers: opened.iceServers, errors, signal });
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
  const roundTripMs = await roundTrip(pc, signal);
  return { leg, status: "ok", detail: "Connected.", where, setupMs, ...(roundTripMs === null ? {} : { roundTripMs }) };
}

const silent = (leg: Leg, where: string): Finding => ({
  leg,
  status: "failed",
  detail: "No answer.",
  fault: "silence",
  where,
});

/** That of a check on the path in use, and rather not of the first, which waited for both sides to be ready. */
async function roundTrip(pc: RTCPeerConnection, signal: AbortSignal): Promise<number | null> {
  let seconds: number | null = null;
  for (let look = 0; look < LOOKS && !signal.aborted; look++) {
    const stats = [...(await pc.getStats()).values()] as RTCStats[];
    const transport = stats.find(({ type }) => type === "transport") as RTCTransportStats | undefined;
    const pairs = stats.filter(({ type }) => type === "candidate-pair") as (RTCIceCandidatePairStats & RTCStats)[];
    const used = pairs.find(({ id, nominated }) => id === transport?.selectedCandidatePairId || nominated === true);
    seconds = used?.currentRoundTripTime ?? seconds;
    if ((used?.responsesReceived ?? 0) > 1) break;
    await pause(LOOK_MS, signal);
  }
  return seconds === null ? null : seconds * 1e3;
}
