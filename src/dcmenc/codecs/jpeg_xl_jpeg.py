"""JPEG XL that a JPEG is kept in, and comes out of bit by bit, through the libjxl of imagecodecs (PS3.5 8.2.15; ISO/IEC 18181-2).

No pixels are encoded here: a stream of JPEG goes in, and nothing more is lost. It is decoded by restoring the JPEG, so that the samples are
those of the JPEG, in luminance and colour differences where it has them; a decoder of JPEG XL makes red, green and blue of its own of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ..codestream import boxes
from ..errors import CodecError, CodecUnavailable, PixelError
from ..pixels import ImageSpec
from . import Holding, own_samples
from .jpeg import JPEG
from .jpeg_xl import BOXES, JPEGXL, size_of
from .streams import Header, call, check_agreement, check_integers, check_start, frame_header, load, segments

_BASELINE, _LOSSY = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.112"

# As JPEG of 8 bits has them (PS3.5 Table 8.2.1-1): of 12 bits libjxl takes none.
_PROFILE = (Holding(("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL"), (8,), range(8, 9)),)

_SEQUENTIAL = (0xC0, 0xC1)  # T.81 Table B.1: baseline, extended
_SOS = 0xDA

# A group of 256 x 256 pixels takes twelve bits in the table of contents at least (ISO/IEC 18181-1 F.3.3).
_GROUP, _ENTRY_BITS = 256, 12


@dataclass(frozen=True, slots=True)
class JPEGInJPEGXLOptions:
    """The stream of JPEG leaves nothing to choose."""


class JPEGInJPEGXL:
    """Streams of JPEG with another entropy coding around them.

    Examples
    --------
    >>> from dcmenc.codecs import get_codec
    >>> frame, spec = np.arange(64, dtype="u1").reshape(8, 8), ImageSpec(8, 8, allocated=8, stored=8)
    >>> stream = get_codec("jpeg").encode_frame(frame, spec)
    >>> codec = get_codec("jpeg-xl-jpeg")
    >>> codec.restore(codec.recompress(stream, spec), spec) == stream
    True
    """

    profile = _PROFILE
    Options = JPEGInJPEGXLOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self._jpeg, self._plain = JPEG(_BASELINE), JPEGXL(_LOSSY)

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """What the JPEG may take, once more for what is beside its coefficients."""
        return 2 * self._jpeg.bound(spec)

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """Pixels are refused: the way is to make a JPEG of them first, and the message says so."""
        _refuse()

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`. The samples of the JPEG; without one in the stream those of JPEG XL, which are never Y'CbCr."""
        check_integers(spec, "JPEG XL")
        data = bytes(data)
        if holds_jpeg(memoryview(data)):
            return self._jpeg.decode_frame(self.restore(data, spec), spec)
        if spec.photometric.startswith("YBR"):
            raise CodecError(f"the frame holds no JPEG, and the JPEG XL stream alone gives no {spec.photometric}; set "
                             "ds.PhotometricInterpretation to 'RGB' if that is what it holds")
        return self._plain.decode_frame(data, spec)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """As :meth:`encode_frame`: a dataset takes nothing on for a stream that goes over as it is."""
        _refuse()

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """As that of the JPEG."""
        return own_samples(spec.photometric)

    def recompress(self, stream: Any, spec: ImageSpec) -> bytes:
        """The frame that a stream of JPEG goes into; CodecError if it is none of 8 bits and of the described size."""
        stream = bytes(stream)
        _check_jpeg(stream, spec)
        return bytes(call(_library("jpegxl_encode_jpeg"), stream, usecontainer=True, numthreads=1))

    def restore(self, data: Any, spec: ImageSpec) -> bytes:
        """The stream of JPEG that a frame holds, bit by bit; CodecError if there is none, or none of the described size."""
        data = bytes(data)
        if not holds_jpeg(memoryview(data)):
            raise CodecError("the frame holds no JPEG that could be restored: transcode to 'explicit' decodes it")
        rows, columns = size_of(data)
        check_agreement(Header(rows, columns, spec.samples, spec.allocated), spec)
        stream = restore_jpeg(data)
        _check_jpeg(stream, spec)
        return stream


def holds_jpeg(data: memoryview) -> bool:
    """Whether a stream of JPEG XL has what a JPEG is restored by, a box of the type jbrd (ISO/IEC 18181-2).

    >>> holds_jpeg(memoryview(b"\\xff\\x0a"))
    False
    """
    return data[: len(BOXES)] == BOXES and any(kind == b"jbrd" for kind, _ in boxes(data))


def restore_jpeg(data: bytes) -> bytes:
    """The JPEG in a stream of JPEG XL; CodecError if it is damaged, or claims more pixels than its bytes can hold."""
    rows, columns = size_of(data)
    if -(-rows // _GROUP) * -(-columns // _GROUP) * _ENTRY_BITS > 8 * len(data):
        raise CodecError(f"the stream has {len(data)} bytes, and {rows} rows of {columns} pixels cannot take so few")
    return bytes(call(_library("jpegxl_decode_jpeg"), data, numthreads=1))


def _library(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] | None = getattr(load("imagecodecs", "JPEG XL"), name, None)
    if function is None:
        raise CodecUnavailable(f"the installed imagecodecs has no {name}: pip install -U dcmenc[codecs]")
    return function


def _check_jpeg(stream: bytes, spec: ImageSpec) -> None:
    """Sequential JPEG of 8 bits, and of the described size."""
    check_start(stream, b"\xff\xd8", "JPEG")
    found = frame_header(stream, segments(stream, (_SOS,)), _SEQUENTIAL)
    check_agreement(found, spec)
    if found.precision != 8:
        raise CodecError(f"JPEG XL keeps JPEG of 8 bits, not of {found.precision}")


def _refuse() -> NoReturn:
    raise PixelError("JPEG XL JPEG Recompression holds JPEG streams that are there already, and these pixels have none: give compression="
                     "'jpeg', and transcode that to 'jpeg-xl-jpeg'; or give 'jpeg-xl' or 'jpeg-xl-lossless'")
