import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Client } from "../src/dashboard/client";
import { Poller } from "../src/dashboard/poller";
import { Refusal } from "../src/session/refusal";

let server: Server;
let base: string;
let asked: string[];
let reply: { status: number; body: string; headers?: Record<string, string> };

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.headers.authorization} ${request.url}`);
    response.writeHead(reply.status, { "Content-Type": "application/problem+json", ...reply.headers }).end(reply.body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const unexpected = (): void => expect.unreachable();
const never = new AbortController().signal;
const refusal = async (answer: Promise<unknown>): Promise<Refusal> => answer.then(() => expect.unreachable(), (error: unknown) => error as Refusal);

describe("Client", () => {
  it("asks with the token, and escapes what goes into a path", async () => {
    reply = { status: 200, body: "{}" };
    const client = new Client("t", base);
    await Promise.all([client.server(never), client.room("a/b?c", never), client.rooms(null, 20, never), client.rooms("x&y", 20, never)]);
    expect(asked.sort()).toEqual([
      "Bearer t /v1/rooms/a%2Fb%3Fc/figures",
      "Bearer t /v1/rooms?page_size=20",
      "Bearer t /v1/rooms?page_size=20&page_token=x%26y",
      "Bearer t /v1/server",
    ]);
  });

  it("tells refusals apart, and takes nonsense for no answer", async () => {
    const client = new Client("t", base);
    reply = { status: 401, body: '{"detail":"The token has expired."}' };
    expect(await refusal(client.server(never))).toMatchObject({ kind: "denied", status: 401, message: "The token has expired." });
    reply = { status: 429, body: "", headers: { "Retry-After": "3" } };
    expect(await refusal(client.server(never))).toMatchObject({ kind: "transient", retryMs: 3000 });
    reply = { status: 200, body: "<html>" };
    expect(await refusal(client.server(never))).toMatchObject({ kind: "transient", status: 0 });
    server.close();
    server.closeAllConnections();
    expect(await refusal(client.server(never))).toMatchObject({ kind: "transient", status: 0 });
  });
});

describe("Poller", () => {
  class Page extends EventTarget {
    hidden = false;

    see(): void {
      this.hidden = false;
      this.dispatchEvent(new Event("visibilitychange"));
    }
  }

  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it("asks nothing while nobody looks, and at once when somebody does", async () => {
    const page = new Page();
    page.hidden = true;
    let rounds = 0;
    const poller = new Poller({ ask: async () => void rounds++, onTrouble: unexpected, onEnd: unexpected }, page as never);
    poller.start();
    await new Promise((resolve) => setImmediate(resolve));
    expect(rounds).toBe(0);
    page.see();
    await until(() => rounds === 1);
    poller.hurry();
    await until(() => rounds === 2);
    poller.stop();
  });

  it("goes on after trouble and ends at what a retry does not mend", async () => {
    const heard: string[] = [];
    const answers = [new Refusal("transient", 503, "busy", 0), null, new Refusal("denied", 401, "expired", null)];
    const ask = async (): Promise<void> => {
      const answer = answers.shift() ?? null;
      heard.push(answer === null ? "fine" : "asked");
      if (answer !== null) throw answer;
    };
    const poller = new Poller(
      { ask, onTrouble: ({ message }) => void heard.push(message), onEnd: ({ message }) => void heard.push(message) },
      new Page() as never,
    );
    poller.start();
    await until(() => {
      poller.hurry();
      return heard.length === 5;
    });
    expect(heard).toEqual(["asked", "busy", "fine", "asked", "expired"]);
  });
});
