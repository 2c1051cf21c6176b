"""The tables of the IODs: what they say, that they are whole, how conditions are decided, and what an independent verifier misses."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minimal_instances import (
    CR,
    CT,
    DX,
    ENHANCED_CT,
    ENHANCED_MR,
    MG,
    MR,
    NAMED,
    PDF,
    RT_DOSE,
    RT_STRUCT,
    SC,
    SC_BIT,
    SC_BYTE,
    SC_WORD,
    SEG,
    SR,
    US,
    US_MULTI_FRAME,
    WSI,
    minimal_instance,
)

from dcmenc import iod_tables
from dcmenc.dictionary import Tag, lookup
from dcmenc.iod_tables import (
    Attribute,
    Condition,
    Context,
    attributes_of,
    evaluate,
    iod_of,
    item_table,
    modules_of,
    sop_classes,
    table_rows,
)
from dcmenc.model import Dataset
from dcmenc.part10 import dumps

ROOT = Path(__file__).parent.parent

RAW = json.loads((ROOT / "data" / "iod.json").read_text("utf-8"))


def keywords(sop_class: str, type_: str) -> set[str]:
    return {Tag(tag).keyword for tag, row in attributes_of(sop_class).items() if row.type == type_}


def row_of(sop_class: str, path: str) -> Attribute:
    """The row at a path of keywords: of the mandatory modules or, where they don't have it, of all."""
    *sequences, last = path.split(".")
    rows = attributes_of(sop_class)
    if Tag((sequences or [last])[0]) not in rows:
        rows = attributes_of(sop_class, [module.name for module in modules_of(sop_class)])
    for sequence in sequences:
        rows = item_table(rows[Tag(sequence)])
    return rows[Tag(last)]


def condition_of(sop_class: str, path: str) -> Condition:
    condition = row_of(sop_class, path).condition
    assert condition is not None
    return condition


def decided(sop_class: str, keyword: str, /, **attributes: Any) -> bool | None:
    """Whether an attribute of the data set is required."""
    return evaluate(condition_of(sop_class, keyword), Context(Dataset(SOPClassUID=sop_class, **attributes)))


def reached(sop_class: str) -> Iterator[Attribute]:
    """Every row of an IOD, those of a shared table once."""
    waiting = [module.table for module in modules_of(sop_class) if module.table]
    seen = set(waiting)
    while waiting:
        for row in table_rows(waiting.pop()):
            yield row
            waiting += [name for name in row.items if name not in seen]
            seen |= set(row.items)


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_iod_tables", ROOT / "tools" / "make_iod_tables.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheels(maker: ModuleType) -> Path:
    folder = Path(os.environ.get("DCMENC_WHEELS", ROOT / "build" / "wheels"))
    for name in (f"highdicom-{maker.HIGHDICOM}", f"dicom_standard-{maker.DICOM_STANDARD}"):
        if not list(folder.glob(f"{name}-*.whl")):
            refuse = pytest.fail if os.environ.get("DCMENC_REQUIRE_PEERS") else pytest.skip
            refuse(f"no wheel of {name} in {folder}: pip download --no-deps -d {folder} ..., or set DCMENC_WHEELS")
    return folder


def test_the_committed_files_are_what_the_pinned_sources_give(maker: ModuleType, wheels: Path, tmp_path: Path) -> None:
    maker.main([str(wheels), "--out", str(tmp_path), "--docs", str(tmp_path)])
    assert (tmp_path / "iod.json").read_bytes() == (ROOT / "data" / "iod.json").read_bytes()
    assert (tmp_path / "iods.md").read_bytes() == (ROOT / "docs" / "iods.md").read_bytes()


def test_an_override_that_fits_nothing_is_refused(maker: ModuleType, wheels: Path, tmp_path: Path) -> None:
    lines = tmp_path / "overrides.txt"
    lines.write_text("# nothing of that name\nct-image NoSuchAttribute 1C: always\n")
    with pytest.raises(ValueError, match=r"fit no attribute: 2$"):
        maker.main([str(wheels), "--out", str(tmp_path), "--docs", str(tmp_path), "--overrides", str(lines)])


def test_a_folder_without_the_sources_is_named(maker: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no wheel of highdicom"):
        maker.main([str(tmp_path), "--out", str(tmp_path), "--docs", str(tmp_path)])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ct-image RescaleType: always", "an attribute has a Type"),
        ("module ct-image mask 1C: always", "a module or a group has none"),
        ("ct-image RescaleType 1C: present", "ends too early"),
        ("ct-image RescaleType 1C: (always", "not closed"),
        ("ct-image RescaleType 1C: Rows", "not compared with anything"),
        ("ct-image RescaleType 1C: always )", "not understood"),
        ("nonsense", "not of the form"),
    ],
)
def test_a_bad_override_is_refused_with_its_line(maker: ModuleType, tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "overrides.txt"
    path.write_text(f"# a comment\n\n{line}\n")
    with pytest.raises(ValueError, match=rf"overrides\.txt:3: .*{message}"):
        maker.read_overrides(path)


@pytest.mark.parametrize(
    ("text", "required", "otherwise"),
    [
        ("Required if Rows (0028,0010) is present.", ["+", "Rows"], None),
        ("Required if Image Type (0008,0008) Value 3 is ASL or X Y. May be present otherwise.",
         ["=", "ImageType", 3, ["ASL", "X Y"]], True),
        ("Required if Rows (0028,0010) is greater than zero and Columns (0028,0011) is not present, or if Modality (0008,0060) is not CT."
         " Shall not be present otherwise.",
         ["|", ["&", [">", "Rows", 0, "0"], ["!", ["+", "Columns"]]], ["!=", "Modality", 0, ["CT"]]], False),
        ("Required if neither Rows (0028,0010) nor Columns (0028,0011) is present.",
         ["&", ["!", ["+", "Rows"]], ["!", ["+", "Columns"]]], None),
        ("Required if Patient ID (0010,0020) is present and has a value of A or is absent.",
         ["|", ["=", "PatientID", 0, ["A"]], ["!", ["+", "PatientID"]]], None),
        ("Required if Frame Increment Pointer (0028,0009) points to Frame Time (0018,1063).",
         ["=>", "FrameIncrementPointer", ["FrameTime"]], None),
        ("Required if Rows (0028,0010) or Columns (0028,0011) are not present.", ["?"], None),
        ("Required if Rows (0028,0010) is present or the sun shines.", ["|", ["+", "Rows"], ["?"]], None),
        ("Required if Rows (0028,0010) is present in a good light.", ["?"], None),
        ("Anything else.", ["?"], None),
    ],
)
def test_sentences_are_read_whole_or_marked_as_not_understood(maker: ModuleType, text: str, required: Any, otherwise: Any) -> None:
    entries = {str(name): keyword for name, keyword in (
        ("Rows", "Rows"), ("Columns", "Columns"), ("Image Type", "ImageType"), ("Modality", "Modality"), ("Patient ID", "PatientID"),
        ("Frame Increment Pointer", "FrameIncrementPointer"), ("Frame Time", "FrameTime"))}
    reader = maker.SentenceReader({f"{int(Tag(keyword)):08X}": keyword for keyword in entries.values()}, entries)
    assert reader.read(text) == (required, otherwise)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Only a single Item shall be included in this Sequence.", "1"),
        ("Codes of it Only a single Item is permitted in this Sequence.", "1"),
        ("Zero or one Item shall be included in this Sequence.", "1"),
        ("One Item shall be included in this Sequence.", "1"),
        ("One or two Items shall be included in this Sequence.", "1-2"),
        ("Two or more Items are permitted in this Sequence.", "2-"),
        ("Two Items shall be included in this Sequence.", "2"),
        ("One or more Items shall be included in this Sequence.", ""),
        ("Zero or more Items may be included. Only a single Item shall be included in this Sequence.", ""),
        ("If Rows is 1, only a single Item shall be included in this Sequence.", ""),
        ("Only a single Item shall be included in this Sequence, unless Rows is 1.", ""),
        ("The number of Items shall equal Rows.", ""),
    ],
)
def test_how_many_items_is_read_where_it_depends_on_nothing(maker: ModuleType, text: str, count: str) -> None:
    assert maker.item_count(text) == count


def test_lines_of_values_and_items_are_read(maker: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "overrides.txt"
    path.write_text("values a Rows: only 1, 2 if Modality = CT\nvalues a ImageType[2]: defined A B, C\nitems * ASequence.BSequence: 1-2\n")
    assert [line[1:] for line in maker.read_overrides(path)] == [
        ("a", ("Rows",), 0, "E", ("1", "2"), ["=", "Modality", 0, ["CT"]]), ("a", ("ImageType",), 2, "D", ("A B", "C"), None),
        ("*", ("ASequence", "BSequence"), "1-2")]


def test_sequences_know_how_many_items_they_may_have() -> None:
    assert row_of(CT, "RequestAttributesSequence").item_limits == (0, 0)
    assert row_of(CT, "RequestAttributesSequence.RequestedProcedureCodeSequence").item_limits == (0, 1)
    assert row_of(DX, "AnatomicRegionSequence").item_limits == (0, 0)  # the DX family has several, General Image one
    assert {name for table in RAW["tables"].values() for row in table.split(";") for name in row.split(" ")[5:]} <= set(iod_tables._COUNTS)
    one, two = (Attribute(1, "1", None, (), (), "", limits) for limits in ((0, 1), (2, 2)))
    assert iod_tables._strictest(one, two).item_limits == (0, 2)


def test_the_file_is_small_and_plain_lines_that_a_diff_can_show() -> None:
    text = (ROOT / "data" / "iod.json").read_text("utf-8")
    assert len(text.encode()) < 500_000 and text.endswith("}\n") and "\r" not in text
    assert max(map(len, text.splitlines())) < 12_000


def test_the_file_credits_its_sources_and_has_no_prose() -> None:
    about = " ".join(RAW["about"])
    assert all(credit in about for credit in ("highdicom", "MGH Computational Pathology", "dicom-standard", "Innolitics", "MIT"))
    texts = [term for lists in RAW["values"].values() for *_, terms in lists for term in terms if isinstance(term, str)]
    texts += re.findall(r'"([^"]*)"', json.dumps(RAW["conditions"]))
    assert max(len(text.split()) for text in texts) <= 8, max(texts, key=lambda text: len(text.split()))
    assert not [text for text in texts if re.search(r"\b(if|shall|required|present|the)\b", text)]


def test_every_name_in_the_file_leads_somewhere() -> None:
    for name, table in RAW["tables"].items():
        for row in table.split(";"):
            tag, type_, condition, values, items, _ = (*row.split(" "), "-", "-", "-", "-")[:6]
            entry = lookup(int(tag, 16))
            assert entry is not None and entry.keyword, row
            assert type_ in iod_tables.TYPES and (condition != "-") == (type_ in ("1C", "2C")), row
            assert condition == "-" or condition in RAW["conditions"]
            assert values == "-" or values in RAW["values"]
            assert items in ("-", "=") or (items in RAW["tables"] and entry.vr == "SQ"), (name, row)
    assert all(table in RAW["tables"] for _, _, table in RAW["modules"].values() if table)
    assert {*RAW["sop_classes"].values(), *RAW["groups"]} <= set(RAW["iods"])
    for iod in map(iod_of, RAW["sop_classes"]):
        assert iod is not None and iod.modules
        assert all((module.condition is not None) == (module.usage == "C") for module in iod.modules)
        assert all(lookup(tag) for group in iod.groups for tag in group.tags)


def tags_of(expression: Any) -> Iterator[int]:
    """The tags that an expression asks for or compares with."""
    if isinstance(expression, tuple) and expression[0] in ("&", "|", "!"):
        for operand in expression[1:]:
            yield from tags_of(operand)
    elif isinstance(expression, tuple) and len(expression) > 1:
        yield from expression[1][1:]
        yield from expression[2] if expression[0] == "=>" else ()


def test_every_tag_in_a_condition_is_known() -> None:
    conditions = [iod_tables._condition(name) for name in RAW["conditions"]]
    whens = [one.when for name in RAW["values"] for one in iod_tables._value_lists(name)]
    tags = {tag for condition in conditions if condition for part in condition for tag in tags_of(part)}
    tags |= {tag for when in whens for tag in tags_of(when)}
    assert tags and not [hex(tag) for tag in tags if lookup(tag) is None]


def test_the_tables_know_the_storage_classes() -> None:
    assert len(sop_classes()) == 180 and len(RAW["iods"]) == 175 and len(RAW["modules"]) == 400
    assert set(NAMED) <= set(sop_classes())
    assert iod_of("1.2.3") is None and modules_of("1.2.3") == () and not attributes_of("1.2.3")


def test_ct_and_mr_demand_what_the_standard_says() -> None:
    ct = {
        "StudyInstanceUID", "Modality", "SeriesInstanceUID", "FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient",
        "PixelSpacing", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
        "PixelRepresentation", "ImageType", "RescaleIntercept", "RescaleSlope", "SOPClassUID", "SOPInstanceUID",
    }
    assert keywords(CT, "1") == ct
    assert keywords(MR, "1") == ct - {"RescaleIntercept", "RescaleSlope"} | {"ScanningSequence", "SequenceVariant"}
    assert keywords(CT, "2") >= {
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName",
        "StudyID", "SeriesNumber", "PositionReferenceIndicator", "Manufacturer", "InstanceNumber", "SliceThickness", "KVP",
        "AcquisitionNumber",
    }
    assert keywords(MR, "2") >= {"ScanOptions", "MRAcquisitionType", "EchoTime", "EchoTrainLength"}


def test_of_several_rows_the_strictest_holds() -> None:
    assert row_of(CT, "ImageType").type == "1"  # 3 in General Image
    both = row_of(DX, "PatientOrientation")  # 2C in General Image, 1C in DX Image
    assert both.type == "1C" and both.floor == ""
    table = iod_tables.merged_tables((modules_of(CT)[0].table, modules_of(CT)[0].table))
    assert table == {row.tag: row for row in modules_of(CT)[0].attributes}


def test_a_conditional_row_keeps_the_type_that_holds_without_its_condition() -> None:
    conditional = Attribute(1, "1C", Condition(("person",), None), (), (), "")
    plain, lax = conditional._replace(type="2", condition=None), conditional._replace(type="3", condition=None)
    assert iod_tables._strictest(plain, conditional).floor == "2" and iod_tables._strictest(lax, conditional).floor == ""
    other = conditional._replace(condition=Condition(True, False))
    merged = iod_tables._strictest(conditional, other)
    assert merged.condition == Condition(("|", ("person",), True), False) and merged.type == "1C"


def test_values_have_their_place_and_kind() -> None:
    sex, = row_of(CT, "PatientSex").values
    assert sex.enumerated and sex.values == ("M", "F", "O") and sex.place == 0
    places = {(one.place, one.enumerated): one.values for one in row_of(CT, "ImageType").values}
    assert row_of(DX, "PixelIntensityRelationshipSign").values[0].values == (1, -1)
    assert places[1, True] == ("ORIGINAL", "DERIVED") and places[2, True] == ("PRIMARY", "SECONDARY") and "AXIAL" in places[3, False]
    assert row_of(CT, "PixelRepresentation").values[0].values == (0, 1)
    assert "LABELMAP" in row_of(SEG, "SegmentationType").values[0].values


def test_content_items_nest_without_end() -> None:
    row = row_of(SR, "ContentSequence.ContentSequence.ContentSequence")
    assert item_table(row) == item_table(row_of(SR, "ContentSequence.ContentSequence"))


def test_functional_groups_have_usage_and_place() -> None:
    iod = iod_of(ENHANCED_CT)
    assert iod is not None
    groups = {group.name: group for group in iod.groups}
    assert groups["frame-content"].usage == "M" and groups["frame-content"].place == "per-frame"
    assert groups["pixel-measures"].tags == (Tag("PixelMeasuresSequence"),)
    assert groups["ct-exposure"].usage == "C"
    assert evaluate(groups["ct-exposure"].condition, Context(Dataset(ImageType=("DERIVED", "PRIMARY")))) is False


def test_clauses_are_those_of_the_modules() -> None:
    clauses = {module.name: module.clause for sop_class in NAMED for module in modules_of(sop_class)}
    for name, clause in {
        "patient": "C.7.1.1", "clinical-trial-subject": "C.7.1.3", "general-study": "C.7.2.1", "general-series": "C.7.3.1",
        "frame-of-reference": "C.7.4.1", "general-equipment": "C.7.5.1", "general-image": "C.7.6.1", "image-plane": "C.7.6.2",
        "image-pixel": "C.7.6.3", "cr-series": "C.8.1.1", "cr-image": "C.8.1.2", "ct-image": "C.8.2.1", "mr-image": "C.8.3.1",
        "enhanced-mr-image": "C.8.13.1", "sop-common": "C.12.1", "modality-lut": "C.11.1", "voi-lut": "C.11.2",
    }.items():
        assert clauses[name] == f"PS3.3 {clause}"


@pytest.mark.parametrize("sop_class", NAMED, ids=sop_classes().get)
def test_every_condition_of_the_common_classes_is_decided_or_a_persons(sop_class: str) -> None:
    iod = iod_of(sop_class)
    assert iod is not None
    conditions = [(Tag(row.tag).keyword, row.condition) for row in reached(sop_class)]
    conditions += [(one.name, one.condition) for one in (*iod.modules, *iod.groups)]
    assert not [name for name, condition in conditions if condition and condition.state == "undecided"]


class Case(NamedTuple):
    sop_class: str
    keyword: str
    required: bool | None
    attributes: dict[str, Any]


CASES = (
    Case(CT, "PixelData", True, {}),
    Case(CT, "PixelData", False, {"PixelDataProviderURL": "http://x"}),
    Case(CT, "PlanarConfiguration", False, {"SamplesPerPixel": 1}),
    Case(CT, "PlanarConfiguration", True, {"SamplesPerPixel": 3}),
    Case(CT, "PatientPosition", True, {}),
    Case(CT, "PatientPosition", False, {"PatientOrientationCodeSequence": [{"CodeMeaning": "x"}]}),
    Case(SC, "PatientPosition", False, {}),
    Case(CT, "PatientOrientation", False, {}),
    Case(CR, "PatientOrientation", True, {}),
    Case(SC, "PatientOrientation", True, {"ImagePositionPatient": (0, 0, 0)}),
    Case(CT, "RescaleType", False, {"RescaleIntercept": 0}),
    Case(CT, "RescaleType", True, {"RescaleIntercept": 0, "MultienergyCTAcquisition": "YES"}),
    Case(CT, "Laterality", True, {"BodyPartExamined": "KNEE"}),
    Case(CT, "Laterality", False, {"BodyPartExamined": "KNEE", "ImageLaterality": "L"}),
    Case(CT, "Laterality", False, {"BodyPartExamined": "CHEST"}),
    Case(CT, "Laterality", None, {}),
    Case(CT, "WindowWidth", True, {"WindowCenter": 40}),
    Case(CT, "WindowWidth", False, {}),
    Case(CT, "DeidentificationMethod", True, {"PatientIdentityRemoved": "YES"}),
    Case(CT, "DeidentificationMethod", False, {"PatientIdentityRemoved": "YES", "DeidentificationMethodCodeSequence": [{}]}),
    Case(CT, "DeidentificationMethod", False, {}),
    Case(CT, "PatientBreedCodeSequence", False, {}),
    Case(CT, "PatientBreedCodeSequence", True, {"PatientSpeciesDescription": "Canis lupus familiaris"}),
    Case(CT, "PatientBreedCodeSequence", False, {"PatientSpeciesCodeSequence": [{"CodeValue": "337915000"}]}),
    Case(CT, "PatientSpeciesDescription", None, {}),
    Case(CT, "ResponsiblePersonRole", True, {"ResponsiblePerson": "A^B"}),
    Case(CT, "ResponsiblePersonRole", False, {"ResponsiblePerson": None}),
    Case(ENHANCED_CT, "LossyImageCompressionRatio", True, {"LossyImageCompression": "01"}),
    Case(ENHANCED_CT, "LossyImageCompressionRatio", False, {"LossyImageCompression": "00"}),
    Case(CT, "RedPaletteColorLookupTableData", True, {"PhotometricInterpretation": "PALETTE COLOR"}),
    Case(CT, "RedPaletteColorLookupTableData", False, {"PhotometricInterpretation": "MONOCHROME2"}),
    Case(MR, "RepetitionTime", True, {"SequenceVariant": "SK", "ScanningSequence": "EP"}),
    Case(MR, "RepetitionTime", False, {"SequenceVariant": "SP", "ScanningSequence": ("GR", "EP")}),
    Case(MR, "InversionTime", True, {"ScanningSequence": ("SE", "IR")}),
    Case(MR, "TriggerTime", True, {"ScanOptions": ("FC", "PPG")}),
    Case(MR, "TriggerTime", False, {"ScanOptions": "FC"}),
    Case(SC, "PixelSpacingCalibrationDescription", True, {"PixelSpacingCalibrationType": "GEOMETRY"}),
    Case(SC_WORD, "FrameIncrementPointer", True, {"NumberOfFrames": 2}),
    Case(SC_WORD, "FrameIncrementPointer", False, {"NumberOfFrames": 1}),
    Case(SC_WORD, "PageNumberVector", True, {"FrameIncrementPointer": "PageNumberVector"}),
    Case(SC_WORD, "PageNumberVector", False, {"FrameIncrementPointer": "FrameTime"}),
    Case(SC_BYTE, "RescaleSlope", True, {"PhotometricInterpretation": "MONOCHROME2", "BitsStored": 8}),
    Case(SC_BIT, "PresentationLUTShape", False, {"PhotometricInterpretation": "MONOCHROME2", "BitsStored": 1}),
    Case(US_MULTI_FRAME, "FrameTime", True, {"FrameIncrementPointer": ("FrameTime", "Rows")}),
    Case(US, "IVUSAcquisition", True, {"Modality": "IVUS"}),
    Case(US, "NumberOfStages", True, {"StageName": "REST"}),
    Case(DX, "WindowCenter", True, {"PresentationIntentType": "FOR PRESENTATION"}),
    Case(DX, "WindowCenter", False, {"PresentationIntentType": "FOR PROCESSING"}),
    Case(MG, "FieldOfViewOrigin", True, {"FieldOfViewRotation": 90}),
    Case(RT_DOSE, "DoseGridScaling", True, {"PixelData": b"\0\0"}),
    Case(RT_DOSE, "ReferencedRTPlanSequence", True, {"DoseSummationType": "PLAN"}),
    Case(RT_DOSE, "ReferencedTreatmentRecordSequence", False, {"DoseSummationType": "PLAN"}),
    Case(RT_STRUCT, "ReviewDate", True, {"ApprovalStatus": "APPROVED"}),
    Case(RT_STRUCT, "ReviewDate", False, {"ApprovalStatus": "UNAPPROVED"}),
    Case(SEG, "MaximumFractionalValue", True, {"SegmentationType": "FRACTIONAL"}),
    Case(SEG, "MaximumFractionalValue", False, {"SegmentationType": "BINARY"}),
    Case(SEG, "PerFrameFunctionalGroupsSequence", False, {"DimensionOrganizationType": "TILED_FULL"}),
    Case(ENHANCED_CT, "AcquisitionDuration", True, {"ImageType": ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")}),
    Case(ENHANCED_CT, "AcquisitionDuration", False, {"ImageType": ("DERIVED", "PRIMARY", "VOLUME", "NONE")}),
    Case(ENHANCED_MR, "PresentationLUTShape", True, {"PhotometricInterpretation": "MONOCHROME2"}),
    Case(ENHANCED_MR, "SourceImageEvidenceSequence", True,
         {"SharedFunctionalGroupsSequence": [{"DerivationImageSequence": [{"SourceImageSequence": [{}]}]}]}),
    Case(ENHANCED_MR, "SourceImageEvidenceSequence", False, {"SharedFunctionalGroupsSequence": [{"DerivationImageSequence": [{}]}]}),
    Case(WSI, "ImagedVolumeWidth", True, {"ImageType": ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")}),
    Case(WSI, "ImagedVolumeWidth", False, {"ImageType": ("ORIGINAL", "PRIMARY", "LABEL", "NONE")}),
    Case(PDF, "HL7InstanceIdentifier", False, {}),
    Case(SR, "VerifyingObserverSequence", True, {"VerificationFlag": "VERIFIED"}),
    Case(SR, "GraphicType", False, {"ValueType": "CONTAINER"}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{sop_classes()[case.sop_class]}-{case.keyword}-{case.required}")
def test_conditions_are_decided_as_the_standard_says(case: Case) -> None:
    assert decided(case.sop_class, case.keyword, **case.attributes) is case.required


@pytest.mark.parametrize(
    ("sop_class", "module", "attributes", "used"),
    [
        (SC_WORD, "cine", {"FrameIncrementPointer": "FrameTime"}, True),
        (SC_WORD, "cine", {}, False),
        (SC_WORD, "sc-multi-frame-vector", {"NumberOfFrames": 2}, True),
        (CT, "contrast-bolus", {}, None),
        (CT, "multi-energy-ct-image", {"MultienergyCTAcquisition": "YES"}, True),
        (RT_DOSE, "image-pixel", {"PixelData": b""}, True),
        (DX, "voi-lut", {"PresentationIntentType": "FOR PROCESSING"}, False),
        (US, "palette-color-lookup-table", {"PhotometricInterpretation": "PALETTE COLOR"}, True),
        (SEG, "common-instance-reference", {"PerFrameFunctionalGroupsSequence": [{}, {"DerivationImageSequence": []}]}, True),
        (ENHANCED_MR, "mr-pulse-sequence", {"ImageType": ("MIXED", "PRIMARY")}, True),
    ],
)
def test_modules_of_usage_c_are_decided(sop_class: str, module: str, attributes: dict[str, Any], used: bool | None) -> None:
    condition, = (one.condition for one in modules_of(sop_class) if one.name == module)
    assert evaluate(condition, Context(Dataset(attributes))) is used


def test_a_code_needs_one_value_of_the_three() -> None:
    dataset = Dataset(ProcedureCodeSequence=[{}], CodeValue="outside")
    item = dataset["ProcedureCodeSequence"].value[0]
    context = Context(dataset).inside(Tag("ProcedureCodeSequence"), item)
    required = condition_of(CT, "ProcedureCodeSequence.CodeValue")
    assert evaluate(required, context) is True
    item.LongCodeValue = "T" * 20
    assert evaluate(required, context) is False
    assert evaluate(condition_of(CT, "ProcedureCodeSequence.CodingSchemeDesignator"), context) is True
    version = condition_of(CT, "ProcedureCodeSequence.CodingSchemeVersion")
    item.CodingSchemeDesignator = "DCM"
    assert evaluate(version, context) is False
    item.CodingSchemeDesignator = "99MINE"
    assert evaluate(version, context) is None


def test_content_items_need_what_their_value_type_says() -> None:
    root = Dataset(ValueType="CONTAINER", ContentSequence=[{"ValueType": "NUM", "RelationshipType": "CONTAINS"}])
    context = Context(root).inside(Tag("ContentSequence"), root["ContentSequence"].value[0])
    for keyword, required in (("MeasuredValueSequence", True), ("TextValue", False), ("ReferencedSOPSequence", False),
                              ("ReferencedDateTime", False), ("ConceptNameCodeSequence", True), ("GraphicData", False)):
        assert evaluate(condition_of(SR, f"ContentSequence.{keyword}"), context) is required, keyword


def test_what_a_frame_is_may_stand_in_another_group_of_it_or_in_the_shared_ones() -> None:
    required = condition_of(ENHANCED_MR, "PerFrameFunctionalGroupsSequence.MREchoSequence.EffectiveEchoTime")
    frame_type = {"MRImageFrameTypeSequence": [{"FrameType": ("ORIGINAL", "PRIMARY", "T1", "NONE")}]}

    def asked(dataset: Dataset, groups: str) -> bool | None:
        frame = dataset[groups].value[0]
        context = Context(dataset).inside(Tag(groups), frame)
        return evaluate(required, context.inside(Tag("MREchoSequence"), frame["MREchoSequence"].value[0]))

    echo: dict[str, Any] = {"MREchoSequence": [{}]}
    shared, frames = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
    assert asked(Dataset({shared: [{}], frames: [{**echo, **frame_type}]}), frames) is True
    assert asked(Dataset({shared: [frame_type], frames: [echo]}), frames) is True
    assert asked(Dataset({shared: [echo], frames: [frame_type, frame_type]}), shared) is True
    assert asked(Dataset({shared: [{}], frames: [echo, frame_type]}), frames) is False
    assert asked(Dataset({shared: [], frames: [echo]}), frames) is False


ROWS, TYPE = ("", int(Tag("Rows"))), ("", int(Tag("ImageType")))


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        (True, True), (False, False), (None, True), (("person",), None), (("?",), None),
        (("!", ("person",)), None), (("!", False), True),
        (("&", False, ("person",)), False), (("&", True, ("?",)), None), (("&",), True),
        (("|", True, ("person",)), True), (("|", False, ("?",)), None), (("|",), False),
        (("=", TYPE, 1, ("ORIGINAL",)), True), (("=", TYPE, 2, ("ORIGINAL",)), False), (("=", TYPE, 9, ("ORIGINAL",)), False),
        (("!=", TYPE, 0, ("ORIGINAL",)), False), (("!=", TYPE, 2, ("ORIGINAL",)), True), (("!=", TYPE, 9, ("ORIGINAL",)), None),
        (("!=", ("", 0x00100010), 0, ("A",)), None), (("=", ROWS, 0, ("512",)), True), (("=", ROWS, 0, ("x",)), False),
        ((">", ROWS, 0, 511.0), True), (("<", ROWS, 0, 512.0), False), ((">", ("", 0x00081140), 0, 1.0), True),
        ((">", TYPE, 0, 1.0), None), (("+", ("", 0x00100020)), True), (("++", ("", 0x00100020)), False),
        (("++", ("", 0x00081140)), True), (("=>", ("", 0x00280009), (0x00181063,)), True), (("=>", TYPE, (1,)), None),
        (("private", ("", 0x00280009)), False), (("=", ("^", 0x00081140, 0x00081155), 0, ("1.2.4",)), True),
        (("+", (".", 0x00081140, 0x00081160)), False),
    ],
)
def test_operators(expression: Any, answer: bool | None) -> None:
    dataset = Dataset(ImageType=("ORIGINAL", "PRIMARY"), Rows=512, PatientID=None, FrameIncrementPointer="FrameTime",
                      ReferencedImageSequence=[{"ReferencedSOPInstanceUID": "1.2.3"}, {"ReferencedSOPInstanceUID": "1.2.4"}])
    assert evaluate(expression, Context(dataset)) is answer


def test_the_item_only_the_data_set_only_or_outward() -> None:
    dataset = Dataset(Rows=1, ReferencedImageSequence=[{"Columns": 2}])
    context = Context(dataset).inside(0x00081140, dataset["ReferencedImageSequence"].value[0])
    rows, columns = int(Tag("Rows")), int(Tag("Columns"))
    assert [evaluate(("+", (scope, rows)), context) for scope in ("", ".", "^")] == [True, False, True]
    assert [evaluate(("+", (scope, columns)), context) for scope in ("", ".", "^")] == [True, True, False]
    assert context.root.item is dataset


def test_a_pydicom_dataset_is_a_context_too() -> None:
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.ImageType, dataset.BitsStored = ENHANCED_CT, ["ORIGINAL", "PRIMARY"], 8
    dataset.PhotometricInterpretation = "MONOCHROME2"
    item = pydicom.Dataset()
    item.CodeValue = "337915000"
    dataset.PatientSpeciesCodeSequence = [item]
    assert evaluate(condition_of(ENHANCED_CT, "AcquisitionDuration"), Context(dataset)) is True
    assert evaluate(condition_of(SC_BYTE, "RescaleSlope"), Context(dataset)) is True
    assert evaluate(condition_of(CT, "PatientBreedCodeSequence"), Context(dataset)) is False


class Held(NamedTuple):
    value: Any


class Hostile:
    """Raises whatever is done with it."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)

    def __len__(self) -> int:
        raise TypeError

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError


TAGS = (0x00280010, 0x00080008, 0x00081140, 0x52009229, 0x52009230)
ODD = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=4), st.binary(max_size=4), st.booleans(), st.builds(Hostile),
                st.tuples(st.text(max_size=2), st.none()), st.just(float("inf")), st.just(object()))
CONTENT = st.recursive(ODD, lambda inner: st.lists(st.dictionaries(st.sampled_from(TAGS), inner.map(Held), max_size=3), max_size=3)
                       | st.dictionaries(st.sampled_from(TAGS), inner, max_size=3), max_leaves=8)
WHERE = st.tuples(st.sampled_from(("", ".", "^")), st.sampled_from(TAGS)) | st.tuples(
    st.sampled_from(("", ".", "^")), st.sampled_from(TAGS), st.sampled_from(TAGS))
TERMS = st.lists(st.sampled_from(("A", "1", "")), min_size=1).map(tuple)
TESTS = st.one_of(
    st.tuples(st.sampled_from(("+", "++", "private")), WHERE), st.tuples(st.sampled_from(("=", "!=")), WHERE, st.integers(0, 3), TERMS),
    st.tuples(st.sampled_from(("<", ">")), WHERE, st.integers(0, 3), st.floats(allow_nan=False)),
    st.tuples(st.just("=>"), WHERE, st.just(TAGS)), st.booleans(), st.just(("person",)),
)
EXPRESSIONS = st.recursive(
    TESTS, lambda inner: st.tuples(st.sampled_from("&|"), inner, inner) | st.tuples(st.just("!"), inner), max_leaves=6)


@given(EXPRESSIONS, st.lists(st.tuples(st.sampled_from(TAGS), st.dictionaries(st.sampled_from(TAGS), CONTENT.map(Held), max_size=4) | ODD),
                             min_size=1, max_size=4))
def test_deciding_never_raises(expression: Any, items: list[tuple[int, Any]]) -> None:
    context = Context(items[0][1])
    for sequence, item in items[1:]:
        context = context.inside(sequence, item)
    assert evaluate(expression, context) in (True, False, None)
    negation = evaluate(("!", expression), context)
    assert negation is None if evaluate(expression, context) is None else negation is not evaluate(expression, context)


def test_nothing_is_read_at_import_and_little_time_is_taken_on_first_use() -> None:
    script = ("import time, json; from dcmenc import iod_tables as t; assert not t._tables.cache_info().currsize\n"
              f"start = time.perf_counter(); t.attributes_of({CT!r}); print(time.perf_counter() - start)")
    taken = min(float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout) for _ in range(3))
    assert taken < 0.1  # 5 ms on the machine where this was written; the bound only notices another order of magnitude


def test_a_frame_is_decided_quickly() -> None:
    frames = [{"MREchoSequence": [{}], "MRImageFrameTypeSequence": [{"FrameType": ("ORIGINAL", "PRIMARY", "M", "NONE")}]}] * 500
    dataset = Dataset(PerFrameFunctionalGroupsSequence=frames, SharedFunctionalGroupsSequence=[{}])
    required = condition_of(ENHANCED_MR, "PerFrameFunctionalGroupsSequence.MREchoSequence.EffectiveEchoTime")
    start = time.perf_counter()
    for frame in dataset["PerFrameFunctionalGroupsSequence"].value:
        context = Context(dataset).inside(iod_tables.PER_FRAME_GROUPS, frame)
        inner = context.inside(Tag("MREchoSequence"), frame["MREchoSequence"].value[0])
        assert all(evaluate(required, inner) for _ in range(10))
    assert time.perf_counter() - start < 2


def test_threads_see_the_same_tables() -> None:
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append([attributes_of(one) for one in NAMED])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8 and all(one == seen[0] for one in seen)


# What dciodvfy 20260927 misses as Type 1 or 2 in instances made by the tables, and why the tables are not changed for it.
EXPLAINED = {
    "ambulatory-ecg": "Acquisition Context is U in the tables' edition",
    "breast-tomosynthesis-image": "dciodvfy does not see the X-Ray 3D Frame Type Sequence that is there",
    "dermoscopic-photography-image": "Frame of Reference is not a module of the IOD in the tables",
    "encapsulated-mtl": "ICC Profile is U in the tables",
    "encapsulated-obj": "ICC Profile is U in the tables",
    "enhanced-xrf-image": "the geometry groups are U in the tables' edition",
    "ophthalmic-optical-coherence-tomography-b-scan-volume-analysis": "whether an image is derived is for a person to say",
    "ophthalmic-optical-coherence-tomography-en-face-image": "the sequence is newer than the tables' edition",
    "photoacoustic-image": "the source of the functional groups is older than the IOD",
    "rt-beams-treatment-record": "session or salvage record: a person knows",
    "rt-ion-beams-treatment-record": "session or salvage record: a person knows",
    "rt-structure-set": "Frame of Reference is U in the tables' edition",
    "spectacle-prescription-report": "dciodvfy demands the clinical trial modules, which are U",
}
# DICOMDIR is no instance; FileSetID and the like are not written as one.
INSTANCES = {iod: uid for uid, iod in sop_classes().items() if iod != "basic-directory"}
MISSING = re.compile(r"Missing attribute Type [12] Required Element=<(\w+)>")


@pytest.mark.peer
@pytest.mark.parametrize("iod", INSTANCES)
def test_dciodvfy_misses_nothing_that_is_required_without_condition(iod: str, peer: Callable[[str], str], tmp_path: Path) -> None:
    dataset = minimal_instance(INSTANCES[iod])
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    (tmp_path / "minimal.dcm").write_bytes(dumps(dataset))
    found = subprocess.run([peer("dciodvfy"), str(tmp_path / "minimal.dcm")], capture_output=True, text=True)
    report = found.stdout + found.stderr
    if "information object not found" in report.lower():
        # it has no opinion: then it has none of Types either
        assert not MISSING.findall(report)
        return
    missing = MISSING.findall(report)
    assert not missing or iod in EXPLAINED, missing
