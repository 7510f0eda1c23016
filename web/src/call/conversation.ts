/** The chat between the participants: LiveKit's text streams to and from the panel. */

import type { Room } from "livekit-client";
import { Chat } from "./chat";
import { CHAT_TOPIC, readText } from "./messages";
import { displayName } from "./names";

interface Speaker {
  readonly identity: string;
  readonly name?: string | undefined;
  readonly isLocal: boolean;
}

export class Conversation {
  private readonly chat: Chat;

  constructor(
    private readonly room: Room,
    isOpen: () => boolean,
    say: (text: string) => void,
    private readonly signal: AbortSignal,
  ) {
    this.chat = new Chat((text) => this.send(text), isOpen, say, signal);
    room.registerTextStreamHandler(CHAT_TOPIC, (reader, { identity }) => void this.receive(reader, identity));
  }

  get count(): number {
    return this.chat.count;
  }

  /** The panel was opened. */
  read(): void {
    this.chat.read();
  }

  /** Draws what the permissions are now. */
  draw(): void {
    this.chat.allow(this.room.localParticipant.permissions?.canPublishData ?? true);
  }

  /** Rejects when it could not be sent. */
  private async send(text: string): Promise<void> {
    const { localParticipant: me } = this.room;
    await me.sendText(text, { topic: CHAT_TOPIC });
    this.show(me, text);
  }

  private async receive(chunks: AsyncIterable<string>, identity: string): Promise<void> {
    // Its sender left in the middle of it: then there is no message.
    const text = await readText(chunks).catch(() => "");
    if (text === "" || this.signal.aborted) return;
    this.show(this.room.remoteParticipants.get(identity) ?? { identity, isLocal: false }, text);
  }

  private show({ identity, name, isLocal: mine }: Speaker, text: string): void {
    this.chat.add({ name: displayName(name, identity), text, atMs: Date.now(), mine });
  }
}
