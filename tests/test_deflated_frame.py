"""Deflated Image Frame Compression: raw deflate of native frames, and no more inflated than a frame takes (PS3.5 A.4.13)."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_codecs import described, random_frame

import dcmenc
from dcmenc import CodecError, ImageSpec, PixelError
from dcmenc.codecs import check_profile, get_codec
from dcmenc.pixels import native_bytes

UID = "1.2.840.10008.1.2.8.1"


@given(spec=described(), seed=st.integers(0, 2**32))
def test_inflating_gives_the_native_bytes_of_the_frame(spec: ImageSpec, seed: int) -> None:
    codec, frame = get_codec("deflated-frame"), random_frame(spec, seed)
    try:
        check_profile(codec, spec)
    except PixelError:
        return
    alone = ImageSpec(spec.rows, spec.columns, 1, spec.samples, spec.allocated, spec.stored, spec.signed, spec.photometric, spec.planar,
                      spec.kind)
    assert zlib.decompress(codec.encode_frame(frame, spec), -15) == bytes(native_bytes(frame, alone))


@pytest.mark.parametrize("level", range(10))
def test_every_level_comes_back_and_keeps_the_bound(level: int) -> None:
    codec, spec = get_codec("deflated-frame"), ImageSpec(300, 200)
    options = codec.Options(level=level)
    for frame in (random_frame(spec, 1), np.zeros((300, 200), "u2")):
        data = codec.encode_frame(frame, spec, options)
        assert len(data) <= codec.bound(spec, options)
        assert np.array_equal(codec.decode_frame(data, spec), frame)


def test_a_level_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="level of deflate is 0 to 9, not 10"):
        get_codec("deflated-frame").Options(level=10)


def deflate(data: bytes) -> bytes:
    work = zlib.compressobj(9, zlib.DEFLATED, -15)
    return work.compress(data) + work.flush()


@pytest.mark.parametrize(("data", "message"), [
    (deflate(bytes(2**26)), "the frame has 41 bytes, where the description makes it 40"),  # 64 MiB, of which 41 bytes are inflated
    (deflate(bytes(39)), "the frame has 39 bytes"),
    (deflate(bytes(40))[:-1], "breaks off"),
    (deflate(bytes(40)) + b"\0\0", "something behind"),
    (zlib.compress(bytes(40)), "cannot be inflated"),
    (b"", "the frame has 0 bytes"),
])
def test_what_is_no_deflated_frame_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        get_codec("deflated-frame").decode_frame(data, ImageSpec(4, 5))


def test_a_padding_byte_is_no_part_of_the_frame() -> None:
    codec, spec = get_codec("deflated-frame"), ImageSpec(4, 5, allocated=8, stored=8)
    assert codec.decode_frame(deflate(bytes(20)) + b"\0", spec).shape == (4, 5)


def test_bits_of_several_frames_are_packed_frame_by_frame() -> None:
    frames = random_frame(ImageSpec(15, 7, allocated=1, stored=1, kind="bit"), 3)
    stack = np.stack([frames, ~frames, frames])
    file = io.BytesIO()
    dcmenc.imwrite(file, stack, compression="deflated-frame", photometric="MONOCHROME2")
    ds = dcmenc.dcmread(file.getvalue())
    assert ds.file_meta.TransferSyntaxUID == UID and ds.BitsAllocated == 1
    back = dcmenc.imread(file.getvalue())
    assert back.dtype == bool and np.array_equal(back, stack)


def test_transcoding_there_and_back_keeps_the_pixels() -> None:
    array = random_frame(ImageSpec(20, 30, samples=3, allocated=8, stored=8, photometric="RGB"), 5)
    native, deflated, again = io.BytesIO(), io.BytesIO(), io.BytesIO()
    dcmenc.imwrite(native, array)
    dcmenc.transcode(native.getvalue(), deflated, "deflated-frame", options={"level": 9})
    dcmenc.transcode(deflated.getvalue(), again, "explicit")
    assert np.array_equal(dcmenc.imread(deflated.getvalue()), array)
    assert dcmenc.dcmread(again.getvalue()).PixelData == dcmenc.dcmread(native.getvalue()).PixelData
