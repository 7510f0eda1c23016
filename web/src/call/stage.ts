/** The pictures of a meeting: tiles, where they go, and which page of them is shown. */

import { byId } from "../ui/dom";
import { type Face, focusOf } from "./faces";
import { arrange } from "./layout";
import { ordered } from "./order";
import { type Attachable, Tile } from "./tile";

export class Stage {
  private readonly list = byId("tiles", HTMLUListElement);
  private readonly pager = byId("pager", HTMLElement);
  private readonly pageNumber = byId("page-number", HTMLElement);
  private readonly previous = byId("previous-page", HTMLButtonElement);
  private readonly next = byId("next-page", HTMLButtonElement);
  private readonly tiles = new Map<string, Tile>();
  private readonly resized = new ResizeObserver(() => this.render());
  private faces: readonly Face<Attachable>[] = [];
  private order: readonly string[] = [];
  private chosen: string | null = null;
  /** Somebody here wants everybody at the same size, also while a screen is shared: the key of what was made small. */
  private dismissed: string | null = null;
  private page = 0;

  constructor(signal: AbortSignal) {
    this.resized.observe(this.list);
    this.previous.addEventListener("click", () => this.turn(-1), { signal });
    this.next.addEventListener("click", () => this.turn(1), { signal });
    signal.addEventListener("abort", () => this.resized.disconnect());
  }

  show(faces: readonly Face<Attachable>[]): void {
    this.faces = faces;
    for (const [key, tile] of this.tiles) {
      if (faces.some((face) => face.key === key)) continue;
      tile.remove();
      this.tiles.delete(key);
    }
    for (const { key } of faces) {
      if (this.tiles.has(key)) continue;
      const tile = new Tile(key, (pinned) => this.pin(pinned));
      this.tiles.set(key, tile);
      this.list.append(tile.element);
    }
    this.render();
  }

  /** By the tile's key. */
  figures(key: string): Tile["figures"] | null {
    return this.tiles.get(key)?.figures ?? null;
  }

  private get focus(): string | null {
    const focus = focusOf(this.faces, this.chosen);
    return focus === this.dismissed ? null : focus;
  }

  private pin(key: string): void {
    const large = this.focus === key;
    this.chosen = large ? null : key;
    this.dismissed = large ? key : null;
    this.page = 0;
    this.render();
  }

  private turn(by: number): void {
    this.page += by;
    this.render();
  }

  private render(): void {
    const { clientWidth: width, clientHeight: height } = this.list;
    if (!this.faces.some(({ key }) => key === this.dismissed)) this.dismissed = null;
    const focus = this.focus;
    const others = this.faces.filter(({ key }) => key !== focus).map(({ key, person }) => ({ key, ...person }));
    const { perPage } = arrange(others.length, width, height, focus !== null, 0);
    this.order = ordered(this.order, others, perPage);
    this.page = Math.max(0, Math.min(this.page, Math.ceil(others.length / perPage) - 1));
    const places = arrange(others.length, width, height, focus !== null, this.page);
    for (const face of this.faces) {
      const tile = this.tiles.get(face.key);
      const index = this.order.indexOf(face.key) - this.page * perPage;
      tile?.show(face, face.key === focus);
      tile?.place(face.key === focus ? places.focus : (places.tiles[index] ?? null));
    }
    const paged = places.pages > 1;
    this.pager.hidden = !paged;
    // Makes room for the pager, and so comes here again; pages that are needed in more room are needed in less.
    this.list.classList.toggle("paged", paged);
    this.pageNumber.textContent = `${this.page + 1} of ${places.pages}`;
    this.previous.disabled = this.page === 0;
    this.next.disabled = this.page === places.pages - 1;
  }
}
