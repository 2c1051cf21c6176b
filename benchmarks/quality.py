"""What lossy frames lose beside the library that is called by itself with the same settings: dB and bytes, printed as JSON.

The pictures are real ones, from the wheel of pydicom, with room above and below for what a loss adds. Of each stream the samples are
those that its own side decodes; no clock runs.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from dcmenc.codecs import Codec, get_codec, options_of
from dcmenc.pixels import ImageSpec

from . import cases

Pixels = np.ndarray[Any, Any]
EXTENDED = "1.2.840.10008.1.2.4.51"

# The pixels, and the file that they are made of.
KINDS = {
    "u8": (ImageSpec(1, 1, allocated=8, stored=8), "MR_small.dcm"),
    "u12": (ImageSpec(1, 1, stored=12), "CT_small.dcm"),
    "s12": (ImageSpec(1, 1, stored=12, signed=True), "CT_small.dcm"),
    "u16": (ImageSpec(1, 1), "MR_small.dcm"),
    "s16": (ImageSpec(1, 1, signed=True), "CT_small.dcm"),
    "RGB8": (ImageSpec(1, 1, samples=3, allocated=8, stored=8, photometric="RGB"), "examples_rgb_color.dcm"),
    "RGB16": (ImageSpec(1, 1, samples=3, photometric="RGB"), "examples_rgb_color.dcm"),
}


@cache
def picture(kind: str) -> tuple[Pixels, ImageSpec]:
    """201 by 231 pixels, of values in the middle eight tenths; small images are laid side by side."""
    import pydicom

    spec, name = KINDS[kind]
    pixels = pydicom.dcmread(os.path.join(os.path.dirname(cases.ct_path()), name)).pixel_array.astype(float)
    pixels = np.tile(pixels, (4, 4, 1)[: pixels.ndim])[:201, :231]
    scaled = (pixels - pixels.min()) / np.ptp(pixels) * 0.8 + 0.1
    frame = (scaled * ((1 << spec.stored) - 1) - (1 << spec.high_bit) * spec.signed).astype(spec.dtype)
    return frame, replace(spec, rows=201, columns=231)


def psnr(one: Pixels, other: Pixels, stored: int) -> float:
    error = np.mean((one.astype(float) - other) ** 2)
    return float(10 * np.log10(((1 << stored) - 1) ** 2 / max(error, 1e-9)))


class Direct(NamedTuple):
    """What a library makes of a frame: a stream, and the samples that it decodes from it."""

    data: bytes
    samples: Pixels


# ---- the libraries, called by themselves


def _pillow(format: str, **told: Any) -> Callable[[Pixels, ImageSpec, dict[str, Any]], Direct]:
    def encode(frame: Pixels, spec: ImageSpec, options: dict[str, Any]) -> Direct:
        file = io.BytesIO()
        own = {key: value for key, value in options.items() if key != "rate"}
        if "rate" in options:
            own |= {"quality_mode": "rates", "quality_layers": [options["rate"]], "mct": int(spec.samples == 3)}
        Image.fromarray(frame).save(file, format, **told, **own, **({"keep_rgb": True} if options.get("subsampling") == "4:4:4" else {}))
        return Direct(file.getvalue(), np.asarray(Image.open(io.BytesIO(file.getvalue()))))

    return encode


def _jpeg_of_12_bits(frame: Pixels, spec: ImageSpec, options: dict[str, Any]) -> Direct:
    import imagecodecs

    data = imagecodecs.jpeg8_encode(frame, options["quality"], bitspersample=12)
    return Direct(data, imagecodecs.jpeg8_decode(data))


def _openjpeg(frame: Pixels, spec: ImageSpec, options: dict[str, Any]) -> Direct:
    """imagecodecs takes four levels for this size, and the order RPCL."""
    import imagecodecs

    data = imagecodecs.jpeg2k_encode(frame, level=options["psnr"], reversible=False, codecformat="j2k", mct=spec.samples == 3,
                                     bitspersample=spec.stored)
    return Direct(data, imagecodecs.jpeg2k_decode(data))


def _charls(frame: Pixels, spec: ImageSpec, options: dict[str, Any]) -> Direct:
    """CharLS by imagecodecs, or by pyjpegls where the precision is in between; a stream has no sign (PS3.5 8.2.3)."""
    import imagecodecs

    samples, near = frame.view(f"u{frame.itemsize}"), options["near"]
    if spec.signed or spec.stored == spec.allocated:
        data = imagecodecs.jpegls_encode(samples, level=near)
    else:
        import jpeg_ls

        data = bytes(jpeg_ls.encode_buffer(samples.tobytes(), spec.rows, spec.columns, spec.samples, spec.stored, lossy_error=near,
                                           interleave_mode=0))
    return Direct(data, imagecodecs.jpegls_decode(data).view(frame.dtype))


def _openjph(frame: Pixels, spec: ImageSpec, options: dict[str, Any]) -> Direct:
    """The samples with all bits allocated; of 12 bits a step is that much smaller a part of the range. OpenJPEG decodes, here as there."""
    import imagecodecs

    step = options["quantization"] / (1 << spec.allocated - spec.stored)
    data = imagecodecs.htj2k_encode(frame, level=step, reversible=False, rgb=spec.samples == 3, planar=False)
    return Direct(data, imagecodecs.jpeg2k_decode(data))


def _libjxl(frame: Pixels, spec: ImageSpec, options: dict[str, Any]) -> Direct:
    import imagecodecs

    data = imagecodecs.jpegxl_encode(frame, distance=options["distance"], lossless=False, effort=3, bitspersample=spec.stored,
                                     photometric="RGB" if spec.samples == 3 else "GRAY")
    return Direct(data, imagecodecs.jpegxl_decode(data))


# ---- every codec with its settings


class Setting(NamedTuple):
    """A codec, what it is told, whose pixels it gets, and the library that gets the same."""

    name: str
    kind: str
    options: dict[str, Any]
    library: Callable[[Pixels, ImageSpec, dict[str, Any]], Direct]

    def __str__(self) -> str:
        told = (value if isinstance(value, str) else f"{key}={value:.4g}" for key, value in self.options.items())
        return "-".join((_title(self.name), self.kind, *told))


def _title(name: str) -> str:
    return "jpeg-extended" if name == EXTENDED else name


def _settings(name: str, kinds: str, key: str, values: tuple[float, ...], library: Any, **more: Any) -> list[Setting]:
    return [Setting(name, kind, {key: value} | more, library) for kind in kinds.split() for value in values]


_QUALITIES = (10, 50, 75, 90, 100)
SETTINGS = [
    *_settings("jpeg", "u8", "quality", _QUALITIES, _pillow("JPEG")),
    *_settings("jpeg", "RGB8", "quality", _QUALITIES, _pillow("JPEG"), subsampling="4:2:2"),
    *_settings("jpeg", "RGB8", "quality", _QUALITIES, _pillow("JPEG"), subsampling="4:4:4"),
    *_settings(EXTENDED, "u8", "quality", _QUALITIES, _pillow("JPEG")),
    *_settings(EXTENDED, "u12", "quality", _QUALITIES, _jpeg_of_12_bits),
    *_settings("jpeg2000", "u8 u16 RGB8", "rate", (4, 8, 20), _pillow("JPEG2000", no_jp2=True, irreversible=True)),
    *_settings("jpeg2000", "u8 u12 s12 u16 s16 RGB8 RGB16", "psnr", (35, 45, 60), _openjpeg, levels=4, progression="RPCL"),
    *_settings("jpeg-ls-near", "u8 u12 s12 u16 s16 RGB8 RGB16", "near", (1, 3, 10), _charls),
    *_settings("htj2k", "u8 u12 s12 u16 s16 RGB8 RGB16", "quantization", (1 / 512, 1 / 128, 1 / 32), _openjph),
    *_settings("jpeg-xl", "u8 u12 u16 RGB8 RGB16", "distance", (0.5, 1, 3), _libjxl),
]


def encoded(setting: Setting) -> tuple[Codec, bytes, Pixels]:
    """The codec, the stream and what it decodes to."""
    frame, spec = picture(setting.kind)
    codec = get_codec(setting.name)
    data = codec.encode_frame(frame, spec, options_of(codec, setting.options))
    return codec, data, codec.decode_frame(data, spec)


class Loss(NamedTuple):
    """A line of the table: what a setting loses, and what the stream takes, here and by the library alone."""

    setting: str
    psnr: float
    library_psnr: float
    bytes: int
    library_bytes: int

    @property
    def below(self) -> float:
        """The decibels by which the picture is worse than the library's."""
        return self.library_psnr - self.psnr

    @property
    def size(self) -> float:
        """The bytes as a part of the library's."""
        return self.bytes / self.library_bytes


def loss(setting: Setting) -> Loss:
    """One setting, here and by the library."""
    frame, spec = picture(setting.kind)
    codec, data, back = encoded(setting)
    direct = setting.library(frame, spec, setting.options)
    if codec.describe(spec, options_of(codec, setting.options)).get("PhotometricInterpretation") == "YBR_FULL_422":
        back = np.asarray(Image.fromarray(back, "YCbCr").convert("RGB"))
    return Loss(str(setting), psnr(back, frame, spec.stored), psnr(direct.samples, frame, spec.stored), len(data), len(direct.data))


def measure() -> dict[str, list[dict[str, Any]]]:
    """The lines of every codec, by its name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for setting in SETTINGS:
        line = loss(setting)
        found.setdefault(_title(setting.name), []).append(line._asdict() | {"below": line.below, "size": line.size})
    return found


if __name__ == "__main__":
    print(json.dumps(measure()))
