import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(root + path, "utf8") }));

/** Files with a statement that loads a module whose name ends like this; `import type` loads nothing. */
const loading = (name: string): string[] =>
  sources.filter(({ text }) => new RegExp(`^(import|export) (?!type\\b)[^;]*?from "[^"]*${name}";`, "m").test(text)).map(({ path }) => path);

it("loads livekit-client for the meeting alone, and the meeting once it is wanted", () => {
  expect(loading("livekit-client")).toEqual(["call/meeting.ts"]);
  expect(loading("call/meeting")).toEqual([]);
  expect(sources.filter(({ text }) => text.includes('import("./call/meeting")')).map(({ path }) => path)).toEqual(["call.ts"]);
});

it("never reads text as markup", () => {
  const markup = /\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|srcdoc|document\.write|DOMParser)\b/;
  expect(sources.filter(({ text }) => markup.test(text)).map(({ path }) => path)).toEqual([]);
});
