import { describe, expect, it } from "vitest";
import { advice } from "../src/network/advice";
import { candidateAddresses, onlyCandidates } from "../src/network/answer";
import { type Fault, type Finding, waysThrough } from "../src/network/findings";
import { mappingOf, reflexiveOf } from "../src/network/reflexive";
import { relays, stunServers } from "../src/network/servers";

const CREDENTIAL = { username: "1:u", credential: "secret" };

describe("servers", () => {
  const servers: RTCIceServer[] = [
    { urls: ["stun:192.0.2.1:3478", "stun:[2001:db8::1]"] },
    {
      urls: ["turn:192.0.2.1:3478?transport=udp", "turn:[2001:db8::1]:3478?transport=udp", "turn:h:80?transport=tcp"],
      ...CREDENTIAL,
    },
    { urls: "turns:sfu.example:443?transport=tcp", ...CREDENTIAL },
  ];

  it("are sorted by what they are good for, the first of each transport counting", () => {
    expect(stunServers(servers)).toEqual(["192.0.2.1:3478", "[2001:db8::1]:3478"]);
    expect(relays(servers).map(({ transport, where }) => [transport, where])).toEqual([
      ["udp", "192.0.2.1:3478"],
      ["tcp", "h:80"],
      ["tls", "sfu.example:443"],
    ]);
    expect(relays(servers)[2]?.server).toEqual({ urls: "turns:sfu.example:443?transport=tcp", ...CREDENTIAL });
  });

  it("that a browser would refuse, or that are no such thing, are left out", () => {
    expect(relays([{ urls: "turn:h" }, { urls: ["http://h", "turn:a b", "turns:", ""], ...CREDENTIAL }])).toEqual([]);
    expect(stunServers([{ urls: Array<string>(100).fill("stun:h") }])).toHaveLength(16);
  });
});

describe("an answer", () => {
  const answer = [
    "v=0",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ host",
    "a=candidate:2 1 udp 2130706175 2001:db8::1 3478 typ host",
    "a=candidate:3 1 tcp 1518280447 192.0.2.1 3478 typ host tcptype passive",
    "a=end-of-candidates",
    "",
  ].join("\r\n");

  it("keeps the candidates of one protocol and everything else", () => {
    const kept = onlyCandidates(answer, "tcp").split("\r\n");
    expect(kept.filter((line) => line.startsWith("a=candidate"))).toEqual([
      "a=candidate:3 1 tcp 1518280447 192.0.2.1 3478 typ host tcptype passive",
    ]);
    expect(kept).toHaveLength(answer.split("\r\n").length - 2);
    expect(onlyCandidates(answer, "udp")).not.toContain("tcptype");
  });

  it("names its addresses", () => {
    expect(candidateAddresses(answer, "udp")).toEqual(["192.0.2.1:3478", "[2001:db8::1]:3478"]);
    expect(candidateAddresses("v=0\r\n", "tcp")).toEqual([]);
  });
});

describe("the NAT", () => {
  const candidate = (type: string, address: string | null, port: number): RTCIceCandidate =>
    ({ type, address, port }) as RTCIceCandidate;

  it("is told by what several servers see of one socket", () => {
    const one = { address: "203.0.113.5", port: 5000 };
    const servers = ["192.0.2.1:3478", "192.0.2.2:3479"];
    expect(mappingOf([one], servers)).toContain("the same port");
    expect(mappingOf([one, { ...one, port: 5001 }], servers)).toContain("symmetric");
    expect(mappingOf([one, { address: "2001:db8::7", port: 6000 }], servers)).toContain("the same port");
    expect(mappingOf([one], ["192.0.2.1:3478", "[2001:db8::1]:3478"])).toBeNull();
    expect(mappingOf([], servers)).toBeNull();
  });

  it("counts each reflexive address once and no other", () => {
    const seen = reflexiveOf([
      candidate("host", "x.local", 1),
      candidate("srflx", "203.0.113.5", 5000),
      candidate("srflx", "203.0.113.5", 5000),
      candidate("srflx", null, 5000),
    ]);
    expect(seen).toEqual([{ address: "203.0.113.5", port: 5000 }]);
  });
});

describe("advice", () => {
  const failed = (leg: Finding["leg"], fault: Fault, where?: string): Finding => ({
    leg,
    status: "failed",
    detail: "",
    fault,
    ...(where === undefined ? {} : { where }),
  });

  it("names the protocol and the place", () => {
    expect(advice(failed("relay udp", "silence", "192.0.2.1:3478"))).toContain("Let UDP to 192.0.2.1:3478 through");
    expect(advice(failed("relay tcp", "silence", "192.0.2.1:3478"))).toContain("Let TCP to 192.0.2.1:3478 through");
    expect(advice(failed("stun", "silence"))).toContain("Let UDP to the server through");
  });

  it("is there for every way that can fail, and for none that works", () => {
    for (const leg of ["direct udp", "direct tcp", "relay udp", "relay tcp", "relay tls"] as const) {
      expect(advice(failed(leg, "silence"))).not.toBeNull();
      expect(advice(failed(leg, "not-offered"))).not.toBeNull();
      expect(advice({ leg, status: "ok", detail: "" })).toBeNull();
    }
    for (const fault of ["refused", "not-through"] as const) {
      expect(advice(failed("relay tls", fault))).not.toBeNull();
    }
  });
});

describe("the verdict", () => {
  it("counts the ways that media can take", () => {
    const ok = (leg: Finding["leg"]): Finding => ({ leg, status: "ok", detail: "" });
    expect(waysThrough([ok("server"), ok("stun"), ok("relay tls")])).toEqual(["relay tls"]);
    expect(waysThrough([ok("server"), { ...ok("direct udp"), status: "failed" }])).toEqual([]);
  });
});
