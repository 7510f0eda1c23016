import { describe, expect, it } from "vitest";
import { arrange, GAP, type Rect } from "../src/call/layout";

const COUNTS = Array.from({ length: 60 }, (_, index) => index + 1);
const BOXES = [
  [1248, 620],
  [1900, 900],
  [364, 560],
  [800, 360],
  [560, 560],
] as const;

const overlap = (a: Rect, b: Rect): boolean =>
  a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;

describe.each(BOXES)("in %i × %i", (width, height) => {
  it.each([false, true])("keeps every tile in the box and off the others (focused: %s)", (focused) => {
    for (const count of COUNTS) {
      const { focus, tiles, perPage, pages } = arrange(count, width, height, focused, 0);
      expect(tiles).toHaveLength(Math.min(count, perPage));
      expect(pages).toBe(Math.ceil(count / perPage));
      const all = focus === null ? tiles : [focus, ...tiles];
      expect(focus !== null).toBe(focused);
      const out = all.filter(
        (one) => one.left < 0 || one.top < 0 || one.left + one.width > width || one.top + one.height > height,
      );
      const covered = all.filter((one, index) => all.slice(index + 1).some((other) => overlap(one, other)));
      expect({ count, out, covered }).toEqual({ count, out: [], covered: [] });
    }
  });

  it("gives all tiles one bearable size and shape", () => {
    for (const count of COUNTS) {
      const { tiles } = arrange(count, width, height, false, 0);
      const [first] = tiles as [Rect];
      expect(new Set(tiles.map((tile) => `${tile.width} ${tile.height}`)).size).toBe(1);
      expect(first.width * first.height).toBeGreaterThanOrEqual(112 * 84);
      // Whole pixels may miss the limits by one.
      expect((first.width + 1) / first.height).toBeGreaterThan(width < height ? 1 : 4 / 3);
      expect(first.width / (first.height + 1)).toBeLessThan(16 / 9);
    }
  });

  it("never gives more people larger tiles", () => {
    const areas = COUNTS.map((count) => {
      const [tile] = arrange(count, width, height, false, 0).tiles as [Rect];
      return tile.width * tile.height;
    });
    expect(areas).toEqual([...areas].sort((a, b) => b - a));
  });
});

describe("arrange", () => {
  it("shows fifty on one page of a desktop, and no more", () => {
    expect(arrange(50, 1248, 620, false, 0)).toMatchObject({ perPage: 50, pages: 1 });
    expect(arrange(51, 1248, 620, false, 0)).toMatchObject({ perPage: 50, pages: 2 });
  });

  it("puts two side by side where it is wide, and one above the other where it is high", () => {
    const [left, right] = arrange(2, 1200, 600, false, 0).tiles as [Rect, Rect];
    expect([left.top, right.left]).toEqual([right.top, left.left + left.width + GAP]);
    const [upper, lower] = arrange(2, 360, 700, false, 0).tiles as [Rect, Rect];
    expect([upper.left, lower.top]).toEqual([lower.left, upper.top + upper.height + GAP]);
  });

  it("centres the last row", () => {
    const tiles = arrange(3, 1000, 700, false, 0).tiles as [Rect, Rect, Rect];
    const [first, second, last] = tiles;
    expect(last.top).toBeGreaterThan(first.top);
    expect(Math.abs(last.left + last.width / 2 - (first.left + second.left + second.width) / 2)).toBeLessThanOrEqual(1);
  });

  it("keeps the size of tiles on the last page", () => {
    const first = arrange(40, 364, 560, false, 0);
    const last = arrange(40, 364, 560, false, first.pages - 1);
    expect(first.pages).toBeGreaterThan(1);
    expect(last.tiles).toHaveLength(40 - (first.pages - 1) * first.perPage);
    expect(last.tiles[0]?.width).toBe(first.tiles[0]?.width);
    expect(arrange(40, 364, 560, false, 99)).toEqual(last);
  });

  it("gives most of the box to what is large: beside the others where it is wide, else above them", () => {
    const wide = arrange(3, 1248, 620, true, 0);
    expect(wide.focus).toMatchObject({ left: 0, top: 0, height: 620 });
    expect(wide.tiles.every(({ left }) => left > (wide.focus?.width ?? Infinity))).toBe(true);
    const high = arrange(3, 364, 560, true, 0);
    expect(high.focus).toMatchObject({ left: 0, top: 0, width: 364 });
    expect(high.tiles.every(({ top }) => top > (high.focus?.height ?? Infinity))).toBe(true);
    expect(arrange(0, 364, 560, true, 0)).toMatchObject({ focus: { width: 364, height: 560 }, tiles: [] });
  });

  it("stands a box without room", () => {
    expect(arrange(4, 0, 0, true, 0).tiles).toHaveLength(1);
    expect(arrange(0, 0, 0, false, 0)).toEqual({ focus: null, tiles: [], perPage: 1, pages: 1 });
  });
});
