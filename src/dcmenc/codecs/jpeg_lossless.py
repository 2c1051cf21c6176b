"""JPEG Lossless, process 14 with any predictor or with the first: what the syntaxes hold, and thin calls to ``_jpegll`` (PS3.5 8.2.1).

The precision of the stream, P of ITU-T T.81, is what readers agree on: the stored bits of unsigned samples, but never fewer than 9 of 16
allocated, which some refuse; all allocated bits of signed ones, filled with their sign, since a stream knows none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .. import _jpegll, _jpegll_decode
from ..errors import CodecError, PixelError
from ..pixels import ImageSpec, frame_cells
from . import Holding, own_samples

_FIRST_ORDER = "1.2.840.10008.1.2.4.70"

# PS3.5 Table 8.2.1-2
_PROFILE = (
    Holding(("MONOCHROME1", "MONOCHROME2"), (8, 16), range(1, 17), (False, True)),
    Holding(("PALETTE COLOR", "RGB", "YBR_FULL"), (8, 16), range(1, 17)),
)


@dataclass(frozen=True, slots=True)
class JPEGLosslessOptions:
    """How a frame is encoded.

    Parameters
    ----------
    predictor : {"auto", 1, 2, 3, 4, 5, 6, 7}, optional
        The selection value (T.81 Table H.1); "auto" takes for each frame the one that makes it smallest, as an estimate from a part
        of its rows has it. By default "auto", where the transfer syntax is not the one of predictor 1 alone.
    precision : int, optional
        P of the stream: at least the stored bits, at most those allocated.
    """

    predictor: int | Literal["auto"] | None = None
    precision: int | None = None

    def __post_init__(self) -> None:
        if self.predictor not in (None, "auto") and (type(self.predictor) is not int or not 1 <= self.predictor <= 7):
            raise ValueError(f"a predictor of JPEG Lossless is 1 to 7 or 'auto', not {self.predictor!r}")
        if self.precision is not None and (type(self.precision) is not int or not 2 <= self.precision <= 16):
            raise ValueError(f"the precision of JPEG Lossless is 2 to 16 bits, not {self.precision!r}")


class JPEGLossless:
    """Differences from a prediction by neighbouring samples, Huffman coded with a table made for each frame."""

    profile = _PROFILE
    Options = JPEGLosslessOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """Every difference with the longest code."""
        return _jpegll.bound(spec.rows, spec.columns, spec.samples)

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Integers of 8 or 16 bits, signed or not, of one or three samples."""
        chosen = options or JPEGLosslessOptions()
        precision, predictor = _precision(spec, chosen), self._predictor(chosen)
        cells = frame_cells(frame, spec)
        if spec.signed and precision < spec.allocated:
            cells = cells & cells.dtype.type((1 << precision) - 1)
        unit = "<u1" if precision <= 8 else "<u2"
        if cells.dtype.itemsize == 1:
            samples = cells.view(np.uint8)
            samples = samples if precision <= 8 else samples.astype("<u2")
        else:
            samples = cells.view("<u2").astype(unit, copy=False)
        return _jpegll.encode(samples, spec.rows, spec.columns, spec.samples, precision, predictor)

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`. What markers say of colour plays no part: the dataset's word counts."""
        _check_spec(spec)
        found = _jpegll_decode.decode(data, limit=spec.rows * spec.columns * spec.samples)
        if (found.rows, found.columns, found.components) != (spec.rows, spec.columns, spec.samples):
            raise CodecError(f"the stream has {found.rows} rows, {found.columns} columns and {found.components} components, "
                             f"and the dataset says {spec.rows}, {spec.columns} and {spec.samples}")
        if found.precision > spec.allocated:
            raise CodecError(f"the stream has samples of {found.precision} bits, and {spec.allocated} are allocated")
        samples = np.frombuffer(found.samples, np.uint8 if found.precision <= 8 else "<u2").reshape(spec.frame_shape)
        if not spec.signed:
            return samples.astype(spec.dtype, copy=False)
        return _with_sign(samples, found.precision, spec)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """The samples of a pixel are together in the stream."""
        return {"PlanarConfiguration": 0} if spec.samples > 1 else {}

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """As it was encoded."""
        return own_samples(spec.photometric)

    def _predictor(self, options: JPEGLosslessOptions) -> int:
        if self.uid == _FIRST_ORDER:
            if options.predictor not in (None, 1):
                raise ValueError("this JPEG Lossless has predictor 1 only; for others give compression='jpeg-lossless-p14'")
            return 1
        return 0 if options.predictor in (None, "auto") else int(options.predictor)


def _check_spec(spec: ImageSpec) -> None:
    if spec.kind != "integer" or spec.allocated > 16:
        raise PixelError(f"JPEG Lossless takes integers of 8 or 16 bits, not {spec.kind}s of {spec.allocated}")


def _precision(spec: ImageSpec, options: JPEGLosslessOptions) -> int:
    _check_spec(spec)
    if options.precision is not None:
        if not spec.stored <= options.precision <= spec.allocated:
            raise PixelError(f"a precision of {options.precision} does not go with {spec.stored} bits stored of {spec.allocated}")
        return options.precision
    return spec.allocated if spec.signed or spec.allocated == 8 else max(spec.stored, 9)


def _with_sign(samples: np.ndarray[Any, Any], precision: int, spec: ImageSpec) -> np.ndarray[Any, Any]:
    """Samples whose highest bit is a sign, as signed cells."""
    if precision == spec.allocated:
        signed: np.ndarray[Any, Any] = samples.view(samples.dtype.str.replace("u", "i")).astype(spec.dtype, copy=False)
        return signed
    unused = spec.allocated - precision
    cells: np.ndarray[Any, Any] = np.left_shift(samples.astype(f"u{spec.allocated // 8}"), unused).view(spec.dtype)
    cells >>= unused
    return cells
