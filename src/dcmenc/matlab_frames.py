"""A file for each frame: how the files are called, and what of the metadata belongs to which (PS3.3 C.7.6.6, C.7.6.16).

No file is written here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from errno import EEXIST, EISDIR
from typing import Any

from .dictionary import Tag
from .errors import PixelError
from .model import Dataset, Sequence
from .overlays import keep_overlay_of_frame
from .pixels import FRAME_VECTORS
from .values import describe

_PER_FRAME = "PerFrameFunctionalGroupsSequence"
# They tell frames apart, of which one is left.
_OF_SEVERAL = ("NumberOfFrames", "FrameIncrementPointer", *FRAME_VECTORS)


def frame_paths(target: Any, frames: int) -> list[str]:
    """The path of each frame's file: stem, underscore, the number from 1 in at least three digits, and the suffix.

    >>> frame_paths("scans/head.dcm", 2)
    ['scans/head_001.dcm', 'scans/head_002.dcm']
    """
    if not isinstance(target, (str, bytes, os.PathLike)):
        raise TypeError(f"a file for each frame needs a path to name them by, not {describe(target)}")
    path = os.fsdecode(target)
    if frames == 1:
        return [path]
    if not os.path.basename(path) or os.path.isdir(path):
        # the numbers would make names of it that nobody has asked for
        raise IsADirectoryError(EISDIR, "a file for each frame needs the name of a file to number", path)
    stem, suffix = os.path.splitext(path)
    width = max(3, len(str(frames)))
    return [f"{stem}_{number:0{width}}{suffix}" for number in range(1, frames + 1)]


def check_free(paths: Iterable[str]) -> None:
    """Nothing is there yet where files are going to be, so that none is written before it is known that all may be."""
    for path in paths:
        if os.path.lexists(path):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), path)


def check_per_frame(per_frame: Mapping[str, Any], frames: int) -> None:
    """Each attribute has as many values as there are frames."""
    for keyword, values in per_frame.items():
        count = _count(values)
        if count != frames:
            found = describe(values) if count is None else f"{count} values"
            raise PixelError(f"per_frame={{{keyword!r}: ...}} holds one value for each of {frames} frames, not {found}")


def _count(values: Any) -> int | None:
    """How many values there are in an order; None for what has no order, or is one value."""
    if isinstance(values, (str, bytes, Mapping, AbstractSet)) or getattr(values, "ndim", 1) == 0:
        return None
    return len(values) if hasattr(values, "__len__") and hasattr(values, "__getitem__") else None


def metadata_of_frame(ds: Dataset, at: int) -> Dataset:
    """The metadata of one frame by itself: of what is kept for each frame, its share.

    >>> ds = Dataset(NumberOfFrames=2, SliceThickness=3)
    >>> [str(tag) for tag in metadata_of_frame(ds, 1)]
    ['(0018,0050)']
    """
    own = ds.copy()
    keep_overlay_of_frame(own, at)
    groups = getattr(ds, _PER_FRAME, None) or ()
    for keyword in _OF_SEVERAL:
        own.pop(keyword, None)
    if at < len(groups):
        # a class with functional groups counts its frames, be it one
        setattr(own, _PER_FRAME, Sequence(groups[at:at + 1]))
        own.NumberOfFrames = 1
    return own


def values_of_frame(per_frame: Mapping[str, Any], at: int) -> Iterator[tuple[str, Any]]:
    """The keyword and the value of a frame, of each attribute that has one for every frame."""
    for keyword, values in per_frame.items():
        value = values[at]
        yield keyword, value.tolist() if hasattr(value, "tolist") else value


def share_series(ds: Dataset, uid: Any) -> None:
    """One study and one series for all files that come of one image, where none are named (PS3.3 C.7.3.1)."""
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if not getattr(ds, keyword, None):
            ds[Tag(keyword)] = uid()
