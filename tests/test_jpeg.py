"""JPEG Baseline and Extended: what is in the streams, and that others decode them as we do (PS3.5 8.2.1, ITU-T T.81)."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import dcmenc
from dcmenc import CodecError, ImageSpec, PixelError
from dcmenc.codecs import check_profile, get_codec, named_syntax, options_of
from dcmenc.codecs.streams import segments
from dcmenc.frames import Frames

BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
GRAY = ImageSpec(61, 83, allocated=8, stored=8)
TWELVE = ImageSpec(61, 83, stored=12)
RGB = ImageSpec(61, 83, samples=3, allocated=8, stored=8, photometric="RGB")
YBR = ImageSpec(61, 83, samples=3, allocated=8, stored=8, photometric="YBR_FULL")
SUBSAMPLED = ImageSpec(61, 83, samples=3, allocated=8, stored=8, photometric="YBR_FULL_422")

Frame = np.ndarray[Any, Any]


def smooth(spec: ImageSpec, seed: int = 1) -> Frame:
    """Waves and a little noise, as images are; the outermost values are not among them."""
    generator = np.random.default_rng(seed)
    rows, columns = np.indices((spec.rows, spec.columns))
    waves = [np.sin(rows / (7 + k)) + np.cos(columns / (9 + 2 * k)) for k in range(spec.samples)]
    values = (np.stack(waves, -1) + 2) / 4 * ((1 << spec.stored) - 15) + generator.integers(4, 12, (spec.rows, spec.columns, spec.samples))
    values -= 1 << spec.high_bit if spec.signed else 0
    return np.floor(values).astype(spec.dtype).reshape(spec.frame_shape)


def psnr(one: Frame, other: Frame, stored: int) -> float:
    error = np.mean((one.astype(float) - other) ** 2)
    return float(10 * np.log10(((1 << stored) - 1) ** 2 / max(error, 1e-9)))


def markers(data: bytes) -> list[int]:
    return [segment.marker for segment in segments(data, (0xDA,))]


def frame_segment(data: bytes) -> bytes:
    start, end = next((each.start, each.end) for each in segments(data, (0xDA,)) if each.marker in (0xC0, 0xC1))
    return data[start:end]


def pillow(data: bytes, mode: str | None = None) -> Frame:
    image = Image.open(io.BytesIO(data))
    return np.asarray(image.convert(mode) if mode else image)


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), quality=st.integers(1, 100), seed=st.integers(0, 2**32),
       kind=st.sampled_from(["MONOCHROME1", "MONOCHROME2", "RGB", "RGB 4:4:4", "YBR_FULL", "12", "extended"]), noise=st.booleans())
def test_any_frame_is_encoded_within_the_bound_and_decodes_to_its_shape(
    rows: int, columns: int, quality: int, seed: int, kind: str, noise: bool
) -> None:
    gray, stored = kind[0] in "M1e", 12 if kind == "12" else 8
    photometric = "MONOCHROME2" if kind in ("12", "extended") else kind.split()[0]
    spec = ImageSpec(rows, columns, 1, 1 if gray else 3, 16 if stored == 12 else 8, stored, photometric=photometric)
    codec = get_codec(EXTENDED if kind in ("12", "extended") else BASELINE)
    check_profile(codec, spec)
    options = codec.Options(quality=quality, subsampling="4:4:4" if kind == "RGB 4:4:4" else "4:2:2")
    frame = np.random.default_rng(seed).integers(0, 1 << stored, spec.frame_shape).astype(spec.dtype) if noise else smooth(spec, seed)
    data = codec.encode_frame(frame, spec, options)
    assert type(data) is bytes and len(data) <= codec.bound(spec, options)
    back = codec.decode_frame(memoryview(data + b"\0" * (len(data) % 2)), spec)
    assert (back.dtype, back.shape) == (spec.dtype, spec.frame_shape)
    assert int(back.max()) < 1 << stored


@pytest.mark.parametrize("quality", [10, 50, 75, 90, 100])
def test_gray_is_what_libjpeg_makes_of_it(quality: int) -> None:
    codec, frame = get_codec("jpeg"), smooth(GRAY)
    direct = io.BytesIO()
    Image.fromarray(frame).save(direct, "JPEG", quality=quality)
    ours = codec.decode_frame(codec.encode_frame(frame, GRAY, codec.Options(quality=quality)), GRAY)
    assert abs(psnr(ours, frame, 8) - psnr(pillow(direct.getvalue()), frame, 8)) <= 0.1


@pytest.mark.parametrize(("quality", "subsampling"), [(50, "4:2:2"), (90, "4:2:2"), (90, "4:4:4"), (100, "4:4:4")])
def test_colour_is_what_libjpeg_makes_of_it(quality: int, subsampling: str) -> None:
    codec, frame = get_codec("jpeg"), smooth(RGB)
    options = options_of(codec, {"quality": quality, "subsampling": subsampling})
    data = codec.encode_frame(frame, RGB, options)
    direct = io.BytesIO()
    Image.fromarray(frame).save(direct, "JPEG", quality=quality, subsampling=subsampling, keep_rgb=subsampling == "4:4:4")
    assert abs(psnr(pillow(data), frame, 8) - psnr(pillow(direct.getvalue()), frame, 8)) <= 0.1


def test_streams_have_no_markers_of_files() -> None:
    tables = {0xC4, 0xDB, 0xDA}
    for spec, uid in ((GRAY, BASELINE), (RGB, BASELINE), (YBR, BASELINE), (GRAY, EXTENDED), (TWELVE, EXTENDED)):
        data = get_codec(uid).encode_frame(smooth(spec), spec)
        assert set(markers(data)) == tables | {0xC0 if uid == BASELINE else 0xC1}
        assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
    codec = get_codec("jpeg")
    plain = codec.encode_frame(smooth(RGB), RGB, codec.Options(subsampling="4:4:4"))
    assert set(markers(plain)) == tables | {0xC0, 0xEE}  # Adobe's, which says that there is no transform


@pytest.mark.parametrize(("spec", "uid", "subsampling", "header"), [
    (GRAY, BASELINE, "4:2:2", "ffc0 000b 08 003d 0053 01 011100"),
    (GRAY, EXTENDED, "4:2:2", "ffc1 000b 08 003d 0053 01 011100"),
    (TWELVE, EXTENDED, "4:2:2", "ffc1 000b 0c 003d 0053 01 011100"),
    (RGB, BASELINE, "4:2:2", "ffc0 0011 08 003d 0053 03 012100 021101 031101"),
    (YBR, BASELINE, "4:2:2", "ffc0 0011 08 003d 0053 03 012100 021101 031101"),
    (RGB, BASELINE, "4:4:4", "ffc0 0011 08 003d 0053 03 521100 471100 421100"),
])
def test_the_frame_header_agrees_with_the_attributes(spec: ImageSpec, uid: str, subsampling: str, header: str) -> None:
    codec = get_codec(uid)
    data = codec.encode_frame(smooth(spec), spec, options_of(codec, {"subsampling": subsampling}))
    assert frame_segment(data) == bytes.fromhex(header)


def test_what_the_dataset_takes_on() -> None:
    codec = get_codec("jpeg")
    method = {"LossyImageCompressionMethod": "ISO_10918_1"}
    assert codec.describe(GRAY) == method
    for spec in (RGB, YBR):
        assert codec.describe(spec) == {"PhotometricInterpretation": "YBR_FULL_422", "PlanarConfiguration": 0} | method
    assert codec.describe(RGB, codec.Options(subsampling="4:4:4"))["PhotometricInterpretation"] == "RGB"
    assert codec.decoded_photometric(SUBSAMPLED) == "YBR_FULL"
    assert codec.decoded_photometric(RGB) == "RGB"
    with pytest.raises(PixelError, match="'4:4:4' is for RGB"):
        codec.describe(YBR, codec.Options(subsampling="4:4:4"))


def test_colours_that_are_converted_already_are_not_converted_again() -> None:
    codec, ybr = get_codec("jpeg"), smooth(YBR)
    back = codec.decode_frame(codec.encode_frame(ybr, YBR, codec.Options(quality=100)), SUBSAMPLED)
    assert np.abs(back.astype(int) - ybr)[..., 0].max() <= 3  # luminance has all of its samples
    assert psnr(back, ybr, 8) > 35


def test_decoding_converts_nothing_whatever_the_markers_say() -> None:
    codec, frame = get_codec("jpeg"), smooth(RGB)
    data = codec.encode_frame(frame, RGB, codec.Options(quality=95))
    ybr = codec.decode_frame(data, SUBSAMPLED)
    assert np.array_equal(ybr, codec.decode_frame(data, RGB))
    adobe = bytes.fromhex("ffee000e41646f626500640000000000")  # transform 0: as if it were RGB
    jfif = bytes.fromhex("ffe000104a46494600010100000100010000")  # as if it were Y'CbCr
    for marker in (adobe, jfif, b"\xff\xfe\x00\x05abc"):
        assert np.array_equal(codec.decode_frame(data[:2] + marker + data[2:], RGB), ybr)
    plain = codec.encode_frame(frame, RGB, codec.Options(quality=95, subsampling="4:4:4"))
    assert psnr(codec.decode_frame(plain, RGB), frame, 8) > 40
    assert psnr(pillow(plain), frame, 8) > 40


@pytest.mark.parametrize(("spec", "uid", "message"), [
    (ImageSpec(2, 2, allocated=8, stored=7), BASELINE, "8 bits allocated and 7 stored"),
    (ImageSpec(2, 2, allocated=8, stored=8, signed=True), BASELINE, "holds no signed"),
    (TWELVE, BASELINE, "JPEG Baseline .* holds no .*JPEG Extended"),
    (ImageSpec(2, 2, stored=11), EXTENDED, "16 bits allocated and 11 stored"),
    (RGB, EXTENDED, "holds no unsigned RGB"),
    (ImageSpec(2, 2, allocated=8, stored=8, photometric="PALETTE COLOR"), BASELINE, "holds no unsigned PALETTE COLOR"),
])
def test_other_pixels_are_refused_and_the_syntaxes_that_hold_them_named(spec: ImageSpec, uid: str, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        check_profile(get_codec(uid), spec)


def test_the_encoder_itself_refuses_what_it_cannot_do() -> None:
    codec = get_codec("jpeg")
    with pytest.raises(PixelError, match="sides of up to 65500 pixels"):
        codec.encode_frame(np.zeros((1, 65501), "u1"), ImageSpec(1, 65501, allocated=8, stored=8))
    with pytest.raises(PixelError, match="unsigned samples of 8 bits"):
        codec.encode_frame(np.zeros((2, 2), "u2"), ImageSpec(2, 2, stored=12))
    with pytest.raises(PixelError, match="unsigned samples of 8 bits"):
        codec.encode_frame(np.zeros((2, 2), "i1"), ImageSpec(2, 2, allocated=8, stored=8, signed=True))
    with pytest.raises(PixelError, match="float"):
        codec.encode_frame(np.zeros((2, 2), "f4"), ImageSpec(2, 2, allocated=32, stored=32, signed=True, kind="float"))
    for wrong in ({"quality": 0}, {"quality": 101}, {"subsampling": "4:2:0"}):
        with pytest.raises(ValueError, match=r"quality of JPEG is 1 to 100|'4:2:2' or '4:4:4', not '4:2:0'"):
            options_of(codec, wrong)


def test_the_longest_side_is_encoded() -> None:
    codec, spec = get_codec("jpeg"), ImageSpec(2, 65500, allocated=8, stored=8)
    frame = np.tile(np.arange(65500) // 300 % 256, (2, 1)).astype("u1")
    assert psnr(codec.decode_frame(codec.encode_frame(frame, spec), spec), frame, 8) > 40


def test_one_name_stands_for_both_syntaxes() -> None:
    assert named_syntax("jpeg").uid == named_syntax("JPEG", 8).uid == BASELINE
    assert named_syntax("jpeg", 16).uid == EXTENDED
    assert named_syntax(BASELINE, 16).uid == BASELINE
    assert named_syntax("rle", 16).uid == "1.2.840.10008.1.2.5"
    for compression, frame in (("jpeg", smooth(GRAY)), ("jpeg", smooth(TWELVE))):
        dcmenc.imwrite(file := io.BytesIO(), frame, compression=compression, bits_stored=12 if frame.itemsize > 1 else 8)
        expected = EXTENDED if frame.itemsize > 1 else BASELINE
        assert dcmenc.dcmread(file.getvalue()).file_meta.TransferSyntaxUID == expected
        with dcmenc.Writer(file := io.BytesIO(), compression=compression, bits_stored=12 if frame.itemsize > 1 else 8) as writer:
            writer.write(frame)
        assert dcmenc.dcmread(file.getvalue()).file_meta.TransferSyntaxUID == expected


@pytest.mark.parametrize("damage", [
    lambda data: b"",
    lambda data: b"\xff\xd8",
    lambda data: data[2:],
    lambda data: data[: len(data) // 2],
    lambda data: data[:2] + b"\xff\xc0\x00\x02" + data[2:],
    lambda data: data.replace(b"\xff\xc0", b"\xff\xc2"),  # progressive
    lambda data: data.replace(b"\xff\xc0", b"\xff\xc9"),  # arithmetic coding
    lambda data: data.replace(b"\x00\x3d\x00\x53", b"\xff\xff\xff\xff"),
    lambda data: data.replace(b"\x00\x3d\x00\x53", b"\x00\x00\x00\x53"),
    lambda data: data[:2] + b"\xff" * 10000 + data[2:],
])
def test_damaged_streams_are_refused(damage: Callable[[bytes], bytes]) -> None:
    codec = get_codec("jpeg")
    with pytest.raises(CodecError):
        codec.decode_frame(damage(codec.encode_frame(smooth(GRAY), GRAY)), GRAY)


def test_a_size_that_the_bytes_do_not_bear_out_is_refused_at_once() -> None:
    codec, spec = get_codec("jpeg"), ImageSpec(64, 64, allocated=8, stored=8)
    data = codec.encode_frame(np.zeros((64, 64), "u1"), spec)
    with pytest.raises(CodecError, match="cannot take so few"):
        codec.decode_frame(data.replace(b"\0@\0@", b"\xff\0\xff\0"), ImageSpec(0xFF00, 0xFF00, allocated=8, stored=8))


def test_a_stream_of_12_bits_that_breaks_off_is_refused() -> None:
    codec = get_codec(EXTENDED)
    data = codec.encode_frame(smooth(TWELVE), TWELVE)
    for size in (len(data) - 2, len(data) - 1, len(data) // 2):
        with pytest.raises(CodecError, match="breaks off"):
            codec.decode_frame(data[:size], TWELVE)


@pytest.mark.parametrize("name", ["jpeg", EXTENDED])
def test_thousands_of_damaged_streams_end_well(name: str) -> None:
    program = Path(__file__).with_name("damaged_streams.py")
    ran = subprocess.run([sys.executable, program, name, "--count", "3000"], capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")


# Files of pydicom's wheel, in which markers, identifiers and attributes contradict each other in every way.
FILES = ("SC_jpeg_no_color_transform.dcm", "SC_jpeg_no_color_transform_2.dcm", "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_dcmtk_+eb+cy+n1.dcm",
         "SC_rgb_dcmtk_+eb+cy+n2.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_dcmtk_+eb+cy+s2.dcm", "SC_rgb_dcmtk_+eb+cy+s4.dcm",
         "SC_rgb_jpeg.dcm", "SC_rgb_jpeg_app14_dcmd.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm",
         "SC_rgb_small_odd_jpeg.dcm", "examples_ybr_color.dcm", "JPGExtended.dcm")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore:the file meta names:dcmenc.DcmencWarning")
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_real_files_decode_as_pylibjpeg_and_pillow_decode_them(name: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("libjpeg")
    from pydicom.data import get_testdata_file
    from pydicom.pixels import pixel_array

    path = get_testdata_file(name, download=False)
    frames = Frames(dcmenc.dcmread(path))
    for plugin, tolerance in (("pylibjpeg", 1), ("pillow", 0)):  # libjpeg's transform rounds otherwise than libjpeg-turbo's
        if name == "JPGExtended.dcm" and plugin == "pillow":
            continue
        other = pixel_array(pydicom.dcmread(path), index=0, raw=True, decoding_plugin=plugin)
        assert np.abs(frames[0].astype(int) - other).max() <= tolerance


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_a_file_with_a_wrong_scan_header_decodes_as_the_mended_one() -> None:
    pytest.importorskip("pydicom")
    from pydicom.data import get_testdata_file

    broken, mended = (dcmenc.imread(get_testdata_file(name, download=False)) for name in ("JPEG-lossy.dcm", "JPGExtended.dcm"))
    assert np.array_equal(broken, mended)


@pytest.mark.parametrize(("array", "options", "label"), [
    (smooth(GRAY), {"quality": 95}, "MONOCHROME2"),
    (smooth(RGB), {"quality": 95}, "YBR_FULL_422"),
    (smooth(RGB), {"quality": 95, "subsampling": "4:4:4"}, "RGB"),
    (np.stack([smooth(RGB), smooth(RGB, 2)]), {"quality": 95}, "YBR_FULL_422"),
])
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_files_say_what_they_hold_and_others_read_them(array: Frame, options: dict[str, Any], label: str, tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    path = tmp_path / "jpeg.dcm"
    dcmenc.imwrite(path, array, compression="jpeg", options=options)
    ds = pydicom.dcmread(path)
    assert ds.PhotometricInterpretation == label and ds.LossyImageCompressionMethod == "ISO_10918_1"
    assert psnr(ds.pixel_array, array, 8) > 35  # pydicom makes RGB of it
    if array.ndim > 2:
        assert psnr(dcmenc.imread(path, color="rgb"), array, 8) > 35


def test_decompressing_labels_whole_samples(tmp_path: Path) -> None:
    compressed, native = tmp_path / "422.dcm", tmp_path / "native.dcm"
    dcmenc.imwrite(compressed, smooth(RGB), compression="jpeg")
    dcmenc.transcode(compressed, native, "explicit")
    assert dcmenc.dcmread(native).PhotometricInterpretation == "YBR_FULL"
    assert np.array_equal(dcmenc.imread(native), dcmenc.imread(compressed, color="stored"))


@pytest.mark.peer
@pytest.mark.parametrize("spec", [GRAY, RGB, YBR, TWELVE])
def test_dcmtk_decodes_what_we_encode(spec: ImageSpec, peer: Callable[[str], str], tmp_path: Path) -> None:
    frame, path, out = smooth(spec), tmp_path / "in.dcm", tmp_path / "out.dcm"
    dcmenc.imwrite(path, frame, compression=named_syntax("jpeg", spec.allocated).uid, photometric=spec.photometric, bits_stored=spec.stored)
    subprocess.run([peer("dcmdjpeg"), "+cn", path, out], check=True, capture_output=True)
    theirs, ours = Frames(dcmenc.dcmread(out))[0], Frames(dcmenc.dcmread(path))[0]
    assert psnr(theirs, ours, spec.stored) > 35


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(dcmenc.CodecUnavailable, match=r"JPEG of 12 bits needs imagecodecs.*pip install dcmenc\[codecs\]"):
        get_codec(EXTENDED).encode_frame(smooth(TWELVE), TWELVE)
