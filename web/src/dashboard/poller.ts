/** Asking again and again: once a second, less often while the server does not answer, not at all while nobody looks. */

import { backoffMs, pause } from "../session/backoff";
import { Refusal } from "../session/refusal";

const PERIOD_MS = 1000;
/** Between the end of a slow round and the next. */
const LEAST_PAUSE_MS = 250;

export interface PollerEvents {
  /** One round of questions. Raises Refusal: a transient one is waited out, any other ends the polling. */
  readonly ask: (signal: AbortSignal) => Promise<void>;
  /** The server did not answer; the next attempt follows by itself. */
  readonly onTrouble: (refusal: Refusal) => void;
  /** It cannot go on without another token. */
  readonly onEnd: (refusal: Refusal) => void;
}

export class Poller {
  private running: AbortController | null = null;
  private resting: AbortController | null = null;
  private pressed = false;

  constructor(
    private readonly events: PollerEvents,
    private readonly page: Pick<Document, "hidden" | "addEventListener"> = document,
  ) {
    // Coming back into view is worth an answer at once.
    page.addEventListener("visibilitychange", () => {
      if (!page.hidden) this.hurry();
    });
  }

  /** Begin, or begin again. */
  start(): void {
    this.stop();
    this.running = new AbortController();
    void this.run(this.running.signal);
  }

  stop(): void {
    this.running?.abort();
    this.running = null;
  }

  /** Ask now rather than when it is due. */
  hurry(): void {
    this.pressed = true;
    this.resting?.abort();
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const began = performance.now();
      this.pressed = false;
      let wait = PERIOD_MS;
      try {
        if (!this.page.hidden) await this.events.ask(signal);
        failures = 0;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (signal.aborted) return;
        if (error.kind !== "transient") return this.end(error);
        wait = error.retryMs ?? Math.max(PERIOD_MS, backoffMs(failures++, Math.random));
        this.events.onTrouble(error);
      }
      await this.rest(Math.max(LEAST_PAUSE_MS, wait - (performance.now() - began)), signal);
    }
  }

  private end(refusal: Refusal): void {
    this.stop();
    this.events.onEnd(refusal);
  }

  private async rest(ms: number, signal: AbortSignal): Promise<void> {
    // Whoever is in a hurry meant what was asked before they were.
    if (this.pressed) return;
    this.resting = new AbortController();
    await pause(ms, AbortSignal.any([signal, this.resting.signal]));
  }
}
