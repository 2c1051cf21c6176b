"""From one transfer syntax to another: the same pixels, the same instance, the same metadata but what the new encoding makes untrue."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dcmenc import CodecError, CodecUnavailable, Dataset, Fragments, ImageSpec, PixelError, ReadError, dcmread, dumps, imread, transcode
from dcmenc.codecs import get_codec
from dcmenc.encapsulation import encapsulate
from dcmenc.frames import stored_values
from dcmenc.pixels import image_attributes
from dcmenc.uid import transfer_syntax

SYNTAXES = ("explicit", "implicit", "big-endian", "deflated", "rle", "jpeg-lossless", "jpeg-lossless-p14", "encapsulated-uncompressed")
COMPRESSED = SYNTAXES[4:]
TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
pytestmark = pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")
IDENTITY = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "1.2.3.4", "PatientName": "Yamada^Tarou"}


def native(spec: ImageSpec, cells: Any, **attributes: Any) -> Dataset:
    """A dataset with such cells, unused bits included."""
    little = np.ascontiguousarray(np.moveaxis(cells, -1, -3) if spec.planar else cells)
    ds = Dataset(IDENTITY | image_attributes(spec) | attributes)
    ds.PixelData = little.astype(little.dtype.newbyteorder("<")).tobytes() + b"\0" * (little.nbytes % 2)
    return ds


def written(source: Any, syntax: str, **options: Any) -> bytes:
    file = io.BytesIO()
    transcode(source, file, syntax, **options)
    return file.getvalue()


def random_cells(shape: tuple[int, ...], bits: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 1 << bits, shape).astype("u1" if bits <= 8 else "u2")


def syntax_of(data: bytes) -> str:
    return str(dcmread(data).file_meta.TransferSyntaxUID)


PIXELS = ("PixelData", "TransferSyntaxUID", "PlanarConfiguration", "ExtendedOffsetTable", "ExtendedOffsetTableLengths")


# What the new encoding of the pixels makes untrue.
STALE = ("SmallestImagePixelValue", "LargestImagePixelValue", "DataSetTrailingPadding", "DigitalSignaturesSequence")


def metadata(data: bytes) -> bytes:
    """The elements beside the pixels as Implicit VR has them: what was UN there has a VR once it is read from it."""
    ds = dcmread(data)
    ds.preamble = ds.file_meta = None
    for keyword in (*PIXELS, *STALE):
        ds.pop(keyword, None)
    for tag in [tag for tag in ds if not tag & 0xFFFF]:
        del ds[tag]
    return dumps(ds, implicit_vr=True, little_endian=True, force_encoding=True)


WHEEL = (
    "CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "examples_overlay.dcm", "examples_palette.dcm",
    "examples_rgb_color.dcm", "image_dfl.dcm", "SC_rgb_small_odd.dcm", "SC_rgb_rle.dcm", "SC_rgb_rle_2frame.dcm",
    "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_16bit_2frame.dcm", "OBXXXX1A_rle.dcm", "OBXXXX1A_rle_2frame.dcm", "emri_small.dcm",
    "emri_small_RLE.dcm", "emri_small_big_endian.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "liver_1frame.dcm", "rtdose_rle_1frame.dcm",
    "color-pl.dcm", "OBXXXX1A.dcm", "OBXXXX1A_expb_2frame.dcm", "rtdose.dcm",
)


def wheel_file(name: str) -> bytes:
    found = [path for path in TEST_FILES.parent.rglob(name) if path.is_file()]
    if not found:
        pytest.fail(f"{name} is not in pydicom's wheel")
    return found[0].read_bytes()


def available(name: str) -> bool:
    return any(TEST_FILES.parent.rglob(name))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", [name for name in WHEEL if available(name)])
def test_real_images_keep_pixels_and_metadata_there_and_back(name: str, syntax: str) -> None:
    data = wheel_file(name)
    pixels, before = imread(data), metadata(data)
    try:
        packed = written(data, syntax)
    except PixelError as error:
        # the profile says no: bits, or 32 of them
        assert "holds no" in str(error) or "32-bit samples" in str(error)
        return
    assert syntax_of(packed) == transfer_syntax(syntax).uid
    assert np.array_equal(imread(packed), pixels)
    again = written(packed, "explicit")
    assert np.array_equal(imread(again), pixels)
    assert metadata(packed) == before == metadata(again)
    assert not set(dcmread(packed)) - set(dcmread(data))
    theirs, original = (pydicom.dcmread(io.BytesIO(file)) for file in (packed, data))
    if syntax != "encapsulated-uncompressed" and not (syntax == "big-endian" and theirs.BitsAllocated == 32):
        assert np.array_equal(pydicom.pixels.pixel_array(theirs, raw=True), pydicom.pixels.pixel_array(original, raw=True))


@pytest.mark.filterwarnings("ignore:PixelData has")
def test_a_byte_that_fills_up_an_odd_length_is_no_frame() -> None:
    for frames, size in ((1, 1), (3, 1), (1, 3)):
        ds = native(ImageSpec(1, size, frames, allocated=8, stored=8), np.ones((frames, 1, size), "u1"))
        assert len(ds.PixelData) % 2 == 0
        assert imread(written(ds, "rle")).size == frames * size
        ds.PixelData = bytes(ds.PixelData) + bytes(2 * size)
        with pytest.raises(PixelError, match="frames are there, and NumberOfFrames says"):
            written(ds, "rle")


def test_native_pixels_go_over_as_they_are_bits_and_all() -> None:
    ds = native(ImageSpec(5, 7, stored=12), random_cells((5, 7), 16), SmallestImagePixelValue=3)
    for syntax in SYNTAXES[:4]:
        back = dcmread(written(ds, syntax))
        assert bytes(back.PixelData) == ds.PixelData and back.SmallestImagePixelValue == 3


def test_the_same_syntax_copies_the_fragments_unless_options_are_given() -> None:
    ds = native(ImageSpec(64, 64, stored=12), random_cells((64, 64), 9))
    first = written(ds, "jpeg-lossless-p14", options={"predictor": 2})
    assert dcmread(written(first, "jpeg-lossless-p14")).PixelData == dcmread(first).PixelData
    assert dcmread(written(first, "jpeg-lossless-p14", options={"predictor": 7})).PixelData != dcmread(first).PixelData


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", COMPRESSED)
def test_bits_above_those_stored_are_left_out_and_counted(syntax: str, signed: bool) -> None:
    values = random_cells((3, 9, 11), 12)
    cells = values.copy()
    cells[1, 2, 3:8] |= 0xA000
    ds = native(ImageSpec(9, 11, 3, stored=12, signed=signed), cells)
    file = io.BytesIO()
    report = transcode(ds, file, syntax)
    finding, = report.warnings
    assert (finding.code, finding.keyword) == ("unused-bits", "PixelData") and "in 5 samples" in finding.message
    expected = values.astype("i2") if signed else values
    if signed:
        expected = np.where(values & 0x800, values | 0xF000, values).astype("u2").view("i2")
    assert np.array_equal(imread(file.getvalue()), expected)
    # once they are gone there is nothing to report
    assert not transcode(file.getvalue(), io.BytesIO(), "rle" if syntax != "rle" else "jpeg-lossless").findings


@pytest.mark.parametrize("signed", [False, True])
def test_unused_bits_that_repeat_the_sign_or_are_zero_are_no_finding(signed: bool) -> None:
    values = random_cells((9, 11), 12)
    filled = np.where(values & 0x800, values | 0xF000, values).astype("u2")
    for cells in (values, filled) if signed else (values,):
        assert not transcode(native(ImageSpec(9, 11, stored=12, signed=signed), cells), io.BytesIO(), "rle").findings


def test_stored_bits_that_are_not_the_lowest_become_so() -> None:
    """PS3.5 8.1.1 has HighBit at BitsStored - 1; older files have not."""
    values = random_cells((9, 11), 12)
    ds = native(ImageSpec(9, 11, stored=12), values << 4, HighBit=15)
    with pytest.warns(match="4 lowest bits are left out"):
        file = written(ds, "jpeg-lossless")
    back = dcmread(file)
    assert (back.HighBit, back.BitsStored) == (11, 12)
    assert np.array_equal(imread(file), values)
    kept = dcmread(written(ds, "implicit"))
    assert (kept.HighBit, bytes(kept.PixelData)) == (15, ds.PixelData)


# ---- overlays in the unused bits (PS3.5 8.1.2) ----

def with_overlays(frames: int, planes: dict[int, Any], **attributes: Any) -> tuple[Dataset, Any]:
    values = random_cells((frames, 10, 13) if frames > 1 else (10, 13), 12, 3)
    cells = values.copy()
    ds = native(ImageSpec(10, 13, frames, stored=12), cells)
    for number, (bit, plane) in enumerate(planes.items()):
        cells |= plane.astype("u2") << bit
        group = 0x6000 + 2 * number
        for element, vr, value in ((0x10, "US", 10), (0x11, "US", 13), (0x40, "CS", "G"), (0x50, "SS", [1, 1]), (0x100, "US", 16),
                                   (0x102, "US", bit)):
            ds.add(group << 16 | element, vr, value)
    ds.PixelData = cells.tobytes()
    ds.update(attributes)
    return ds, values


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("syntax", COMPRESSED)
def test_overlays_in_the_pixels_survive_every_syntax_and_back(syntax: str, frames: int) -> None:
    generator = np.random.default_rng(4)
    planes = {bit: generator.integers(0, 2, (frames, 10, 13) if frames > 1 else (10, 13)) for bit in (12, 15)}
    ds, values = with_overlays(frames, planes)
    before = dumps(ds)
    file = io.BytesIO()
    report = transcode(ds, file, syntax)
    assert [(f.code, f.path) for f in report.findings] == [("overlay-extracted", "(6000,3000)"), ("overlay-extracted", "(6002,3000)")]
    for data in (file.getvalue(), written(file.getvalue(), "explicit"), written(file.getvalue(), "rle")):
        assert np.array_equal(imread(data), values)
        back = pydicom.dcmread(io.BytesIO(data))
        for group, plane in zip((0x6000, 0x6002), planes.values(), strict=True):
            assert np.array_equal(back.overlay_array(group), plane)
            assert (back[group, 0x100].value, back[group, 0x102].value) == (1, 0)
    assert dumps(ds) == before


def test_overlays_come_out_of_compressed_cells_too() -> None:
    """A stream may hold all 16 bits of a cell, overlays among them; decompressed they are where they were, and from there they come out."""
    plane = np.random.default_rng(5).integers(0, 2, (10, 13))
    ds, values = with_overlays(1, {14: plane})
    cells = np.frombuffer(ds.PixelData, "u2").reshape(10, 13)
    codec = get_codec("jpeg-lossless")
    ds.PixelData = encapsulate([codec.encode_frame(cells, ImageSpec(10, 13))]).pixels
    ds.file_meta.TransferSyntaxUID = codec.uid
    assert bytes(dcmread(written(ds, "explicit")).PixelData) == cells.tobytes()
    back = written(ds, "rle")
    assert np.array_equal(pydicom.dcmread(io.BytesIO(back)).overlay_array(0x6000), plane)
    assert np.array_equal(imread(back), values)


def test_an_overlay_that_does_not_fit_the_pixels_is_refused() -> None:
    plane = np.zeros((10, 13), "u2")
    for attributes, message in (({0x60000010: 9}, "of 9 rows and 13 columns, does not go with pixels of 16 bits, 10 rows"),
                                ({0x60000102: 16}, "in bit 16"), ({0x60000102: None}, "not in which bit")):
        ds, _ = with_overlays(1, {12: plane})
        for tag, value in attributes.items():
            ds.add(tag, "US", value)
        with pytest.raises(PixelError, match=message):
            transcode(ds, io.BytesIO(), "rle")


def test_overlays_with_elements_of_their_own_stay_as_they_are() -> None:
    ds = native(ImageSpec(2, 4, stored=12), random_cells((2, 4), 12))
    for element, vr, value in ((0x10, "US", 20), (0x11, "US", 4), (0x100, "US", 1), (0x102, "US", 0), (0x3000, "OW", b"\x0f\xf0" * 5)):
        ds.add(0x60000000 | element, vr, value)
    back = dcmread(written(ds, "jpeg-lossless"))
    assert [back[0x60000000 | element].value for element in (0x10, 0x11, 0x100, 0x102)] == [20, 4, 1, 0]
    assert bytes(back[0x60003000].value) == b"\x0f\xf0" * 5


# ---- what goes, and what stays ----

def test_what_the_new_encoding_makes_untrue_goes_and_is_reported() -> None:
    ds = native(ImageSpec(4, 5, stored=12), random_cells((4, 5), 12), SmallestImagePixelValue=0, LargestImagePixelValue=9,
                DigitalSignaturesSequence=[Dataset(MACIDNumber=1)], MACParametersSequence=[Dataset(MACIDNumber=1)],
                DataSetTrailingPadding=b"\0\0", PixelPaddingValue=0, NumberOfFrames=1, PatientComments="kept")
    file = io.BytesIO()
    report = transcode(ds, file, "rle")
    assert report.ok and set(report.dropped) == {"SmallestImagePixelValue", "LargestImagePixelValue", "DigitalSignaturesSequence",
                                                 "MACParametersSequence", "DataSetTrailingPadding"}
    back = dcmread(file.getvalue())
    assert (back.NumberOfFrames, back.PatientComments, back.PixelPaddingValue) == (1, "kept", 0)
    assert back.SOPInstanceUID == back.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"


def test_elements_behind_the_pixels_and_private_ones_are_kept() -> None:
    ds = native(ImageSpec(4, 5, stored=12), random_cells((4, 5), 12))
    ds.private_block(0x7FE3, "ACME 1.1", create=True).add(1, "LO", "山田")
    ds.private_block(0x0009, "ACME 1.1", create=True).add(1, "UN", b"\1\2")
    for syntax in SYNTAXES:
        back = dcmread(written(written(ds, syntax), "explicit"))
        assert back.private_block(0x0009, "ACME 1.1")[1].value == b"\1\2"
        value = back.private_block(0x7FE3, "ACME 1.1")[1].value
        assert value == ("山田" if syntax != "implicit" else "山田".encode())


def test_the_offset_tables_of_the_source_do_not_go_along() -> None:
    spec = ImageSpec(4, 5, 2, stored=12)
    codec, frames = get_codec("rle"), random_cells((2, 4, 5), 12)
    ds = native(spec, frames)
    pixels = encapsulate([codec.encode_frame(frame, spec) for frame in frames]).pixels
    offsets = (0).to_bytes(8, "little") + (8 + len(pixels.fragments[0])).to_bytes(8, "little")
    ds.PixelData, ds.ExtendedOffsetTable = Fragments(pixels.fragments), offsets
    ds.ExtendedOffsetTableLengths = b"".join(len(fragment).to_bytes(8, "little") for fragment in pixels.fragments)
    ds.file_meta.TransferSyntaxUID = codec.uid
    report = transcode(ds, file := io.BytesIO(), "jpeg-lossless")
    assert set(report.dropped) == {"ExtendedOffsetTable", "ExtendedOffsetTableLengths"}
    back = dcmread(file.getvalue())
    assert "ExtendedOffsetTable" not in back and len(back.PixelData.table) == 8
    assert np.array_equal(imread(file.getvalue()), frames)


def icon(codec: str | None) -> Dataset:
    spec = ImageSpec(3, 3, allocated=8, stored=8)
    frame = np.arange(9, dtype="u1").reshape(3, 3)
    made = Dataset(image_attributes(spec))
    made.PixelData = frame.tobytes() + b"\0" if codec is None else Fragments((get_codec(codec).encode_frame(frame, spec),))
    return made


def test_compressed_icons_are_decompressed_and_native_ones_stay() -> None:
    spec = ImageSpec(4, 5, stored=12)
    values = random_cells((4, 5), 12)
    ds = native(spec, values, IconImageSequence=[icon("rle")])
    ds.ReferencedImageSequence = [Dataset(IconImageSequence=[icon("rle")], ReferencedSOPInstanceUID="1.2"), Dataset()]
    ds.PixelData = encapsulate([get_codec("rle").encode_frame(values, spec)]).pixels
    ds.file_meta.TransferSyntaxUID = get_codec("rle").uid
    before = dumps(ds)
    for syntax in ("explicit", "jpeg-lossless"):
        report = transcode(ds, file := io.BytesIO(), syntax)
        assert [(f.code, f.path) for f in report.findings] == [
            ("icon-decoded", "(0008,1140)[0].(0088,0200)[0]"), ("icon-decoded", "(0088,0200)[0]")]
        back = dcmread(file.getvalue())
        for item in (back.IconImageSequence[0], back.ReferencedImageSequence[0].IconImageSequence[0]):
            assert bytes(item.PixelData)[:9] == bytes(range(9))
        assert back.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2" and len(back.ReferencedImageSequence) == 2
        assert bytes(dcmread(written(file.getvalue(), "rle")).IconImageSequence[0].PixelData)[:9] == bytes(range(9))
    assert dumps(ds) == before


def test_an_icon_that_cannot_be_decoded_is_left_out_and_reported() -> None:
    spec, values = ImageSpec(4, 5, stored=12), random_cells((4, 5), 12)
    broken = icon("rle")
    broken.PixelData = Fragments((b"\0\0",))
    ds = native(spec, values, IconImageSequence=[broken])
    ds.PixelData = encapsulate([get_codec("rle").encode_frame(values, spec)]).pixels
    ds.file_meta.TransferSyntaxUID = get_codec("rle").uid
    report = transcode(ds, file := io.BytesIO(), "jpeg-lossless")
    finding, = report.findings
    assert finding.code == "dropped" and "cannot be decoded" in finding.message
    assert "IconImageSequence" not in dcmread(file.getvalue()) and "IconImageSequence" in ds


def test_who_wrote_the_file_is_said_anew_and_the_preamble_is_zeros() -> None:
    ds = native(ImageSpec(4, 5, stored=12), random_cells((4, 5), 12))
    ds.preamble = b"MZ" + bytes(126)
    ds.file_meta.ImplementationClassUID, ds.file_meta.ImplementationVersionName = "1.2.3", "THEIRS"
    ds.file_meta.SourceApplicationEntityTitle = "MODALITY"
    for syntax in ("implicit", "rle"):
        data = written(ds, syntax)
        back = dcmread(data)
        assert data[:128] == bytes(128) and back.file_meta.ImplementationVersionName.startswith("DCMENC")
        assert back.file_meta.SourceApplicationEntityTitle == "MODALITY"
        assert written(ds, syntax, keep_preamble=True)[:2] == b"MZ"


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_colour_by_pixel_and_by_plane(syntax: str, planar: int) -> None:
    values = random_cells((5, 7, 3), 8)
    ds = native(ImageSpec(5, 7, samples=3, allocated=8, stored=8, photometric="RGB", planar=planar), values)
    data = written(ds, syntax)
    assert np.array_equal(imread(data), values)
    assert np.array_equal(imread(written(data, "explicit")), values)
    expected = {"rle": 1, "jpeg-lossless": 0, "jpeg-lossless-p14": 0}.get(syntax, planar)
    assert dcmread(data).PlanarConfiguration == expected
    assert np.array_equal(pydicom.pixels.pixel_array(pydicom.dcmread(io.BytesIO(written(data, "explicit"))), raw=True), values)


def test_subsampled_native_pixels_get_samples_of_their_own() -> None:
    ds = Dataset(IDENTITY | {"Rows": 1, "Columns": 4, "SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "BitsAllocated": 8,
                             "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "PlanarConfiguration": 0})
    ds.PixelData = bytes([1, 2, 9, 8, 3, 4, 7, 6])
    report = transcode(ds, file := io.BytesIO(), "jpeg-lossless")
    assert report.overridden == ("PhotometricInterpretation",)
    assert dcmread(file.getvalue()).PhotometricInterpretation == "YBR_FULL"
    assert imread(file.getvalue()).tolist() == [[[1, 9, 8], [2, 9, 8], [3, 7, 6], [4, 7, 6]]] == stored_values(ds).tolist()


# ---- sources and targets ----

@pytest.mark.parametrize("syntax", ["rle", "jpeg-lossless", "implicit"])
def test_datasets_of_pydicom_paths_buffers_and_files_are_the_same_source(tmp_path: Path, syntax: str) -> None:
    path = TEST_FILES / "CT_small.dcm"
    expected = written(path, syntax)
    theirs = pydicom.dcmread(path)
    before = theirs.to_json()
    assert written(theirs, syntax) == expected
    assert theirs.to_json() == before
    assert written(str(path), syntax) == written(path.read_bytes(), syntax) == written(dcmread(path), syntax) == expected
    with path.open("rb") as file:
        assert written(file, syntax) == expected
    report = transcode(path, tmp_path / "new.dcm", syntax)
    assert (tmp_path / "new.dcm").read_bytes() == expected and report.files == (str(tmp_path / "new.dcm"),)


def test_a_file_is_transcoded_onto_itself(tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    path.write_bytes((TEST_FILES / "CT_small.dcm").read_bytes())
    pixels = imread(path)
    for syntax in ("jpeg-lossless", "rle", "explicit", "rle", "deflated"):
        transcode(path, path, syntax)
        assert syntax_of(path.read_bytes()) == transfer_syntax(syntax).uid
        assert np.array_equal(imread(path), pixels)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_workers_make_no_difference(syntax: str, tmp_path: Path) -> None:
    ds = native(ImageSpec(40, 50, 30, stored=12), random_cells((30, 40, 50), 12))
    alone = written(ds, syntax)
    for workers in (2, 5):
        transcode(ds, tmp_path / "x.dcm", syntax, workers=workers)
        assert (tmp_path / "x.dcm").read_bytes() == alone == written(ds, syntax, workers=workers)
    assert written(alone, "explicit", workers=3) == written(alone, "explicit")


def test_a_damaged_frame_leaves_the_old_file_and_says_which_it_is(tmp_path: Path) -> None:
    spec, frames = ImageSpec(20, 30, 4, stored=12), random_cells((4, 20, 30), 12)
    codec = get_codec("jpeg-lossless")
    encoded = [codec.encode_frame(frame, spec) for frame in frames]
    encoded[2] = encoded[2][:-100]
    ds = native(spec, frames)
    ds.PixelData, ds.file_meta.TransferSyntaxUID = encapsulate(encoded).pixels, codec.uid
    path = tmp_path / "x.dcm"
    path.write_bytes(b"old")
    memory = io.BytesIO()
    for target in (path, memory):
        for syntax in ("rle", "explicit"):
            for workers in (1, 3):
                with pytest.raises(CodecError, match="frame 2: "):
                    transcode(ds, target, syntax, workers=workers)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path] and not memory.getvalue()
    assert np.array_equal(imread(dumps(ds), frame=3), frames[3])
    with pytest.raises(CodecError, match="frame 2: "):
        imread(dumps(ds))


@pytest.mark.parametrize(("change", "syntax", "kind", "message"), [
    ({"PixelData": None}, "rle", PixelError, "the dataset has no pixels"),
    ({"Rows": None}, "rle", PixelError, "Rows is missing"),
    ({}, "zip", ValueError, "unknown transfer syntax"),
    ({}, "1.2.840.10008.1.2.4.100", CodecUnavailable, "no codec is installed for MPEG2"),
    ({}, "1.2.840.10008.1.2.4.94", ValueError, "for transport only"),
    ({"PhotometricInterpretation": "YBR_FULL_420"}, "rle", PixelError, "YBR_FULL_420"),
])
def test_what_cannot_be_transcoded_is_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, Any], syntax: str, kind: type[Exception], message: str
) -> None:
    ds = native(ImageSpec(4, 5, stored=12), random_cells((4, 5), 12))
    for keyword, value in change.items():
        ds.pop(keyword)
        if value is not None:
            setattr(ds, keyword, value)
    with pytest.raises(kind, match=message):
        transcode(ds, tmp_path / "x.dcm", syntax)
    assert not list(tmp_path.iterdir())


def test_options_are_for_compressed_syntaxes_and_checked() -> None:
    ds = native(ImageSpec(4, 5, stored=12), random_cells((4, 5), 12))
    with pytest.raises(TypeError, match="has no option 'quality'"):
        transcode(ds, io.BytesIO(), "jpeg-lossless", options={"quality": 3})
    with pytest.raises(ValueError, match="workers is a number from 1 on"):
        transcode(ds, io.BytesIO(), "implicit", workers=0)
    with pytest.raises(TypeError, match="has no options"):
        transcode(written(ds, "rle"), io.BytesIO(), "implicit", options={"predictor": 2})
    with pytest.raises(ReadError):
        transcode(b"no file", io.BytesIO(), "rle")


def test_no_warning_comes_with_a_plain_image() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for syntax in ("rle", "jpeg-lossless", "jpeg-lossless-p14", "explicit", "encapsulated-uncompressed"):
            assert written(TEST_FILES / "CT_small.dcm", syntax)
