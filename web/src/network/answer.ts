/** The server's candidates in an answer (RFC 8839 section 5.1). */

const CANDIDATE = /^a=candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) /i;

/** The answer with no other candidates than those of one protocol, so that there is no other way. */
export function onlyCandidates(answer: string, protocol: "udp" | "tcp"): string {
  const keeps = (line: string): boolean => (CANDIDATE.exec(line)?.[1]?.toLowerCase() ?? protocol) === protocol;
  return answer.split(/\r?\n/).filter(keeps).join("\r\n");
}

/** `host:port` of each candidate of one protocol. */
export function candidateAddresses(answer: string, protocol: "udp" | "tcp"): string[] {
  return answer.split(/\r?\n/).flatMap((line) => {
    const [, transport = "", host = "", port = ""] = CANDIDATE.exec(line) ?? [];
    return transport.toLowerCase() === protocol ? [host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`] : [];
  });
}
