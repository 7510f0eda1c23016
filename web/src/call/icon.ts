/** Icons for elements made here; those in the HTML refer to the same files. */

import callIcons from "../assets/call-icons.svg";
import icons from "../assets/icons.svg";

const FILES = {
  "mic": icons,
  "mic-off": icons,
  "camera": icons,
  "camera-off": icons,
  "pin": callIcons,
} as const;
export type IconName = keyof typeof FILES;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${FILES[name]}#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add(name);
  svg.append(use);
  return svg;
}
