"""What lossy frames lose: no more than with the library that is called by itself, and other decoders see the same picture.

The pictures are real ones, with room above and below for what a loss adds. FFmpeg's own decoders and the libjpeg of Thomas Richter have
encoded none of the frames; OpenJPH has encoded those of HTJ2K, which OpenJPEG decodes for us. Of JPEG XL there is no decoder but libjxl
here, so that only the loss and the size are looked at.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from benchmarks.quality import EXTENDED, SETTINGS, Setting, encoded, loss, picture, psnr
from benchmarks.report import MOST_BELOW, MOST_BYTES
from dcmenc import ImageSpec

imagecodecs = pytest.importorskip("imagecodecs")
pytestmark = pytest.mark.peer

Frame = np.ndarray[Any, Any]


# ---- decoders that are not those of the codecs


def _picture_of_ffmpeg(data: bytes, decoder: str) -> Any:
    av = pytest.importorskip("av")
    context, packet = av.CodecContext.create(decoder, "r"), av.Packet(data)
    return (context.decode(packet) or context.decode(None))[0]


def _ffmpeg(data: bytes, spec: ImageSpec, decoder: str, precision: int, signed: bool) -> Frame:
    """Samples are moved to the top of 8 or 16 bits, and signed ones to above zero."""
    found = _picture_of_ffmpeg(data, decoder).to_ndarray().reshape(spec.frame_shape).astype(np.int64)
    found = found >> (8 if precision <= 8 else 16) - precision
    return found - (1 << precision - 1 if signed else 0)


def _ffmpeg_planes(data: bytes, spec: ImageSpec) -> Frame:
    """Planes of a subsampled JPEG. The standard leaves open how chrominance is interpolated: here as by libjpeg, three parts of the nearer
    sample and one of the other."""
    planes = [np.frombuffer(plane, "u1").reshape(plane.height, plane.line_size)[: spec.rows, : plane.width].astype(int)
              for plane in _picture_of_ffmpeg(data, "mjpeg").planes]
    full = [planes[0]]
    for plane in planes[1:]:
        if plane.shape[1] <= 2:  # too few to interpolate
            full.append(np.repeat(plane, 2, 1)[:, : spec.columns])
            continue
        before, behind = np.pad(plane, ((0, 0), (1, 0)), "edge")[:, :-1], np.pad(plane, ((0, 0), (0, 1)), "edge")[:, 1:]
        full.append(np.stack([3 * plane + before + 1 >> 2, 3 * plane + behind + 2 >> 2], -1).reshape(spec.rows, -1)[:, : spec.columns])
    return np.stack(full, -1)


def _richter(data: bytes, spec: ImageSpec) -> Frame:
    libjpeg = pytest.importorskip("libjpeg")
    found = libjpeg.decode(data).reshape(spec.frame_shape)
    return found.view(spec.dtype) if spec.signed else found


def others(name: str, data: bytes, spec: ImageSpec) -> dict[str, Frame]:
    """What other decoders make of a stream, by their names."""
    colour = spec.samples == 3
    if name in ("jpeg", EXTENDED):
        if colour and b"Adobe" not in data[:100]:
            return {"FFmpeg": _ffmpeg_planes(data, spec), "libjpeg, luminance": _richter(data, spec)[..., :1]}
        ffmpeg = {"FFmpeg": _ffmpeg(data, spec, "mjpeg", 8, False)} if spec.stored == 8 else {}  # it has no 12 bits
        return ffmpeg | {"libjpeg": _richter(data, spec)}
    if name == "jpeg-ls-near":
        if colour:  # FFmpeg decodes interleaved samples wrongly
            return {"libjpeg": _richter(data, spec)}
        precision = data[data.index(b"\xff\xf7") + 4]  # T.87 C.2.2
        found = _ffmpeg(data, spec, "jpegls", precision, False)
        return {"libjpeg": _richter(data, spec), "FFmpeg": found.astype(f"u{spec.allocated // 8}").view(spec.dtype)}
    if name == "jpeg-xl":
        return {}
    openjph = {"OpenJPH": imagecodecs.htj2k_decode(data, planar=False)} if name == "htj2k" else {}
    if max(spec.rows, spec.columns) > 1 << 15:  # which is too long for FFmpeg
        return openjph or {"OpenJPEG": imagecodecs.jpeg2k_decode(data)}
    return openjph | {"FFmpeg": _ffmpeg(data, spec, "jpeg2000", spec.stored, spec.signed)}


def allowed(setting: Setting) -> int:
    """Grey levels between two decoders. OpenJPEG has nine digits of a number that is wrong from the fifth on, the scale of the inverse 9/7
    wavelet: of 16 bits that is two levels, to which comes the rounding."""
    if setting.name == "jpeg-ls-near":
        return 0
    return 3 if setting.name in ("jpeg2000", "htj2k") and setting.kind in ("u16", "s16", "RGB16") else 1


@pytest.mark.parametrize("setting", [one for one in SETTINGS if one.name != "jpeg-xl"], ids=str)
def test_other_decoders_see_the_same_picture(setting: Setting) -> None:
    _, spec = picture(setting.kind)
    _, data, back = encoded(setting)
    found = others(setting.name, data, spec)
    assert found
    for name, samples in found.items():
        seen = back[..., : samples.shape[-1]] if name.endswith("luminance") else back
        assert np.abs(samples.astype(int) - seen).max() <= allowed(setting), name


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_loss_and_the_size_are_those_of_the_library(setting: Setting) -> None:
    found = loss(setting)
    assert abs(found.below) <= MOST_BELOW, found
    assert found.size <= MOST_BYTES, found
    assert found.psnr > 15


@pytest.mark.parametrize("setting", [one for one in SETTINGS if one.name == "jpeg-ls-near"], ids=str)
def test_no_sample_is_further_off_than_near(setting: Setting) -> None:
    frame, spec = picture(setting.kind)
    _, data, _ = encoded(setting)
    for name, samples in others(setting.name, data, spec).items():
        assert np.abs(samples.astype(int) - frame).max() == setting.options["near"], name


@pytest.mark.parametrize(("name", "kind"), sorted({(one.name, one.kind) for one in SETTINGS}))
def test_less_loss_takes_more_bytes(name: str, kind: str) -> None:
    frame, spec = picture(kind)
    rows = [(len(data), psnr(back, frame, spec.stored)) for one in SETTINGS
            if (one.name, one.kind) == (name, kind) and "rate" not in one.options and one.options.get("subsampling") != "4:2:2"
            for _, data, back in [encoded(one)]]
    assert [size for size, _ in sorted(rows, key=lambda row: row[1])] == sorted(size for size, _ in rows)
