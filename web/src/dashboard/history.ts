/** The last ten minutes of something, row by row, with gaps where nothing was known. */

export const HISTORY_SECONDS = 600;
/** Once a second and a little more; beyond, the oldest go. */
const MAX_ROWS = 660;
/** Seconds without a row after which the line is broken: the page was hidden, or the server gone. */
const GAP_SECONDS = 4;
/** Participants whose past is kept; beyond, those go that were shown longest ago. */
const MAX_HISTORIES = 256;

interface Kept<Row> {
  readonly at: number;
  readonly row: Row | null;
}

export class History<Row> {
  private kept: Kept<Row>[] = [];

  /** `at`: seconds; rows come in order, one of the same moment or an earlier is dropped. */
  add(at: number, row: Row): void {
    const last = this.kept.at(-1);
    if (last !== undefined && at <= last.at) return;
    if (last !== undefined && last.row !== null && at - last.at > GAP_SECONDS) this.kept.push({ at: (last.at + at) / 2, row: null });
    this.kept.push({ at, row });
    const old = this.kept.findIndex((kept) => kept.at > at - HISTORY_SECONDS);
    const drop = Math.max(old, this.kept.length - MAX_ROWS);
    if (drop > 0) this.kept.splice(0, drop);
  }

  get length(): number {
    return this.kept.length;
  }

  get latest(): Row | null {
    return this.kept.at(-1)?.row ?? null;
  }

  /** Null in a gap, and where there is no such row. */
  row(index: number): Row | null {
    return this.kept[index]?.row ?? null;
  }

  times(): number[] {
    return this.kept.map(({ at }) => at);
  }

  values(read: (row: Row) => number | null): (number | null)[] {
    return this.kept.map(({ row }) => (row === null ? null : read(row)));
  }
}

/** Things by key, at most MAX_HISTORIES of them; whoever was touched last stays longest. */
export class Recent<Value> {
  private readonly values = new Map<string, Value>();

  constructor(
    private readonly make: () => Value,
    private readonly limit = MAX_HISTORIES,
  ) {}

  peek(key: string): Value | null {
    return this.values.get(key) ?? null;
  }

  /** The key's, made if need be. A new one takes the place of another only if `insist`; else null when all are taken. */
  touch(key: string, insist: boolean): Value | null {
    const known = this.values.get(key);
    if (known === undefined && this.values.size >= this.limit && !insist) return null;
    const value = known ?? this.make();
    if (insist || known === undefined) {
      this.values.delete(key);
      this.values.set(key, value);
    }
    const [oldest] = this.values.keys();
    if (this.values.size > this.limit && oldest !== undefined) this.values.delete(oldest);
    return value;
  }

  /** Forget all whose key is not among these. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of [...this.values.keys()]) if (!keys.has(key)) this.values.delete(key);
  }
}
