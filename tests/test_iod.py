"""IODs: what Secondary Capture and its multi-frame classes demand, what a writer may fill, what a check finds (PS3.3 A.8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from dcmenc.completion import complete
from dcmenc.dictionary import Tag, keyword_table
from dcmenc.errors import DcmencError
from dcmenc.iod import (
    CAPTURES,
    GRAYSCALE_BYTE,
    GRAYSCALE_WORD,
    MULTI_FRAME,
    SECONDARY_CAPTURE,
    SINGLE_BIT,
    TRUE_COLOR,
    misfits,
    pixel_rules,
)
from dcmenc.iod_tables import Attribute, attributes_of, sop_classes
from dcmenc.model import Dataset
from dcmenc.report import Finding
from dcmenc.values import LENIENT, Fragments
from dcmenc.verification import check

MOMENT = datetime(2026, 11, 22, 13, 14, 15, 160000)

# What the pixels of each class may look like: two by two, of one frame or two.
PIXELS: dict[str, dict[str, Any]] = {
    SECONDARY_CAPTURE: {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": bytes(4)},
    SINGLE_BIT: {"NumberOfFrames": 2, "BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelData": bytes(1)},
    GRAYSCALE_BYTE: {"NumberOfFrames": 2, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": bytes(8)},
    GRAYSCALE_WORD: {"NumberOfFrames": 2, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelData": bytes(16)},
    TRUE_COLOR: {"NumberOfFrames": 2, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": bytes(24), "SamplesPerPixel": 3,
                 "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0},
}


def pixels(uid: str) -> Dataset:
    common = {"Rows": 2, "Columns": 2, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
    return Dataset(common | PIXELS[uid])


def completed(uid: str, **attributes: Any) -> Dataset:
    ds = pixels(uid)
    ds.update(attributes)
    complete(ds, uid, clock=lambda: MOMENT)
    return ds


def faults(ds: Dataset, sop_class: str | None = None) -> list[Finding]:
    """What is found, without the remarks on what only a person can know."""
    return [finding for finding in check(ds, sop_class=sop_class).findings if finding.code != "condition-undecided"]


def codes(ds: Dataset, sop_class: str | None = None) -> list[tuple[str, str]]:
    return [(finding.code, finding.keyword) for finding in faults(ds, sop_class)]


@pytest.fixture(params=list(CAPTURES), ids=lambda uid: f"7{uid[len(SECONDARY_CAPTURE):]}")
def uid(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def rows(uid: str) -> Iterator[tuple[str, Attribute]]:
    """What the modules that a class must have say of the data set."""
    for tag, row in attributes_of(uid).items():
        yield Tag(tag).keyword, row


def test_the_classes_of_secondary_capture_name_only_what_there_is() -> None:
    for capture in CAPTURES.values():
        assert {*capture.pixels, *capture.stated} <= keyword_table().keys()
    assert len(CAPTURES) == 5 and len(MULTI_FRAME) == 4


def test_a_completed_image_has_no_finding(uid: str) -> None:
    assert faults(completed(uid)) == []


def test_every_type_1_and_2_attribute_is_demanded(uid: str) -> None:
    demanded = {keyword: row.type for keyword, row in rows(uid) if row.type in ("1", "2") and keyword in completed(uid)}
    assert len(demanded) > 20
    for keyword, kind in demanded.items():
        ds = completed(uid)
        del ds[keyword]
        assert (f"missing-type-{kind}", keyword) in codes(ds, uid)
        assert not check(ds, sop_class=uid).ok
        ds[keyword] = None
        found = codes(ds, uid)
        assert (("empty-type-1", keyword) in found) is (kind == "1")
        assert kind == "1" or check(ds).ok


def test_what_a_writer_may_state_is_filled_and_nothing_clinical_invented() -> None:
    uids = iter(f"1.2.{number}" for number in range(3, 9))
    ds = pixels(SECONDARY_CAPTURE)
    filled = complete(ds, SECONDARY_CAPTURE, uid_source=uids.__next__, clock=lambda: MOMENT)
    assert {keyword: getattr(ds, keyword) for keyword in filled} == {
        "PatientName": None, "PatientID": None, "PatientBirthDate": None, "PatientSex": None, "StudyInstanceUID": "1.2.4",
        "StudyDate": None, "StudyTime": None, "ReferringPhysicianName": None, "StudyID": None, "AccessionNumber": None, "Modality": "OT",
        "SeriesInstanceUID": "1.2.5", "SeriesNumber": None, "Laterality": None, "SOPInstanceUID": "1.2.3",
        "InstanceCreationDate": "20261122", "InstanceCreationTime": "131415.160000", "ConversionType": "WSD", "InstanceNumber": None,
        "PatientOrientation": None}


def test_given_values_stay_and_an_empty_type_1_is_filled() -> None:
    given = {"Modality": "CT", "StudyInstanceUID": "1.2", "SOPInstanceUID": "1.3", "PatientSex": "F", "InstanceCreationDate": "19991231"}
    ds = completed(SECONDARY_CAPTURE, ConversionType=None, **given)
    assert {keyword: getattr(ds, keyword) for keyword in given} == given
    assert ds.ConversionType == "WSD"


def test_gray_frames_get_the_identity_transformation_and_bits_and_colours_do_not() -> None:
    identity = {"PresentationLUTShape": "IDENTITY", "RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"}
    for uid in (GRAYSCALE_BYTE, GRAYSCALE_WORD):
        ds = completed(uid)
        assert {keyword: getattr(ds, keyword) for keyword in identity} == identity
        ds.RescaleSlope = 2
        assert codes(ds) == [("value-not-enumerated", "RescaleSlope")]
        del ds["PresentationLUTShape"]
        assert ("missing-type-1c", "PresentationLUTShape") in codes(ds)
    for uid in (SINGLE_BIT, TRUE_COLOR):
        assert not identity.keys() & {tag.keyword for tag in completed(uid)}


def test_frames_are_told_apart_by_time_where_it_is_given_and_by_page_otherwise() -> None:
    pages = completed(GRAYSCALE_BYTE)
    assert pages.FrameIncrementPointer.keyword == "PageNumberVector" and pages.PageNumberVector == (1, 2)
    timed = completed(GRAYSCALE_BYTE, FrameTime=40)
    assert timed.FrameIncrementPointer.keyword == "FrameTime" and "PageNumberVector" not in timed
    sliced = completed(GRAYSCALE_BYTE, SliceLocationVector=["1.5", "2.5"])
    assert sliced.FrameIncrementPointer.keyword == "SliceLocationVector"
    assert all(check(ds).ok for ds in (pages, timed, sliced))
    del timed["FrameTime"]
    assert codes(timed) == [("missing-type-1c", "FrameTime"), ("pointer-to-nothing", "FrameIncrementPointer")]


def test_a_multi_frame_image_of_one_frame_says_so() -> None:
    ds = pixels(GRAYSCALE_BYTE)
    del ds["NumberOfFrames"]
    ds.PixelData = bytes(4)
    complete(ds, GRAYSCALE_BYTE)
    assert ds.NumberOfFrames == 1 and "FrameIncrementPointer" not in ds and check(ds).ok


@pytest.mark.parametrize(("attributes", "filled"), [
    ({}, True), ({"BodyPartExamined": "HAND"}, True), ({"BodyPartExamined": "CHEST"}, False), ({"ImageLaterality": "L"}, False),
])
def test_laterality_is_left_empty_only_where_the_body_part_may_be_one_of_a_pair(attributes: dict[str, str], filled: bool) -> None:
    ds = completed(SECONDARY_CAPTURE, **attributes)
    assert ("Laterality" in ds) is filled and faults(ds) == []
    ds.pop("Laterality", None)
    assert [(f.severity, f.code) for f in faults(ds)] == ([("warning", "missing-type-2c")] if filled else [])


def test_secondary_capture_has_a_patient_orientation_even_where_a_plane_is_given() -> None:
    """It is 2C where the class does not require a plane, and Secondary Capture does not (PS3.3 C.7.6.1)."""
    # a plane needs its frame of reference
    ds = completed(SECONDARY_CAPTURE, ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                   FrameOfReferenceUID="1.2", PositionReferenceIndicator=None)
    assert "PatientOrientation" in ds and check(ds).ok
    assert {(f.severity, f.code, f.keyword) for f in faults(ds)} == {
        ("warning", "missing-type-2", "SliceThickness"), ("warning", "missing-type-1", "PixelSpacing")}  # a plane in part
    ds = completed(SECONDARY_CAPTURE)
    del ds["PatientOrientation"]
    assert codes(ds) == [("missing-type-2c", "PatientOrientation")]


@pytest.mark.parametrize(("uid", "attributes", "finding"), [
    (SECONDARY_CAPTURE, {"PatientSex": "W"}, ("error", "value-not-enumerated", "PatientSex")),
    (SECONDARY_CAPTURE, {"ConversionType": "FAX"}, ("warning", "value-not-defined", "ConversionType")),
    (SECONDARY_CAPTURE, {"BurnedInAnnotation": "MAYBE"}, ("error", "value-not-enumerated", "BurnedInAnnotation")),
    (SECONDARY_CAPTURE, {"RescaleIntercept": 0, "RescaleType": "US"}, ("error", "missing-type-1c", "RescaleSlope")),
    (SECONDARY_CAPTURE, {"WindowCenter": 40}, ("error", "missing-type-1c", "WindowWidth")),
    (SECONDARY_CAPTURE, {"PixelSpacingCalibrationType": "FIDUCIAL"}, ("error", "missing-type-1c", "PixelSpacingCalibrationDescription")),
    (SECONDARY_CAPTURE, {"HighBit": 6}, ("error", "high-bit", "HighBit")),
    (SECONDARY_CAPTURE, {"BitsStored": 9, "HighBit": 8}, ("error", "bits-stored", "BitsStored")),
    (SECONDARY_CAPTURE, {"PixelData": bytes(6)}, ("error", "pixel-length", "PixelData")),
    (SECONDARY_CAPTURE, {"ExtendedOffsetTable": bytes(8)}, ("error", "missing-type-1c", "ExtendedOffsetTableLengths")),
    (SECONDARY_CAPTURE, {"ResponsiblePerson": "A^B"}, ("error", "missing-type-1c", "ResponsiblePersonRole")),
    (SECONDARY_CAPTURE, {"PatientIdentityRemoved": "YES"}, ("error", "missing-type-1c", "DeidentificationMethod")),
    (SECONDARY_CAPTURE, {"NumberOfFrames": 2, "PixelData": bytes(8)}, ("error", "value-outside-class", "NumberOfFrames")),
    (GRAYSCALE_BYTE, {"PhotometricInterpretation": "MONOCHROME1"}, ("error", "value-outside-class", "PhotometricInterpretation")),
    (GRAYSCALE_WORD, {"BitsStored": 8, "HighBit": 7}, ("error", "value-outside-class", "BitsStored")),
    (GRAYSCALE_WORD, {"PixelRepresentation": 1}, ("error", "value-outside-class", "PixelRepresentation")),
    (GRAYSCALE_BYTE, {"ConversionType": "DF"}, ("error", "missing-type-1c", "NominalScannedPixelSpacing")),
    (TRUE_COLOR, {"PhotometricInterpretation": "YBR_FULL"}, ("error", "value-outside-class", "PhotometricInterpretation")),
    (TRUE_COLOR, {"PlanarConfiguration": 1}, ("error", "value-outside-class", "PlanarConfiguration")),
])
def test_each_broken_rule_is_found(uid: str, attributes: dict[str, Any], finding: tuple[str, str, str]) -> None:
    found = faults(completed(uid, **attributes))
    assert finding in [(one.severity, one.code, one.keyword) for one in found]
    assert all(one.path and one.message and one.clause.startswith("PS3.") for one in found)


def test_a_palette_is_demanded_in_full() -> None:
    ds = completed(SECONDARY_CAPTURE, PhotometricInterpretation="PALETTE COLOR", SegmentedRedPaletteColorLookupTableData=bytes(2))
    missing = {keyword for code, keyword in codes(ds) if code == "missing-type-1c"}
    assert missing == {f"{colour}PaletteColorLookupTableDescriptor" for colour in ("Red", "Green", "Blue")} | {
        "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData"}


def test_padding_to_an_even_length_and_fragments_are_no_fault() -> None:
    ds = completed(SECONDARY_CAPTURE, Rows=1, Columns=3)
    ds.PixelData = bytes(3)
    assert check(ds).ok
    ds.PixelData = bytes(4)
    assert check(ds).ok
    for longer in (bytes(2), bytes(5), bytes(6)):
        ds.PixelData = longer
        assert codes(ds) == [("pixel-length", "PixelData")]
    ds.Columns, ds.PixelData = 4, bytes(5)
    assert codes(ds) == [("pixel-length", "PixelData")]
    ds.PixelData = Fragments((b"12",))
    assert check(ds).ok


def test_a_class_without_a_table_is_never_an_empty_ok_and_its_common_modules_are_checked() -> None:
    ds = completed(SECONDARY_CAPTURE)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.3"
    report = check(ds)
    assert report.ok and codes(ds) == [("sop-class-unknown", "SOPClassUID")]
    assert "Ultrasound Multi-frame Image Storage" in report.findings[0].message
    for keyword in ("PatientName", "PatientSex", "StudyInstanceUID", "AccessionNumber", "Modality", "SeriesNumber", "SOPInstanceUID"):
        bare = ds.copy()
        del bare[keyword]
        assert keyword in {missed for code, missed in codes(bare) if code.startswith("missing-type-")}


def test_a_dataset_without_sop_class_is_an_error() -> None:
    assert ("missing-type-1", "SOPClassUID") in codes(Dataset())
    assert not check(Dataset())


def test_a_finding_is_reported_once() -> None:
    ds = completed(GRAYSCALE_BYTE, PixelSpacingCalibrationType="FIDUCIAL", BurnedInAnnotation="MAYBE")
    found = codes(ds)
    assert found.count(("missing-type-1c", "PixelSpacingCalibrationDescription")) == 1


@pytest.mark.parametrize("value", ["x", "-1", ["1", "2"], "1\\\\2", "0", None])
def test_a_check_survives_any_value(value: Any) -> None:
    """What is legal for no VR can stand in a dataset that was set leniently, or read."""
    for keyword in {keyword for keyword, _ in rows(GRAYSCALE_BYTE)} | {"FrameIncrementPointer", "BodyPartExamined"}:
        ds = completed(GRAYSCALE_BYTE)
        ds.policy = LENIENT
        try:
            ds[keyword] = value
        except DcmencError:
            continue
        assert isinstance(check(ds).findings, tuple)


def test_several_pointers_in_an_array_are_followed() -> None:
    ds = completed(GRAYSCALE_BYTE, FrameTime=40)
    ds.FrameIncrementPointer = np.array([0x00181063, 0x00182001], "u4")
    assert codes(ds) == [("missing-type-1c", "PageNumberVector"), ("pointer-to-nothing", "FrameIncrementPointer")]


def test_an_unknown_class_cannot_be_completed() -> None:
    with pytest.raises(ValueError, match=r"Ultrasound Image Storage.* is not known here"):
        complete(Dataset(), "1.2.840.10008.5.1.4.1.1.6")


def test_misfits_name_what_the_class_has() -> None:
    assert misfits(SINGLE_BIT, {"BitsAllocated": 8}) == {"BitsAllocated": "is 8, where the class has 1"}
    assert misfits(SECONDARY_CAPTURE, {"BitsAllocated": 32}) == {}


def test_a_rescale_without_a_type_is_said_to_be_of_unspecified_units() -> None:
    """A template made from a CT has a slope and an intercept; what they mean is US, unspecified (PS3.3 C.11.1.1.2)."""
    ds = Dataset(RescaleSlope=1, RescaleIntercept=-1024)
    assert "RescaleType" in complete(ds, SECONDARY_CAPTURE)
    assert ds.RescaleType == "US"


CT, MR, PDF = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.104.1"


def test_any_class_of_the_tables_is_completed_with_what_a_writer_may_state() -> None:
    ds = Dataset(BodyPartExamined="CHEST")
    filled = complete(ds, CT, clock=lambda: MOMENT)
    assert ds.Modality == "CT" and ds.InstanceCreationDate == "20261122" and ds.StudyInstanceUID and ds.SOPInstanceUID
    assert ds.KVP is None and "KVP" in filled and "Laterality" not in ds
    clinical = ("ImageType", "FrameOfReferenceUID", "ImagePositionPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
    assert not [keyword for keyword in clinical if keyword in ds]
    assert {finding.keyword for finding in check(ds).errors} >= set(clinical)
    assert not [finding for finding in check(ds).errors if finding.code in ("missing-type-2", "missing-type-2c")]


@pytest.mark.parametrize("sop_class", sorted(sop_classes()))
def test_nothing_that_may_be_empty_is_missing_after_completion(sop_class: str) -> None:
    ds = Dataset()
    complete(ds, sop_class)
    root = [finding for finding in check(ds).errors if "." not in finding.path]
    assert not [finding for finding in root if finding.code in ("missing-type-2", "missing-type-2c")]
    assert complete(ds.copy(), sop_class) == []


def test_the_pixels_of_a_class_are_those_of_its_tables() -> None:
    assert pixel_rules(CT) is not None and misfits(CT, {"BitsAllocated": 8}) == {"BitsAllocated": "is 8, where the class has 16"}
    assert misfits(MR, {"NumberOfFrames": 2, "PhotometricInterpretation": "RGB"}).keys() == {"NumberOfFrames", "PhotometricInterpretation"}
    assert pixel_rules(PDF) is None and pixel_rules("1.2.3") is None and misfits(PDF, {"Rows": 1}) == {}
