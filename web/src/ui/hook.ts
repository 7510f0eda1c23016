/** `window.sluice`: what the page does, for tests and for a curious console. Read-only; see web/README.md. */

export interface Hook<Figures> {
  readonly state: string;
  /** The latest figures; empty before the first. */
  readonly stats: Figures | Record<string, never>;
  /** The session URL at the server; null when there is none. */
  readonly session: string | null;
}

export function expose<Figures>(read: () => Hook<Figures>): void {
  const hook = Object.freeze({
    get state() {
      return read().state;
    },
    get stats() {
      return read().stats;
    },
    get session() {
      return read().session;
    },
  });
  Object.defineProperty(window, "sluice", { value: hook, enumerable: true });
}
