/** The HTTP half of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-04): one session resource on a server. */

import { iceServers } from "./link-header";
import { noAnswer, refusalOf } from "./refusal";

const SDP = "application/sdp";
const SDPFRAG = "application/trickle-ice-sdpfrag";

/** A request that takes longer than this is retried: the server is gone, or as good as gone. */
const REQUEST_TIMEOUT_MS = 10_000;

export interface Access {
  readonly endpoint: string;
  readonly token: string;
}

export interface Opened {
  readonly resource: SessionResource;
  /** The server's SDP: its answer, or (status 406, WHEP only) an offer of its own. */
  readonly sdp: string;
  readonly counterOffer: boolean;
  readonly iceServers: RTCIceServer[];
}

export interface Restarted {
  /** The server's side of the new ICE session. */
  readonly fragment: string;
  /** With credentials that are good for new allocations; empty if the server names none. */
  readonly iceServers: RTCIceServer[];
}

type Request = RequestInit & { headers?: Record<string, string> };

async function request(access: Access, url: string, init: Request): Promise<Response> {
  const headers = { ...init.headers, ...(access.token === "" ? {} : { Authorization: `Bearer ${access.token}` }) };
  try {
    return await fetch(url, { cache: "no-store", ...init, headers });
  } catch {
    // Refused, unreachable, timed out: fetch does not tell them apart, and neither does the remedy.
    throw noAnswer();
  }
}

function deadline(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
}

async function bodyOf(response: Response): Promise<string> {
  return response.text().catch(() => Promise.reject(noAnswer()));
}

/** POSTs an offer. Raises Refusal: the server answered no, or not at all (transient). */
export async function openSession(access: Access, offer: string, signal: AbortSignal): Promise<Opened> {
  const response = await request(access, access.endpoint, {
    method: "POST",
    headers: { "Content-Type": SDP, Accept: SDP },
    body: offer,
    signal: deadline(signal),
  });
  const counterOffer = response.status === 406 && (response.headers.get("Content-Type")?.startsWith(SDP) ?? false);
  const location = response.headers.get("Location");
  if ((response.status !== 201 && !counterOffer) || location === null) throw await refusalOf(response, Date.now());
  // A 307 moves the base: the location is relative to the endpoint that answered (RFC 9725 section 4.2).
  const base = new URL(response.url || access.endpoint, access.endpoint);
  const url = new URL(location, base).href;
  return {
    resource: new SessionResource(access, url, response.headers.get("ETag")),
    sdp: await bodyOf(response),
    counterOffer,
    iceServers: iceServers(response.headers.get("Link")),
  };
}

export class SessionResource {
  constructor(
    private readonly access: Access,
    readonly url: string,
    /** Names the current ICE session; null when the server supports no restarts (RFC 9725 section 4.3.1). */
    private etag: string | null,
  ) {}

  get restartable(): boolean {
    return this.etag !== null;
  }

  /** Sends candidates of the current ICE session. Raises Refusal. */
  async trickle(fragment: string, signal: AbortSignal): Promise<void> {
    await this.patch(SDPFRAG, fragment, this.etag, signal);
  }

  /** Asks for a new ICE session. Raises Refusal; the running session is then untouched. */
  async restart(fragment: string, signal: AbortSignal): Promise<Restarted> {
    const response = await this.patch(SDPFRAG, fragment, "*", signal);
    if (response.status !== 200) throw await refusalOf(response, Date.now());
    this.etag = response.headers.get("ETag") ?? this.etag;
    return { fragment: await bodyOf(response), iceServers: iceServers(response.headers.get("Link")) };
  }

  /** Answers a counter-offer (WHEP draft-04, after a 406). Raises Refusal. */
  async answer(sdp: string, signal: AbortSignal): Promise<void> {
    await this.patch(SDP, sdp, null, signal);
  }

  /** Ends the session. Survives the page (keepalive), and never raises: what is left expires by consent (RFC 7675). */
  async delete(): Promise<void> {
    await request(this.access, this.url, { method: "DELETE", keepalive: true }).catch(() => undefined);
  }

  private async patch(type: string, body: string, ifMatch: string | null, signal: AbortSignal): Promise<Response> {
    const response = await request(this.access, this.url, {
      method: "PATCH",
      headers: { "Content-Type": type, ...(ifMatch === null ? {} : { "If-Match": ifMatch }) },
      body,
      signal: deadline(signal),
    });
    if (!response.ok) throw await refusalOf(response, Date.now());
    return response;
  }
}
