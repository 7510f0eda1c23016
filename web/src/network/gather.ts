/** Candidates of this browser, as far as they come in a while. */

const GATHER_MS = 6_000;

export interface Gathered {
  readonly candidates: readonly RTCIceCandidate[];
  /** What the browser says of servers that failed: the URL, and STUN's error code or 701 for no answer. */
  readonly errors: readonly { readonly url: string; readonly code: number; readonly text: string }[];
  /** Milliseconds until the first reflexive one. */
  readonly reflexiveMs: number | null;
}

/** Asks all these servers from one set of sockets. */
export async function gather(iceServers: RTCIceServer[], signal: AbortSignal): Promise<Gathered> {
  const pc = new RTCPeerConnection({ iceServers });
  const candidates: RTCIceCandidate[] = [];
  const errors: { url: string; code: number; text: string }[] = [];
  let reflexiveMs: number | null = null;
  try {
    pc.createDataChannel("");
    const began = performance.now();
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate === null || candidate.candidate === "") return;
      candidates.push(candidate);
      if (candidate.type === "srflx") reflexiveMs ??= performance.now() - began;
    });
    pc.addEventListener("icecandidateerror", (error) =>
      errors.push({ url: error.url ?? "", code: error.errorCode, text: error.errorText }),
    );
    await pc.setLocalDescription();
    await gathered(pc, GATHER_MS, signal);
    return { candidates, errors, reflexiveMs };
  } finally {
    pc.close();
  }
}

/** Resolves when there will be no more candidates, at the deadline, or on abort. */
export function gathered(pc: RTCPeerConnection, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      pc.removeEventListener("icegatheringstatechange", look);
      signal.removeEventListener("abort", settle);
      resolve();
    };
    const look = (): void => {
      if (pc.iceGatheringState === "complete" || pc.signalingState === "closed") settle();
    };
    const timer = setTimeout(settle, timeoutMs);
    pc.addEventListener("icegatheringstatechange", look);
    signal.addEventListener("abort", settle);
    if (signal.aborted) settle();
    else look();
  });
}
