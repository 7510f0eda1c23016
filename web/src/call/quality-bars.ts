/** How good somebody's connection is, as three bars and as a word. */

import { element } from "../ui/dom";
import type { Quality } from "./faces";

const WORDS: Readonly<Record<Quality, string>> = {
  unknown: "",
  lost: "Connection lost",
  poor: "Connection poor",
  good: "Connection good",
  excellent: "Connection excellent",
};

export class QualityBars {
  private readonly word = element("span", { className: "visually-hidden" });
  readonly element = element("span", { className: "bars" }, element("i"), element("i"), element("i"), this.word);

  show(quality: Quality): void {
    if (this.element.dataset["quality"] === quality) return;
    this.element.dataset["quality"] = quality;
    this.element.title = this.word.textContent = WORDS[quality];
    this.element.hidden = quality === "unknown";
  }
}
