/** How fast totals grow: the difference of two readings some seconds apart. */

export type Totals = Readonly<Record<string, number>>;

export interface Growth {
  readonly seconds: number;
  /** 0 for a total that only one of the readings has. */
  readonly of: (name: string) => number;
}

/**
 * The data path refreshes its counters once a second, each worker at its own time. Over one second a rate would jump
 * between nothing and twice the truth; over five it is off by a fifth at most.
 */
const SPAN_SECONDS = 5;
const MAX_READINGS = 16;

export class Window {
  private readings: { readonly at: number; readonly totals: Totals }[] = [];

  /**
   * `at`: seconds, on any clock that only goes forward. Null for the first reading, and for the first of a server that
   * began again, whose clock or totals went back.
   */
  add(at: number, totals: Totals): Growth | null {
    const last = this.readings.at(-1);
    if (last !== undefined && (at <= last.at || shrank(last.totals, totals))) this.readings = [];
    this.readings.push({ at, totals });
    while (this.readings.length > MAX_READINGS || (this.readings[1]?.at ?? Infinity) <= at - SPAN_SECONDS) this.readings.shift();
    const first = this.readings[0];
    if (first === undefined || first.at === at) return null;
    return { seconds: at - first.at, of: (name) => (totals[name] ?? 0) - (first.totals[name] ?? totals[name] ?? 0) };
  }
}

function shrank(before: Totals, after: Totals): boolean {
  return Object.entries(before).some(([name, value]) => (after[name] ?? value) < value);
}
