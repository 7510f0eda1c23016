/** What the page's own token says: the server checks it, the page only shows what it may do. */

export interface Grants {
  readonly identity: string;
  readonly name: string;
  /** Empty: every room. */
  readonly room: string;
  /** May mute and remove others. */
  readonly host: boolean;
  /** May choose its name. */
  readonly naming: boolean;
}

/** Null when the token cannot be read. */
export function grantsOf(token: string): Grants | null {
  try {
    const payload = token.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (byte) => byte.charCodeAt(0));
    const claims = record(JSON.parse(new TextDecoder().decode(bytes)));
    const video = record(claims["video"]);
    return {
      identity: text(claims["sub"]) || text(claims["jti"]),
      name: text(claims["name"]),
      room: text(video["room"]),
      host: video["roomAdmin"] === true,
      naming: video["canUpdateOwnMetadata"] === true,
    };
  } catch {
    return null;
  }
}

/** Why this token does not lead into `room`, null when it may. */
export function unfit(grants: Grants | null, room: string): string | null {
  if (grants === null) return "That is not a token.";
  if (grants.room !== "" && grants.room !== room) return "This token is for another room.";
  return null;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
