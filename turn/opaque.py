"""Realms, user names and passwords in the one spelling both sides compute with: OpaqueString (RFC 8265, 4.2)."""

import unicodedata

# RFC 8264, 9: letters, marks, numbers, punctuation, symbols and the space are in the FreeformClass ...
_ALLOWED = {"L", "M", "N", "P", "S"}
# ... except old Hangul (9.9), what is ignored when shown (9.13), and a few exceptions (9.6).
_DISALLOWED = (
    *((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF)),
    *((0x034F, 0x034F), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0)),
    (0xE0100, 0xE01EF),
    *((0x0640, 0x0640), (0x07FA, 0x07FA), (0x302E, 0x302F), (0x3031, 0x3035), (0x303B, 0x303B)),
)


def opaque_string(text: str) -> str:
    """Raises ValueError for what has no such spelling.

    Characters that are allowed in certain company only (RFC 5892, A) are let through: this is for text of our own.
    """
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    normal = unicodedata.normalize("NFC", spaced)
    if not normal or not all(map(_is_allowed, normal)):
        raise ValueError("a realm or user name is empty or has characters that none may have")
    return normal


def _is_allowed(character: str) -> bool:
    if any(first <= ord(character) <= last for first, last in _DISALLOWED):
        return False
    return character == " " or unicodedata.category(character)[0] in _ALLOWED
