import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endingWords, refusalWords } from "../src/call/endings";
import { grantsOf, unfit } from "../src/call/grants";
import { Host } from "../src/call/host";
import { LONGEST_TEXT, type Message, Messages, readText } from "../src/call/messages";

const message = (text: string): Message => ({ name: "Ada", text, atMs: 0, mine: false });

describe("Messages", () => {
  it("keeps the newest two hundred and counts all", () => {
    const messages = new Messages();
    const dropped = Array.from({ length: 250 }, (_, index) => messages.add(message(`${index}`)));
    expect(dropped.indexOf(true)).toBe(200);
    expect([messages.count, messages.all.length, messages.all[0]?.text]).toEqual([250, 200, "50"]);
  });
});

describe("readText", () => {
  async function* chunks(...parts: string[]): AsyncGenerator<string> {
    yield* parts;
  }

  it("joins what comes", async () => {
    expect(await readText(chunks(" <b>", "hi</b>\n"))).toBe("<b>hi</b>");
  });

  it("cuts what is too long, and reads it to its end", async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<string> {
      for (; read < 1000; read++) yield "x".repeat(900);
    }
    expect(await readText(endless())).toBe(`${"x".repeat(LONGEST_TEXT)}…`);
    expect(read).toBe(1000);
  });

  it("raises what the stream raises", async () => {
    async function* broken(): AsyncGenerator<string> {
      yield "half";
      throw new Error("its sender left");
    }
    await expect(readText(broken())).rejects.toThrow("its sender left");
  });
});

describe("grantsOf", () => {
  const token = (claims: unknown): string => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;

  it("reads what the page shows", () => {
    const video = { room: "späte", roomAdmin: true, canUpdateOwnMetadata: true };
    expect(grantsOf(token({ sub: "ada-1", name: "Ада ÿ", video }))).toEqual({
      ...{ identity: "ada-1", name: "Ада ÿ", room: "späte", host: true, naming: true },
    });
    expect(grantsOf(token({ jti: "b", video: {} }))).toMatchObject({ identity: "b", host: false, naming: false });
    expect(grantsOf(token({ video: { roomAdmin: "yes" }, name: 7 }))).toMatchObject({ host: false, name: "" });
  });

  it("is null for what is no token", () => {
    expect(["", "a.b.c", "a.!!.c", "no token"].map(grantsOf)).toEqual([null, null, null, null]);
    expect(grantsOf(token([1]))).toMatchObject({ identity: "" });
  });

  it("tells a token for another room", () => {
    const grants = grantsOf(token({ video: { room: "a" } }));
    expect(unfit(grants, "a")).toBeNull();
    expect(unfit(grants, "b")).toBe("This token is for another room.");
    expect(unfit(grantsOf(token({ video: {} })), "b")).toBeNull();
    expect(unfit(null, "a")).toBe("That is not a token.");
  });
});

describe("words", () => {
  it("says how it ended", () => {
    expect(endingWords("PARTICIPANT_REMOVED")).toContain("host removed you");
    expect(["toString", undefined, "UNKNOWN_REASON"].map(endingWords)).toEqual(Array(3).fill("The connection was lost."));
  });

  it("says whether another token may help", () => {
    expect(refusalWords("NotAllowed", 401)).toMatchObject({ denied: true });
    expect(refusalWords("NotAllowed", 404)).toMatchObject({ denied: false });
    expect(refusalWords("ServerUnreachable", 503)).toMatchObject({ denied: false });
    expect(refusalWords(undefined, undefined).message).not.toBe("");
  });
});

describe("Host", () => {
  const asked: { url: string | undefined; type: string | undefined; token: string | undefined; body: unknown }[] = [];
  let answer: { status: number; body: string };
  let server: Server;
  let host: Host;

  async function body(request: IncomingMessage): Promise<unknown> {
    let text = "";
    for await (const part of request) text += String(part);
    return JSON.parse(text);
  }

  beforeEach(async () => {
    asked.length = 0;
    answer = { status: 200, body: "{}" };
    server = createServer((request, response) => {
      void body(request).then((read) => {
        const { authorization: token, "content-type": type } = request.headers;
        asked.push({ url: request.url, type, token, body: read });
        response.writeHead(answer.status, { "Content-Type": "application/json" }).end(answer.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = new Host(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "room 1", "secret");
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it("mutes and removes by the LiveKit server API", async () => {
    await host.mute("ada", "TR_1");
    await host.remove("ada");
    const head = { type: "application/json", token: "Bearer secret" };
    expect(asked).toEqual([
      { ...head, url: "/twirp/livekit.RoomService/MutePublishedTrack", body: { room: "room 1", identity: "ada", trackSid: "TR_1", muted: true } },
      { ...head, url: "/twirp/livekit.RoomService/RemoveParticipant", body: { room: "room 1", identity: "ada" } },
    ]);
  });

  it("says why the server refused", async () => {
    answer = { status: 401, body: JSON.stringify({ code: "unauthenticated", msg: "no roomAdmin" }) };
    await expect(host.remove("ada")).rejects.toThrow("no roomAdmin");
    answer = { status: 404, body: "<html>" };
    await expect(host.remove("ada")).rejects.toThrow("no longer here");
    answer = { status: 500, body: "null" };
    await expect(host.remove("ada")).rejects.toThrow("500");
  });

  it("says that there is no server", async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(host.remove("ada")).rejects.toThrow("cannot be reached");
  });
});
