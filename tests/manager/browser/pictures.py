"""Pictures of pages, made small: PNG with a palette of 256 colours instead of all (PNG specification)."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
_Colour = tuple[int, ...]


def smaller(png: bytes) -> bytes:
    """Return a picture with at most 256 colours: those that are there most; others become the nearest of them.

    :param png: eight bits for each of red, green and blue, and perhaps for how opaque it is; not interlaced.
    """
    width, height, channels, data = _parts(png)
    rows = [[tuple(row[at : at + 3]) for at in range(0, len(row), channels)] for row in _rows(data, width, channels)]
    counted = Counter(colour for row in rows for colour in row)
    palette = [colour for colour, _ in counted.most_common(_COLOURS)]
    number = {colour: at for at, colour in enumerate(palette)}
    for colour in counted:
        if colour not in number:
            number[colour] = min(range(len(palette)), key=lambda at: _distance(palette[at], colour))
    lines = b"".join(b"\0" + bytes(number[colour] for colour in row) for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", b"".join(map(bytes, palette))),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def _distance(one: _Colour, other: _Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _parts(png: bytes) -> tuple[int, int, int, bytes]:
    """Return width, height, channels, and the lines, each with its filter."""
    assert png.startswith(_SIGNATURE)
    at, data, header = len(_SIGNATURE), b"", b""
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        header = content if name == b"IHDR" else header
        data += content if name == b"IDAT" else b""
        at += length + 12
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    assert depth == 8 and kind in (2, 6) and not interlaced
    return width, height, 3 if kind == 2 else 4, zlib.decompress(data)


def _rows(data: bytes, width: int, channels: int) -> list[bytearray]:
    """Return the lines of a picture without their filters."""
    length, rows, above = width * channels, [], bytearray(width * channels)
    for start in range(0, len(data), length + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + length])
        for at in range(length):
            left = row[at - channels] if at >= channels else 0
            corner = above[at - channels] if at >= channels else 0
            row[at] = (row[at] + _predicted(kind, left, above[at], corner)) & 255
        rows.append(row)
        above = row
    return rows


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    """Return what a filter predicts a byte to be, from those beside it."""
    if kind < 4:
        return (0, left, above, (left + above) // 2)[kind]
    expected = left + above - corner
    return min((left, above, corner), key=lambda value: abs(expected - value))
