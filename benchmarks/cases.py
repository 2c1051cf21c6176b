"""What is measured: the data sets as neutral builders, the contenders of every case, and the targets; ``pixel_cases.py`` adds images.

A builder takes a peer's own ``Dataset`` class and sets the same values by keyword (PS3.6), so both peers start from one
description; ``sources.py`` makes the files that are read of the same builders. Nothing here writes, times or imports a peer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

from .peers import present
from .pixel_cases import PIXEL_CASES
from .terms import Case, Check, Contender, Road, Size, Target

META = {
    "FileMetaInformationVersion": b"\0\1",
    "TransferSyntaxUID": "1.2.840.10008.1.2.1",
    "ImplementationClassUID": "2.25.120394857610293847561029384756",
    "ImplementationVersionName": "BENCHMARK",
}
IMPLICIT = "1.2.840.10008.1.2"


# ------------------------------------------------------------------ builders

def identify(ds: Any, sop_class: str, modality: str) -> None:
    """The patient, study and series that every built data set begins with (PS3.3 C.7)."""
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = "2.25.329800735698586629295641978511506172918"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20240131", "101500.250000", "A4711"
    ds.Modality, ds.Manufacturer = modality, "ACME"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Yamada^Tarou", "PAT-0815", "19700101", "M"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "2.25.111", "2.25.222"
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", 3, 1


def enhanced(new: Callable[[], Any], frames: int) -> Any:
    """A multi-frame header: 24 elements at the root, 24 a frame in functional groups (PS3.3 C.7.6.16)."""
    ds = new()
    identify(ds, "1.2.840.10008.5.1.4.1.1.2.1", "CT")
    ds.NumberOfFrames = frames
    ds.Rows, ds.Columns = 512, 512
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PerFrameFunctionalGroupsSequence = [frame_groups(new, index) for index in range(frames)]
    return ds


def frame_groups(new: Callable[[], Any], index: int) -> Any:
    content = new()
    content.FrameAcquisitionNumber = index + 1
    content.FrameReferenceDateTime = "20240131101500.250000"
    content.FrameAcquisitionDateTime = "20240131101500.125000"
    content.FrameAcquisitionDuration = 0.5 + index
    content.StackID = "1"
    content.InStackPositionNumber = index + 1
    content.TemporalPositionIndex = 1
    content.DimensionIndexValues = [1, index + 1]
    position = new()
    position.ImagePositionPatient = [-125.5, -130.25, -200.0 + 1.25 * index]
    orientation = new()
    orientation.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    measures = new()
    measures.PixelSpacing = [0.48828125, 0.48828125]
    measures.SliceThickness = 1.25
    measures.SpacingBetweenSlices = 1.25
    window = new()
    window.WindowCenter, window.WindowWidth = 40.0, 400.0
    rescale = new()
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = -1024.0, 1.0, "HU"
    groups = new()
    groups.FrameContentSequence = [content]
    groups.PlanePositionSequence = [position]
    groups.PlaneOrientationSequence = [orientation]
    groups.PixelMeasuresSequence = [measures]
    groups.FrameVOILUTSequence = [window]
    groups.PixelValueTransformationSequence = [rescale]
    return groups


def code(new: Callable[[], Any], value: str, scheme: str, meaning: str) -> Any:
    made = new()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made


def content_item(new: Callable[[], Any], relation: str, kind: str, number: int) -> Any:
    item = new()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [code(new, f"{111000 + number}", "DCM", f"Concept {number}")]
    return item


def measurement(new: Callable[[], Any], number: int) -> Any:
    item = content_item(new, "CONTAINS", "NUM", number)
    value = new()
    value.NumericValue = 12.5 + number
    value.MeasurementUnitsCodeSequence = [code(new, "mm", "UCUM", "millimeter")]
    item.MeasuredValueSequence = [value]
    return item


def finding(new: Callable[[], Any], number: int) -> Any:
    item = content_item(new, "CONTAINS", "CODE", number)
    item.ConceptCodeSequence = [code(new, f"T-{number:05}", "SRT", f"Finding {number}")]
    return item


def remark(new: Callable[[], Any], number: int) -> Any:
    item = content_item(new, "HAS OBS CONTEXT", "TEXT", number)
    item.TextValue = f"Remark number {number}"
    return item


def report(new: Callable[[], Any], items: int) -> Any:
    """An SR document: containers of 19 leaves, hung as a tree of four branches each (PS3.3 C.17.3)."""
    ds = new()
    identify(ds, "1.2.840.10008.5.1.4.1.1.88.33", "SR")
    ds.ContentDate, ds.ContentTime = "20240131", "101500"
    ds.CompletionFlag, ds.VerificationFlag, ds.ValueType, ds.ContinuityOfContent = "COMPLETE", "UNVERIFIED", "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [code(new, "126000", "DCM", "Imaging Measurement Report")]
    ds.ContentSequence = container_items(new, 0, max(1, items // 20))
    return ds


def container_items(new: Callable[[], Any], at: int, containers: int) -> list[Any]:
    """The containers that hang below number ``at`` of the tree: 4 at + 1 to 4 at + 4."""
    made = []
    for child in range(4 * at + 1, min(4 * at + 5, containers + 1)):
        item = content_item(new, "CONTAINS", "CONTAINER", child)
        item.ContinuityOfContent = "SEPARATE"
        kinds = [measurement] * 16 + [finding] * 2 + [remark]
        leaves = [kind(new, 20 * child + number) for number, kind in enumerate(kinds)]
        item.ContentSequence = leaves + container_items(new, child, containers)
        made.append(item)
    return made


def structure(new: Callable[[], Any], contours: list[Any]) -> Any:
    """An RT Structure Set with one ROI; ``contours`` holds the Contour Data of each contour (PS3.3 C.8.8.6)."""
    ds = new()
    identify(ds, "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT")
    made = []
    for index, data in enumerate(contours):
        image, contour = new(), new()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"2.25.{index + 1}"
        contour.ContourImageSequence = [image]
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(data) // 3
        contour.ContourData = data
        made.append(contour)
    roi = new()
    roi.ROIDisplayColor = [255, 0, 0]
    roi.ContourSequence = made
    roi.ReferencedROINumber = 1
    ds.ROIContourSequence = [roi]
    return ds


def pixels(new: Callable[[], Any], mebibytes: int) -> Any:
    """A native multi-frame image, one MiB a frame; its Pixel Data is one buffer of real, non-zero pages."""
    ds = new()
    identify(ds, "1.2.840.10008.5.1.4.1.1.7.3", "OT")
    ds.NumberOfFrames = mebibytes
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = 512, 1024
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = pixel_buffer(mebibytes)
    return ds


@cache
def pixel_buffer(mebibytes: int) -> bytes:
    return bytes(range(256)) * (4096 * mebibytes)


# What a new process sets before it writes its first data set; source text, so that it needs no import of its own.
FIRST_VALUES = """
ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "2.25.4711"
ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Yamada^Tarou", "PAT-0815", "19700101", "M"
ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SeriesNumber = "2.25.111", "2.25.222", 3
ds.Rows, ds.Columns, ds.PixelSpacing = 512, 512, [0.5, 0.5]
"""


# What a process does between reading and writing, by the form of the contender; source text as above.
CONVERSIONS = {"": "", "implicit": f"ds.file_meta.TransferSyntaxUID = {IMPLICIT!r}"}


# ------------------------------------------------------------------ numbers

def numbers(kind: str, count: int) -> list[float]:
    """``count`` coordinates: with two decimals ("short"), or with all the digits of a double ("doubles")."""
    source = random.Random(count)
    signed = (source.uniform(1, 250) * source.choice((1, -1)) for _ in range(count))
    return [round(value, 2) for value in signed] if kind == "short" else list(signed)


def legal_text(value: float) -> str:
    """The nearest decimal of 16 characters, for the magnitudes of :func:`numbers` (PS3.5 6.2, DS)."""
    room = 15 - len(str(int(value))) - (-1 < value < 0)
    return f"{value:.{room}f}".rstrip("0").rstrip(".")


def as_form(values: list[float], form: str) -> Any:
    """The same numbers as text, as a list of floats, or as an array of float64."""
    if form == "text":
        return [legal_text(value) for value in values]
    if form == "array":
        import numpy

        return numpy.array(values)
    return values


def contours(kind: str, form: str, size: Size) -> list[Any]:
    count, points = {"full": (200, 500), "quick": (20, 500), "check": (4, 50)}[size]
    values = numbers(kind, 3 * count * points)
    return [as_form(values[3 * points * index:3 * points * (index + 1)], form) for index in range(count)]


def decimal_values(case: str, size: Size) -> list[float]:
    return numbers(case.removeprefix("ds-"), {"full": 300_000, "quick": 30_000, "check": 2_000}[size])


# ------------------------------------------------------------------ the cases

def build(case: str, form: str, size: Size, new: Callable[[], Any]) -> Any:
    """The data set of a case, made with a peer's own class."""
    name = case.split("-")[0]
    if name in ("enhanced", "large"):
        return enhanced(new, 10 if size == "check" else 500 if name == "enhanced" else 1915)
    if name == "sr":
        return report(new, 100 if size == "check" else 2000)
    if name == "rtstruct":
        return structure(new, contours("doubles" if case.endswith("doubles") else "short", form, size))
    if name == "pixels":
        return pixels(new, 1 if size == "check" else 100)
    raise ValueError(f"no data set is built for the case {case!r}")


def ct_path() -> str:
    """CT_small.dcm of the pydicom wheel; pydicom itself is not imported for it."""
    import os
    from importlib.util import find_spec

    spec = find_spec("pydicom")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the benchmarks need pydicom, as peer and for its CT_small.dcm: pip install dcmenc[dev]")
    return os.path.join(spec.submodule_search_locations[0], "data", "test_files", "CT_small.dcm")


def file_names(road: Road, size: Size) -> list[str]:
    count = {"full": 1000, "quick": 100, "check": 3}[size] if road.endswith("files") else 1
    return [f"{number:04}.dcm" for number in range(count)]


def _theirs(form: str = "") -> dict[str, Contender]:
    """The same objects of pydicom's, written by both."""
    return {"dcmenc": Contender(f"theirs {form}".strip()), "pydicom": Contender(form)}


def _pair(form: str = "", check: Check = "bytes") -> dict[str, Contender]:
    return {"dcmenc": Contender(form), "pydicom": Contender(form, check)}


def _rtstruct(form: str, check: Check = "values") -> dict[str, Contender]:
    return {"dcmenc": Contender(form), "pydicom": Contender("text", "values"), "pydicom-floats": Contender("list", check)}


def _conversion(form: str) -> dict[str, Contender]:
    return {"dcmenc": Contender(form), "bare": Contender("", "none"), "pydicom": Contender(form, "data set"),
            "dcmtk": Contender(form, "data set", "dcmconv")}


_CONVERSION = (Target("times", "dcmtk", 1), Target("ms above", "bare"), Target("times", "pydicom"))
_DECIMALS = {"dcmenc": Contender("array"), "bare": Contender("list", "none"), "pydicom": Contender("list", "decimals")}
_PROCESSES = {"dcmenc": Contender(""), "bare": Contender("", "none"), "pydicom": Contender("", "none")}

CASES = {case.name: case for case in (
    Case("ct", "CT header, 262 elements, decoded, to memory", "dumps", _pair(), (Target("times", "pydicom", 200),)),
    Case("ct-cold", "the same, garbage collected before each call", "dumps", _pair(), (Target("times", "pydicom"),), cold=True),
    Case("ct-implicit", "CT header, explicit -> implicit", "dumps",
         _pair("implicit") | {"pydicom-raw": Contender("implicit raw")},
         (Target("times", "pydicom-raw", 100), Target("times", "pydicom"))),
    Case("enhanced", "enhanced multi-frame, 500 frames, to memory", "dumps", _pair(check="values"), (Target("times", "pydicom", 200),)),
    Case("sr", "SR tree, 2,000 items, to memory", "dumps", _pair(check="values"), (Target("times", "pydicom", 300),)),
    Case("rtstruct-text", "RTSTRUCT, 300,000 DS values, given as text", "dumps", _pair("text"), (Target("times", "pydicom", 15),)),
    Case("rtstruct-array", "the same, two decimals, arrays", "dumps", _rtstruct("array"),
         (Target("times", "pydicom", 15), Target("times", "pydicom-floats"))),
    Case("rtstruct-list", "the same, two decimals, lists of floats", "dumps", _rtstruct("list"),
         (Target("times", "pydicom"), Target("times", "pydicom-floats"))),
    Case("rtstruct-doubles", "the same, full doubles, arrays", "dumps", _rtstruct("array", "nearly"),
         (Target("times", "pydicom", 4), Target("times", "pydicom-floats"))),
    Case("ct-theirs", "pydicom's data sets as they are: CT header, decoded", "dumps", _theirs(), (Target("times", "pydicom", 80),)),
    Case("ct-theirs-raw", "the same, read and untouched", "dumps", _theirs("raw"), (Target("times", "pydicom", 60),)),
    Case("ct-theirs-implicit", "the same, explicit -> implicit", "dumps", _theirs("implicit raw"), (Target("times", "pydicom", 50),)),
    Case("enhanced-theirs", "pydicom's enhanced multi-frame, 500 frames", "dumps", _theirs(), (Target("times", "pydicom", 70),)),
    Case("sr-theirs", "pydicom's SR tree, 2,000 items", "dumps", _theirs(), (Target("times", "pydicom", 80),)),
    Case("rtstruct-theirs", "pydicom's RTSTRUCT, 300,000 DS values from text", "dumps", _theirs("text"), (Target("times", "pydicom", 6),)),
    Case("enhanced-build", "build and write, enhanced, 500 frames", "build", _pair(check="values"), (Target("times", "pydicom", 100),)),
    Case("pixels", "100 MiB of native pixels to a file", "file",
         _pair() | {"bare": Contender("", "none")},
         (Target("times", "bare", 0.95), Target("MiB extra", "", 1), Target("times", "pydicom")), clock="wall"),
    Case("files", "many small files (the CT header) to a folder", "files",
         _pair() | {"bare": Contender("")}, (Target("times", "pydicom", 20), Target("times", "bare")), clock="wall"),
    Case("ds-short", "float -> DS, two decimals", "decimals", _DECIMALS,
         (Target("ns a value", "", 40), Target("times", "bare"), Target("times", "pydicom"))),
    Case("ds-doubles", "float -> DS, full doubles", "decimals", _DECIMALS,
         (Target("ns a value", "", 120), Target("times", "bare"), Target("times", "pydicom"))),
    Case("import", "import, as a process", "process",
         _PROCESSES | {"dcmenc": Contender("", "modules")},
         (Target("ms above", "bare", 30), Target("times", "pydicom")), clock="wall"),
    Case("first-dumps", "import and the first data set, as a process", "process",
         _PROCESSES | {"dcmenc": Contender("", "modules")},
         (Target("ms above", "bare"), Target("times", "pydicom")), clock="wall"),
    Case("ct-read", "CT read from memory, 258 elements", "read", _pair(check="lines"), (Target("times", "pydicom"),)),
    Case("ct-visit", "CT read, and every value looked at", "visit", _pair(check="lines"), (Target("times", "pydicom"),)),
    Case("ct-rewrite", "CT as read, untouched, written", "rewrite", _pair(), (Target("times", "pydicom", 100),)),
    Case("ct-rewrite-changed", "CT as read, but for its PatientName, written", "rewrite", _pair("name"),
         (Target("times", "pydicom", 100),)),
    Case("ct-rewrite-implicit", "CT as read, explicit -> implicit, written", "rewrite", _pair("implicit"),
         (Target("times", "pydicom", 100),)),
    Case("ct-edit", "CT read, PatientName changed, written, all on the clock", "edit", _pair("name"), (Target("times", "pydicom"),)),
    Case("enhanced-read", "enhanced multi-frame, 500 frames, read from memory", "read", _pair(check="lines"),
         (Target("times", "pydicom"),)),
    Case("enhanced-visit", "the same, and every value looked at", "visit", _pair(check="lines"), (Target("times", "pydicom", 20),)),
    Case("enhanced-edit", "the same read, one attribute of frame 3 changed, written", "edit", _pair("frame"),
         (Target("times", "pydicom"),)),
    Case("files-read", "many small files read, their tags and 5 attributes looked at", "read files",
         _pair(check="lines") | {"bare": Contender("", "none")}, (Target("times", "pydicom"), Target("times", "bare")), clock="wall"),
    Case("files-edit", "many small files read, PatientID changed, written to another folder", "edit files",
         _pair("number") | {"bare": Contender("", "none")}, (Target("times", "pydicom", 20), Target("times", "bare")), clock="wall"),
    Case("files-edit-memory", "the same, in a folder in memory", "edit files",
         _pair("number") | {"bare": Contender("", "none")}, (Target("times", "pydicom"), Target("times", "bare")), clock="wall",
         in_memory=True),
    Case("pixels-read", "100 MiB of native pixels: the file read, its pixels not yet", "read file",
         _pair(check="lines"), (Target("times", "pydicom"), Target("MiB private", "", 1), Target("MiB extra", "")), clock="wall"),
    Case("pixels-copy", "100 MiB of native pixels: the file read, PatientName changed, written", "edit file",
         _pair("name") | {"bare": Contender("", "none")},
         (Target("times", "bare"), Target("MiB private", "", 1), Target("MiB extra", ""), Target("times", "pydicom")), clock="wall"),
    Case("large-copy", "46,000 elements read and written, as a process", "convert", _conversion(""), _CONVERSION, clock="wall"),
    Case("large-implicit", "the same, explicit -> implicit", "convert", _conversion("implicit"), _CONVERSION, clock="wall"),
    *PIXEL_CASES,
)}


def absent(case: Case) -> list[str]:
    """The programs that a case needs and that are not installed."""
    needed = {contender.program for contender in case.contenders.values()} - {""}
    return sorted(program for program in needed if not present(program))


def without(case: Case, programs: list[str]) -> Case:
    """The case without the contenders that need one of the programs, and without their lines of the table."""
    contenders = {label: contender for label, contender in case.contenders.items() if contender.program not in programs}
    targets = tuple(target for target in case.targets if {target.against, target.ours} <= {"", *contenders})
    return case._replace(contenders=contenders, targets=targets)
