/** ICE in SDP and in SDP fragments (RFC 8840 section 9): what trickle and restart requests carry. */

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

export interface TrickledCandidate {
  /** The attribute without `a=`, as the browser gives it; empty for the end of candidates. */
  readonly candidate: string;
  readonly mid: string;
}

export class MalformedFragment extends Error {}

const ICE_LINE = /^a=(ice-ufrag|ice-pwd|candidate|end-of-candidates)\b/;
const MAX_CANDIDATES = 64;

function linesOf(sdp: string): string[] {
  return sdp.split(/\r\n|\n|\r/).filter((line) => line !== "");
}

function valueOf(lines: readonly string[], attribute: string): string | null {
  const prefix = `a=${attribute}:`;
  return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length) ?? null;
}

/** The ICE credentials of an SDP or a fragment (BUNDLE: the first pair counts). Raises MalformedFragment. */
export function iceCredentials(sdp: string): IceCredentials {
  const lines = linesOf(sdp);
  const ufrag = valueOf(lines, "ice-ufrag");
  const pwd = valueOf(lines, "ice-pwd");
  if (!ufrag || !pwd) throw new MalformedFragment("no ICE credentials");
  return { ufrag, pwd };
}

interface BundledMedia {
  readonly line: string;
  readonly mid: string;
}

/** The first m-section: the one whose transport a bundled session uses. */
function bundledMedia(sdp: string): BundledMedia {
  const lines = linesOf(sdp);
  const start = lines.findIndex((line) => line.startsWith("m="));
  const line = lines[start];
  if (line === undefined) throw new MalformedFragment("no media section");
  return { line, mid: valueOf(lines.slice(start), "mid") ?? "0" };
}

/**
 * The body of a PATCH: the credentials of `offer`, and candidates for its bundled transport. Candidates of other
 * m-sections are left out: their transports do not exist once the answer has bundled them.
 */
export function buildFragment(offer: string, candidates: readonly TrickledCandidate[]): string {
  const { ufrag, pwd } = iceCredentials(offer);
  const { line, mid } = bundledMedia(offer);
  const attributes = candidates
    .filter((candidate) => candidate.mid === mid || candidate.candidate === "")
    .slice(0, MAX_CANDIDATES)
    .map(({ candidate }) => (candidate === "" ? "a=end-of-candidates" : `a=${candidate}`));
  return [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, line, `a=mid:${mid}`, ...attributes, ""].join("\r\n");
}

/**
 * The answer after an ICE restart (RFC 9725 section 4.3.3): `answer` with the credentials and candidates of the
 * server's `fragment` in place of its own. Raises MalformedFragment when the fragment has no credentials.
 */
export function restartedAnswer(answer: string, fragment: string): string {
  const { ufrag, pwd } = iceCredentials(fragment);
  const fresh = linesOf(fragment)
    .filter((line) => line.startsWith("a=candidate:"))
    .slice(0, MAX_CANDIDATES);
  const [session = [], ...media] = sections(answer);
  const rewritten = media.map((lines, index) => [
    ...lines.filter((line) => !ICE_LINE.test(line)),
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    ...(index === 0 ? [...fresh, "a=end-of-candidates"] : []),
  ]);
  const head = session.filter((line) => !ICE_LINE.test(line));
  return [...head, ...rewritten.flat(), ""].join("\r\n");
}

/** The session section, then each media section. */
function sections(sdp: string): string[][] {
  const all: string[][] = [[]];
  for (const line of linesOf(sdp)) {
    if (line.startsWith("m=")) all.push([]);
    all.at(-1)?.push(line);
  }
  return all;
}
