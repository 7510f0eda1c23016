/** Two buttons and where one is between them. */

import { element } from "../ui/dom";

export class Pager {
  private readonly back = element("button", { type: "button", className: "quiet" }, "Back");
  private readonly next = element("button", { type: "button", className: "quiet" }, "Next");
  private readonly where = element("span", { className: "hint" });

  /** `move` is told -1 or 1. */
  constructor(
    private readonly nav: HTMLElement,
    move: (by: -1 | 1) => void,
  ) {
    nav.append(this.back, this.where, this.next);
    this.back.addEventListener("click", () => move(-1));
    this.next.addEventListener("click", () => move(1));
  }

  show(where: string, hasBack: boolean, hasNext: boolean): void {
    this.nav.hidden = !hasBack && !hasNext;
    this.where.textContent = where;
    this.back.disabled = !hasBack;
    this.next.disabled = !hasNext;
  }
}
