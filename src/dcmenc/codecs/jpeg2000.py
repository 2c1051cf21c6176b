"""JPEG 2000, lossless and lossy: what the syntaxes hold, and how a frame becomes the components of a codestream (PS3.5 8.2.4, A.4.4).

The precision of the stream is the stored bits, and its sign theirs. Red, green and blue go through the transform of T.800 Annex G, which
gives the dataset another photometric interpretation; whoever decodes gets red, green and blue again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..codestream import Codestream, codestream_of, read_codestream
from ..errors import CodecError, PixelError
from ..openjpeg import MOST_BITS_DECODED, MOST_BITS_ENCODED, Plane, Settings, library
from ..pixels import ImageSpec, frame_cells
from . import Holding, own_samples

Array = np.ndarray[Any, Any]

_LOSSLESS = "1.2.840.10008.1.2.4.90"
_PROGRESSIONS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
_GRAY = ("MONOCHROME1", "MONOCHROME2")
_STORED = range(1, MOST_BITS_ENCODED + 1)
_LEVELS = 5
_RATE = 5.0

# PS3.5 Table 8.2.4-1, as far as the numbers of OpenJPEG reach: the standard goes on to 38 bits of 40.
_ALIKE = (
    Holding(_GRAY, (8, 16, 32), _STORED, (False, True)),
    Holding(_GRAY, (1,), range(1, 2)),
    Holding(("RGB", "YBR_FULL", "YBR_RCT"), (8, 16, 32), _STORED),
)
_PROFILES = {
    True: (*_ALIKE, Holding(("PALETTE COLOR",), (8, 16), range(1, 17))),
    False: (*_ALIKE, Holding(("YBR_ICT",), (8, 16, 32), _STORED)),
}

# What goes through the transform of components, and what it then is called (PS3.3 C.7.6.3.1.2).
_TRANSFORMED = {True: "YBR_RCT", False: "YBR_ICT"}
_COLOURS = ("RGB", "YBR_RCT", "YBR_ICT")


@dataclass(frozen=True, slots=True)
class JPEG2000Options:
    """How a frame is encoded.

    Parameters
    ----------
    mct : bool, optional
        Transform red, green and blue into a luminance and two colour differences; by default yes, for RGB.
    rate : float or tuple of float, optional
        How many times smaller a frame becomes, counted from its stored bits; several make as many quality layers, from the smallest on,
        and a last one of 1 holds all that is left. Lossy frames have 5 by default: six radiologists could not tell CT of 5:1 from the
        original, and could at 10:1 (Eur Radiol 2007;17:1529). No number is safe for every purpose.
    psnr : float or tuple of float, optional
        The peak signal-to-noise ratio in dB, in the place of ``rate``; the peak is the largest value of the stored bits.
    levels : int, optional
        Levels of the wavelet decomposition, 5 by default and none for single bits; no more than the smallest tile can be halved.
    progression : {"LRCP", "RLCP", "RPCL", "PCRL", "CPRL"}
        What comes first in the stream: layers, resolutions, components or positions.
    threads : int
        Of OpenJPEG, for one frame; those of ``workers=`` take a frame each, and do more. The bytes are the same.
    reversible : bool, optional
        The wavelet of integers, 5/3, which keeps everything unless ``rate`` or ``psnr`` ask for less; by default as the transfer
        syntax has it.
    tile : (int, int), optional
        Rows and columns of a tile; by default the frame is one.
    """

    mct: bool | None = None
    rate: float | tuple[float, ...] | None = None
    psnr: float | tuple[float, ...] | None = None
    levels: int | None = None
    progression: str = "LRCP"
    threads: int = 1
    reversible: bool | None = None
    tile: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("rate", "psnr", "tile"):
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(value))
        if self.rate is not None and self.psnr is not None:
            raise ValueError("a frame of JPEG 2000 has a rate or a psnr, not both")
        _check_layers("rate", self.rate, 1.0, falling=True)
        _check_layers("psnr", self.psnr, 0.0, falling=False)
        if self.progression not in _PROGRESSIONS:
            raise ValueError(f"a progression of JPEG 2000 is one of {', '.join(_PROGRESSIONS)}, not {self.progression!r}")
        for name, allowed in (("levels", range(33)), ("threads", range(1, 1025))):
            value = getattr(self, name)
            if (value is not None or name == "threads") and not (type(value) is int and value in allowed):
                raise ValueError(f"{name} of JPEG 2000 is {allowed[0]} to {allowed[-1]}, not {value!r}")
        for name in ("mct", "reversible"):
            if getattr(self, name) not in (None, True, False):
                raise ValueError(f"{name} of JPEG 2000 is True, False or None, not {getattr(self, name)!r}")
        tile = _layers(self.tile)
        if self.tile is not None and not (len(tile) == 2 and all(type(side) is int and side > 0 for side in tile)):
            raise ValueError(f"a tile of JPEG 2000 is (rows, columns), not {self.tile!r}")


def _check_layers(name: str, value: Any, least: float, *, falling: bool) -> None:
    layers = _layers(value)
    pairs = pairwise(layers)
    if not all(type(each) in (int, float) and np.isfinite(each) and each >= least for each in layers):
        raise ValueError(f"{name} of JPEG 2000 is {least:g} or more, not {value!r}")
    if len(layers) > 100 or not all(first > second if falling else first < second for first, second in pairs):
        raise ValueError(f"the layers of JPEG 2000 are at most 100, each with a {name} {'below' if falling else 'above'} "
                         f"the one before, not {value!r}")


def _layers(value: Any) -> tuple[Any, ...]:
    return () if value is None else value if isinstance(value, tuple) else (value,)


class JPEG2000:
    """A wavelet decomposition, whose coefficients are coded bit plane by bit plane."""

    Options = JPEG2000Options

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.profile = _PROFILES[uid == _LOSSLESS]

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """What OpenJPEG has room for: of each tile 1.4 times its samples, and headers."""
        chosen = options or JPEG2000Options()
        rows, columns = chosen.tile or (spec.rows, spec.columns)
        tiles = -(-spec.rows // rows) * -(-spec.columns // columns)
        return spec.rows * spec.columns * spec.samples * spec.stored * 7 // 40 + 1 + tiles * 2048 + 4096

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Integers of up to 21 stored bits, signed or not, of one or three samples, and single bits."""
        chosen = options or JPEG2000Options()
        _check_spec(spec)
        settings = self._settings(spec, chosen)
        cells = frame_cells(frame, spec).reshape(spec.rows, spec.columns, spec.samples)
        planes = [cells[..., sample] for sample in range(spec.samples)]
        try:
            return library().encode(planes, settings)
        except CodecError:
            # noise of a few bits takes more as coefficients than OpenJPEG has room for, and so do blocks of which a thin frame fills little
            if not settings.reversible or chosen.levels is not None:
                raise
            return library().encode(planes, settings._replace(levels=0, blocks=_long_blocks(*(settings.tile or (spec.rows, spec.columns)))))

    def decode_frame(self, data: Any, spec: ImageSpec) -> Array:
        """See :class:`dcmenc.codecs.Codec`. A codestream, or a JP2 file with one; what its boxes say of colour plays no part.

        Samples that went through a transform of components are red, green and blue. Where the stream has another sign than the dataset,
        the dataset's word counts: the bits of the samples are the same.
        """
        if spec.kind == "float":
            raise PixelError("JPEG 2000 holds integers and single bits, not floats")
        stream = codestream_of(memoryview(data).cast("B"))
        found = read_codestream(stream)
        _check_found(found, spec, len(stream))
        if not found.ended:
            # all tiles are there, and OpenJPEG wants the marker that some leave out
            logging.getLogger("dcmenc").info("a JPEG 2000 codestream has no end marker")
            stream = memoryview(bytes(stream) + b"\xff\xd9")

        def cells_of(planes: Sequence[Plane]) -> Array:
            if [plane.samples.shape for plane in planes] != [(spec.rows, spec.columns)] * spec.samples:
                raise CodecError("OpenJPEG decodes the frame to another size than its header says")
            cells = np.empty((spec.rows, spec.columns, spec.samples), spec.dtype)
            for sample, plane in enumerate(planes):
                cells[..., sample] = _with_sign(plane, spec)
            return cells.reshape(spec.frame_shape)

        return library().decode(np.frombuffer(stream, np.uint8), cells_of)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """Colour has its samples together, and the name of the transform that it went through; a loss has its method."""
        settings = self._settings(spec, options or JPEG2000Options())
        name = {"PhotometricInterpretation": _TRANSFORMED[settings.reversible]} if settings.transform else {}
        loss = {"LossyImageCompressionMethod": "ISO_15444_1"} if self._loses(options or JPEG2000Options()) else {}
        return {**name, **({"PlanarConfiguration": 0} if spec.samples > 1 else {}), **loss}

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """Red, green and blue again, after the transform."""
        return "RGB" if spec.photometric in _TRANSFORMED.values() else own_samples(spec.photometric)

    def _loses(self, options: JPEG2000Options) -> bool:
        """Whether frames come back changed: by the wavelet of floats, or because layers are left out."""
        layers = _layers(options.rate)
        return not self._reversible(options) or bool(options.psnr is not None or (layers and layers[-1] > 1))

    def _reversible(self, options: JPEG2000Options) -> bool:
        return self.uid == _LOSSLESS if options.reversible is None else options.reversible

    def _settings(self, spec: ImageSpec, options: JPEG2000Options) -> Settings:
        if self.uid == _LOSSLESS and self._loses(options):
            raise ValueError("this JPEG 2000 keeps everything: reversible, without psnr, and a last rate of 1 if any; "
                             "for less give compression='jpeg2000'")
        transform = options.mct if options.mct is not None else spec.photometric in _COLOURS
        if transform != (spec.photometric in _COLOURS) and (transform or spec.photometric != "RGB"):
            raise ValueError(f"mct={transform} does not go with {spec.photometric}: the transform is for red, green and blue")
        reversible = self._reversible(options)
        if transform and spec.photometric not in ("RGB", _TRANSFORMED[reversible]):
            raise ValueError(f"{spec.photometric} does not go with reversible={reversible}, which makes {_TRANSFORMED[reversible]}")
        rates = _layers(options.rate) or (1.0 if reversible else _RATE,)
        tile = tuple(map(min, options.tile, (spec.rows, spec.columns))) if options.tile else None
        levels = options.levels if options.levels is not None else _LEVELS if spec.stored > 1 else 0
        return Settings(spec.stored, spec.signed, transform, reversible, min(levels, _most_levels(spec, tile or (spec.rows, spec.columns))),
                        # nothing left out is 0 for OpenJPEG
                        (*rates[:-1], rates[-1] if rates[-1] > 1 else 0.0), _layers(options.psnr),
                        _PROGRESSIONS.index(options.progression), tile, options.threads)  # type: ignore[arg-type]


def _long_blocks(rows: int, columns: int) -> tuple[int, int]:
    """Blocks as thin as the tile, and longer for it: 64 x 64 for most."""
    short = min(64, max(4, 1 << (min(rows, columns) - 1).bit_length()))
    long = min(1024, 4096 // short)
    return (short, long) if rows <= columns else (long, short)


def _most_levels(spec: ImageSpec, tile: tuple[int, ...]) -> int:
    """How often the smallest tile can be halved: of one that is empty at some level, OpenJPEG loses samples."""
    sides = [side for whole, part in zip((spec.rows, spec.columns), tile, strict=True) for side in (part, whole % part or part)]
    return min(min(sides).bit_length() - 1, 32)


def _check_spec(spec: ImageSpec) -> None:
    if spec.kind == "float" or spec.stored > MOST_BITS_ENCODED:
        what = "floats" if spec.kind == "float" else f"{spec.stored} bits stored"
        raise PixelError(f"JPEG 2000 takes integers of up to {MOST_BITS_ENCODED} bits and single bits here, not {what}")


def _check_found(found: Codestream, spec: ImageSpec, size: int) -> None:
    if (found.rows, found.columns, len(found.depths)) != (spec.rows, spec.columns, spec.samples):
        raise CodecError(f"the stream has {found.rows} rows, {found.columns} columns and {len(found.depths)} components, "
                         f"and the dataset says {spec.rows}, {spec.columns} and {spec.samples}")
    bits = max(depth for depth, _ in found.depths)
    if bits > min(spec.allocated, MOST_BITS_DECODED):
        raise CodecError(f"the stream has samples of {bits} bits, and {min(spec.allocated, MOST_BITS_DECODED)} can be taken")
    samples = spec.rows * spec.columns * spec.samples
    # a gigabyte has to be borne out by bytes
    if samples >> 28 and samples >> 16 > size:
        raise CodecError(f"the stream claims {samples} samples in {size} bytes")


def _with_sign(plane: Plane, spec: ImageSpec) -> Array:
    """The samples as the dataset understands their bits; both are right where the sign is the same."""
    if plane.signed or not spec.signed:
        return plane.samples
    unused = 32 - plane.precision
    return plane.samples << unused >> unused
