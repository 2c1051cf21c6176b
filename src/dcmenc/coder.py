"""Frames to the bytes of a transfer syntax, and the proof that they come back (PS3.5 8.2).

What a frame becomes is the codec's matter; how the bytes are laid out in a file, ``pixel_stream.py``'s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .codecs import Codec, options_of
from .errors import CodecError, PixelError
from .lossy import LOSS
from .pixels import ImageSpec, native_bytes
from .uid import TransferSyntax

# Bytes of frames for which it is worth while to begin a call on another thread, some milliseconds' work, and how many frames at most.
# Native pixels, the codecs that are compiled here and JPEG pass a megabyte in a millisecond or two; others take ten to a hundred
# times that, so that two frames of JPEG 2000 in one call would leave the other threads without any.
_WORTH_A_CALL = 1 << 17
_WORTH_A_CALL_IF_FAST = 1 << 21
_FAST = frozenset(f"1.2.840.10008.1.2.{suffix}" for suffix in ("1.98", "4.50", "4.57", "4.70", "5"))
_MOST_TOGETHER = 64


class Coder:
    """Encodes the frames of one image; several threads may call it at once.

    Parameters
    ----------
    syntax : TransferSyntax
    codec : Codec or None
        Of the syntax; None for native pixels.
    spec : ImageSpec
        Of the image.
    options : optional
        The codec's, or a mapping.
    verify : bool
        Decode each frame of a lossless syntax again, and compare.

    Examples
    --------
    >>> from dcmenc.codecs import get_codec
    >>> from dcmenc.uid import transfer_syntax
    >>> coder = Coder(transfer_syntax("rle"), get_codec("rle"), ImageSpec(1, 2, allocated=8, stored=8))
    >>> coder(np.zeros((1, 2), "u1"), 0)[64:]
    b'\\xff\\x00'
    """

    def __init__(self, syntax: TransferSyntax, codec: Codec | None, spec: ImageSpec, options: Any = None, *, verify: bool = True) -> None:
        if codec is None and options:
            raise TypeError(f"{syntax.name} has no options: its pixels are not compressed")
        self.codec, self._spec = codec, spec
        self._options = None if codec is None else options_of(codec, options)
        # what a codec does not call a loss has to come back
        self._verify = verify and codec is not None and LOSS not in codec.describe(spec, self._options)
        self._single = replace(spec, frames=1)

    @property
    def bound(self) -> int:
        """The most bytes that a frame takes."""
        return self._spec.frame_bytes if self.codec is None else self.codec.bound(self._spec, self._options)

    @property
    def together(self) -> int:
        """How many frames a thread had better take at a time."""
        fast = self.codec is None or self.codec.uid in _FAST
        return min(max(1, (_WORTH_A_CALL_IF_FAST if fast else _WORTH_A_CALL) // self._spec.frame_bytes), _MOST_TOGETHER)

    def __call__(self, frame: Any, number: int) -> Any:
        """The bytes of a frame; ``number`` is for messages."""
        try:
            return self._encode(frame)
        except (PixelError, CodecError) as error:
            if self._spec.frames == 1:
                raise
            raise _of_frame(error, number) from error

    def _encode(self, frame: Any) -> Any:
        if self.codec is None:
            return native_bytes(frame, self._single)
        data = self.codec.encode_frame(frame, self._spec, self._options)
        if not isinstance(data, (bytes, bytearray)):
            raise CodecError(f"the codec of {self.codec.uid} gave {type(data).__name__}, where bytes are wanted")
        if self._verify and not np.array_equal(self.codec.decode_frame(data, self._spec), frame):
            raise CodecError("what was encoded does not decode to the same pixels: please report it, with the frame; nothing is written")
        return data


def _of_frame(error: PixelError | CodecError, number: int) -> PixelError | CodecError:
    if isinstance(error, CodecError):
        return type(error)(f"frame {number}: {error.reason}", error.offset)
    return type(error)(f"frame {number}: {error}")
