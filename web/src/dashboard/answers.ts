/** What the server answers, as far as the page reads it; `/docs` describes all of it. */

export interface RoomEntry {
  readonly name: string;
  readonly num_participants: number;
  readonly num_publishers: number;
}

export interface RoomPage {
  readonly items: readonly RoomEntry[];
  readonly next_page_token: string | null;
}

export interface Path {
  readonly protocol: string;
  readonly relayed: boolean;
}

export interface Layer {
  readonly layer: number;
  readonly rid: string | null;
  readonly active: boolean;
  readonly bitrate_bps: number;
  readonly frame_rate: number;
}

export interface TrackFigures {
  readonly id: string;
  readonly kind: string;
  readonly source: string;
  readonly codec: string;
  readonly muted: boolean;
  readonly bitrate_bps: number;
  readonly forwarded_layer: number | null;
  readonly layers: readonly Layer[];
}

export interface ParticipantFigures {
  readonly id: string;
  readonly identity: string;
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly problem: string | null;
  readonly paths: readonly Path[];
  readonly rtt_ms: number | null;
  readonly incoming: { readonly bitrate_bps: number; readonly packets: number; readonly lost: number };
  readonly outgoing: {
    readonly streams: number;
    readonly bitrate_bps: number;
    readonly loss_fraction: number | null;
    /** How many video streams are of layer 0, of layer 1, and so on. */
    readonly video_layers: readonly number[];
    /** What the path to the participant is estimated to carry, from servers that estimate. */
    readonly estimate_bps?: number | null;
  };
  readonly tracks: readonly TrackFigures[];
}

export interface RoomFigures {
  readonly room: string;
  readonly participants: readonly ParticipantFigures[];
}

export interface ServerFigures {
  readonly version: string;
  readonly uptime_seconds: number;
  readonly processor: {
    readonly cores: number;
    readonly process_seconds: number;
    readonly event_loop_seconds: number | null;
    readonly worker_seconds: readonly number[];
  };
  readonly memory_bytes: number | null;
  readonly event_loop: { readonly lag_seconds: number; readonly observations: number };
  readonly rooms: number;
  readonly participants: Readonly<Record<string, number>>;
  readonly traffic: {
    readonly packets_received: number;
    readonly bytes_received: number;
    readonly packets_sent: number;
    readonly bytes_sent: number;
  };
  readonly dropped: Readonly<Record<string, number>>;
}
