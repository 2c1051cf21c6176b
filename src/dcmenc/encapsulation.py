"""Encapsulated pixels: frames into fragments with their offset tables, and fragments back into frames (PS3.5 A.4).

What is in a frame is a codec's matter; how items and delimiters are written is ``_walk.pyx``'s.
"""

from __future__ import annotations

import struct
import warnings
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from .errors import DcmencWarning, PixelError
from .values import Fragments

__all__ = ["Encapsulated", "Tables", "count_frames", "encapsulate", "frames_of", "item_of", "may_outgrow", "tables_of"]

# The longest even length of an item, and the first offset that a Basic Offset Table cannot hold.
_LONGEST = 0xFFFFFFFE
_BEYOND_TABLE = 1 << 32
_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_HEADER = 8

# What the first fragment of a frame begins with, where nothing else tells the frames apart: SOI of JPEG and JPEG-LS, SOC of JPEG 2000.
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")


class Encapsulated(NamedTuple):
    """Pixel Data in fragments, and the values of Extended Offset Table and Extended Offset Table Lengths where it needs them."""

    pixels: Fragments
    offsets: bytes | None = None
    lengths: bytes | None = None


class Tables(NamedTuple):
    """The Basic Offset Table, and the values of Extended Offset Table and its Lengths where the offsets do not fit it."""

    basic: bytes = b""
    offsets: bytes | None = None
    lengths: bytes | None = None


def tables_of(sizes: Sequence[int], *, extended: bool | None = None) -> Tables:
    """The tables for frames of one fragment each (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

    Parameters
    ----------
    sizes : sequence of int
        The lengths of the frames, padding included.
    extended : bool, optional
        Make the extended tables, or do not; by default the offsets decide. A single frame has no table.

    Raises
    ------
    PixelError
        The offsets do not fit a Basic Offset Table, and no other may be made.

    Examples
    --------
    >>> tables_of([4, 2]).basic.hex(" ", 4)
    '00000000 0c000000'
    """
    if len(sizes) < 2:
        return Tables()
    offsets = _places(sizes)
    if extended is None:
        extended = offsets[-1] >= _BEYOND_TABLE
    if extended:
        return Tables(b"", struct.pack(f"<{len(offsets)}Q", *offsets), struct.pack(f"<{len(sizes)}Q", *sizes))
    if offsets[-1] >= _BEYOND_TABLE:
        raise PixelError(f"the last frame begins at {offsets[-1]}, and a Basic Offset Table ends at {_BEYOND_TABLE}")
    return Tables(struct.pack(f"<{len(offsets)}I", *offsets))


def may_outgrow(frames: int, bound: int) -> bool:
    """Whether the offsets of so many frames of at most ``bound`` bytes may not fit a Basic Offset Table."""
    return (frames - 1) * (bound + bound % 2 + _ITEM_HEADER) >= _BEYOND_TABLE


def item_of(frame: Any, number: int) -> tuple[bytes, Any, bytes]:
    """A frame as one fragment: the header of its item, its bytes, and what makes them even.

    >>> item_of(b"abc", 0)
    (b'\\xfe\\xff\\x00\\xe0\\x04\\x00\\x00\\x00', b'abc', b'\\x00')
    """
    size = _checked_length(frame, number)
    return _ITEM + struct.pack("<I", size + size % 2), frame, b"\0" * (size % 2)


def encapsulate(frames: Iterable[Any]) -> Encapsulated:
    """One fragment a frame, with the table that its size asks for (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

    Parameters
    ----------
    frames : iterable of bytes-like
        Encoded frames in their order. One of odd length gets a zero behind it.

    Returns
    -------
    Encapsulated
        The Basic Offset Table is filled if there are several frames and their offsets fit it; if they do not fit, the extended
        tables are.

    Raises
    ------
    PixelError
        A frame is empty, or longer than a fragment can be.

    Examples
    --------
    >>> encapsulate([b"abc", b"de"]).pixels
    Fragments(fragments=(b'abc\\x00', b'de'), table=b'\\x00\\x00\\x00\\x00\\x0c\\x00\\x00\\x00')
    """
    fragments = tuple(_fragment(frame, number) for number, frame in enumerate(frames))
    tables = tables_of([len(fragment) for fragment in fragments])
    return Encapsulated(Fragments(fragments, tables.basic), tables.offsets, tables.lengths)


def _fragment(frame: Any, number: int) -> Any:
    return bytes(frame) + b"\0" if _checked_length(frame, number) % 2 else frame


def _checked_length(frame: Any, number: int) -> int:
    if not len(frame):
        raise PixelError(f"frame {number} has no bytes")
    if len(frame) > _LONGEST:
        raise PixelError(f"frame {number} has {len(frame)} bytes, and a fragment holds {_LONGEST}")
    return len(frame)


def _places(sizes: Sequence[int]) -> list[int]:
    """Where the items of fragments of such lengths begin, from the first of them on."""
    return list(accumulate((_ITEM_HEADER + size for size in sizes[:-1]), initial=0))


def frames_of(pixels: Fragments, frames: int = 1, *, offsets: Any = None, lengths: Any = None) -> list[Any]:
    """The encoded frames that fragments hold, whatever tells them apart (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

    Parameters
    ----------
    pixels : Fragments
    frames : int
        Number of Frames (0028,0008).
    offsets, lengths : bytes-like, optional
        Extended Offset Table (7FE0,0001) and Extended Offset Table Lengths (7FE0,0002). The lengths may or may not count the padding.

    Returns
    -------
    list of bytes-like
        A frame in one fragment is that fragment itself, no copy.

    Raises
    ------
    PixelError
        There are fewer fragments than frames, or nothing tells where the frames begin.

    Notes
    -----
    A table is believed only if it names as many frames as there are and every offset is that of a fragment; one that is not is
    ignored, with a warning, if something else tells the frames apart: a fragment for each, a single frame, or the marker that a
    JPEG or JPEG 2000 stream begins with.

    Examples
    --------
    >>> frames_of(Fragments((b"ab", b"cd", b"ef"), b"\\0\\0\\0\\0\\x0a\\0\\0\\0"), 2)
    [b'ab', b'cdef']
    """
    fragments = pixels.fragments
    if frames < 1:
        raise PixelError(f"there is at least one frame, not {frames}")
    if len(fragments) < frames:
        raise PixelError(f"{frames} frames cannot be in {len(fragments)} fragments")
    firsts = _by_table(fragments, frames, offsets, 8, "Extended Offset Table") if offsets is not None and len(offsets) else None
    if firsts is None and len(pixels.table):
        firsts = _by_table(fragments, frames, pixels.table, 4, "Basic Offset Table")
    found = _joined(fragments, firsts or _without_table(fragments, frames))
    return _trimmed(found, lengths) if lengths is not None and len(lengths) == 8 * frames else found


def count_frames(pixels: Fragments) -> int:
    """How many frames there are, as far as the table, or what the fragments begin with, tells."""
    return max(len(pixels.table) // 4, sum(map(_begins, pixels.fragments)))


def _begins(fragment: Any) -> bool:
    """Whether a fragment is the first of a frame of JPEG, JPEG 2000 or RLE: a marker, or a header of up to 15 segments (PS3.5 G.5)."""
    front = bytes(fragment[:8])
    return front.startswith(_STARTS) or (front[4:] == b"\x40\0\0\0" and front[1:4] == bytes(3) and 0 < front[0] <= 15)


def _by_table(fragments: Sequence[Any], frames: int, table: Any, size: int, name: str) -> list[int] | None:
    """The first fragment of each frame, as a table says; None, with a warning, where it is not to be believed."""
    if len(table) != size * frames:
        why = f"it has {len(table)} bytes, and {frames} frames need {size * frames}"
    else:
        places = _places([len(fragment) for fragment in fragments])
        wanted = struct.unpack(f"<{frames}{'Q' if size == 8 else 'I'}", table)
        firsts = [bisect_left(places, offset) for offset in wanted]
        if any(first == len(places) or places[first] != offset for first, offset in zip(firsts, wanted, strict=True)):
            why = "not all of its offsets are those of fragments"
        elif firsts[0] != 0 or any(one >= other for one, other in pairwise(firsts)):
            why = "its offsets are not in order"
        else:
            return firsts
    warnings.warn(f"the {name} is ignored: {why}", DcmencWarning, stacklevel=3)
    return None


def _without_table(fragments: Sequence[Any], frames: int) -> list[int]:
    """The first fragment of each frame, by their number or by what they begin with."""
    if frames == 1:
        return [0]
    if len(fragments) == frames:
        return list(range(frames))
    firsts = [at for at, fragment in enumerate(fragments) if _begins(fragment)]
    if len(firsts) == frames and firsts[0] == 0:
        return firsts
    raise PixelError(f"{len(fragments)} fragments hold {frames} frames, and neither an offset table nor what they begin with "
                     "tells them apart")


def _joined(fragments: Sequence[Any], firsts: list[int]) -> list[Any]:
    ends = [*firsts[1:], len(fragments)]
    return [fragments[first] if end - first == 1 else b"".join(fragments[first:end]) for first, end in zip(firsts, ends, strict=True)]


def _trimmed(frames: list[Any], lengths: Any) -> list[Any]:
    """Frames without the zero behind them, where their lengths do not count it."""
    sizes = struct.unpack(f"<{len(frames)}Q", lengths)
    return [frame[:size] if size == len(frame) - 1 else frame for frame, size in zip(frames, sizes, strict=True)]
