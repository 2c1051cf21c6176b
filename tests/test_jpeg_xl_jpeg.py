"""JPEG that is kept in JPEG XL: it comes out bit by bit, and nothing of the image or of what is said of it changes (PS3.5 8.2.15)."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pydicom
import pytest
import structure
from PIL import Image, ImageCms
from PIL.ImageCms import ImageCmsProfile
from test_jpeg import smooth

import dcmenc
from dcmenc import CodecError, CodecUnavailable, DcmencError, ImageSpec, PixelError, Sequence, dcmread, imread, imwrite, transcode, wrap
from dcmenc.codecs import get_codec
from dcmenc.codecs.jpeg_xl_jpeg import holds_jpeg

imagecodecs = pytest.importorskip("imagecodecs")

Peer = Callable[[str], str]
ROOT = "1.2.840.10008.1.2.4."
KEPT = ROOT + "111"
GRAY = ImageSpec(61, 83, allocated=8, stored=8)
COLOUR = ImageSpec(61, 83, samples=3, allocated=8, stored=8, photometric="RGB")
NOISE = np.random.default_rng(111).integers(0, 20, (61, 83, 3))
RGB = np.minimum(smooth(COLOUR).astype(int) + NOISE, 255).astype("u1")

# What is coded, with which options -> the label of the stream, and how far libjxl's pixels may be from libjpeg-turbo's: measured, and a
# little more. In 4:4:4 libjxl predicts chroma from luma, and rounds otherwise.
KINDS: dict[str, tuple[Any, dict[str, Any], str, int]] = {
    "gray": (RGB[..., 0].copy(), {}, "MONOCHROME2", 3),
    "4:2:2": (RGB, {}, "YBR_FULL_422", 4),
    "coarse": (RGB, {"quality": 20}, "YBR_FULL_422", 4),
    "RGB": (RGB, {"subsampling": "4:4:4", "quality": 95}, "RGB", 16),
    "frames": (np.stack([RGB, RGB[::-1], RGB[:, ::-1]]), {}, "YBR_FULL_422", 4),
}


def written(array: Any, **options: Any) -> bytes:
    imwrite(file := io.BytesIO(), array, **options)
    return file.getvalue()


def changed(source: Any, compression: str, **options: Any) -> bytes:
    transcode(source, file := io.BytesIO(), compression, **options)
    assert not structure.faults(file.getvalue())
    return file.getvalue()


@cache
def jpeg_file(kind: str) -> bytes:
    array, options, _, _ = KINDS[kind]
    return written(array, compression="jpeg", options=options, uid_source=lambda: "1.2.3")


def pillow(array: Any = RGB, **options: Any) -> bytes:
    Image.fromarray(array).save(file := io.BytesIO(), "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [1, 3])
def test_the_file_comes_back_byte_for_byte(kind: str, workers: int) -> None:
    source = jpeg_file(kind)
    kept = changed(source, "jpeg-xl-jpeg", workers=workers)
    assert kept == changed(source, KEPT)
    assert changed(kept, "jpeg", workers=workers) == source


@pytest.mark.parametrize("kind", KINDS)
def test_libjxl_restores_every_frame_from_what_is_written(kind: str) -> None:
    streams, kept = structure.fragments(jpeg_file(kind)), structure.fragments(changed(jpeg_file(kind), "jpeg-xl-jpeg"))
    assert len(streams) == len(kept)
    for stream, data in zip(streams, kept, strict=True):
        assert bytes(imagecodecs.jpegxl_decode_jpeg(data)) == stream
        assert holds_jpeg(memoryview(data)) and data.startswith(b"\0\0\0\x0cJXL \r\n\x87\n")


@pytest.mark.parametrize("kind", KINDS)
def test_the_dataset_says_what_it_said(kind: str) -> None:
    source, kept = (pydicom.dcmread(io.BytesIO(data)) for data in (jpeg_file(kind), changed(jpeg_file(kind), "jpeg-xl-jpeg")))
    assert kept.file_meta.TransferSyntaxUID == KEPT and kept.PhotometricInterpretation == KINDS[kind][2]
    # the loss was the JPEG's, and so are its method and ratio; it is the same instance
    assert (kept.LossyImageCompression, kept.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    del source.PixelData, kept.PixelData
    assert source == kept


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixels_are_those_of_the_jpeg(kind: str) -> None:
    source, kept = jpeg_file(kind), changed(jpeg_file(kind), "jpeg-xl-jpeg")
    for color in (None, "stored"):
        assert np.array_equal(imread(kept, color=color), imread(source, color=color))
    with pydicom.dcmread(io.BytesIO(source)) as theirs:
        stored = pydicom.pixels.pixel_array(theirs, raw=True, decoding_plugin="pillow")
    assert np.array_equal(imread(kept, color="stored"), stored)
    native = dcmread(changed(kept, "explicit"))
    assert native == dcmread(changed(source, "explicit"))


@pytest.mark.parametrize("kind", KINDS)
def test_other_decoders_of_jpeg_xl_see_nearly_the_same(kind: str) -> None:
    """libjxl interpolates chroma, and rounds, in its own way: the greatest difference is stated in the table."""
    kept, most = changed(jpeg_file(kind), "jpeg-xl-jpeg"), KINDS[kind][3]
    seen = np.stack([imagecodecs.jpegxl_decode(data) for data in structure.fragments(kept)])
    ours = imread(kept).reshape(seen.shape)
    difference = np.abs(seen.astype(int) - ours)
    assert difference.max() <= most and difference.mean() < 1


def test_what_jpeg_xl_takes_is_less() -> None:
    sizes = [sum(map(len, structure.fragments(data))) for data in (jpeg_file("RGB"), changed(jpeg_file("RGB"), "jpeg-xl-jpeg"))]
    assert sizes[1] < 0.95 * sizes[0]


@pytest.mark.parametrize("options", [
    {"subsampling": "4:2:2"}, {"subsampling": "4:4:4"}, {"subsampling": "4:2:0"}, {"keep_rgb": True}, {"restart_marker_rows": 1},
    {"optimize": True, "comment": b"a comment"}, {"icc_profile": ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()},
])
def test_streams_of_others_come_back_with_all_that_they_carry(options: dict[str, Any]) -> None:
    streams = [pillow(**options), pillow(RGB[::-1].copy(), **options) + b"behind the end"]
    wrap(file := io.BytesIO(), streams)
    source = structure.fragments(file.getvalue())
    kept = changed(file.getvalue(), "jpeg-xl-jpeg")
    assert structure.fragments(changed(kept, "jpeg")) == source
    assert np.array_equal(imread(kept), imread(file.getvalue()))


def test_frames_in_several_fragments_are_put_together() -> None:
    ds = pydicom.dcmread(io.BytesIO(jpeg_file("gray")))
    stream = structure.fragments(jpeg_file("gray"))[0]
    ds.PixelData = pydicom.encaps.encapsulate([stream], fragments_per_frame=3, has_bot=False)
    kept = changed(ds, "jpeg-xl-jpeg")
    assert structure.fragments(changed(kept, "jpeg")) == [stream]


def test_jpeg_extended_of_8_bits_goes_the_same_way_and_of_12_is_refused() -> None:
    eight, twelve = (written(array, compression=ROOT + "51", **more) for array, more in (
        (RGB[..., 0].copy(), {}), (RGB[..., 0].astype("u2") * 16, {"bits_stored": 12})))
    kept = changed(eight, "jpeg-xl-jpeg")
    assert structure.fragments(changed(kept, ROOT + "51")) == structure.fragments(eight)
    with pytest.raises(PixelError, match="JPEG XL JPEG Recompression holds no unsigned MONOCHROME2 with 16 bits allocated and 12 stored"):
        changed(twelve, "jpeg-xl-jpeg")


@pytest.mark.filterwarnings("ignore")
def test_real_jpeg_files_come_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    folder, found = Path(pydicom.__file__).parent / "data", 0
    for path in sorted(folder.rglob("*.dcm")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = dcmread(path, force=True)
        if ds.file_meta.get("TransferSyntaxUID") is None or ds.file_meta.TransferSyntaxUID not in (ROOT + "50", ROOT + "51"):
            continue
        if ds.BitsAllocated != 8:
            continue
        frames = [bytes(dcmenc.frames.Frames(ds).encoded(at)) for at in range(int(getattr(ds, "NumberOfFrames", 1)))]
        kept = changed(ds, "jpeg-xl-jpeg")
        assert dcmread(kept).SOPInstanceUID == ds.SOPInstanceUID, path.name
        assert structure.fragments(changed(kept, ds.file_meta.TransferSyntaxUID)) == frames, path.name
        assert np.array_equal(imread(kept), imread(ds)), path.name
        found += 1
    assert found >= 5


def test_a_compressed_icon_is_decompressed() -> None:
    source = dcmread(jpeg_file("gray"))
    icon = dcmread(written(np.arange(64, dtype="u1").reshape(8, 8), compression="jpeg"))
    source.IconImageSequence = Sequence([icon])
    for kept in (dcmread(changed(source, "jpeg-xl-jpeg")), dcmread(changed(dcmread(changed(source, "jpeg-xl-jpeg")), "jpeg"))):
        assert isinstance(bytes(kept.IconImageSequence[0].PixelData), bytes) and len(kept.IconImageSequence[0].PixelData) == 64


# ---- what is refused


@pytest.mark.parametrize("compression", [None, "rle", "jpeg-xl", "jpeg-xl-lossless", "jpeg2000"])
def test_other_pixels_have_no_jpeg_to_be_kept(compression: str | None, tmp_path: Path) -> None:
    source = written(RGB, compression=compression)
    with pytest.raises(PixelError, match=r"holds JPEG streams that are there already.*compression='jpeg', and transcode that"):
        transcode(source, tmp_path / "a.dcm", "jpeg-xl-jpeg")
    assert not list(tmp_path.iterdir())


def test_arrays_are_refused_with_the_way(tmp_path: Path) -> None:
    for array in (RGB, RGB[..., 0].copy(), np.stack([RGB] * 2)):
        with pytest.raises(PixelError, match=r"pixels have none: give compression='jpeg', and transcode that to 'jpeg-xl-jpeg'"):
            imwrite(tmp_path / "a.dcm", array, compression="jpeg-xl-jpeg")
        with pytest.raises(PixelError, match="pixels have none"), dcmenc.Writer(tmp_path / "a.dcm", compression=KEPT) as writer:
            writer.extend(array if array.ndim == 4 else [array])
    with pytest.raises(PixelError, match="holds no unsigned MONOCHROME2 with 16 bits"):
        imwrite(tmp_path / "a.dcm", RGB[..., 0].astype("u2"), compression="jpeg-xl-jpeg")
    with pytest.raises(PixelError, match="pixels have none"):
        get_codec(KEPT).encode_frame(RGB, COLOUR)
    assert not list(tmp_path.iterdir())


def test_it_is_no_way_out_for_pixels() -> None:
    with pytest.raises(PixelError) as refused:
        imwrite(io.BytesIO(), RGB[..., 0].copy(), compression="htj2k", photometric="YBR_FULL")
    assert "Recompression" not in str(refused.value)
    with pytest.raises(PixelError, match="holds no") as refused:
        imwrite(io.BytesIO(), RGB, compression=ROOT + "51")
    assert "Recompression" not in str(refused.value) and "JPEG XL" in str(refused.value)


def test_options_encode_the_pixels_anew() -> None:
    kept = changed(jpeg_file("gray"), "jpeg-xl-jpeg")
    again = dcmread(changed(kept, "jpeg", options={"quality": 30}))
    assert again.LossyImageCompressionMethod == ("ISO_10918_1", "ISO_10918_1") and again.SOPInstanceUID != "1.2.3"
    with pytest.raises((TypeError, PixelError)):
        changed(jpeg_file("gray"), "jpeg-xl-jpeg", options={"effort": 3})


def test_a_broken_jpeg_or_one_of_another_size_is_an_error(tmp_path: Path) -> None:
    for change, message in (
        ({"Rows": 60}, "61 rows, 83 columns and 1 components, and the dataset says 60"),
        ({"PixelData": dcmenc.values.Fragments((structure.fragments(jpeg_file("gray"))[0][:400],))}, "library says"),
        ({"PixelData": dcmenc.values.Fragments((b"\xff\xd8\xff\xd9",))}, "damaged"),
    ):
        ds = dcmread(jpeg_file("gray"))
        for keyword, value in change.items():
            setattr(ds, keyword, value)
        with pytest.raises(CodecError, match=message):
            transcode(ds, tmp_path / "a.dcm", "jpeg-xl-jpeg")
    ds = dcmread(jpeg_file("frames"))
    ds.PixelData = ds.PixelData._replace(fragments=(*ds.PixelData.fragments[:2], b"\xff\xd8\xff\xd9"), table=b"")
    with pytest.raises(CodecError, match=r"^frame 2: "):
        transcode(ds, tmp_path / "a.dcm", "jpeg-xl-jpeg")
    assert not list(tmp_path.iterdir())


def test_a_jpeg_that_does_not_come_back_is_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = imagecodecs.jpegxl_encode_jpeg
    other = structure.fragments(written(RGB[::-1, :, 0].copy(), compression="jpeg"))[0]
    monkeypatch.setattr(imagecodecs, "jpegxl_encode_jpeg", lambda stream, **options: real(other, **options))
    with pytest.raises(CodecError, match="does not come out of JPEG XL bit by bit"):
        transcode(jpeg_file("gray"), tmp_path / "a.dcm", "jpeg-xl-jpeg")
    assert not list(tmp_path.iterdir())


def test_jpeg_xl_without_a_jpeg_is_decoded_where_its_colours_are_certain() -> None:
    plain = imagecodecs.jpegxl_encode(RGB, distance=1.0)
    ds = dcmread(changed(jpeg_file("RGB"), "jpeg-xl-jpeg"))
    ds.PixelData = ds.PixelData._replace(fragments=(plain + b"\0" * (len(plain) % 2),))
    assert np.array_equal(imread(ds), imagecodecs.jpegxl_decode(plain))
    with pytest.raises(CodecError, match="holds no JPEG that could be restored: transcode to 'explicit'"):
        changed(ds, "jpeg")
    ds.PhotometricInterpretation = "YBR_FULL_422"
    with pytest.raises(CodecError, match="gives no YBR_FULL_422; set"):
        imread(ds)


def test_damaged_streams_raise_nothing_but_our_errors() -> None:
    codec = get_codec(KEPT)
    data = codec.recompress(pillow(RGB[..., 0].copy()), GRAY)  # type: ignore[attr-defined]
    generator = np.random.default_rng(5)
    for number in range(400):
        damaged = bytearray(data)
        if number % 3:
            for at in generator.integers(0, len(data) if number % 2 else 60, 1 + number % 4):
                damaged[at] = generator.integers(0, 256)
        else:
            del damaged[int(generator.integers(0, len(data))):]
        try:
            wrap(io.BytesIO(), bytes(damaged), compression=KEPT)
            codec.decode_frame(bytes(damaged), GRAY)
        except DcmencError as error:
            assert len(str(error)) < 600


def test_a_size_that_the_bytes_cannot_hold_is_refused_before_libjxl_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 3 << 1 | (65535 - 1) << 3 | 1 << 33  # ISO/IEC 18181-1 D.2.2: not small, 30 bits of height, the width as the height
    stream = b"\xff\x0a" + size.to_bytes(8, "little")
    data = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x08jbrd" + (len(stream) + 8).to_bytes(4, "big") + b"jxlc" + stream
    monkeypatch.setattr(imagecodecs, "jpegxl_decode_jpeg", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(CodecError, match="65535 rows of 65535 pixels cannot take so few"):
        get_codec(KEPT).decode_frame(data, ImageSpec(65535, 65535, allocated=8, stored=8))
    with pytest.raises(CodecError, match="65535 rows of 65535 pixels cannot take so few"):
        wrap(io.BytesIO(), data)
    with pytest.raises(CodecError, match="the dataset says 61, 83"):
        get_codec(KEPT).decode_frame(data, GRAY)


def test_without_imagecodecs_the_extra_is_named() -> None:
    code = ("import sys; sys.modules['imagecodecs'] = None\n"
            "from dcmenc import CodecUnavailable, ImageSpec\nfrom dcmenc.codecs import get_codec\n"
            "from dcmenc.codecs.jpeg import JPEG\nimport numpy as np\n"
            "spec = ImageSpec(8, 8, allocated=8, stored=8)\n"
            "stream = JPEG('1.2.840.10008.1.2.4.50').encode_frame(np.zeros((8, 8), 'u1'), spec)\n"
            "try:\n    get_codec('jpeg-xl-jpeg').recompress(stream, spec)\n"
            "except CodecUnavailable as error:\n    print(error)")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "JPEG XL needs imagecodecs" in ran.stdout and "dcmenc[codecs]" in ran.stdout


def test_an_old_imagecodecs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", ModuleType("imagecodecs"))
    with pytest.raises(CodecUnavailable, match="has no jpegxl_encode_jpeg"):
        changed(jpeg_file("gray"), "jpeg-xl-jpeg")


# ---- wrap


@pytest.mark.parametrize(("options", "photometric"), [
    ({"subsampling": "4:2:2"}, "YBR_FULL_422"), ({"subsampling": "4:4:4"}, "YBR_FULL"), ({"keep_rgb": True}, "RGB"), (None, "MONOCHROME2")])
def test_wrap_knows_a_jpeg_in_jpeg_xl(options: dict[str, Any] | None, photometric: str) -> None:
    stream = pillow(RGB[..., 0].copy()) if options is None else pillow(**options)
    data = bytes(imagecodecs.jpegxl_encode_jpeg(stream))
    for streams in (data, [data]):
        report = wrap(file := io.BytesIO(), streams)
        ds = dcmread(file.getvalue())
        assert ds.file_meta.TransferSyntaxUID == KEPT and ds.PhotometricInterpretation == photometric
        assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_10918_1") and report.ok
        assert structure.fragments(file.getvalue()) == [data + b"\0" * (len(data) % 2)]
        restored = structure.fragments(changed(file.getvalue(), "jpeg"))[0]
        assert restored == stream + b"\0" * (len(stream) % 2)


def test_wrap_tells_of_what_the_jpeg_carries_and_refuses_what_has_no_syntax() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Yamada Tarou"
    data = bytes(imagecodecs.jpegxl_encode_jpeg(pillow(exif=exif, subsampling="4:2:0")))
    report = wrap(io.BytesIO(), data)
    assert {"embedded-metadata", "sampling"} <= {finding.code for finding in report.findings}
    with pytest.raises(PixelError, match="progressive JPEG"):
        wrap(io.BytesIO(), bytes(imagecodecs.jpegxl_encode_jpeg(pillow(progressive=True))))
    with pytest.raises(PixelError, match=r"JPEG XL with a JPEG in it for 'jpeg-xl-jpeg'; JPEG XL does not hold it"):
        wrap(io.BytesIO(), data, compression="jpeg-xl")


# ---- peers


@pytest.mark.peer
@pytest.mark.parametrize("kind", KINDS)
def test_other_toolkits_read_the_structure(kind: str, peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(changed(jpeg_file(kind), "jpeg-xl-jpeg"))
    done = subprocess.run([peer("dcmdump"), "+L", str(path)], capture_output=True, text=True, errors="replace", check=True)
    assert not done.stderr and "PixelSequence" in done.stdout
    fragments = list(pydicom.encaps.generate_fragments(pydicom.dcmread(path).PixelData))
    assert fragments[1:] == structure.fragments(path.read_bytes())  # behind the offset table
