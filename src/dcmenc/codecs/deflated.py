"""Deflated Image Frame Compression: the native bytes of each frame, deflated by themselves (PS3.5 8.2.16, A.4.13; RFC 1951)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CodecError
from ..pixels import ImageSpec
from . import own_samples
from .uncompressed import Uncompressed, check_kind

# Deflate without the frame of zlib around it.
_RAW = -zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class DeflatedOptions:
    """How a frame is encoded.

    Parameters
    ----------
    level : int
        0 for no compression to 9 for the smallest size.
    """

    level: int = 6

    def __post_init__(self) -> None:
        if self.level not in range(10):
            raise ValueError(f"the level of deflate is 0 to 9, not {self.level!r}")


class Deflated:
    """Deflate knows of bytes only, so it holds whatever native pixels can be; single bits are packed, each frame by itself.

    Examples
    --------
    >>> from dcmenc.codecs import get_codec
    >>> frame = np.eye(64, dtype=bool)
    >>> codec, spec = get_codec("deflated-frame"), ImageSpec.from_array(frame)
    >>> data = codec.encode_frame(frame, spec)
    >>> len(data) < spec.frame_bytes, bool((codec.decode_frame(data, spec) == frame).all())
    (True, True)
    """

    profile = Uncompressed.profile
    Options = DeflatedOptions

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self._native = Uncompressed(uid)

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """Blocks that are stored as they are cost 5 bytes for each 16 KiB at the most."""
        return spec.frame_bytes + 5 * (spec.frame_bytes // 16383 + 1) + 16

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """See :class:`dcmenc.codecs.Codec`. Integers and bits; planes of samples are apart where the description says so."""
        work = zlib.compressobj((options or DeflatedOptions()).level, zlib.DEFLATED, _RAW)
        return work.compress(self._native.encode_frame(frame, spec)) + work.flush()

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """See :class:`dcmenc.codecs.Codec`. It inflates one byte more than a frame has at the most; read-only."""
        check_kind(spec)
        work = zlib.decompressobj(_RAW)
        try:
            octets = work.decompress(data, spec.frame_bytes + 1)
        except zlib.error as error:
            raise CodecError(f"the frame cannot be inflated: {error}") from error
        if len(octets) == spec.frame_bytes and (not work.eof or len(work.unused_data) > 1):
            raise CodecError("the deflated frame breaks off" if not work.eof else "there is something behind the deflated frame")
        return self._native.decode_frame(octets, spec)

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """Nothing changes."""
        return {}

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """As it was encoded."""
        return own_samples(spec.photometric)
