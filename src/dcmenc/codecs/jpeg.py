"""JPEG Baseline through Pillow, JPEG Extended of 12 bits through imagecodecs: 8 x 8 cosine transforms, lossy (PS3.5 8.2.1; T.81).

Colours are never converted behind the caller's back: what is coded as Y'CbCr is decoded to Y'CbCr, every pixel with samples of its
own, and what is coded as RGB to RGB, whatever the markers say: the dataset's word counts. Streams carry no JFIF, EXIF or comments.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np

from ..errors import CodecError, PixelError
from ..pixels import ImageSpec
from . import Holding, own_samples
from .streams import Header, as_cells, call, check_agreement, check_integers, check_start, frame_header, host_cells, load, segments

_BASELINE = "1.2.840.10008.1.2.4.50"
_GRAY = ("MONOCHROME1", "MONOCHROME2")
_SUBSAMPLED = "YBR_FULL_422"

# PS3.5 Table 8.2.1-1, as the pixels are before: RGB and YBR_FULL become YBR_FULL_422, or RGB stays.
_PROFILES = {
    _BASELINE: (Holding((*_GRAY, "RGB", "YBR_FULL"), (8,), range(8, 9)),),
    "1.2.840.10008.1.2.4.51": (Holding(_GRAY, (8,), range(8, 9)), Holding(_GRAY, (16,), range(12, 13))),
}

# T.81 Table B.1: frame headers of the sequential processes, what else a decoder needs, and the start of a scan.
_SOF0, _SOF1 = 0xC0, 0xC1
_TABLES = (0xC4, 0xDB, 0xDD)
_SOS = 0xDA
_APP14 = 0xEE  # Adobe's: says that three components are RGB

_LONGEST_SIDE = 65500  # of libjpeg
_BLOCKS_A_BYTE = 4  # at the most: a block has two codes of a bit at least


@dataclass(frozen=True, slots=True)
class JPEGOptions:
    """How a frame is encoded.

    Parameters
    ----------
    quality : int
        1 to 100, which scales the tables of T.81 K.1 as libjpeg does.
    subsampling : {"4:2:2", "4:4:4"}
        Of colour. The first halves the width of the chrominance planes (YBR_FULL_422); with the second RGB is coded as RGB, without
        a transform, which takes more bytes and keeps the edges of colours.
    """

    quality: int = 90
    subsampling: Literal["4:2:2", "4:4:4"] = "4:2:2"

    def __post_init__(self) -> None:
        if self.quality not in range(1, 101):
            raise ValueError(f"the quality of JPEG is 1 to 100, not {self.quality!r}")
        if self.subsampling not in ("4:2:2", "4:4:4"):
            raise ValueError(f"the subsampling of JPEG in DICOM is '4:2:2' or '4:4:4', not {self.subsampling!r}")


class JPEG:
    """Sequential JPEG with Huffman coding.

    Examples
    --------
    >>> from dcmenc.codecs import get_codec
    >>> spec = ImageSpec(16, 16, samples=3, allocated=8, stored=8, photometric="RGB")
    >>> get_codec("jpeg").describe(spec)["PhotometricInterpretation"]
    'YBR_FULL_422'
    """

    Options = JPEGOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.profile = _PROFILES[uid]

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """Every coefficient with the longest code and all of its bits, and tables."""
        blocks = ((spec.rows + 15) // 16) * ((spec.columns + 15) // 16) * spec.samples  # of 16 x 16
        return 2048 + 4 * 256 * blocks

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Unsigned samples of 8 bits, or of 12 in JPEG Extended."""
        chosen = options or JPEGOptions()
        check_integers(spec, "JPEG")
        cells, label = host_cells(frame, spec), _label(spec, chosen)
        if max(spec.rows, spec.columns) > _LONGEST_SIDE:
            raise PixelError(f"JPEG takes sides of up to {_LONGEST_SIDE} pixels here, not {spec.rows} rows and {spec.columns} columns")
        if spec.signed or spec.stored not in (8, 12) or (spec.stored == 12 and self.uid == _BASELINE):
            raise PixelError(f"JPEG takes unsigned samples of 8 bits, JPEG Extended of 12, too, not of {spec.stored}")
        if spec.stored == 12:
            encode = load("imagecodecs", "JPEG of 12 bits").jpeg8_encode
            return _bare(call(encode, cells, chosen.quality, bitspersample=12), (_SOF1, *_TABLES))
        data = _pillow_encode(cells, spec, label, chosen)
        if self.uid == _BASELINE:
            return _bare(data, (_SOF0, *_TABLES, *((_APP14,) if label == "RGB" else ())))
        return _bare(data, (_SOF0, *_TABLES), extended=True)

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`. Chrominance planes of lower resolution are interpolated."""
        check_integers(spec, "JPEG")
        data = bytes(data)
        check_start(data, b"\xff\xd8", "JPEG")
        found = frame_header(data, segments(data, (_SOS,)), (_SOF0, _SOF1))
        check_agreement(found, spec)
        if ((found.rows + 7) // 8) * ((found.columns + 7) // 8) > _BLOCKS_A_BYTE * len(data):
            raise CodecError(f"the stream has {len(data)} bytes, and {found.rows} rows of {found.columns} pixels cannot take so few")
        data = _bare(data, (_SOF0, _SOF1, *_TABLES))
        if found.precision == 8:
            return as_cells(call(_pillow_decode, data, found), found, spec)
        if found.precision != 12:
            raise CodecError(f"JPEG has samples of 8 or 12 bits, not of {found.precision}")
        if b"\xff\xd9" not in data[-16:]:  # EOI; imagecodecs makes something up for what is missing, Pillow does not
            raise CodecError("the stream breaks off", len(data))
        decode = load("imagecodecs", "JPEG of 12 bits").jpeg8_decode
        colour = {"colorspace": "RGB", "outcolorspace": "RGB"} if found.components == 3 else {}
        return as_cells(call(decode, data, **colour), found, spec)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """What the samples are coded as, and that something was lost."""
        attributes: dict[str, Any] = {"LossyImageCompressionMethod": "ISO_10918_1"}
        if spec.samples > 1:
            attributes |= {"PhotometricInterpretation": _label(spec, options or JPEGOptions()), "PlanarConfiguration": 0}
        return attributes

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """The chrominance is interpolated; nothing is converted."""
        return own_samples(spec.photometric)


def _label(spec: ImageSpec, options: JPEGOptions) -> str:
    """The photometric interpretation of the stream."""
    if spec.samples == 1:
        return spec.photometric
    if options.subsampling == "4:4:4":
        if spec.photometric != "RGB":
            raise PixelError(f"JPEG holds {spec.photometric} with subsampling='4:2:2' only; '4:4:4' is for RGB (PS3.5 8.2.1)")
        return "RGB"
    return _SUBSAMPLED


def _pillow_encode(cells: np.ndarray[Any, Any], spec: ImageSpec, label: str, options: JPEGOptions) -> bytes:
    image_module = load("PIL.Image", "JPEG")
    mode = "L" if spec.samples == 1 else "RGB" if spec.photometric == "RGB" else "YCbCr"  # the last: converted already
    image = image_module.frombuffer(mode, (spec.columns, spec.rows), cells, "raw", mode, 0, 1)
    colour = {} if spec.samples == 1 else {"subsampling": options.subsampling, "keep_rgb": label == "RGB"}
    stream = BytesIO()
    call(image.save, stream, "JPEG", quality=options.quality, **colour)
    return stream.getvalue()


def _pillow_decode(data: bytes, found: Header) -> np.ndarray[Any, Any]:
    """The components as they are: libjpeg is told that the stream is what it is asked for."""
    # not Image.open: it also looks for several pictures in one file, and warns of large ones
    image = load("PIL.JpegImagePlugin", "JPEG").JpegImageFile(BytesIO(data))
    mode = "L" if found.components == 1 else "RGB"
    _, area, offset, _ = image.tile[0]
    image.tile = [("jpeg", area, offset, (mode, mode))]
    return np.asarray(image)


def _bare(data: bytes, wanted: Collection[int], *, extended: bool = False) -> bytes:
    """A stream with these segments only before its first scan; an ``extended`` one says so in its frame header (T.81 B.2.2)."""
    parts = [data[:2]]
    for marker, start, end in segments(data, (_SOS,)):
        if marker == _SOS:
            parts.append(data[start:])
        elif marker in wanted:
            parts.append(b"\xff\xc1" + data[start + 2 : end] if extended and marker == _SOF0 else data[start:end])
    return b"".join(parts)
