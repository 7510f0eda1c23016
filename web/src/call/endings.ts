/** How a call ended, in words: livekit-client's DisconnectReason and ConnectionErrorReason. */

/** By the names of DisconnectReason; the rest is a lost connection. */
const WORDS: ReadonlyMap<string | undefined, string> = new Map([
  ["CLIENT_INITIATED", "You left the call."],
  ["DUPLICATE_IDENTITY", "You joined from somewhere else, which took this place."],
  ["SERVER_SHUTDOWN", "The server was shut down."],
  ["PARTICIPANT_REMOVED", "The host removed you from the call."],
  ["ROOM_DELETED", "The host ended the call."],
  ["ROOM_CLOSED", "The call is over."],
  ["JOIN_FAILURE", "The server did not let you back in."],
]);

export function endingWords(reason: string | undefined): string {
  return WORDS.get(reason) ?? "The connection was lost.";
}

export interface Refusal {
  /** True when another token may help. */
  readonly denied: boolean;
  readonly message: string;
}

/** Why joining failed. `reason`: a name of ConnectionErrorReason. `status`: HTTP, if any. */
export function refusalWords(reason: string | undefined, status: number | undefined): Refusal {
  if (reason === "NotAllowed") {
    const message = status === 404 ? "There is no such room." : "The server refused this token.";
    return { denied: status !== 404, message };
  }
  if (reason === "ServerUnreachable" || reason === "WebSocket") {
    return { denied: false, message: "The server cannot be reached, or does not take calls." };
  }
  if (reason === "Timeout") return { denied: false, message: "The server did not answer in time." };
  if (reason === "Cancelled") return { denied: false, message: "You left before it began." };
  if (reason === "LeaveRequest") return { denied: false, message: "The server ended the call before it began." };
  return { denied: false, message: "Joining failed. The network may not let media through." };
}
