/** The findings as rows of a table. */

import { element } from "../ui/dom";
import { advice } from "./advice";
import type { Finding, Leg } from "./findings";

const NAMES: Readonly<Record<Leg, string>> = {
  server: "Server",
  stun: "Public address",
  nat: "Kind of NAT",
  "direct udp": "Direct, UDP",
  "direct tcp": "Direct, TCP",
  "relay udp": "Relayed, UDP",
  "relay tcp": "Relayed, TCP",
  "relay tls": "Relayed, TLS",
};
const RESULTS: Readonly<Record<Finding["status"], string>> = { ok: "Works", failed: "Fails", skipped: "Not tried" };

export class FindingsTable {
  private readonly rows = new Map<Leg, HTMLTableRowElement>();

  constructor(private readonly body: HTMLTableSectionElement) {}

  clear(): void {
    this.rows.clear();
    this.body.replaceChildren();
  }

  begin(leg: Leg): void {
    this.fill(leg, "running", "Trying …", "", "", [""]);
  }

  show(finding: Finding): void {
    const { leg, status, detail, where, setupMs, roundTripMs } = finding;
    const seen: (Node | string)[] = [detail];
    if (where !== undefined) seen.push(" ", element("code", { className: "where" }, where));
    const remedy = advice(finding);
    if (remedy !== null) seen.push(element("p", { className: "remedy" }, remedy));
    this.fill(leg, status, RESULTS[status], millis(setupMs), millis(roundTripMs), seen);
  }

  private fill(leg: Leg, status: string, result: string, setup: string, trip: string, seen: (Node | string)[]): void {
    const name = element("th", { scope: "row" }, NAMES[leg]);
    const cells = [result, setup, trip].map((text) => element("td", {}, text));
    const last = element("td", {}, ...seen);
    ["Result", "Set up", "Round trip", "What was seen"].forEach((label, index) => {
      const cell = [...cells, last][index];
      if (cell !== undefined) cell.dataset["label"] = label;
    });
    const row = this.rows.get(leg) ?? this.body.appendChild(element("tr"));
    this.rows.set(leg, row);
    row.dataset["leg"] = leg;
    row.dataset["status"] = status;
    row.replaceChildren(name, ...cells, last);
  }
}

function millis(value: number | undefined): string {
  if (value === undefined) return "";
  // Browsers round to whole milliseconds, or nearly.
  return `${Math.max(1, Math.round(value))} ms`;
}
