"""Errors carry a code for programs, a text for people, and when to come back."""

from sfu.errors import Conflict, Malformed, NotFound, Overloaded, Rejected, SfuError


def test_every_error_is_an_sfu_error_with_code_and_detail() -> None:
    errors = [
        Malformed("malformed-sdp", "why"),
        Rejected("no-media", "why"),
        NotFound("room-not-found", "why"),
        Conflict("not-live", "why", retry_after=2),
        Overloaded("too-many-sessions", "why", retry_after=1),
    ]
    assert all(isinstance(error, SfuError) for error in errors)
    assert {error.detail for error in errors} == {"why"}
    assert str(errors[0]) == "malformed-sdp: why"
    assert Conflict("identity-taken", "why").retry_after is None
