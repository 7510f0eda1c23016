import { describe, expect, it } from "vitest";
import { buildFragment, iceCredentials, MalformedFragment, restartedAnswer } from "../src/session/sdpfrag";

const lines = (...all: string[]): string => [...all, ""].join("\r\n");

const OFFER = lines(
  "v=0",
  "o=- 1 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE a0 v1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:a0",
  "a=ice-ufrag:EsAw",
  "a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:v1",
  "a=ice-ufrag:EsAw",
  "a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y",
);

const CANDIDATE = "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host";

describe("buildFragment", () => {
  it("carries the offer's credentials and the candidates of the bundled transport", () => {
    const fragment = buildFragment(OFFER, [
      { candidate: CANDIDATE, mid: "a0" },
      { candidate: "candidate:2 1 udp 1 192.0.2.1 61765 typ host", mid: "v1" },
      { candidate: "", mid: "" },
    ]);
    expect(fragment).toBe(
      lines(
        "a=ice-ufrag:EsAw",
        "a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:a0",
        `a=${CANDIDATE}`,
        "a=end-of-candidates",
      ),
    );
  });

  it("is bounded", () => {
    const many = Array.from({ length: 500 }, () => ({ candidate: CANDIDATE, mid: "a0" }));
    expect(buildFragment(OFFER, many).match(/candidate:/g)).toHaveLength(64);
  });

  it("refuses an offer without media or credentials", () => {
    expect(() => buildFragment(lines("v=0", "a=ice-ufrag:x", "a=ice-pwd:y"), [])).toThrow(MalformedFragment);
    expect(() => buildFragment(lines("v=0", "m=audio 9 RTP/AVP 0"), [])).toThrow(MalformedFragment);
  });
});

describe("iceCredentials", () => {
  it("finds them in the session or in a media section", () => {
    const found = { ufrag: "u", pwd: "p" };
    expect(iceCredentials("a=ice-ufrag:u\na=ice-pwd:p\n")).toEqual(found);
    expect(iceCredentials(lines("m=audio 9 X 0", "a=mid:0", "a=ice-ufrag:u", "a=ice-pwd:p"))).toEqual(found);
  });
});

describe("restartedAnswer", () => {
  const answer = lines(
    "v=0",
    "a=ice-lite",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=mid:a0",
    "a=ice-ufrag:old1",
    "a=ice-pwd:oldoldoldoldoldoldoldold",
    "a=ice-options:trickle",
    "a=candidate:1 1 udp 1 192.0.2.9 3478 typ host",
    "a=end-of-candidates",
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "a=mid:v1",
    "a=ice-ufrag:old1",
    "a=ice-pwd:oldoldoldoldoldoldoldold",
  );
  const fragment = lines(
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=mid:a0",
    "a=ice-ufrag:new1",
    "a=ice-pwd:newnewnewnewnewnewnewnew",
    "a=candidate:2 1 udp 1 198.51.100.9 3478 typ host",
  );

  it("takes credentials and candidates of the fragment, and keeps all else", () => {
    expect(restartedAnswer(answer, fragment)).toBe(
      lines(
        "v=0",
        "a=ice-lite",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:a0",
        "a=ice-options:trickle",
        "a=ice-ufrag:new1",
        "a=ice-pwd:newnewnewnewnewnewnewnew",
        "a=candidate:2 1 udp 1 198.51.100.9 3478 typ host",
        "a=end-of-candidates",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "a=mid:v1",
        "a=ice-ufrag:new1",
        "a=ice-pwd:newnewnewnewnewnewnewnew",
      ),
    );
  });

  it("refuses a fragment without credentials", () => {
    expect(() => restartedAnswer(answer, "")).toThrow(MalformedFragment);
  });
});
