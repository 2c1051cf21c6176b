"""Streams that are compressed already become an image, byte for byte; what they are is read from themselves (PS3.5 8.2, A.4)."""

from __future__ import annotations

import io
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
import structure
from PIL import Image
from test_writer import Pipe

from dcmenc import CodecError, CodecUnavailable, DcmencError, ImageSpec, PixelError, Report, VerifyError, dcmread, imread, imwrite, wrap
from dcmenc.codecs import get_codec, named_syntax, options_of
from dcmenc.recognition import look_at
from dcmenc.uid import transfer_syntax

Peer = Callable[[str], str]
DATA = Path(__file__).parent / "data"
ROOT = "1.2.840.10008.1.2.4."
TRUE_COLOR = "1.2.840.10008.5.1.4.1.1.7.4"

GENERATOR = np.random.default_rng(30)
SLOPE = np.add.outer(np.arange(40) * 50, np.arange(50))
ARRAYS: dict[str, tuple[Any, int]] = {
    "byte": ((SLOPE // 10).astype("u1"), 8),
    "word": (SLOPE.astype("u2"), 12),
    "signed": ((SLOPE - 1000).astype("i2"), 12),
    "colour": ((np.stack([SLOPE // 10, 246 - SLOPE // 10, SLOPE // 20], -1) + GENERATOR.integers(0, 9, (40, 50, 3))).astype("u1"), 8),
}
# What each codec makes, and what its streams are then taken for.
SYNTAXES = {
    "jpeg": "50", "jpeg-lossless": "70", "jpeg-lossless-p14": "57", "jpeg-ls": "80", "jpeg-ls-near": "81", "jpeg2000-lossless": "90",
    "jpeg2000": "91", "htj2k-lossless": "201", "htj2k-lossless-rpcl": "202", "htj2k": "203", "jpeg-xl-lossless": "110", "jpeg-xl": "112",
}
LOSSY = {"jpeg": "ISO_10918_1", "jpeg-ls-near": "ISO_14495_1", "jpeg2000": "ISO_15444_1", "htj2k": "ISO_15444_15", "jpeg-xl": "ISO_18181_1"}
COLOURS = {"jpeg": "YBR_FULL_422", "jpeg2000-lossless": "YBR_RCT", "jpeg2000": "YBR_ICT", "htj2k-lossless": "YBR_RCT",
           "htj2k-lossless-rpcl": "YBR_RCT", "htj2k": "YBR_ICT", "jpeg-xl": "XYB"}


@cache
def stream_of(compression: str, name: str, **options: Any) -> bytes:
    array, stored = ARRAYS[name]
    spec = ImageSpec.from_array(array, bits_stored=stored)
    codec = get_codec(named_syntax(compression, spec.allocated).uid)
    return codec.encode_frame(array, spec, options_of(codec, options))


def wrapped(streams: Any, **options: Any) -> tuple[Any, Report, bytes]:
    """pydicom's dataset, the report and the bytes of what ``wrap`` writes, whose structure is sound."""
    file = io.BytesIO()
    report = wrap(file, streams, **options)
    assert not structure.faults(file.getvalue())
    return pydicom.dcmread(io.BytesIO(file.getvalue())), report, file.getvalue()


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings} - {"assumed"}


def pillow(mode: str = "RGB", **options: Any) -> bytes:
    array = ARRAYS["colour"][0] if mode == "RGB" else ARRAYS["byte"][0]
    file = io.BytesIO()
    image = Image.fromarray(array).convert(mode)
    image.save(file, "JPEG", **options)
    return file.getvalue()


# --------------------------------------------------------------------- what our codecs make


# signed samples are not for JPEG and JPEG XL, nor for an image of several frames
KNOWN_AGAIN = [(compression, name, count) for compression in SYNTAXES for name in ARRAYS for count in (1, 3)
               if name != "signed" or (count == 1 and compression not in ("jpeg", "jpeg-xl", "jpeg-xl-lossless"))]


@pytest.mark.parametrize(("compression", "name", "count"), KNOWN_AGAIN)
def test_what_a_codec_makes_is_known_again(compression: str, name: str, count: int) -> None:
    array, stored = ARRAYS[name]
    stream = stream_of(compression, name)
    chosen = {} if look_at(memoryview(stream)).certain else {"compression": compression}
    ds, report, data = wrapped([stream] * count if count > 1 else stream, bits_stored=stored, signed=name == "signed", **chosen)
    narrowest = "51" if (compression, name) == ("jpeg", "word") else SYNTAXES[compression]
    assert ds.file_meta.TransferSyntaxUID in (ROOT + narrowest, *((ROOT + "70",) if compression == "jpeg-lossless-p14" else ()))
    assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID
    assert (ds.Rows, ds.Columns, ds.BitsStored, ds.HighBit) == (40, 50, stored, stored - 1)
    assert ds.PixelRepresentation == int(name == "signed") and ds.get("NumberOfFrames", 1) == count
    photometric = (COLOURS.get(compression, "RGB") if name == "colour" else "MONOCHROME2")
    # the class for several frames has no such name
    assert ds.PhotometricInterpretation == (photometric if photometric != "XYB" or count == 1 else "RGB")
    assert {bytes(fragment) for fragment in structure.fragments(data)} == {stream + b"\0" * (len(stream) % 2)}
    if compression in LOSSY:
        assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", LOSSY[compression])
        size = len(stream) + len(stream) % 2 if count > 1 else len(stream)
        assert ds.LossyImageCompressionRatio == pytest.approx(array.nbytes / size, rel=0.01)
    else:
        assert "LossyImageCompression" not in ds
        assert np.array_equal(imread(data, color="stored").reshape(count, *array.shape)[-1], array)
    assert report.ok and codes(report) == ({"colours"} if photometric == "XYB" and count > 1 else set())


@pytest.mark.parametrize("compression", ["jpeg-lossless", "jpeg-ls", "jpeg2000-lossless", "jpeg-lossless-p14"])
def test_the_file_is_the_one_that_imwrite_makes(compression: str) -> None:
    array = ARRAYS["byte"][0]
    fixed: dict[str, Any] = {"uid_source": lambda: "1.2.3", "InstanceCreationDate": "20260102", "InstanceCreationTime": "03"}
    file = io.BytesIO()
    imwrite(file, array, compression=compression, **fixed)
    assert wrapped(structure.fragments(file.getvalue())[0], compression=compression, **fixed)[2] == file.getvalue()


@pytest.mark.parametrize("compression", ["jpeg-lossless", "jpeg-lossless-p14"])
def test_pydicom_reads_the_pixels(compression: str) -> None:
    ds, _, _ = wrapped([stream_of(compression, "word")] * 2, bits_stored=12)
    assert np.array_equal(ds.pixel_array[1], ARRAYS["word"][0])


def test_frames_of_different_predictors_are_one_image() -> None:
    first, fourth = (stream_of("jpeg-lossless-p14", "word", predictor=predictor) for predictor in (1, 4))
    for streams, suffix in (([first, first], "70"), ([first, fourth], "57"), ([fourth, first], "57")):
        assert wrapped(streams)[0].file_meta.TransferSyntaxUID == ROOT + suffix
    with pytest.raises(PixelError, match=r"frame 1: the stream is JPEG Lossless for 'jpeg-lossless-p14'; .* does not hold it"):
        wrapped([first, fourth], compression="jpeg-lossless")


def test_a_syntax_that_also_holds_the_stream_may_be_asked_for() -> None:
    for compression, other in (("jpeg-lossless", "57"), ("jpeg2000-lossless", "91"), ("jpeg-ls", "81"), ("htj2k-lossless-rpcl", "201")):
        ds, _, _ = wrapped(stream_of(compression, "byte"), compression=ROOT + other)
        assert ds.file_meta.TransferSyntaxUID == ROOT + other
        assert ("LossyImageCompression" in ds) == transfer_syntax(ROOT + other).lossy
    with pytest.raises(PixelError, match=r"the stream is JPEG 2000 for 'jpeg2000'; .* does not hold it"):
        wrapped(stream_of("jpeg2000", "byte"), compression="jpeg2000-lossless")


# --------------------------------------------------------------------- lossy or not


def test_lossless_streams_in_a_lossy_syntax_can_be_stated_to_be_so() -> None:
    for compression, other in (("jpeg2000-lossless", "jpeg2000"), ("jpeg-ls", "jpeg-ls-near"), ("htj2k-lossless", "htj2k")):
        ds, _, _ = wrapped(stream_of(compression, "byte"), compression=other, lossy=False)
        assert "LossyImageCompression" not in ds and "LossyImageCompressionMethod" not in ds
    for compression in ("jpeg2000", "jpeg-ls-near", "jpeg", "htj2k"):
        with pytest.raises(ValueError, match="the streams themselves say that they are not reversible"):
            wrapped(stream_of(compression, "byte"), lossy=False)


def test_reversible_jpeg_2000_may_have_lost_something() -> None:
    ds, _, _ = wrapped(stream_of("jpeg2000-lossless", "byte"), lossy=True)
    assert (ds.file_meta.TransferSyntaxUID, ds.LossyImageCompression) == (ROOT + "91", "01")
    with pytest.raises(ValueError, match="keeps everything"):
        wrapped(stream_of("jpeg-lossless", "byte"), lossy=True)


def test_a_loss_is_not_denied_and_adds_to_those_before() -> None:
    with pytest.raises(PixelError, match="LossyImageCompression is given as 00"):
        wrapped(stream_of("jpeg", "byte"), LossyImageCompression="00")
    ds, _, _ = wrapped(stream_of("jpeg", "byte"), template={"LossyImageCompression": "01", "LossyImageCompressionRatio": "8.5",
                                                           "LossyImageCompressionMethod": "ISO_15444_1"})
    assert list(ds.LossyImageCompressionMethod) == ["ISO_15444_1", "ISO_10918_1"] and ds.LossyImageCompressionRatio[0] == 8.5


# --------------------------------------------------------------------- what others make


@pytest.mark.parametrize(("options", "photometric", "found"), [
    ({"subsampling": "4:2:2"}, "YBR_FULL_422", set()),
    ({"subsampling": "4:4:4"}, "YBR_FULL", set()),
    ({"subsampling": "4:2:0"}, "YBR_FULL_422", {"sampling"}),
    ({"keep_rgb": True}, "RGB", set()),
    ({"subsampling": "4:2:2", "comment": b"Yamada Tarou"}, "YBR_FULL_422", {"embedded-metadata"}),
])
def test_pillow_s_jpeg_files_are_labelled_as_they_are_coded(options: dict[str, Any], photometric: str, found: set[str]) -> None:
    ds, report, data = wrapped(pillow(**options))
    assert ds.PhotometricInterpretation == photometric and ds.file_meta.TransferSyntaxUID == ROOT + "50"
    assert codes(report) == found
    stream = pillow(**options)
    assert structure.fragments(data) == [stream + b"\0" * (len(stream) % 2)]
    shown = np.asarray(Image.open(io.BytesIO(stream)).convert("RGB"))
    assert abs(imread(data, color="rgb").astype(int) - shown).mean() < 2


def test_exif_an_icc_profile_and_comments_are_reported() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Yamada Tarou"
    stream = pillow(exif=exif, icc_profile=bytes(200), comment=b"x", subsampling="4:2:2")
    _, report, _ = wrapped([stream, pillow(subsampling="4:2:2")])
    finding = next(finding for finding in report.findings if finding.code == "embedded-metadata")
    assert all(word in finding.message for word in ("EXIF", "ICC", "comment", "(1 of 2 frames)")) and finding.severity == "info"
    assert "Yamada" not in str(report)


def test_what_stands_behind_the_end_is_reported_and_kept() -> None:
    stream = pillow("L")
    _, report, data = wrapped(stream + b"Yamada^Tarou")
    assert "behind-the-image" in codes(report) and b"Yamada" in structure.fragments(data)[0]
    assert not codes(wrapped(stream + b"\0")[1])


def test_frames_of_444_are_called_422_where_the_class_has_nothing_else() -> None:
    ds, report, _ = wrapped([pillow(subsampling="4:4:4")] * 2)
    assert (ds.PhotometricInterpretation, ds.SOPClassUID) == ("YBR_FULL_422", TRUE_COLOR) and codes(report) == {"colours"}


def test_an_extended_frame_header_of_8_bits_is_reported() -> None:
    stream = pillow("L").replace(b"\xff\xc0", b"\xff\xc1", 1)
    ds, report, _ = wrapped(stream)
    assert ds.file_meta.TransferSyntaxUID == ROOT + "50" and codes(report) == {"extended-process"}
    assert wrapped(stream, compression=ROOT + "51")[0].file_meta.TransferSyntaxUID == ROOT + "51"


def test_the_caller_s_word_on_colours_counts_where_the_stream_allows_it() -> None:
    ds, report, _ = wrapped(pillow(subsampling="4:4:4"), photometric="RGB")
    assert ds.PhotometricInterpretation == "RGB" and codes(report) == {"colours"}
    assert wrapped(stream_of("jpeg-lossless", "colour"), photometric="YBR_FULL")[0].PhotometricInterpretation == "YBR_FULL"
    with pytest.raises(PixelError, match="are YBR_RCT, not RGB"):
        wrapped(stream_of("jpeg2000-lossless", "colour"), photometric="RGB")
    assert wrapped(pillow("L"), photometric="MONOCHROME1")[0].PhotometricInterpretation == "MONOCHROME1"
    assert wrapped(pillow("L"), template={"PhotometricInterpretation": "MONOCHROME1"})[0].PhotometricInterpretation == "MONOCHROME1"


def test_the_segments_of_adobe_and_jfif_tell_the_colours() -> None:
    adobe = bytes.fromhex("ffee000e") + b"Adobe" + bytes.fromhex("0064 0000 0000")
    jfif = bytes.fromhex("ffe00010") + b"JFIF\0" + bytes.fromhex("0101 00 0001 0001 0000")
    jfxx = bytes.fromhex("ffe00008") + b"JFXX\0" + b"\x13"
    lossless, lossy = stream_of("jpeg-lossless", "colour"), stream_of("jpeg", "colour", subsampling="4:4:4")
    bare = lossy[:2] + lossy[4 + int.from_bytes(lossy[4:6], "big") :]  # without the segment of Adobe's
    for stream, segments, photometric in (
        (lossless, adobe + b"\0", "RGB"), (lossless, adobe + b"\1", "YBR_FULL"), (lossless, jfif, "RGB"),
        (bare, adobe + b"\0", "RGB"), (bare, adobe + b"\1", "YBR_FULL"), (bare, jfif + jfxx, "YBR_FULL"),
    ):
        ds, report, _ = wrapped(stream[:2] + segments + stream[2:])
        assert ds.PhotometricInterpretation == photometric and codes(report) <= {"embedded-metadata"}


def test_samples_may_be_indices_of_a_palette() -> None:
    colormap = np.linspace(0, 1, 768).reshape(256, 3)
    ds, _, data = wrapped(stream_of("jpeg-ls", "byte"), colormap=colormap)
    assert ds.PhotometricInterpretation == "PALETTE COLOR" and imread(data, color="rgb").shape == (40, 50, 3)
    with pytest.raises(PixelError, match="holds no unsigned PALETTE COLOR"):
        wrapped(pillow("L"), colormap=colormap)


@pytest.mark.parametrize(("make", "suffix", "photometric"), [
    (lambda array: imagecodecs.jpeg2k_encode(array, codecformat="jp2", reversible=True, level=0, mct=False), "90", "RGB"),
    (lambda array: imagecodecs.jpeg2k_encode(array, codecformat="jp2", level=40, mct=True), "91", "YBR_ICT"),
    (lambda array: imagecodecs.jpeg2k_encode(array, codecformat="j2k", reversible=True, level=0, mct=True), "90", "YBR_RCT"),
    (lambda array: imagecodecs.ljpeg_encode(array[..., 0].copy()), "57", "MONOCHROME2"),
    (lambda array: imagecodecs.jpegls_encode(array), "80", "RGB"),
    (lambda array: imagecodecs.jpegls_encode(array, level=3), "81", "RGB"),
    (lambda array: imagecodecs.htj2k_encode(array, reversible=True), "201", "YBR_RCT"),
])
def test_what_imagecodecs_makes_is_known(make: Callable[[Any], bytes], suffix: str, photometric: str) -> None:
    array = ARRAYS["colour"][0]
    stream = bytes(make(array))
    ds, report, data = wrapped(stream)
    assert ds.file_meta.TransferSyntaxUID == ROOT + suffix and ds.PhotometricInterpretation == photometric
    boxed = stream.startswith(b"\0\0\0\x0cjP")
    assert ("boxes" in codes(report)) == boxed
    assert structure.fragments(data)[0][:2] == stream[:2] if not boxed else structure.fragments(data)[0][:4] == b"\xff\x4f\xff\x51"
    if suffix in ("90", "57", "80", "201"):
        assert np.array_equal(imread(data), array if photometric != "MONOCHROME2" else array[..., 0])


def test_boxes_of_a_jp2_file_tell_of_colours_and_palettes() -> None:
    def box(kind: bytes, content: bytes) -> bytes:
        return (8 + len(content)).to_bytes(4, "big") + kind + content

    def file(colour: bytes, stream: bytes) -> bytes:
        return b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"jp2h", colour) + box(b"xml ", b"<name/>") + box(b"jp2c", stream)

    gray, plain = stream_of("jpeg2000-lossless", "byte"), stream_of("jpeg2000-lossless", "colour", mct=False)
    ds, report, _ = wrapped(file(box(b"colr", b"\1\0\0" + (18).to_bytes(4, "big")), plain))
    assert ds.PhotometricInterpretation == "YBR_FULL" and "xml" in str(report)
    with pytest.raises(PixelError, match="indices of a palette"):
        wrapped(file(box(b"pclr", b""), gray))
    assert wrapped(file(box(b"pclr", b""), gray), colormap=np.eye(3))[0].PhotometricInterpretation == "PALETTE COLOR"


def test_bits_that_our_encoder_cannot_make_are_wrapped_all_the_same() -> None:
    stream = bytearray(stream_of("htj2k", "word"))
    assert stream[42] == 11
    stream[42] = 8  # 9 bits, which lossy HTJ2K of ours does not have, and the standard has
    assert wrapped(bytes(stream), verify_pixels=False)[0].BitsStored == 9


def test_jpeg_xl_needs_a_word_where_it_may_be_lossless() -> None:
    with pytest.raises(PixelError, match="give compression= 'jpeg-xl-lossless' or 'jpeg-xl'"):
        wrapped(stream_of("jpeg-xl-lossless", "byte"))
    assert wrapped(stream_of("jpeg-xl", "colour"))[0].file_meta.TransferSyntaxUID == ROOT + "112"
    with pytest.raises(PixelError, match="does not hold it"):
        wrapped(stream_of("jpeg-xl", "colour"), compression="jpeg-xl-lossless")


def test_jpeg_xl_may_be_in_boxes() -> None:
    array = ARRAYS["word"][0] * 16
    spec = ImageSpec.from_array(array)
    stream = get_codec("jpeg-xl-lossless").encode_frame(array, spec)
    assert stream[4:8] == b"JXL "
    ds, _, data = wrapped(stream, compression="jpeg-xl-lossless")
    assert ds.BitsStored == 16 and np.array_equal(imread(data), array)
    with pytest.raises(CodecError, match="library says"):  # a promise of a JPEG that is not kept
        wrapped(stream[:12] + bytes.fromhex("00000008") + b"jbrd" + stream[12:], compression="jpeg-xl")
    with pytest.raises(CodecError, match="no code stream"):
        wrapped(stream[:12], compression="jpeg-xl")


def test_components_that_dicom_has_no_place_for_are_refused() -> None:
    with pytest.raises(PixelError, match="has 4 components, and a DICOM image has 1 or 3"):
        wrapped(pillow("CMYK"))
    mixed = bytearray(stream_of("jpeg2000-lossless", "colour"))
    mixed[45] = 6
    with pytest.raises(PixelError, match="different depths or signs"):
        wrapped(bytes(mixed))
    part_2 = bytearray(stream_of("jpeg2000-lossless", "colour"))
    part_2[6] |= 0x80
    with pytest.raises(PixelError, match="part 2 of JPEG 2000"):
        wrapped(bytes(part_2))
    sampled = bytearray(stream_of("jpeg-lossless", "colour"))
    sampled[sampled.index(b"\xff\xc3") + 11] = 0x22
    with pytest.raises(PixelError, match="components of different sizes"):
        wrapped(bytes(sampled))


def test_frames_are_not_decoded_where_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise CodecUnavailable("JPEG-LS needs imagecodecs, which is not installed")

    stream = stream_of("jpeg-ls", "word")
    monkeypatch.setattr("dcmenc.codecs.jpeg_ls.load", missing)
    _, report, _ = wrapped([stream] * 2)
    assert codes(report) == {"not-decoded"} and report.ok


# --------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("marker", "message"), [
    (0xC2, "progressive JPEG has no .* jpegtran rewrites it"), (0xC9, "arithmetic coded JPEG .* jpegtran"),
    (0xC5, "hierarchical JPEG .* decode it"),
    (0xCB, "arithmetic coded lossless JPEG .* decode it"), (0xCF, "hierarchical"), (0xCA, "progressive, arithmetic"),
])
def test_coding_processes_out_of_use_are_refused_with_a_way_out(marker: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(PixelError, match=message):
        wrap(tmp_path / "a.dcm", pillow("L").replace(b"\xff\xc0", bytes([0xFF, marker]), 1))
    assert not list(tmp_path.iterdir())


def test_a_progressive_file_of_pillow_is_refused() -> None:
    with pytest.raises(PixelError, match="jpegtran"):
        wrapped(pillow(progressive=True))


@pytest.mark.parametrize(("streams", "error", "message"), [
    (b"", PixelError, "begins with nothing"),
    (b"\x89PNG\r\n\x1a\n", PixelError, "a PNG file is no stream of DICOM"),
    (bytes(128) + b"DICM" + bytes(9), PixelError, "a DICOM file already: transcode"),
    (b"whatever", PixelError, "no compressed stream is known that begins with 77 68 61 74"),
    ([], PixelError, "there is no stream"),
    (np.zeros((4, 5), "u1"), TypeError, "imwrite writes pixels"),
    ([np.zeros(4)], TypeError, "not an array of shape"),
    (7, TypeError, "streams are bytes, a path, or an iterable of them, not"),
    ([7], TypeError, "a stream is bytes, a path or a binary file object"),
    ("/nowhere/a.jpg", FileNotFoundError, "a.jpg"),
])
def test_what_is_no_stream_is_refused(streams: Any, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        wrap(tmp_path / "a.dcm", streams)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"compression": "explicit"}, ValueError, "imwrite writes them"),
    ({"compression": "1.2.840.10008.1.2.4.94"}, ValueError, "for transport only"),
    ({"compression": "1.2.840.10008.1.2.7.1"}, ValueError, "for transport only"),
    ({"compression": "jpeg9"}, ValueError, "unknown transfer syntax"),
    ({"compression": 9}, TypeError, "compression is a name"),
    ({"compression": ROOT + "102"}, PixelError, "which no video for"),
    ({"compression": "rle"}, PixelError, "RLE Lossless does not hold it"),
    ({"bits_stored": 0}, PixelError, "not 0"),
    ({"bits_stored": 9}, PixelError, "have 8 bits, of which at most as many are stored, not 9"),
    ({"bits_stored": 5}, PixelError, "holds no unsigned MONOCHROME2 with 8 bits allocated and 5 stored"),
    ({"signed": True}, PixelError, "holds no signed"),
    ({"photometric": "RGB"}, PixelError, "are MONOCHROME2 or MONOCHROME1 or PALETTE COLOR, not RGB"),
    ({"sop_class": TRUE_COLOR}, PixelError, "cannot hold"),
    ({"PatientSex": "X"}, VerifyError, "PatientSex"),
    ({"PatientNam": "X"}, TypeError, "PatientName"),
    ({"PixelData": b""}, TypeError, "PixelData is not given"),
])
def test_wrong_wishes_leave_no_file(options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    for stream in (pillow("L"), [pillow("L")] * 2):
        with pytest.raises(error, match=message):
            wrap(tmp_path / "a.dcm", stream, **options)
        assert not list(tmp_path.iterdir())


def test_a_sign_that_the_stream_denies_is_refused() -> None:
    with pytest.raises(PixelError, match="says that its samples are unsigned"):
        wrapped(stream_of("jpeg2000-lossless", "word"), signed=True)


@pytest.mark.parametrize(("other", "message"), [
    (("jpeg-lossless", "byte"), "frame 2: the stream is JPEG Lossless of 40 rows, 50 columns and 1 sample of 8 bits, and the image .* 12"),
    (("jpeg-lossless", "colour"), "frame 2: the stream is JPEG Lossless .* 3 samples"),
    (("jpeg-ls", "word"), "frame 2: the stream is JPEG-LS of"),
    (("htj2k", "word"), "frame 2: the stream is HTJ2K of"),
])
def test_a_frame_unlike_the_others_leaves_the_old_file(other: tuple[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"old")
    good = stream_of("jpeg-lossless", "word")
    with pytest.raises(PixelError, match=message):
        wrap(path, iter([good, good, stream_of(*other), good]))
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_colours_coded_in_two_ways_are_not_one_image() -> None:
    with pytest.raises(PixelError, match="frame 1: the stream is YBR_ICT, and the image YBR_RCT"):
        wrapped([stream_of("jpeg2000-lossless", "colour"), stream_of("jpeg2000", "colour")], compression="jpeg2000")
    with pytest.raises(PixelError, match="frame 1: the stream is RGB, and the image YBR_FULL_422"):
        wrapped([pillow(subsampling="4:2:2"), pillow(keep_rgb=True)])


def test_a_stream_that_cannot_be_decoded_is_an_error_unless_nobody_looks(tmp_path: Path) -> None:
    good = stream_of("jpeg-lossless", "word")
    broken = good[:-200] + b"\xff\xd9"
    with pytest.raises(CodecError, match="frame 1: "):
        wrap(tmp_path / "a.dcm", [good, broken])
    assert not list(tmp_path.iterdir())
    assert wrap(tmp_path / "a.dcm", [good, broken], verify_pixels=False).ok


def test_an_existing_file_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        wrap(path, pillow("L"), exist_ok=False)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("compression", SYNTAXES)
def test_damaged_streams_raise_nothing_but_our_errors(compression: str) -> None:
    """Cut anywhere, or with any bytes changed in the header; nothing is taken on a length's word."""
    stream = stream_of(compression, "colour")
    given = {"compression": compression} if compression.startswith("jpeg-xl") else {}
    generator = np.random.default_rng(7)
    for number in range(300):
        damaged = bytearray(stream)
        if number % 3:
            for at in generator.integers(2, min(len(stream), 200), 1 + number % 4):
                damaged[at] = generator.integers(0, 256)
        else:
            del damaged[int(generator.integers(0, len(stream) - 2)):]
        try:
            wrap(io.BytesIO(), bytes(damaged), verify_pixels=False, **given)
        except (DcmencError, ValueError) as error:
            assert len(str(error)) < 600


# --------------------------------------------------------------------- where bytes come from and go to


def test_streams_come_from_paths_files_and_buffers(tmp_path: Path) -> None:
    stream = stream_of("jpeg-lossless", "word")
    path = tmp_path / "a.jpg"
    path.write_bytes(stream)
    for given in (stream, bytearray(stream), memoryview(stream), np.frombuffer(stream, "u1"), path, str(path), io.BytesIO(stream)):
        for streams in (given, [given], iter([given])):
            if hasattr(given, "seek"):
                given.seek(0)
            _, _, data = wrapped(streams)
            assert structure.fragments(data)[0].startswith(stream)
    report = wrap(path, path)  # its own source
    assert report.files == (str(path),) and np.array_equal(imread(path), ARRAYS["word"][0])
    assert list(tmp_path.iterdir()) == [path]


def test_an_iterator_of_one_makes_an_image_of_one_frame() -> None:
    ds, _, _ = wrapped(iter([stream_of("jpeg-lossless", "word")]))
    assert "NumberOfFrames" not in ds and ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"


def test_a_pipe_gets_the_offset_table_and_the_ratio_too() -> None:
    fixed: dict[str, Any] = {"uid_source": lambda: "1.2.3", "InstanceCreationDate": "20260102", "InstanceCreationTime": "03"}
    pipe = Pipe()
    wrap(pipe, [pillow("L")] * 3, **fixed)
    assert pipe.taken == wrapped([pillow("L")] * 3, **fixed)[2]


def test_many_frames_take_bounded_memory(tmp_path: Path) -> None:
    stream = stream_of("jpeg-lossless", "colour") + bytes(200000)

    def frames() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(bytearray(stream))

    tracemalloc.start()
    wrap(tmp_path / "a.dcm", frames(), verify_pixels=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "a.dcm").stat().st_size > 40e6 and peak < 8e6


# --------------------------------------------------------------------- video

# How they were made is in data/make_video.py.
VIDEOS = {
    "video.m2v": ("100", {"NumberOfFrames": 5}, "ISO_13818_2"),
    "video.mpg": ("100", {"NumberOfFrames": 5}, "ISO_13818_2"),
    "video.h264": ("102", {"NumberOfFrames": 5, "CineRate": 25}, "ISO_14496_10"),
    "video_h264.ts": ("102", {"NumberOfFrames": 5, "FrameTime": 40}, "ISO_14496_10"),
    "video_h264.mp4": ("102", {}, "ISO_14496_10"),
    "video.hevc": ("107", {"NumberOfFrames": 5, "FrameTime": 40.0}, "ISO_23008_2"),
}


def read(name: str) -> bytes:
    return (DATA / name).read_bytes()


@pytest.mark.parametrize("name", VIDEOS)
def test_video_is_one_fragment_with_an_empty_offset_table(name: str) -> None:
    suffix, attributes, method = VIDEOS[name]
    ds, report, data = wrapped(DATA / name, **attributes)
    assert ds.file_meta.TransferSyntaxUID == ROOT + suffix and ds.SOPClassUID == TRUE_COLOR
    assert (ds.Rows, ds.Columns, ds.NumberOfFrames, ds.SamplesPerPixel, ds.BitsStored, ds.PlanarConfiguration) == (48, 64, 5, 3, 8, 0)
    assert (ds.PhotometricInterpretation, ds.FrameTime, ds.CineRate) == ("YBR_PARTIAL_420", 40, 25)
    assert ds.FrameIncrementPointer == 0x00181063
    stream = read(name)
    assert structure.fragments(data) == [stream + b"\0" * (len(stream) % 2)] and structure.walked(data).items[0].data == b""
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", method)
    assert ds.LossyImageCompressionRatio == pytest.approx(5 * 48 * 64 * 3 / len(stream), rel=0.01)
    assert ("video-container" in codes(report)) == (name in ("video.h264", "video.hevc"))


def test_what_the_headers_of_video_do_not_tell_is_asked_for(tmp_path: Path) -> None:
    for name, message in (("video.h264", "NumberOfFrames and FrameTime .* or CineRate"), ("video.m2v", "do not tell NumberOfFrames: give")):
        with pytest.raises(PixelError, match=message):
            wrap(tmp_path / "a.dcm", DATA / name)
    with pytest.raises(PixelError, match=r"High Profile and Level 4\.2, which does not tell its transfer syntax: give one as compression="):
        wrap(tmp_path / "a.dcm", DATA / "video_level42.mp4")
    assert not list(tmp_path.iterdir())
    ds, report, _ = wrapped(DATA / "video_level42.mp4", compression=ROOT + "104")
    assert (ds.Rows, ds.Columns, ds.NumberOfFrames) == (38, 50, 5) and codes(report) == {"embedded-metadata"}


def test_fields_and_packets_with_a_time_are_read_too() -> None:
    ds, _, _ = wrapped(DATA / "video_fields.h264", NumberOfFrames=5, FrameTime=40)
    assert (ds.Rows, ds.Columns) == (48, 64)
    stream = read("video_h264.ts")
    timed = b"".join(bytes(4) + stream[at : at + 188] for at in range(0, len(stream), 188))
    ds, report, _ = wrapped(timed, NumberOfFrames=5, FrameTime=40)
    assert (ds.Rows, ds.Columns) == (48, 64) and not codes(report)


def test_ten_bits_of_hevc_need_a_class_that_holds_them() -> None:
    with pytest.raises(PixelError, match="no Secondary Capture class holds 5 frames of 16-bit YBR_PARTIAL_420"):
        wrapped(DATA / "video_hevc10.mp4")


def test_several_fragments_are_for_fragmentable_syntaxes() -> None:
    stream = read("video_h264.mp4")
    parts = [stream[:1000], stream[1000:]]
    _, _, data = wrapped(parts, compression=ROOT + "102.1")
    assert b"".join(structure.fragments(data))[: len(stream)] == stream and len(structure.fragments(data)) == 2
    with pytest.raises(PixelError, match=r"has one fragment, and there are 2 .*102\.1"):
        wrapped(parts)
    with pytest.raises(PixelError, match="odd length"):
        wrapped([stream[:999], stream[999:]], compression=ROOT + "102.1")


def test_video_for_another_syntax_or_with_wishes_of_frames_is_refused() -> None:
    with pytest.raises(PixelError, match=r"the stream is H\.264, which HEVC/H\.265 .* does not hold"):
        wrapped(DATA / "video_h264.mp4", compression=ROOT + "107")
    with pytest.raises(PixelError, match=r"the stream is H\.264, which JPEG Baseline"):
        wrapped(DATA / "video_h264.mp4", compression="jpeg")
    with pytest.raises(ValueError, match="video is lossy"):
        wrapped(DATA / "video_h264.mp4", lossy=False)
    with pytest.raises(CodecError, match="no movie box"):
        wrapped(b"\0\0\0\x18ftypheic" + bytes(12))
    with pytest.raises(PixelError, match="MPEG-1"):
        wrapped(read("video.m2v").replace(b"\0\0\1\xb5", b"\0\0\1\xb2"), NumberOfFrames=5)


@pytest.mark.parametrize("name", [*VIDEOS, "video_level42.mp4", "video_hevc10.mp4"])
def test_damaged_video_raises_nothing_but_our_errors(name: str) -> None:
    stream, generator = read(name), np.random.default_rng(9)
    for number in range(300):
        damaged = bytearray(stream)
        if number % 3:
            for at in generator.integers(4, len(stream), 1 + number % 20):
                damaged[at] = generator.integers(0, 256)
        else:
            del damaged[int(generator.integers(1, len(stream))):]
        try:
            wrap(io.BytesIO(), bytes(damaged), compression=f"{ROOT}{VIDEOS.get(name, ('102',))[0]}", NumberOfFrames=5, FrameTime=40)
        except DcmencError as error:
            assert len(str(error)) < 600


def test_other_doors_say_that_they_do_not_decode_video() -> None:
    _, _, data = wrapped(DATA / "video_h264.mp4")
    assert dcmread(data).NumberOfFrames == 5
    with pytest.raises(DcmencError):
        imread(data)


# --------------------------------------------------------------------- peers


def errors_of(data: bytes, program: str, folder: Path) -> set[str]:
    path = folder / "asked.dcm"
    path.write_bytes(data)
    done = subprocess.run([program, str(path)], capture_output=True, check=False)
    assert done.returncode >= 0, done.returncode
    return {line for line in (done.stdout + done.stderr).decode("latin-1").splitlines() if line.startswith("Error")}


CASES: dict[str, Callable[[], Any]] = {
    "jpeg": lambda: pillow("L"), "colour": lambda: pillow(subsampling="4:2:2"), "colours": lambda: [pillow(subsampling="4:2:2")] * 2,
    "lossless": lambda: [stream_of("jpeg-lossless", "byte")] * 3, "jpeg2000": lambda: stream_of("jpeg2000", "colour"),
}


@pytest.mark.peer
@pytest.mark.parametrize("case", CASES)
def test_dciodvfy_finds_no_more_than_in_a_native_twin(case: str, peer: Peer, tmp_path: Path) -> None:
    _, _, data = wrapped(CASES[case]())
    native = io.BytesIO()
    imwrite(native, imread(data, color="rgb" if "colour" in case else None))
    assert errors_of(data, peer("dciodvfy"), tmp_path) <= errors_of(native.getvalue(), peer("dciodvfy"), tmp_path)


@pytest.mark.peer
@pytest.mark.parametrize("case", [*CASES, "video_h264.mp4", "video.mpg"])
def test_dcmdump_reads_the_files(case: str, peer: Peer, tmp_path: Path) -> None:
    streams = CASES[case]() if case in CASES else DATA / case
    _, _, data = wrapped(streams, **({"NumberOfFrames": 5} if case == "video.mpg" else {}))
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    done = subprocess.run([peer("dcmdump"), str(path)], capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
