"""Encapsulated Uncompressed: the native bytes of each frame in a fragment of its own, for more than 4 GiB of them (PS3.5 A.4.11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._swap import interleave, unpack_bits
from ..errors import CodecError, PixelError
from ..pixels import ImageSpec, frame_cells, native_bytes
from . import Holding, own_samples

_PROFILE = (
    Holding(("MONOCHROME1", "MONOCHROME2"), (1,), range(1, 2)),
    Holding(("MONOCHROME1", "MONOCHROME2"), (8, 16, 32), range(1, 33), (False, True)),
    Holding(("PALETTE COLOR",), (8, 16), range(1, 17)),
    Holding(("RGB", "YBR_FULL"), (8, 16, 32), range(1, 33)),
)


@dataclass(frozen=True, slots=True)
class UncompressedOptions:
    """There is nothing to choose."""


class Uncompressed:
    """No compression; single bits are packed, each frame by itself."""

    profile = _PROFILE
    Options = UncompressedOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """The bytes of a frame, made even."""
        return spec.frame_bytes + spec.frame_bytes % 2

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Integers and bits; planes of samples are apart where the description says so."""
        check_kind(spec)
        return bytes(native_bytes(frame_cells(frame, spec), replace(spec, frames=1, stored=spec.allocated)))

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`. Read-only where nothing had to be moved."""
        check_kind(spec)
        octets = np.frombuffer(data, np.uint8)
        if octets.size not in (spec.frame_bytes, spec.frame_bytes + spec.frame_bytes % 2):
            raise CodecError(f"the frame has {octets.size} bytes, where the description makes it {spec.frame_bytes}")
        octets = octets[: spec.frame_bytes]
        if spec.kind != "bit" and not spec.planar:
            return octets.view(spec.dtype.newbyteorder("<")).astype(spec.dtype, copy=False).reshape(spec.frame_shape)
        cells = np.empty(spec.frame_shape, spec.dtype)
        pixels = spec.rows * spec.columns
        if spec.kind == "bit":
            unpack_bits(octets.data, 0, pixels, cells.data)
        else:
            planes = octets.view(spec.dtype.newbyteorder("<")).astype(spec.dtype, copy=False)
            interleave(planes.data, pixels, spec.samples, cells.itemsize, cells.data)
        return cells

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """Nothing changes."""
        return {}

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """As it was encoded."""
        return own_samples(spec.photometric)


def check_kind(spec: ImageSpec) -> None:
    """Refuse floats."""
    if spec.kind == "float":
        raise PixelError("floats are never encapsulated (PS3.5 A.4); use an uncompressed syntax")
