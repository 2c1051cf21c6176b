"""What ``complete`` makes of the facts that only a person can give, for every SOP class: nothing is missing, nothing is invented."""

from __future__ import annotations

import copy
import importlib.util
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from acceptance import INSTANCES, TOLD, Told, accepted_instance, facts_of_user, missed_in, told_of, verdict, version_of
from hypothesis import given
from hypothesis import strategies as st

import dcmenc
from dcmenc import Dataset, Tag, dcmread, dumps, imwrite
from dcmenc.completion import complete
from dcmenc.iod import CAPTURES
from dcmenc.iod_tables import PER_FRAME_GROUPS, SHARED_GROUPS, sop_classes
from dcmenc.model import MAX_DEPTH, Sequence
from dcmenc.report import Finding
from dcmenc.verification import check

ROOT = Path(__file__).resolve().parent.parent
STORAGE = "1.2.840.10008.5.1.4.1.1"
CT, MR, ENHANCED_MR, RT_STRUCT, RT_DOSE, DX, US_MULTI_FRAME = (
    f"{STORAGE}.{end}" for end in ("2", "4", "4.1", "481.3", "481.2", "1.1", "3.1"))


def named(sop_class: str) -> str:
    return sop_classes()[sop_class] + sop_class[len(STORAGE):]


def missing(ds: Dataset) -> list[Finding]:
    """What our own check misses for sure."""
    return [one for one in check(ds).errors if one.code.startswith(("missing", "empty"))]


# ---- dciodvfy


@pytest.mark.peer
@pytest.mark.parametrize("sop_class", INSTANCES, ids=named)
def test_nothing_is_missing_from_what_is_given_and_completed(sop_class: str, peer: Callable[[str], str]) -> None:
    """Neither for dciodvfy, where it knows the class, nor for our own check."""
    assert not verdict(peer("dciodvfy"), sop_class).missed
    assert not missing(accepted_instance(sop_class).dataset)


@pytest.mark.peer
@pytest.mark.parametrize("iod", [iod for iod, told in TOLD.items() if told.disputed])
def test_what_is_disputed_is_not_demanded_by_the_tables(iod: str, peer: Callable[[str], str]) -> None:
    sop_class, = (uid for uid, name in sop_classes().items() if name == iod)
    untold = accepted_instance(sop_class, Told({}, "")).dataset
    assert missed_in(peer("dciodvfy"), untold), "no dispute any more"
    assert not missing(untold), "the tables have it by now"


def documents() -> Any:
    spec = importlib.util.spec_from_file_location("make_iod_acceptance", ROOT / "tools" / "make_iod_acceptance.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.peer
def test_the_published_table_is_what_dciodvfy_says_today(peer: Callable[[str], str]) -> None:
    program, maker = peer("dciodvfy"), documents()
    published = maker.DOCUMENT.read_text(encoding="utf-8")
    if version_of(program) not in published and not os.environ.get("DCMENC_REQUIRE_PEERS"):
        pytest.skip(f"the table was made with another dciodvfy than {version_of(program)}")
    assert published == maker.describe(program), "make acceptance"


def test_the_published_table_has_every_class() -> None:
    published = documents().DOCUMENT.read_text(encoding="utf-8")
    assert "In the instances of **114 of these 114**" in published
    assert sum(f"| {uid} |" in published for uid in INSTANCES) == 114


# ---- what is filled, and what never is

# A value may be given to these only (UIDs, the moment, what class and pixels leave no choice of); all else is left empty.
IDENTITY = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "InstanceCreationDate", "InstanceCreationTime"}
OF_THE_CLASS = {"Modality", "PresentationIntentType"}
OF_THE_PIXELS = {"NumberOfFrames", "FrameIncrementPointer"}
# A writer that makes Secondary Capture is the equipment that made it (PS3.3 C.8.6.1); the transformation is the identity (C.8.6.3).
OF_CAPTURES = {"ConversionType", "BurnedInAnnotation", "PresentationLUTShape", "RescaleIntercept", "RescaleSlope", "RescaleType",
               "PageNumberVector"}
MOMENT = datetime(2026, 11, 22, 13, 14, 15)


def walk(item: Dataset, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path of keywords and value of every element at every depth."""
    for tag in item:
        value = item[tag].value
        yield f"{path}{tag.keyword}", value
        for at, inner in enumerate(value if isinstance(value, Sequence) else ()):
            yield from walk(inner, f"{path}{tag.keyword}[{at}].")


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, Sequence) and not value)


@given(st.data())
def test_nothing_clinical_is_ever_invented(data: st.DataObject) -> None:
    """Whatever part of its facts an instance of any class has: what is added is of an allowed kind, or empty; what was there stays."""
    sop_class = data.draw(st.sampled_from(sorted(sop_classes())))
    facts = facts_of_user(sop_class, told_of(sop_class))
    for tag in data.draw(st.lists(st.sampled_from(sorted(facts)), unique=True)) if len(facts) else ():
        del facts[tag]
    before = dict(walk(copy.deepcopy(facts)))
    filled = complete(facts, sop_class, clock=lambda: MOMENT)
    after = dict(walk(facts))
    assert {path: after[path] for path in before if not isinstance(before[path], Sequence) and path != "SOPClassUID"} == {
        path: value for path, value in before.items() if not isinstance(value, Sequence) and path != "SOPClassUID"}
    added = after.keys() - before.keys() - {"SOPClassUID"}
    assert added == set(filled) and len(filled) == len(added)
    allowed = IDENTITY | OF_THE_CLASS | OF_THE_PIXELS | (OF_CAPTURES if sop_class in CAPTURES else set())
    assert {path for path in added if not is_empty(after[path])} <= allowed
    assert complete(facts, sop_class) == []


@pytest.mark.parametrize("sop_class", sorted(sop_classes()), ids=named)
def test_of_no_facts_at_all_only_these_get_a_value(sop_class: str) -> None:
    ds = Dataset()
    complete(ds, sop_class, clock=lambda: MOMENT)
    captures = OF_CAPTURES if sop_class in CAPTURES else set()
    allowed = IDENTITY | OF_THE_CLASS | captures | {"SOPClassUID", "NumberOfFrames"}
    assert {path for path, value in walk(ds) if not is_empty(value)} <= allowed
    clinical = ("FrameOfReferenceUID", "ImageType", "PixelSpacing", "SliceLocation", "SpacingBetweenSlices", "SliceThickness",
                "ImagePositionPatient", "ContentDate", "AcquisitionDate", "LossyImageCompression")
    assert not [keyword for keyword in clinical if getattr(ds, keyword, None) is not None]


@pytest.mark.parametrize("sop_class", INSTANCES, ids=named)
def test_what_may_be_empty_is_never_left_to_the_user(sop_class: str) -> None:
    """Of facts without any empty attribute, at any level, completion makes an instance that lacks none."""
    facts = facts_of_user(sop_class, told_of(sop_class))
    assert not [path for path, value in walk(facts) if is_empty(value)]
    complete(facts, sop_class)
    assert not [one for one in check(facts).findings if one.code in ("missing-type-2", "missing-type-2c")]


# ---- items and functional groups


def test_items_get_what_may_be_empty_and_no_item_is_added() -> None:
    ds = Dataset(RadiopharmaceuticalInformationSequence=[{}, {"RadionuclideCodeSequence": [{"CodeMeaning": "X"}]}],
                 PatientGantryRelationshipCodeSequence=[])
    filled = complete(ds, f"{STORAGE}.128")
    one, other = ds.RadiopharmaceuticalInformationSequence
    assert "RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence" in filled
    assert list(one) == [Tag("RadionuclideCodeSequence")] and one.RadionuclideCodeSequence == []
    assert list(other) == [Tag("RadionuclideCodeSequence")] and len(other.RadionuclideCodeSequence) == 1
    assert list(other.RadionuclideCodeSequence[0]) == [Tag("CodeMeaning")] and ds.PatientGantryRelationshipCodeSequence == []


def test_functional_groups_are_filled_inside_and_none_is_added() -> None:
    ds = Dataset(SharedFunctionalGroupsSequence=[{"FrameAnatomySequence": [{}]}],
                 PerFrameFunctionalGroupsSequence=[{"DerivationImageSequence": [{}]}, {}])
    filled = complete(ds, f"{STORAGE}.66.4")
    assert list(ds[SHARED_GROUPS].value[0]) == [Tag("FrameAnatomySequence")] and len(ds[PER_FRAME_GROUPS].value[1]) == 0
    assert "PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence" in filled
    assert ds[PER_FRAME_GROUPS].value[0].DerivationImageSequence[0].SourceImageSequence == []


def test_items_that_are_shared_or_stand_in_themselves_are_filled_once() -> None:
    circle = Dataset(ValueType="CONTAINER")
    circle["ContentSequence"] = [circle, circle]
    complete(circle, f"{STORAGE}.88.33")
    deep = Dataset(ValueType="TEXT")
    for _ in range(100):
        deep = Dataset(ContentSequence=[deep, deep, deep])
    assert len(complete(deep, f"{STORAGE}.88.33")) < 1000
    deeper = Dataset()
    for _ in range(2 * MAX_DEPTH):
        deeper = Dataset(ContentSequence=[deeper])
    complete(deeper, f"{STORAGE}.88.33")


def test_the_items_of_the_caller_are_not_changed_by_an_image_door(tmp_path: Path) -> None:
    import numpy as np

    item = Dataset(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID="1.2.3")
    step = Dataset(ScheduledProcedureStepID="7")
    items = [step]
    imwrite(tmp_path / "a.dcm", np.zeros((2, 2), "u1"), SourceImageSequence=[item], PerformedProtocolCodeSequence=[],
            DerivationImageSequence=[{"SourceImageSequence": [item]}], RequestAttributesSequence=items)
    assert len(item) == 2 and len(step) == 1 and items == [step]


# ---- modules in use, classes, frames


def test_a_module_that_is_given_is_completed_too() -> None:
    ds = Dataset(FrameOfReferenceUID="1.2.3")
    assert "PositionReferenceIndicator" in complete(ds, RT_STRUCT) and ds.PositionReferenceIndicator is None
    ds = Dataset()
    assert "PositionReferenceIndicator" not in complete(ds, RT_STRUCT)


@pytest.mark.parametrize(("end", "keyword", "value"), [
    ("2", "Modality", "CT"), ("481.1", "Modality", "RTIMAGE"), ("481.2", "Modality", "RTDOSE"), ("481.3", "Modality", "RTSTRUCT"),
    ("481.5", "Modality", "RTPLAN"), ("481.9", "Modality", "RTRECORD"), ("66.4", "Modality", "SEG"),
    ("1.1", "PresentationIntentType", "FOR PRESENTATION"), ("1.2.1", "PresentationIntentType", "FOR PROCESSING"),
    ("1.1", "Modality", None), ("6.1", "Modality", None), ("77.1.4", "PresentationIntentType", None),
])
def test_what_a_class_leaves_no_choice_of_is_stated(end: str, keyword: str, value: str | None) -> None:
    ds = Dataset()
    complete(ds, f"{STORAGE}.{end}")
    assert getattr(ds, keyword, None) == value


@pytest.mark.parametrize(("sop_class", "attributes", "pointer"), [
    (US_MULTI_FRAME, {"NumberOfFrames": 2, "FrameTime": 40}, "FrameTime"),
    (US_MULTI_FRAME, {"NumberOfFrames": 2, "FrameTimeVector": (0, 40)}, "FrameTimeVector"),
    (US_MULTI_FRAME, {"NumberOfFrames": 2, "FrameTime": 40, "FrameTimeVector": (0, 40)}, None),
    (US_MULTI_FRAME, {"NumberOfFrames": 2}, None),
    (RT_DOSE, {"NumberOfFrames": 2, "GridFrameOffsetVector": (0, 1), "PixelData": b"12"}, "GridFrameOffsetVector"),
])
def test_the_pointer_to_the_frames_is_stated_where_what_it_points_to_is_given(
    sop_class: str, attributes: dict[str, Any], pointer: str | None
) -> None:
    ds = Dataset(attributes)
    complete(ds, sop_class)
    assert getattr(ds, "FrameIncrementPointer", None) == (None if pointer is None else Tag(pointer))


def test_the_instances_are_ours() -> None:
    """They are read back as they were written."""
    for sop_class in (MR, DX, ENHANCED_MR):
        ds = accepted_instance(sop_class).dataset
        assert dcmread(dumps(ds)) == ds
    assert dcmenc.verify(accepted_instance(CT).dataset).ok
