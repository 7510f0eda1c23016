/** Where the tiles of a meeting go: rectangles in a box, the largest that fit, and pages of them beyond that. */

export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Arrangement {
  /** The large picture, when one is chosen. */
  readonly focus: Rect | null;
  /** One per tile of the page shown, in order. */
  readonly tiles: readonly Rect[];
  /** How many tiles a page holds. */
  readonly perPage: number;
  readonly pages: number;
}

/** Between tiles, in CSS pixels. */
export const GAP = 8;
/** A face in less than this is not recognised: what does not fit at this size goes to another page. */
const MIN_WIDTH = 112;
const MIN_HEIGHT = 84;
/** More pictures at once than this is more than browsers decode well. */
const MOST_PER_PAGE = 50;
/** Cameras are wide: cut to less than this they lose too much, unless all there is is upright, as on a phone. */
const NARROWEST = 4 / 3;
const NARROWEST_UPRIGHT = 1;
const WIDEST = 16 / 9;
/** The share of the box that stays for the others beside, or under, a large picture. */
const STRIP_SHARE = 0.2;
/** Boxes wider than this, for their height, have the strip at the side. */
const SIDE_FROM = 1.3;

/**
 * Tiles for `count` pictures in a box of `width` by `height` CSS pixels. `focused` keeps one of them large, and `count`
 * does not count it. `page` counts from 0; one beyond the last shows the last.
 */
export function arrange(count: number, width: number, height: number, focused: boolean, page: number): Arrangement {
  const box: Rect = { left: 0, top: 0, width: Math.max(0, width), height: Math.max(0, height) };
  const narrowest = box.width < box.height ? NARROWEST_UPRIGHT : NARROWEST;
  const [focus, rest] = focused ? divided(box, count) : [null, box];
  const perPage = capacity(count, rest);
  const pages = Math.max(1, Math.ceil(count / perPage));
  const first = Math.min(Math.max(0, page), pages - 1) * perPage;
  const shown = Math.min(perPage, count - first);
  // The last page has tiles as large as those of the others, so that nothing changes size on turning to it.
  const grid = best(pages > 1 ? perPage : count, rest, narrowest);
  return { focus, tiles: placed(shown, grid, rest), perPage, pages };
}

function divided(box: Rect, count: number): [focus: Rect, rest: Rect] {
  if (count === 0) return [box, { ...box, width: 0, height: 0 }];
  if (box.width > box.height * SIDE_FROM) {
    const strip = Math.min(box.width / 2, Math.max(MIN_WIDTH, Math.floor(box.width * STRIP_SHARE)));
    const left = box.width - strip;
    return [
      { ...box, width: Math.max(0, left - GAP) },
      { ...box, left, width: strip },
    ];
  }
  const strip = Math.min(box.height / 2, Math.max(MIN_HEIGHT, Math.floor(box.height * STRIP_SHARE)));
  const top = box.height - strip;
  return [
    { ...box, height: Math.max(0, top - GAP) },
    { ...box, top, height: strip },
  ];
}

interface Grid {
  readonly columns: number;
  readonly width: number;
  readonly height: number;
}

/** The most tiles, up to `count`, that are not too small; at least one. */
function capacity(count: number, box: Rect): number {
  const across = Math.max(1, Math.floor((box.width + GAP) / (MIN_WIDTH + GAP)));
  const down = Math.max(1, Math.floor((box.height + GAP) / (MIN_HEIGHT + GAP)));
  return Math.max(1, Math.min(count, MOST_PER_PAGE, across * down));
}

/** The number of columns that gives `count` tiles the largest area; of equals, the fewest. */
function best(count: number, box: Rect, narrowest: number): Grid {
  let found: Grid = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const grid = { columns, ...cut((box.width + GAP) / columns - GAP, (box.height + GAP) / rows - GAP, narrowest) };
    if (grid.width * grid.height > found.width * found.height) found = grid;
  }
  return found;
}

/** The largest whole-pixel tile of a bearable shape in a cell. */
function cut(width: number, height: number, narrowest: number): { width: number; height: number } {
  const fitted = { width: Math.min(width, height * WIDEST), height: Math.min(height, width / narrowest) };
  return { width: Math.max(0, Math.floor(fitted.width)), height: Math.max(0, Math.floor(fitted.height)) };
}

/** Row by row, in the middle of the box; the last row, where it is shorter, in the middle as well. */
function placed(count: number, { columns, width, height }: Grid, box: Rect): Rect[] {
  const rows = Math.ceil(count / columns);
  const top = box.top + Math.floor((box.height - rows * (height + GAP) + GAP) / 2);
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = box.left + Math.floor((box.width - inRow * (width + GAP) + GAP) / 2);
    return { left: left + (index % columns) * (width + GAP), top: top + row * (height + GAP), width, height };
  });
}
