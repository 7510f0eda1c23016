/** What the host does at a press of a button, and what is asked or said about it. */

import { byId } from "../ui/dom";
import type { Person } from "./faces";
import { type Host, HostRefused } from "./host";

export class HostActions {
  private readonly dialog = byId("remove-dialog", HTMLDialogElement);

  constructor(
    private readonly host: Host,
    private readonly say: (text: string) => void,
    signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.dialog.close());
  }

  mute({ identity, audible }: Person): void {
    void this.attempt(() => this.muteAll(identity, audible));
  }

  stopVideo({ identity, visible }: Person): void {
    void this.attempt(() => this.muteAll(identity, visible));
  }

  /** Asks first: nobody is thrown out by a slip. */
  remove({ identity, name }: Person): void {
    byId("remove-name", HTMLElement).textContent = name;
    this.dialog.returnValue = "cancel";
    const onClose = (): void => {
      if (this.dialog.returnValue === "remove") void this.attempt(() => this.host.remove(identity));
    };
    this.dialog.addEventListener("close", onClose, { once: true });
    this.dialog.showModal();
  }

  private muteAll(identity: string, sids: readonly string[]): Promise<unknown> {
    return Promise.all(sids.map((sid) => this.host.mute(identity, sid)));
  }

  private async attempt(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.say(error instanceof HostRefused ? error.message : "That did not work.");
    }
  }
}
