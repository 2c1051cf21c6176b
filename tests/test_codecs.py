"""What every codec keeps, whichever it is: frames come back, bounds hold, what it cannot hold is refused (PS3.5 8.2)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmenc
from dcmenc import CodecError, CodecUnavailable, ImageSpec, PixelError
from dcmenc.codecs import Codec, check_profile, get_codec, options_of
from dcmenc.uid import TRANSFER_SYNTAXES

# One line a codec: the battery below does the rest.
CODECS = ("rle", "jpeg-lossless", "jpeg-lossless-p14", "encapsulated-uncompressed", "jpeg2000-lossless", "deflated-frame", "jpeg-ls",
          "htj2k-lossless", "htj2k-lossless-rpcl", "jpeg-xl-lossless")

Frame = np.ndarray[Any, Any]


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> Codec:
    return get_codec(request.param)


def random_frame(spec: ImageSpec, seed: int, smooth: bool = False) -> Frame:
    generator = np.random.default_rng(seed)
    if spec.kind == "bit":
        return generator.integers(0, 2, spec.frame_shape).astype(bool)
    low = -(1 << spec.high_bit) if spec.signed else 0
    values = generator.integers(0, 1 << spec.stored, spec.frame_shape, dtype=np.int64)
    if smooth:
        values = np.cumsum(values % 3, axis=1) % (1 << spec.stored)
    return (values + low).astype(spec.dtype)


@st.composite
def described(draw: st.DrawFn) -> ImageSpec:
    """Pixels of any kind that DICOM has."""
    photometric = draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL"]))
    gray, samples = photometric[0] == "M", 3 if photometric in ("RGB", "YBR_FULL") else 1
    allocated = draw(st.sampled_from([1, 8, 16, 32] if gray else [8, 16]))
    planar = draw(st.integers(0, 1)) if samples == 3 else 0
    return ImageSpec(draw(st.integers(1, 20)), draw(st.integers(1, 40)), draw(st.integers(1, 3)), samples, allocated,
                     draw(st.integers(1, allocated)), gray and allocated > 1 and draw(st.booleans()), photometric, planar,
                     "bit" if allocated == 1 else "integer")


@given(spec=described(), seed=st.integers(0, 2**32), smooth=st.booleans(), name=st.sampled_from(CODECS))
def test_a_frame_that_the_profile_holds_comes_back_and_keeps_the_bound(spec: ImageSpec, seed: int, smooth: bool, name: str) -> None:
    codec, frame = get_codec(name), random_frame(spec, seed, smooth)
    try:
        check_profile(codec, spec)
    except PixelError:
        return
    data = codec.encode_frame(frame, spec)
    assert type(data) is bytes and 0 < len(data) <= codec.bound(spec)
    back = codec.decode_frame(data, spec)
    assert (back.dtype, back.shape) == (spec.dtype, spec.frame_shape)
    assert np.array_equal(back, frame)
    # a fragment of odd length gets a zero behind it (PS3.5 A.4)
    assert np.array_equal(codec.decode_frame(memoryview(data + b"\0" * (len(data) % 2)), spec), frame)


def test_every_codec_says_what_it_serves(codec: Codec) -> None:
    assert TRANSFER_SYNTAXES[codec.uid].encapsulated
    assert codec.profile and all(row.photometrics and row.allocated and row.stored for row in codec.profile)
    assert isinstance(codec.describe(ImageSpec(2, 2)), Mapping)
    assert options_of(codec, None) == codec.Options() == options_of(codec, {}) == options_of(codec, codec.Options())


def test_any_layout_in_memory_gives_the_same_bytes(codec: Codec) -> None:
    spec = ImageSpec(9, 14, stored=12)
    frame = random_frame(spec, 1)
    data = codec.encode_frame(frame, spec)
    turned = np.asfortranarray(frame)
    wide = np.zeros((18, 28), "u2")
    wide[::2, ::2] = frame
    for same in (turned, wide[::2, ::2], frame.astype(">u2"), frame[::-1][::-1]):
        assert codec.encode_frame(same, spec) == data


def test_threads_give_what_one_thread_gives(codec: Codec) -> None:
    spec = ImageSpec(64, 80, stored=12)
    frames = [random_frame(spec, seed, smooth=True) for seed in range(40)]
    alone = [codec.encode_frame(frame, spec) for frame in frames]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda frame: codec.encode_frame(frame, spec), frames)) == alone
        assert all(map(np.array_equal, pool.map(lambda data: codec.decode_frame(data, spec), alone), frames))


@pytest.mark.parametrize(("frame", "message"), [
    (np.zeros((4, 6), "u2"), r"shape \(4, 6\) is not what is described: \(4, 5\)"),
    (np.zeros((1, 4, 5), "u2"), r"shape \(1, 4, 5\)"),
    (np.zeros((4, 5), "i2"), "int16 is not what is described: integer, 16 bits, unsigned"),
    (np.zeros((4, 5), "f4"), "float32"),
    (np.full((4, 5), 4096, "u2"), r"the sample at \(0, 0\) is 4096, and 12 unsigned bits hold 0 to 4095"),
    (np.zeros((0, 5), "u2"), "has no pixels"),
    (np.ma.masked_array(np.zeros((4, 5), "u2")), "masked"),
])
def test_a_frame_that_is_not_as_described_is_refused(codec: Codec, frame: Frame, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        codec.encode_frame(frame, ImageSpec(4, 5, stored=12))


def test_floats_are_refused(codec: Codec) -> None:
    spec = ImageSpec(4, 5, allocated=32, stored=32, signed=True, kind="float")
    with pytest.raises(PixelError, match=r"holds no floats.*the uncompressed syntaxes do: explicit"):
        check_profile(codec, spec)
    with pytest.raises(PixelError, match="float"):
        codec.encode_frame(np.zeros((4, 5), "f4"), spec)
    with pytest.raises(PixelError, match="float"):
        codec.decode_frame(bytes(80), spec)


@given(data=st.binary(max_size=300), name=st.sampled_from(CODECS), spec=described())
def test_bytes_that_are_no_frame_are_an_error_and_nothing_else(data: bytes, name: str, spec: ImageSpec) -> None:
    codec = get_codec(name)
    try:
        frame = codec.decode_frame(data, spec)
    except (CodecError, PixelError):
        return
    assert (frame.dtype, frame.shape) == (spec.dtype, spec.frame_shape)


def test_a_frame_of_another_size_is_an_error(codec: Codec) -> None:
    spec = ImageSpec(20, 30, stored=12)
    data = codec.encode_frame(random_frame(spec, 3), spec)
    for other in (replace(spec, rows=21), replace(spec, columns=31), replace(spec, samples=3, photometric="RGB")):
        with pytest.raises(CodecError):
            codec.decode_frame(data, other)
    with pytest.raises(CodecError):
        codec.decode_frame(data[: len(data) // 2], spec)


# What PS3.5 8.2 says no to, and what it says yes to right beside it.
@pytest.mark.parametrize(("name", "spec", "holds"), [
    ("rle", ImageSpec(2, 2, samples=3, photometric="YBR_FULL", allocated=8, stored=8), True),
    ("rle", ImageSpec(2, 2, samples=3, photometric="YBR_FULL"), False),
    ("rle", ImageSpec(2, 2, samples=3, photometric="RGB"), True),
    ("rle", ImageSpec(2, 2, allocated=32, stored=32), False),
    ("rle", ImageSpec(2, 2, allocated=1, stored=1, kind="bit"), False),
    ("jpeg-lossless", ImageSpec(2, 2, samples=3, photometric="YBR_FULL"), True),
    ("jpeg-lossless", ImageSpec(2, 2, stored=1), True),
    ("jpeg-lossless", ImageSpec(2, 2, allocated=32, stored=16), False),
    ("jpeg-lossless", ImageSpec(2, 2, signed=True), True),
    ("jpeg-lossless", ImageSpec(2, 2, photometric="PALETTE COLOR", signed=True, as_read=True), False),
    ("encapsulated-uncompressed", ImageSpec(2, 2, allocated=1, stored=1, kind="bit"), True),
    ("encapsulated-uncompressed", ImageSpec(2, 2, allocated=32, stored=32, signed=True), True),
])
def test_the_profiles_are_those_of_the_standard(name: str, spec: ImageSpec, holds: bool) -> None:
    if holds:
        check_profile(get_codec(name), spec)
    else:
        with pytest.raises(PixelError, match=r"the uncompressed syntaxes do$"):
            check_profile(get_codec(name), spec)


def test_a_refusal_names_the_syntaxes_that_hold_the_pixels() -> None:
    message = r"^RLE Lossless holds no unsigned YBR_FULL .*; Encapsulated Uncompressed .*, JPEG Lossless, .* do$"
    with pytest.raises(PixelError, match=message):
        check_profile(get_codec("rle"), ImageSpec(2, 2, samples=3, photometric="YBR_FULL"))


def test_a_codec_is_found_by_name_or_uid_and_missing_ones_are_named() -> None:
    assert get_codec("1.2.840.10008.1.2.5").uid == get_codec("RLE").uid == "1.2.840.10008.1.2.5"
    assert dcmenc.codecs.get_codec is get_codec
    with pytest.raises(CodecUnavailable, match=r"no codec is installed for MPEG2 .* there is one for .*RLE Lossless"):
        get_codec("1.2.840.10008.1.2.4.100")
    with pytest.raises(CodecUnavailable, match=r"no codec is installed for a transfer syntax \(1\.2\.3\)"):
        get_codec("1.2.3")
    with pytest.raises(ValueError, match="needs no codec"):
        get_codec("explicit")
    with pytest.raises(ValueError, match="unknown transfer syntax"):
        get_codec("png")


def test_another_package_may_bring_a_codec(tmp_path: Any) -> None:
    (tmp_path / "their_codec.py").write_text("class Codec:\n    def __init__(self, uid): self.uid = uid\n")
    package = tmp_path / "their_codec-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: their-codec\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[dcmenc.codecs]\n1.2.840.10008.1.2.4.92 = their_codec:Codec\n1.2.3 = their_codec:Codec\n")
    code = "from dcmenc.codecs import get_codec\nfor name in ('1.2.840.10008.1.2.4.92', '1.2.3'):\n"
    code += "    made = get_codec(name); print(made.__module__, made.uid)"
    ran = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["their_codec", "1.2.840.10008.1.2.4.92", "their_codec", "1.2.3"]


def test_options_are_checked() -> None:
    p14, first = get_codec("jpeg-lossless-p14"), get_codec("jpeg-lossless")
    assert options_of(p14, {"predictor": 7, "precision": 12}) == p14.Options(predictor=7, precision=12)
    with pytest.raises(TypeError, match=r"JPEG Lossless, .* has no option 'quality'; it has predictor, precision"):
        options_of(p14, {"quality": 90})
    with pytest.raises(TypeError, match="RLE Lossless has no option 'predictor'; it has none"):
        options_of(get_codec("rle"), {"predictor": 1})
    with pytest.raises(TypeError, match="a mapping or a JPEGLosslessOptions, not int"):
        options_of(p14, 4)
    for wrong in ({"predictor": 0}, {"predictor": 8}, {"predictor": "best"}, {"precision": 1}, {"precision": 17}):
        with pytest.raises(ValueError, match=r"a predictor of JPEG Lossless is|the precision of JPEG Lossless is"):
            options_of(p14, wrong)
    spec = ImageSpec(2, 3, stored=12)
    with pytest.raises(ValueError, match="predictor 1 only; for others give compression='jpeg-lossless-p14'"):
        first.encode_frame(np.zeros((2, 3), "u2"), spec, first.Options(predictor=2))
    with pytest.raises(PixelError, match="a precision of 10 does not go with 12 bits stored of 16"):
        first.encode_frame(np.zeros((2, 3), "u2"), spec, first.Options(precision=10))


def sof_of(data: bytes) -> tuple[int, int, bytes]:
    """Precision, components and component identifiers of the frame header (T.81 B.2.2)."""
    at = data.index(b"\xff\xc3")
    return data[at + 4], data[at + 9], data[at + 10 : at + 10 + 3 * data[at + 9] : 3]


@pytest.mark.parametrize(("spec", "precision"), [
    (ImageSpec(4, 5, allocated=8, stored=8), 8),
    (ImageSpec(4, 5, allocated=8, stored=3), 8),
    (ImageSpec(4, 5, stored=12), 12),
    (ImageSpec(4, 5, stored=16), 16),
    (ImageSpec(4, 5, stored=7), 9),  # fewer than 9 of 16 bits make readers fail
    (ImageSpec(4, 5, stored=12, signed=True), 16),  # a stream has no sign: the samples are filled up with theirs
    (ImageSpec(4, 5, allocated=8, stored=6, signed=True), 8),
])
def test_the_precision_of_jpeg_lossless_is_one_that_readers_agree_on(spec: ImageSpec, precision: int) -> None:
    codec, frame = get_codec("jpeg-lossless"), random_frame(spec, 5)
    assert sof_of(codec.encode_frame(frame, spec)) == (precision, 1, b"\x01")


@pytest.mark.parametrize("spec", [
    ImageSpec(4, 5, stored=6), ImageSpec(4, 5, stored=12, signed=True), ImageSpec(4, 5, stored=7, signed=True),
    ImageSpec(4, 5, allocated=8, stored=5, signed=True), ImageSpec(4, 5, allocated=8, stored=3),
])
def test_another_precision_can_be_forced_and_comes_back(spec: ImageSpec) -> None:
    codec, frame = get_codec("jpeg-lossless-p14"), random_frame(spec, 6)
    for precision in range(max(spec.stored, 2), spec.allocated + 1):
        data = codec.encode_frame(frame, spec, codec.Options(predictor=4, precision=precision))
        assert sof_of(data)[0] == precision
        assert np.array_equal(codec.decode_frame(data, spec), frame)


def test_components_of_jpeg_lossless_are_called_1_2_3() -> None:
    # 'R', 'G', 'B' would make readers take YBR_FULL for RGB
    spec = ImageSpec(4, 5, samples=3, allocated=8, stored=8, photometric="YBR_FULL")
    data = get_codec("jpeg-lossless").encode_frame(random_frame(spec, 7), spec)
    assert sof_of(data) == (8, 3, b"\x01\x02\x03")
    assert b"\xff\xee" not in data[:40] and b"\xff\xe0" not in data[:40]


def test_auto_is_never_larger_than_the_first_predictor_by_more_than_a_little() -> None:
    spec = ImageSpec(128, 128, stored=12)
    rows, columns = np.indices((128, 128))
    frame = ((rows * 7 + columns * 5) % 4096).astype("u2")
    first, best = get_codec("jpeg-lossless"), get_codec("jpeg-lossless-p14")
    assert len(best.encode_frame(frame, spec)) < len(first.encode_frame(frame, spec))
    sizes = [len(best.encode_frame(frame, spec, best.Options(predictor=number))) for number in range(1, 8)]
    assert len(best.encode_frame(frame, spec)) == min(sizes)


def test_rle_takes_32_bits_though_files_may_not() -> None:
    spec = ImageSpec(4, 5, allocated=32, stored=32)
    codec, frame = get_codec("rle"), random_frame(spec, 8)
    assert np.array_equal(codec.decode_frame(codec.encode_frame(frame, spec), spec), frame)
