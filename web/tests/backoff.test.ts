import { describe, expect, it } from "vitest";
import { backoffMs, pause, retryAfterMs } from "../src/session/backoff";

describe("backoffMs", () => {
  it("doubles from 0.3 s to 7 s, the upper half random", () => {
    expect([0, 1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(attempt, () => 1))).toEqual([
      300, 600, 1200, 2400, 4800, 7000, 7000,
    ]);
    expect(backoffMs(5, () => 0)).toBe(3500);
  });

  it("never falls below 0.3 s, and stands any number of attempts", () => {
    expect(backoffMs(0, () => 0)).toBe(300);
    expect(backoffMs(1_000_000, () => 0.5)).toBe(5250);
  });
});

describe("retryAfterMs", () => {
  const now = Date.parse("Sat, 22 Nov 2025 12:00:00 GMT");

  it("reads seconds and dates", () => {
    expect(retryAfterMs("3", now)).toBe(3000);
    expect(retryAfterMs("Sat, 22 Nov 2025 12:00:05 GMT", now)).toBe(5000);
  });

  it("is kept within 0.5 and 30 s", () => {
    expect(retryAfterMs("0", now)).toBe(500);
    expect(retryAfterMs("86400", now)).toBe(30_000);
    expect(retryAfterMs("Fri, 21 Nov 2025 12:00:00 GMT", now)).toBe(500);
  });

  it("is null when absent or unreadable", () => {
    expect([null, "", "soon"].map((header) => retryAfterMs(header, now))).toEqual([null, null, null]);
  });
});

describe("pause", () => {
  it("ends when the signal aborts", async () => {
    const abort = new AbortController();
    const paused = pause(3_600_000, abort.signal);
    abort.abort();
    await expect(paused).resolves.toBeUndefined();
    await expect(pause(3_600_000, abort.signal)).resolves.toBeUndefined();
  });
});
