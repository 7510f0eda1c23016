"""What can be wrong with a request, as one small tree.

    SfuError
    ├── Malformed    the peer's input cannot be read
    ├── Rejected     it can be read, and the answer is no
    ├── NotFound     it names something that does not exist
    ├── Conflict     it cannot be done now (`retry_after` says when to ask again)
    └── Overloaded   a limit is reached (`retry_after` likewise)

Remote input raises these and nothing else; any other exception is a bug. `code` is stable and for programs, `detail` is
for people and never holds secrets or addresses.
"""

# ruff: noqa: N818 - they name what is wrong with a request, not a failure of ours


class SfuError(Exception):
    """Base of everything a caller of `sfu` is expected to handle."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Malformed(SfuError):
    """The peer's input cannot be read."""


class Rejected(SfuError):
    """The input can be read, but asks for what is not offered here."""


class NotFound(SfuError):
    """The input names a room, participant or session that does not exist (any more)."""


class Conflict(SfuError):
    """The present state does not allow it; `retry_after` is in seconds, None where waiting does not help."""

    def __init__(self, code: str, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class Overloaded(SfuError):
    """A limit is reached; ask again after `retry_after` seconds."""

    def __init__(self, code: str, detail: str, *, retry_after: float) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after
