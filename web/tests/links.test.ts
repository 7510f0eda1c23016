import { describe, expect, it } from "vitest";
import { broadcastPath, callPath, roomOfPath, tokenOf, watchUrl, whepPath, whipPath } from "../src/ui/links";

const ROOM = "späte show & 100%?#";

describe("links", () => {
  it("escapes the room in every one", () => {
    const escaped = "sp%C3%A4te%20show%20%26%20100%25%3F%23";
    expect([whipPath(ROOM), whepPath(ROOM), broadcastPath(ROOM), callPath(ROOM)]).toEqual([
      `/whip/${escaped}`,
      `/whep/${escaped}`,
      `/broadcast?room=${escaped}`,
      `/call/${escaped}`,
    ]);
    expect(watchUrl("https://h", ROOM, null)).toBe(`https://h/watch/${escaped}`);
  });

  it("round-trips room and token through the watch link", () => {
    const url = new URL(watchUrl("https://h", ROOM, "a.b+c/d="));
    expect(roomOfPath("watch", url.pathname)).toBe(ROOM);
    expect(roomOfPath("call", `${callPath(ROOM)}/`)).toBe(ROOM);
    expect(tokenOf(url.hash)).toBe("a.b+c/d=");
  });

  it("stands paths that name no room, or name it badly", () => {
    const paths = ["/watch/", "/watch", "/watch/a/b", "/", "/call/a"];
    expect(paths.map((path) => roomOfPath("watch", path))).toEqual(["", "", "", "", ""]);
    expect(roomOfPath("watch", "/watch/50%")).toBe("50%");
    expect(tokenOf("")).toBeNull();
  });
});
