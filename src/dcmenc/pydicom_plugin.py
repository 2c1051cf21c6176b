"""What pydicom calls for a frame, once ``pydicom_bridge.register`` has told it of this module, and how their conventions meet.

pydicom loads a plug-in by the names of its module and its function, asks ``is_available``, and hands over a frame with a runner that
knows the Image Pixel attributes and the caller's options. What pydicom expects of a transfer syntax is a row of ``SYNTAXES``; its
codec is in ``codecs/``. Nothing here imports pydicom: what a runner says is enough. Its messages reach pydicom's callers inside a
RuntimeError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .codecs import Codec, check_profile, get_codec, options_of
from .errors import CodecUnavailable, PixelError
from .pixels import PHOTOMETRICS, ImageSpec

_NONE: Mapping[str, Any] = MappingProxyType({})


def _always() -> bool:
    return True


def _has_pillow() -> bool:
    return find_spec("PIL") is not None


def _has_imagecodecs() -> bool:
    return find_spec("imagecodecs") is not None


def _has_openjpeg() -> bool:
    from .openjpeg import library

    try:
        library()
    except CodecUnavailable:
        return False
    return True


class Syntax(NamedTuple):
    """What pydicom's conventions ask of a codec in one transfer syntax.

    Parameters
    ----------
    requires : tuple of str
        What to install for it, and ``is_there``, whether it is.
    options : mapping
        pydicom's names of options -> the codec's, which are taken, too.
    defaults : mapping
        Options of the codec that pydicom implies where the caller says nothing.
    loss : tuple of str
        Options of the codec of which pydicom wants one: it does not decide how much is lost.
    colours : mapping
        The photometric interpretation, which is that of the frames *after* encoding -> the options of the codec that make it of red,
        green and blue. Pixels of any other are what it says already.
    joined : bool
        The samples of a pixel are together in the frames, and Planar Configuration is 0.
    all_bits : bool
        Bits above those stored are kept.
    as_coded : bool
        A decoded frame has the samples as they are coded: pydicom compares the sign with the dataset's, and fills it up.
    profiled : bool
        pydicom refuses pixels that the syntax does not hold (PS3.5 8.2).
    """

    requires: tuple[str, ...] = ("dcmenc",)
    is_there: Callable[[], bool] = _always
    options: Mapping[str, str] = _NONE
    defaults: Mapping[str, Any] = _NONE
    loss: tuple[str, ...] = ()
    colours: Mapping[str, Mapping[str, Any]] = _NONE
    joined: bool = True
    all_bits: bool = False
    as_coded: bool = False
    profiled: bool = True


def _transforms(option: str, *names: str) -> Mapping[str, Mapping[str, bool]]:
    """RGB stays; what has one of the names is made of it by the transform that the option asks for."""
    return {"RGB": {option: False}, **{name: {option: True} for name in names}}


_RLE = Syntax(joined=False, all_bits=True)
_JPEG = Syntax(("pillow",), _has_pillow, colours={"YBR_FULL_422": {"subsampling": "4:2:2"}, "RGB": {"subsampling": "4:4:4"}})
_JPEG_LOSSLESS = Syntax(all_bits=True)
_JPEG_LS = Syntax(("imagecodecs",), _has_imagecodecs, {"jls_error": "near"}, as_coded=True)
_JPEG_2000 = Syntax(("OpenJPEG>=2.3",), _has_openjpeg, {"j2k_cr": "rate", "j2k_psnr": "psnr"}, as_coded=True)
_HTJ2K = Syntax(("imagecodecs",), _has_imagecodecs, as_coded=True, profiled=False)

_ROOT = "1.2.840.10008.1.2."

# Transfer syntax -> what pydicom asks of its codec, for all that are encoded and decoded here.
SYNTAXES: Mapping[str, Syntax] = {
    _ROOT + suffix: row
    for suffix, row in (
        ("5", _RLE),
        ("4.50", _JPEG),
        ("4.51", _JPEG._replace(requires=("imagecodecs",), is_there=_has_imagecodecs)),
        ("4.57", _JPEG_LOSSLESS),
        ("4.70", _JPEG_LOSSLESS),
        ("4.80", _JPEG_LS),
        ("4.81", _JPEG_LS._replace(defaults={"near": 0})),
        ("4.90", _JPEG_2000._replace(colours=_transforms("mct", "YBR_RCT"))),
        ("4.91", _JPEG_2000._replace(colours=_transforms("mct", "YBR_ICT", "YBR_RCT"), loss=("rate", "psnr", "reversible"))),
        ("4.201", _HTJ2K._replace(colours=_transforms("colour_transform", "YBR_RCT"))),
        ("4.202", _HTJ2K._replace(colours=_transforms("colour_transform", "YBR_RCT"))),
        ("4.203", _HTJ2K._replace(colours=_transforms("colour_transform", "YBR_ICT", "YBR_RCT"))),
    )
}

# As pydicom asks of a plug-in.
ENCODER_DEPENDENCIES = {uid: syntax.requires for uid, syntax in SYNTAXES.items()}
DECODER_DEPENDENCIES = ENCODER_DEPENDENCIES


def is_available(uid: str) -> bool:
    """Whether a transfer syntax is encoded and decoded here, and what it takes is installed.

    Parameters
    ----------
    uid : str
        The transfer syntax.

    Examples
    --------
    >>> is_available("1.2.840.10008.1.2.4.70"), is_available("1.2.840.10008.1.2.4.100")
    (True, False)
    """
    return uid in SYNTAXES and SYNTAXES[uid].is_there()


def encode_frame(src: bytes, runner: Any) -> bytes:
    """A frame as pydicom hands it out, in the transfer syntax of its runner.

    RLE and JPEG Lossless keep every allocated bit; JPEG Lossless says the stored bits in its precision, or all allocated ones where a
    sample has a bit above them. The others hold the stored bits, and refuse samples with more; signs above them may be missing.

    The photometric interpretation is that of the frame that is made, as pydicom has it: for YBR_RCT, YBR_ICT and YBR_FULL_422 of JPEG
    the samples are red, green and blue, and are transformed; as RGB they stay what they are.

    Parameters
    ----------
    src : bytes
        The samples: in as many bytes as the stored bits need, whatever is allocated, which pydicom sees to; sample planes apart where
        the source was no array and its Planar Configuration is 1; big endian where it was no array and the option ``byteorder`` says so.
    runner : pydicom.pixels.encoders.base.EncodeRunner
        Of its options, pydicom's own for the transfer syntax (``jls_error``, ``j2k_cr``, ``j2k_psnr``) and those of the codec
        (``predictor``, ``quality``, ...) count.

    Returns
    -------
    bytes

    Raises
    ------
    PixelError
        The frame is not what the runner describes, or its Planar Configuration or photometric interpretation does not go with the
        transfer syntax and the options.
    CodecError, ValueError, TypeError
        The codec does not hold it, or not with these options.

    Examples
    --------
    >>> from pydicom.pixels.encoders.base import Encoder
    >>> from pydicom.uid import JPEGLossless
    >>> encoder = Encoder(JPEGLossless)
    >>> encoder.add_plugin("dcmenc", ("dcmenc.pydicom_plugin", "encode_frame"))
    >>> frame = np.arange(12, dtype="u2").reshape(3, 4)
    >>> options = dict(rows=3, columns=4, samples_per_pixel=1, number_of_frames=1, bits_allocated=16, bits_stored=12,
    ...                pixel_representation=0, photometric_interpretation="MONOCHROME2")
    >>> encoder.encode(frame, predictor=4, **options)[:2].hex()
    'ffd8'
    """
    syntax, codec = SYNTAXES[runner.transfer_syntax], get_codec(str(runner.transfer_syntax))
    label = str(runner.photometric_interpretation)
    spec = _spec(runner, "RGB" if label in syntax.colours else label)
    if not syntax.profiled:
        check_profile(codec, spec)
    options = _options(codec, syntax, runner.options, label)
    _check_colour(codec, spec, options, label)
    cells = _cells(src, runner, spec)
    if not syntax.all_bits:
        cells = _stored_bits(cells, spec)
    elif getattr(options, "precision", None) is None and _fills_all_bits(cells, codec.uid, spec):
        spec = replace(spec, stored=spec.allocated)
    return codec.encode_frame(cells, spec, options)


def decode_frame(src: bytes, runner: Any) -> bytearray:
    """The samples of an encoded frame, pixel by pixel, in as many bytes as are allocated.

    Parameters
    ----------
    src : bytes
        The frame, joined from its fragments.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Its Planar Configuration becomes 0, and its photometric interpretation what the samples are: RGB of YBR_RCT and YBR_ICT,
        YBR_FULL of YBR_FULL_422. The options with which pydicom's plug-ins read RLE whose segments are in the wrong order,
        ``rle_segment_order="<"`` or ``byteorder=">"``, are followed.

    Returns
    -------
    bytearray
        Little endian. Of JPEG-LS and JPEG 2000 the signs are for pydicom to fill up, which writes into it.

    Raises
    ------
    CodecError
        The frame is damaged, or is not what the runner describes; PixelError for pixels that the codec never has.

    Examples
    --------
    >>> from pydicom.pixels.decoders.base import Decoder
    >>> from pydicom.uid import RLELossless
    >>> decoder = Decoder(RLELossless)
    >>> decoder.add_plugin("dcmenc", ("dcmenc.pydicom_plugin", "decode_frame"))
    >>> decoder.available_plugins
    ('dcmenc',)
    """
    syntax, codec = SYNTAXES[runner.transfer_syntax], get_codec(str(runner.transfer_syntax))
    spec = _spec(runner, str(runner.photometric_interpretation))
    cells = codec.decode_frame(src, replace(spec, signed=False) if syntax.as_coded else spec)
    if syntax is _RLE and (runner.get_option("rle_segment_order") == "<" or runner.get_option("byteorder") == ">"):
        cells = cells.byteswap()
    frame = bytearray(np.ascontiguousarray(cells).astype(cells.dtype.newbyteorder("<"), copy=False))
    if spec.samples > 1:
        runner.set_option("planar_configuration", 0)
        if (decoded := codec.decoded_photometric(spec)) != spec.photometric:
            runner.set_option("photometric_interpretation", decoded)
    return frame


def _spec(runner: Any, photometric: str) -> ImageSpec:
    """What a runner says of a frame. Names of colours that are not known here are pydicom's matter."""
    samples = runner.samples_per_pixel
    if photometric not in PHOTOMETRICS or PHOTOMETRICS[photometric].samples != samples:
        photometric = "RGB" if samples == 3 else "MONOCHROME2"
    return ImageSpec(runner.rows, runner.columns, 1, samples, runner.bits_allocated, runner.bits_stored,
                     bool(runner.pixel_representation), photometric, as_read=True)


def _options(codec: Codec, syntax: Syntax, given: Mapping[str, Any], label: str) -> Any:
    """The options of a codec, out of all those that a runner has."""
    names = {**{name: name for name in getattr(codec.Options, "__dataclass_fields__", ())}, **syntax.options}
    chosen = {names[name]: value for name, value in given.items() if name in names and value is not None and value != []}
    if syntax.loss and not any(map(chosen.get, syntax.loss)):
        raise ValueError(f"how much may be lost is for you to say: give {' or '.join(syntax.options)}, or reversible=True")
    return options_of(codec, {**syntax.defaults, **syntax.colours.get(label, {}), **chosen})


def _check_colour(codec: Codec, spec: ImageSpec, options: Any, label: str) -> None:
    """The frame will be what the dataset says: a plug-in cannot change it."""
    made = codec.describe(spec, options).get("PhotometricInterpretation", spec.photometric) if spec.samples > 1 else label
    if made != label and label in PHOTOMETRICS:
        raise PixelError(f"the frames would be {made}, and PhotometricInterpretation says {label}: set it before, or choose other options")


def _cells(src: bytes, runner: Any, spec: ImageSpec) -> np.ndarray[Any, Any]:
    """The frame as an array of its allocated bits: signed samples are filled up with their sign."""
    width, rest = divmod(len(src), spec.rows * spec.columns * spec.samples)
    if rest or width not in (1, 2, 4, 8) or 8 * width > spec.allocated:
        raise PixelError(f"a frame of {len(src)} bytes is not what is described: {spec.frame_shape}, {spec.allocated} bits allocated")
    order = "<" if runner.is_array else runner.get_option("byteorder", "<")
    if order == ">" and 8 * width < spec.allocated:
        raise PixelError(f"with {spec.stored} bits stored of {spec.allocated}, pydicom drops the wrong bytes of big-endian samples: "
                         "turn them around and leave byteorder='>' out")
    samples = np.frombuffer(src, f"{order}{'i' if spec.signed else 'u'}{width}").astype(spec.dtype, copy=False)
    if spec.samples == 1 or not runner.planar_configuration:
        return samples.reshape(spec.frame_shape)
    if not runner.is_array:
        return np.moveaxis(samples.reshape(spec.samples, spec.rows, spec.columns), 0, -1)
    if SYNTAXES[runner.transfer_syntax].joined:
        # pydicom and others would take the decoded frame for planes, and a plug-in cannot change the dataset
        raise PixelError("this transfer syntax keeps the samples of a pixel together: "
                         "set PlanarConfiguration to 0 before an array is compressed")
    return samples.reshape(spec.frame_shape)


def _fills_all_bits(cells: np.ndarray[Any, Any], uid: str, spec: ImageSpec) -> bool:
    """Whether the stream has to hold all allocated bits: RLE always does, and so do signs, and overlays above the stored bits."""
    return SYNTAXES[uid] is _RLE or spec.signed or int(cells.max()) >> spec.stored > 0


def _stored_bits(cells: np.ndarray[Any, Any], spec: ImageSpec) -> np.ndarray[Any, Any]:
    """Samples within the stored bits, their signs filled up; PixelError if something would get lost."""
    unused, low = spec.allocated - spec.stored, -(1 << spec.high_bit) if spec.signed else 0
    if not unused or (int(cells.max()) < low + (1 << spec.stored) and int(cells.min()) >= low):
        return cells
    if not spec.signed or int(cells.view(f"u{cells.itemsize}").max()) >> spec.stored:
        raise PixelError(f"samples have bits above the {spec.stored} stored, such as overlays, which would not be kept: "
                         "clear them, or take RLE or JPEG Lossless")
    filled: np.ndarray[Any, Any] = np.left_shift(cells, unused) >> unused
    return filled
