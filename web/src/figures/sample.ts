/** Reading getStats reports: the few fields the figures need, with hostile or missing values taken as absent. */

/** A getStats report as plain values: what `RTCStatsReport.values()` yields. */
export type Entry = Readonly<Record<string, unknown>>;

export interface Sample {
  /** Milliseconds; any epoch, only differences count. */
  readonly atMs: number;
  readonly entries: readonly Entry[];
}

export function num(entry: Entry | undefined, key: string): number | null {
  const value = entry?.[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function text(entry: Entry | undefined, key: string): string | null {
  const value = entry?.[key];
  return typeof value === "string" && value !== "" ? value : null;
}

/** Entries of one type, of one kind when given. */
export function entriesOf(sample: Sample | null, type: string, kind?: "audio" | "video"): Entry[] {
  return (sample?.entries ?? []).filter(
    (entry) => entry["type"] === type && (kind === undefined || entry["kind"] === kind),
  );
}

export function byId(sample: Sample | null, id: unknown): Entry | undefined {
  return id === undefined ? undefined : sample?.entries.find((entry) => entry["id"] === id);
}

/** Growth of a counter between two samples; 0 for a new entry, never negative (a new session starts over). */
export function growth(before: Sample | null, entry: Entry, key: string): number {
  const earlier = num(byId(before, entry["id"]), key);
  return earlier === null ? 0 : Math.max(0, (num(entry, key) ?? 0) - earlier);
}

export function sum(entries: readonly Entry[], value: (entry: Entry) => number): number {
  return entries.reduce((total, entry) => total + value(entry), 0);
}

/** Kilobits per second for `bytes` between the two samples. */
export function kbps(before: Sample | null, after: Sample, bytes: number): number {
  const ms = before === null ? 0 : after.atMs - before.atMs;
  return ms <= 0 ? 0 : (bytes * 8) / ms;
}

/** `VP8` for the codec an RTP entry refers to. */
export function codecOf(sample: Sample, entry: Entry | undefined): string | null {
  return text(byId(sample, entry?.["codecId"]), "mimeType")?.split("/")[1] ?? null;
}

/** Round trip of the connectivity checks on the pair in use. */
export function pathRttMs(sample: Sample): number | null {
  const selected = entriesOf(sample, "transport").map((transport) => byId(sample, transport["selectedCandidatePairId"]));
  const pair = selected.find((entry) => entry !== undefined);
  const seconds = num(pair, "currentRoundTripTime");
  return seconds === null ? null : seconds * 1000;
}
