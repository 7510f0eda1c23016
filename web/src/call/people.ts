/** The list of participants, and what a host may do to them. */

import { byId, element } from "../ui/dom";
import { Avatar } from "./avatar";
import type { Person } from "./faces";
import type { HostActions } from "./host-actions";
import { icon } from "./icon";
import { QualityBars } from "./quality-bars";

/** More rows than anybody reads. */
const MOST_ROWS = 300;

export class People {
  private readonly list = byId("people-list", HTMLUListElement);
  private readonly count = byId("people-count", HTMLElement);
  private readonly button = byId("people", HTMLButtonElement);
  private readonly rows = new Map<string, Row>();
  private readonly rest = element("li", { className: "hint" });

  /** `actions` is null for those who are not the host. */
  constructor(private readonly actions: HostActions | null) {}

  show(people: readonly Person[]): void {
    this.count.textContent = people.length.toString();
    this.button.ariaLabel = `Participants: ${people.length}`;
    const shown = people.slice(0, MOST_ROWS);
    const identities = new Set(shown.map(({ identity }) => identity));
    for (const [identity, row] of this.rows) {
      if (identities.has(identity)) continue;
      row.element.remove();
      this.rows.delete(identity);
    }
    for (const person of shown) this.row(person.identity).show(person);
    this.rest.remove();
    if (people.length <= shown.length) return;
    this.rest.textContent = `and ${people.length - shown.length} more`;
    this.list.append(this.rest);
  }

  private row(identity: string): Row {
    let row = this.rows.get(identity);
    if (row === undefined) {
      row = new Row(this.actions);
      this.rows.set(identity, row);
      this.list.append(row.element);
    }
    return row;
  }
}

class Row {
  readonly element = element("li", { className: "person" });
  private readonly avatar = new Avatar();
  private readonly name = element("bdi", { className: "person-name" });
  private readonly you = element("span", { className: "hint" });
  private readonly microphone = new Light("mic", "Microphone");
  private readonly camera = new Light("camera", "Camera");
  private readonly bars = new QualityBars();
  private readonly mute = action("Mute");
  private readonly stopVideo = action("Stop video");
  private readonly remove = action("Remove");
  private person: Person | null = null;

  constructor(private readonly actions: HostActions | null) {
    const who = element("span", { className: "who" }, this.name, this.you);
    const lights = element("span", { className: "lights" }, this.microphone.element, this.camera.element, this.bars.element);
    this.element.append(this.avatar.element, who, lights);
    if (actions === null) return;
    this.element.append(element("span", { className: "host" }, this.mute, this.stopVideo, this.remove));
    this.wire(this.mute, (person) => actions.mute(person));
    this.wire(this.stopVideo, (person) => actions.stopVideo(person));
    this.wire(this.remove, (person) => actions.remove(person));
  }

  show(person: Person): void {
    this.person = person;
    this.element.dataset["identity"] = person.identity;
    this.element.classList.toggle("speaking", person.speaking);
    this.avatar.show(person);
    if (this.name.textContent !== person.name) this.name.textContent = person.name;
    this.name.title = person.identity;
    this.you.textContent = person.local ? "you" : "";
    this.microphone.show(!person.muted);
    this.camera.show(!person.cameraOff);
    this.bars.show(person.quality);
    if (this.actions === null) return;
    for (const button of [this.mute, this.stopVideo, this.remove]) button.hidden = person.local;
    this.mute.disabled = person.audible.length === 0;
    this.stopVideo.disabled = person.visible.length === 0;
    label(this.mute, `Mute ${person.name}`);
    label(this.stopVideo, `Stop the video of ${person.name}`);
    label(this.remove, `Remove ${person.name}`);
  }

  private wire(button: HTMLButtonElement, act: (person: Person) => void): void {
    button.addEventListener("click", () => {
      if (this.person !== null) act(this.person);
    });
  }
}

/** A sign for on or off. */
class Light {
  private readonly word = element("span", { className: "visually-hidden" });
  readonly element: HTMLElement;

  constructor(
    name: "mic" | "camera",
    private readonly what: string,
  ) {
    this.element = element("span", { className: "light" }, icon(name), icon(`${name}-off`), this.word);
  }

  show(on: boolean): void {
    const text = `${this.what} ${on ? "on" : "off"}`;
    if (this.word.textContent === text) return;
    this.element.classList.toggle("off", !on);
    this.element.title = this.word.textContent = text;
  }
}

function action(text: string): HTMLButtonElement {
  return element("button", { type: "button", className: "quiet" }, text);
}

/** Screen readers hear whom it is about. */
function label(button: HTMLButtonElement, text: string): void {
  if (button.title !== text) button.ariaLabel = button.title = text;
}
