/** Names of participants, as short plain text. They come from other people's tokens and may hold anything. */

const LONGEST = 60;

/** `name`, else the identity: one line of at most 60 characters, without control characters. */
export function displayName(name: string | undefined, identity: string): string {
  return tidy(name ?? "") || tidy(identity) || "Nameless";
}

/** Controls, line breaks, and the marks that turn the direction of writing around or have no width. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\s\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu;
const SEEN = /[\p{L}\p{N}\p{P}\p{S}]/u;

function tidy(text: string): string {
  const line = text.slice(0, 8 * LONGEST).replace(UNSEEN, " ").trim();
  if (!SEEN.test(line)) return "";
  const characters = [...line];
  return characters.length <= LONGEST ? line : `${characters.slice(0, LONGEST - 1).join("")}…`;
}

/** One or two letters that stand for a name where there is no picture. */
export function initials(name: string): string {
  const words = name.split(" ").filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => /[\p{L}\p{N}]/u.exec(word ?? "")?.[0] ?? "");
  return letters.join("").toLocaleUpperCase() || "?";
}

/** A hue in degrees, always the same for an identity. */
export function hue(identity: string): number {
  let mixed = 7;
  for (const character of identity.slice(0, 256)) mixed = (mixed * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  // Identities that differ in a last digit get colours far apart.
  return (mixed * 137) % 360;
}
