/** Local candidates on their way to the server, a few requests at most: gathered for a moment, sent one at a time. */

import { pause } from "./backoff";
import { Refusal } from "./refusal";
import type { SessionResource } from "./resource";
import { buildFragment, type TrickledCandidate } from "./sdpfrag";

const GATHER_MS = 60;
const MAX_WAITING = 64;

export class Trickle {
  private waiting: TrickledCandidate[] = [];
  private offer: string | null = null;
  private sending = false;
  private refused = false;

  constructor(
    pc: RTCPeerConnection,
    private readonly resource: SessionResource,
    private readonly signal: AbortSignal,
  ) {
    pc.addEventListener("icecandidate", ({ candidate }) => {
      this.push({ candidate: candidate?.candidate ?? "", mid: candidate?.sdpMid ?? "" });
    });
  }

  /** Starts an ICE session: candidates from here on belong to `offer`. */
  begin(offer: string): void {
    this.offer = offer;
    this.waiting = [];
  }

  private push(candidate: TrickledCandidate): void {
    if (this.refused || this.waiting.length >= MAX_WAITING) return;
    this.waiting.push(candidate);
    if (!this.sending) void this.send();
  }

  private async send(): Promise<void> {
    this.sending = true;
    while (this.waiting.length > 0 && this.offer !== null && !this.refused && !this.signal.aborted) {
      await pause(GATHER_MS, this.signal);
      const batch = this.waiting.splice(0);
      try {
        await this.resource.trickle(buildFragment(this.offer, batch), this.signal);
      } catch (error) {
        // Our candidates are a courtesy: the server learns our address from the checks it receives. 412 means that a
        // restart overtook this batch; anything else final means that trickling is not supported (RFC 9725 section 4.3).
        if (!(error instanceof Refusal)) throw error;
        if (error.kind !== "transient" && error.status !== 412) this.refused = true;
      }
    }
    this.sending = false;
  }
}
