/** Short notes of what happened, for a moment; screen readers read them out. */

import { element } from "../ui/dom";

const SHOWN_MS = 6000;
const MOST = 4;

export class Notes {
  constructor(private readonly list: HTMLUListElement) {}

  /** Says it once, however often it happens in a row. */
  say(text: string): void {
    if (this.list.lastElementChild?.textContent === text) return;
    const note = element("li", {}, text);
    this.list.append(note);
    while (this.list.children.length > MOST) this.list.firstElementChild?.remove();
    setTimeout(() => note.remove(), SHOWN_MS);
  }

  clear(): void {
    this.list.replaceChildren();
  }
}
