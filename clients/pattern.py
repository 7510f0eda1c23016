"""A time code in the picture: the frame's number as a row of black and white cells along the top edge.

It survives scaling and lossy coding, so whoever sees the picture (a decoder, a browser's canvas, a screenshot) can
prove which frame it is. The strip is the full width and the top eighth of the picture, cut into 32 equal cells:
white, black (they give the threshold), 22 bits of the frame's number (most significant first), 8 bits CRC.
"""

from collections.abc import Sequence

CELLS = 32
NUMBER_BITS = 22
STRIP_HEIGHT = 1 / 8
"""Height of the strip as a share of the picture's."""

_BLACK, _WHITE = 16, 235  # luma of BT.601 and BT.709 video range
_MIN_CONTRAST = 60  # of 219; below it the sync cells are noise and not a strip


def cells(number: int) -> list[bool]:
    """The 32 cells for a frame's number (taken modulo 2**22), left to right, True for white."""
    number %= 1 << NUMBER_BITS
    word = (number << 8) | _crc8(number)
    return [True, False] + [bool(word >> bit & 1) for bit in reversed(range(NUMBER_BITS + 8))]


def number(levels: Sequence[float]) -> int | None:
    """The frame's number from the mean brightness (any scale of 0..255) of the 32 cells; None if this is no strip."""
    if len(levels) != CELLS or levels[0] - levels[1] < _MIN_CONTRAST:
        return None
    threshold = (levels[0] + levels[1]) / 2
    word = 0
    for level in levels[2:]:
        word = word << 1 | (level > threshold)
    value, check = word >> 8, word & 0xFF
    return value if _crc8(value) == check else None


def write(luma: bytearray, width: int, height: int, stride: int, number: int) -> None:
    """Paint the strip into a plane of luma samples (`height` rows, `stride` bytes apart, `width` of them picture)."""
    row = bytearray()
    for index, white in enumerate(cells(number)):
        row += bytes([_WHITE if white else _BLACK]) * (_edge(index + 1, width) - _edge(index, width))
    for y in range(int(height * STRIP_HEIGHT)):
        luma[y * stride : y * stride + width] = row


def read(luma: bytes | bytearray | memoryview, width: int, height: int, stride: int) -> int | None:
    """The number painted into a plane of luma samples, or None."""
    return number(cell_levels(luma, width, height, stride))


def cell_levels(luma: bytes | bytearray | memoryview, width: int, height: int, stride: int) -> list[float]:
    """Mean luma of the middle of every cell; its edges are left out because coding blurs them."""
    strip = int(height * STRIP_HEIGHT)
    rows = range(strip // 4, max(strip // 4 + 1, strip * 3 // 4))
    levels = []
    for index in range(CELLS):
        left, right = _edge(index, width), _edge(index + 1, width)
        inset = (right - left) // 4
        left, right = left + inset, max(left + inset + 1, right - inset)
        total = sum(sum(luma[y * stride + left : y * stride + right]) for y in rows)
        levels.append(total / (len(rows) * (right - left)))
    return levels


def _edge(index: int, width: int) -> int:
    return index * width // CELLS


def _crc8(number: int) -> int:
    """CRC-8 (polynomial 0x07, initial value 0xFF) of the three bytes of the number."""
    crc = 0xFF
    for byte in number.to_bytes(3, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
