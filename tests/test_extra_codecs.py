"""JPEG-LS, HTJ2K and JPEG XL: headers that agree with the attributes, other decoders, bounds of error, damage (PS3.5 8.2)."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_codecs import described, random_frame
from test_jpeg import psnr, smooth

import dcmenc
from dcmenc import CodecError, CodecUnavailable, ImageSpec, PixelError
from dcmenc.codecs import check_profile, get_codec, options_of
from dcmenc.codecs.streams import segments
from dcmenc.frames import Frames

imagecodecs = pytest.importorskip("imagecodecs")

LOSSLESS = ("jpeg-ls", "htj2k-lossless", "htj2k-lossless-rpcl", "jpeg-xl-lossless")
LOSSY = ("jpeg-ls-near", "htj2k", "jpeg-xl")
EIGHT = ImageSpec(61, 83, allocated=8, stored=8)
TWELVE = ImageSpec(61, 83, stored=12)
SIGNED = ImageSpec(61, 83, stored=12, signed=True)
SIXTEEN = ImageSpec(61, 83)
RGB = ImageSpec(61, 83, samples=3, allocated=8, stored=8, photometric="RGB")
YBR = replace(RGB, photometric="YBR_FULL")

Frame = np.ndarray[Any, Any]


def holds(name: str, spec: ImageSpec) -> bool:
    try:
        check_profile(get_codec(name), spec)
    except PixelError:
        return False
    return True


def segment(data: bytes, marker: int, last: int) -> bytes:
    start, end = next((each.start, each.end) for each in segments(data, (last,)) if each.marker == marker)
    return data[start:end]


def independent(name: str, data: bytes, spec: ImageSpec) -> Frame:
    """What another decoder makes of a stream: CharLS of another version, OpenJPH."""
    if name.startswith("jpeg-ls"):
        import jpeg_ls

        octets, _ = jpeg_ls.decode_pixel_data(data, bits_stored=16)
        return np.frombuffer(octets, "u1" if len(octets) == spec.rows * spec.columns * spec.samples else "<u2").reshape(spec.frame_shape)
    return np.asarray(imagecodecs.htj2k_decode(data, planar=False))


def masked(cells: Frame, spec: ImageSpec) -> Frame:
    return cells.astype(np.int64) & ((1 << spec.stored) - 1)


@given(spec=described(), seed=st.integers(0, 2**32), even=st.booleans(), name=st.sampled_from(LOSSLESS[:3]))
def test_other_decoders_give_the_same_samples(spec: ImageSpec, seed: int, even: bool, name: str) -> None:
    if name == "jpeg-ls":
        pytest.importorskip("jpeg_ls")
    if not holds(name, spec):
        return
    frame = random_frame(spec, seed, even)
    data = get_codec(name).encode_frame(frame, spec)
    assert np.array_equal(masked(independent(name, data, spec), spec), masked(frame, spec))


# JPEG-LS: precision, and the header of the frame and the scan.

@pytest.mark.parametrize(("spec", "precision"), [
    (EIGHT, 8), (ImageSpec(61, 83, allocated=8, stored=5), 8), (TWELVE, 12), (SIXTEEN, 16), (RGB, 8),
    (ImageSpec(61, 83, stored=6), 9),  # fewer than 9 of 16 bits make readers take one byte a sample
    (SIGNED, 16),  # a stream has no sign: the samples are filled up with theirs
    (ImageSpec(61, 83, allocated=8, stored=6, signed=True), 8),
    (ImageSpec(3, 4, stored=12), 16),  # too small for pyjpegls
])
@pytest.mark.parametrize("name", ["jpeg-ls", "jpeg-ls-near"])
def test_the_frame_header_of_jpeg_ls_agrees_with_the_attributes(spec: ImageSpec, precision: int, name: str) -> None:
    codec, near = get_codec(name), 0 if name == "jpeg-ls" else 1
    data = codec.encode_frame(smooth(spec) if spec.rows > 3 else np.full((3, 4), 9, "u2"), spec, codec.Options(near=near))
    found = segment(data, 0xF7, 0xDA)
    assert (found[4], int.from_bytes(found[5:7], "big"), int.from_bytes(found[7:9], "big"), found[9]) == (
        precision, spec.rows, spec.columns, spec.samples)
    scan = segment(data, 0xDA, 0xDA)
    assert (scan[4], scan[-3], scan[-2]) == (spec.samples, near, 2 if spec.samples == 3 else 0)  # components, NEAR, ILV
    # neither SPIFF nor a colour transform, which both are in APP8; presets only for more than 12 bits
    assert {each.marker for each in segments(data, (0xDA,))} <= {0xF7, 0xDA} | ({0xF8} if precision > 12 else set())
    assert data.endswith(b"\xff\xd9")


@pytest.mark.parametrize("spec", [TWELVE, SIGNED, ImageSpec(61, 83, allocated=8, stored=5)])
def test_another_precision_of_jpeg_ls_can_be_forced_and_comes_back(spec: ImageSpec) -> None:
    codec, frame = get_codec("jpeg-ls"), random_frame(spec, 6)
    for precision in range(spec.stored, spec.allocated + 1):
        data = codec.encode_frame(frame, spec, codec.Options(precision=precision))
        assert segment(data, 0xF7, 0xDA)[4] == precision
        assert np.array_equal(codec.decode_frame(data, spec), frame)
    with pytest.raises(PixelError, match="does not go with"):
        codec.encode_frame(frame, spec, codec.Options(precision=spec.stored - 1))


@given(spec=described(), seed=st.integers(0, 2**32), near=st.integers(0, 40), even=st.booleans())
def test_near_lossless_samples_are_as_near_as_promised(spec: ImageSpec, seed: int, near: int, even: bool) -> None:
    if not holds("jpeg-ls-near", spec):
        return
    codec, frame = get_codec("jpeg-ls-near"), random_frame(spec, seed, even)
    try:
        data = codec.encode_frame(frame, spec, codec.Options(near=near))
    except PixelError as error:
        assert "beyond" in str(error) or "near is at most" in str(error)
        return
    assert len(data) <= codec.bound(spec)
    back = codec.decode_frame(data, spec)
    low = -(1 << spec.high_bit) if spec.signed else 0
    assert np.abs(back.astype(int) - frame).max() <= near
    assert low <= back.min() and back.max() < low + (1 << spec.stored)


def test_near_lossless_signed_samples_that_would_turn_round_are_refused() -> None:
    codec, spec = get_codec("jpeg-ls-near"), ImageSpec(40, 50, signed=True)
    frame = random_frame(spec, 1)
    frame[0, 0] = 32767
    with pytest.raises(PixelError, match=r"beyond the 16 signed bits stored: .*use compression='jpeg-ls'"):
        codec.encode_frame(frame, spec, codec.Options(near=9))


def test_larger_near_makes_smaller_frames() -> None:
    codec, frame = get_codec("jpeg-ls-near"), smooth(TWELVE)
    sizes = [len(codec.encode_frame(frame, TWELVE, codec.Options(near=near))) for near in (0, 1, 4, 16, 64)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 2 * sizes[-1]


# HTJ2K: SIZ, COD and what RPCL asks for.

@pytest.mark.parametrize(("spec", "precision"), [
    (EIGHT, 8), (ImageSpec(61, 83, allocated=8, stored=3), 3), (TWELVE, 12), (SIXTEEN, 16), (ImageSpec(61, 83, stored=6), 9),
    (SIGNED, 12), (replace(SIXTEEN, signed=True), 16), (RGB, 8), (YBR, 8), (replace(RGB, allocated=16, stored=12), 12),
])
def test_siz_of_htj2k_agrees_with_the_attributes(spec: ImageSpec, precision: int) -> None:
    codec = get_codec("htj2k-lossless")
    data = codec.encode_frame(random_frame(spec, 1), spec)
    siz, cod = segment(data, 0x51, 0x90), segment(data, 0x52, 0x90)
    assert (int.from_bytes(siz[6:10], "big"), int.from_bytes(siz[10:14], "big")) == (spec.columns, spec.rows)
    assert siz[40:] == bytes((precision - 1 | (0x80 if spec.signed else 0), 1, 1)) * spec.samples
    assert cod[8] == (spec.photometric == "RGB") and cod[13] == 1  # the colour transform, and the reversible wavelet
    assert cod[12] == 0x40  # the block coder of high throughput
    qcd = segment(data, 0x5C, 0x90)
    assert {exponent >> 3 for exponent in qcd[5:]} <= set(range(precision, precision + 4)) or precision in (3, 9)


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (300, 20), (17, 4200)])
def test_rpcl_has_its_order_its_markers_and_a_small_base(size: tuple[int, int]) -> None:
    codec, spec = get_codec("htj2k-lossless-rpcl"), ImageSpec(*size, stored=12)
    frame = random_frame(spec, 3)
    data = codec.encode_frame(frame, spec)
    cod, tlm = segment(data, 0x52, 0x90), segment(data, 0x55, 0x90)
    assert cod[5] == 2 and cod[13] == 1
    levels = cod[9]
    assert -(-max(size) >> levels) <= 64
    assert (len(tlm) - 6) // 6 == levels + 1  # a tile-part for each resolution
    assert np.array_equal(codec.decode_frame(data, spec), frame)


@given(spec=described(), seed=st.integers(0, 2**32), step=st.sampled_from([1 / 16, 1 / 128, 1 / 1024, 1 / 16384]), even=st.booleans())
def test_lossy_htj2k_stays_in_range_and_is_seen_alike_by_two_decoders(spec: ImageSpec, seed: int, step: float, even: bool) -> None:
    if not holds("htj2k", spec):
        return
    codec, frame = get_codec("htj2k"), random_frame(spec, seed, even)
    data = codec.encode_frame(frame, spec, codec.Options(quantization=step))
    assert len(data) <= codec.bound(spec)
    back = codec.decode_frame(data, spec)
    low = -(1 << spec.high_bit) if spec.signed else 0
    assert low <= back.min() and back.max() < low + (1 << spec.stored)
    assert np.abs(back.astype(int) - frame).max() <= max(8, 24 * step * (1 << spec.stored))
    other = independent("htj2k", data, spec).astype(int)
    inside = (back > low) & (back < low + (1 << spec.stored) - 1)  # OpenJPH goes one beyond the largest
    assert np.abs(other - back)[inside].max(initial=0) <= max(2, (1 << spec.stored) // 8192)


def test_a_finer_quantization_of_htj2k_is_nearer() -> None:
    codec, sizes, likeness = get_codec("htj2k"), [], []
    for step in (1 / 32, 1 / 128, 1 / 512, 1 / 2048, 0):
        data = codec.encode_frame(smooth(TWELVE), TWELVE, codec.Options(quantization=step))
        sizes.append(len(data))
        likeness.append(psnr(codec.decode_frame(data, TWELVE), smooth(TWELVE), 12))
    assert sizes == sorted(sizes) and likeness == sorted(likeness)
    assert likeness[1] > 45 and likeness[-1] > 150  # 0 is lossless


def test_what_htj2k_writes_is_read_by_openjpeg_in_pillow() -> None:
    from PIL import Image

    data = get_codec("htj2k-lossless").encode_frame(random_frame(RGB, 4), RGB)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), random_frame(RGB, 4))


@pytest.mark.parametrize("damage", [
    lambda data: data[:-3],
    lambda data: data[: len(data) // 2],
    lambda data: data[:60],
    lambda data: data[:24] + bytes.fromhex("00000001 00000001") + data[32:],  # tiles of one pixel
    lambda data: data[:24] + bytes(8) + data[32:],
    lambda data: data[:8] + bytes.fromhex("7fffffff 7fffffff") + data[16:],
    lambda data: data[:43] + b"\x02" + data[44:],  # subsampled
    lambda data: b"\0\0\0\x0cjP  \r\n\x87\n" + data,
])
def test_damaged_code_streams_are_refused(damage: Callable[[bytes], bytes]) -> None:
    codec = get_codec("htj2k-lossless")
    with pytest.raises(CodecError):
        codec.decode_frame(damage(codec.encode_frame(smooth(TWELVE), TWELVE)), TWELVE)


# JPEG XL

@given(rows=st.integers(1, 3000), columns=st.integers(1, 3000))
def test_the_size_of_jpeg_xl_is_read_as_libjxl_writes_it(rows: int, columns: int) -> None:
    from dcmenc.codecs.jpeg_xl import _first_bytes, _size

    stored = 16 if (rows + columns) % 2 else 8  # the first comes in boxes
    spec = ImageSpec(rows, columns, allocated=stored, stored=stored)
    data = get_codec("jpeg-xl-lossless").encode_frame(np.zeros((rows, columns), spec.dtype), spec)
    assert _size(_first_bytes(data)) == (rows, columns)


@pytest.mark.parametrize("spec", [EIGHT, TWELVE, RGB])
def test_a_greater_distance_of_jpeg_xl_is_smaller(spec: ImageSpec) -> None:
    codec, sizes = get_codec("jpeg-xl"), []
    for distance in (0, 0.3, 1, 3):
        data = codec.encode_frame(smooth(spec), spec, codec.Options(distance=distance))
        back = codec.decode_frame(data, spec)
        assert psnr(back, smooth(spec), spec.stored) > (130 if not distance else 27)
        sizes.append(len(data))
    assert sizes == sorted(sizes, reverse=True)


def test_frames_of_another_depth_or_colour_are_refused() -> None:
    codec = get_codec("jpeg-xl-lossless")
    data = codec.encode_frame(random_frame(TWELVE, 1), TWELVE)
    for other in (EIGHT, replace(RGB, allocated=16, stored=12)):
        with pytest.raises(CodecError):
            codec.decode_frame(data, other)


# All of them

@pytest.mark.parametrize(("name", "spec", "attributes"), [
    ("jpeg-ls", RGB, {"PlanarConfiguration": 0}),
    ("jpeg-ls-near", TWELVE, {"LossyImageCompressionMethod": "ISO_14495_1"}),
    ("htj2k-lossless", RGB, {"PlanarConfiguration": 0, "PhotometricInterpretation": "YBR_RCT"}),
    ("htj2k-lossless", YBR, {"PlanarConfiguration": 0}),
    ("htj2k", RGB, {"PlanarConfiguration": 0, "PhotometricInterpretation": "YBR_ICT", "LossyImageCompressionMethod": "ISO_15444_15"}),
    ("htj2k", TWELVE, {"LossyImageCompressionMethod": "ISO_15444_15"}),
    ("jpeg-xl-lossless", RGB, {"PlanarConfiguration": 0}),
    ("jpeg-xl", RGB, {"PlanarConfiguration": 0, "PhotometricInterpretation": "XYB", "LossyImageCompressionMethod": "ISO_18181_1"}),
])
def test_what_the_dataset_takes_on(name: str, spec: ImageSpec, attributes: dict[str, Any]) -> None:
    codec = get_codec(name)
    assert codec.describe(spec) == attributes
    label = attributes.get("PhotometricInterpretation", spec.photometric)
    assert codec.decoded_photometric(replace(spec, photometric=label)) == spec.photometric


@pytest.mark.parametrize(("name", "options"), [("jpeg-ls-near", {"near": 0}), ("htj2k", {"quantization": 0}), ("jpeg-xl", {"distance": 0})])
def test_lossy_syntaxes_can_be_lossless_and_say_so(name: str, options: dict[str, Any]) -> None:
    codec = get_codec(name)
    chosen = options_of(codec, options)
    assert "LossyImageCompressionMethod" not in codec.describe(TWELVE, chosen)
    frame = random_frame(TWELVE, 1)
    assert np.array_equal(codec.decode_frame(codec.encode_frame(frame, TWELVE, chosen), TWELVE), frame)


@pytest.mark.parametrize(("name", "options", "message"), [
    ("jpeg-ls", {"near": 1}, "give compression='jpeg-ls-near'"),
    ("htj2k-lossless", {"quantization": 0.1}, "give compression='htj2k'"),
    ("jpeg-xl-lossless", {"distance": 1}, "give compression='jpeg-xl'"),
    ("jpeg-ls-near", {"near": 256}, "near of JPEG-LS is 0 to 255"),
    ("jpeg-ls", {"precision": 17}, "2 to 16 bits"),
    ("htj2k", {"quantization": 1}, "0 to 0.5"),
    ("jpeg-xl", {"distance": 26}, "0 to 25"),
    ("jpeg-xl", {"effort": 0}, "1 to 9"),
])
def test_options_are_checked(name: str, options: dict[str, Any], message: str) -> None:
    codec = get_codec(name)
    with pytest.raises(ValueError, match=message):
        codec.describe(TWELVE, options_of(codec, options))


@pytest.mark.parametrize(("name", "spec", "held"), [
    ("jpeg-ls", ImageSpec(2, 2, stored=1), False), ("jpeg-ls", ImageSpec(2, 2, photometric="PALETTE COLOR"), True),
    ("jpeg-ls-near", ImageSpec(2, 2, photometric="PALETTE COLOR"), False), ("jpeg-ls", replace(YBR, allocated=16, stored=12), False),
    ("htj2k-lossless", ImageSpec(2, 2, stored=1), True), ("htj2k", ImageSpec(2, 2, stored=9), False),
    ("htj2k", ImageSpec(2, 2, photometric="PALETTE COLOR"), False), ("jpeg-xl-lossless", SIGNED, False),
    ("htj2k-lossless", ImageSpec(2, 2, allocated=32, stored=32), False),
])
def test_the_profiles(name: str, spec: ImageSpec, held: bool) -> None:
    assert holds(name, spec) is held


@pytest.mark.parametrize("name", LOSSY)
def test_threads_give_what_one_thread_gives(name: str) -> None:
    codec = get_codec(name)
    frames = [smooth(TWELVE, seed) for seed in range(24)]
    alone = [codec.encode_frame(frame, TWELVE) for frame in frames]
    decoded = [codec.decode_frame(data, TWELVE) for data in alone]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda frame: codec.encode_frame(frame, TWELVE), frames)) == alone
        assert all(map(np.array_equal, pool.map(lambda data: codec.decode_frame(data, TWELVE), alone), decoded))


@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY, "deflated-frame"])
def test_thousands_of_damaged_streams_end_well(name: str) -> None:
    program = Path(__file__).with_name("damaged_streams.py")
    ran = subprocess.run([sys.executable, program, name, "--count", "3000"], capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(("name", "module", "spec"), [
    ("jpeg-ls", "imagecodecs", EIGHT), ("jpeg-ls", "jpeg_ls", TWELVE), ("htj2k-lossless", "imagecodecs", EIGHT),
    ("jpeg-xl", "imagecodecs", EIGHT),
])
def test_a_missing_library_says_what_to_install(name: str, module: str, spec: ImageSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(CodecUnavailable, match=rf"needs {module}.*pip install dcmenc\[codecs\]"):
        get_codec(name).encode_frame(smooth(spec), spec)


@pytest.mark.parametrize("name", ["JPEGLSNearLossless_08.dcm", "JPEGLSNearLossless_16.dcm", "MR_small_jpeg_ls_lossless.dcm",
                                  "SC_rgb_jls_lossy_line.dcm", "SC_rgb_jls_lossy_sample.dcm"])
@pytest.mark.parametrize("plugin", ["pylibjpeg", "pyjpegls"])
def test_real_files_decode_as_others_decode_them(name: str, plugin: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.data import get_testdata_file
    from pydicom.pixels import pixel_array

    path = get_testdata_file(name, download=False)
    try:
        other = pixel_array(pydicom.dcmread(path), raw=True, decoding_plugin=plugin)
    except RuntimeError as error:
        pytest.skip(str(error))
    assert np.array_equal(Frames(dcmenc.dcmread(path))[0], other)


@pytest.mark.parametrize("spec", [EIGHT, TWELVE, SIGNED, SIXTEEN, RGB])
@pytest.mark.parametrize(("name", "plugin"), [("jpeg-ls", "pylibjpeg"), ("jpeg-ls", "pyjpegls"), ("jpeg-ls-near", "pylibjpeg")])
def test_pydicom_reads_our_files(name: str, plugin: str, spec: ImageSpec, tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.pixels import pixel_array

    frame, path = smooth(spec), tmp_path / "file.dcm"
    dcmenc.imwrite(path, frame, compression=name, bits_stored=spec.stored)
    try:
        other = pixel_array(pydicom.dcmread(path), raw=True, decoding_plugin=plugin)
    except RuntimeError as error:
        if "missing required dependencies" in str(error):
            pytest.skip(str(error))
        raise
    assert np.abs(other.astype(int) - frame).max() <= (0 if name == "jpeg-ls" else 2)


@pytest.mark.peer
@pytest.mark.parametrize("spec", [EIGHT, ImageSpec(61, 83, stored=7), TWELVE, SIGNED, SIXTEEN, RGB, YBR,
                                  ImageSpec(61, 83, allocated=8, stored=5), ImageSpec(61, 83, allocated=8, stored=5, signed=True)])
def test_dcmtk_reads_our_jpeg_ls(spec: ImageSpec, peer: Callable[[str], str], tmp_path: Path) -> None:
    frame, path, out = smooth(spec), tmp_path / "in.dcm", tmp_path / "out.dcm"
    dcmenc.imwrite(path, frame, compression="jpeg-ls", photometric=spec.photometric, bits_stored=spec.stored)
    subprocess.run([peer("dcmdjpls"), path, out], check=True, capture_output=True)
    assert np.array_equal(dcmenc.imread(out), frame)


@pytest.mark.peer
@pytest.mark.parametrize("spec", [EIGHT, TWELVE, SIGNED, SIXTEEN, RGB])
def test_gdcm_reads_our_jpeg_ls(spec: ImageSpec, peer: Callable[[str], str], tmp_path: Path) -> None:
    frame, path, out = smooth(spec), tmp_path / "in.dcm", tmp_path / "out.dcm"
    dcmenc.imwrite(path, frame, compression="jpeg-ls", bits_stored=spec.stored)
    subprocess.run([peer("gdcmconv"), "--raw", path, out], check=True, capture_output=True)
    assert np.array_equal(dcmenc.imread(out), frame)


@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY])
def test_colour_in_a_file_is_rgb_again(name: str, tmp_path: Path) -> None:
    path, native, array = tmp_path / "a.dcm", tmp_path / "b.dcm", smooth(RGB)
    dcmenc.imwrite(path, array, compression=name)
    for read in (dcmenc.imread(path), dcmenc.imread(path, color="rgb")):
        assert psnr(read, array, 8) > 30 and (name in LOSSY or np.array_equal(read, array))
    dcmenc.transcode(path, native, "explicit")
    assert dcmenc.dcmread(native).PhotometricInterpretation == "RGB"
    assert np.array_equal(dcmenc.imread(native), dcmenc.imread(path))
