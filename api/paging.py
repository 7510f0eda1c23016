"""Cursor paging over lists sorted by a string key.

The cursor names the last key the caller has seen, not a position, so it stays right while entries come and go.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
MAX_TOKEN_LENGTH = 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: list[T]
    next_page_token: str | None


def paginate(items: Iterable[T], key: Callable[[T], str], size: int, token: str | None) -> Page[T]:
    """The `size` items after the cursor, in order of `key`. ValueError: the token is not one of ours."""
    after = None if token is None else decode_token(token)
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    page = rest[:size]
    return Page(page, encode_token(key(page[-1])) if len(rest) > size else None)


def encode_token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    if len(token) > MAX_TOKEN_LENGTH:
        raise ValueError("page_token is too long")
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ValueError("page_token is not one that this server gave out") from error
