/** The list of rooms, page by page as the server gives them. */

import { element } from "../ui/dom";
import type { RoomEntry, RoomPage } from "./answers";
import { Pager } from "./pager";

export const ROOMS_PER_PAGE = 20;
/** Pages one can go back; beyond, the way back begins at the first page again. */
const MAX_TRAIL = 500;

export class RoomsList {
  private readonly pager: Pager;
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private trail: (string | null)[] = [null];
  private following: string | null = null;

  constructor(
    private readonly list: HTMLElement,
    private readonly hint: HTMLElement,
    nav: HTMLElement,
    private readonly choose: (room: string) => void,
    turned: () => void,
  ) {
    this.pager = new Pager(nav, (by) => {
      if (by < 0) this.trail.pop();
      else if (this.following !== null) this.trail.push(this.following);
      if (this.trail.length > MAX_TRAIL) this.trail = [null];
      turned();
    });
  }

  /** What to ask the server for. */
  get pageToken(): string | null {
    return this.trail.at(-1) ?? null;
  }

  show({ items, next_page_token }: RoomPage, chosen: string | null): void {
    this.following = next_page_token;
    // Rooms of this page may have ended while it was shown.
    if (items.length === 0 && this.trail.length > 1) this.trail.pop();
    this.hint.textContent = items.length === 0 ? "No rooms now. One appears as soon as somebody joins it." : "";
    const names = new Set(items.map(({ name }) => name));
    for (const [name, button] of this.buttons) {
      if (names.has(name)) continue;
      button.parentElement?.remove();
      this.buttons.delete(name);
    }
    items.forEach((room, index) => this.place(room, index, room.name === chosen));
    this.pager.show(`Page ${this.trail.length}`, this.trail.length > 1, next_page_token !== null);
  }

  /** The token does not list rooms. */
  refuse(why: string): void {
    this.hint.textContent = why;
    this.list.replaceChildren();
    this.buttons.clear();
    this.pager.show("", false, false);
  }

  private place({ name, num_participants, num_publishers }: RoomEntry, index: number, chosen: boolean): void {
    const button = this.buttons.get(name) ?? this.make(name);
    const item = button.parentElement;
    if (item !== null && this.list.children[index] !== item) this.list.insertBefore(item, this.list.children[index] ?? null);
    button.setAttribute("aria-current", String(chosen));
    const counts = button.lastElementChild;
    const text = `${num_participants}${num_publishers > 0 ? ` · ${num_publishers} live` : ""}`;
    if (counts !== null && counts.textContent !== text) counts.textContent = text;
  }

  private make(name: string): HTMLButtonElement {
    const label = element("span", { className: "name", title: name }, name);
    const button = element("button", { type: "button" }, label, element("span", { className: "count" }));
    button.dataset["room"] = name;
    button.addEventListener("click", () => this.choose(name));
    this.buttons.set(name, button);
    this.list.append(element("li", {}, button));
    return button;
  }
}
