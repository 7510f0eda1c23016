import { describe, expect, it } from "vitest";
import { comingWords, Comings } from "../src/call/comings";
import { type Face, faceKey, facesOf, focusOf, type Participant, personOf, type Publication } from "../src/call/faces";
import { displayName, hue, initials } from "../src/call/names";
import { ordered, type Ranked } from "../src/call/order";

let sids = 0;
function publication(kind: string, source: string, isMuted = false): Publication<string> {
  return { trackSid: `TR_${sids++}`, kind, source, isMuted, track: `${source} picture` };
}

function participant(identity: string, ...publications: Publication<string>[]): Participant<string> {
  return {
    ...{ identity, isLocal: false, isSpeaking: false, connectionQuality: "good" },
    getTrackPublications: () => publications,
  };
}

describe("personOf", () => {
  it("says who is to be heard and seen", () => {
    const silent = personOf(participant("a"));
    expect([silent.muted, silent.cameraOff, silent.audible]).toEqual([true, true, []]);
    const present = personOf(participant("b", publication("audio", "microphone"), publication("video", "camera")));
    expect([present.muted, present.cameraOff, present.audible.length]).toEqual([false, false, 1]);
  });

  it("does not take the sound of a shared screen for a voice, nor the screen for a face", () => {
    const sharing = personOf(participant("a", publication("audio", "screen_share_audio"), publication("video", "screen_share")));
    expect([sharing.muted, sharing.cameraOff]).toEqual([true, true]);
    // A host can end both.
    expect([sharing.audible.length, sharing.visible.length]).toEqual([1, 1]);
  });

  it("knows no quality but those that are", () => {
    expect(personOf(participant("a")).quality).toBe("good");
    expect(personOf({ ...participant("a"), connectionQuality: "<b>" }).quality).toBe("unknown");
  });
});

describe("facesOf", () => {
  it("is a camera, and a screen while there is one", () => {
    const faces = facesOf(participant("a", publication("video", "screen_share"), publication("video", "camera")));
    expect(faces.map(({ screen, video }) => [screen, video])).toEqual([
      [false, "camera picture"],
      [true, "screen_share picture"],
    ]);
  });

  it("takes a picture of unknown source for a camera", () => {
    expect(facesOf(participant("whip", publication("video", "unknown")))[0]?.video).toBe("unknown picture");
  });

  it("has no picture of what is muted", () => {
    expect(facesOf(participant("a", publication("video", "camera", true)))).toMatchObject([{ video: null }]);
  });

  it("never mixes the tiles of two people", () => {
    expect(new Set([faceKey("a", true), faceKey("a", false), faceKey("screen a", false)]).size).toBe(3);
  });
});

describe("focusOf", () => {
  const camera = facesOf(participant("a"));
  const others = facesOf(participant("b", publication("video", "screen_share")));
  const own: Face<string>[] = facesOf({ ...participant("me", publication("video", "screen_share")), isLocal: true });

  it("is what was chosen, else the screen of somebody else, else nothing", () => {
    expect(focusOf([...camera, ...others], camera[0]?.key ?? null)).toBe(camera[0]?.key);
    expect(focusOf([...camera, ...others, ...own], null)).toBe(faceKey("b", true));
    expect(focusOf([...camera, ...own], null)).toBeNull();
    expect(focusOf(camera, "camera gone")).toBeNull();
  });
});

describe("ordered", () => {
  const one = (key: string, speaking = false, lastSpokeMs = 0, local = false): Ranked => ({ key, local, speaking, lastSpokeMs });
  const people = (keys: string): Ranked[] => [...keys].map((key) => one(key));

  it("keeps the order, forgets who left, and appends who came", () => {
    expect(ordered([..."cab"], people("abd"), 9)).toEqual([..."abd"]);
    expect(ordered([], people("xyz"), 9)).toEqual([..."xyz"]);
  });

  it("puts oneself first", () => {
    expect(ordered([..."ab"], [...people("ab"), one("me", false, 0, true)], 9)).toEqual(["me", "a", "b"]);
  });

  it("brings who speaks to the first page, in place of who was silent longest, and moves nobody else", () => {
    const present = [one("me", false, 0, true), one("a", false, 50), one("b", false, 20), one("c", false, 70), one("d"), one("e", true)];
    expect(ordered(["me", ..."abcde"], present, 4)).toEqual(["me", "a", "e", "c", "d", "b"]);
  });

  it("moves nobody while who speaks is on the first page already, or all there speak", () => {
    expect(ordered([..."abc"], [one("a"), one("b", true), one("c")], 2)).toEqual([..."abc"]);
    expect(ordered([..."abc"], [one("a", true), one("b", true), one("c", true)], 2)).toEqual([..."abc"]);
  });

  it("finds a place for several at once", () => {
    const present = [one("a"), one("b"), one("c", true), one("d", true)];
    expect(new Set(ordered([..."abcd"], present, 2).slice(0, 2))).toEqual(new Set([..."cd"]));
  });
});

describe("names", () => {
  it("are one line without marks that cannot be seen", () => {
    expect(displayName(" Ada\n\u202eLovelace\u0000 ", "id")).toBe("Ada Lovelace");
    expect(displayName("\u200b\u2066", "id-7")).toBe("id-7");
    expect(displayName(undefined, "\u200d")).toBe("Nameless");
    expect(displayName("<img src=x onerror=alert(1)>", "")).toBe("<img src=x onerror=alert(1)>");
  });

  it("are at most sixty characters, whatever they are made of", () => {
    expect([...displayName("👩".repeat(5000), "")]).toHaveLength(60);
    expect(displayName("é".repeat(60), "")).toBe("é".repeat(60));
  });

  it("have initials and a colour", () => {
    expect(["Ada Lovelace", "ada", "(x) Ömer de Çelik", "🙂", ""].map(initials)).toEqual(["AL", "A", "XÇ", "?", "?"]);
    expect(hue("ada")).toBe(hue("ada"));
    expect(hue("ada")).not.toBe(hue("bob"));
  });
});

describe("comings", () => {
  it("names two, and counts more", () => {
    expect(comingWords(["Ada"], "joined")).toBe("Ada joined");
    expect(comingWords(["Ada", "Bob"], "left")).toBe("Ada and Bob left");
    expect(comingWords(["Ada", "Bob", "Cem"], "left")).toBe("3 people left");
  });

  it("says nothing of who came and left at once", () => {
    const comings = new Comings();
    comings.join("a", "Ada");
    comings.leave("a", "Ada");
    comings.leave("b", "Bob");
    comings.leave("c", "Cem");
    comings.join("c", "Cem");
    expect(comings.take()).toEqual(["Bob left"]);
    expect(comings.take()).toEqual([]);
  });
});
