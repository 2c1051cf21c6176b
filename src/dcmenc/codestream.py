"""JPEG 2000 codestreams from outside: their size, samples and tile-parts, checked before a decoder sees them (ITU-T T.800 Annexes A, B, I).

A decoder reserves memory for what the headers claim. What is here makes the claims answer for themselves: a codestream has no more tiles
and packets than its bytes can hold, and is not cut off. The samples themselves are ``openjpeg.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from struct import error as StructError
from typing import NamedTuple

from .errors import CodecError

# T.800 Table A.2
_SOC, _SOT, _SOD, _EOC, _SIZ, _COD, _COC = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9, 0xFF51, 0xFF52, 0xFF53
_CAP, _TLM, _COM = 0xFF50, 0xFF55, 0xFF64

_MARKER = Struct(">HH")
_SIZE = Struct(">8IH")
_TILE_PART = Struct(">HHHIBB")
_BOX = Struct(">I4s")
_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"


class Codestream(NamedTuple):
    """What the headers of a codestream say: ``depths`` are (bits, signed) for each component; ``ended``, that its last marker is there."""

    rows: int
    columns: int
    depths: tuple[tuple[int, bool], ...]
    tiles: int
    transformed: bool
    ended: bool


class Coding(NamedTuple):
    """How a codestream is coded: ``extended`` is that it needs Part 2, ``remarks`` that a comment is there which no encoder signs with."""

    high_throughput: bool
    extended: bool
    reversible: bool
    progression: int
    levels: int
    tile_lengths: bool
    remarks: bool


class _Grid(NamedTuple):
    """The reference grid (T.800 B.2): the image and its first tile as (left, top, right, bottom)."""

    image: tuple[int, int, int, int]
    tile: tuple[int, int, int, int]


def codestream_of(data: memoryview) -> memoryview:
    """The codestream in a frame: all of it, or the content of the box that it is in, in a JP2 file (T.800 I.5.4).

    >>> bytes(codestream_of(memoryview(b"\\xff\\x4f\\xff\\x51")))
    b'\\xffO\\xffQ'
    """
    if data[: len(_SIGNATURE)] != _SIGNATURE:
        return data
    for kind, content in boxes(data):
        if kind == b"jp2c":
            return content
    raise CodecError("the JP2 file has no codestream")


def boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes that stand one behind the other: type and content (T.800 I.4).

    >>> [(kind, bytes(content)) for kind, content in boxes(memoryview(b"\\0\\0\\0\\x0afreehi"))]
    [(b'free', b'hi')]
    """
    at = 0
    while at + _BOX.size <= len(data):
        length, kind = _BOX.unpack_from(data, at)
        head = _BOX.size
        if length == 1:
            head, length = 16, int.from_bytes(data[at + 8 : at + 16], "big")
        end = len(data) if length == 0 else at + length
        if end < at + head or end > len(data):
            raise CodecError("a box of the JP2 file has not the length that it claims", at)
        yield kind, data[at + head : end]
        at = end


def read_codestream(data: memoryview) -> Codestream:
    """Read and check the headers of a codestream.

    Raises
    ------
    CodecError
        They contradict themselves or each other, or claim what the bytes cannot hold.

    Examples
    --------
    >>> read_codestream(memoryview(b"\\xff\\xd8\\xff\\xc3"))
    Traceback (most recent call last):
    ...
    dcmenc.errors.CodecError: the frame does not begin as a JPEG 2000 codestream at byte 0
    """
    try:
        return _read(data)
    except (StructError, IndexError):
        raise CodecError("the JPEG 2000 codestream breaks off in a header", len(data)) from None


# What encoders sign with.
_SIGNED = (b"Created by ", b"Kakadu", b"OpenJPH")


def read_coding(data: memoryview) -> Coding:
    """How a codestream is coded, of which :func:`read_codestream` has found the headers to be in order.

    It is reversible where no component of any tile has the wavelet of floats (T.800 A.6.1, A.6.2); progression and levels are those of the
    main header; High-Throughput is what CAP, or bit 14 of Rsiz, says (T.814 A.2, A.3).
    """
    try:
        return _read_coding(data)
    except (StructError, IndexError):
        raise CodecError("the JPEG 2000 codestream breaks off in a header", len(data)) from None


def _read_coding(data: memoryview) -> Coding:
    capabilities = data[6] << 8 | data[7]
    found: dict[int, int] = {}
    reversible, remarks, high = True, False, bool(capabilities & 0x4000)
    components = data[40] << 8 | data[41]
    for at, marker in _all_markers(data):
        found.setdefault(marker, at)
        if marker == _COD:
            reversible &= data[at + 13] == 1
        elif marker == _COC:
            reversible &= data[at + (10 if components < 257 else 11)] == 1
        elif marker == _CAP:
            high |= bool(int.from_bytes(data[at + 4 : at + 8], "big") & 0x00020000)
        elif marker == _COM:
            remarks |= not data[at + 6 : at + 26].tobytes().startswith(_SIGNED)
    if _COD not in found:
        raise CodecError("the JPEG 2000 codestream does not say how it is coded", 2)
    style = found[_COD]
    return Coding(high, bool(capabilities & 0x8000), reversible, data[style + 5], data[style + 9], _TLM in found, remarks)


def _all_markers(data: memoryview) -> Iterator[tuple[int, int]]:
    """The marker segments of the main header and of those of all tile-parts."""
    at = 2
    for at, marker in _markers(data, 2, (_SOT,)):
        if marker != _SOT:
            yield at, marker
    while at + 2 <= len(data) and data[at] << 8 | data[at + 1] == _SOT:
        size = _TILE_PART.unpack_from(data, at)[3]
        end = at + size if size else _end(data)
        if end > at + _TILE_PART.size:
            for place, marker in _markers(data, at + _TILE_PART.size, (_SOD,)):
                yield place, marker
        at = end


def _read(data: memoryview) -> Codestream:
    if len(data) < 4 or _MARKER.unpack_from(data) != (_SOC, _SIZ):
        raise CodecError("the frame does not begin as a JPEG 2000 codestream", 0)
    grid, depths, tiles = _read_size(data)
    # a tile has at least one tile-part with its two markers
    if tiles * (_TILE_PART.size + 2) > len(data):
        raise CodecError(f"the codestream claims {tiles} tiles in {len(data)} bytes", 4)
    at, transformed = 2, False
    for at, marker in _markers(data, 2, (_SOT,)):
        _check_packets(data, at, marker, grid.image, len(depths))
        transformed |= marker == _COD and data[at + 8] == 1
    missing, end = _walk(data, at, grid, len(depths), tiles)
    if missing:
        raise CodecError(f"of {tiles} tiles, {missing} are missing in the codestream", end)
    left, top, right, bottom = grid.image
    return Codestream(bottom - top, right - left, depths, tiles, transformed, data[end : end + 2].tobytes() == b"\xff\xd9")


def _read_size(data: memoryview) -> tuple[_Grid, tuple[tuple[int, bool], ...], int]:
    """The SIZ marker segment (T.800 A.5.1, B.2, B.3)."""
    right, bottom, left, top, width, height, tile_left, tile_top, components = _SIZE.unpack_from(data, 8)
    if _MARKER.unpack_from(data, 2)[1] != 38 + 3 * components or not components:
        raise CodecError("the length of the SIZ marker segment is wrong", 4)
    if not (left < right and top < bottom and tile_left <= left < tile_left + width and tile_top <= top < tile_top + height):
        raise CodecError("the codestream has no area, or no tile where it begins", 8)
    depths = []
    for at in range(42, 42 + 3 * components, 3):
        depth, across, down = data[at], data[at + 1], data[at + 2]
        if (across, down) != (1, 1):
            raise CodecError("the codestream has components of different sizes, which DICOM does not allow", at)
        depths.append(((depth & 0x7F) + 1, depth > 0x7F))
    tiles = -(-(right - tile_left) // width) * -(-(bottom - tile_top) // height)
    if tiles > 0xFFFF:
        raise CodecError(f"the codestream claims {tiles} tiles, and there are 65535 at most", 24)
    tile = (left, top, min(tile_left + width, right), min(tile_top + height, bottom))
    return _Grid((left, top, right, bottom), tile), tuple(depths), tiles


def _markers(data: memoryview, at: int, last: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The marker segments of a header: place and marker, with the one that ends it."""
    while True:
        marker = data[at] << 8 | data[at + 1]
        if marker in last:
            yield at, marker
            return
        if marker < 0xFF00 or marker in (_SOC, _SOT, _SOD, _EOC):
            raise CodecError(f"a marker is expected, not {marker:04X}", at)
        length = _MARKER.unpack_from(data, at)[1]
        if length < 2 or at + 2 + length > len(data):
            raise CodecError("a marker segment has not the length that it claims", at)
        yield at, marker
        at += 2 + length


def _check_packets(data: memoryview, at: int, marker: int, area: tuple[int, int, int, int], components: int) -> None:
    """No more packets than bytes: each has one at least, in its own place or in a packed header (T.800 A.6.1, A.6.2, B.6, B.10)."""
    if marker == _COD:
        style, layers, levels, sizes = data[at + 4], data[at + 6] << 8 | data[at + 7], data[at + 9], at + 14
    elif marker == _COC:
        where = at + (5 if components < 257 else 6)
        style, layers, levels, sizes, components = data[where], 1, data[where + 1], where + 6, 1
    else:
        return
    if levels > 32:
        raise CodecError(f"the codestream claims {levels} levels of decomposition", at)
    packets = 0
    for level in range(levels, -1, -1):
        size = data[sizes + levels - level] if style & 1 else 0xFF
        left, top, right, bottom = (-(-side >> level) if side else 0 for side in area)
        across, down = size & 0x0F, size >> 4
        if left < right and top < bottom:
            packets += (-(-right >> across) - (left >> across)) * (-(-bottom >> down) - (top >> down))
    if layers * packets * components > len(data):
        raise CodecError(f"the codestream claims {layers * packets * components} packets in {len(data)} bytes", at)


def _walk(data: memoryview, at: int, grid: _Grid, components: int, tiles: int) -> tuple[int, int]:
    """Go from tile-part to tile-part (T.800 A.4.2): the number of tiles of which there is none, and where the last one ends."""
    missing = set(range(tiles))
    while at + 2 <= len(data) and data[at] << 8 | data[at + 1] == _SOT:
        _, length, tile, size, _, _ = _TILE_PART.unpack_from(data, at)
        if length != 10 or tile >= tiles:
            raise CodecError(f"a tile-part has a header of {length} bytes for tile {tile}, of {tiles} tiles", at)
        # zero says that the last one goes on to the end
        end = at + size if size else _end(data)
        if end > len(data) or end < at + _TILE_PART.size:
            raise CodecError(f"the codestream breaks off: a tile-part has {size} bytes, and {len(data) - at} are there", at)
        missing.discard(tile)
        # some write tile-parts that end before their data begin
        if end > at + _TILE_PART.size:
            for place, marker in _markers(data, at + _TILE_PART.size, (_SOD,)):
                _check_packets(data, place, marker, grid.tile, components)
        at = end
    return len(missing), at


def _end(data: memoryview) -> int:
    """Where the end marker is, with at most a byte behind it, or else the end of the data."""
    return next((at for at in (len(data) - 2, len(data) - 3) if data[at : at + 2].tobytes() == b"\xff\xd9"), len(data))
