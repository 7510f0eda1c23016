/** One tile: a picture or what stands for it, whose it is, and how they are. */

import { element } from "../ui/dom";
import { Avatar } from "./avatar";
import type { Face } from "./faces";
import { icon } from "./icon";
import type { Rect } from "./layout";
import { QualityBars } from "./quality-bars";

/** What is needed of livekit-client's tracks. They watch the element they are attached to: its size, and whether it is seen. */
export interface Attachable {
  attach(element: HTMLMediaElement): HTMLMediaElement;
  detach(element: HTMLMediaElement): HTMLMediaElement;
}

export class Tile {
  readonly element: HTMLLIElement;
  private readonly video = element("video", { autoplay: true, muted: true, playsInline: true });
  private readonly avatar = new Avatar();
  // Isolated, so that a name in another direction of writing does not turn what stands beside it.
  private readonly name = element("bdi", { className: "tile-name" });
  private readonly state = element("span", { className: "visually-hidden" });
  private readonly bars = new QualityBars();
  private readonly enlarge = element("button", { type: "button", className: "tool enlarge" }, icon("pin"));
  private attached: Attachable | null = null;

  constructor(key: string, onEnlarge: (key: string) => void) {
    const caption = element("p", { className: "caption" }, icon("mic-off"), this.name, this.state, this.bars.element);
    this.element = element("li", { className: "tile" }, this.video, this.avatar.element, caption, this.enlarge);
    this.enlarge.addEventListener("click", () => onEnlarge(key));
  }

  show(face: Face<Attachable>, large: boolean): void {
    const { person, screen, video } = face;
    const name = screen ? `${person.name}: screen` : person.local ? `${person.name} (you)` : person.name;
    this.attach(video);
    this.avatar.show(person);
    this.bars.show(screen ? "unknown" : person.quality);
    if (this.name.textContent !== name) this.name.textContent = name;
    this.video.ariaLabel = `Picture of ${name}`;
    this.state.textContent = screen || !person.muted ? "" : "Microphone off";
    const { dataset, classList } = this.element;
    dataset["identity"] = person.identity;
    dataset["source"] = screen ? "screen" : "camera";
    classList.toggle("local", person.local);
    classList.toggle("screen-share", screen);
    classList.toggle("muted", person.muted && !screen);
    classList.toggle("speaking", person.speaking && !screen);
    classList.toggle("blank", video === null);
    classList.toggle("large", large);
    this.enlarge.ariaPressed = String(large);
    this.enlarge.ariaLabel = this.enlarge.title = large ? `Make ${name} small` : `Make ${name} large`;
  }

  /** Null hides it, and lets the sender stop sending. */
  place(rect: Rect | null): void {
    this.element.hidden = rect === null;
    if (rect === null) return;
    const { style } = this.element;
    style.translate = `${rect.left}px ${rect.top}px`;
    style.width = `${rect.width}px`;
    style.height = `${rect.height}px`;
    this.element.classList.toggle("tiny", rect.width < 200);
  }

  /** Frames that were shown, and how large they are. */
  get figures(): { framesShown: number; width: number; height: number } {
    const { videoWidth: width, videoHeight: height } = this.video;
    return { framesShown: this.video.getVideoPlaybackQuality().totalVideoFrames, width, height };
  }

  remove(): void {
    this.attach(null);
    this.element.remove();
  }

  private attach(track: Attachable | null): void {
    if (track === this.attached) return;
    this.attached?.detach(this.video);
    this.attached = track;
    track?.attach(this.video);
  }
}
