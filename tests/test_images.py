"""Arrays to files: what pydicom reads back, what dciodvfy says of it, and what is refused (PS3.3 A.8, PS3.10 7)."""

from __future__ import annotations

import copy
import io
import os
import shutil
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dcmenc import dcmread, iod
from dcmenc.errors import CodecUnavailable, DcmencWarning, EncodeError, PixelError, ReadError, VerifyError
from dcmenc.images import imread, imwrite
from dcmenc.model import Dataset
from dcmenc.report import Report
from dcmenc.values import Policy

SYNTAXES = {"explicit": "1.2.840.10008.1.2.1", "implicit": "1.2.840.10008.1.2", "big-endian": "1.2.840.10008.1.2.2",
            "deflated": "1.2.840.10008.1.2.1.99"}
GRAY = np.random.default_rng(7)


def gray(dtype: str, *shape: int) -> Any:
    limits = np.iinfo(dtype)
    return GRAY.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def written(array: Any, /, **options: Any) -> tuple[Any, Report]:
    """The file as pydicom reads it, and the report."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DcmencWarning)
        report = imwrite(file, array, **options)
    file.seek(0)
    return pydicom.dcmread(file), report


# name -> array, options, the last part of the SOP class, what pydicom's array is
ARRAYS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "u1": (gray("u1", 5, 7), {}, "7"),
    "i1": (gray("i1", 5, 7), {}, "7"),
    "u2": (gray("u2", 5, 7), {}, "7"),
    "i2": (gray("i2", 5, 7), {"photometric": "MONOCHROME1"}, "7"),
    "u2 of 12 bits": (gray("u2", 5, 7) >> 4, {"bits_stored": 12}, "7"),
    "i2 of 12 bits": (gray("i2", 5, 7) >> 4, {"bits_stored": 12}, "7"),
    ">u2": (gray("u2", 5, 7).astype(">u2"), {}, "7"),
    "every second column": (gray("u2", 5, 14)[:, ::2], {}, "7"),
    "RGB": (gray("u1", 5, 7, 3), {}, "7"),
    "RGB of 16 bits": (gray("u2", 5, 7, 3), {}, "7"),
    "YBR_FULL": (gray("u1", 5, 7, 3), {"photometric": "YBR_FULL"}, "7"),
    "bool": (gray("u1", 5, 7) > 99, {}, "7"),
    "one frame in front": (gray("u1", 1, 5, 7), {}, "7"),
    "palette": (gray("u1", 5, 7), {"colormap": np.linspace(0, 1, 256 * 3).reshape(256, 3)}, "7"),
    "bool frames": (gray("u1", 3, 5, 7) > 99, {}, "7.1"),
    "one bool frame": (gray("u1", 5, 7) > 99, {"sop_class": iod.SINGLE_BIT}, "7.1"),
    "byte frames": (gray("u1", 3, 5, 7), {}, "7.2"),
    "timed frames": (gray("u1", 3, 5, 7), {"FrameTime": 40}, "7.2"),
    "word frames": (gray("u2", 3, 5, 7), {}, "7.3"),
    "word frames of 12 bits": (gray("u2", 3, 5, 7) >> 4, {"bits_stored": 12, "BurnedInAnnotation": "NO"}, "7.3"),
    "colour frames": (gray("u1", 3, 5, 7, 3), {}, "7.4"),
    "frames of three columns": (gray("u1", 5, 7, 3), {"photometric": "MONOCHROME2"}, "7.2"),
}


@pytest.mark.parametrize("compression", SYNTAXES)
@pytest.mark.parametrize("name", ARRAYS)
def test_pydicom_reads_the_array_back(name: str, compression: str) -> None:
    array, options, sop_class = ARRAYS[name]
    ds, report = written(array, compression=compression, **options)
    assert report.ok and report.dropped == report.overridden == ()
    assert ds.file_meta.TransferSyntaxUID == SYNTAXES[compression]
    assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == f"1.2.840.10008.5.1.4.1.1.{sop_class}"
    assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID
    pixels = pydicom.pixels.pixel_array(ds, raw=True)
    expected = np.squeeze(array, 0) if array.shape[0] == 1 else array
    assert pixels.shape == expected.shape and np.array_equal(pixels, expected)


@pytest.mark.parametrize("compression", ["explicit", "implicit", "deflated"])
@pytest.mark.parametrize("dtype", ["u4", "i4"])
def test_32_bit_samples_in_little_endian(dtype: str, compression: str) -> None:
    array = gray(dtype, 5, 7)
    ds, _ = written(array, compression=compression)
    assert ds.BitsAllocated == 32 and np.array_equal(pydicom.pixels.pixel_array(ds), array)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_shape_and_dtype_comes_back(data: st.DataObject) -> None:
    dtype, frames = data.draw(st.sampled_from([("u1", 3), ("u2", 3), ("?", 3), ("i1", 1), ("i2", 1), ("u2", 1), ("?", 1)]))
    shape = data.draw(st.tuples(st.integers(1, frames), st.integers(1, 9), st.integers(1, 9)))
    array = data.draw(hnp.arrays(dtype, shape))
    ds, _ = written(array, photometric="MONOCHROME2", compression=data.draw(st.sampled_from(list(SYNTAXES))))
    assert np.array_equal(pydicom.pixels.pixel_array(ds).reshape(shape), array)
    if dtype == "?" and shape[0] > 1:
        assert ds.BitsAllocated == 1 and len(ds.PixelData) == (array.size + 15) // 16 * 2


@pytest.mark.parametrize("colormap", [np.linspace(0, 1, 300).reshape(100, 3), np.arange(300, dtype="u2").reshape(100, 3) * 99,
                                      np.arange(99, dtype="u1").reshape(33, 3)])
@pytest.mark.parametrize("compression", SYNTAXES)
def test_a_palette_gives_the_colours_back(colormap: Any, compression: str) -> None:
    array = GRAY.integers(0, len(colormap), (5, 7)).astype("u1")
    ds, _ = written(array, colormap=colormap, compression=compression)
    assert ds.PhotometricInterpretation == "PALETTE COLOR"
    if compression == "big-endian":
        # pydicom hands out OW as it stands in the file, and apply_color_lut takes it for little endian
        for colour in ("Red", "Green", "Blue"):
            element = ds[f"{colour}PaletteColorLookupTableData"]
            element.value = np.frombuffer(element.value, ">u2").astype("<u2").tobytes()
    colours = pydicom.pixels.apply_color_lut(ds.pixel_array, ds)
    scaled = np.rint(colormap * 65535).astype("u2") if colormap.dtype.kind == "f" else colormap
    assert colours.dtype.itemsize == scaled.dtype.itemsize and np.array_equal(colours, scaled[array])


def test_a_palette_of_65536_entries() -> None:
    colormap = np.arange(65536 * 3, dtype="u4").reshape(65536, 3).astype("u2")
    array = gray("u2", 5, 7)
    ds, _ = written(array, colormap=colormap)
    assert ds.RedPaletteColorLookupTableDescriptor == [0, 0, 16]
    assert np.array_equal(pydicom.pixels.apply_color_lut(array, ds), colormap[array])


# --------------------------------------------------------------------- dciodvfy

DCIODVFY = shutil.which("dciodvfy", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]))
needs_dciodvfy = pytest.mark.skipif(DCIODVFY is None and "DCMENC_REQUIRE_PEERS" not in os.environ, reason="dciodvfy is not installed")


def complaints(path: Path) -> list[str]:
    assert DCIODVFY is not None, "DCMENC_REQUIRE_PEERS is set and dciodvfy is not installed"
    run = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True, check=False)
    assert "SCImage" in run.stdout + run.stderr, run
    return [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.peer
@needs_dciodvfy
@pytest.mark.parametrize("compression", ["explicit", "implicit", "big-endian"])
@pytest.mark.parametrize("name", ARRAYS)
def test_dciodvfy_finds_no_error(name: str, compression: str, tmp_path: Path) -> None:
    array, options, _ = ARRAYS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DcmencWarning)
        imwrite(tmp_path / "a.dcm", array, compression=compression, **options)
    assert complaints(tmp_path / "a.dcm") == []


DCMDUMP = shutil.which("dcmdump")


@pytest.mark.peer
@pytest.mark.skipif(DCMDUMP is None and "DCMENC_REQUIRE_PEERS" not in os.environ, reason="dcmdump is not installed")
@pytest.mark.parametrize("compression", SYNTAXES)
def test_dcmdump_reads_every_file_without_a_warning(compression: str, tmp_path: Path) -> None:
    """Deflated files too, which dciodvfy cannot read."""
    assert DCMDUMP is not None, "DCMENC_REQUIRE_PEERS is set and dcmdump is not installed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DcmencWarning)
        for number, (array, options, _) in enumerate(ARRAYS.values()):
            imwrite(tmp_path / f"{number}.dcm", array, compression=compression, **options)
    run = subprocess.run([DCMDUMP, *map(str, sorted(tmp_path.iterdir()))], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "") and run.stdout.count("PixelData") == len(ARRAYS)


@pytest.mark.peer
@needs_dciodvfy
@pytest.mark.parametrize("part", ["ABDOMEN", "BLADDER", "BRAIN", "CHEST", "CSPINE", "HEAD", "HEART", "LIVER", "PELVIS", "PROSTATE"])
def test_dciodvfy_agrees_on_the_unpaired_body_parts(part: str, tmp_path: Path) -> None:
    imwrite(tmp_path / "a.dcm", gray("u1", 5, 7), BodyPartExamined=part)
    assert complaints(tmp_path / "a.dcm") == []


@pytest.mark.peer
@needs_dciodvfy
def test_dciodvfy_finds_what_the_check_finds(tmp_path: Path) -> None:
    """The oracle can fail: each file lacks what our own check would have refused."""
    for keyword in ("StudyInstanceUID", "PatientID", "ConversionType", "PatientOrientation"):
        imwrite(tmp_path / "a.dcm", gray("u1", 5, 7))
        ds = pydicom.dcmread(tmp_path / "a.dcm")
        del ds[keyword]
        ds.save_as(tmp_path / "a.dcm")
        assert any(keyword in line for line in complaints(tmp_path / "a.dcm"))


# --------------------------------------------------------------------- metadata

def test_the_file_holds_what_a_writer_may_state_and_nothing_clinical() -> None:
    uids = iter(["1.2.3", "1.2.4", "1.2.5"])
    ds, report = written(gray("u1", 5, 7), uid_source=uids.__next__, clock=lambda: datetime(2026, 1, 2, 3, 4, 5), PatientName="Müller^Jörg")
    assert (ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID) == ("1.2.3", "1.2.4", "1.2.5")
    assert (ds.InstanceCreationDate, ds.InstanceCreationTime, ds.Modality, ds.ConversionType) == ("20260102", "030405", "OT", "WSD")
    assert (ds.PatientName, ds.SpecificCharacterSet) == ("Müller^Jörg", "ISO_IR 192")
    assert ds.PatientID == ds.StudyDate == "" and "ContentDate" not in ds and "BurnedInAnnotation" not in ds
    assert ds.preamble == bytes(128) and report.findings == ()


def test_the_output_depends_on_nothing_but_the_arguments() -> None:
    def once() -> bytes:
        file = io.BytesIO()
        uids = iter(["1.2.3", "1.2.4", "1.2.5"])
        imwrite(file, np.zeros((5, 7), "u1"), uid_source=uids.__next__, clock=lambda: datetime(2026, 1, 2))
        return file.getvalue()

    assert once() == once()


def test_several_frames_assume_burned_in_annotation_and_say_so() -> None:
    ds, report = written(gray("u1", 2, 5, 7))
    assert ds.BurnedInAnnotation == "YES"
    assert [(f.severity, f.code, f.keyword) for f in report.findings] == [
        ("info", "assumed", "BurnedInAnnotation"), ("info", "frames", "NumberOfFrames"),
    ]
    ds, report = written(gray("u1", 2, 5, 7), BurnedInAnnotation="NO")
    assert ds.BurnedInAnnotation == "NO"
    (finding,) = report.findings
    assert finding.message.startswith("the array was taken as 2 frames of 5 rows and 7 columns; if its last axis counts the slices")


def test_the_report_names_the_file(tmp_path: Path) -> None:
    for target in (tmp_path / "a.dcm", str(tmp_path / "a.dcm"), os.fsencode(tmp_path / "a.dcm")):
        assert imwrite(target, gray("u1", 5, 7), durable=True).files == (str(tmp_path / "a.dcm"),)
    with pytest.raises(FileExistsError):
        imwrite(tmp_path / "a.dcm", gray("u1", 5, 7), exist_ok=False)


def template() -> Dataset:
    ds = Dataset(PatientName="Yamada^Tarou", StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.9", Rows=9, NumberOfFrames=4, BitsStored=12,
                 LargestImagePixelValue=4000, PhotometricInterpretation="MONOCHROME1", PixelData=bytes(9), PatientSex="F",
                 RedPaletteColorLookupTableDescriptor=(256, 0, 16))
    ds.IconImageSequence = [Dataset(Rows=1)]
    ds.private_block(0x0009, "ACME 1.1", create=True).add(0x01, "SH", "x")
    ds.file_meta = Dataset(TransferSyntaxUID="1.2.840.10008.1.2.4.70", MediaStorageSOPInstanceUID="1.2.9",
                           SourceApplicationEntityTitle="OLD")
    ds.preamble = b"II*\0" + bytes(124)
    return ds


def test_a_template_gives_its_metadata_and_loses_what_new_pixels_make_untrue() -> None:
    source = template()
    before = copy.deepcopy(source)
    ds, report = written(gray("u1", 5, 7), template=source, PatientSex="M", Rows=3)
    assert (ds.PatientName, ds.StudyInstanceUID, ds.PatientSex, ds[0x0009, 0x1001].value) == ("Yamada^Tarou", "1.2.3", "M", "x")
    assert set(report.dropped) == {"LargestImagePixelValue", "NumberOfFrames", "IconImageSequence", "RedPaletteColorLookupTableDescriptor",
                                   "SOPInstanceUID"}
    assert not {"LargestImagePixelValue", "NumberOfFrames", "IconImageSequence"} & set(ds.dir())
    assert set(report.overridden) == {"Rows", "BitsStored"} and ds.Rows == 5
    assert {f.keyword for f in report.findings if f.severity == "info"} == {*report.dropped, *report.overridden}
    assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID != "1.2.9"
    assert "SourceApplicationEntityTitle" not in ds.file_meta and ds.file_meta.TransferSyntaxUID == SYNTAXES["explicit"]
    assert ds.preamble == bytes(128)
    assert ds.PhotometricInterpretation == "MONOCHROME1", "an inverted image stays inverted"
    assert source == before and source.file_meta == before.file_meta, "the template is not changed"


def test_the_items_of_a_template_are_not_changed() -> None:
    source = Dataset()
    source.ModalityLUTSequence = [Dataset(LUTExplanation="x", ModalityLUTType="US", LUTData=bytes(2))]
    source.ModalityLUTSequence[0].add("LUTDescriptor", "SS", (1, 5, 16))
    written(gray("u1", 5, 7), template=source)
    assert source.ModalityLUTSequence[0]["LUTDescriptor"].vr == "SS"


def test_the_options_of_the_file_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr("dcmenc.images.dcmwrite", lambda target, ds, /, **options: seen.update(options))
    policy = Policy(long_value="error")
    imwrite(io.BytesIO(), gray("u1", 5, 7), durable=True, exist_ok=False, policy=policy)
    assert seen == {"durable": True, "exist_ok": False, "policy": policy}


def test_the_preamble_of_a_template_is_kept_only_when_asked_for() -> None:
    assert written(gray("u1", 5, 7), template=template(), keep_preamble=True)[0].preamble == template().preamble


def test_a_mapping_is_a_template_too() -> None:
    ds, _ = written(gray("u1", 5, 7), template={"PatientID": "4711", "MediaStorageSOPInstanceUID": "1.2"}, photometric="MONOCHROME2")
    assert ds.PatientID == "4711"


def test_a_template_may_be_the_path_of_a_file(tmp_path: Path) -> None:
    name = tmp_path / "template.dcm"
    imwrite(name, PLAIN, PatientName="Yamada^Tarou", StudyID="7")
    ds, report = written(PLAIN[:2], template=name)
    assert (ds.PatientName, ds.StudyID, ds.Rows) == ("Yamada^Tarou", "7", 2)
    assert "PixelData" not in report.dropped


def test_given_uids_stay_and_the_file_meta_follows() -> None:
    ds, _ = written(gray("u1", 5, 7), SOPInstanceUID="1.2.3.4", template=template())
    assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"


def test_a_template_of_secondary_capture_follows_the_frames_and_another_class_has_to_be_decided() -> None:
    ds, report = written(gray("u1", 2, 5, 7), template={"SOPClassUID": iod.SECONDARY_CAPTURE})
    assert ds.SOPClassUID == iod.GRAYSCALE_BYTE and "SOPClassUID" in report.overridden
    ds, _ = written(gray("u2", 5, 7), template={"SOPClassUID": iod.GRAYSCALE_WORD})
    assert (ds.SOPClassUID, ds.NumberOfFrames) == (iod.GRAYSCALE_WORD, 1)
    ct = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}
    with pytest.raises(VerifyError, match="ImageType is missing"):
        written(gray("u2", 5, 7), template=ct)
    with pytest.raises(ValueError, match=r"RT Plan Storage.*sop_class='SC'"):
        written(gray("u2", 5, 7), template={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.5"})
    assert written(gray("u2", 5, 7), template=ct, sop_class="SC")[0].SOPClassUID == iod.SECONDARY_CAPTURE


def test_attributes_that_mean_an_option_are_taken_as_it() -> None:
    ds, report = written(gray("u2", 5, 7) >> 4, BitsStored=12, PhotometricInterpretation="MONOCHROME1", SOPClassUID=iod.SECONDARY_CAPTURE)
    assert (ds.BitsStored, ds.HighBit, ds.PhotometricInterpretation) == (12, 11, "MONOCHROME1") and report.overridden == ()
    with pytest.raises(ValueError, match="contradict"):
        written(gray("u2", 5, 7), BitsStored=12, bits_stored=16)


def test_bool_outside_the_single_bit_class_becomes_0_and_1_in_bytes() -> None:
    ds, _ = written(np.eye(3, dtype=bool))
    assert (ds.BitsAllocated, ds.BitsStored, ds.PixelData) == (8, 1, b"\1\0\0\0\1\0\0\0\1\0")
    ds, _ = written(np.ones((2, 3, 3), bool), sop_class=iod.GRAYSCALE_BYTE, bits_stored=8, photometric="MONOCHROME2")
    assert ds.BitsStored == 8 and ds.pixel_array.sum() == 18


def test_a_used_template_of_frames_numbers_the_new_ones() -> None:
    pages = {"PageNumberVector": [1, 2, 3], "FrameIncrementPointer": "PageNumberVector", "NumberOfFrames": 3}
    ds, report = written(gray("u1", 2, 5, 7), template=pages)
    assert ds.PageNumberVector == [1, 2] and ds.NumberOfFrames == 2
    assert set(report.dropped) == {"PageNumberVector", "FrameIncrementPointer"} and set(report.overridden) == {"NumberOfFrames"}


def test_a_colormap_replaces_the_palette_of_the_template_whole() -> None:
    old = {"PaletteColorLookupTableUID": "1.2", "SegmentedRedPaletteColorLookupTableData": bytes(4),
           "RedPaletteColorLookupTableData": bytes(4), "RedPaletteColorLookupTableDescriptor": (2, 0, 16)}
    ds, report = written(gray("u1", 5, 7), template=old, colormap=np.ones((256, 3)))
    assert set(report.dropped) == {"PaletteColorLookupTableUID", "SegmentedRedPaletteColorLookupTableData"}
    assert set(report.overridden) == {"RedPaletteColorLookupTableData", "RedPaletteColorLookupTableDescriptor"}
    assert ds.RedPaletteColorLookupTableData == b"\xff" * 512 and "PaletteColorLookupTableUID" not in ds


def test_attributes_that_the_pixels_have_no_use_for_are_named() -> None:
    ds, report = written(gray("u1", 5, 7), PlanarConfiguration=1, NumberOfFrames=3)
    assert report.dropped == ("PlanarConfiguration",) and report.overridden == ("NumberOfFrames",)
    assert "PlanarConfiguration" not in ds and ds.NumberOfFrames == 1
    _, report = written(gray("u1", 5, 7, 3), PlanarConfiguration=1)
    assert report.dropped == () and report.overridden == ("PlanarConfiguration",)


# --------------------------------------------------------------------- refusals

PLAIN = np.zeros((4, 5), "u1")


@pytest.mark.parametrize(("array", "options", "error", "message"), [
    (np.zeros((4, 5)), {}, PixelError, r"nothing is rescaled silently.*astype\('uint8'\)"),
    (np.array([[-1000.4, 30.2]]), {}, PixelError, r"nothing is rescaled silently.*astype\('int16'\)"),
    (np.array([[np.nan, 1.0]]), {}, PixelError, "NaN"),
    ("file.dcm", {}, TypeError, "the target comes first"),
    (np.zeros((4, 5), "f4"), {}, PixelError, "nothing is rescaled silently"),
    (np.zeros((4, 5), "i8"), {}, PixelError, r"\.astype\('uint8'\)"),
    (np.zeros((4, 5), "c16"), {}, PixelError, "magnitude and phase"),
    (np.full((4, 5), 4096, "u2"), {"bits_stored": 12}, PixelError, r"sample at \(0, 0\) is 4096"),
    (np.zeros((2, 4, 5), "i2"), {}, PixelError, "PixelRepresentation is 1.*shift the values"),
    (np.zeros((2, 4, 5), "u4"), {}, PixelError, "no Secondary Capture class holds 2 frames of 32-bit.*one file a frame"),
    (np.zeros((2, 4, 5, 3), "u2"), {}, PixelError, "no Secondary Capture class holds 2 frames of 16-bit RGB"),
    (np.zeros((2, 4, 5), "u1"), {"photometric": "MONOCHROME1"}, PixelError, "MONOCHROME1.*inverts"),
    (np.zeros((2, 4, 5), "u1"), {"template": {"PhotometricInterpretation": "MONOCHROME1"}}, PixelError, "MONOCHROME1.*inverts"),
    (np.zeros((2, 4, 5), "u1"), {"colormap": np.zeros((256, 3))}, PixelError, "PALETTE COLOR.*RGB"),
    (np.zeros((2, 4, 5), "u1"), {"bits_stored": 7}, PixelError, "BitsStored is 7.*another bits_stored"),
    (np.zeros((2, 4, 5), "u2"), {"bits_stored": 8}, PixelError, "BitsStored is 8"),
    (np.zeros((2, 4, 5), "u1"), {"sop_class": "SC"}, PixelError, "NumberOfFrames is 2, where the class has 1"),
    (np.zeros((2, 4, 5), "?"), {"bits_stored": 8}, PixelError, "1 bit stored"),
    (PLAIN, {"sop_class": iod.SINGLE_BIT}, PixelError, "BitsAllocated is 8, where the class has 1"),
    (PLAIN, {"sop_class": "RT Plan Storage"}, ValueError, "makes no RT Plan Storage.*use dcmwrite"),
    (PLAIN, {"sop_class": "CT"}, VerifyError, "ImageType is missing"),
    (PLAIN, {"sop_class": "CT Imagge"}, ValueError, "CT Image Storage"),
    (PLAIN, {"colormap": np.zeros((256, 3)), "photometric": "RGB"}, PixelError, "goes with PALETTE COLOR"),
    (PLAIN, {"photometric": "PALETTE COLOR"}, PixelError, "give colormap="),
    (PLAIN, {"compression": "1.2.840.10008.1.2.4.100"}, CodecUnavailable, r"no codec is installed for MPEG2 .*RLE Lossless"),
    (PLAIN, {"compression": "1.2.840.10008.1.20"}, CodecUnavailable, "Papyrus"),
    (PLAIN, {"compression": "1.2.840.10008.1.2.4.94"}, ValueError, "for transport only"),
    (PLAIN, {"compression": "zip"}, ValueError, "one of explicit, implicit"),
    (PLAIN, {"compression": ""}, ValueError, "one of explicit, implicit"),
    (PLAIN, {"compression": 4}, TypeError, "a name, a UID or None"),
    (np.zeros((4, 5), "u4"), {"compression": "big-endian"}, PixelError, "another transfer syntax"),
    (PLAIN, {"template": "no such file.dcm"}, FileNotFoundError, "no such file.dcm"),
    (PLAIN, {"template": 5}, TypeError, "a mapping of DICOM keywords or a path, not int"),
    (PLAIN, {"template": {"PatientNane": "x"}}, ValueError, "PatientName"),
    (PLAIN, {"compresion": "rle"}, TypeError, "nearest: compression;.*nor a DICOM keyword"),
    (PLAIN, {"PatientNane": "x"}, TypeError, "nearest: PatientName"),
    (PLAIN, {"PixelData": b""}, TypeError, "the pixels are the array"),
    (PLAIN, {"TransferSyntaxUID": "1.2.840.10008.1.2"}, TypeError, "compression="),
    (PLAIN, {"MediaStorageSOPInstanceUID": "1.2"}, TypeError, "groups 0000 and 0002"),
    (PLAIN, {"StudyDate": "yesterday"}, EncodeError, r"^\(0008,0020\) StudyDate: DA 'yesterday'"),
    (PLAIN, {"PatientSex": "W"}, VerifyError, "PatientSex is 'W', where M, F, O are allowed"),
    (PLAIN, {"WindowCenter": 40}, VerifyError, "WindowWidth is missing"),
])
def test_wrong_input_is_refused_and_leaves_no_file(
    array: Any, options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        imwrite(tmp_path / "a.dcm", array, **options)
    assert list(tmp_path.iterdir()) == []


def test_verify_false_writes_what_the_check_would_refuse() -> None:
    ds, report = written(PLAIN, PatientSex="W", verify=False)
    assert ds.PatientSex == "W" and report.ok
    with pytest.raises(VerifyError) as caught:
        written(PLAIN, PatientSex="W")
    assert [(f.code, f.keyword) for f in caught.value.report.errors] == [("value-not-enumerated", "PatientSex")]


def test_big_endian_warns() -> None:
    with pytest.warns(DcmencWarning, match="retired"):
        imwrite(io.BytesIO(), PLAIN, compression="big-endian")


# --------------------------------------------------------------------- imread

@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i2", "u4", "i4"])
def test_imread_gives_back_what_imwrite_took(dtype: str, tmp_path: Path) -> None:
    array = np.arange(30).reshape(5, 6).astype(dtype)
    imwrite(tmp_path / "a.dcm", array)
    again = imread(tmp_path / "a.dcm")
    assert again.dtype == (np.dtype("u1") if dtype == "?" else array.dtype)
    assert np.array_equal(again, array)


def test_imread_gives_an_array_of_the_callers_own() -> None:
    data = io.BytesIO()
    imwrite(data, PLAIN)
    one, other = imread(data.getvalue()), imread(data.getvalue())
    one[:] = 0
    assert np.array_equal(other, PLAIN)


def test_imread_takes_a_file_object_and_one_frame() -> None:
    frames = np.arange(3 * 4 * 5, dtype="u1").reshape(3, 4, 5)
    file = io.BytesIO()
    imwrite(file, frames)
    file.seek(0)
    assert np.array_equal(imread(file, frame=-1), frames[2])
    with pytest.raises(IndexError, match="no frame 3: the image has 3 frames"):
        imread(file.getvalue(), frame=3)


def test_imread_gives_the_palette_or_its_colours() -> None:
    colormap = np.array([[0, 0, 0], [10, 20, 30], [255, 254, 253], [1, 1, 1]], "u1")
    indices = np.array([[0, 1, 2], [2, 1, 3]], "u1")
    file = io.BytesIO()
    imwrite(file, indices, colormap=colormap)
    array, palette = imread(file.getvalue(), return_colormap=True)
    assert np.array_equal(array, indices) and np.array_equal(palette, colormap)
    colours, none = imread(file.getvalue(), color="rgb", return_colormap=True)
    assert np.array_equal(colours, colormap[indices]) and none is None


@pytest.mark.parametrize(("options", "message"), [({"color": "gray"}, "'rgb', 'stored' or None"), ({"color": "rgb"}, "has no colour")])
def test_imread_refuses_what_it_cannot_give(options: dict[str, Any], message: str) -> None:
    file = io.BytesIO()
    imwrite(file, PLAIN)
    with pytest.raises(ValueError, match=message):
        imread(file.getvalue(), **options)


def test_imread_names_the_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no image")
    with pytest.raises(ReadError, match=r"note\.txt: no DICM prefix"):
        imread(tmp_path / "note.txt")


def test_imread_says_which_codec_is_missing() -> None:
    ds = dcmread(Path(pydicom.__file__).parent / "data" / "test_files" / "JPEG2000.dcm")
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.92"
    with pytest.raises(CodecUnavailable, match=r"JPEG 2000 Part 2 .*1\.2\.840\.10008\.1\.2\.4\.92"):
        imread(ds)


# ---- images of other classes (PS3.3 C.8.2.1, C.8.3.1)

PLACED: dict[str, Any] = {
    "FrameOfReferenceUID": "1.2.3", "ImagePositionPatient": (0, 0, 0), "ImageOrientationPatient": (1, 0, 0, 0, 1, 0),
    "PixelSpacing": (1, 1), "BodyPartExamined": "CHEST", "PatientPosition": "HFS",
}
OF_CLASS: dict[str, dict[str, Any]] = {
    "CT": {"ImageType": ("ORIGINAL", "PRIMARY", "AXIAL"), "RescaleSlope": 1, "RescaleIntercept": -1024, **PLACED},
    "MR": {"ImageType": ("ORIGINAL", "PRIMARY", "OTHER"), "ScanningSequence": "SE", "SequenceVariant": "NONE", **PLACED},
    "CR": {"PatientOrientation": ("L", "F"), "BodyPartExamined": "CHEST", "Modality": "CR"},
    "US": {"PatientOrientation": ("L", "F"), "BodyPartExamined": "CHEST", "Modality": "US"},
}


@pytest.mark.parametrize("name", OF_CLASS)
@pytest.mark.parametrize("compression", [None, "rle", "jpeg-lossless", "jpeg2000-lossless"])
def test_an_image_of_another_class_is_written_with_the_facts_of_its_class(name: str, compression: str | None) -> None:
    array = gray("u2", 5, 7) & 0xFFF
    ds, report = written(array, sop_class=name, compression=compression, bits_stored=12, **OF_CLASS[name])
    assert report.ok and not report.warnings and (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (16, 12, 11)
    assert ds.Modality == name and "ConversionType" not in ds and "NumberOfFrames" not in ds
    assert np.array_equal(imread(ds), array)


@pytest.mark.parametrize(("name", "stored"), [("CT", 12), ("MR", 8)])
@pytest.mark.parametrize("dtype", ["u1", "i1", "?"])
def test_bytes_become_words_where_the_class_holds_words(name: str, stored: int, dtype: str) -> None:
    array = gray("u1", 5, 7).view(dtype) if dtype != "?" else gray("u1", 5, 7) > 99
    ds, report = written(array, sop_class=name, **OF_CLASS[name])
    assert report.ok and (ds.BitsAllocated, ds.BitsStored, ds.PixelRepresentation) == (16, stored, dtype == "i1")
    assert np.array_equal(imread(ds), array)


@pytest.mark.parametrize(("name", "array", "options", "message"), [
    ("CT", np.zeros((2, 4, 5), "u2"), {}, "NumberOfFrames is 2, where the class has 1.*one file a frame"),
    ("MR", np.zeros((4, 5, 3), "u1"), {}, "PhotometricInterpretation is 'RGB', where the class has 'MONOCHROME1' or 'MONOCHROME2'"),
    ("CT", np.zeros((4, 5), "u1"), {"colormap": np.zeros((256, 3))}, "PhotometricInterpretation is 'PALETTE COLOR'"),
    ("CT", np.zeros((4, 5), "u2"), {"bits_stored": 8}, "BitsStored is 8.*another bits_stored"),
    ("MR", np.zeros((4, 5), "u4"), {}, "BitsAllocated is 32, where the class has 16"),
    ("MR", np.zeros((4, 5), "f4"), {}, "MR Image Storage holds integers, not float32"),
])
def test_pixels_that_a_class_does_not_hold_are_refused_with_a_way_out(
    name: str, array: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(PixelError, match=message):
        written(array, sop_class=name, **OF_CLASS[name], **options)


def test_missing_facts_of_a_class_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(VerifyError) as caught:
        imwrite(tmp_path / "ct.dcm", gray("u2", 5, 7), sop_class="CT")
    assert {finding.keyword for finding in caught.value.report.errors} == {
        "ImageType", "FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleIntercept",
        "RescaleSlope"}
    assert not list(tmp_path.iterdir())


def test_a_template_of_another_class_keeps_its_class_and_is_never_made_secondary_capture_silently() -> None:
    template = Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", **OF_CLASS["CT"])
    assert written(gray("u2", 5, 7), template=template)[0].SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    with pytest.raises(PixelError, match="CT Image Storage cannot hold the array"):
        written(np.zeros((5, 7, 3), "u1"), template=template)
