/** The panels beside the pictures: one at a time, or none. */

import { byId } from "../ui/dom";

export const PANELS = ["people", "chat"] as const;
export type PanelName = (typeof PANELS)[number];

export class Panels {
  private shown: PanelName | null = null;

  constructor(
    private readonly meeting: HTMLElement,
    private readonly onOpen: (name: PanelName) => void,
    signal: AbortSignal,
  ) {
    for (const name of PANELS) {
      const toggle = (): void => this.show(this.shown === name ? null : name);
      byId(name, HTMLButtonElement).addEventListener("click", toggle, { signal });
      meeting.querySelector(`[data-closes="${name}"]`)?.addEventListener("click", () => this.show(null), { signal });
      byId(`${name}-panel`, HTMLElement).addEventListener("keydown", ({ key }) => {
        if (key === "Escape") this.show(null);
      }, { signal });
    }
    this.show(null);
  }

  isOpen(name: PanelName): boolean {
    return this.shown === name;
  }

  private show(name: PanelName | null): void {
    const before = this.shown;
    this.shown = name;
    this.meeting.classList.toggle("with-panel", name !== null);
    for (const each of PANELS) {
      byId(`${each}-panel`, HTMLElement).hidden = each !== name;
      byId(each, HTMLButtonElement).ariaExpanded = String(each === name);
    }
    if (name !== null) this.onOpen(name);
    if (name === "chat") byId("chat-text", HTMLTextAreaElement).focus();
    // The focus would be lost with the panel it is in.
    else if (name === null && before !== null) byId(before, HTMLButtonElement).focus();
  }
}
