"""What pydicom calls for a frame, once ``pydicom_bridge.register`` has told it of this module: RLE and JPEG Lossless, both ways.

pydicom loads a plug-in by the names of its module and its function, asks ``is_available``, and hands over a frame with a runner that
knows the Image Pixel attributes and the caller's options. Nothing here imports pydicom: what a runner says is enough. Its messages
reach pydicom's callers inside a RuntimeError.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .codecs import get_codec, options_of
from .errors import PixelError
from .pixels import ImageSpec

RLE_LOSSLESS = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")

# Transfer syntax -> what to install for it, as pydicom asks of a plug-in.
ENCODER_DEPENDENCIES = dict.fromkeys((RLE_LOSSLESS, *JPEG_LOSSLESS), ("dcmenc",))
DECODER_DEPENDENCIES = ENCODER_DEPENDENCIES


def is_available(uid: str) -> bool:
    """Whether a transfer syntax is encoded and decoded here.

    Parameters
    ----------
    uid : str
        The transfer syntax.

    Examples
    --------
    >>> is_available("1.2.840.10008.1.2.4.70"), is_available("1.2.840.10008.1.2.4.90")
    (True, False)
    """
    return uid in ENCODER_DEPENDENCIES


def encode_frame(src: bytes, runner: Any) -> bytes:
    """A frame as pydicom hands it out, in the transfer syntax of its runner.

    Every allocated bit comes back. JPEG Lossless says the stored bits in its precision, or all allocated ones where a sample has a bit
    above them.

    Parameters
    ----------
    src : bytes
        The samples: in as many bytes as the stored bits need, whatever is allocated, which pydicom sees to; sample planes apart where
        the source was no array and its Planar Configuration is 1; big endian where it was no array and the option ``byteorder`` says so.
    runner : pydicom.pixels.encoders.base.EncodeRunner
        Of its options, those of the codec (``predictor`` and ``precision`` for JPEG Lossless) count, too.

    Returns
    -------
    bytes

    Raises
    ------
    PixelError
        The frame is not what the runner describes, or its Planar Configuration does not go with the transfer syntax.
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
    spec = _spec(runner)
    codec = get_codec(str(runner.transfer_syntax))
    names = getattr(codec.Options, "__dataclass_fields__", ())
    options = options_of(codec, {name: value for name, value in runner.options.items() if name in names})
    cells = _cells(src, runner, spec)
    if getattr(options, "precision", None) is None and _fills_all_bits(cells, codec.uid, spec):
        spec = replace(spec, stored=spec.allocated)
    return codec.encode_frame(cells, spec, options)


def decode_frame(src: bytes, runner: Any) -> bytes:
    """The samples of an encoded frame, pixel by pixel, in as many bytes as are allocated.

    Parameters
    ----------
    src : bytes
        The frame, joined from its fragments.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Its Planar Configuration becomes 0. The options with which pydicom's plug-ins read RLE whose segments are in the wrong order,
        ``rle_segment_order="<"`` or ``byteorder=">"``, are followed.

    Returns
    -------
    bytes
        Little endian.

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
    spec = _spec(runner)
    codec = get_codec(str(runner.transfer_syntax))
    cells = codec.decode_frame(src, spec)
    if codec.uid == RLE_LOSSLESS and (runner.get_option("rle_segment_order") == "<" or runner.get_option("byteorder") == ">"):
        cells = cells.byteswap()
    frame = cells.astype(spec.dtype.newbyteorder("<"), copy=False).tobytes()
    if spec.samples > 1:
        runner.set_option("planar_configuration", 0)
    return frame


def _spec(runner: Any) -> ImageSpec:
    """What a runner says of a frame. What its colours are called is pydicom's matter, and no codec here looks at it."""
    samples = runner.samples_per_pixel
    return ImageSpec(runner.rows, runner.columns, 1, samples, runner.bits_allocated, runner.bits_stored,
                     bool(runner.pixel_representation), "RGB" if samples == 3 else "MONOCHROME2", as_read=True)


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
    if runner.transfer_syntax in JPEG_LOSSLESS:
        # pydicom and others would take the decoded frame for planes, and a plug-in cannot change the dataset
        raise PixelError("JPEG Lossless keeps the samples of a pixel together: set PlanarConfiguration to 0 before an array is compressed")
    return samples.reshape(spec.frame_shape)


def _fills_all_bits(cells: np.ndarray[Any, Any], uid: str, spec: ImageSpec) -> bool:
    """Whether the stream has to hold all allocated bits: RLE always does, and so do signs, and overlays above the stored bits."""
    return uid == RLE_LOSSLESS or spec.signed or int(cells.max()) >> spec.stored > 0
