/** `Link` header fields (RFC 8288), as far as WHIP and WHEP use them. */

export interface Link {
  readonly target: string;
  /** Parameters by lower-case name; the first occurrence counts (RFC 8288 section 3.3). */
  readonly params: ReadonlyMap<string, string>;
}

/** A response with more links than this is not one of ours. */
const MAX_LINKS = 32;

const TARGET = /[\s,]*<([^>]*)>/y;
const PARAM = /\s*;\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/y;

/** All links of a header value; several header fields may be joined by commas. Stops at the first malformed byte. */
export function parseLinks(header: string | null): Link[] {
  const links: Link[] = [];
  const text = header ?? "";
  let at = 0;
  while (links.length < MAX_LINKS) {
    TARGET.lastIndex = at;
    const target = TARGET.exec(text);
    if (target === null) break;
    at = TARGET.lastIndex;
    const params = new Map<string, string>();
    for (;;) {
      PARAM.lastIndex = at;
      const param = PARAM.exec(text);
      if (param === null) break;
      at = PARAM.lastIndex;
      const name = param[1]?.toLowerCase() ?? "";
      if (!params.has(name)) params.set(name, param[2]?.replace(/\\(.)/g, "$1") ?? param[3] ?? "");
    }
    links.push({ target: target[1] ?? "", params });
  }
  return links;
}

/**
 * STUN and TURN servers announced with `rel="ice-server"` (RFC 9725 section 4.6). A TURN server without credentials is
 * left out: a browser would refuse the whole configuration for it.
 */
export function iceServers(header: string | null): RTCIceServer[] {
  return parseLinks(header)
    .filter((link) => link.params.get("rel")?.split(/\s+/).includes("ice-server"))
    .filter((link) => /^(stun|turn)s?:/i.test(link.target))
    .flatMap(({ target, params }) => {
      const username = params.get("username");
      const credential = params.get("credential");
      if (username !== undefined && credential !== undefined) return { urls: target, username, credential };
      return /^stun/i.test(target) ? { urls: target } : [];
    });
}
