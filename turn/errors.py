"""What can be wrong with a STUN message: it cannot be read, or the answer is an error.

Remote input raises these and nothing else; any other exception is a bug.
"""

# ruff: noqa: N818 - they name what is wrong with a message, not a failure of ours

from collections.abc import Iterable


class Malformed(Exception):
    """The bytes are not a STUN message, or an attribute's value is not of its form."""


class Refused(Exception):
    """The request gets an error response.

    `code` is the STUN error code (RFC 8489, 14.8), `attributes` go into the response beside ERROR-CODE. `reason` is for
    people and stays on this side: a longer answer is a better one to reflect (RFC 8489, 16.1.2).
    """

    def __init__(self, code: int, reason: str, attributes: Iterable[tuple[int, bytes]] = ()) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
        self.attributes = tuple(attributes)
