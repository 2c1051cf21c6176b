"""JPEG XL, lossless and lossy, through the libjxl of imagecodecs (PS3.5 8.2.15; ISO/IEC 18181).

Few readers know it. A stream has no signed samples; it says how many bits they have. More than 12 bits come in the boxes of ISO/IEC
18181-2, whose ``jxll`` says that they need a decoder of level 10; others are a bare code stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CodecError, PixelError
from ..pixels import ImageSpec
from . import Holding, own_samples
from .streams import Header, as_cells, call, check_agreement, check_integers, host_cells, load

_LOSSY = "1.2.840.10008.1.2.4.112"
_GRAY = ("MONOCHROME1", "MONOCHROME2")

# What is certain of PS3.5 Table 8.2.15-1.
_PROFILE = (Holding((*_GRAY, "RGB"), (8, 16), range(1, 17)),)

_CODE_STREAM = b"\xff\x0a"
BOXES = bytes.fromhex("0000000c4a584c200d0a870a")  # what a file in boxes begins with
_MOST_BOXES = 100
# Width for height (ISO/IEC 18181-1 D.2.2): 0 means that the width is given.
_RATIOS = (None, (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


@dataclass(frozen=True, slots=True)
class JPEGXLOptions:
    """How a frame is encoded.

    Parameters
    ----------
    distance : float, optional
        How far from the original, in the units of Butteraugli: 0 is lossless, which is all that the lossless transfer syntax has; 1
        is hardly to be seen; up to 25. By default 1 in the other.
    effort : int
        1 for the fastest to 9 for the smallest.
    """

    distance: float | None = None
    effort: int = 3

    def __post_init__(self) -> None:
        if self.distance is not None and not 0 <= self.distance <= 25:
            raise ValueError(f"the distance of JPEG XL is 0 to 25, not {self.distance!r}")
        if self.effort not in range(1, 10):
            raise ValueError(f"the effort of JPEG XL is 1 to 9, not {self.effort!r}")


class JPEGXL:
    """Modular coding where lossless, cosine transforms of many sizes in the XYB colour space where not."""

    profile = _PROFILE
    Options = JPEGXLOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """Noise takes more than itself, but not twice as much."""
        return 4096 + 3 * spec.rows * spec.columns * spec.samples * (spec.allocated // 8)

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Unsigned integers of 8 or 16 bits."""
        chosen = options or JPEGXLOptions()
        _check(spec)
        cells, distance = host_cells(frame, spec), self._distance(chosen)
        fidelity = {"distance": distance, "lossless": False} if distance else {"lossless": True}
        return bytes(call(load("imagecodecs", "JPEG XL").jpegxl_encode, cells, effort=chosen.effort, bitspersample=_bits(spec),
                          photometric="RGB" if spec.samples == 3 else "GRAY", planar=False, numthreads=1, **fidelity))

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`."""
        _check(spec)
        data = bytes(data)
        rows, columns = size_of(data)
        # what it has of components and bits stands behind the colour encoding: it is seen from what comes out
        found = Header(rows, columns, spec.samples, spec.allocated)
        check_agreement(found, spec)
        samples = call(load("imagecodecs", "JPEG XL").jpegxl_decode, data, index=0, numthreads=1)
        if getattr(samples, "dtype", None) not in (np.uint8, np.uint16) or samples.dtype.itemsize > spec.dtype.itemsize:
            raise CodecError(f"the stream decodes to something else than integers of at most {spec.allocated} bits")
        return as_cells(samples, found, spec)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """What RGB is coded as where something is lost, and that it is."""
        attributes: dict[str, Any] = {"PlanarConfiguration": 0} if spec.samples > 1 else {}
        if not self._distance(options or JPEGXLOptions()):
            return attributes
        colour = {"PhotometricInterpretation": "XYB"} if spec.photometric == "RGB" else {}
        return attributes | colour | {"LossyImageCompressionMethod": "ISO_18181_1"}

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """The colour transform is undone."""
        return "RGB" if spec.photometric == "XYB" else own_samples(spec.photometric)

    def _distance(self, options: JPEGXLOptions) -> float:
        if self.uid != _LOSSY:
            if options.distance:
                raise ValueError("this JPEG XL is lossless; for a distance give compression='jpeg-xl'")
            return 0.0
        return 1.0 if options.distance is None else options.distance


def size_of(data: bytes) -> tuple[int, int]:
    """Rows and columns, as the header of a stream has them; CodecError if there is none.

    >>> size_of(b"\\xff\\x0a\\x85\\x00")
    (24, 28)
    """
    return _size(_first_bytes(data))


def _check(spec: ImageSpec) -> None:
    check_integers(spec, "JPEG XL")
    if spec.signed:
        raise PixelError("JPEG XL has no signed samples")


def _bits(spec: ImageSpec) -> int:
    return max(spec.stored, 1 if spec.allocated == 8 else 9)


def _first_bytes(data: bytes) -> bytes:
    """Where the code stream begins: at once, or in the first of the boxes that hold it (ISO/IEC 18181-2)."""
    if data[:2] == _CODE_STREAM:
        return data[:16]
    at = len(BOXES)
    if data[:at] == BOXES:
        for _ in range(_MOST_BOXES):
            size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
            content = at + (16 if size == 1 else 8)
            if kind in (b"jxlc", b"jxlp"):
                start = data[content + (4 if kind == b"jxlp" else 0) :][:16]
                if start[:2] == _CODE_STREAM:
                    return start
                break
            at += int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size
            if size < 8 and size != 1:
                break
    raise CodecError("the frame is no JPEG XL stream", 0)


def _size(start: bytes) -> tuple[int, int]:
    """Rows and columns from the first bits (ISO/IEC 18181-1 D.2.2)."""
    bits, at = int.from_bytes(start[2:], "little"), 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        return (bits >> (at - count)) & ((1 << count) - 1)

    small = take(1)

    def side() -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    rows, ratio = side(), _RATIOS[take(3)]
    return rows, side() if ratio is None else rows * ratio[0] // ratio[1]
