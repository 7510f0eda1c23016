/**
 * One WHIP or WHEP session, kept alive: offer and answer, trickle ICE, ICE restarts, and a new session when the old one
 * is beyond repair. What is sent or received is the affair of the role.
 */

import { backoffMs, pause } from "./backoff";
import { connected, trouble } from "./peer";
import { noAnswer, Refusal } from "./refusal";
import { type Access, openSession, type Opened, type SessionResource } from "./resource";
import { buildFragment, MalformedFragment, restartedAnswer } from "./sdpfrag";
import { follows, type State } from "./states";
import { Trickle } from "./trickle";

export interface Role {
  /** Adds the transceivers of a fresh connection; called again for every new session. */
  prepare(pc: RTCPeerConnection): void;
  /** Adds listeners only: the server made the offer and brings its own m-sections. */
  listen?(pc: RTCPeerConnection): void;
  /** Last change to the offer before it is sent. */
  shape?(offer: string): string;
  /** Called once offer and answer are in place. */
  agreed?(): Promise<void>;
}

export interface Observer {
  /** `refusal` says why, for `waiting` and `failed`, and while a retry is due. */
  onState(state: State, refusal: Refusal | null): void;
}

const CONNECT_TIMEOUT_MS = 12_000;
const RESTART_TIMEOUT_MS = 6_000;
/** Restarts asked of a server that does not answer, before a new session is tried instead. */
const MAX_RESTARTS = 4;
/** A session that lived this long starts its retries afresh. */
const SETTLED_MS = 5_000;

const MAX_BUNDLE: RTCConfiguration = { bundlePolicy: "max-bundle" };

/** An offer not accepted yet. */
interface Prepared {
  readonly pc: RTCPeerConnection;
  readonly offer: string;
}

interface Connection {
  readonly pc: RTCPeerConnection;
  readonly resource: SessionResource;
  readonly trickle: Trickle;
  /** The server's answer; null after a counter-offer, which we do not restart. */
  readonly answer: string | null;
}

export class Session {
  private prepared: Prepared | null = null;
  private current: Connection | null = null;
  private abort: AbortController | null = null;
  private nudge: AbortController | null = null;
  private reached: State = "idle";

  constructor(
    private readonly access: Access,
    private readonly role: Role,
    private readonly observer: Observer,
  ) {}

  get state(): State {
    return this.reached;
  }

  get pc(): RTCPeerConnection | null {
    return this.current?.pc ?? this.prepared?.pc ?? null;
  }

  /** The session URL, null when there is none. */
  get url(): string | null {
    return this.current?.resource.url ?? null;
  }

  start(): void {
    if (this.abort !== null) return;
    this.abort = new AbortController();
    this.enter("connecting");
    void this.run(this.abort.signal);
  }

  /** Ends the session at the server and here; safe to call while the page goes away. */
  stop(): void {
    this.abort?.abort();
    this.abort = null;
    this.discard();
    if (this.reached !== "idle") this.enter("idle");
  }

  /** Retries now rather than after the current delay (the network came back). */
  retryNow(): void {
    this.nudge?.abort();
  }

  private async run(signal: AbortSignal): Promise<void> {
    let attempt = 0;
    while (!signal.aborted) {
      try {
        const connection = await this.connect(signal);
        if (signal.aborted) return;
        this.enter("live");
        const since = performance.now();
        await this.hold(connection, signal);
        if (signal.aborted) return;
        if (performance.now() - since >= SETTLED_MS) attempt = 0;
        if (this.reached === "live") this.enter("reconnecting");
        this.discard();
        await this.rest(backoffMs(attempt++, Math.random), signal);
      } catch (error) {
        if (signal.aborted) return;
        const refusal = asRefusal(error);
        if (!this.admits(refusal)) return;
        await this.rest(refusal.retryMs ?? backoffMs(attempt++, Math.random), signal);
      }
    }
  }

  /** Enters the state a refused attempt leads to; false when there is no point in another. */
  private admits(refusal: Refusal): boolean {
    if (refusal.kind === "transient") {
      this.observer.onState(this.reached, refusal);
      return true;
    }
    if (refusal.kind === "not-live") {
      this.enter("waiting", refusal);
      return true;
    }
    this.abort = null;
    this.discard();
    this.enter("failed", refusal);
    return false;
  }

  /** Raises Refusal. A refused offer is kept for the next attempt: polling costs a request, not a peer connection. */
  private async connect(signal: AbortSignal): Promise<Connection> {
    const { pc, offer } = (this.prepared ??= await this.prepare());
    const opened = await openSession(this.access, offer, signal);
    if (signal.aborted) {
      void opened.resource.delete();
      throw noAnswer();
    }
    this.prepared = null;
    if (opened.counterOffer) {
      pc.close();
      return this.answer(opened, signal);
    }
    // Gathering starts with the local description, so the servers of the response come first (RFC 9725 section 4.6).
    pc.setConfiguration({ ...MAX_BUNDLE, iceServers: opened.iceServers });
    return this.settle(pc, opened, () => Promise.resolve({ type: "offer", sdp: offer }), signal);
  }

  private async prepare(): Promise<Prepared> {
    const pc = new RTCPeerConnection(MAX_BUNDLE);
    this.role.prepare(pc);
    const { sdp = "" } = await pc.createOffer();
    return { pc, offer: this.role.shape?.(sdp) ?? sdp };
  }

  /** Answers the server's own offer (WHEP draft-04, status 406). */
  private async answer(opened: Opened, signal: AbortSignal): Promise<Connection> {
    const pc = new RTCPeerConnection({ ...MAX_BUNDLE, iceServers: opened.iceServers });
    this.role.listen?.(pc);
    const local = async (): Promise<RTCSessionDescriptionInit> => {
      await pc.setRemoteDescription({ type: "offer", sdp: opened.sdp });
      const answer = await pc.createAnswer();
      await opened.resource.answer(answer.sdp ?? "", signal);
      return answer;
    };
    return this.settle(pc, opened, local, signal);
  }

  /** Applies what was agreed and waits for the connection. Raises Refusal when it does not come up. */
  private async settle(
    pc: RTCPeerConnection,
    { resource, sdp, counterOffer }: Opened,
    local: () => Promise<RTCSessionDescriptionInit>,
    signal: AbortSignal,
  ): Promise<Connection> {
    const trickle = new Trickle(pc, resource, signal);
    const connection = { pc, resource, trickle, answer: counterOffer ? null : sdp };
    this.current = connection;
    try {
      const description = await local();
      trickle.begin(description.sdp ?? "");
      await pc.setLocalDescription(description);
      if (!counterOffer) await pc.setRemoteDescription({ type: "answer", sdp });
      await this.role.agreed?.();
      if (await connected(pc, CONNECT_TIMEOUT_MS, signal)) return connection;
      throw new Refusal("transient", 0, "No media path to the server: is its media port reachable?", null);
    } catch (error) {
      if (!signal.aborted) this.discard();
      throw error;
    }
  }

  /** Returns when the connection is beyond repair. */
  private async hold(connection: Connection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const kind = await trouble(connection.pc, signal);
      if (signal.aborted) return;
      this.enter("reconnecting");
      if (kind === "end" || !(await this.restart(connection, signal)) || signal.aborted) return;
      this.enter("live");
    }
  }

  /** Restarts ICE (RFC 9725 section 4.3.3); false when only a new session helps. */
  private async restart({ pc, resource, trickle, answer }: Connection, signal: AbortSignal): Promise<boolean> {
    if (!resource.restartable || answer === null) return false;
    for (let attempt = 0; attempt < MAX_RESTARTS && !signal.aborted; attempt++) {
      if (pc.connectionState === "connected") return true;
      try {
        // Nothing is applied here before the server agrees: a refused restart leaves the running session alone.
        const offer = await pc.createOffer({ iceRestart: true });
        const { fragment, iceServers } = await resource.restart(buildFragment(offer.sdp ?? "", []), signal);
        // The credentials of the session's beginning may have expired by now.
        if (iceServers.length > 0) pc.setConfiguration({ ...MAX_BUNDLE, iceServers });
        trickle.begin(offer.sdp ?? "");
        await pc.setLocalDescription(offer);
        await pc.setRemoteDescription({ type: "answer", sdp: restartedAnswer(answer, fragment) });
        return await connected(pc, RESTART_TIMEOUT_MS, signal);
      } catch (error) {
        if (asRefusal(error).kind !== "transient") return false;
      }
      await this.rest(backoffMs(attempt, Math.random), signal);
    }
    return false;
  }

  private async rest(ms: number, signal: AbortSignal): Promise<void> {
    this.nudge = new AbortController();
    await pause(ms, AbortSignal.any([signal, this.nudge.signal]));
  }

  private discard(): void {
    void this.current?.resource.delete();
    this.current?.pc.close();
    this.current = null;
    this.prepared?.pc.close();
    this.prepared = null;
  }

  private enter(state: State, refusal: Refusal | null = null): void {
    if (state !== this.reached) {
      if (!follows(this.reached, state)) throw new Error(`illegal transition ${this.reached} to ${state}`);
      this.reached = state;
    }
    this.observer.onState(state, refusal);
  }
}

/** What the browser or a fragment refuses is final for this attempt's caller; anything else is a bug and goes up. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof MalformedFragment) return new Refusal("final", 0, "The server's answer is malformed", null);
  if (error instanceof DOMException) return new Refusal("final", 0, error.message, null);
  throw error;
}
