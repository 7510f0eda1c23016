/** What a server said when it did not say yes. */

import { retryAfterMs } from "./backoff";

export type RefusalKind =
  /** The broadcast has not started (WHEP 409 with Retry-After). */
  | "not-live"
  /** The token is missing, wrong or expired (401, 403). */
  | "denied"
  /** The session does not exist any more (404, 410 on a session URL). */
  | "gone"
  /** A retry may mend it: overload, a restart in progress. */
  | "transient"
  /** A retry will not mend it. */
  | "final";

export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly kind: RefusalKind,
    readonly status: number,
    message: string,
    /** When the server wants to be asked again. */
    readonly retryMs: number | null,
  ) {
    super(message);
  }
}

/** The refusal that stands for no answer at all. */
export function noAnswer(): Refusal {
  return new Refusal("transient", 0, "The server does not answer", null);
}

const MAX_DETAIL = 300;

/** The refusal a response stands for; reads problem+json (RFC 9457). */
export async function refusalOf(response: Response, nowMs: number): Promise<Refusal> {
  const retryMs = retryAfterMs(response.headers.get("Retry-After"), nowMs);
  return new Refusal(kindOf(response.status, retryMs), response.status, await detailOf(response), retryMs);
}

function kindOf(status: number, retryMs: number | null): RefusalKind {
  if (status === 401 || status === 403) return "denied";
  if (status === 404 || status === 410) return "gone";
  if (status === 409 && retryMs !== null) return "not-live";
  if (status === 429 || status >= 500 || retryMs !== null) return "transient";
  return "final";
}

async function detailOf(response: Response): Promise<string> {
  const fallback = `The server answered ${response.status}`;
  if (!response.headers.get("Content-Type")?.startsWith("application/problem+json")) return fallback;
  const problem: unknown = await response.json().catch(() => null);
  if (typeof problem !== "object" || problem === null) return fallback;
  const { title, detail } = problem as { title?: unknown; detail?: unknown };
  const text = [detail, title].find((part): part is string => typeof part === "string" && part !== "");
  return text?.slice(0, MAX_DETAIL) ?? fallback;
}
