import { expect, it } from "vitest";
import { follows, type State } from "../src/session/states";

const ALL: readonly State[] = ["idle", "connecting", "waiting", "live", "reconnecting", "failed"];

it("reaches every state from idle, and idle from every state", () => {
  const reached = new Set<State>(["idle"]);
  for (let round = 0; round < ALL.length; round++) {
    for (const from of [...reached]) for (const to of ALL) if (follows(from, to)) reached.add(to);
  }
  expect(reached).toEqual(new Set(ALL));
  for (const from of ALL.filter((state) => state !== "idle")) expect(follows(from, "idle")).toBe(true);
});

it("goes live only by way of an attempt", () => {
  expect(ALL.filter((from) => follows(from, "live"))).toEqual(["connecting", "waiting", "reconnecting"]);
});

it("leaves failed only when somebody starts again", () => {
  expect(ALL.filter((to) => follows("failed", to))).toEqual(["idle", "connecting"]);
});
