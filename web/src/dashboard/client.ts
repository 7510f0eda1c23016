/** Asking the server, with the operator's token. */

import { noAnswer, Refusal, refusalOf } from "../session/refusal";
import type { RoomFigures, RoomPage, ServerFigures } from "./answers";

/** A server that is there answers in milliseconds; one that is not must not stop the page. */
const PATIENCE_MS = 5000;

export class Client {
  constructor(
    private readonly token: string,
    private readonly base = "",
  ) {}

  server(signal: AbortSignal): Promise<ServerFigures> {
    return this.get("/v1/server", signal);
  }

  rooms(pageToken: string | null, size: number, signal: AbortSignal): Promise<RoomPage> {
    const query = new URLSearchParams({ page_size: String(size) });
    if (pageToken !== null) query.set("page_token", pageToken);
    return this.get(`/v1/rooms?${query.toString()}`, signal);
  }

  room(name: string, signal: AbortSignal): Promise<RoomFigures> {
    return this.get(`/v1/rooms/${encodeURIComponent(name)}/figures`, signal);
  }

  /** Raises Refusal, also where nothing answered. */
  private async get<T>(path: string, signal: AbortSignal): Promise<T> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    try {
      const headers = { Authorization: `Bearer ${this.token}` };
      const response = await fetch(this.base + path, { headers, cache: "no-store", signal: limit });
      if (!response.ok) throw await refusalOf(response, Date.now());
      return (await response.json()) as T;
    } catch (error) {
      throw error instanceof Refusal ? error : noAnswer();
    }
  }
}
