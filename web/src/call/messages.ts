/** The chat of a meeting: text, bounded in length and in number. */

/** The topic that LiveKit's own components use. */
export const CHAT_TOPIC = "lk.chat";
export const LONGEST_TEXT = 2000;
const MOST = 200;

export interface Message {
  readonly name: string;
  readonly text: string;
  readonly atMs: number;
  readonly mine: boolean;
}

/** The newest messages; older ones are forgotten. */
export class Messages {
  private readonly kept: Message[] = [];
  /** How many there were in all. */
  count = 0;

  get all(): readonly Message[] {
    return this.kept;
  }

  /** True when the oldest had to go. */
  add(message: Message): boolean {
    this.count++;
    this.kept.push(message);
    if (this.kept.length <= MOST) return false;
    this.kept.shift();
    return true;
  }
}

/**
 * All of a stream's text up to the limit. The rest is read as well and dropped: left alone it would gather in memory.
 * Raises what the stream raises: its sender left in the middle of it.
 */
export async function readText(chunks: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) {
    if (text.length <= LONGEST_TEXT) text = clipped(text + chunk);
  }
  return text.trim();
}

function clipped(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}
