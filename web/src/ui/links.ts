/** Where things are on this server, and the keys to them. */

/** What a server in dev mode tells everybody (`GET /dev/links`); elsewhere people bring their own token. */
export interface DevLinks {
  readonly whip_url: string;
  readonly publish_token: string;
  readonly watch_token: string;
  readonly call_token: string;
  readonly admin_token: string;
  readonly ffmpeg: string;
  readonly obs: { readonly server: string; readonly token: string };
}

/** Links of a server in dev mode, null of any other. */
export async function devLinks(room: string): Promise<DevLinks | null> {
  const response = await fetch(`/dev/links?room=${encodeURIComponent(room)}`, { cache: "no-store" }).catch(() => null);
  if (!response?.ok) return null;
  return (await response.json().catch(() => null)) as DevLinks | null;
}

export const whipPath = (room: string): string => `/whip/${encodeURIComponent(room)}`;
export const whepPath = (room: string): string => `/whep/${encodeURIComponent(room)}`;
export const broadcastPath = (room: string): string => `/broadcast?room=${encodeURIComponent(room)}`;
export const callPath = (room: string): string => `/call/${encodeURIComponent(room)}`;

/** The page others watch at. The token goes into the fragment, which browsers do not send to servers. */
export function watchUrl(origin: string, room: string, token: string | null): string {
  const fragment = token === null ? "" : `#${new URLSearchParams({ token }).toString()}`;
  return `${origin}/watch/${encodeURIComponent(room)}${fragment}`;
}

/** The token of `#token=…`, null when there is none. */
export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token");
}

/** The room of `/watch/{room}` or `/call/{room}`, empty when the path names none. */
export function roomOfPath(page: "watch" | "call", pathname: string): string {
  const [, first, name = "", ...rest] = pathname.replace(/\/$/, "").split("/");
  if (first !== page || rest.length > 0) return "";
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
