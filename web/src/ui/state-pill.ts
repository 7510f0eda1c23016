/** The pill that says how the session is, also to screen readers. */

import type { State } from "../session/states";

const WORDS: Readonly<Record<State, string>> = {
  idle: "Off air",
  connecting: "Connecting",
  waiting: "Not live yet",
  live: "Live",
  reconnecting: "Reconnecting",
  failed: "Stopped",
};

export function showState(pill: HTMLElement, state: State, words: Partial<Record<State, string>> = {}): void {
  pill.dataset["state"] = state;
  const text = words[state] ?? WORDS[state];
  if (pill.textContent !== text) pill.textContent = text;
}
