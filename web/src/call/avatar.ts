/** What stands for somebody where there is no picture. */

import { element } from "../ui/dom";
import type { Person } from "./faces";
import { hue, initials } from "./names";

export class Avatar {
  readonly element = element("span", { className: "avatar", ariaHidden: "true" });

  show({ name, identity }: Person): void {
    const letters = initials(name);
    if (this.element.textContent !== letters) this.element.textContent = letters;
    this.element.style.setProperty("--hue", hue(identity).toString());
  }
}
