"""Overlays in the unused bits of the pixels, which a codec would lose (PS3.3 C.9.2, PS3.5 8.1.2).

Nobody may write them any longer; files of them are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .dictionary import Tag
from .errors import PixelError
from .model import Dataset
from .pixels import ImageSpec

# The groups that overlays repeat in (PS3.5 7.6).
GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FRAME_ORIGIN = 0x10, 0x11, 0x15, 0x50, 0x51
# Cells of the image that overlays are laid out on, in all: so many, or so many times more than they have themselves.
_MOST_CELLS = 1 << 28
_MOST_TIMES = 16
_BITS_ALLOCATED, _BIT_POSITION, _DATA = 0x100, 0x102, 0x3000


class Embedded(NamedTuple):
    """An overlay whose pixels are one bit of the cells."""

    group: int
    bit: int


def embedded_overlays(ds: Dataset, spec: ImageSpec, low: int) -> list[Embedded]:
    """The overlays of a dataset that lie in the bits beside those stored; ``low`` is the place of the lowest stored one.

    Raises
    ------
    PixelError
        Such an overlay is not of the size of the image, or does not say where it lies.

    Examples
    --------
    >>> ds = Dataset({0x60000010: 2, 0x60000011: 3, 0x60000100: 16, 0x60000102: 12})
    >>> embedded_overlays(ds, ImageSpec(2, 3, stored=12), 0)
    [Embedded(group=24576, bit=12)]
    """
    found = []
    for group in GROUPS:
        bit, allocated = _number(ds, group, _BIT_POSITION), _number(ds, group, _BITS_ALLOCATED)
        if (Tag(group, _DATA) in ds and ds[group, _DATA].value) or (bit is None and (allocated or 1) == 1):
            continue
        if bit is None:
            raise PixelError(f"the overlay in group {group:04X} is said to lie in the pixels, and not in which bit; "
                             f"set ({group:04X},0102), or delete the group")
        if low <= bit < low + spec.stored:
            continue  # a part of the values: they keep it
        size = _number(ds, group, _ROWS), _number(ds, group, _COLUMNS)
        if bit >= spec.allocated or size != (spec.rows, spec.columns) or spec.samples > 1:
            raise PixelError(f"the overlay of group {group:04X} in bit {bit}, of {size[0]} rows and {size[1]} columns, does not go with "
                             f"pixels of {spec.allocated} bits, {spec.rows} rows and {spec.columns} columns; delete the group")
        found.append(Embedded(group, bit))
    return found


def _number(ds: Dataset, group: int, element: int) -> int | None:
    tag = Tag(group, element)
    value = ds[tag].value if tag in ds else None
    return value if isinstance(value, int) else None


def extract(ds: Dataset, spec: ImageSpec, overlays: list[Embedded], cells: Callable[[int], np.ndarray[Any, Any]]) -> None:
    """Put embedded overlays, of every frame, into elements of their own (PS3.3 C.9.2, C.9.3).

    Parameters
    ----------
    ds : Dataset
        Changed in place.
    cells : callable
        Gives the cells of a frame by its number.
    """
    if overlays:
        cells(0)  # what the attributes claim has to be borne out by bytes, before memory is asked for
    planes = [np.empty((spec.frames, spec.rows * spec.columns), np.bool_) for _ in overlays]
    for at in range(spec.frames if overlays else 0):
        frame = cells(at).reshape(-1)
        bits = frame.view(f"u{frame.itemsize}")
        for plane, overlay in zip(planes, overlays, strict=True):
            plane[at] = bits >> overlay.bit & 1
    for plane, overlay in zip(planes, overlays, strict=True):
        _place(ds, overlay.group, spec.frames, np.packbits(plane.reshape(-1), bitorder="little").tobytes())


def lower_overlays(ds: Dataset, spec: ImageSpec, low: int) -> None:
    """Let overlays that are a part of the values move with them, to the lowest bits."""
    for group in GROUPS:
        bit = _number(ds, group, _BIT_POSITION)
        if bit is not None and low <= bit < low + spec.stored and not (Tag(group, _DATA) in ds and ds[group, _DATA].value):
            ds.add(Tag(group, _BIT_POSITION), "US", bit - low)


def _place(ds: Dataset, group: int, frames: int, data: bytes) -> None:
    ds.add(Tag(group, _BITS_ALLOCATED), "US", 1)
    ds.add(Tag(group, _BIT_POSITION), "US", 0)
    ds.add(Tag(group, _DATA), "OW", data + b"\0" * (len(data) % 2))
    if frames > 1:
        ds.add(Tag(group, _FRAMES), "IS", frames)
        ds.add(Tag(group, _FRAME_ORIGIN), "US", 1)


def keep_overlay_of_frame(ds: Dataset, at: int) -> None:
    """Leave of overlays that have frames the one that lies on a frame of the image, counted from 0 (PS3.3 C.9.3).

    An overlay without frames of its own lies on all, and stays; so does one whose elements say less than its data hold.

    Examples
    --------
    >>> ds = Dataset({0x60000010: 1, 0x60000011: 2, 0x60000015: 2, 0x60003000: bytes([0b1001, 0])})
    >>> keep_overlay_of_frame(ds, 1)
    >>> list(ds[0x60003000].value), Tag(0x60000015) in ds
    ([2, 0], False)
    """
    for group in GROUPS:
        frames = _number(ds, group, _FRAMES)
        data = _octets(ds, group)
        size = (_number(ds, group, _ROWS) or 0) * (_number(ds, group, _COLUMNS) or 0)
        if frames is None or not 0 < size * frames <= 8 * len(data):
            continue
        own = at + 1 - (_number(ds, group, _FRAME_ORIGIN) or 1)
        if not 0 <= own < frames:
            for tag in [tag for tag in ds if tag >> 16 == group]:
                del ds[tag]
            continue
        first, before = divmod(size * own, 8)
        bits = np.unpackbits(data[first:], count=before + size, bitorder="little")[before:]
        _place(ds, group, 1, np.packbits(bits, bitorder="little").tobytes())
        for element in (_FRAMES, _FRAME_ORIGIN):
            ds.pop(Tag(group, element), None)


def overlay_planes(ds: Dataset, spec: ImageSpec) -> np.ndarray[Any, Any]:
    """The overlays that have elements of their own, on the image: shape (planes, rows, columns), bool (PS3.3 C.9.2).

    Each frame of an overlay is a plane. What lies outside the image is cut off; a group that says less than its data hold is left out.

    Examples
    --------
    >>> ds = Dataset({0x60000010: 1, 0x60000011: 2, 0x60000050: (2, 1), 0x60003000: bytes([0b10, 0])})
    >>> overlay_planes(ds, ImageSpec(2, 2)).tolist()
    [[[False, False], [False, True]]]
    """
    found = [(group, planes) for group in GROUPS if len(planes := _planes_of(ds, group))]
    count, cells = sum(len(planes) for _, planes in found), sum(planes.size for _, planes in found)
    # small planes on a large image: a few bytes ask for all the memory there is
    if count > len(GROUPS) and count * spec.rows * spec.columns > max(_MOST_CELLS, _MOST_TIMES * cells):
        raise PixelError(f"the overlays have {count} frames of {cells} cells, too many to be laid out on an image of {spec.rows} rows and "
                         f"{spec.columns} columns")
    canvas, at = np.zeros((count, spec.rows, spec.columns), np.bool_), 0
    for group, planes in found:
        _lay(planes, _origin(ds, group), canvas[at:at + len(planes)])
        at += len(planes)
    return canvas


def _planes_of(ds: Dataset, group: int) -> np.ndarray[Any, Any]:
    """The planes of an overlay, shape (frames, rows, columns); none where it says less, or more, than its data hold."""
    rows, columns, frames = (_number(ds, group, element) for element in (_ROWS, _COLUMNS, _FRAMES))
    bits = _octets(ds, group)
    size, frames = (rows or 0) * (columns or 0), frames or 1
    # what the attributes claim has to be borne out by bytes, before memory is asked for
    if size < 1 or frames < 1 or size * frames > 8 * bits.size:
        return np.zeros((0, 0, 0), np.bool_)
    return np.unpackbits(bits, count=size * frames, bitorder="little").view(np.bool_).reshape(frames, rows or 0, columns or 0)


def _octets(ds: Dataset, group: int) -> np.ndarray[Any, Any]:
    """The bytes of an overlay that has an element of its own; none where there are none."""
    data = ds[group, _DATA].value if Tag(group, _DATA) in ds else None
    try:
        return np.frombuffer(data, np.uint8) if data is not None and len(data) else np.empty(0, np.uint8)
    except (TypeError, ValueError, BufferError):
        # a VR of no bytes
        return np.empty(0, np.uint8)


def _origin(ds: Dataset, group: int) -> tuple[int, int]:
    tag = Tag(group, _ORIGIN)
    value = ds[tag].value if tag in ds else None
    first = tuple(value) if value is not None and hasattr(value, "__len__") and len(value) == 2 else (1, 1)
    return int(first[0]) - 1, int(first[1]) - 1


def _lay(planes: np.ndarray[Any, Any], origin: tuple[int, int], canvas: np.ndarray[Any, Any]) -> None:
    """Put planes on a canvas for each, cut off at its sides."""
    top, left = origin
    inside = planes[:, max(0, -top):max(0, canvas.shape[1] - top), max(0, -left):max(0, canvas.shape[2] - left)]
    top, left = max(0, top), max(0, left)
    canvas[:, top:top + inside.shape[1], left:left + inside.shape[2]] = inside
