"""Which names rooms and participants may have.

Names travel in URLs, tokens, logs and web pages, so only what a reader can tell apart is let in: printable text (which
excludes control and bidirectional characters) in Unicode's composed form, so that two names that look alike because of
composition are one name.
"""

import unicodedata

MAX_NAME_BYTES = 256


def name_fault(name: str) -> str | None:
    """What is wrong with a room name or an identity, in words; None when nothing is."""
    if not name:
        return "is empty"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if "\N{REPLACEMENT CHARACTER}" in name:  # what a URL's undecodable bytes have become
        return "is not valid Unicode"
    if size > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    if not name.isprintable() or name != name.strip():
        return "has unprintable characters or blanks around it"
    if not unicodedata.is_normalized("NFC", name):
        return "is not in Unicode normal form C"
    return None


def room_fault(name: str) -> str | None:
    """What is wrong with a room name: as `name_fault`, and it must fit into one path segment of a URL."""
    if name in {".", ".."} or "/" in name:
        return "cannot be a path segment"
    return name_fault(name)


def checked_room(name: str) -> str:
    """The name, or ValueError, for pydantic validators."""
    if fault := room_fault(name):
        raise ValueError(f"the room name {fault}")
    return name


def checked_identity(name: str) -> str:
    """The name, or ValueError, for pydantic validators."""
    if fault := name_fault(name):
        raise ValueError(f"the identity {fault}")
    return name
