"""Faults that the pixel path once had, found by experiment; each test states the fact that it checks."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dcmenc.codecs
from dcmenc import CodecError, Dataset, ImageSpec, PixelError, Writer, dcmread, dcmwrite, imread, imwrite, transcode
from dcmenc.codecs import Holding, get_codec
from dcmenc.values import Fragments

pytestmark = pytest.mark.filterwarnings("ignore::dcmenc.DcmencWarning")

RLE = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


def image(**attributes: Any) -> Dataset:
    """A dataset of 2 x 3 pixels of 12 bits, as far as the attributes do not say otherwise."""
    facts = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "SOPInstanceUID": "1.2.3", "Rows": 2, "Columns": 3, "SamplesPerPixel": 1,
             "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}
    return Dataset(facts | attributes)


def in_syntax(ds: Dataset, uid: str) -> Dataset:
    ds.file_meta = Dataset(TransferSyntaxUID=uid)
    return ds


def rle_frame() -> bytes:
    return get_codec("rle").encode_frame(np.arange(6, dtype="u2").reshape(2, 3), ImageSpec(2, 3, stored=12))


def embedded_overlay(ds: Dataset, bit: int, rows: int = 2, columns: int = 3) -> Dataset:
    for element, vr, value in ((0x10, "US", rows), (0x11, "US", columns), (0x40, "CS", "G"), (0x50, "SS", [1, 1]), (0x100, "US", 16),
                               (0x102, "US", bit)):
        ds.add(0x60000000 + element, vr, value)
    return ds


# ---- Lost or wrong pixels


@pytest.mark.parametrize("compression", ["rle", "jpeg-lossless", "encapsulated-uncompressed"])
def test_native_frames_beyond_number_of_frames_are_not_left_out_without_a_word(compression: str) -> None:
    """Ten frames are there and NumberOfFrames is missing: nine of them may not vanish behind an empty report."""
    ds = image(PixelData=np.arange(60, dtype="u2").tobytes())
    try:
        report = transcode(ds, io.BytesIO(), compression)
    except PixelError:
        return
    assert any(finding.keyword == "PixelData" for finding in report.findings)


@pytest.mark.parametrize("source", ["rle", "jpeg-lossless"])
def test_encapsulated_frames_beyond_number_of_frames_are_not_left_out_without_a_word(source: str) -> None:
    """Five frames in five fragments with a table of five offsets, and no NumberOfFrames: four are lost silently."""
    file = io.BytesIO()
    imwrite(file, np.arange(5 * 64, dtype="u2").reshape(5, 8, 8), compression=source)
    ds = dcmread(file.getvalue())
    del ds["NumberOfFrames"]
    try:
        report = transcode(ds, io.BytesIO(), "explicit")
    except PixelError:
        return
    assert any(finding.keyword == "PixelData" for finding in report.findings)


def test_the_writer_refuses_masked_arrays_as_imwrite_does() -> None:
    """numpy.asarray drops the mask: pixels that have no value were written with what lies below it."""
    frame = np.ma.masked_array(np.arange(6, dtype="u2").reshape(2, 3), mask=[[0, 1, 0], [0, 0, 0]])
    with pytest.raises(PixelError, match="masked"), Writer(io.BytesIO(), frames=1) as writer:
        writer.write(frame)


@pytest.mark.parametrize(("compression", "frames"), [("rle", 1), ("rle", 2), ("jpeg-lossless", 1), ("jpeg-lossless", 2), ("explicit", 1)])
def test_a_bool_pixel_becomes_0_or_1_whatever_byte_numpy_keeps_for_true(compression: str, frames: int) -> None:
    """``(flags & 0x80).view(bool)`` is a bool array; imwrite says that bool becomes 0 and 1, and wrote 128 (or refused it)."""
    mask = np.array([[0, 0x80], [2, 1]] * frames, "u1").reshape(frames, 2, 2).view(bool)
    file = io.BytesIO()
    imwrite(file, mask, compression=compression)
    assert set(np.unique(imread(file.getvalue()).astype(int))) == {0, 1}


def test_32_bit_samples_are_refused_in_big_endian_from_native_sources_too() -> None:
    """imwrite, and transcode of compressed sources, refuse it because readers disagree; a native source went through (I-4).

    pydicom then reads 0, 65536, 131072 ... where 0, 1, 2 ... were.
    """
    ds = image(BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=np.arange(6, dtype="<u4").tobytes())
    with pytest.raises(PixelError, match="byte order"):
        transcode(ds, io.BytesIO(), "big-endian")


def test_words_under_the_vr_of_bytes_become_words_in_big_endian() -> None:
    """Native pixels of more than 8 bits allocated have the VR OW in Explicit VR Big Endian (PS3.5 A.3): OB stayed, its bytes unswapped.

    pydicom takes the byte order from the transfer syntax, and read 11265 for 300.
    """
    pydicom = pytest.importorskip("pydicom")
    pixels = np.arange(6, dtype="<u2").reshape(2, 3) * 300
    ds = image(BitsStored=16, HighBit=15)
    ds.add(0x7FE00010, "OB", pixels.tobytes())
    file = io.BytesIO()
    transcode(ds, file, "big-endian")
    found = pydicom.dcmread(io.BytesIO(file.getvalue()))
    assert found["PixelData"].VR == "OW"
    assert found.pixel_array.tolist() == pixels.tolist()


def test_an_overlay_inside_the_stored_bits_moves_with_them() -> None:
    """HighBit 15 of 12 bits stored becomes 11: the overlay of bit 6 is in bit 2 then (PS3.3 C.9.2)."""
    pixels = np.arange(6, dtype="<u2") << 4
    ds = embedded_overlay(image(HighBit=15, PixelData=pixels.tobytes()), 6)
    file = io.BytesIO()
    transcode(ds, file, "rle")
    found = dcmread(file.getvalue())
    bit = found[0x60000102].value
    inside = np.packbits((imread(found).reshape(-1) >> bit) & 1, bitorder="little").tobytes()
    bits = found[0x60003000].value if 0x60003000 in found else inside
    assert bits[0] & 0x3F == int(np.packbits((pixels >> 6 & 1).astype("u1"), bitorder="little")[0])


def test_an_overlay_with_empty_overlay_data_is_still_in_the_pixels() -> None:
    """An element without a value holds no overlay: the bits are the only copy, and were dropped."""
    pixels = np.arange(6, dtype="<u2") | (np.arange(6, dtype="<u2") % 2 << 13)
    ds = embedded_overlay(image(PixelData=pixels.astype("<u2").tobytes()), 13)
    ds.add(0x60003000, "OW", None)
    file = io.BytesIO()
    transcode(ds, file, "rle")
    assert dcmread(file.getvalue())[0x60003000].value == b"\x2a\x00"


def test_compressed_icons_are_freed_beside_native_pixels_too() -> None:
    """A fragment of RLE under the name of JPEG Lossless is garbage; _free_nested looked only if PixelData was in fragments, too."""
    icon = image(BitsAllocated=16, PixelData=Fragments((rle_frame(),)))
    ds = in_syntax(image(PixelData=bytes(12), IconImageSequence=[icon]), RLE)
    file = io.BytesIO()
    transcode(ds, file, "jpeg-lossless")
    found = dcmread(file.getvalue())
    assert "IconImageSequence" not in found or isinstance(found.IconImageSequence[0].PixelData, bytes)


# ---- Torn files


class _Slow(io.BytesIO):
    """A target that lets other threads run in each write."""

    def write(self, data: Any) -> int:
        time.sleep(0.005)
        return super().write(data)


def test_frames_from_several_threads_do_not_mix() -> None:
    """Each frame whole, in some order, or an error: the file had one frame's item header in front of another one's bytes."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 65536, (200, 200)).astype("u2") for _ in range(8)]
    target = _Slow()
    writer = Writer(target, frames=8, like=frames[0], compression="rle")
    threads = [threading.Thread(target=lambda part=part: [writer.write(frame) for frame in part]) for part in (frames[::2], frames[1::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    found = {frame.tobytes() for frame in imread(target.getvalue())}
    assert found == {frame.tobytes() for frame in frames}


class _Foreign:
    """A codec of another package, which keeps the contract unless a test breaks it."""

    profile = (Holding(("MONOCHROME2",), (8, 16), range(1, 17), (False, True)),)

    class Options:
        pass

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def bound(self, spec: ImageSpec, options: Any = None) -> int:
        return spec.frame_bytes

    def encode_frame(self, frame: Any, spec: ImageSpec, options: Any = None) -> Any:
        return np.ascontiguousarray(frame).tobytes()

    def decode_frame(self, data: Any, spec: ImageSpec) -> Any:
        return np.frombuffer(data, spec.dtype)[: spec.rows * spec.columns].reshape(spec.frame_shape)

    def describe(self, spec: ImageSpec, options: Any = None) -> dict[str, Any]:
        return {}

    def decoded_photometric(self, spec: ImageSpec) -> str:
        return spec.photometric


# syntaxes for which there is no codec in the package: one that keeps everything, one that need not
KEEPS, MAY_LOSE = "1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.93"
FRAMES = np.arange(2 * 6 * 5, dtype="u2").reshape(2, 6, 5)


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> type:
    made = type("Made", (_Foreign,), {})
    point = type("Point", (), {"load": lambda self: made})()
    monkeypatch.setattr(dcmenc.codecs, "_installed", lambda: {KEEPS: point, MAY_LOSE: point})
    return made


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("given", [memoryview, np.ravel, lambda frame: memoryview(np.ravel(frame))])
def test_a_codec_that_gives_no_bytes_makes_no_torn_file(foreign: Any, given: Any, verify: bool) -> None:
    """``len`` of a buffer of words is half of its bytes: the item header was wrong, and no reader got past it."""
    foreign.encode_frame = lambda self, frame, spec, options=None: given(np.ascontiguousarray(frame))
    file = io.BytesIO()
    try:
        imwrite(file, FRAMES, compression=KEEPS, verify_pixels=verify)
    except CodecError:
        assert not file.getvalue()
        return
    assert (imread(file.getvalue()) == FRAMES).all()


@pytest.mark.parametrize("given", [
    lambda spec: np.zeros(spec.frame_shape, "u1"), lambda spec: np.zeros((1, spec.columns), "u2"), lambda spec: np.zeros(spec.frame_shape),
    lambda spec: None, lambda spec: bytes(spec.frame_bytes), lambda spec: np.zeros(spec.rows * spec.columns, "u2"),
], ids=["bytes for words", "one row", "floats", "None", "bytes", "flat"])
def test_a_codec_that_decodes_to_something_else_is_an_error(foreign: Any, given: Any) -> None:
    """Codec.decode_frame promises ``spec.dtype`` and ``spec.frame_shape``; imread gave other pixels, or AttributeError."""
    file = io.BytesIO()
    imwrite(file, FRAMES, compression=KEEPS)
    foreign.decode_frame = lambda self, data, spec: given(spec)
    with pytest.raises(CodecError):
        imread(file.getvalue())


@pytest.mark.parametrize("door", ["imwrite", "transcode"])
def test_a_codec_that_loses_something_says_so_or_makes_no_file(foreign: Any, door: str) -> None:
    """Lossy pixels need LossyImageCompression 01, and transcoded ones a new SOP Instance UID (PS3.3 C.7.6.1.1.5, C.12.1.1.1; I-11)."""

    def write(file: io.BytesIO) -> None:
        native = io.BytesIO()
        imwrite(native, FRAMES[0], uid_source=lambda: "1.2.3")
        if door == "imwrite":
            imwrite(file, FRAMES[0], compression=MAY_LOSE)
        else:
            transcode(native.getvalue(), file, MAY_LOSE)

    foreign.encode_frame = lambda self, frame, spec, options=None: np.ascontiguousarray(frame & 0xFFFE).tobytes()
    with pytest.raises(CodecError, match="does not decode to the same pixels"):
        write(io.BytesIO())
    foreign.describe = lambda self, spec, options=None: {"LossyImageCompressionMethod": "ISO_10918_1"}
    write(file := io.BytesIO())
    found = dcmread(file.getvalue())
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod, found.LossyImageCompressionRatio) == ("01", "ISO_10918_1", 1)
    assert door == "imwrite" or found.SOPInstanceUID != "1.2.3" == found.SourceImageSequence[0].ReferencedSOPInstanceUID


def test_a_fork_does_not_take_the_parents_file_away(tmp_path: Path) -> None:
    """A child that leaves through the ``with`` removed its parent's temporary file; ``Sink.__del__`` has the guard, ``discard`` has not."""
    script = """
import os, sys
import numpy as np
from dcmenc import Writer, imread
frame = np.zeros((4, 5), "u2")
try:
    with Writer(sys.argv[1], frames=2, compression="rle") as writer:
        writer.write(frame)
        if not (child := os.fork()):
            raise SystemExit
        os.waitpid(child, 0)
        writer.write(frame)
except SystemExit:
    os._exit(0)
assert imread(sys.argv[1]).shape == (2, 4, 5)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.dcm")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]


def test_a_file_object_that_is_source_and_target_is_not_spoiled(tmp_path: Path) -> None:
    """transcode says that the source may be the target: of an open file, the new one was written behind the old one."""
    path = tmp_path / "a.dcm"
    imwrite(path, FRAMES)
    with open(path, "r+b") as file, contextlib.suppress(TypeError, ValueError):
        transcode(file, file, "rle")
    assert (imread(path) == FRAMES).all()


# ---- Lost metadata, reports


def test_what_is_left_out_of_items_is_among_the_dropped() -> None:
    """Report.dropped names what was dropped: an icon that could not be decoded was only a finding."""
    ds = in_syntax(image(PixelData=Fragments((rle_frame(),)), IconImageSequence=[image(PixelData=Fragments((b"junk",)))]), RLE)
    file = io.BytesIO()
    report = transcode(ds, file, "explicit")
    assert "IconImageSequence" not in dcmread(file.getvalue())
    assert any("IconImageSequence" in row or "0088,0200" in row for row in report.dropped)


def test_an_icon_that_cannot_be_decoded_does_not_take_its_neighbours_along() -> None:
    """The report says that (0009,1001)[0] was left out; the second item, which has no pixels at all, was gone, too."""
    ds = in_syntax(image(PixelData=Fragments((rle_frame(),))), RLE)
    ds.add(0x00090010, "LO", "ACME")
    ds.add(0x00091001, "SQ", [image(PixelData=Fragments((b"junk",)), PatientComments="A"), Dataset(PatientComments="B")])
    file = io.BytesIO()
    transcode(ds, file, "explicit")
    found = dcmread(file.getvalue())
    assert 0x00091001 in found
    assert "B" in [getattr(item, "PatientComments", None) for item in found[0x00091001].value]


@pytest.mark.parametrize("kind", ["path", "pydicom"])
def test_a_template_keeps_what_stands_behind_its_pixels(tmp_path: Path, kind: str) -> None:
    """A dcmenc.Dataset as template keeps it; a path or a pydicom.Dataset of the same file lost it, and no report said so."""
    pydicom = pytest.importorskip("pydicom")
    ds = image(PixelData=bytes(12))
    ds.add(0x7FE10010, "LO", "ACME")
    ds.add(0x7FE11001, "LO", "behind")
    path, file = tmp_path / "a.dcm", io.BytesIO()
    dcmwrite(path, ds)
    report = imwrite(file, np.zeros((2, 3), "u2"), template=path if kind == "path" else pydicom.dcmread(path))
    assert 0x7FE11001 in dcmread(file.getvalue()) or any("7FE1" in row for row in report.dropped)


def test_options_of_an_uncompressed_target_are_an_error() -> None:
    """imwrite refuses them (TypeError); transcode of a native source took ``options=17`` without a word."""
    with pytest.raises(TypeError):
        transcode(image(PixelData=bytes(12)), io.BytesIO(), "explicit", options={"predictor": 4})


def test_a_dataset_without_pixels_is_compressed_by_nobody() -> None:
    """Between uncompressed syntaxes there is nothing to do for the pixels, and so nothing is amiss."""
    transcode(image(), file := io.BytesIO(), "implicit")
    assert dcmread(file.getvalue()).Rows == 2
    with pytest.raises(PixelError):
        transcode(image(), io.BytesIO(), "rle")


# ---- The Writer


@pytest.mark.parametrize("columns", [1, 3, 4])
@pytest.mark.parametrize("announced", [2, None])
def test_frames_of_few_columns_are_frames(columns: int, announced: int | None) -> None:
    """A frame of shape (5, 3) is gray: the Writer made up an image of three axes and took its columns for samples."""
    file = io.BytesIO()
    with Writer(file, frames=announced) as writer:
        writer.extend(np.zeros((2, 5, columns), "u1"))
    assert imread(file.getvalue()).shape == (2, 5, columns)


@pytest.mark.parametrize("compression", ["rle", "jpeg-lossless"])
def test_a_single_frame_of_bool_is_written_without_its_number(compression: str) -> None:
    """The class was chosen for eight bits stored, and the one frame then had one: refused only after all the work, in close()."""
    file = io.BytesIO()
    with Writer(file, compression=compression) as writer:
        writer.write(np.ones((5, 8), bool))
    assert imread(file.getvalue()).reshape(5, 8).astype(int).tolist() == [[1] * 8] * 5


def test_a_dtype_without_a_shape_counts() -> None:
    """``Writer(dtype=)`` is documented by itself: a first frame of another dtype decided all the same."""
    with pytest.raises(PixelError), Writer(io.BytesIO(), dtype="u2") as writer:
        writer.write(np.zeros((4, 5), "u1"))


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_frames_wait_for_a_descriptor_in_the_folder_of_temporary_files(folder: str) -> None:
    """Nothing can be created in /dev/fd, and nothing should be in /dev (which /dev/stdout did): FileNotFoundError."""
    read, write = os.pipe()
    with open(read, "rb") as reader, open(write, "wb"):
        with Writer(f"{folder}/{write}", compression="rle") as writer:
            writer.write(np.zeros((4, 5), "u2"))
        os.close(os.dup(write))
        assert reader.read1(132)[128:] == b"DICM"


# ---- Bounded memory


def test_an_overlay_claims_no_memory_before_a_frame_has_been_decoded() -> None:
    """Twenty frames that claim 65535 x 65535 pixels in 128 bytes each: 80 GiB were asked for before the first was looked at (I-13)."""
    ds = image(Rows=65535, Columns=65535, NumberOfFrames=20, PixelData=Fragments((rle_frame(),) * 20))
    embedded_overlay(in_syntax(ds, RLE), 12, 65535, 65535)
    with pytest.raises(CodecError):
        transcode(ds, io.BytesIO(), "encapsulated-uncompressed")


def test_more_frames_than_a_file_holds_are_refused_before_they_are_numbered() -> None:
    """2**31 - 1 frames of 4 GiB do not fit; ``complete`` made a list of 2**31 page numbers first."""
    script = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from dcmenc import PixelError, Writer
try:
    Writer("/nonexistent/a.dcm", shape=(65535, 65535), dtype="u1", frames=2**31 - 1)
except PixelError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n", done.stderr[-200:]
