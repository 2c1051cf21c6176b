"""Every codec with frames of every size: tiny, odd, one pixel high or wide, and as long as a side can be; other decoders see the same.

The bit-exact matrix (``test_pixel_matrix.py``) crosses kinds of pixels with few sizes; here it is few kinds with many sizes, and the
lossy codecs and single bits, which have no place there. Rows and Columns are 65535 at the most (PS3.3 C.7.6.3.1, VR US).
"""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_codec_threads import waves
from test_lossy_quality import others

import dcmenc
from dcmenc import ImageSpec, PixelError
from dcmenc.codecs import _BUILT_IN, Codec, check_profile, get_codec, options_of
from dcmenc.uid import TRANSFER_SYNTAXES

imagecodecs = pytest.importorskip("imagecodecs")
pytestmark = pytest.mark.peer

Frame = np.ndarray[Any, Any]
Decoder = Callable[[bytes, ImageSpec], Frame]
LONGEST, LONGEST_OF_LIBJPEG = 65535, 65500
SEED = 6

KINDS = {
    "bit": ImageSpec(1, 1, allocated=1, stored=1, kind="bit"), "u8": ImageSpec(1, 1, allocated=8, stored=8),
    "u12": ImageSpec(1, 1, stored=12), "s12": ImageSpec(1, 1, stored=12, signed=True), "u16": ImageSpec(1, 1),
    "RGB8": ImageSpec(1, 1, samples=3, allocated=8, stored=8, photometric="RGB"),
}
# All that encode pixels: in JPEG XL recompression there is a JPEG already.
ENCODERS = [uid for uid in _BUILT_IN if uid != "1.2.840.10008.1.2.4.111"]
LIBJPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")

# By the name under which ``test_lossy_quality.py`` has the decoders.
LOSSY = {"1.2.840.10008.1.2.4.50": "jpeg", "1.2.840.10008.1.2.4.51": "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81": "jpeg-ls-near",
         "1.2.840.10008.1.2.4.91": "jpeg2000", "1.2.840.10008.1.2.4.203": "htj2k", "1.2.840.10008.1.2.4.112": "jpeg-xl"}
# A fifth of the bits is too little for noise.
FINE = {"1.2.840.10008.1.2.4.91": {"psnr": 50.0}}
JPEG2000_LOSSLESS = "1.2.840.10008.1.2.4.90"


def tiny() -> list[tuple[int, int]]:
    """A sample of 1 to 31 rows by 1 to 31 columns, in which each number of rows and of columns occurs, and the corners."""
    chance, sides = random.Random(SEED), list(range(1, 32))
    pairs = [(row, column) for _ in range(2) for row, column in zip(sides, chance.sample(sides, 31), strict=True)]
    return sorted({*pairs, (1, 1), (1, 2), (2, 1), (1, 31), (31, 1), (31, 31)})


TINY = tiny()
ODD = [(127, 129), (1, 333), (333, 1), (3, 515), (257, 255)]
WIDE = [(1, 32769), (32769, 1), (1, LONGEST_OF_LIBJPEG), (LONGEST_OF_LIBJPEG, 1), (3, LONGEST_OF_LIBJPEG)]
WIDEST = [(1, LONGEST), (LONGEST, 1), (2, LONGEST), (LONGEST, 2)]


def noise(spec: ImageSpec, seed: int) -> Frame:
    """All stored values, in no order."""
    values = np.random.default_rng(seed).integers(0, 1 << spec.stored, spec.frame_shape) - (1 << spec.high_bit) * spec.signed
    return values.astype(bool if spec.kind == "bit" else spec.dtype)


def runs(spec: ImageSpec) -> Frame:
    """Single bits, each like most of its neighbours."""
    return (np.arange(spec.rows * spec.columns) // 97 % 2).astype(bool).reshape(spec.frame_shape)


# ---- decoders of other makers


def _libjpeg_turbo(data: bytes, spec: ImageSpec) -> Frame:
    return np.asarray(imagecodecs.jpeg8_decode(data))


def _libjpeg_of_richter(data: bytes, spec: ImageSpec) -> Frame:
    return np.asarray(pytest.importorskip("libjpeg").decode(data))


def _rle(data: bytes, spec: ImageSpec) -> Frame:
    """pylibjpeg-rle, which leaves the samples of colours in planes."""
    planes = pytest.importorskip("rle.rle").decode_frame(data, spec.rows * spec.columns, spec.allocated, "<")
    flat = np.frombuffer(planes, spec.dtype.newbyteorder("<"))
    return np.moveaxis(flat.reshape(spec.samples, spec.rows, spec.columns), 0, -1)


def _ffmpeg(data: bytes, spec: ImageSpec) -> Frame:
    """Samples are moved to the top of 8 or 16 bits, and signed ones to above zero."""
    av = pytest.importorskip("av")
    decoder = av.CodecContext.create("jpeg2000", "r")
    found = decoder.decode(av.Packet(data))[0].to_ndarray().astype(int) >> (8 if spec.stored <= 8 else 16) - spec.stored
    return found - ((1 << spec.high_bit) if spec.signed else 0)


def _openjpeg(data: bytes, spec: ImageSpec) -> Frame:
    return np.asarray(imagecodecs.jpeg2k_decode(data))


def _openjph(data: bytes, spec: ImageSpec) -> Frame:
    return np.asarray(imagecodecs.htj2k_decode(data, planar=False))


def _libjxl(data: bytes, spec: ImageSpec) -> Frame:
    return np.asarray(imagecodecs.jpegxl_decode(data))


def _native(data: bytes, spec: ImageSpec) -> Frame:
    """Native cells (PS3.5 8.1.1), the first single bit the lowest of its byte."""
    count = spec.rows * spec.columns * spec.samples
    if spec.kind == "bit":
        return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:count]
    return np.frombuffer(data, spec.dtype.newbyteorder("<"), count)


def _inflated(data: bytes, spec: ImageSpec) -> Frame:
    return _native(zlib.decompress(data, -15), spec)


# By the end of the UID: who decodes without loss, and the longest side that each takes.
DECODERS: dict[str, tuple[tuple[Decoder, int], ...]] = {
    "4.57": ((_libjpeg_turbo, LONGEST_OF_LIBJPEG), (_libjpeg_of_richter, LONGEST)),
    "4.70": ((_libjpeg_turbo, LONGEST_OF_LIBJPEG), (_libjpeg_of_richter, LONGEST)),
    "5": ((_rle, LONGEST),),
    "4.80": ((_libjpeg_of_richter, LONGEST),),
    "4.90": ((_ffmpeg, 1 << 15), (_openjpeg, LONGEST)),
    "4.110": ((_libjxl, LONGEST),),  # there is no other decoder of JPEG XL
    "4.201": ((_openjph, LONGEST), (_openjpeg, LONGEST)),
    "4.202": ((_openjph, LONGEST), (_openjpeg, LONGEST)),
    "8.1": ((_inflated, LONGEST),),
    "1.98": ((_native, LONGEST),),
}


def check(codec: Codec, spec: ImageSpec, seed: int) -> None:
    """A frame goes there and back, and others see what we see."""
    if codec.uid in LOSSY:
        frame = runs(spec) if spec.kind == "bit" else waves(spec, seed)
        data = codec.encode_frame(frame, spec, options_of(codec, FINE.get(codec.uid)))
        _check_lossy(codec, data, frame, spec)
    else:
        frame = noise(spec, seed) if seed % 2 else waves(spec, seed)
        data = codec.encode_frame(frame, spec)
        assert np.array_equal(codec.decode_frame(data, spec), frame), spec
        for decode, most in DECODERS[codec.uid.removeprefix("1.2.840.10008.1.2.")]:
            if max(spec.rows, spec.columns) <= most:
                found = decode(data, spec).reshape(spec.frame_shape).astype(int)
                assert not ((found ^ frame.astype(int)) & ((1 << spec.stored) - 1)).any(), (decode.__name__, spec)
    assert len(data) <= codec.bound(spec)


def _check_lossy(codec: Codec, data: bytes, frame: Frame, spec: ImageSpec) -> None:
    back, name = codec.decode_frame(data, spec), LOSSY[codec.uid]
    assert back.shape == frame.shape
    if spec.samples == 1 and spec.kind != "bit":
        assert np.abs(back.astype(int) - frame).max() <= (1 << spec.stored) / 8, spec
    found = others(name, data, spec) or {"libjxl": _libjxl(data, spec)}
    for decoder, samples in found.items():
        seen = back.reshape(-1, spec.samples)[:, : 1 if decoder.endswith("luminance") else spec.samples]
        allowed = 0 if name == "jpeg-ls-near" else 3 if spec.stored == 16 else 1
        assert np.abs(samples.reshape(seen.shape).astype(int) - seen).max() <= allowed, (decoder, spec)


def held() -> list[Any]:
    """Every codec with the kinds that its syntax holds."""
    found = []
    for uid in ENCODERS:
        for kind, spec in KINDS.items():
            try:
                check_profile(get_codec(uid), spec)
            except PixelError:
                continue
            found.append(pytest.param(get_codec(uid), spec, id=f"{TRANSFER_SYNTAXES[uid].name}-{kind}"))
    return found


@pytest.mark.parametrize(("codec", "spec"), held())
def test_tiny_and_odd_frames(codec: Codec, spec: ImageSpec) -> None:
    for seed, (rows, columns) in enumerate([*TINY, *ODD]):
        check(codec, replace(spec, rows=rows, columns=columns), seed)


@pytest.mark.parametrize(("codec", "spec"), held())
def test_long_sides(codec: Codec, spec: ImageSpec) -> None:
    for seed, (rows, columns) in enumerate([*WIDE, *(() if codec.uid in LIBJPEG else WIDEST)]):
        check(codec, replace(spec, rows=rows, columns=columns), seed)


@pytest.mark.parametrize("uid", LIBJPEG)
@pytest.mark.parametrize("size", [(1, LONGEST_OF_LIBJPEG + 1), (LONGEST_OF_LIBJPEG + 1, 1), (1, LONGEST)])
def test_sides_that_libjpeg_does_not_take_are_refused(uid: str, size: tuple[int, int]) -> None:
    spec = ImageSpec(*size, allocated=8, stored=8)
    with pytest.raises(PixelError, match="JPEG takes sides of up to 65500 pixels here, not"):
        get_codec(uid).encode_frame(np.zeros(size, "u1"), spec)


@pytest.mark.parametrize("size", [(1, 32769), *WIDEST])
@pytest.mark.parametrize("spec", [KINDS["bit"], ImageSpec(1, 1, allocated=8, stored=2), replace(KINDS["RGB8"], stored=1)], ids=str)
def test_noise_of_few_bits_in_long_lines_is_encoded(spec: ImageSpec, size: tuple[int, int]) -> None:
    # in blocks of 64 x 64, of which a line fills one row, it took more than OpenJPEG has room for
    spec, codec = replace(spec, rows=size[0], columns=size[1]), get_codec(JPEG2000_LOSSLESS)
    frame = noise(spec, 1)
    data = codec.encode_frame(frame, spec)
    assert len(data) <= codec.bound(spec)
    assert np.array_equal(codec.decode_frame(data, spec), frame)
    assert np.array_equal(_openjpeg(data, spec).reshape(spec.frame_shape), frame)


@pytest.mark.parametrize("uid", [uid for uid in ENCODERS if uid not in LIBJPEG])
@pytest.mark.parametrize("size", [(1, LONGEST), (LONGEST, 1)])
def test_the_longest_sides_go_through_files(uid: str, size: tuple[int, int]) -> None:
    frame = waves(ImageSpec(*size, stored=12), 1)
    dcmenc.imwrite(file := io.BytesIO(), frame, compression=uid, bits_stored=12, options=FINE.get(uid))
    back, found = dcmenc.imread(file.getvalue()), dcmenc.dcmread(file.getvalue())
    assert (found.Rows, found.Columns, found.file_meta.TransferSyntaxUID) == (*size, uid)
    assert np.abs(back.astype(int) - frame).max() <= (0 if uid not in LOSSY else 200)
