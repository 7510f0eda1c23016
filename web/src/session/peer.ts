/** Waiting for a peer connection to change. Every wait ends: by the state, by its deadline, or by the signal. */

import { pause } from "./backoff";

/** A connection that is shaken for less than this mends itself. */
const GRACE_MS = 800;

/** Resolves true once `ready` holds, false at the deadline or on abort; looks again whenever the connection changes. */
function until(pc: RTCPeerConnection, ready: () => boolean, signal: AbortSignal, timeoutMs?: number): Promise<boolean> {
  return new Promise((resolve) => {
    const dtls = transportsOf(pc);
    const settle = (value: boolean): void => {
      clearTimeout(timer);
      pc.removeEventListener("connectionstatechange", look);
      for (const transport of dtls) transport.removeEventListener("statechange", look);
      signal.removeEventListener("abort", give);
      resolve(value);
    };
    const look = (): void => {
      if (ready()) settle(true);
    };
    const give = (): void => settle(false);
    const timer = timeoutMs === undefined ? undefined : setTimeout(give, timeoutMs);
    pc.addEventListener("connectionstatechange", look);
    for (const transport of dtls) transport.addEventListener("statechange", look);
    signal.addEventListener("abort", give);
    if (signal.aborted) give();
    else look();
  });
}

function transportsOf(pc: RTCPeerConnection): Set<RTCDtlsTransport> {
  return new Set(pc.getSenders().flatMap(({ transport }) => (transport === null ? [] : [transport])));
}

/** The other side closed DTLS, or DTLS failed: no ICE restart mends that. */
function dtlsEnded(pc: RTCPeerConnection): boolean {
  return [...transportsOf(pc)].some(({ state }) => state === "closed" || state === "failed");
}

/** True when the connection is up within `timeoutMs`; false as soon as it cannot be. */
export async function connected(pc: RTCPeerConnection, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const decided = (): boolean => pc.connectionState === "connected" || pc.connectionState === "closed" || dtlsEnded(pc);
  await until(pc, decided, signal, timeoutMs);
  return pc.connectionState === "connected";
}

/** Resolves when a connected connection is in trouble: `path` may be mended by an ICE restart, `end` may not. */
export async function trouble(pc: RTCPeerConnection, signal: AbortSignal): Promise<"path" | "end"> {
  while (!signal.aborted) {
    await until(pc, () => pc.connectionState !== "connected" || dtlsEnded(pc), signal);
    if (dtlsEnded(pc) || pc.connectionState === "closed") return "end";
    if (pc.connectionState === "disconnected") await pause(GRACE_MS, signal);
    if (pc.connectionState !== "connected") return "path";
  }
  return "end";
}
