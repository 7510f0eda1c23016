/** Takes figures from the current connection once a second. */

import type { Entry, Sample } from "./sample";

const PERIOD_MS = 1000;

export class Meter<Figures> {
  private before: Sample | null = null;
  private measured: RTCPeerConnection | null = null;

  constructor(
    private readonly connection: () => RTCPeerConnection | null,
    private readonly compute: (before: Sample | null, after: Sample) => Figures,
    private readonly onFigures: (figures: Figures) => void,
  ) {
    setInterval(() => void this.measure(), PERIOD_MS);
  }

  private async measure(): Promise<void> {
    const pc = this.connection();
    // A new connection counts from zero.
    if (pc !== this.measured) this.before = null;
    this.measured = pc;
    if (pc === null || pc.connectionState !== "connected") return;
    const entries: Entry[] = [];
    (await pc.getStats()).forEach((entry: Entry) => entries.push(entry));
    if (pc !== this.measured) return;
    const after = { atMs: performance.now(), entries };
    this.onFigures(this.compute(this.before, after));
    this.before = after;
  }
}
