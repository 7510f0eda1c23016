import { describe, expect, it } from "vitest";
import { iceServers, parseLinks } from "../src/session/link-header";

describe("iceServers", () => {
  it("reads STUN and TURN servers (RFC 9725 section 4.6)", () => {
    const header =
      '<stun:stun.example.net>; rel="ice-server", ' +
      '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; credential="p;a,ss\\"w"; ' +
      'credential-type="password", <turns:turn.example.net?transport=tcp>; rel=ice-server; username=u; credential=c';
    expect(iceServers(header)).toEqual([
      { urls: "stun:stun.example.net" },
      { urls: "turn:turn.example.net?transport=udp", username: "user", credential: 'p;a,ss"w' },
      { urls: "turns:turn.example.net?transport=tcp", username: "u", credential: "c" },
    ]);
  });

  it("ignores other relations and other schemes", () => {
    const header =
      '<https://example.net/events>; rel="urn:ietf:params:whip:ext:core:server-sent-events", ' +
      '<https://example.net>; rel="ice-server"';
    expect(iceServers(header)).toEqual([]);
  });

  it("leaves out a TURN server without credentials", () => {
    expect(iceServers('<turn:a>; rel="ice-server", <stun:b>; rel="ice-server"')).toEqual([{ urls: "stun:b" }]);
  });

  it("is empty without the header", () => {
    expect(iceServers(null)).toEqual([]);
  });
});

describe("parseLinks", () => {
  it("takes names in any case, the first of two, and values without quotes", () => {
    const [link] = parseLinks("<turn:h> ; Rel=ice-server;rel=other; flag");
    expect(Object.fromEntries(link?.params ?? [])).toEqual({ rel: "ice-server", flag: "" });
  });

  it("stops at what is malformed and keeps what came before", () => {
    expect(parseLinks('<stun:a>; rel="x", nonsense, <stun:b>').map(({ target }) => target)).toEqual(["stun:a"]);
    expect(parseLinks('<stun:a; rel="x"')).toEqual([]);
  });

  it("is bounded", () => {
    expect(parseLinks("<stun:a>,".repeat(1000))).toHaveLength(32);
  });
});
