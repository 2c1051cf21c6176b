"""JPEG 2000: what goes into a stream comes out of it, here and elsewhere, and it says what the dataset says (PS3.5 8.2.4)."""

from __future__ import annotations

import ctypes
import ctypes.util
import io
import logging
import os
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmenc
from dcmenc import CodecError, CodecUnavailable, ImageSpec, PixelError, openjpeg
from dcmenc.codecs import check_profile, get_codec, options_of
from dcmenc.codestream import codestream_of, read_codestream
from dcmenc.frames import Frames
from dcmenc.openjpeg import Library, Settings, library

LOSSLESS, LOSSY = get_codec("jpeg2000-lossless"), get_codec("jpeg2000")
RGB = {"samples": 3, "photometric": "RGB"}
HERE = Path(__file__).parent

Frame = np.ndarray[Any, Any]


def noise(spec: ImageSpec, seed: int = 0) -> Frame:
    generator = np.random.default_rng(seed)
    if spec.kind == "bit":
        return generator.integers(0, 2, spec.frame_shape).astype(bool)
    low = -(1 << spec.high_bit) if spec.signed else 0
    return (generator.integers(0, 1 << spec.stored, spec.frame_shape) + low).astype(spec.dtype)


def anatomy(spec: ImageSpec, seed: int = 0) -> Frame:
    """Something smooth with a little noise."""
    rows, columns = np.indices((spec.rows, spec.columns))
    top = (1 << spec.stored) - 1
    wave = 0.4 * top * (1 + np.sin(rows / 9.0) * np.cos(columns / 7.0)) + np.random.default_rng(seed).normal(0, top / 300, rows.shape)
    low = 1 << spec.high_bit if spec.signed else 0
    frame = (wave.clip(0, top) - low).astype(spec.dtype)
    return np.stack([frame, frame[::-1], frame[:, ::-1]], axis=-1) if spec.samples == 3 else frame


def psnr(one: Frame, other: Frame, stored: int) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(((1 << stored) - 1) ** 2 / error))


class Header(NamedTuple):
    """SIZ and COD, read as T.800 A.5.1 and A.6.1 have them."""

    columns: int
    rows: int
    tile: tuple[int, int]
    depths: list[tuple[int, int, int]]
    progression: int
    layers: int
    transform: int
    levels: int
    reversible: bool


def header_of(data: bytes) -> Header:
    assert data[:4] == b"\xff\x4f\xff\x51" and data[-2:] == b"\xff\xd9"
    columns, rows, left, top, width, height, _, _, components = struct.unpack_from(">8IH", data, 8)
    assert left == top == 0
    depths = [(data[at] + 1, data[at + 1], data[at + 2]) for at in range(42, 42 + 3 * components, 3)]
    at = data.index(b"\xff\x52")
    progression, layers, transform, levels = struct.unpack_from(">BHBB", data, at + 5)
    return Header(columns, rows, (height, width), depths, progression, layers, transform, levels, data[at + 13] == 1)


@st.composite
def described(draw: st.DrawFn) -> ImageSpec:
    """Whatever the lossless syntax holds."""
    rows, columns = draw(st.integers(1, 31)), draw(st.integers(1, 31) | st.integers(200, 300))
    kind = draw(st.sampled_from(("gray", "gray", "signed", "colour", "bit")))
    if kind == "bit":
        return ImageSpec(rows, columns, allocated=1, stored=1, kind="bit")
    stored = draw(st.integers(1, openjpeg.MOST_BITS_ENCODED))
    allocated = draw(st.sampled_from([bits for bits in (8, 16, 32) if bits >= stored]))
    colour = {"samples": 3, "photometric": draw(st.sampled_from(("RGB", "YBR_FULL")))} if kind == "colour" else {}
    return ImageSpec(rows, columns, allocated=allocated, stored=stored, signed=kind == "signed", **colour)


@given(spec=described(), seed=st.integers(0, 2**32), smooth=st.booleans(), data=st.data())
def test_every_frame_comes_back(spec: ImageSpec, seed: int, smooth: bool, data: st.DataObject) -> None:
    options = LOSSLESS.Options(
        mct=data.draw(st.sampled_from([None, False])), levels=data.draw(st.none() | st.integers(0, 32)),
        progression=data.draw(st.sampled_from(["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"])),
        rate=data.draw(st.sampled_from([None, (30.0, 5.0, 1.0)])), threads=data.draw(st.sampled_from([1, 1, 2])),
        tile=data.draw(st.none() | st.tuples(st.integers(5, 300), st.integers(5, 300))))
    if spec.stored < 4:
        options = replace(options, levels=None)
    check_profile(LOSSLESS, spec)
    frame = anatomy(spec, seed) if smooth and spec.kind != "bit" else noise(spec, seed)
    stream = LOSSLESS.encode_frame(frame, spec, options)
    assert len(stream) <= LOSSLESS.bound(spec, options)
    assert np.array_equal(LOSSLESS.decode_frame(stream, spec), frame)
    header = header_of(stream)
    assert (header.rows, header.columns) == (spec.rows, spec.columns)
    assert header.depths == [(spec.stored + 128 * spec.signed, 1, 1)] * spec.samples
    assert header.transform == (spec.photometric == "RGB" and options.mct is None)
    assert header.reversible and header.levels <= min(spec.rows, spec.columns).bit_length() - 1


@pytest.mark.parametrize("stored", range(1, openjpeg.MOST_BITS_ENCODED + 1))
@pytest.mark.parametrize("signed", [False, True])
def test_every_precision_keeps_its_extremes(stored: int, signed: bool) -> None:
    spec = ImageSpec(67, 129, allocated=32, stored=stored, signed=signed)
    generator, low = np.random.default_rng(stored), -(1 << spec.high_bit) if signed else 0
    for frame in (generator.choice([low, low + (1 << stored) - 1], spec.frame_shape), np.full(spec.frame_shape, low), noise(spec)):
        frame = frame.astype(spec.dtype)
        assert np.array_equal(LOSSLESS.decode_frame(LOSSLESS.encode_frame(frame, spec), spec), frame)


@pytest.mark.parametrize("stored", [2, 6, 8, 12, 16, 21])
@pytest.mark.parametrize("levels", [1, 2, 5])
def test_extreme_colours_in_the_pattern_of_the_wavelet_come_back(stored: int, levels: int) -> None:
    # without a guard bit more, OpenJPEG drops the highest bit of a colour difference here, and says nothing
    signs = np.sign(np.outer([-1, 2, 6, 2, -1], [-1, 2, 6, 2, -1]))
    pattern = np.where(np.tile(signs, (13, 13))[:64, :64] > 0, (1 << stored) - 1, 0)
    spec = ImageSpec(64, 64, allocated=32, stored=stored, **RGB)
    inverse = pattern.max() - pattern
    for colours in ((pattern, pattern, pattern), (pattern, inverse, pattern), (pattern * 0, inverse, pattern)):
        frame = np.stack(colours, axis=-1).astype(spec.dtype)
        data = LOSSLESS.encode_frame(frame, spec, LOSSLESS.Options(levels=levels))
        assert np.array_equal(LOSSLESS.decode_frame(data, spec), frame)


def test_noise_of_few_bits_is_encoded_without_wavelet_where_openjpeg_has_no_room() -> None:
    spec = ImageSpec(256, 256, allocated=8, stored=2)
    frame = np.random.default_rng(1).choice([0, 3], spec.frame_shape).astype("u1")
    data = LOSSLESS.encode_frame(frame, spec)
    assert header_of(data).levels == 0 and len(data) <= LOSSLESS.bound(spec)
    assert np.array_equal(LOSSLESS.decode_frame(data, spec), frame)
    with pytest.raises(CodecError, match=r"OpenJPEG cannot encode the frame: .*output buffer"):
        LOSSLESS.encode_frame(frame, spec, LOSSLESS.Options(levels=5))
    smooth = anatomy(spec)
    assert header_of(LOSSLESS.encode_frame(smooth, spec)).levels == 5


def test_narrow_tiles_at_the_edge_come_back() -> None:
    # of tiles that are empty at some level OpenJPEG loses samples (its issue 1575)
    spec = ImageSpec(80, 107, allocated=8, stored=8)
    frame = noise(spec)
    for tile in ((39, 53), (80, 35), (7, 106), (500, 500)):
        data = LOSSLESS.encode_frame(frame, spec, LOSSLESS.Options(tile=tile, levels=5))
        assert header_of(data).tile == (min(tile[0], 80), min(tile[1], 107))
        assert np.array_equal(LOSSLESS.decode_frame(data, spec), frame)


PEER_SPECS = [
    *(ImageSpec(37, 53, allocated=8 if stored <= 8 else 16, stored=stored) for stored in range(1, 17)),
    *(ImageSpec(37, 53, allocated=16, stored=stored, signed=True) for stored in (8, 12, 16)),
    *(ImageSpec(37, 53, allocated=8 if stored <= 8 else 16, stored=stored, **RGB) for stored in (8, 10, 12, 16)),
    ImageSpec(1, 1, stored=12), ImageSpec(1, 999, stored=12), ImageSpec(999, 1, stored=12),
]


@pytest.mark.peer
@pytest.mark.parametrize("spec", PEER_SPECS, ids=str)
def test_imagecodecs_decodes_what_was_encoded(spec: ImageSpec) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    for frame in (noise(spec), anatomy(spec)):
        assert np.array_equal(imagecodecs.jpeg2k_decode(LOSSLESS.encode_frame(frame, spec)).reshape(spec.frame_shape), frame)


# samples, bits and sign of the images that Pillow has
PILLOWS = {(1, 8, False), (1, 16, False), (3, 8, False)}


@pytest.mark.peer
@pytest.mark.parametrize("spec", [each for each in PEER_SPECS if (each.samples, each.stored, each.signed) in PILLOWS], ids=str)
def test_pillow_decodes_what_was_encoded(spec: ImageSpec) -> None:
    image = pytest.importorskip("PIL.Image")
    frame = noise(spec)
    assert np.array_equal(np.asarray(image.open(io.BytesIO(LOSSLESS.encode_frame(frame, spec)))), frame)


@pytest.mark.peer
@pytest.mark.parametrize("spec", PEER_SPECS, ids=str)
def test_ffmpeg_which_is_no_openjpeg_decodes_what_was_encoded(spec: ImageSpec) -> None:
    av = pytest.importorskip("av")
    frame, decoder = noise(spec), av.CodecContext.create("jpeg2000", "r")
    found = decoder.decode(av.Packet(LOSSLESS.encode_frame(frame, spec)))[0].to_ndarray().astype(int)
    # FFmpeg moves samples to the top of 8 or 16 bits, and signed ones to above zero
    found >>= (8 if spec.stored <= 8 else 16) - spec.stored
    assert np.array_equal(found - ((1 << spec.high_bit) if spec.signed else 0), frame)


@pytest.mark.peer
@pytest.mark.parametrize("spec", [each for each in PEER_SPECS if each.stored in (8, 12, 16)], ids=str)
def test_pylibjpeg_decodes_what_was_encoded(spec: ImageSpec) -> None:
    pylibjpeg_openjpeg = pytest.importorskip("openjpeg", exc_type=ImportError)
    frame = noise(spec)
    assert np.array_equal(np.asarray(pylibjpeg_openjpeg.decode(LOSSLESS.encode_frame(frame, spec))).reshape(spec.frame_shape), frame)


@pytest.mark.peer
@pytest.mark.parametrize("level", [35, 45, 55, 65])
@pytest.mark.parametrize("spec", [ImageSpec(200, 231, stored=12), ImageSpec(200, 231, stored=12, signed=True),
                                  ImageSpec(200, 231, allocated=8, stored=8), ImageSpec(200, 231, allocated=8, stored=8, **RGB)], ids=str)
def test_a_wanted_psnr_is_that_of_imagecodecs(spec: ImageSpec, level: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    frame = anatomy(spec)
    own = LOSSY.encode_frame(frame, spec, LOSSY.Options(psnr=level, levels=4, progression="RPCL"))
    theirs = imagecodecs.jpeg2k_encode(frame, level=level, reversible=False, codecformat="j2k", mct=spec.samples == 3,
                                       bitspersample=spec.stored)
    ours, peer = (psnr(LOSSY.decode_frame(data, spec), frame, spec.stored) for data in (own, theirs))
    assert abs(ours - peer) < 0.1
    assert abs(len(own) - len(theirs)) < 20
    assert np.array_equal(imagecodecs.jpeg2k_decode(own), LOSSY.decode_frame(own, spec))


@pytest.mark.peer
def test_a_wanted_rate_is_that_of_pillow() -> None:
    image = pytest.importorskip("PIL.Image")
    spec = ImageSpec(300, 280, allocated=8, stored=8)
    frame, file = anatomy(spec), io.BytesIO()
    image.fromarray(frame).save(file, "JPEG2000", no_jp2=True, irreversible=True, quality_mode="rates", quality_layers=[12])
    own = LOSSY.encode_frame(frame, spec, LOSSY.Options(rate=12))
    ours, theirs = (psnr(LOSSY.decode_frame(data, spec), frame, 8) for data in (own, file.getvalue()))
    assert abs(ours - theirs) < 0.1


@pytest.mark.parametrize("spec", [ImageSpec(256, 250, stored=12), ImageSpec(256, 250, stored=16, signed=True),
                                  ImageSpec(256, 250, allocated=8, stored=8, **RGB)], ids=str)
def test_a_rate_counts_from_the_stored_bits(spec: ImageSpec) -> None:
    frame, raw = anatomy(spec), 256 * 250 * spec.samples * spec.stored / 8
    # noise has no end of detail, smooth frames of 8 bits may
    assert raw / len(LOSSY.encode_frame(noise(spec), spec)) == pytest.approx(5, rel=0.03)
    for rate in (20, 40):
        data = LOSSY.encode_frame(frame, spec, LOSSY.Options(rate=rate))
        assert raw / len(data) == pytest.approx(rate, rel=0.03)
        assert not header_of(data).reversible
    layered = LOSSY.encode_frame(frame, spec, LOSSY.Options(rate=(60, 40, 20)))
    assert header_of(layered).layers == 3 and raw / len(layered) == pytest.approx(20, rel=0.1)


def test_the_lossy_syntax_may_keep_everything() -> None:
    spec = ImageSpec(40, 50, stored=12)
    frame, options = noise(spec), LOSSY.Options(reversible=True)
    data = LOSSY.encode_frame(frame, spec, options)
    assert header_of(data).reversible and np.array_equal(LOSSY.decode_frame(data, spec), frame)
    assert LOSSY.describe(spec, options) == LOSSY.describe(spec, LOSSY.Options(reversible=True, rate=(4, 1))) == {}


def test_colour_is_called_after_its_transform() -> None:
    spec = ImageSpec(4, 5, allocated=8, stored=8, **RGB)
    rct, loss = {"PhotometricInterpretation": "YBR_RCT", "PlanarConfiguration": 0}, {"LossyImageCompressionMethod": "ISO_15444_1"}
    assert LOSSLESS.describe(spec) == LOSSY.describe(spec, LOSSY.Options(reversible=True)) == rct
    assert LOSSY.describe(spec) == {"PhotometricInterpretation": "YBR_ICT", "PlanarConfiguration": 0, **loss}
    assert LOSSY.describe(spec, LOSSY.Options(reversible=True, rate=4)) == {**rct, **loss}
    assert LOSSY.describe(spec, LOSSY.Options(mct=False)) == LOSSY.describe(replace(spec, photometric="YBR_FULL")) == {
        "PlanarConfiguration": 0, **loss}
    assert LOSSY.describe(ImageSpec(4, 5)) == loss
    assert LOSSLESS.describe(ImageSpec(4, 5)) == {}
    names = {name: LOSSLESS.decoded_photometric(replace(spec, photometric=name)) for name in ("RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL")}
    assert names == {"RGB": "RGB", "YBR_RCT": "RGB", "YBR_ICT": "RGB", "YBR_FULL": "YBR_FULL"}


def test_pixels_that_are_called_after_a_transform_are_red_green_and_blue() -> None:
    frame = noise(rgb := ImageSpec(20, 30, allocated=8, stored=8, **RGB))
    for codec, name in ((LOSSLESS, "YBR_RCT"), (LOSSY, "YBR_ICT")):
        assert codec.encode_frame(frame, replace(rgb, photometric=name)) == codec.encode_frame(frame, rgb)


@pytest.mark.parametrize(("photometric", "options", "message"), [
    ("YBR_FULL", {"mct": True}, "mct=True does not go with YBR_FULL"),
    ("MONOCHROME2", {"mct": True}, "mct=True does not go with MONOCHROME2"),
    ("YBR_RCT", {"mct": False}, "mct=False does not go with YBR_RCT"),
    ("YBR_RCT", {}, "YBR_RCT does not go with reversible=False, which makes YBR_ICT"),
    ("YBR_ICT", {"reversible": True}, "YBR_ICT does not go with reversible=True"),
])
def test_a_transform_goes_with_red_green_and_blue_only(photometric: str, options: dict[str, Any], message: str) -> None:
    samples = 1 if photometric == "MONOCHROME2" else 3
    spec = ImageSpec(4, 5, samples=samples, photometric=photometric)
    with pytest.raises(ValueError, match=message):
        LOSSY.encode_frame(noise(spec), spec, LOSSY.Options(**options))


@pytest.mark.parametrize(("options", "message"), [
    ({"rate": 0.5}, "rate of JPEG 2000 is 1 or more"),
    ({"rate": float("nan")}, "rate of JPEG 2000 is 1 or more"),
    ({"rate": "8"}, "rate of JPEG 2000 is 1 or more"),
    ({"rate": (5, 10)}, "each with a rate below the one before"),
    ({"psnr": (50, 40)}, "each with a psnr above the one before"),
    ({"psnr": -1}, "psnr of JPEG 2000 is 0 or more"),
    ({"psnr": 40, "rate": 8}, "a rate or a psnr, not both"),
    ({"rate": tuple(range(200, 50, -1))}, "at most 100"),
    ({"levels": 33}, "levels of JPEG 2000 is 0 to 32, not 33"),
    ({"levels": 1.5}, "levels"),
    ({"levels": True}, "levels"),
    ({"threads": None}, "threads of JPEG 2000"),
    ({"mct": "yes"}, "mct of JPEG 2000 is True, False or None, not 'yes'"),
    ({"reversible": 2}, "reversible of JPEG 2000"),
    ({"tile": 5}, "a tile"),
    ({"rate": True}, "rate"),
    ({"threads": 0}, "threads of JPEG 2000 is 1 to 1024, not 0"),
    ({"progression": "XRCP"}, "LRCP, RLCP, RPCL, PCRL, CPRL, not 'XRCP'"),
    ({"tile": (0, 5)}, r"a tile of JPEG 2000 is \(rows, columns\)"),
    ({"tile": (5,)}, "a tile"),
])
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options_of(LOSSY, options)


@pytest.mark.parametrize("options", [{"psnr": 80}, {"rate": 8}, {"rate": (8, 2)}, {"reversible": False}])
def test_the_lossless_syntax_keeps_everything(options: dict[str, Any]) -> None:
    spec = ImageSpec(4, 5)
    with pytest.raises(ValueError, match="for less give compression='jpeg2000'"):
        LOSSLESS.encode_frame(noise(spec), spec, LOSSLESS.Options(**options))


# PS3.5 Table 8.2.4-1, as far as OpenJPEG goes
@pytest.mark.parametrize(("spec", "lossless", "lossy"), [
    (ImageSpec(2, 2, signed=True), True, True),
    (ImageSpec(2, 2, allocated=32, stored=21, signed=True), True, True),
    (ImageSpec(2, 2, allocated=32, stored=22), False, False),
    (ImageSpec(2, 2, allocated=1, stored=1, kind="bit"), True, True),
    (ImageSpec(2, 2, photometric="PALETTE COLOR"), True, False),
    (ImageSpec(2, 2, **RGB), True, True),
    (ImageSpec(2, 2, samples=3, photometric="YBR_FULL"), True, True),
    (ImageSpec(2, 2, samples=3, photometric="YBR_RCT"), True, True),
    (ImageSpec(2, 2, samples=3, photometric="YBR_ICT"), False, True),
    (ImageSpec(2, 2, samples=3, photometric="YBR_FULL_422"), False, False),
    (ImageSpec(2, 2, signed=True, as_read=True, **RGB), False, False),
])
def test_the_profiles_are_those_of_the_standard(spec: ImageSpec, lossless: bool, lossy: bool) -> None:
    for codec, holds in ((LOSSLESS, lossless), (LOSSY, lossy)):
        assert any(row.holds(spec) for row in codec.profile) == holds


def test_more_bits_than_openjpeg_keeps_are_refused() -> None:
    spec = ImageSpec(4, 5, allocated=32, stored=22)
    with pytest.raises(PixelError, match="integers of up to 21 bits and single bits here, not 22 bits stored"):
        LOSSLESS.encode_frame(noise(spec), spec)


# ---- decoding what others wrote


def boxed(stream: bytes, *, length: int | None = None, wide: bool = False) -> bytes:
    """A JP2 file (T.800 Annex I), as some have it in fragments."""
    head = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 "
    size = struct.pack(">I4sQ", 1, b"jp2c", len(stream) + 16) if wide else struct.pack(
        ">I4s", len(stream) + 8 if length is None else length, b"jp2c")
    return head + size + stream


def test_a_jp2_file_in_a_fragment_is_read() -> None:
    spec = ImageSpec(20, 30, stored=12)
    frame = noise(spec)
    stream = LOSSLESS.encode_frame(frame, spec)
    more = b"\0\0\0\x08free"
    for file in (boxed(stream), boxed(stream, length=0), boxed(stream, wide=True), boxed(stream) + b"\0", boxed(stream) + more):
        assert np.array_equal(LOSSLESS.decode_frame(file, spec), frame)
    assert bytes(codestream_of(memoryview(boxed(stream)))) == stream
    with pytest.raises(CodecError, match="a box of the JP2 file has not the length that it claims at byte 32"):
        LOSSLESS.decode_frame(boxed(stream, length=len(stream) + 9), spec)
    with pytest.raises(CodecError, match="a box"):
        LOSSLESS.decode_frame(boxed(stream, length=3), spec)
    with pytest.raises(CodecError, match="the JP2 file has no codestream"):
        LOSSLESS.decode_frame(boxed(stream)[:32], spec)


def test_another_sign_or_precision_than_the_dataset_says_is_read_by_its_bits() -> None:
    unsigned, signed = ImageSpec(20, 30, stored=12), ImageSpec(20, 30, stored=12, signed=True)
    frame = noise(unsigned)
    as_signed = (frame << 4).view("i2") >> 4
    assert np.array_equal(LOSSLESS.decode_frame(LOSSLESS.encode_frame(frame, unsigned), signed), as_signed)
    assert np.array_equal(LOSSLESS.decode_frame(LOSSLESS.encode_frame(as_signed, signed), unsigned) & 0xFFF, frame)
    # a stream of all allocated bits, as glymur and others write
    full = LOSSLESS.encode_frame(frame, replace(unsigned, stored=16))
    assert np.array_equal(LOSSLESS.decode_frame(full, unsigned), frame)
    with pytest.raises(CodecError, match="samples of 16 bits, and 8 can be taken"):
        LOSSLESS.decode_frame(full, replace(unsigned, allocated=8, stored=8))


# what is in its wheel
FILES = ("693_J2KI.dcm", "GDCMJ2K_TextGBR.dcm", "J2K_pixelrep_mismatch.dcm", "JPEG2000.dcm", "MR_small_jp2klossless.dcm",
         "SC_rgb_gdcm_KY.dcm", "examples_jpeg2k.dcm")


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_files_of_pydicom_are_read_as_others_read_them(name: str) -> None:
    pydicom, imagecodecs = pytest.importorskip("pydicom"), pytest.importorskip("imagecodecs")
    from pydicom.encaps import generate_frames

    found = [*Path(pydicom.__file__).parent.rglob(name)]
    theirs, own = pydicom.dcmread(found[0]), dcmenc.dcmread(found[0])
    frames, mask = Frames(own), (1 << theirs.BitsStored) - 1
    for at, data in enumerate(generate_frames(theirs.PixelData, number_of_frames=len(frames))):
        assert np.array_equal(imagecodecs.jpeg2k_decode(data).astype(int) & mask, frames[at].astype(int) & mask)
    if name != "GDCMJ2K_TextGBR.dcm":  # which pydicom cannot read with Pillow
        assert np.array_equal(dcmenc.imread(found[0]), theirs.pixel_array)
    for compression in ("jpeg2000-lossless", "jpeg-lossless", "explicit"):
        file = io.BytesIO()
        dcmenc.transcode(found[0], file, compression)
        assert np.array_equal(dcmenc.imread(file.getvalue()), dcmenc.imread(found[0]))


def test_a_corrupted_header_of_pydicoms_is_refused() -> None:
    pydicom = pytest.importorskip("pydicom")
    (path,) = Path(pydicom.__file__).parent.rglob("JPEG2000-embedded-sequence-delimiter.dcm")
    with pytest.raises(CodecError, match="claims 14540801 tiles"):
        dcmenc.imread(path)


# ---- damaged and hostile streams


def altered(data: bytes, at: int, form: str, *values: int) -> bytes:
    own = bytearray(data)
    struct.pack_into(form, own, at, *values)
    return bytes(own)


def test_claims_are_measured_before_openjpeg_believes_them() -> None:
    spec = ImageSpec(40, 50, stored=12)
    data = LOSSLESS.encode_frame(noise(spec), spec)
    cod = data.index(b"\xff\x52")
    for wrong, message in (
        (altered(data, 24, ">II", 1, 1), "claims 2000 tiles in"),
        (altered(data, 24, ">II", 0, 50), "no area, or no tile"),
        (altered(data, 8, ">II", 60000, 60000), "claims .* tiles|60000 rows"),
        (altered(data, 8, ">IIIIII", 50, 40, 0, 0, 50, 40)[:44], "breaks off"),
        (altered(data, 40, ">H", 16384), "length of the SIZ"),
        (altered(data, 43, ">B", 2), "components of different sizes"),
        (altered(data, 42, ">B", 37), "samples of 38 bits, and 16 can be taken"),
        (altered(data, cod + 6, ">H", 65535), "claims 393210 packets in"),
        (altered(data, cod + 9, ">B", 33), "claims 33 levels"),
        (altered(data, 0, ">H", 0xFFD8), "does not begin as a JPEG 2000 codestream at byte 0"),
        (data[: len(data) // 2], "breaks off: a tile-part has"),
        (data[: data.index(b"\xff\x90")], "breaks off in a header"),
        (altered(data, data.index(b"\xff\x90") + 4, ">H", 1), "for tile 1, of 1"),
        (altered(data, data.index(b"\xff\x90"), ">H", 0xFFD9), "a marker is expected, not FFD9"),
        (b"", "does not begin"),
    ):
        with pytest.raises(CodecError, match=message):
            LOSSLESS.decode_frame(wrong, spec)


def test_small_precincts_are_counted() -> None:
    spec = ImageSpec(60, 60, stored=12)
    data = LOSSLESS.encode_frame(np.zeros(spec.frame_shape, "u2"), spec)
    at = data.index(b"\xff\x52")
    levels = data[at + 9]
    precincts = data[: at + 2] + struct.pack(">HB", 12 + levels + 1, 1) + data[at + 5 : at + 14] + b"\0" * (levels + 1) + data[at + 14 :]
    with pytest.raises(CodecError, match="claims 4809 packets in"):
        read_codestream(memoryview(precincts))


def test_a_missing_tile_is_an_error() -> None:
    spec = ImageSpec(40, 50, stored=12)
    data = LOSSLESS.encode_frame(noise(spec), spec, LOSSLESS.Options(tile=(20, 25)))
    first = data.index(b"\xff\x90")
    second = first + struct.unpack_from(">I", data, first + 6)[0]
    with pytest.raises(CodecError, match="of 4 tiles, 1 are missing"):
        LOSSLESS.decode_frame(data[:first] + data[second:], spec)


def test_gigabytes_are_borne_out_by_bytes() -> None:
    spec = ImageSpec(64, 64, stored=12)
    data = LOSSLESS.encode_frame(np.full(spec.frame_shape, 2048, "u2"), spec)
    huge = altered(altered(data, 8, ">II", 60000, 60000), 24, ">II", 60000, 60000)
    with pytest.raises(CodecError, match="claims 3600000000 samples in"):
        LOSSLESS.decode_frame(huge, ImageSpec(60000, 60000, stored=12))


def test_a_last_tile_part_of_unknown_length_goes_on_to_the_end() -> None:
    spec = ImageSpec(40, 50, stored=12)
    frame = noise(spec)
    data = LOSSLESS.encode_frame(frame, spec)
    unknown = altered(data, data.index(b"\xff\x90") + 6, ">I", 0)
    for stream in (unknown, unknown + b"\0"):
        assert np.array_equal(LOSSLESS.decode_frame(stream, spec), frame)
    with pytest.raises(CodecError):
        LOSSLESS.decode_frame(unknown[:1000], spec)


def test_no_end_marker_is_no_damage_but_said(caplog: pytest.LogCaptureFixture) -> None:
    spec = ImageSpec(40, 50, stored=12)
    frame = noise(spec)
    with caplog.at_level(logging.INFO, "dcmenc"):
        assert np.array_equal(LOSSLESS.decode_frame(LOSSLESS.encode_frame(frame, spec)[:-2], spec), frame)
    assert "no end marker" in caplog.text


@given(seed=st.integers(0, 2**32), cut=st.floats(0, 0.999))
def test_every_cut_is_an_error(seed: int, cut: float) -> None:
    spec = ImageSpec(30, 40, stored=12)
    data = LOSSLESS.encode_frame(noise(spec, seed), spec, LOSSLESS.Options(tile=(16, 16)))
    with pytest.raises(CodecError):
        LOSSLESS.decode_frame(data[: int(cut * (len(data) - 2))], spec)


def test_thousands_of_damaged_streams_crash_nothing() -> None:
    ran = subprocess.run([sys.executable, str(HERE / "fuzz_jpeg2000.py"), "6", "3"], capture_output=True, text=True, timeout=120,
                         check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert ran.returncode == 0, ran.stdout + ran.stderr


# ---- threads, memory, errors in callbacks


def test_many_threads_give_what_one_gives() -> None:
    spec = ImageSpec(33, 47, stored=12)
    frames = [anatomy(spec, seed) for seed in range(50)]
    alone = [LOSSLESS.encode_frame(frame, spec) for frame in frames]
    with ThreadPoolExecutor(32) as pool:
        rounds = list(pool.map(lambda _: [LOSSLESS.encode_frame(frame, spec) for frame in frames], range(32)))
        assert all(each == alone for each in rounds)
        assert all(pool.map(lambda at: np.array_equal(LOSSLESS.decode_frame(alone[at % 50], spec), frames[at % 50]), range(400)))


def test_threads_of_openjpeg_change_no_byte() -> None:
    spec = ImageSpec(200, 300, stored=12)
    frame = anatomy(spec)
    for codec in (LOSSLESS, LOSSY):
        assert codec.encode_frame(frame, spec, codec.Options(threads=3)) == codec.encode_frame(frame, spec)


def test_memory_is_given_back() -> None:
    resource = pytest.importorskip("resource")
    spec = ImageSpec(256, 256, stored=12)
    frame = noise(spec)
    data = LOSSLESS.encode_frame(frame, spec)
    broken = bytearray(data)
    broken[data.index(b"\xff\x5c") : data.index(b"\xff\x5c") + 2] = b"\xff\x64"  # no quantisation

    def work() -> int:
        for _ in range(30):
            LOSSLESS.decode_frame(LOSSLESS.encode_frame(frame, spec), spec)
            with pytest.raises(CodecError, match=r"OpenJPEG cannot decode the frame: .*QCD"):
                LOSSLESS.decode_frame(bytes(broken), spec)
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    before = work()
    assert work() - before < 4096  # of 256 KB a frame, in each of its forms


def test_what_a_callback_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ImageSpec(20, 30, stored=12)
    data = LOSSLESS.encode_frame(noise(spec), spec)

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ctypes, "string_at", interrupted)
        LOSSLESS.encode_frame(noise(spec), spec)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ctypes, "memmove", interrupted)
        LOSSLESS.decode_frame(data, spec)


# ---- the library


def found_with(code: str = "", cwd: Path | None = None, **environment: str) -> str:
    """The path of the library that a new process finds, or its error."""
    program = ("import logging; logging.basicConfig()\n" + code + "\nfrom dcmenc.openjpeg import library\n"
               "try: print(library().path)\nexcept ImportError as error: print(error)")
    base = {key: value for key, value in os.environ.items() if key not in ("DCMENC_OPENJP2", "XDG_CONFIG_HOME", "HOME")}
    base |= {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "HOME": "/nonexistent"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd, env=base | environment, check=True)
    return ran.stdout + ran.stderr


NO_SYSTEM = "import ctypes.util; ctypes.util.find_library = lambda name: None"
NO_PILLOW = "import importlib.util; importlib.util.find_spec = lambda name: None"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the library at a place of its own."""
    source = library().path
    if not os.path.isabs(source):
        pytest.skip("the library has no path here")
    return Path(shutil.copy(source, tmp_path / "libmine.so"))


def configure(folder: Path, path: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "glymurrc").write_text(f"[library]\nopenjp2: {path}\n")


def test_pillows_copy_is_found_without_any_other() -> None:
    pytest.importorskip("PIL")
    assert "libopenjp2" in found_with(NO_SYSTEM)


def test_a_configuration_in_the_current_folder_loads_nothing(tmp_path: Path, copied: Path) -> None:
    configure(tmp_path / "here", copied)
    configure(tmp_path / "here" / "glymur", copied)
    for environment in ({}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": "."}, {"HOME": "."}, {"HOME": ""}):
        assert "libmine" not in found_with(cwd=tmp_path / "here", **environment)


def test_the_users_configuration_of_glymur_counts(tmp_path: Path, copied: Path) -> None:
    configure(tmp_path / "xdg" / "glymur", copied)
    configure(tmp_path / "home" / ".config" / "glymur", copied)
    assert found_with(XDG_CONFIG_HOME=str(tmp_path / "xdg")).strip() == str(copied)
    assert found_with(HOME=str(tmp_path / "home")).strip() == str(copied)
    assert "libmine" not in found_with(HOME=str(tmp_path / "home"), XDG_CONFIG_HOME=str(tmp_path / "other"))


@pytest.mark.parametrize("content", ["[library]\nopenjp2: libmine.so\n", "[library]\nopenjp2: /nonexistent.so\n", "openjp2", "\xff\xfe",
                                     "[library]\nopenjp2: None\n", "[other]\n", "[library]\nopenjp2: %(x)s\n"])
def test_a_useless_configuration_is_passed_over(tmp_path: Path, copied: Path, content: str) -> None:
    configure(tmp_path / "glymur", "")
    (tmp_path / "glymur" / "glymurrc").write_text(content, "latin-1")
    answer = found_with(cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path))
    assert "libopenjp2" in answer and "libmine.so\n" not in answer.splitlines()[0]


def test_the_environment_variable_comes_first_and_none_stands_in_for_it(tmp_path: Path, copied: Path) -> None:
    configure(tmp_path / "glymur", "/nonexistent.so")
    assert found_with(XDG_CONFIG_HOME=str(tmp_path), DCMENC_OPENJP2=str(copied)).strip() == str(copied)
    text = tmp_path / "text.so"
    text.write_text("no library")
    for wrong in (str(text), str(tmp_path / "missing.so"), ctypes.util.find_library("m") or ""):
        if os.path.isabs(wrong):
            assert "DCMENC_OPENJP2 names an OpenJPEG library that cannot be used: " in found_with(DCMENC_OPENJP2=wrong)
    assert "give the whole path" in found_with(cwd=tmp_path, DCMENC_OPENJP2="libmine.so")


def test_without_a_library_the_message_says_what_to_do() -> None:
    answer = found_with(f"{NO_SYSTEM}\n{NO_PILLOW}")
    assert "pip install pillow" in answer and "DCMENC_OPENJP2" in answer and "none was found" in answer


def test_neither_glymur_nor_pillow_is_imported() -> None:
    answer = found_with("import atexit, sys; atexit.register(lambda: print({'glymur', 'PIL', 'lxml'} & set(sys.modules)))")
    assert answer.rstrip().endswith("set()")


@pytest.mark.parametrize(("source", "message"), [
    ("", "undefined symbol: opj_version"),
    ('const char *opj_version(void) { return "1.5.2"; }', "is OpenJPEG 1.5.2, and 2.3 or a later 2.x is needed"),
    ('const char *opj_version(void) { return "3.0.0"; }', "is OpenJPEG 3.0.0"),
])
def test_another_library_is_refused(tmp_path: Path, source: str, message: str) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    others = "".join(f"void {name}(void) {{}}\n" for name in openjpeg._FUNCTIONS if source and name != "opj_version")
    (tmp_path / "fake.c").write_text(f"{source}\n{others}")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "fake.so", "fake.c"], cwd=tmp_path, check=True)
    with pytest.raises(CodecUnavailable, match=message):
        Library(str(tmp_path / "fake.so"))


@pytest.mark.parametrize(("field", "form", "message"), [
    ("jpwl", ctypes.c_int * 87, "other than known: settings"),
    ("poc", ctypes.c_uint32 * 36 * 32, "other than known: numresolution"),
    ("index", ctypes.c_char * 4000, "other than known: "),
])
def test_structures_of_another_layout_are_noticed(monkeypatch: pytest.MonkeyPatch, field: str, form: Any, message: str) -> None:
    fields = [(name, form if name == field else kind) for name, kind in openjpeg._EncoderParameters._fields_]
    shifted = type("Shifted", (ctypes.Structure,), {"_fields_": [*fields, ("more", ctypes.c_char * 8192)]})
    pointer = ctypes.POINTER(shifted)
    functions = {name: (result, tuple(pointer if each is ctypes.POINTER(openjpeg._EncoderParameters) else each for each in arguments))
                 for name, (result, arguments) in openjpeg._FUNCTIONS.items()}
    monkeypatch.setattr(openjpeg, "_EncoderParameters", shifted)
    monkeypatch.setattr(openjpeg, "_FUNCTIONS", functions)
    with pytest.raises(CodecUnavailable, match=message):
        Library(library().path)


def test_every_copy_on_this_machine_makes_the_same_stream() -> None:
    from ctypes.util import find_library

    frame = anatomy(ImageSpec(100, 120, stored=12)).astype("i4")
    paths = [path for path in (library().path, find_library("openjp2")) if path]
    streams = {Library(path).encode([frame], Settings(12)).partition(b"\xff\x90")[2] for path in paths}
    assert len(streams) == 1


# ---- whole images


@pytest.mark.parametrize("compression", ["jpeg2000-lossless", "jpeg2000"])
@pytest.mark.parametrize("options", [None, {"mct": False}, {"reversible": True}])
def test_colour_images_say_how_they_are_encoded_and_are_read_as_rgb(compression: str, options: Any) -> None:
    frame, file = anatomy(ImageSpec(60, 70, allocated=8, stored=8, **RGB)), io.BytesIO()
    dcmenc.imwrite(file, frame, compression=compression, options=options)
    name = "RGB" if options == {"mct": False} else "YBR_RCT" if options or compression == "jpeg2000-lossless" else "YBR_ICT"
    ds = dcmenc.dcmread(file.getvalue())
    assert (ds.PhotometricInterpretation, ds.PlanarConfiguration) == (name, 0)
    lossy = compression == "jpeg2000" and not (options or {}).get("reversible")
    assert getattr(ds, "LossyImageCompressionMethod", None) == ("ISO_15444_1" if lossy else None)
    assert getattr(ds, "LossyImageCompression", None) == ("01" if lossy else None)
    assert not lossy or float(ds.LossyImageCompressionRatio) > 4.9
    back = dcmenc.imread(file.getvalue())
    assert np.array_equal(dcmenc.imread(file.getvalue(), color="rgb"), back)
    assert psnr(back, frame, 8) > 35 if lossy else np.array_equal(back, frame)
    native = io.BytesIO()
    report = dcmenc.transcode(file.getvalue(), native, "explicit")
    assert dcmenc.dcmread(native.getvalue()).PhotometricInterpretation == "RGB"
    assert ("PhotometricInterpretation" in report.overridden) == (name != "RGB")
    assert np.array_equal(dcmenc.imread(native.getvalue()), back)


def test_transcoding_colour_takes_the_options_into_the_label() -> None:
    frame, native = noise(ImageSpec(20, 30, allocated=8, stored=8, **RGB)), io.BytesIO()
    dcmenc.imwrite(native, frame)
    for options, name in ((None, "YBR_RCT"), ({"mct": False}, "RGB")):
        file = io.BytesIO()
        dcmenc.transcode(native.getvalue(), file, "jpeg2000-lossless", options=options)
        assert dcmenc.dcmread(file.getvalue()).PhotometricInterpretation == name
        assert np.array_equal(dcmenc.imread(file.getvalue()), frame)


def test_single_bits_stay_single_in_frames() -> None:
    frames, file = np.random.default_rng(0).integers(0, 2, (5, 33, 47)).astype(bool), io.BytesIO()
    with dcmenc.Writer(file, compression="jpeg2000-lossless", workers=2, options={"progression": "RPCL"}) as writer:
        writer.extend(frames)
    ds = dcmenc.dcmread(file.getvalue())
    assert (ds.BitsAllocated, ds.SOPClassUID) == (1, "1.2.840.10008.5.1.4.1.1.7.1")
    assert np.array_equal(dcmenc.imread(file.getvalue()), frames)


@pytest.mark.filterwarnings("ignore")
def test_the_structures_are_those_of_glymur() -> None:
    """glymur declares OpenJPEG's structures, too; its fields and ours are at the same places."""
    definitions = pytest.importorskip("glymur.lib.openjp2")
    for own, theirs, name in (
        (openjpeg._EncoderParameters, definitions.CompressionParametersType, "tcp_mct"),
        (openjpeg._Image, definitions.ImageType, "comps"),
        (openjpeg._PlaneParameters, definitions.ImageComptParmType, "sgnd"),
    ):
        places = {field[0]: getattr(own, field[0]).offset for field in own._fields_}
        others = {field[0]: getattr(theirs, field[0]).offset for field in theirs._fields_}
        shared = set(places) & set(others)
        assert name in shared and {field: places[field] for field in shared} == {field: others[field] for field in shared}
