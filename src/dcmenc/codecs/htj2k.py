"""High-Throughput JPEG 2000, encoded by OpenJPH and decoded by OpenJPEG, by way of imagecodecs (PS3.5 8.2.14; ITU-T T.814, T.800).

imagecodecs encodes samples of 8, 16 and 32 bits only. A precision in between is got by encoding samples whose level is shifted
already, as signed ones, which the library then leaves alone, and by saying afterwards in SIZ what they are: the coded bit planes are the
same. The step sizes in QCD are relative to the precision, and go down with it; the guard bits take up what the exponents lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import CodecError, CodecUnavailable, PixelError
from ..pixels import ImageSpec
from . import Holding, own_samples
from .streams import Header, Segment, as_cells, call, check_agreement, check_integers, check_start, host_cells, load, segments

_RPCL = "1.2.840.10008.1.2.4.202"
_LOSSY = "1.2.840.10008.1.2.4.203"
_GRAY = ("MONOCHROME1", "MONOCHROME2")

# PS3.5 Table 8.2.14-1, as far as the library goes; where samples may change, the guard bits set a limit.
_LOSSLESS_PROFILE = (
    Holding(_GRAY, (8, 16), range(1, 17), (False, True)),
    Holding(("PALETTE COLOR", "RGB", "YBR_FULL"), (8, 16), range(1, 17)),
)
_LOSSY_PROFILE = tuple(
    Holding(photometrics, (allocated,), stored, signs)
    for photometrics, signs in ((_GRAY, (False, True)), (("RGB", "YBR_FULL"), (False,)))
    for allocated, stored in ((8, range(2, 9)), (16, range(10, 17)))
)

# T.800 Table A.2
_SIZ, _COD, _QCD, _QCC, _TLM, _SOT = 0x51, 0x52, 0x5C, 0x5D, 0x55, 0x90
_SIZ_PART, _TILE_PART = 38, 14  # bytes of SIZ before its components, of the smallest tile-part
_RPCL_ORDER = 2
_GUARD_BITS = 7  # the most that QCD has room for
_LEVELS = 5
_BASE = 64  # the longest side of the lowest resolution in the syntax of RPCL


@dataclass(frozen=True, slots=True)
class HTJ2KOptions:
    """How a frame is encoded.

    Parameters
    ----------
    quantization : float, optional
        The step size of the coefficients, as a part of the range of the stored values: 0 for none, which is lossless and all that
        the lossless transfer syntaxes have. By default 1/128 in the other, which for most images is hard to see.
    colour_transform : bool
        Whether RGB is coded as luminance and colour differences (YBR_RCT, YBR_ICT), which is smaller for all but odd images.
    """

    quantization: float | None = None
    colour_transform: bool = True

    def __post_init__(self) -> None:
        if self.quantization is not None and not 0 <= self.quantization <= 0.5:
            raise ValueError(f"the quantization of HTJ2K is 0 to 0.5, not {self.quantization!r}")


class HTJ2K:
    """Wavelets, with a block coder that is many times as fast as that of JPEG 2000.

    Examples
    --------
    >>> from dcmenc.codecs import get_codec
    >>> spec = ImageSpec(16, 16, samples=3, allocated=8, stored=8, photometric="RGB")
    >>> get_codec("htj2k-lossless").describe(spec)["PhotometricInterpretation"]
    'YBR_RCT'
    """

    Options = HTJ2KOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.profile = _LOSSY_PROFILE if uid == _LOSSY else _LOSSLESS_PROFILE

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """Noise takes more than itself, but not twice as much; small blocks have headers."""
        return 4096 + 3 * spec.rows * spec.columns * spec.samples * (spec.allocated // 8)

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Integers of 8 or 16 bits."""
        chosen = options or HTJ2KOptions()
        check_integers(spec, "HTJ2K")
        cells, step = host_cells(frame, spec), self._step(chosen)
        precision = _precision(spec, bool(step))
        shift = spec.allocated - precision
        if shift and not spec.signed:
            cells = (cells ^ cells.dtype.type(1 << (precision - 1))).view(f"i{cells.itemsize}")
            cells = np.right_shift(np.left_shift(cells, shift), shift)
        layout = {"tlm": True, "tilepart": 1} if self.uid == _RPCL else {}
        data = bytes(call(load("imagecodecs", "HTJ2K").htj2k_encode, cells, level=max(step / (1 << shift), 1e-5) if step else None,
                          reversible=not step, rgb=_transforms(spec, chosen), planar=False, resolutions=_levels(spec), **layout))
        if shift:
            data = _with_precision(data, precision, spec.signed)
        if self.uid == _RPCL:
            _check_rpcl(data, spec)
        return data

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`. A colour transform is undone."""
        check_integers(spec, "HTJ2K")
        data = bytes(data)
        found = _read_header(data)
        check_agreement(found.header, spec)
        _check_tile_parts(data, found.segments[-1].start)
        # OpenJPEG decodes: imagecodecs takes no notice of what OpenJPH finds wrong (it writes to stderr and returns what there is), and
        # OpenJPH lets lossy samples reach one more than their largest value
        samples = call(load("imagecodecs", "HTJ2K").jpeg2k_decode, data)
        return as_cells(samples, found.header, spec)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """What a colour transform makes of RGB, and whether something was lost."""
        chosen = options or HTJ2KOptions()
        step = self._step(chosen)
        attributes: dict[str, Any] = {"PlanarConfiguration": 0} if spec.samples > 1 else {}
        if _transforms(spec, chosen):
            attributes["PhotometricInterpretation"] = "YBR_ICT" if step else "YBR_RCT"
        return attributes | ({"LossyImageCompressionMethod": "ISO_15444_15"} if step else {})

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """The colour transform is undone."""
        return "RGB" if spec.photometric in ("YBR_RCT", "YBR_ICT") else own_samples(spec.photometric)

    def _step(self, options: HTJ2KOptions) -> float:
        if self.uid != _LOSSY:
            if options.quantization:
                raise ValueError("this HTJ2K is lossless; for a quantization give compression='htj2k'")
            return 0.0
        return 1 / 128 if options.quantization is None else options.quantization


def _transforms(spec: ImageSpec, options: HTJ2KOptions) -> bool:
    return options.colour_transform and spec.photometric == "RGB"


def _precision(spec: ImageSpec, lossy: bool) -> int:
    """The stored bits; of 16 allocated so many that readers take two bytes, and that the guard bits suffice."""
    lowest = (2 if spec.allocated == 8 else 10) if lossy else (1 if spec.allocated == 8 else 9)
    if lossy and spec.stored < lowest:
        raise PixelError(f"lossy HTJ2K takes at least {lowest} bits stored of {spec.allocated}, not {spec.stored}")
    return max(spec.stored, lowest)


def _levels(spec: ImageSpec) -> int:
    """Decompositions: so many that the lowest resolution is small, whatever the size of the frame (PS3.5 A.4.4)."""
    levels = _LEVELS
    while max(spec.rows, spec.columns) > _BASE << levels:
        levels += 1
    return levels


class _Found(NamedTuple):
    """What the main header says."""

    header: Header
    reversible: bool
    order: int
    levels: int
    segments: list[Segment]


def _read_header(data: bytes) -> _Found:
    """The main header of a code stream (T.800 A.4 to A.6); a number of tiles that its bytes cannot hold is refused."""
    check_start(data, b"\xff\x4f\xff\x51", "JPEG 2000 code stream")
    found = segments(data, (_SOT,))
    _, start, end = found[0]
    if end - start < _SIZ_PART + 2 or end - start != _SIZ_PART + 2 + 3 * int.from_bytes(data[start + 38 : start + 40], "big"):
        raise CodecError("the SIZ segment of the stream is damaged", start)
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = (
        int.from_bytes(data[at : at + 4], "big") for at in range(start + 6, start + 38, 4))
    components = [data[at : at + 3] for at in range(start + 40, end, 3)]
    if len(set(components)) != 1 or components[0][1:] != b"\x01\x01":
        raise CodecError("the components of the stream differ, or are subsampled", start)
    if not (tile_width and tile_height and tile_left <= left < right and tile_top <= top < bottom):
        raise CodecError("the SIZ segment of the stream is damaged", start)
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if tiles * _TILE_PART > len(data):
        raise CodecError(f"the stream has {tiles} tiles and only {len(data)} bytes", start)
    coding = [segment for segment in found if segment.marker == _COD]
    if len(coding) != 1 or coding[0].end - coding[0].start < 14:
        raise CodecError("the stream has no COD segment, or a damaged one", start)
    at = coding[0].start
    sample = components[0][0]
    header = Header(bottom - top, right - left, len(components), (sample & 0x7F) + 1, bool(sample & 0x80))
    return _Found(header, data[at + 13] == 1, data[at + 5], data[at + 9], found)


def _check_tile_parts(data: bytes, at: int) -> None:
    """All tile-parts are there in full (T.800 A.4.2): the libraries make something up for what is missing."""
    while data[at : at + 2] == b"\xff\x90" and at + _TILE_PART <= len(data):
        size = int.from_bytes(data[at + 6 : at + 10], "big")
        if not size:  # the last one, up to the end
            return
        if size < _TILE_PART or at + size > len(data):
            raise CodecError("the stream breaks off, or a tile-part has a wrong length", at)
        at += size
    if data[at : at + 2] != b"\xff\xd9":
        raise CodecError("the stream breaks off", at)


def _with_precision(data: bytes, precision: int, signed: bool) -> bytes:
    """The stream of signed samples that need no shift of their level, as one of samples of another precision, and sign."""
    made = bytearray(data)
    for marker, start, end in _read_header(data).segments:
        if marker == _SIZ:
            shift = (made[start + 40] & 0x7F) + 1 - precision
            made[start + 40 : end : 3] = bytes([(precision - 1) | (0x80 if signed else 0)]) * ((end - start - 40) // 3)
        elif marker == _QCD:
            # Mb = guard bits + exponent - 1 stays as it is (T.800 Equation E-2)
            moved = min(shift, _GUARD_BITS - (made[start + 4] >> 5))
            made[start + 4] += moved << 5
            for at in range(start + 5, end, 1 if made[start + 4] & 0x1F == 0 else 2):
                if made[at] >> 3 < moved:
                    raise CodecError("the stream is not laid out as expected of OpenJPH")
                made[at] -= moved << 3
        elif marker == _QCC:
            raise CodecError("the stream is not laid out as expected of OpenJPH")
    return bytes(made)


def _check_rpcl(data: bytes, spec: ImageSpec) -> None:
    """What the syntax of RPCL asks for beyond losslessness (PS3.5 8.2.14)."""
    found = _read_header(data)
    small = -(-max(spec.rows, spec.columns) >> found.levels) <= _BASE
    if found.order != _RPCL_ORDER or not small or not found.reversible or _TLM not in (segment.marker for segment in found.segments):
        raise CodecUnavailable("this imagecodecs does not make HTJ2K with RPCL and TLM; use compression='htj2k-lossless'")
