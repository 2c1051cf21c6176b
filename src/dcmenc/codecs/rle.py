"""RLE Lossless: what the syntax holds, and a thin call to ``_rle`` (PS3.5 8.2.2, A.4.2, Annex G)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _rle
from ..errors import PixelError
from ..pixels import ImageSpec, frame_cells
from . import Holding, own_samples

# PS3.5 Table 8.2.2-1
_PROFILE = (
    Holding(("MONOCHROME1", "MONOCHROME2"), (8, 16), range(1, 17), (False, True)),
    Holding(("PALETTE COLOR", "RGB"), (8, 16), range(1, 17)),
    Holding(("YBR_FULL",), (8,), range(1, 9)),
)


@dataclass(frozen=True, slots=True)
class RLEOptions:
    """RLE leaves nothing to choose."""


class RLE:
    """Runs of equal bytes, each byte of a pixel in a segment of its own."""

    profile = _PROFILE
    Options = RLEOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """No run at all."""
        return _rle.bound(spec.rows, spec.columns, spec.samples * _unit(spec))

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Integers of 8, 16 or 32 bits, signed or not."""
        return _rle.encode(frame_cells(frame, spec).data, spec.rows, spec.columns, spec.samples, _unit(spec))

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`. Read-only."""
        cells = _rle.decode(data, spec.rows, spec.columns, spec.samples, _unit(spec))
        return np.frombuffer(cells, spec.dtype.newbyteorder("<")).reshape(spec.frame_shape).astype(spec.dtype, copy=False)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """The samples of a pixel are apart in the stream."""
        return {"PlanarConfiguration": 1} if spec.samples > 1 else {}

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """As it was encoded."""
        return own_samples(spec.photometric)


def _unit(spec: ImageSpec) -> int:
    if spec.kind != "integer" or spec.allocated > 32:
        raise PixelError(f"RLE takes integers of 8, 16 or 32 bits, not {spec.kind}s of {spec.allocated}")
    return spec.allocated // 8
