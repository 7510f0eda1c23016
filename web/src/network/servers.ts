/** The servers of `GET /v1/ice-servers`, sorted by what they are good for. */

export type Transport = "udp" | "tcp" | "tls";

export interface Relay {
  readonly transport: Transport;
  readonly server: RTCIceServer;
  /** Host and port. */
  readonly where: string;
}

/** URIs of RFC 7064 and RFC 7065, as far as we offer them. */
const URI = /^(stun|turns?):(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i;
/** More entries than this are not ours. */
const MAX_SERVERS = 16;

/** `host:port` of each STUN server. */
export function stunServers(servers: readonly RTCIceServer[]): string[] {
  return each(servers).flatMap(({ scheme, where }) => (scheme === "stun" ? [where] : []));
}

/** The first relay of each transport, as clients try them. */
export function relays(servers: readonly RTCIceServer[]): Relay[] {
  const found = new Map<Transport, Relay>();
  for (const { scheme, where, transport, url, username, credential } of each(servers)) {
    if (scheme === "stun" || username === undefined || credential === undefined) continue;
    const kind = scheme === "turns" ? "tls" : transport === "tcp" ? "tcp" : "udp";
    if (!found.has(kind)) found.set(kind, { transport: kind, where, server: { urls: url, username, credential } });
  }
  return [...found.values()];
}

interface One {
  readonly scheme: string;
  readonly where: string;
  readonly transport: string | undefined;
  readonly url: string;
  readonly username: string | undefined;
  readonly credential: string | undefined;
}

function each(servers: readonly RTCIceServer[]): One[] {
  const all = servers.slice(0, MAX_SERVERS).flatMap(({ urls, username, credential }) =>
    [urls].flat().map((url) => {
      const match = URI.exec(url);
      if (match === null) return [];
      const scheme = (match[1] ?? "").toLowerCase();
      const where = `${match[2] ?? ""}:${match[3] ?? (scheme === "turns" ? "5349" : "3478")}`;
      return [{ scheme, where, transport: match[4]?.toLowerCase(), url, username, credential }];
    }),
  );
  return all.flat().slice(0, MAX_SERVERS);
}
