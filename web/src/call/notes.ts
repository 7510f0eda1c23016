/** Short notes of what happened, for a moment; screen readers read them out. */

import { element } from "../ui/dom";

const SHOWN_MS = 6000;
const MOST = 4;

export class Notes {
  constructor(private readonly list: HTMLUListElement) {}

  say(text: string): void {
    const note = element("li", {}, text);
    this.list.append(note);
    while (this.list.children.length > MOST) this.list.firstElementChild?.remove();
    setTimeout(() => note.remove(), SHOWN_MS);
  }

  clear(): void {
    this.list.replaceChildren();
  }
}
