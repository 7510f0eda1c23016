import { describe, expect, it } from "vitest";
import type { Layer, ParticipantFigures, ServerFigures, TrackFigures } from "../src/dashboard/answers";
import { History, HISTORY_SECONDS, Recent } from "../src/dashboard/history";
import { type ParticipantMoment, participantMoment, participantTotals, serverMoment, serverTotals } from "../src/dashboard/moments";
import { PAGE_SIZE, pageOf, type Person } from "../src/dashboard/people";
import { bits, brief, drops, duration, joined, layerList, layers, memory, scaled, trackName, transport } from "../src/dashboard/words";
import { Window } from "../src/dashboard/window";

const layer = (number: number, bitrate_bps: number, active = true): Layer => ({
  layer: number, rid: ["q", "h", "f"][number] ?? null, active, bitrate_bps, frame_rate: 30,
});
const CAMERA: TrackFigures = {
  id: "TR_v", kind: "video", source: "camera", codec: "vp8", muted: false, bitrate_bps: 600_000, forwarded_layer: 1,
  layers: [layer(0, 100_000), layer(1, 500_000), layer(2, 0, false)],
};
const MICROPHONE: TrackFigures = {
  ...CAMERA, id: "TR_a", kind: "audio", source: "microphone", codec: "opus", forwarded_layer: null, layers: [layer(0, 30_000)],
};
const participant = (changes: Partial<ParticipantFigures> = {}): ParticipantFigures => ({
  id: "PA_1", identity: "alice", name: "", kind: "publisher", state: "active", problem: null, paths: [], rtt_ms: null, tracks: [],
  incoming: { bitrate_bps: 0, packets: 0, lost: 0 },
  outgoing: { streams: 0, bitrate_bps: 0, loss_fraction: null, video_layers: [] },
  ...changes,
});
const SERVER: ServerFigures = {
  version: "1", uptime_seconds: 100, memory_bytes: 2 ** 20, rooms: 2, participants: { publisher: 1, viewer: 3 },
  processor: { cores: 2, process_seconds: 10, event_loop_seconds: 4, worker_seconds: [1, 2] },
  event_loop: { lag_seconds: 1, observations: 200 },
  traffic: { packets_received: 100, bytes_received: 1000, packets_sent: 200, bytes_sent: 2000 },
  dropped: { forged: 1, padding: 2 },
};

describe("Window", () => {
  it("tells growth between the newest reading and one five seconds older", () => {
    const window = new Window();
    expect(window.add(0, { packets: 0 })).toBeNull();
    for (let at = 1; at <= 9; at++) window.add(at, { packets: at * at });
    const growth = window.add(10, { packets: 100 });
    expect([growth?.seconds, growth?.of("packets"), growth?.of("unknown")]).toEqual([5, 75, 0]);
  });

  it("begins again with a server that began again, by its clock or by its totals", () => {
    const window = new Window();
    window.add(100, { packets: 50 });
    expect(window.add(3, { packets: 60 })).toBeNull();
    expect(window.add(4, { packets: 70 })?.of("packets")).toBe(10);
    expect(window.add(5, { packets: 1 })).toBeNull();
  });

  it("keeps few readings however often it is asked", () => {
    const window = new Window();
    for (let at = 0; at < 1; at += 0.001) window.add(at, { packets: 1000 * at });
    expect(window.add(1, { packets: 1000 })?.seconds).toBeLessThan(0.02);
  });
});

describe("History", () => {
  it("forgets what is older than ten minutes, and has a bound for those who are asked more often", () => {
    const history = new History<number>();
    for (let at = 0; at < 2000; at++) history.add(at, at);
    expect([history.times()[0], history.length, history.latest]).toEqual([2000 - HISTORY_SECONDS, HISTORY_SECONDS, 1999]);
    for (let at = 2000; at < 2100; at += 0.1) history.add(at, at);
    expect(history.length).toBeLessThanOrEqual(660);
  });

  it("has a gap where nothing was asked for a while, and takes no row twice", () => {
    const history = new History<number>();
    for (const at of [1, 2, 2, 1, 60, 61]) history.add(at, at);
    expect(history.times()).toEqual([1, 2, 31, 60, 61]);
    expect(history.values((row) => row)).toEqual([1, 2, null, 60, 61]);
    expect([history.row(0), history.row(2), history.row(9)]).toEqual([1, null, null]);
  });
});

describe("Recent", () => {
  const keys = (recent: Recent<object>): string[] => ["a", "b", "c", "d"].filter((key) => recent.peek(key) !== null);

  it("has room for so many, and makes room only for whom one insists on", () => {
    const recent = new Recent(() => ({}), 2);
    const first = recent.touch("a", false);
    recent.touch("b", false);
    expect(recent.touch("c", false)).toBeNull();
    expect(recent.touch("a", true)).toBe(first);
    expect(recent.touch("d", true)).not.toBeNull();
    expect(keys(recent)).toEqual(["a", "d"]);
    recent.retain(new Set(["d", "x"]));
    expect(keys(recent)).toEqual(["d"]);
  });
});

describe("participantMoment", () => {
  it("reads bitrates, and makes loss of the growth of totals", () => {
    const before = participant({ incoming: { bitrate_bps: 0, packets: 100, lost: 5 } });
    const after = participant({ incoming: { bitrate_bps: 630_000, packets: 190, lost: 15 }, tracks: [CAMERA, MICROPHONE], rtt_ms: 12 });
    const window = new Window();
    const first = participantMoment(before, window.add(1, participantTotals(before)));
    const moment = participantMoment(after, window.add(2, participantTotals(after)));
    expect(first.lossInPercent).toBeNull();
    expect(moment).toMatchObject({ inKbps: 630, lossInPercent: 10, rttMs: 12, layerIn: 1, layerForwarded: 1, layerOut: null });
    // Nothing came since: no loss, and no claim that there was none.
    expect(participantMoment(after, window.add(9, participantTotals(after))).lossInPercent).toBeNull();
  });

  it("tells the highest layer that is received, and the estimate of a server that has one", () => {
    const viewer = { streams: 3, bitrate_bps: 900_000, loss_fraction: 0.02, video_layers: [1, 2, 0] };
    const moment = participantMoment(participant({ outgoing: viewer }), null);
    expect(moment).toMatchObject({ outKbps: 900, lossOutPercent: 2, layerOut: 1, layerIn: null, estimateKbps: null });
    const estimated = participant({ outgoing: { ...viewer, estimate_bps: 1_500_000 } });
    expect(participantMoment(estimated, null).estimateKbps).toBe(1500);
  });
});

describe("serverMoment", () => {
  it("makes rates of totals, by the server's own clock", () => {
    const later: ServerFigures = {
      ...SERVER,
      uptime_seconds: 104,
      processor: { cores: 2, process_seconds: 14, event_loop_seconds: 5, worker_seconds: [3, 2] },
      event_loop: { lag_seconds: 1.04, observations: 208 },
      traffic: { packets_received: 500, bytes_received: 5000, packets_sent: 1000, bytes_sent: 10_000 },
      dropped: { forged: 1, padding: 6 },
    };
    const window = new Window();
    const first = serverMoment(SERVER, window.add(SERVER.uptime_seconds, serverTotals(SERVER)));
    expect([first.cpuPercent, first.packetsIn, first.lagMs, first.workerPercents]).toEqual([null, null, null, []]);
    expect([first.participants, first.memoryBytes]).toEqual([4, 2 ** 20]);
    const moment = serverMoment(later, window.add(later.uptime_seconds, serverTotals(later)));
    expect(moment).toMatchObject({
      cpuPercent: 50, loopPercent: 25, workerPercents: [50, 0], packetsIn: 100, packetsOut: 200, inKbps: 8, outKbps: 16, droppedPerSecond: 1,
    });
    expect(moment.lagMs).toBeCloseTo(5);
  });

  it("does without what a system does not tell", () => {
    const bare: ServerFigures = {
      ...SERVER, memory_bytes: null, processor: { cores: 1, process_seconds: 1, event_loop_seconds: null, worker_seconds: [] },
    };
    const window = new Window();
    window.add(0, serverTotals(bare));
    const moment = serverMoment(bare, window.add(1, serverTotals(bare)));
    expect([moment.loopPercent, moment.workerPercents, moment.lagMs]).toEqual([null, [], null]);
  });
});

describe("pageOf", () => {
  const quiet: ParticipantMoment = {
    inKbps: 0, outKbps: 0, estimateKbps: null, lossInPercent: null, lossOutPercent: null, rttMs: null,
    layerIn: null, layerForwarded: null, layerOut: null,
  };
  const person = (identity: string, moment: Partial<ParticipantMoment> = {}, changes: Partial<ParticipantFigures> = {}): Person => ({
    figures: participant({ id: `PA_${identity}`, identity, ...changes }), moment: { ...quiet, ...moment },
  });
  const names = (people: readonly Person[]): string[] => people.map(({ figures }) => figures.identity);

  it("orders by joining, by identity, or the worst first", () => {
    const everyone = [person("b", { rttMs: 5, inKbps: 9 }), person("a", { lossOutPercent: 3 }), person("c", { rttMs: 80, lossInPercent: 1 })];
    const ordered = (order: Parameters<typeof pageOf>[2]): string => names(pageOf(everyone, "", order, 0).people).join("");
    expect([ordered("joined"), ordered("identity"), ordered("rtt"), ordered("loss"), ordered("bitrate")]).toEqual(["bac", "abc", "cba", "acb", "bac"]);
    expect(names(everyone)).toEqual(["b", "a", "c"]);
  });

  it("finds by identity, name, kind and state", () => {
    const everyone = [person("alice", {}, { name: "Ada L." }), person("bob", {}, { kind: "viewer", state: "joining" })];
    const found = (wanted: string): string => names(pageOf(everyone, wanted, "joined", 0).people).join(" ");
    expect([found(" LICE "), found("ada"), found("viewer"), found("joining"), found("x"), found("")]).toEqual(["alice", "alice", "bob", "bob", "", "alice bob"]);
  });

  it("turns to the last page when there are fewer than asked for", () => {
    const everyone = Array.from({ length: 2 * PAGE_SIZE + 1 }, (_, index) => person(`p${index}`));
    const page = pageOf(everyone, "", "joined", 7);
    expect([page.page, page.pages, page.total, page.people.length]).toEqual([2, 3, 51, 1]);
    expect(pageOf([], "", "joined", 3)).toMatchObject({ page: 0, pages: 1, total: 0, people: [] });
  });
});

describe("words", () => {
  it("scale numbers to three digits or so", () => {
    expect([0, 999.4, 1000, 1234, 56_789, 123_456, 9_990_000, 4e12].map((value) => joined(scaled(value, "b")))).toEqual([
      "0 b", "999 b", "1.00 kb", "1.23 kb", "56.8 kb", "123 kb", "9.99 Mb", "4000 Gb",
    ]);
    expect([0, 2.5, 500_000, 1_000_000, 1500].map(brief)).toEqual(["0", "2.5", "500k", "1M", "1.5k"]);
    expect([joined(bits(1500)), joined(bits(null))]).toEqual(["1.50 Mbit/s", "–"]);
  });

  it("tell times and sizes", () => {
    expect([5, 65, 3 * 3600 + 120, 86_400 * 2 + 7200].map((seconds) => joined(duration(seconds)))).toEqual(["5 s", "1 min", "3 h 2 min", "2 d 2 h"]);
    expect([joined(memory(2 ** 21)), joined(memory(null))]).toEqual(["2 MiB", "–"]);
  });

  it("tell paths, one per direction where they differ", () => {
    expect(transport([])).toBe("–");
    expect(transport([{ protocol: "udp", relayed: false }, { protocol: "tls", relayed: true }])).toBe("UDP + TLS, relayed");
  });

  it("tell layers, and what is passed on where that is another", () => {
    const moment = participantMoment(participant({ tracks: [CAMERA] }), null);
    expect(layers(moment)).toBe("sends 1");
    expect(layers({ ...moment, layerForwarded: 0, layerOut: 2 })).toBe("sends 1, passes on 0; gets 2");
    expect(layers({ ...moment, layerIn: null, layerForwarded: null })).toBe("–");
    expect(layerList(CAMERA)).toBe("q: 100 kbit/s, 30 fps; h: 500 kbit/s, 30 fps ✓");
    expect(layerList({ ...CAMERA, layers: [{ ...layer(0, 1000), rid: null }] })).toBe("0: 1.00 kbit/s, 30 fps");
    expect(layerList(MICROPHONE)).toBe("–");
  });

  it("tell tracks by their source, and drops by reason, most first", () => {
    expect([CAMERA, MICROPHONE, { ...CAMERA, source: "unknown" }, { ...MICROPHONE, source: "unknown" }].map(trackName)).toEqual([
      "Camera", "Microphone", "Video", "Audio",
    ]);
    expect(drops({ forged: 2, no_keys: 1500 })).toBe("Dropped since the start: no keys 1500, forged 2.");
    expect(drops({})).toBe("");
  });
});
