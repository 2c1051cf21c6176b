"""What coded frames of the JPEG family have in common: their marker segments, what their headers must say, the libraries behind them.

A header is read here before a library gets the stream, so that nothing is allocated on its word alone (ITU-T T.81 B, T.87 C, T.800 A).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ..errors import CodecError, CodecUnavailable, PixelError
from ..pixels import ImageSpec, frame_cells

Array = np.ndarray[Any, Any]

# More than any writer has; each costs a step of the loop below.
_MOST_SEGMENTS = 5000

# What the libraries raise on a damaged stream, or on one that is not what it says.
_FAILURES = (RuntimeError, ValueError, TypeError, OSError, SyntaxError, EOFError, IndexError, OverflowError, MemoryError)


class Segment(NamedTuple):
    """A marker segment: the code behind 0xFF, where the marker begins, and where the segment ends."""

    marker: int
    start: int
    end: int


class Header(NamedTuple):
    """What a stream says of its samples; ``signed`` only where it is able to."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False


def segments(data: bytes, last: Collection[int]) -> list[Segment]:
    """The marker segments from behind the first marker on, up to and with the first of the codes ``last``.

    Raises
    ------
    CodecError
        Something else stands there, or the stream ends before.

    Examples
    --------
    >>> segments(bytes.fromhex("ffd8 fffe0003ff ffda0002"), (0xDA,))
    [Segment(marker=254, start=2, end=7), Segment(marker=218, start=7, end=11)]
    """
    found: list[Segment] = []
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            break
        if data[at + 1] == 0xFF:  # a marker may be preceded by any number of these (T.81 B.1.1.2)
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            break
        found.append(Segment(data[at + 1], at, end))
        if data[at + 1] in last:
            return found
        at = end
    raise CodecError("the header of the stream is damaged", at)


def check_start(data: bytes, start: bytes, name: str) -> None:
    """The stream begins as it has to."""
    if data[: len(start)] != start:
        raise CodecError(f"the frame is no {name}: it begins with {data[: len(start)].hex(' ') or 'nothing'}, not {start.hex(' ')}", 0)


def frame_header(data: bytes, found: list[Segment], markers: Collection[int]) -> Header:
    """The one frame header of a JPEG or JPEG-LS stream (T.81 B.2.2, T.87 C.2.2)."""
    frames = [segment for segment in found if segment.marker in markers]
    if len(frames) != 1:
        raise CodecError(f"the stream has {len(frames)} frame headers of the coding process, where one is wanted")
    _, start, end = frames[0]
    components = data[start + 9] if end - start >= 10 else 0
    if end - start != 10 + 3 * components:
        raise CodecError("the frame header of the stream is damaged", start)
    rows, columns = (int.from_bytes(data[at : at + 2], "big") for at in (start + 5, start + 7))
    return Header(rows, columns, components, data[start + 4])


def check_agreement(found: Header, spec: ImageSpec) -> None:
    """The stream is of the described size, and its samples fit their cells."""
    if (found.rows, found.columns, found.components) != (spec.rows, spec.columns, spec.samples):
        raise CodecError(f"the stream has {found.rows} rows, {found.columns} columns and {found.components} components, "
                         f"and the dataset says {spec.rows}, {spec.columns} and {spec.samples}")
    if not 1 <= found.precision <= spec.allocated:
        raise CodecError(f"the stream has samples of {found.precision} bits, and {spec.allocated} are allocated")


def check_integers(spec: ImageSpec, name: str) -> None:
    """All of these codecs take integers of 8 or 16 bits."""
    if spec.kind != "integer" or spec.allocated > 16:
        raise PixelError(f"{name} takes integers of 8 or 16 bits, not {spec.kind}s of {spec.allocated}")


def host_cells(frame: Any, spec: ImageSpec) -> Array:
    """One frame as a library takes it: checked, in C order and the byte order of the host."""
    cells = frame_cells(frame, spec)
    return cells.astype(cells.dtype.newbyteorder("="), copy=False)


def as_cells(samples: Any, found: Header, spec: ImageSpec) -> Array:
    """What a library has decoded, as cells; the sign is filled up where the stream does not know of it.

    >>> as_cells(np.array([[0xFFF]], "u2"), Header(1, 1, 1, 12), ImageSpec(1, 1, stored=12, signed=True))
    array([[-1]], dtype=int16)
    """
    if not isinstance(samples, np.ndarray) or samples.shape != spec.frame_shape or samples.dtype.kind not in "iu":
        raise CodecError(f"the stream decodes to something else than integers of shape {spec.frame_shape}")
    if found.signed or not spec.signed or samples.dtype.itemsize > spec.dtype.itemsize:
        return np.ascontiguousarray(samples).astype(spec.dtype, copy=False)
    unused = spec.allocated - found.precision
    cells: Array = np.left_shift(samples.astype(f"u{spec.allocated // 8}"), unused).view(spec.dtype)
    cells >>= unused
    return cells


def load(module: str, name: str) -> Any:
    """The module of a library that may be missing; ``name`` is what it is needed for."""
    try:
        return import_module(module)
    except ImportError as error:
        raise CodecUnavailable(f"{name} needs {module.split('.')[0]}, which is not installed: pip install dcmenc[codecs]") from error


def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a library returns; what it raises, as a CodecError."""
    try:
        return function(*arguments, **options)
    except ImportError as error:  # imagecodecs may have been built without the one or other
        raise CodecUnavailable(f"{function.__name__} is not part of the library as it is installed ({error})") from error
    except _FAILURES as error:
        raise CodecError(f"the library says: {error or type(error).__name__}") from error
