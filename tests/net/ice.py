"""The client's half of ICE towards a lite server: authenticated, nominating checks (RFC 8445, 7.2)."""

from aioice import stun

CHECK_INTERVAL_US = 2_500_000
FIRST_CHECK_INTERVAL_US = 50_000


class Checker:
    """Sends checks, quickly until one is answered and then to keep consent fresh (RFC 7675)."""

    def __init__(self, local_ufrag: str, remote_ufrag: str, remote_pwd: str) -> None:
        self._username = f"{remote_ufrag}:{local_ufrag}"
        self._key = remote_pwd.encode()
        self._count = 0
        self._next_us = 0
        self.enabled = True
        self.answered = 0
        """Checks that got an authenticated success."""

    def restart(self, local_ufrag: str, remote_ufrag: str, remote_pwd: str) -> None:
        """Use new credentials from the next check on, which is due at once."""
        self._username, self._key = f"{remote_ufrag}:{local_ufrag}", remote_pwd.encode()
        self._next_us = 0

    def request(self, *, username: str | None = None, key: bytes | None = None) -> bytes:
        """One check, by default a good one."""
        self._count += 1
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=self._count.to_bytes(12, "big"))
        message.attributes["USERNAME"] = self._username if username is None else username
        message.attributes["PRIORITY"] = 1853693695
        message.attributes["ICE-CONTROLLING"] = 0x1234
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self._key if key is None else key)
        return bytes(message)

    def next_deadline(self) -> int | None:
        return self._next_us if self.enabled else None

    def poll(self, now_us: int) -> bytes | None:
        if not self.enabled or now_us < self._next_us:
            return None
        self._next_us = now_us + (CHECK_INTERVAL_US if self.answered else FIRST_CHECK_INTERVAL_US)
        return self.request()

    def handle_response(self, data: bytes) -> None:
        """Count a success if it is authentic. Raises what aioice raises for a malformed one: the server's fault."""
        message = stun.parse_message(data)
        if message.message_class == stun.Class.RESPONSE and message.check_message_integrity(self._key):
            self.answered += 1
