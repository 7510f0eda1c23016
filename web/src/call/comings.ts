/** Who came and who left, said once for all of a moment. */

const NAMED = 2;

/** Words for `names` that came or left; "" for nobody. */
export function comingWords(names: readonly string[], verb: "joined" | "left"): string {
  if (names.length === 0) return "";
  if (names.length <= NAMED) return `${names.join(" and ")} ${verb}`;
  return `${names.length} people ${verb}`;
}

/** Gathers names until it is asked. */
export class Comings {
  private readonly joined = new Map<string, string>();
  private readonly left = new Map<string, string>();

  /** Who left and came, or came and left, in the same moment is not worth a word. */
  join(identity: string, name: string): void {
    if (!this.left.delete(identity)) this.joined.set(identity, name);
  }

  leave(identity: string, name: string): void {
    if (!this.joined.delete(identity)) this.left.set(identity, name);
  }

  /** What there is to say, and forgets it. */
  take(): string[] {
    const words = [comingWords([...this.joined.values()], "joined"), comingWords([...this.left.values()], "left")];
    this.joined.clear();
    this.left.clear();
    return words.filter((text) => text !== "");
  }
}
