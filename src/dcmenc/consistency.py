"""What the attributes of a dataset say of one another, of the pixels and of the file (PS3.3 C.7.6.3, C.7.6.16, PS3.5 8, A.4, PS3.10 7.1).

What must be there, and which values it may have, is in ``verification.py``.
"""

from __future__ import annotations

from operator import mul
from typing import Any, TypeAlias

from . import iod
from .dictionary import Tag
from .iod_tables import PER_FRAME_GROUPS, READING_ERRORS, SHARED_GROUPS
from .model import Dataset
from .report import Finding, Severity
from .uid import TRANSFER_SYNTAXES
from .values import Fragments, shorten

Elements: TypeAlias = "dict[int, Any]"

GROUPS_CLAUSE = "PS3.3 C.7.6.16"
# Of so many dimensions and pointers each is looked at.
_MOST_LOOKED_AT = 100


def contradictions(elements: Elements, ds: Dataset, uid: Any) -> list[Finding]:
    """All that does not agree.

    Parameters
    ----------
    elements : dict of int to Element
        Those of the data set, as far as they can be read.
    ds : Dataset
        The data set, for its file meta.
    uid : str
        The SOP class that it is held against.
    """
    findings = []
    if isinstance(uid, str) and uid in iod.CAPTURES:
        values = {keyword: value for keyword in iod.CAPTURES[uid].pixels if (value := value_of(elements, keyword)) is not None}
        for keyword, message in iod.misfits(uid, values).items():
            findings.append(root_finding("error", "value-outside-class", keyword, message, "PS3.3 A.8"))
        findings += _check_constants(elements, uid)
    findings += _check_pixels(elements, ds) + _check_pointer(elements) + _check_meta(elements, ds)
    return findings + _check_uids(elements) + _check_plane(elements) + _check_regions(elements) + _check_frames(elements)


def root_finding(severity: Severity, code: str, keyword: str, message: str, clause: str) -> Finding:
    return Finding(severity, code, str(Tag(keyword)), keyword, message, clause)


def several(value: Any) -> tuple[Any, ...]:
    """The values of an element as a tuple."""
    if isinstance(value, Fragments):
        return (value,)
    if isinstance(value, tuple):
        return value
    return tuple(value.tolist()) if hasattr(value, "ndim") and hasattr(value, "tolist") else (value,)


def not_among(wrong: Any, terms: tuple[str | int, ...], rule: str) -> str:
    more = f", ... ({len(terms)} in all)" if len(terms) > 12 else ""
    return f"is {shorten(wrong, 40)}, where {', '.join(map(str, terms[:12]))}{more} {'are' if len(terms) > 1 else 'is'} {rule}"


def items_of(elements: Elements, tag: int) -> list[Dataset]:
    element = elements.get(tag)
    value = element.value if element is not None else None
    return [item for item in value if isinstance(item, Dataset)] if isinstance(value, list) else []


def _check_frames(elements: Elements) -> list[Finding]:
    """As many items as frames, and dimensions that point to what is there (PS3.3 C.7.6.16, C.7.6.17)."""
    frames = items_of(elements, PER_FRAME_GROUPS)
    findings = []
    number = _number(elements, "NumberOfFrames")
    if frames and number is not None and len(frames) != number:
        message = f"has {len(frames)} items, where there are {number} frames"
        findings.append(root_finding("error", "frame-items", "PerFrameFunctionalGroupsSequence", message, GROUPS_CLAUSE))
    if frames:
        findings += _check_dimensions(elements, frames)
    return findings


def _check_dimensions(elements: Elements, frames: list[Dataset]) -> list[Finding]:
    findings = []
    dimensions = items_of(elements, Tag("DimensionIndexSequence"))
    holders = [*items_of(elements, SHARED_GROUPS)[:1], frames[0]]
    for at, dimension in enumerate(dimensions[:_MOST_LOOKED_AT]):
        path = f"{Tag('DimensionIndexSequence')}[{at}]."
        pointer, group = (_plain(dimension, keyword) for keyword in ("DimensionIndexPointer", "FunctionalGroupPointer"))
        keyword = "DimensionIndexPointer" if group is None else "FunctionalGroupPointer"
        missing = None
        if isinstance(group, int) and group >> 16 & 1 == 0:
            items = [item for holder in holders for item in _inner_items(holder, group)]
            if not items:
                missing = Tag(group)
            elif isinstance(pointer, int) and pointer >> 16 & 1 == 0 and not any(pointer in item for item in items):
                keyword, missing = "DimensionIndexPointer", Tag(pointer)
        if missing is not None:
            message = f"points to {missing} {missing.keyword}, which is not in the functional groups"
            findings.append(Finding("error", "pointer-to-nothing", f"{path}{Tag(keyword)}", keyword, message, "PS3.3 C.7.6.17"))
    return findings + _check_dimension_values(len(dimensions), frames)


def _check_dimension_values(dimensions: int, frames: list[Dataset]) -> list[Finding]:
    """Each frame has an index for each dimension; the first that has not is named."""
    content, values = Tag("FrameContentSequence"), Tag("DimensionIndexValues")
    for at, frame in enumerate(frames if dimensions else ()):
        for item in _inner_items(frame, content)[:1]:
            indices = _plain(item, "DimensionIndexValues")
            count = 0 if indices is None else len(several(indices))
            if count and count != dimensions:
                message = f"has {count} values, where there are {dimensions} dimensions"
                path = f"{Tag(PER_FRAME_GROUPS)}[{at}].{content}[0].{values}"
                return [Finding("error", "dimension-values", path, values.keyword, message, "PS3.3 C.7.6.17")]
    return []


def _inner_items(item: Dataset, tag: int) -> list[Dataset]:
    try:
        value = item[tag].value if tag in item else None
    except READING_ERRORS:
        return []
    return [inner for inner in value if isinstance(inner, Dataset)] if isinstance(value, list) else []


def _plain(ds: Dataset, keyword: str) -> Any:
    try:
        return getattr(ds, keyword, None)
    except READING_ERRORS:
        return None


# ---- pixels, pointers, the file meta


def value_of(elements: Elements, keyword: str) -> Any:
    element = elements.get(Tag(keyword))
    return None if element is None else element.value


def _number(elements: Elements, keyword: str) -> int | None:
    """A whole number that is not 0, or None: a dataset under check may hold anything."""
    value = value_of(elements, keyword)
    return int(value) if isinstance(value, int) and value else None


_HALF_RATE = "YBR_FULL_422"
_SUBSAMPLED = (_HALF_RATE, "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_ONE_SAMPLE = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_THREE_SAMPLES = ("RGB", "HSV", "YBR_FULL", *_SUBSAMPLED, "YBR_ICT", "YBR_RCT", "XYB")


def _check_pixels(elements: Elements, ds: Dataset) -> list[Finding]:
    """The numbers that describe the pixels agree with one another and with Pixel Data (PS3.3 C.7.6.3, PS3.5 8.1)."""
    allocated, stored, high = _number(elements, "BitsAllocated"), _number(elements, "BitsStored"), value_of(elements, "HighBit")
    samples, photometric = _number(elements, "SamplesPerPixel"), value_of(elements, "PhotometricInterpretation")
    findings = []
    if allocated and stored and not 1 <= stored <= allocated:
        findings.append(root_finding("error", "bits-stored", "BitsStored", f"is {stored} of {allocated} bits allocated", "PS3.5 8.1.1"))
    if stored and high is not None and high != stored - 1:
        message = f"is {shorten(high, 40)}, where {stored} bits stored make it {stored - 1}"
        findings.append(root_finding("error", "high-bit", "HighBit", message, "PS3.5 8.1.1"))
    wanted = 1 if photometric in _ONE_SAMPLE else 3 if photometric in _THREE_SAMPLES else samples
    if samples and wanted and samples != wanted:
        message = f"is {samples}, where {photometric} has {wanted}"
        findings.append(root_finding("error", "samples", "SamplesPerPixel", message, "PS3.3 C.7.6.3.1.2"))
    present = [keyword for keyword in iod.PIXEL_ELEMENTS if Tag(keyword) in elements]
    for keyword in present[1:]:
        message = f"is there beside {present[0]}, and only one element holds the pixels"
        findings.append(root_finding("error", "pixels-twice", keyword, message, "PS3.3 C.7.6.3"))
    for keyword in present[:1]:
        findings += _check_length(elements, keyword)
    columns = _number(elements, "Columns")
    if photometric == _HALF_RATE and columns and columns % 2 and _length(value_of(elements, "PixelData")) is not None:
        message = f"is {columns}, where uncompressed pixels of {_HALF_RATE} have pairs of columns"
        findings.append(root_finding("error", "odd-columns", "Columns", message, "PS3.3 C.7.6.3.1.2"))
    return findings + _check_encapsulation(elements, value_of(elements, "PixelData"), ds)


def _check_length(elements: Elements, keyword: str) -> list[Finding]:
    needed, found = _native_length(elements), _length(value_of(elements, keyword))
    if needed is None or found is None or found in (needed, needed + needed % 2):
        return []
    message = f"has {found} bytes, where the description makes it {needed}"
    return [root_finding("error", "pixel-length", keyword, message, "PS3.5 8.1.1")]


def _check_encapsulation(elements: Elements, pixels: Any, ds: Dataset) -> list[Finding]:
    """Fragments in the transfer syntaxes for them, and only there; at least one for each frame (PS3.5 A.4)."""
    syntax = TRANSFER_SYNTAXES.get(_meta(ds, "TransferSyntaxUID") or "")
    if syntax is None or pixels is None:
        return []
    if syntax.encapsulated is not isinstance(pixels, Fragments):
        message = f"{'is not' if syntax.encapsulated else 'is'} encapsulated, in {syntax.name}"
        return [root_finding("error", "pixel-encapsulation", "PixelData", message, "PS3.5 A.4")]
    frames = _number(elements, "NumberOfFrames") or 1
    if syntax.encapsulated and not _is_video(syntax.name) and len(pixels.fragments) < frames:
        message = f"has {len(pixels.fragments)} fragments, where there are {frames} frames"
        return [root_finding("error", "pixel-frames", "PixelData", message, "PS3.5 A.4")]
    return []


def _is_video(syntax: str) -> bool:
    return any(word in syntax for word in ("MPEG", "HEVC", "H.26"))


def _native_length(elements: Elements) -> int | None:
    bits, photometric = _number(elements, "NumberOfFrames") or 1, value_of(elements, "PhotometricInterpretation")
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated"):
        bits *= _number(elements, keyword) or 0
    if photometric == _HALF_RATE:  # of three samples, two are there for each pixel
        return (bits // 3 * 2 + 7) // 8 if bits > 0 and bits % 3 == 0 else None
    return (bits + 7) // 8 if bits > 0 and photometric not in _SUBSAMPLED else None


def _length(value: Any) -> int | None:
    """The bytes of native pixels; None for fragments and for no value."""
    try:
        return memoryview(value).nbytes
    except TypeError:
        return None


def _check_pointer(elements: Elements) -> list[Finding]:
    pointers = several(value_of(elements, "FrameIncrementPointer"))[:_MOST_LOOKED_AT]
    missing = [Tag(tag) for tag in pointers if isinstance(tag, int) and 0 <= tag <= 0xFFFFFFFF and tag not in elements]
    messages = [f"points to {tag} {tag.keyword}, which is not there" for tag in missing]
    return [root_finding("error", "pointer-to-nothing", "FrameIncrementPointer", message, "PS3.3 C.7.6.6") for message in messages]


def _check_constants(elements: Elements, uid: str) -> list[Finding]:
    """What the multi-frame classes of Secondary Capture say of gray levels in their text, which the tables lack (PS3.3 C.8.6.3)."""
    said = {keyword: value_of(elements, keyword) for keyword in iod.IDENTITY} if uid in iod.MULTI_FRAME else {}
    return [root_finding("error", "value-not-enumerated", keyword, not_among(value, (iod.IDENTITY[keyword],), "allowed"), "PS3.3 C.8.6.3")
            for keyword, value in said.items() if value is not None and value != iod.IDENTITY[keyword]]


def _check_meta(elements: Elements, ds: Dataset) -> list[Finding]:
    """The file meta names the same class and instance as the data set (PS3.10 7.1)."""
    findings = []
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        said, own = _meta(ds, f"MediaStorage{keyword}"), value_of(elements, keyword)
        if said is not None and own is not None and said != own:
            message = f"is {shorten(said, 70)}, where the data set has {shorten(own, 70)}"
            findings.append(root_finding("error", "file-meta-differs", f"MediaStorage{keyword}", message, "PS3.10 7.1"))
    return findings


def _meta(ds: Dataset, keyword: str) -> Any:
    try:
        value = getattr(ds.file_meta, keyword, None)
    except READING_ERRORS:
        return None
    return value if isinstance(value, str) else None


# ---- identifiers, planes, regions of interest


# Each names something else (PS3.5 9).
_IDENTIFIERS = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


def _check_uids(elements: Elements) -> list[Finding]:
    """No identifier is that of two things; archives take it for all that, and so it is a warning."""
    findings: list[Finding] = []
    first: dict[str, str] = {}
    for keyword in _IDENTIFIERS:
        uid = value_of(elements, keyword)
        if not isinstance(uid, str):
            continue
        if uid in first:
            findings.append(root_finding("warning", "uid-shared", keyword, f"is {shorten(uid, 70)}, as {first[uid]} is", "PS3.5 9"))
        first.setdefault(uid, keyword)
    return findings


# By how much the length of a direction, and the product of two, may be off: digits are cut.
_ASKEW = 0.01


def _check_plane(elements: Elements) -> list[Finding]:
    """A plane lies in a frame of reference, and its rows and columns stand at a right angle (PS3.3 C.7.6.2.1.1, C.7.4.1)."""
    findings = []
    if value_of(elements, "ImagePositionPatient") is not None and value_of(elements, "FrameOfReferenceUID") is None:
        message = "is missing, and so ImagePositionPatient is a position in no frame of reference"
        findings.append(root_finding("warning", "frame-of-reference", "FrameOfReferenceUID", message, "PS3.3 C.7.4.1"))
    cosines = several(value_of(elements, "ImageOrientationPatient"))
    if len(cosines) == 6 and all(isinstance(one, (int, float)) for one in cosines) and _is_askew(*map(float, cosines)):
        message = f"is {shorten(cosines, 60)}, which are no two directions of length 1 at a right angle"
        findings.append(root_finding("error", "orientation", "ImageOrientationPatient", message, "PS3.3 C.7.6.2.1.1"))
    return findings


def _is_askew(*cosines: float) -> bool:
    row, column = cosines[:3], cosines[3:]
    squares = [sum(one * one for one in direction) for direction in (row, column)]
    return any(not abs(square - 1) <= 2 * _ASKEW for square in squares) or not abs(sum(map(mul, row, column))) <= _ASKEW


# Numbers of regions of interest point to the regions, and these to their frames of reference (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8).
_REGIONS, _REFERENCED_FRAMES = Tag("StructureSetROISequence"), Tag("ReferencedFrameOfReferenceSequence")
_POINTING = (Tag("ROIContourSequence"), Tag("RTROIObservationsSequence"))


def _check_regions(elements: Elements) -> list[Finding]:
    """Contours and observations are of regions that there are, and these lie in frames of reference that are named."""
    regions = items_of(elements, _REGIONS)
    if not regions:
        return []
    numbers = {_plain(region, "ROINumber") for region in regions if _is_plain(_plain(region, "ROINumber"))}
    frames = {_plain(item, "FrameOfReferenceUID") for item in items_of(elements, _REFERENCED_FRAMES)
              if _is_plain(_plain(item, "FrameOfReferenceUID"))}
    findings = _strangers(elements, _REGIONS, "ReferencedFrameOfReferenceUID", frames, "PS3.3 C.8.8.5") if frames else []
    for sequence in _POINTING:
        findings += _strangers(elements, sequence, "ReferencedROINumber", numbers, "PS3.3 C.8.8.6")
    return findings


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int))


def _strangers(elements: Elements, sequence: Tag, keyword: str, known: set[Any], clause: str) -> list[Finding]:
    """The items whose value is none of those known."""
    found = [(at, _plain(item, keyword)) for at, item in enumerate(items_of(elements, sequence))]
    return [Finding("error", "pointer-to-nothing", f"{sequence}[{at}].{Tag(keyword)}", keyword,
                    f"is {shorten(value, 70)}, which is none of those that there are", clause)
            for at, value in found if _is_plain(value) and value not in known][:_MOST_LOOKED_AT]
