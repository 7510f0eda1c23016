"""Durations as people write them: `90`, `90s`, `15m`, `6h`, `30d`, `1h30m`."""

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d{1,9}[smhd])+", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """A positive duration; a bare number is seconds. ValueError: not a duration, or zero."""
    text = text.strip().lower()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        text += "s"
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 15m, 6h or 30d")
    total = timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", text)))
    if not total:
        raise ValueError("a duration must be longer than zero")
    return total
