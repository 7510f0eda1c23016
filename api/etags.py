"""Entity tags, as far as WHIP and WHEP use them (RFC 9110, 8.8.3 and 13.1.1; RFC 9725, 4.3.1)."""

import re
from enum import Enum

# RFC 9110, 8.8.3: entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE
_ENTITY_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')
MAX_HEADER = 1024


class Match(Enum):
    """What an If-Match header asks for."""

    MISSING = "missing"
    ANY = "any"
    CURRENT = "current"
    STALE = "stale"


def quoted(etag: str) -> str:
    """The strong entity tag with this opaque value."""
    return f'"{etag}"'


def if_match(header: str | None, current: str) -> Match:
    """Compare an If-Match header with the current tag (opaque value, no quotes).

    Comparison is strong, so weak tags never match. RFC 9725, 4.3.3 writes the wildcard in quotes (`"*"`), RFC 9110
    without; both mean "whatever the current one is". What cannot be read matches nothing.
    """
    if header is None:
        return Match.MISSING
    if header.strip() in {"*", '"*"'}:
        return Match.ANY
    if len(header) > MAX_HEADER:
        return Match.STALE
    position = 0
    while position < len(header):
        tag = _ENTITY_TAG.match(header, position)
        if tag is None:
            return Match.STALE
        if tag[1] is None and tag[2] == current:
            return Match.CURRENT
        position = tag.end()
    return Match.STALE
