/** The network check: which ways from this browser to the server work, how fast, and what to change about the others. */

import { runCheck } from "./network/check";
import { type Finding, MEDIA_LEGS, waysThrough } from "./network/findings";
import { FindingsTable } from "./network/table";
import { byId } from "./ui/dom";
import { expose } from "./ui/hook";
import { devLinks, tokenOf, whipPath } from "./ui/links";

/** Nobody else's: the check opens sessions in it. */
const room = new URLSearchParams(location.search).get("room")?.trim() || "network-check";

const pill = byId("state", HTMLElement);
const verdict = byId("verdict", HTMLElement);
const begin = byId("begin", HTMLButtonElement);
const tokenForm = byId("token-form", HTMLFormElement);
const tokenField = byId("token", HTMLInputElement);
const table = new FindingsTable(byId("findings", HTMLTableSectionElement));

let token = tokenOf(location.hash);
let state: "idle" | "running" | "done" = "idle";
let findings: Finding[] = [];
let leaving: AbortController | null = null;

async function check(): Promise<void> {
  token ??= (await devLinks(room))?.publish_token ?? null;
  tokenForm.hidden = token !== null;
  if (token === null) {
    verdict.textContent = "This needs a token that may publish into a room of its own.";
    return tokenField.focus();
  }
  leaving = new AbortController();
  findings = [];
  table.clear();
  enter("running");
  const endpoint = new URL(whipPath(room), location.origin).href;
  const observer = {
    onBegin: table.begin.bind(table),
    onFinding: (finding: Finding): void => {
      findings.push(finding);
      table.show(finding);
    },
  };
  try {
    await runCheck({ endpoint, token }, room, observer, leaving.signal);
  } finally {
    enter("done");
  }
  if (findings.some(({ leg, fault }) => leg === "server" && fault === "refused")) {
    token = null;
    tokenForm.hidden = false;
  }
}

function enter(next: typeof state): void {
  state = next;
  begin.disabled = next === "running";
  const ways = waysThrough(findings);
  const through = ways.length > 0;
  pill.dataset["state"] = next === "running" ? "connecting" : through ? "live" : "failed";
  pill.textContent = next === "running" ? "Checking" : through ? "Works" : "Does not work";
  if (next === "running") verdict.textContent = "Trying every way; what does not answer takes a few seconds.";
  else if (through) verdict.textContent = `Media gets through in ${ways.length} of ${MEDIA_LEGS.length} ways.`;
  else verdict.textContent = "Media does not get through. What to change stands below.";
}

begin.addEventListener("click", () => void check());
tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  token = tokenField.value.trim();
  tokenField.value = "";
  void check();
});
addEventListener("pagehide", () => leaving?.abort());

expose(() => ({ state, stats: { findings: [...findings] }, session: null }));
void check();
