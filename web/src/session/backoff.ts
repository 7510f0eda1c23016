/** Retry delays: exponential with jitter, so that the viewers of a restarted server do not all return at once. */

const FIRST_MS = 300;
const LIMIT_MS = 7_000;

/**
 * Delay before retry number `attempt` (0 for the first), in milliseconds: 300 ms doubling up to 7 s, of which the upper
 * half is random. `random` gives a number in [0, 1).
 */
export function backoffMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(LIMIT_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.max(FIRST_MS, ceiling / 2 + (ceiling / 2) * random());
}

const RETRY_AFTER_MIN_MS = 500;
const RETRY_AFTER_MAX_MS = 30_000;

/**
 * `Retry-After` in milliseconds from `nowMs` (RFC 9110 section 10.2.3: seconds or an HTTP date), kept within 0.5 and 30 s;
 * null when the header is absent or unreadable.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  if (text === "") return null;
  const delay = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  if (Number.isNaN(delay)) return null;
  return Math.min(RETRY_AFTER_MAX_MS, Math.max(RETRY_AFTER_MIN_MS, delay));
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
