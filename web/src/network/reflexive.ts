/** What candidates tell of the NAT before this browser. */

/** One server-reflexive candidate (RFC 8445 section 5.1.1.2). */
export interface Reflexive {
  readonly address: string;
  readonly port: number;
}

/**
 * A guess at the mapping behaviour (RFC 4787 section 4.1), from what servers see of one socket: null with less than two of
 * a family. `servers`: `host:port` of those that answer.
 */
export function mappingOf(reflexive: readonly Reflexive[], servers: readonly string[]): string | null {
  const ports = new Map<string, Set<number>>();
  for (const { address, port } of reflexive) ports.set(address, (ports.get(address) ?? new Set()).add(port));
  const ofIpv6 = servers.filter((server) => server.startsWith("[")).length;
  if (reflexive.length === 0 || Math.max(ofIpv6, servers.length - ofIpv6) < 2) return null;
  const most = Math.max(...[...ports.values()].map(({ size }) => size));
  return most > 1 ? "another port for every server (symmetric)" : "the same port for every server";
}

/** The reflexive ones of these candidates, without repetitions. */
export function reflexiveOf(candidates: readonly RTCIceCandidate[]): Reflexive[] {
  const found = new Map<string, Reflexive>();
  for (const { type, address, port } of candidates) {
    if (type === "srflx" && address !== null && port !== null) found.set(`${address} ${port}`, { address, port });
  }
  return [...found.values()];
}
