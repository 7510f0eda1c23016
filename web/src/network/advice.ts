/** What to change about a leg that does not work. */

import type { Fault, Finding, Leg } from "./findings";

const OPEN = "Let {protocol} to {where} through every firewall, here and at the server.";
const TURN_OFF = "Switch on the server's TURN (its setting turn).";
const REFUSED = "Look at the server's TURN secrets, clock and quota: it refuses a credential it has just given.";
const NOT_THROUGH = "Look at the server's --public-ip: its relay does not take the announced address for its own.";

/** By leg and fault; a fault without advice needs none. */
const ADVICE: Readonly<Partial<Record<Leg, Partial<Record<Fault, string>>>>> = {
  server: {
    silence: "Look at this network: the page came from the server, and now nothing does.",
    refused: "Bring a token that may publish into a room of its own.",
  },
  stun: { silence: OPEN, "not-offered": TURN_OFF },
  "direct udp": {
    silence: "Let UDP to {where} through every firewall; if it is not the server's address, see its --public-ip. TCP and TURN serve meanwhile.",
    "not-offered": "Look at the server's --rtc and --public-ip: it names no address for UDP.",
  },
  "direct tcp": {
    silence: "Let TCP to {where} through as well: it serves those whose UDP is blocked.",
    "not-offered": "Update the server: it offers no ICE over TCP.",
  },
  "relay udp": { silence: OPEN, refused: REFUSED, "not-through": NOT_THROUGH, "not-offered": TURN_OFF },
  "relay tcp": { silence: OPEN, refused: REFUSED, "not-through": NOT_THROUGH, "not-offered": TURN_OFF },
  "relay tls": {
    silence: "Let TCP to {where} through, and give the server a certificate for that name that this browser trusts.",
    refused: REFUSED,
    "not-through": NOT_THROUGH,
    "not-offered": "Serve TLS, best on 443 (--tls :443 --cert FILE --key FILE): some firewalls let nothing else through.",
  },
};

/** One sentence, null where nothing is to be done. */
export function advice({ leg, fault, status, where = "the server" }: Finding): string | null {
  if (status === "ok" || fault === undefined) return null;
  const protocol = leg.endsWith("udp") || leg === "stun" ? "UDP" : "TCP";
  return ADVICE[leg]?.[fault]?.replace("{where}", where).replace("{protocol}", protocol) ?? null;
}
