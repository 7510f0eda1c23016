/** The order of tiles: as people came, except that who speaks is on the first page. */

export interface Ranked {
  readonly key: string;
  readonly local: boolean;
  readonly speaking: boolean;
  readonly lastSpokeMs: number;
}

/**
 * The keys of `present`, in the order of `before` with newcomers after them and oneself first. Who speaks beyond the
 * first `capacity` changes places with whoever on that page has been silent longest; nobody else moves.
 */
export function ordered(before: readonly string[], present: readonly Ranked[], capacity: number): string[] {
  const known = new Map(present.map((one) => [one.key, one]));
  const keys = [...new Set([...before.filter((key) => known.has(key)), ...known.keys()])];
  const all = keys.map((key) => known.get(key)).filter((one) => one !== undefined);
  const row = [...all.filter(({ local }) => local), ...all.filter(({ local }) => !local)];
  for (let index = Math.max(0, capacity); index < row.length; index++) {
    const speaker = row[index];
    if (!speaker?.speaking) continue;
    const place = quietest(row.slice(0, capacity));
    const silent = row[place];
    if (silent === undefined) break;
    row[place] = speaker;
    row[index] = silent;
  }
  return row.map(({ key }) => key);
}

/** Of those who may give way, whoever has been silent longest; of equals, the last. -1: nobody. */
function quietest(page: readonly Ranked[]): number {
  let found = -1;
  page.forEach(({ local, speaking, lastSpokeMs }, index) => {
    if (!local && !speaking && lastSpokeMs <= (page[found]?.lastSpokeMs ?? Infinity)) found = index;
  });
  return found;
}
