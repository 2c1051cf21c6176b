"""JPEG-LS, lossless and near-lossless, through the CharLS of imagecodecs and pyjpegls (PS3.5 8.2.3; ITU-T T.87).

The precision P of the stream is what readers agree on: 8 where 8 bits are allocated, since DCMTK refuses fewer; of 16 allocated the stored
bits, but never fewer than 9, which DCMTK and GDCM refuse; and all of signed samples, filled with their sign, since a stream knows none.
imagecodecs encodes 8 and 16 bits only, so that pyjpegls encodes the others: 12 bits in 16 take some 6 percent more. It holds the GIL while
it does, and ``workers`` gain nothing there; ``precision=16`` goes through imagecodecs, which lets it go. Samples of a pixel are interleaved
(ILV 2), without a colour transform, and the SPIFF header is taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CodecError, PixelError
from ..pixels import ImageSpec
from . import Holding, own_samples
from .streams import Array, as_cells, call, check_agreement, check_integers, check_start, frame_header, host_cells, load, segments

_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.81"
_GRAY = ("MONOCHROME1", "MONOCHROME2")

# PS3.5 Table 8.2.3-1
_LOSSY = (
    Holding(_GRAY, (8, 16), range(2, 17), (False, True)),
    Holding(("YBR_FULL",), (8,), range(2, 9)),
    Holding(("RGB",), (8, 16), range(2, 17)),
)
_LOSSLESS = (*_LOSSY, Holding(("PALETTE COLOR",), (8, 16), range(2, 17)))

# T.87 C.1.1
_SOF55, _SOS, _APP8 = 0xF7, 0xDA, 0xE8
_EOI = b"\xff\xd9"

_SMALL = 128  # bytes of a frame: pyjpegls has no room for the header then


@dataclass(frozen=True, slots=True)
class JPEGLSOptions:
    """How a frame is encoded.

    Parameters
    ----------
    near : int, optional
        By how much a sample may differ from what it was (NEAR of T.87): 0 for not at all, which is all that the lossless transfer
        syntax has; by default 2 in the other.
    precision : int, optional
        P of the stream: at least the stored bits, at most those allocated.
    """

    near: int | None = None
    precision: int | None = None

    def __post_init__(self) -> None:
        if self.near is not None and self.near not in range(256):
            raise ValueError(f"near of JPEG-LS is 0 to 255, not {self.near!r}")
        if self.precision is not None and not 2 <= self.precision <= 16:
            raise ValueError(f"the precision of JPEG-LS is 2 to 16 bits, not {self.precision!r}")


class JPEGLS:
    """Differences from a prediction by context, Golomb coded.

    Examples
    --------
    >>> from dcmenc.codecs import get_codec
    >>> frame = np.arange(4096, dtype="u2").reshape(64, 64)
    >>> codec, spec = get_codec("jpeg-ls-near"), ImageSpec.from_array(frame, bits_stored=12)
    >>> back = codec.decode_frame(codec.encode_frame(frame, spec, codec.Options(near=3)), spec)
    >>> int(abs(back.astype(int) - frame).max()) <= 3
    True
    """

    Options = JPEGLSOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.profile = _LOSSY if uid == _NEAR_LOSSLESS else _LOSSLESS

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """Every sample with the longest code, of 4 P bits (T.87 A.2.1), and stuffed."""
        return 1024 + spec.rows * spec.columns * spec.samples * spec.allocated * 5 // 8

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Integers of 8 or 16 bits; near-lossless samples are checked to be as near as promised."""
        chosen = options or JPEGLSOptions()
        check_integers(spec, "JPEG-LS")
        cells, near = host_cells(frame, spec), self._near(spec, chosen)
        precision = _precision(spec, chosen)
        samples = cells.view(f"u{cells.itemsize}")
        if spec.signed and precision < spec.allocated:
            samples = samples & samples.dtype.type((1 << precision) - 1)
        data = _without_spiff(_encode(samples, spec, precision, near, self.bound(spec)))
        if near:
            self._check_nearness(data, cells, spec, near)
        return data

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`."""
        check_integers(spec, "JPEG-LS")
        data = bytes(data)
        check_start(data, b"\xff\xd8", "JPEG-LS")
        found = frame_header(data, segments(data, (_SOS,)), (_SOF55,))
        check_agreement(found, spec)
        if _EOI not in data[-16:]:
            raise CodecError("the stream breaks off", len(data))  # which CharLS would search for without an end
        return as_cells(call(load("imagecodecs", "JPEG-LS").jpegls_decode, data), found, spec)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """The samples of a pixel are together in the stream, and with ``near`` something was lost."""
        attributes: dict[str, Any] = {"PlanarConfiguration": 0} if spec.samples > 1 else {}
        lossy = self._near(spec, options or JPEGLSOptions()) > 0
        return attributes | ({"LossyImageCompressionMethod": "ISO_14495_1"} if lossy else {})

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """As it was encoded."""
        return own_samples(spec.photometric)

    def _near(self, spec: ImageSpec, options: JPEGLSOptions) -> int:
        if self.uid != _NEAR_LOSSLESS:
            if options.near:
                raise ValueError("this JPEG-LS is lossless; for near-lossless give compression='jpeg-ls-near'")
            return 0
        most = min(255, ((1 << _precision(spec, options)) - 1) // 2)  # T.87 C.2.3
        if options.near is not None and options.near > most:
            raise PixelError(f"near is at most {most} for such samples, not {options.near}")
        return min(2, most) if options.near is None else options.near

    def _check_nearness(self, data: bytes, cells: Array, spec: ImageSpec, near: int) -> None:
        """That no sample left the stored bits, where the largest values pass into the smallest ones."""
        back, low = self.decode_frame(data, spec), -(1 << spec.high_bit) if spec.signed else 0
        error = np.abs(np.subtract(back, cells, dtype=np.int32)).max()
        if error > near or back.min() < low or back.max() >= low + (1 << spec.stored):
            raise PixelError(f"near={near} takes samples beyond the {spec.stored} {'signed' if spec.signed else 'unsigned'} bits stored: "
                             "there are values next to the largest or smallest; use compression='jpeg-ls'")


def _precision(spec: ImageSpec, options: JPEGLSOptions) -> int:
    if options.precision is not None:
        if not spec.stored <= options.precision <= spec.allocated:
            raise PixelError(f"a precision of {options.precision} does not go with {spec.stored} bits stored of {spec.allocated}")
        return options.precision
    if spec.signed or spec.allocated == 8 or spec.frame_bytes < _SMALL:
        return spec.allocated
    return max(spec.stored, 9)


def _encode(samples: Array, spec: ImageSpec, precision: int, near: int, room: int) -> bytes:
    if precision == spec.allocated:
        encode = load("imagecodecs", "JPEG-LS").jpegls_encode
        return bytes(call(encode, samples, level=near, out=room))
    encode = load("jpeg_ls", f"JPEG-LS with a precision of {precision} (pyjpegls)").encode_buffer
    if precision <= 8:
        samples = samples.astype(np.uint8)
    data = samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()
    return bytes(call(encode, data, spec.rows, spec.columns, spec.samples, precision, lossy_error=near, interleave_mode=2))


def _without_spiff(data: bytes) -> bytes:
    parts, kept = [data[:2]], 2
    for marker, start, end in segments(data, (_SOS,)):
        if marker != _APP8:
            parts.append(data[start:end])
        kept = end
    return b"".join((*parts, data[kept:]))

