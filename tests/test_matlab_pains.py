"""What users of MATLAB's writer complain about, and what happens here: one test for each row of the table in docs/matlab.md."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from test_matlab import BYTES, EXPLICIT, FACTS, IMPLICIT, SC, WORDS, written

import dcmenc
from dcmenc import Dataset, EncodeError, PixelError, Typed, VerifyError, dcmread, dicominfo, dicomread, dicomwrite

VOLUME = np.random.default_rng(20).integers(0, 256, (4, 5, 6), "u1")
PET, NM = "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.20"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def file_with(**attributes: Any) -> Dataset:
    """An image with such attributes."""
    file = io.BytesIO()
    dcmenc.imwrite(file, WORDS, verify=False, **attributes)
    return dcmread(file.getvalue())


def test_a_volume_is_told_how_it_is_written() -> None:
    with pytest.raises(PixelError, match=re.escape("For 6 frames of 4 rows and 5 columns give X[:, :, None, :]; for 4 frames")):
        written(VOLUME)
    for ds, frames in ((written(VOLUME[:, :, None, :])[0], np.moveaxis(VOLUME, 2, 0)), (written(VOLUME, axes="numpy")[0], VOLUME)):
        assert np.array_equal(ds.pixel_array, frames)


def test_floats_are_never_changed_silently() -> None:
    values = np.linspace(-1, 1, 35).reshape(5, 7)
    for array in (values, values.astype("f4")):
        with pytest.raises(PixelError, match="nothing is rescaled silently: rescale=True"):
            written(array)
    ds, status = written(values, rescale=True)
    assert np.abs(ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept - values).max() <= ds.RescaleSlope
    assert any(finding.code == "rescaled" for finding in status.report.findings)


@pytest.mark.parametrize("mode", ["Create", "Copy"])
def test_monochrome1_stays_and_its_pixels_too(mode: str) -> None:
    ds, status = written(WORDS, {"SOPClassUID": SC, "PhotometricInterpretation": "MONOCHROME1"}, CreateMode=mode)
    assert ds.PhotometricInterpretation == "MONOCHROME1" and np.array_equal(ds.pixel_array, WORDS)
    assert "PhotometricInterpretation" not in status.overridden


@pytest.mark.parametrize(("uid", "modality"), [(PET, "PT"), (NM, "NM")])
def test_metadata_of_other_classes_are_created_and_checked(uid: str, modality: str) -> None:
    array = WORDS if uid != NM else np.stack([WORDS] * 2, -1)[:, :, None, :]
    ds, status = written(array, {"SOPClassUID": uid})
    assert (ds.SOPClassUID, ds.Modality) == (uid, modality) and status.MissingData and np.array_equal(dicomread(rewritten(ds)), array)


def rewritten(ds: Any) -> bytes:
    file = io.BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_what_was_read_is_written_back_whatever_its_types() -> None:
    ds = file_with()
    ds.add(0x50003000, "OW", b"\1\0\2\0")
    ds.add(0x50000005, "US", 1)
    info = dicominfo(ds)
    new, status = written(WORDS, info, CreateMode="Copy")
    assert new[0x5000, 0x3000].value == b"\1\0\2\0" and new[0x5000, 0x0005].value == 1 and status.ok
    # a double, as all numbers of MATLAB's are
    assert written(WORDS, {"SeriesNumber": 3.0, "Rows": 5.0}, CreateMode="Copy")[0].SeriesNumber == 3
    with pytest.raises(EncodeError, match="IS"):
        written(WORDS, {"InstanceNumber": 3.5}, CreateMode="Copy")


def test_a_vr_of_a_file_stays() -> None:
    ds = file_with()
    item = Dataset(WaveformBitsAllocated=8, WaveformSampleInterpretation="SB")
    item.add(0x54001010, "OB", b"\1\2\3\4")
    ds.WaveformSequence = [item]
    new, _ = written(WORDS, dicominfo(ds), CreateMode="Copy", VR="explicit")
    element = new.WaveformSequence[0][0x5400, 0x1010]
    assert (element.VR, element.value) == ("OB", b"\1\2\3\4")
    typed, _ = written(WORDS, {"Private_0009_10xx_Creator": "ACME 1.1", "Private_0009_1001": Typed("OB", b"\1\2")}, WritePrivate=True)
    assert (typed[0x0009, 0x1001].VR, typed[0x0009, 0x1001].value) == ("OB", b"\1\2")


def test_private_attributes_are_written_with_creator_and_vr(tmp_path: Path) -> None:
    dictionary = tmp_path / "mine.txt"
    dictionary.write_text("(9003,xx38) FL DaysSincePriorStudy 1 ACME 1.1\n")
    fields = {"Private_9003_10xx_Creator": "ACME 1.1", "DaysSincePriorStudy": 3.5}
    ds, _ = written(BYTES, fields, WritePrivate=True, Dictionary=dictionary)
    block = ds.private_block(0x9003, "ACME 1.1")
    assert (block[0x38].VR, block[0x38].value, ds.file_meta.TransferSyntaxUID) == ("FL", 3.5, EXPLICIT)
    info = dicominfo(rewritten(ds), dictionary=dictionary)
    assert info.DaysSincePriorStudy == 3.5 and dicominfo(rewritten(ds)).Private_9003_1038 == 3.5
    with pytest.raises(EncodeError, match="Private_9003_10xx_Creator"):
        written(BYTES, {"Private_9003_1038": Typed("FL", 3.5)}, WritePrivate=True)


def test_what_is_left_out_is_in_the_status() -> None:
    ds, status = written(BYTES, {"SliceThickness": 2, "KVP": 120})
    assert ds.SliceThickness == 2 and "KVP" not in ds and status.dropped == ("KVP",)
    with pytest.raises(VerifyError, match="KVP"):
        written(BYTES, {"KVP": 120}, strict=True)
    assert written(BYTES, KVP=120)[0].KVP == 120, "named by itself it stays"


def test_slices_of_one_call_are_one_series(tmp_path: Path) -> None:
    slices = np.stack([WORDS] * 3, -1)[:, :, None, :]
    facts = {key: value for key, value in FACTS["CT Image Storage"].items() if key != "ImagePositionPatient"}
    status = dicomwrite(slices, tmp_path / "slice.dcm", facts, ObjectType="CT Image Storage", MultiframeSingleFile=False,
                        per_frame={"ImagePositionPatient": [(0, 0, 2.5 * at) for at in range(3)]})
    made = [pydicom.dcmread(path) for path in status.files]
    assert len({(ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID) for ds in made}) == 1
    assert [(ds.InstanceNumber, ds.ImagePositionPatient[2]) for ds in made] == [(1, 0), (2, 2.5), (3, 5)]
    uids = {"StudyInstanceUID": dcmenc.dicomuid(), "SeriesInstanceUID": dcmenc.dicomuid()}
    assert {written(WORDS, uids, InstanceNumber=at)[0].SeriesInstanceUID for at in (1, 2)} == {uids["SeriesInstanceUID"]}


def test_geometry_may_be_given_for_a_secondary_capture() -> None:
    ds, status = written(BYTES, PixelSpacing=[0.5, 0.25], ImagePositionPatient=[0, 0, 5])
    assert (list(ds.PixelSpacing), list(ds.ImagePositionPatient), ds.SOPClassUID) == ([0.5, 0.25], [0, 0, 5], SC) and not status.dropped


def test_twelve_bits_are_stored_and_more_are_refused() -> None:
    ds, _ = written(WORDS, bits_stored=12)
    assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (16, 12, 11) and np.array_equal(ds.pixel_array, WORDS)
    with pytest.raises(PixelError, match="12"):
        written(np.full((2, 2), 4096, "u2"), bits_stored=12)


def test_what_no_length_can_say_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    huge = np.broadcast_to(np.uint16(0), (65535, 65535))
    with pytest.raises(PixelError, match="more than the 4 GiB that uncompressed Pixel Data hold"):
        dicomwrite(huge, tmp_path / "huge.dcm")
    assert not list(tmp_path.iterdir())


def test_other_metadata_leave_the_pixels_alone(tmp_path: Path) -> None:
    dicomwrite(BYTES, tmp_path / "a.dcm", CompressionMode="JPEG lossy")
    ds = dcmread(tmp_path / "a.dcm")
    ds.PatientName = "Anonymous"
    dcmenc.dcmwrite(tmp_path / "b.dcm", ds)
    before, after = (pydicom.dcmread(tmp_path / name) for name in ("a.dcm", "b.dcm"))
    assert after.PixelData == before.PixelData and after.PatientName == "Anonymous"


def test_explicit_vr_where_it_is_asked_for_or_needed() -> None:
    struct = {"Private_0009_10xx_Creator": "ACME 1.1", "Private_0009_1001": "x"}
    calls: list[dict[str, Any]] = [{}, {"VR": "explicit"}, {"WritePrivate": True}, {"WritePrivate": True, "VR": "implicit"}]
    syntaxes = [written(BYTES, struct, **options)[0].file_meta.TransferSyntaxUID for options in calls]
    assert syntaxes == [IMPLICIT, EXPLICIT, EXPLICIT, IMPLICIT]
    assert file_with().file_meta.TransferSyntaxUID == EXPLICIT


@pytest.mark.parametrize(("array", "words"), [
    (np.zeros((0, 0)), "no pixels"), (None, "are no object"), ({}, "are no object"), (np.uint8(3), "shape"),
    ([[1, 2], [3]], "makes no array"),
], ids=str)
def test_what_is_no_image_is_told_so(array: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises((PixelError, TypeError), match=words):
        dicomwrite(array, tmp_path / "a.dcm")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value", "words"), [
    ("SOPClassUID", "Secondary Capture Image Storage", "names go with ObjectType"), ("ContentTime", 1456789012, "TM"),
    ("ContentTime", "1456789012.5", "TM"), ("StudyInstanceUID", "Secondary Capture", "UI"), ("StudyDate", "1.4.1999", "DA"),
    ("Modality", "not a modality", "CS"),
])
def test_copied_snippets_with_wrong_values_are_refused(name: str, value: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        written(BYTES, name, value)


def test_keywords_of_older_releases_are_known() -> None:
    old = {"PatientsName": "Yamada^Tarou", "OperatorName": "Suzuki", "ReferringPhysiciansName": {"FamilyName": "Sato"}}
    ds, status = written(BYTES, old)
    assert (ds.PatientName, ds.ReferringPhysicianName) == ("Yamada^Tarou", "Sato") and not status.BadAttribute
    assert ds.OperatorsName == "Suzuki"


def test_truth_values_as_text() -> None:
    struct = {"Private_0009_10xx_Creator": "ACME 1.1"}
    for word, there in (("false", False), ("False", False), ("true", True), (0, False), (1, True)):
        assert (0x00090010 in written(BYTES, struct, "WritePrivate", word)[0]) is there
    with pytest.raises(ValueError, match="WritePrivate is true or false"):
        written(BYTES, struct, "WritePrivate", "yes please")


def test_items_of_frames_that_are_gone_go_too(tmp_path: Path) -> None:
    info = {"SOPClassUID": ENHANCED_MR, "SOPInstanceUID": "1.2.3", "NumberOfFrames": 3, "PerFrameFunctionalGroupsSequence": {
        f"Item_{at}": {"FrameContentSequence": {"Item_1": {"FrameAcquisitionNumber": at}}} for at in (1, 2, 3)}}
    two = np.stack([WORDS] * 2, -1)[:, :, None, :]
    ds, status = written(two, info, CreateMode="Copy")
    assert (ds.NumberOfFrames, len(ds.PerFrameFunctionalGroupsSequence)) == (2, 2)
    assert "PerFrameFunctionalGroupsSequence" in {*status.overridden, *status.dropped}
    three = np.stack([WORDS] * 3, -1)[:, :, None, :]
    status = dicomwrite(three, tmp_path / "mr.dcm", info, CreateMode="Copy", MultiframeSingleFile=False)
    frames = [pydicom.dcmread(path).PerFrameFunctionalGroupsSequence for path in status.files]
    assert [[item.FrameContentSequence[0].FrameAcquisitionNumber for item in groups] for groups in frames] == [[1], [2], [3]]


def test_names_beyond_ascii_bring_their_character_set() -> None:
    ds, status = written(BYTES, PatientName="Müller^Jörg")
    assert (ds.SpecificCharacterSet, str(ds.PatientName)) == ("ISO_IR 192", "Müller^Jörg") and status.ok
    assert "SpecificCharacterSet" not in written(BYTES, PatientName="Mueller")[0]


def test_each_row_of_the_table_has_its_test() -> None:
    page = (Path(__file__).parents[1] / "docs" / "matlab.md").read_text(encoding="utf-8")
    table = page.partition("## Twenty complaints")[2].partition("\n## ")[0]
    named = re.findall(r"^\|.*`(test_\w+)`", table, re.M)
    tests = [name for name in globals() if name.startswith("test_") and name != "test_each_row_of_the_table_has_its_test"]
    assert named == tests and len(named) == 20


