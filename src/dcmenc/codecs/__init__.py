"""Frame codecs: what a codec is, which pixels a transfer syntax holds, and where the codec of a syntax is found (PS3.5 8.2, 10).

A codec turns the cells of one frame into the bytes of one frame, and back. It knows neither datasets nor files: what a dataset must
take on for it, it says in ``describe``. Each lives in a module of its own, which is loaded when one of its syntaxes is first asked
for; other packages add theirs under the entry-point group ``dcmenc.codecs``, as ``uid = "module:Class"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..errors import CodecUnavailable, PixelError
from ..pixels import ImageSpec
from ..uid import TRANSFER_SYNTAXES, TransferSyntax, is_valid_uid, transfer_syntax

__all__ = ["Codec", "Holding", "check_profile", "get_codec", "named_syntax", "options_of", "own_samples"]


class Holding(NamedTuple):
    """One row of the tables of PS3.5 8.2: pixels that a transfer syntax holds."""

    photometrics: tuple[str, ...]
    allocated: tuple[int, ...]
    stored: range
    signed: tuple[bool, ...] = (False,)

    def holds(self, spec: ImageSpec) -> bool:
        """Whether pixels of this description are among them."""
        return (spec.kind != "float" and spec.photometric in self.photometrics and spec.allocated in self.allocated
                and spec.stored in self.stored and spec.signed in self.signed)


class Codec(Protocol):
    """What every codec has; made by ``Class(uid)`` for one of the transfer syntaxes that it serves.

    A codec has no state: its methods may be called from several threads at once, and let others run while they work.

    Attributes
    ----------
    uid : str
        The transfer syntax.
    profile : tuple of Holding
        What the syntax holds (PS3.5 8.2).
    Options : type
        A frozen dataclass: what can be chosen when encoding.
    """

    uid: str
    profile: tuple[Holding, ...]
    Options: type

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        """The most bytes that a frame can take."""

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        """The bytes of a frame, an array of shape (rows, columns[, samples]); PixelError or CodecError if it cannot be held."""

    def decode_frame(self, data: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
        """The cells of a frame, all of their allocated bits, of ``spec.dtype`` and ``spec.frame_shape``; it may be read-only.

        Bits above those stored are as the stream has them, signed ones filled with the sign; CodecError if it is damaged.
        """

    def describe(self, spec: ImageSpec, options: Any = None) -> Mapping[str, Any]:
        """The attributes that a dataset has to take on, by keyword; ``LossyImageCompressionMethod`` is among them if samples may change."""

    def decoded_photometric(self, spec: ImageSpec) -> str:
        """What the cells are that :meth:`decode_frame` gives, where ``spec`` has what the dataset says of the stream."""


def own_samples(photometric: str) -> str:
    """The name of pixels that were subsampled, once each of them has samples of its own.

    >>> own_samples("YBR_FULL_422"), own_samples("RGB")
    ('YBR_FULL', 'RGB')
    """
    return "YBR_FULL" if photometric == "YBR_FULL_422" else photometric


# Transfer syntax, behind "1.2.840.10008.1.2." -> the codec that comes with this package.
_BUILT_IN = {
    f"1.2.840.10008.1.2.{suffix}": home
    for suffix, home in (
        ("1.98", "dcmenc.codecs.uncompressed:Uncompressed"),
        ("4.50", "dcmenc.codecs.jpeg:JPEG"),
        ("4.51", "dcmenc.codecs.jpeg:JPEG"),
        ("4.57", "dcmenc.codecs.jpeg_lossless:JPEGLossless"),
        ("4.70", "dcmenc.codecs.jpeg_lossless:JPEGLossless"),
        ("4.80", "dcmenc.codecs.jpeg_ls:JPEGLS"),
        ("4.81", "dcmenc.codecs.jpeg_ls:JPEGLS"),
        ("4.90", "dcmenc.codecs.jpeg2000:JPEG2000"),
        ("4.91", "dcmenc.codecs.jpeg2000:JPEG2000"),
        ("4.110", "dcmenc.codecs.jpeg_xl:JPEGXL"),
        ("4.111", "dcmenc.codecs.jpeg_xl_jpeg:JPEGInJPEGXL"),
        ("4.112", "dcmenc.codecs.jpeg_xl:JPEGXL"),
        ("4.201", "dcmenc.codecs.htj2k:HTJ2K"),
        ("4.202", "dcmenc.codecs.htj2k:HTJ2K"),
        ("4.203", "dcmenc.codecs.htj2k:HTJ2K"),
        ("5", "dcmenc.codecs.rle:RLE"),
        ("8.1", "dcmenc.codecs.deflated:Deflated"),
    )
}


def get_codec(name_or_uid: str) -> Codec:
    """The codec of a transfer syntax.

    Parameters
    ----------
    name_or_uid : str
        A UID, or a short name such as "rle" or "jpeg-lossless".

    Raises
    ------
    CodecUnavailable
        No codec for it is installed; the message says for what there is one.
    ValueError
        It is no transfer syntax, or one of uncompressed pixels.

    Examples
    --------
    >>> from dcmenc import ImageSpec
    >>> frame = np.zeros((4, 5), "u2")
    >>> codec, spec = get_codec("rle"), ImageSpec.from_array(frame, bits_stored=12)
    >>> data = codec.encode_frame(frame, spec)
    >>> bool((codec.decode_frame(data, spec) == frame).all())
    True
    """
    uid, name = _named(name_or_uid)
    home = _BUILT_IN.get(uid)
    make = _load(home) if home else _installed().get(uid)
    if make is None:
        raise CodecUnavailable(f"no codec is installed for {name} ({uid}); there is one for {', '.join(_names())}")
    codec: Codec = (make if home else make.load())(uid)
    return codec


# Short names that stand for two transfer syntaxes: the one for samples of more than 8 bits.
_WIDE = {"jpeg": "1.2.840.10008.1.2.4.51"}


def named_syntax(name_or_uid: str, allocated: int = 8) -> TransferSyntax:
    """The transfer syntax that a name stands for, with so many bits allocated.

    >>> named_syntax("jpeg").name, named_syntax("jpeg", 16).name
    ('JPEG Baseline (Process 1)', 'JPEG Extended (Process 2 and 4)')
    """
    return transfer_syntax(_WIDE.get(name_or_uid.lower(), name_or_uid) if allocated > 8 else name_or_uid)


def _named(name_or_uid: str) -> tuple[str, str]:
    if is_valid_uid(name_or_uid) and name_or_uid not in TRANSFER_SYNTAXES:
        return name_or_uid, "a transfer syntax"  # a private one, which another package may know
    syntax = transfer_syntax(name_or_uid)
    if not syntax.encapsulated:
        raise ValueError(f"{syntax.name} holds uncompressed pixels and needs no codec")
    return syntax.uid, syntax.name


def _load(home: str) -> Any:
    from importlib import import_module

    module, _, name = home.partition(":")
    return getattr(import_module(module), name)


@cache
def _installed() -> Mapping[str, Any]:
    """The codecs of other packages."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="dcmenc.codecs")}


def _names() -> list[str]:
    return [TRANSFER_SYNTAXES[uid].name if uid in TRANSFER_SYNTAXES else uid for uid in (*_BUILT_IN, *_installed())]


def options_of(codec: Codec, options: Any) -> Any:
    """The options of a codec from what a caller gave: such options, a mapping of their names, or nothing.

    Raises
    ------
    TypeError
        An option that the codec does not have, or something that is neither; ``ValueError`` for a wrong value.

    >>> options_of(get_codec("jpeg-lossless-p14"), {"predictor": 4})
    JPEGLosslessOptions(predictor=4, precision=None)
    """
    if options is None:
        return codec.Options()
    if isinstance(options, codec.Options):
        return options
    names = list(getattr(codec.Options, "__dataclass_fields__", ()))
    if not isinstance(options, Mapping):
        raise TypeError(f"options is a mapping or a {codec.Options.__qualname__}, not {type(options).__name__}")
    if unknown := [name for name in options if name not in names]:
        raise TypeError(f"{_title(codec.uid)} has no option {unknown[0]!r}; it has {', '.join(names) or 'none'}")
    return codec.Options(**options)


def check_profile(codec: Codec, spec: ImageSpec) -> None:
    """Refuse pixels that the transfer syntax does not hold (PS3.5 8.2).

    Raises
    ------
    PixelError
        It names the syntaxes that do hold them.

    >>> check_profile(get_codec("rle"), ImageSpec(2, 2, allocated=32, stored=32))
    Traceback (most recent call last):
    ...
    dcmenc.errors.PixelError: RLE Lossless holds no unsigned MONOCHROME2 with 32 bits allocated and 32 stored; ...
    """
    if any(row.holds(spec) for row in codec.profile):
        return
    if spec.kind == "float":
        raise PixelError(f"{_title(codec.uid)} holds no floats, for none are ever encapsulated (PS3.5 A.4); the uncompressed syntaxes do: "
                         "explicit, implicit, deflated, big-endian")
    pixels = f"{'signed' if spec.signed else 'unsigned'} {spec.photometric}"
    asked = TRANSFER_SYNTAXES.get(codec.uid)
    others = [syntax.name for syntax in _holding(spec) if not syntax.lossy or (asked is not None and asked.lossy)]
    way_out = f"{', '.join(others)} and the uncompressed syntaxes do" if others else "the uncompressed syntaxes do"
    raise PixelError(f"{_title(codec.uid)} holds no {pixels} with {spec.allocated} bits allocated and {spec.stored} stored; {way_out}")


def _title(uid: str) -> str:
    return TRANSFER_SYNTAXES[uid].name if uid in TRANSFER_SYNTAXES else uid


# Takes streams, and no pixels.
_OF_STREAMS = "1.2.840.10008.1.2.4.111"


def _holding(spec: ImageSpec) -> Iterator[TransferSyntax]:
    """The syntaxes of this package's codecs that hold the pixels."""
    for uid, home in _BUILT_IN.items():
        if uid != _OF_STREAMS and any(row.holds(spec) for row in _load(home)(uid).profile):
            yield TRANSFER_SYNTAXES[uid]
