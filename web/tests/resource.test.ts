import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "../src/session/refusal";
import { openSession } from "../src/session/resource";

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Reply = readonly [status: number, headers?: Record<string, string | string[]>, body?: string];

let server: Server;
let base: string;
let seen: Seen[];
let replies: Reply[];

beforeEach(async () => {
  seen = [];
  replies = [];
  server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method, url, headers } = request;
  seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
  const [status, fields, body] = replies.shift() ?? [500];
  response.writeHead(status, fields).end(body);
}

const never = new AbortController().signal;
const open = (path = "/whip/room", token = "secret") => openSession({ endpoint: base + path, token }, "v=0", never);
const CREATED: Reply = [
  201,
  {
    "Content-Type": "application/sdp",
    Location: "/whip/room/one",
    ETag: '"ice-1"',
    Link: ['<stun:a>; rel="ice-server"', '<turn:b>; rel="ice-server"; username="u"; credential="p"'],
  },
  "v=0 answer",
];

async function refusal(attempt: Promise<unknown>): Promise<Refusal> {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Refusal);
  return error as Refusal;
}

describe("openSession", () => {
  it("posts the offer with the token and reads all that a 201 says", async () => {
    replies = [CREATED];
    const { resource, sdp, counterOffer, iceServers } = await open();
    expect(seen[0]).toMatchObject({ method: "POST", url: "/whip/room", body: "v=0" });
    expect(seen[0]?.headers).toMatchObject({ "content-type": "application/sdp", authorization: "Bearer secret" });
    expect(resource.url).toBe(`${base}/whip/room/one`);
    expect(resource.restartable).toBe(true);
    expect({ sdp, counterOffer }).toEqual({ sdp: "v=0 answer", counterOffer: false });
    expect(iceServers).toEqual([{ urls: "stun:a" }, { urls: "turn:b", username: "u", credential: "p" }]);
  });

  it("resolves Location against the endpoint that answered, also after a 307", async () => {
    replies = [[307, { Location: "/node-2/whip/room" }], [201, { Location: "room/two" }, "v=0"]];
    const { resource } = await open();
    expect(seen[1]).toMatchObject({ method: "POST", url: "/node-2/whip/room", body: "v=0" });
    expect(resource.url).toBe(`${base}/node-2/whip/room/two`);
    expect(resource.restartable).toBe(false);
  });

  it("sends no empty token", async () => {
    replies = [CREATED];
    await open("/whip/room", "");
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  it("knows a counter-offer", async () => {
    replies = [[406, { "Content-Type": "application/sdp", Location: "/whep/room/one" }, "v=0 offer"], [204]];
    const { resource, counterOffer, sdp } = await open("/whep/room");
    expect({ counterOffer, sdp }).toEqual({ counterOffer: true, sdp: "v=0 offer" });
    await resource.answer("v=0 answer", never);
    expect(seen[1]).toMatchObject({ method: "PATCH", url: "/whep/room/one", body: "v=0 answer" });
    expect(seen[1]?.headers["content-type"]).toBe("application/sdp");
  });

  it.each([
    [401, {}, "denied", null],
    [403, {}, "denied", null],
    [404, {}, "gone", null],
    [409, { "Retry-After": "2" }, "not-live", 2000],
    [409, {}, "final", null],
    [422, {}, "final", null],
    [429, { "Retry-After": "4" }, "transient", 4000],
    [503, {}, "transient", null],
    [200, {}, "final", null],
    [201, {}, "final", null],
  ])("takes %i with %o for %s", async (status, headers, kind, retryMs) => {
    replies = [[status, headers as Record<string, string>]];
    expect(await refusal(open())).toMatchObject({ kind, status, retryMs });
  });

  it("says what the problem document says", async () => {
    const problem = { "Content-Type": "application/problem+json" };
    replies = [
      [403, problem, JSON.stringify({ title: "Forbidden", detail: "The token has expired." })],
      [422, problem, JSON.stringify({ title: "Too many tracks", detail: 7 })],
      [400, problem, "not json"],
    ];
    expect((await refusal(open())).message).toBe("The token has expired.");
    expect((await refusal(open())).message).toBe("Too many tracks");
    expect((await refusal(open())).message).toBe("The server answered 400");
  });

  it("takes a server that is not there for one to retry", async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    expect(await refusal(open())).toMatchObject({ kind: "transient", status: 0, retryMs: null });
  });
});

describe("SessionResource", () => {
  it("names the ICE session in each request, and renews the name with a restart", async () => {
    replies = [CREATED, [204], [200, { ETag: '"ice-2"' }, "a=ice-ufrag:new"], [204], [200]];
    const { resource } = await open();
    await resource.trickle("one", never);
    expect(await resource.restart("two", never)).toEqual({ fragment: "a=ice-ufrag:new", iceServers: [] });
    await resource.trickle("three", never);
    await resource.delete();
    expect(seen.slice(1).map(({ method, headers, body }) => [method, headers["if-match"], body])).toEqual([
      ["PATCH", '"ice-1"', "one"],
      ["PATCH", "*", "two"],
      ["PATCH", '"ice-2"', "three"],
      ["DELETE", undefined, ""],
    ]);
    expect(seen[1]?.headers).toMatchObject({
      "content-type": "application/trickle-ice-sdpfrag",
      authorization: "Bearer secret",
    });
  });

  it("tells a refused restart from a lost session, and keeps the name", async () => {
    replies = [CREATED, [422], [404], [204], [204]];
    const { resource } = await open();
    expect((await refusal(resource.restart("x", never))).kind).toBe("final");
    expect((await refusal(resource.restart("x", never))).kind).toBe("gone");
    // 204 answers candidates, never a restart.
    expect((await refusal(resource.restart("x", never))).kind).toBe("final");
    await resource.trickle("y", never);
    expect(seen.at(-1)?.headers["if-match"]).toBe('"ice-1"');
  });

  it("deletes without a word when the server is gone", async () => {
    replies = [CREATED];
    const { resource } = await open();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    await expect(resource.delete()).resolves.toBeUndefined();
  });
});
