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
# Cells of planes that are laid out at once.
_MOST_CELLS = 1 << 31
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


def overlay_planes(ds: Dataset, spec: ImageSpec) -> np.ndarray[Any, Any]:
    """The overlays that have elements of their own, on the image: shape (planes, rows, columns), bool (PS3.3 C.9.2).

    Each frame of an overlay is a plane. What lies outside the image is cut off; a group that says less than its data hold is left out.

    Examples
    --------
    >>> ds = Dataset({0x60000010: 1, 0x60000011: 2, 0x60000050: (2, 1), 0x60003000: bytes([0b10, 0])})
    >>> overlay_planes(ds, ImageSpec(2, 2)).tolist()
    [[[False, False], [False, True]]]
    """
    planes = [plane for group in GROUPS for plane in _planes_of(ds, group, spec)]
    return np.stack(planes) if planes else np.zeros((0, spec.rows, spec.columns), np.bool_)


def _planes_of(ds: Dataset, group: int, spec: ImageSpec) -> list[np.ndarray[Any, Any]]:
    data = ds[group, _DATA].value if Tag(group, _DATA) in ds else None
    rows, columns, frames = (_number(ds, group, element) for element in (_ROWS, _COLUMNS, _FRAMES))
    bits = np.frombuffer(data, np.uint8) if isinstance(data, (bytes, bytearray, memoryview)) else np.empty(0, np.uint8)
    size, frames = (rows or 0) * (columns or 0), frames or 1
    # what the attributes claim has to be borne out by bytes, before memory is asked for
    if size < 1 or frames < 1 or size * frames > 8 * bits.size:
        return []
    if frames * spec.rows * spec.columns > _MOST_CELLS:
        raise PixelError(f"the overlay of group {group:04X} has {frames} frames, too many to be laid out on the image")
    planes = np.unpackbits(bits, count=size * frames, bitorder="little").view(np.bool_).reshape(frames, rows or 0, columns or 0)
    return [_on_image(plane, _origin(ds, group), spec) for plane in planes]


def _origin(ds: Dataset, group: int) -> tuple[int, int]:
    tag = Tag(group, _ORIGIN)
    value = ds[tag].value if tag in ds else None
    first = tuple(value) if value is not None and hasattr(value, "__len__") and len(value) == 2 else (1, 1)
    return int(first[0]) - 1, int(first[1]) - 1


def _on_image(plane: np.ndarray[Any, Any], origin: tuple[int, int], spec: ImageSpec) -> np.ndarray[Any, Any]:
    canvas = np.zeros((spec.rows, spec.columns), np.bool_)
    top, left = origin
    inside = plane[max(0, -top):max(0, spec.rows - top), max(0, -left):max(0, spec.columns - left)]
    top, left = max(0, top), max(0, left)
    canvas[top:top + inside.shape[0], left:left + inside.shape[1]] = inside
    return canvas
