/** The chat panel: what was said, always as text, and the line to say something. */

import { byId, element } from "../ui/dom";
import { type Message, Messages } from "./messages";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
/** Within this of the end, the list follows new messages. CSS pixels. */
const NEAR_END = 60;

export class Chat {
  private readonly log = byId("chat-log", HTMLOListElement);
  private readonly empty = byId("chat-empty", HTMLElement);
  private readonly unread = byId("chat-unread", HTMLElement);
  private readonly button = byId("chat", HTMLButtonElement);
  private readonly field = byId("chat-text", HTMLTextAreaElement);
  private readonly sendButton = byId("chat-send", HTMLButtonElement);
  private readonly messages = new Messages();
  private missed = 0;
  private sending = false;
  private allowed = true;

  constructor(
    private readonly send: (text: string) => Promise<void>,
    private readonly isOpen: () => boolean,
    private readonly say: (text: string) => void,
    signal: AbortSignal,
  ) {
    this.log.replaceChildren();
    this.field.value = "";
    this.read();
    byId("chat-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.submit();
    }, { signal });
    this.field.addEventListener("keydown", (event) => {
      // Enter also ends the composition of a word in Chinese, Japanese and Korean.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      void this.submit();
    }, { signal });
  }

  get count(): number {
    return this.messages.count;
  }

  add(message: Message): void {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    const follow = message.mine || scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (this.messages.add(message)) this.log.firstElementChild?.remove();
    this.log.append(line(message));
    this.empty.hidden = true;
    if (follow) this.log.scrollTop = this.log.scrollHeight;
    if (!this.isOpen() && !message.mine) this.miss(this.missed + 1);
  }

  /** The panel was opened. */
  read(): void {
    this.miss(0);
    this.empty.hidden = this.messages.count > 0;
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** Whether the token lets its bearer send. */
  allow(allowed: boolean): void {
    this.allowed = allowed;
    this.field.disabled = !allowed;
    this.field.placeholder = allowed ? "Message to everybody" : "You may not send messages here";
    this.sendButton.disabled = !allowed || this.sending;
  }

  private async submit(): Promise<void> {
    const text = this.field.value.trim();
    if (text === "" || this.sending || !this.allowed) return;
    this.sending = this.sendButton.disabled = true;
    try {
      await this.send(text);
      // What was typed meanwhile stays.
      if (this.field.value.trim() === text) this.field.value = "";
    } catch {
      this.say("The message could not be sent.");
    }
    this.sending = false;
    this.sendButton.disabled = !this.allowed;
  }

  private miss(count: number): void {
    this.missed = count;
    this.unread.hidden = count === 0;
    this.unread.textContent = count > 99 ? "99+" : count.toString();
    this.button.ariaLabel = count === 0 ? "Chat" : `Chat: ${count} unread`;
  }
}

function line({ name, text, atMs, mine }: Message): HTMLLIElement {
  const at = new Date(atMs);
  const time = element("time", { dateTime: at.toISOString() }, CLOCK.format(at));
  const head = element("p", { className: "chat-head" }, element("bdi", {}, mine ? "You" : name), time);
  const words = element("p", { className: "chat-words", dir: "auto" }, text);
  return element("li", { className: mine ? "mine" : "" }, head, words);
}
