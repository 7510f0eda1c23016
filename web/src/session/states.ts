/** The life of a session as its user sees it. */

export type State = "idle" | "connecting" | "waiting" | "live" | "reconnecting" | "failed";

/**
 * Legal transitions. `waiting` is a viewer before the broadcast (409 with Retry-After): it polls until it is live.
 * `failed` needs a person (a token, another device); everything a retry can mend is `connecting` or `reconnecting`.
 */
const NEXT: Readonly<Record<State, readonly State[]>> = {
  idle: ["connecting"],
  connecting: ["live", "waiting", "failed", "idle"],
  waiting: ["live", "failed", "idle"],
  live: ["reconnecting", "idle"],
  reconnecting: ["live", "waiting", "failed", "idle"],
  failed: ["connecting", "idle"],
};

/** True when `to` may follow `from`. */
export function follows(from: State, to: State): boolean {
  return NEXT[from].includes(to);
}
