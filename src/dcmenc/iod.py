"""What a writer may fill in for a SOP class, and which pixels the class holds; Secondary Capture in a table of its own (PS3.3 A.8).

Clinical facts are never invented: what only the user can know stays empty where the Type allows that, and is reported where it does
not. What is missing or wrong, ``verification.py`` says, by the tables of ``iod_tables.py``. How pixels are described is in ``pixels.py``;
no files here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .dictionary import Tag, lookup
from .errors import PixelError
from .icc import srgb_profile
from .iod_tables import PER_FRAME_GROUPS, SHARED_GROUPS, Context, attributes_of, evaluate, iod_of, item_table, merged_tables, modules_of
from .iod_tables import Attribute as Row
from .iod_tables import Module as IodModule
from .model import MAX_DEPTH, Dataset, Sequence
from .uid import generate_uid, uid_name

# Frames that get a number each.
_MOST_PAGES = 1 << 24

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SINGLE_BIT = f"{SECONDARY_CAPTURE}.1"
GRAYSCALE_BYTE = f"{SECONDARY_CAPTURE}.2"
GRAYSCALE_WORD = f"{SECONDARY_CAPTURE}.3"
TRUE_COLOR = f"{SECONDARY_CAPTURE}.4"


class Attribute(NamedTuple):
    """One row of a module: the Type, what a writer fills in, when a conditional one is required, which values it has.

    ``fill`` and ``when`` are keys of the tables below; ``open_list`` says that the values are Defined Terms, beside which
    others are allowed (PS3.3 5.2).
    """

    keyword: str
    type: str
    fill: str = ""
    when: str = ""
    values: tuple[Any, ...] = ()
    open_list: bool = False


class Module(NamedTuple):
    """A module and its clause of PS3.3."""

    clause: str
    attributes: tuple[Attribute, ...]


class Iod(NamedTuple):
    """An IOD: its modules, the values that its pixels may have, and what a writer states of an image that it made."""

    modules: tuple[Module, ...]
    pixels: Mapping[str, tuple[Any, ...]]
    constants: Mapping[str, Any]


class Sources(NamedTuple):
    """Where the filling of one dataset comes from: new UIDs, and one moment for all dates and times."""

    dataset: Dataset
    uid: Callable[[], str]
    moment: Any


PATIENT = Module("PS3.3 C.7.1.1", (
    Attribute("PatientName", "2"),
    Attribute("PatientID", "2"),
    Attribute("PatientBirthDate", "2"),
    Attribute("PatientSex", "2", values=("M", "F", "O")),
    Attribute("ResponsiblePersonRole", "1C", when="a responsible person is named"),
    Attribute("PatientIdentityRemoved", "3", values=("YES", "NO")),
    Attribute("DeidentificationMethod", "1C", when="the identity is removed without a code for the method"),
))

GENERAL_STUDY = Module("PS3.3 C.7.2.1", (
    Attribute("StudyInstanceUID", "1", fill="uid"),
    Attribute("StudyDate", "2"),
    Attribute("StudyTime", "2"),
    Attribute("ReferringPhysicianName", "2"),
    Attribute("StudyID", "2"),
    Attribute("AccessionNumber", "2"),
))

GENERAL_SERIES = Module("PS3.3 C.7.3.1", (
    Attribute("Modality", "1"),
    Attribute("SeriesInstanceUID", "1", fill="uid"),
    Attribute("SeriesNumber", "2"),
    Attribute("Laterality", "2C", when="the body part may be one of a pair", values=("R", "L")),
))

SC_EQUIPMENT = Module("PS3.3 C.8.6.1", (
    Attribute("ConversionType", "1", values=("DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"), open_list=True),
))

GENERAL_IMAGE = Module("PS3.3 C.7.6.1", (
    Attribute("InstanceNumber", "2"),
    # 2C where the class requires no plane (position and orientation): so in all of these, even if a plane is there
    Attribute("PatientOrientation", "2"),
    Attribute("BurnedInAnnotation", "3", values=("YES", "NO")),
    Attribute("RecognizableVisualFeatures", "3", values=("YES", "NO")),
    Attribute("LossyImageCompression", "3", values=("00", "01")),
    Attribute("QualityControlImage", "3", values=("YES", "NO", "BOTH")),
))

IMAGE_PIXEL = Module("PS3.3 C.7.6.3", (
    Attribute("SamplesPerPixel", "1"),
    Attribute("PhotometricInterpretation", "1"),
    Attribute("PlanarConfiguration", "1C", when="a pixel has several samples", values=(0, 1)),
    Attribute("Rows", "1"),
    Attribute("Columns", "1"),
    Attribute("BitsAllocated", "1"),
    Attribute("BitsStored", "1"),
    Attribute("HighBit", "1"),
    Attribute("PixelRepresentation", "1", values=(0, 1)),
    *(Attribute(f"{colour}PaletteColorLookupTableDescriptor", "1C", when="there is a palette") for colour in ("Red", "Green", "Blue")),
    *(Attribute(f"{colour}PaletteColorLookupTableData", "1C", when="there is a palette in full") for colour in ("Red", "Green", "Blue")),
    Attribute("ExtendedOffsetTableLengths", "1C", when="there is an extended offset table"),
    Attribute("PixelData", "1C", when="the pixels are in the file"),
))

SC_IMAGE = Module("PS3.3 C.8.6.2", (
    Attribute("PixelSpacingCalibrationDescription", "1C", when="the pixel spacing is calibrated"),
))

MODALITY_LUT = Module("PS3.3 C.11.1", (
    Attribute("RescaleSlope", "1C", when="there is a rescale intercept"),
    Attribute("RescaleType", "1C", fill="unspecified", when="there is a rescale intercept"),
))

VOI_LUT = Module("PS3.3 C.11.2", (
    Attribute("WindowWidth", "1C", when="there is a window centre"),
))

CINE = Module("PS3.3 C.7.6.5", (
    Attribute("FrameTime", "1C", when="the frame increment points to it"),
    Attribute("FrameTimeVector", "1C", when="the frame increment points to it"),
))

MULTI_FRAME = Module("PS3.3 C.7.6.6", (
    Attribute("NumberOfFrames", "1", fill="one frame"),
    Attribute("FrameIncrementPointer", "1C", fill="pointer", when="there are several frames"),
))

SC_MULTI_FRAME_IMAGE = Module("PS3.3 C.8.6.3", (
    Attribute("BurnedInAnnotation", "1", values=("YES", "NO")),
    Attribute("PresentationLUTShape", "1C", when="gray levels are stored", values=("IDENTITY",)),
    Attribute("RescaleIntercept", "1C", when="gray levels are stored", values=(0,)),
    Attribute("RescaleSlope", "1C", when="gray levels are stored", values=(1,)),
    Attribute("RescaleType", "1C", when="gray levels are stored", values=("US",)),
    Attribute("NominalScannedPixelSpacing", "1C", when="a film was digitised"),
    Attribute("PixelSpacingCalibrationDescription", "1C", when="the pixel spacing is calibrated"),
))

SC_MULTI_FRAME_VECTOR = Module("PS3.3 C.8.6.4", (
    Attribute("PageNumberVector", "1C", fill="pages", when="the frame increment points to it"),
    *(Attribute(f"{name}Vector", "1C", when="the frame increment points to it")
      for name in ("FrameLabel", "FramePrimaryAngle", "FrameSecondaryAngle", "SliceLocation", "DisplayWindowLabel")),
))

SOP_COMMON = Module("PS3.3 C.12.1", (
    Attribute("SOPClassUID", "1"),
    Attribute("SOPInstanceUID", "1", fill="uid"),
    Attribute("InstanceCreationDate", "3", fill="date"),
    Attribute("InstanceCreationTime", "3", fill="time"),
))

# What every storage SOP class of a patient has, whatever its IOD.
COMMON = (PATIENT, GENERAL_STUDY, GENERAL_SERIES, SOP_COMMON)


_IMAGE = (*COMMON, SC_EQUIPMENT, GENERAL_IMAGE, IMAGE_PIXEL)
_MULTI_FRAME_IMAGE = (*_IMAGE, CINE, MULTI_FRAME, SC_MULTI_FRAME_IMAGE, SC_MULTI_FRAME_VECTOR)

# "OT" and "WSD": an image of no known modality, made on a workstation (PS3.3 C.7.3.1.1.1, C.8.6.1).
_MADE_HERE = {"Modality": "OT", "ConversionType": "WSD"}
# YES, because a writer can't see whether an identifying text is in the pixels, and NO would vouch for it.
_FRAMES_MADE_HERE = {**_MADE_HERE, "BurnedInAnnotation": "YES"}
_GRAY_FRAMES_MADE_HERE = {
    **_FRAMES_MADE_HERE, "PresentationLUTShape": "IDENTITY", "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "US",
}

_BYTE = {"BitsAllocated": (8,), "BitsStored": (8,), "HighBit": (7,), "PixelRepresentation": (0,)}
_GRAY = {"SamplesPerPixel": (1,), "PhotometricInterpretation": ("MONOCHROME2",)}

IODS: Mapping[str, Iod] = {
    SECONDARY_CAPTURE: Iod(  # PS3.3 A.8.1
        (*_IMAGE, SC_IMAGE, MODALITY_LUT, VOI_LUT), {"NumberOfFrames": (1,), "BitsAllocated": (1, 8, 16, 32)}, _MADE_HERE),
    SINGLE_BIT: Iod(  # PS3.3 A.8.2
        _MULTI_FRAME_IMAGE,
        {**_GRAY, "BitsAllocated": (1,), "BitsStored": (1,), "HighBit": (0,), "PixelRepresentation": (0,)}, _FRAMES_MADE_HERE),
    GRAYSCALE_BYTE: Iod(  # PS3.3 A.8.3
        (*_MULTI_FRAME_IMAGE, VOI_LUT), {**_GRAY, **_BYTE}, _GRAY_FRAMES_MADE_HERE),
    GRAYSCALE_WORD: Iod(  # PS3.3 A.8.4
        (*_MULTI_FRAME_IMAGE, VOI_LUT),
        {**_GRAY, "BitsAllocated": (16,), "BitsStored": tuple(range(9, 17)), "HighBit": tuple(range(8, 16)), "PixelRepresentation": (0,)},
        _GRAY_FRAMES_MADE_HERE),
    TRUE_COLOR: Iod(  # PS3.3 A.8.5
        _MULTI_FRAME_IMAGE,
        {"SamplesPerPixel": (3,), "PhotometricInterpretation": ("RGB", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", "YBR_PARTIAL_420"),
         "PlanarConfiguration": (0,), **_BYTE},
        _FRAMES_MADE_HERE),
}


# Body parts that are not one of a pair: Laterality does not apply to them (PS3.16 L, PS3.3 C.7.3.1).
UNPAIRED = frozenset((
    "ABDOMEN", "BLADDER", "BRAIN", "CHEST", "COCCYX", "CSPINE", "HEAD", "HEART", "LIVER", "LSPINE", "NECK", "PANCREAS", "PELVIS",
    "PROSTATE", "SKULL", "SPLEEN", "SSPINE", "STERNUM", "TSPINE", "UTERUS",
))


def _value(ds: Dataset, keyword: str) -> Any:
    return getattr(ds, keyword, None)


def _several(value: Any) -> tuple[Any, ...]:
    return () if value is None else (value,) if isinstance(value, str) or not hasattr(value, "__len__") else tuple(value)


def _number(ds: Dataset, keyword: str) -> int | None:
    """A whole number that is not 0, or None: a dataset under check may hold anything."""
    value = _value(ds, keyword)
    return int(value) if value and isinstance(value, int) else None


def _frames(ds: Dataset) -> int:
    return _number(ds, "NumberOfFrames") or 1


def _may_be_paired(ds: Dataset, keyword: str) -> bool:
    # with functional groups the side, if there is one, is a matter of the frames
    sides = ("ImageLaterality", "FrameLaterality", "MeasurementLaterality", "SharedFunctionalGroupsSequence")
    return _value(ds, "BodyPartExamined") not in UNPAIRED and not any(side in ds for side in sides)


# Each takes the dataset and the keyword of the row.
CONDITIONS: Mapping[str, Callable[[Dataset, str], bool]] = {
    "a responsible person is named": lambda ds, _: bool(_value(ds, "ResponsiblePerson")),
    "the identity is removed without a code for the method":
        lambda ds, _: _value(ds, "PatientIdentityRemoved") == "YES" and "DeidentificationMethodCodeSequence" not in ds,
    "the body part may be one of a pair": _may_be_paired,
    "a pixel has several samples": lambda ds, _: (_number(ds, "SamplesPerPixel") or 1) > 1,
    "there are several frames": lambda ds, _: _frames(ds) > 1,
    "there is a palette": lambda ds, _: _value(ds, "PhotometricInterpretation") == "PALETTE COLOR",
    "there is a palette in full":
        lambda ds, keyword: _value(ds, "PhotometricInterpretation") == "PALETTE COLOR" and f"Segmented{keyword}" not in ds,
    "there is an extended offset table": lambda ds, _: "ExtendedOffsetTable" in ds,
    "the pixels are in the file": lambda ds, _: "PixelDataProviderURL" not in ds,
    "the pixel spacing is calibrated": lambda ds, _: "PixelSpacingCalibrationType" in ds,
    "there is a rescale intercept": lambda ds, _: "RescaleIntercept" in ds,
    "there is a window centre": lambda ds, _: "WindowCenter" in ds,
    "the frame increment points to it": lambda ds, keyword: Tag(keyword) in _several(_value(ds, "FrameIncrementPointer")),
    "gray levels are stored":
        lambda ds, _: _value(ds, "PhotometricInterpretation") == "MONOCHROME2" and (_number(ds, "BitsStored") or 0) > 1,
    "a film was digitised": lambda ds, _: _value(ds, "ConversionType") == "DF",
}


def _pointer(sources: Sources) -> Tag:
    """What tells the frames apart: the time if it is given, else the number of the page (PS3.3 C.7.6.6)."""
    vectors = ("FrameTime", *(row.keyword for module in (CINE, SC_MULTI_FRAME_VECTOR) for row in module.attributes))
    return Tag(next((keyword for keyword in vectors if _value(sources.dataset, keyword) is not None), "PageNumberVector"))


def _given_pointer(sources: Sources) -> Tag | None:
    """What is given of the frames' time, or of the planes of a dose grid; nothing is made up."""
    vectors = ("FrameTime", "FrameTimeVector", "GridFrameOffsetVector")
    given = [keyword for keyword in vectors if _value(sources.dataset, keyword) is not None]
    return Tag(given[0]) if len(given) == 1 else None


def _pages(frames: int) -> list[int]:
    if frames > _MOST_PAGES:
        raise PixelError(f"{frames} frames are too many to be numbered one by one; give FrameTime, or FrameIncrementPointer")
    return list(range(1, frames + 1))


FILLERS: Mapping[str, Callable[[Sources], Any]] = {
    "uid": lambda sources: sources.uid(),
    "date": lambda sources: sources.moment.date(),
    "time": lambda sources: sources.moment.time(),
    "one frame": lambda sources: 1,
    "unspecified": lambda sources: "US",
    "pointer": _pointer,
    "pages": lambda sources: _pages(_frames(sources.dataset)),
}


def complete(
    ds: Dataset,
    sop_class: str,
    /,
    *,
    uid_source: Callable[[], str] | None = None,
    clock: Callable[[], Any] | None = None,
) -> list[str]:
    """Fill in what the IOD demands and a writer may state: UIDs, creation date, empty Type 2, constants of the class.

    Where an ICC profile is required for colours that are in the dataset, it is that of sRGB (PS3.3 C.11.15, C.8.12.5).

    What has a value is never changed, save SOPClassUID, which becomes ``sop_class``. No item is added to a sequence; those that are there
    get their Type 2 attributes, empty, too, with the items of functional groups among them.

    Parameters
    ----------
    ds : Dataset
        Changed in place, with all of its items; its pixels should be described already.
    sop_class : str
        A UID that ``iod_tables.sop_classes()`` has.
    uid_source : callable, optional
        Gives a new UID each time; by default :func:`dcmenc.uid.generate_uid`.
    clock : callable, optional
        Gives the ``datetime`` of the instance's creation; by default the present local time.

    Returns
    -------
    list of str
        The keywords that were filled, in the order of the modules; then the paths of those in items.

    Raises
    ------
    ValueError
        The IOD of the SOP class is not known here.

    Examples
    --------
    >>> ds = Dataset(PatientName="Yamada^Tarou")
    >>> filled = complete(ds, SECONDARY_CAPTURE, uid_source=iter(["1.2.3", "1.2.4", "1.2.5"]).__next__)
    >>> ds.SOPInstanceUID, ds.Modality, ds.PatientID, "PatientName" in filled
    ('1.2.5', 'OT', None, False)
    """
    iod = IODS.get(sop_class)
    if iod is None and iod_of(sop_class) is None:
        raise ValueError(f"the IOD of {class_name(sop_class)} is not known here")
    ds.SOPClassUID = sop_class
    sources = Sources(ds, uid_source or generate_uid, (clock or _now)())
    rows = () if iod is None else (row for module in iod.modules for row in module.attributes)
    filled = [row.keyword for row in rows if iod is not None and _fill(ds, row, iod, sources)]
    filled += _complete_by_tables(ds, sop_class, sources)
    return filled + _complete_items(ds, sop_class)


# What a writer may state of any instance that it makes. A frame of reference is none of them: a new one would say that this image lies
# nowhere that another does.
_STATED = {"StudyInstanceUID": "uid", "SeriesInstanceUID": "uid", "SOPInstanceUID": "uid", "InstanceCreationDate": "date",
           "InstanceCreationTime": "time"}
# What follows from the pixels, and from the time of the frames or the planes of a dose where they are given (PS3.3 C.7.6.6, C.8.8.3.2).
_COUNTED = {"NumberOfFrames": FILLERS["one frame"], "FrameIncrementPointer": _given_pointer}

_STORAGE = "1.2.840.10008.5.1.4.1.1"
# What a class says by being that class, where the tables have a list of all: its modality (PS3.3 C.8.8.1 for radiotherapy), and whether
# its images are for a person or a program (PS3.3 A.26 to A.28, A.74).
_OF_CLASS: Mapping[str, Mapping[str, str]] = {
    **{f"{_STORAGE}.{end}": {"Modality": modality} for end, modality in (
        ("2", "CT"), ("4", "MR"), ("20", "NM"), ("128", "PT"), ("481.1", "RTIMAGE"), ("481.2", "RTDOSE"), ("481.3", "RTSTRUCT"),
        ("481.4", "RTRECORD"), ("481.5", "RTPLAN"), ("481.6", "RTRECORD"), ("481.7", "RTRECORD"), ("481.8", "RTPLAN"),
        ("481.9", "RTRECORD"))},
    **{f"{_STORAGE}.{end}": {"PresentationIntentType": "FOR PRESENTATION"} for end in ("1.1", "1.2", "1.3", "13.1.4")},
    **{f"{_STORAGE}.{end}": {"PresentationIntentType": "FOR PROCESSING"} for end in ("1.1.1", "1.2.1", "1.3.1", "13.1.5")},
}


def _complete_by_tables(ds: Dataset, sop_class: str, sources: Sources) -> list[str]:
    """Of the modules in use: UIDs, dates, what the class or the pixels leave no choice of, and Type 2 left empty."""
    context, there = Context(ds), frozenset(ds)
    modules = _modules_in_use(context, sop_class)
    filled = []
    for row, keyword, vr, statable in _fillable(sop_class, modules):
        present = row.tag in there
        if present and (not statable or ds[row.tag].value is not None):
            continue
        value = _stated(keyword, row, sop_class, context, sources) if statable else None
        if value is not None:
            ds[row.tag] = value
        elif not present and _may_stay_empty(row, keyword, context):
            ds[row.tag] = [] if vr == "SQ" else None
        else:
            continue
        filled.append(keyword)
    return filled + _fill_profiles(ds, sop_class, modules, context)


# One for the colours of each optical path (PS3.3 C.8.12.5).
_HOLDERS_OF_PROFILES = ("OpticalPathSequence",)


def _fill_profiles(ds: Dataset, sop_class: str, modules: tuple[str, ...], context: Context) -> list[str]:
    """The profile of sRGB where one is required, for the colours that are stored here: not for gray, nor for those of other instances."""
    filled = _fill_profile(ds, attributes_of(sop_class, modules), context, _stores_colours(ds))
    rows = attributes_of(sop_class, [module.name for module in modules_of(sop_class)])
    for keyword in _HOLDERS_OF_PROFILES:
        items, row = _value(ds, keyword), rows.get(Tag(keyword))
        if row is None or not isinstance(items, Sequence):
            continue
        # the items may be the caller's
        own = [item.copy() for item in items]
        added = [_fill_profile(item, item_table(row), context.inside(Tag(keyword), item),
                               _stores_colours(ds) or "PaletteColorLookupTableSequence" in item) for item in own]
        if any(added):
            setattr(ds, keyword, Sequence(own, items.undefined_length))
            filled += dict.fromkeys(keyword for keywords in added for keyword in keywords)
    return filled


def _stores_colours(ds: Dataset) -> bool:
    colours = _value(ds, "PhotometricInterpretation") not in (None, "MONOCHROME1", "MONOCHROME2")
    return colours or "RedPaletteColorLookupTableDescriptor" in ds


def _fill_profile(item: Dataset, rows: Mapping[int, Any], context: Context, coloured: bool) -> list[str]:
    """Of the profile and its name, what was filled; colours that go by another name have another profile (PS3.3 C.11.15)."""
    row, name = rows.get(Tag("ICCProfile")), _value(item, "ColorSpace")
    required = row is not None and row.type in ("1", "1C") and evaluate(row.condition, context) is True
    if not required or not coloured or _value(item, "ICCProfile") is not None or name not in (None, "SRGB"):
        return []
    item.ICCProfile = srgb_profile()
    if name is not None or Tag("ColorSpace") not in rows:
        return ["ICCProfile"]
    item.ColorSpace = "SRGB"
    return ["ICCProfile", "ColorSpace"]


class _Demand(NamedTuple):
    """A module, and the tags of its rows: of all, of those that may be required, of those that always are and have a value."""

    module: IodModule
    tags: frozenset[int]
    required: frozenset[int]
    strict: frozenset[int]


@cache
def _demands(sop_class: str) -> tuple[_Demand, ...]:
    return tuple(_Demand(module, frozenset(row.tag for row in module.attributes),
                         frozenset(row.tag for row in module.attributes if row.type != "3"),
                         frozenset(row.tag for row in module.attributes if row.type == "1")) for module in modules_of(sop_class))


def _modules_in_use(context: Context, sop_class: str) -> tuple[str, ...]:
    """The names of the modules that must be there, and of those of which all of Type 1 is there (as ``verification.py`` takes them)."""
    used, open_ones = [], []
    for demand in _demands(sop_class):
        condition = demand.module.condition
        required = demand.module.usage == "M" or (condition is not None and evaluate(condition, context))
        if required:
            used.append(demand)
        elif required is None or condition is None or condition.otherwise is None or evaluate(condition.otherwise, context) is not False:
            open_ones.append(demand)
    there = frozenset(context.item)
    covered = frozenset().union(*(demand.tags for demand in used))
    for demand in open_ones:
        if there & demand.required - covered and demand.strict <= there:
            used.append(demand)
            covered |= demand.tags
    return tuple(demand.module.name for demand in used)


@lru_cache(maxsize=512)
def _fillable(sop_class: str, modules: tuple[str, ...]) -> tuple[tuple[Row, str, str, bool], ...]:
    """The rows of modules that may be empty or have a value that a writer may state, with keyword and VR, and whether it is the latter."""
    stated = {*_STATED, *_COUNTED, *_OF_CLASS.get(sop_class, ()), "Modality"}
    rows = [(row, lookup(row.tag)) for row in attributes_of(sop_class, modules).values()]
    return tuple((row, entry.keyword, entry.vr, entry.keyword in stated) for row, entry in rows
                 if entry is not None and (entry.keyword in stated or _may_be_type_2(row)))


def _may_be_type_2(row: Row) -> bool:
    return row.type in ("2", "2C") or row.floor == "2"


def _stated(keyword: str, row: Row, sop_class: str, context: Context, sources: Sources) -> Any:
    """What a writer may say for an attribute; None where it has nothing to say."""
    if keyword in _STATED:
        return FILLERS[_STATED[keyword]](sources)
    if keyword in _OF_CLASS.get(sop_class, {}):
        return _OF_CLASS[sop_class][keyword]
    if keyword == "Modality":
        return _only_value(row)
    if keyword in _COUNTED and pixel_rules(sop_class) is not None and _is_strict(row, context):
        return _COUNTED[keyword](sources)
    return None


def _is_strict(row: Row, context: Context) -> bool:
    return row.type == "1" or (row.type == "1C" and evaluate(row.condition, context) is True)


def _only_value(row: Row) -> str | None:
    lists = [one.values for one in row.values if one.enumerated and one.when is None and len(one.values) == 1]
    return str(lists[0][0]) if lists else None


def _complete_items(ds: Dataset, sop_class: str) -> list[str]:
    """Type 2 attributes left empty in the items that are there, of whatever module: an item is held to its table where it stands."""
    filled: list[str] = []
    _complete_inside(Context(ds), _sequences(sop_class), "", {id(ds)}, filled)
    return filled


@cache
def _sequences(sop_class: str) -> Mapping[int, Row]:
    """The rows of a class, of all of its modules, that tell of items."""
    rows = attributes_of(sop_class, [module.name for module in modules_of(sop_class)])
    return {tag: row for tag, row in rows.items() if row.items}


def _complete_inside(context: Context, rows: Mapping[int, Row], path: str, seen: set[int], filled: list[str], depth: int = 1) -> None:
    """Go through the items of an item's sequences, each item once: some share items, and some stand in themselves."""
    for tag in list(context.item):
        row = rows.get(tag)
        if row is None or not row.items or depth > MAX_DEPTH:
            continue
        items = context.item[tag].value
        for at, item in enumerate(items if isinstance(items, Sequence) else ()):
            if id(item) in seen:
                continue
            seen.add(id(item))
            inner, place = context.inside(tag, item), f"{path}{Tag(tag).keyword}[{at}]."
            # which functional groups there are is for the maker to say (PS3.3 C.7.6.16)
            if tag not in (SHARED_GROUPS, PER_FRAME_GROUPS):
                filled += [place + keyword for keyword in _empty_ones(row.items, inner)]
            _complete_inside(inner, merged_tables(row.items), place, seen, filled, depth + 1)


def _empty_ones(tables: tuple[str, ...], context: Context) -> list[str]:
    """Put the required attributes that may be empty into an item; their keywords."""
    item, filled = context.item, []
    for row, keyword, vr in _perhaps_empty(tables):
        if row.tag not in item and _may_stay_empty(row, "", context):
            item[row.tag] = [] if vr == "SQ" else None
            filled.append(keyword)
    return filled


@cache
def _perhaps_empty(tables: tuple[str, ...]) -> tuple[tuple[Row, str, str], ...]:
    """The rows of an item whose Type may be 2, with keyword and VR."""
    rows = [(row, lookup(row.tag)) for row in merged_tables(tables).values() if _may_be_type_2(row)]
    return tuple((row, entry.keyword, entry.vr) for row, entry in rows if entry is not None)


def _may_stay_empty(row: Row, keyword: str, context: Context) -> bool:
    """Whether an attribute is required and may be empty (PS3.5 7.4.3, 7.4.4)."""
    if row.type == "2":
        return True
    required = evaluate(row.condition, context)
    if row.type == "2C" and keyword == "Laterality":
        # whether a body part has a twin can't be decided in every case: empty says that nobody did (PS3.3 C.7.3.1)
        return required is not False
    return (row.type == "2C" and required is True) or (row.floor == "2" and required is not True)


_PIXEL_KEYWORDS = ("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit",
                   "PixelRepresentation")


# The elements that hold integers, floats of 32 bits and of 64; an image has one of them (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25).
PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@cache
def pixel_elements(sop_class: str) -> tuple[str, ...]:
    """The elements that may hold the pixels of a class; none for a class without pixels.

    >>> pixel_elements("1.2.840.10008.5.1.4.1.1.4"), pixel_elements("1.2.840.10008.5.1.4.1.1.66.8")
    (('PixelData',), ('FloatPixelData',))
    """
    return tuple(element for element in PIXEL_ELEMENTS if pixel_rules(sop_class, element) is not None)


@cache
def pixel_rules(sop_class: str, element: str = "PixelData") -> Mapping[str, tuple[Any, ...]] | None:
    """The values that the attributes of pixels may have in a class, by keyword; None for a class that has not the element for them.

    >>> pixel_rules("1.2.840.10008.5.1.4.1.1.4")["BitsAllocated"], pixel_rules("1.2.840.10008.5.1.4.1.1.104.1")
    ((16,), None)
    >>> pixel_rules("1.2.840.10008.5.1.4.1.1.30", "DoubleFloatPixelData")["BitsAllocated"]
    (64,)
    """
    if sop_class in IODS:
        return IODS[sop_class].pixels if element == "PixelData" else None
    modules = [module for module in modules_of(sop_class) if module.usage in "MC" and _goes_with(module, element)]
    rows = attributes_of(sop_class, [module.name for module in modules])
    if Tag(element) not in rows:
        return None
    context = Context(Dataset({element: bytes(8)}))
    rules: dict[str, tuple[Any, ...]] = {}
    for keyword in _PIXEL_KEYWORDS:
        row = rows.get(Tag(keyword))
        lists = [one.values for one in row.values if one.enumerated and not one.place and evaluate(one.when, context)] if row else []
        if lists:
            rules[keyword] = min(lists, key=len)
    if Tag("NumberOfFrames") not in attributes_of(sop_class, [module.name for module in modules_of(sop_class)]):
        rules["NumberOfFrames"] = (1,)
    return rules


def _goes_with(module: Any, element: str) -> bool:
    """Whether no other element for pixels is in the module."""
    others = {Tag(other) for other in PIXEL_ELEMENTS if other != element}
    return not any(row.tag in others for row in module.attributes)


def _now() -> Any:
    from datetime import datetime

    return datetime.now()


_tag_of = cache(Tag)


def _fill(ds: Dataset, row: Attribute, iod: Iod, sources: Sources) -> bool:
    """Fill one attribute that is missing, or empty where that is not allowed; say whether something was filled."""
    present, fillable = _tag_of(row.keyword) in ds, row.fill or row.keyword in iod.constants
    if present and (_value(ds, row.keyword) is not None or row.type[0] != "1"):
        return False
    if not _is_required(ds, row) and not (row.type == "3" and row.fill):
        return False
    if row.type[0] != "2" and not fillable:
        return False
    if row.fill:
        setattr(ds, row.keyword, FILLERS[row.fill](sources))
    else:
        setattr(ds, row.keyword, iod.constants.get(row.keyword))
    return True


def _is_required(ds: Dataset, row: Attribute) -> bool:
    return row.type in ("1", "2") or (bool(row.when) and CONDITIONS[row.when](ds, row.keyword))


def misfits(sop_class: str, attributes: Mapping[str, Any], element: str = "PixelData") -> dict[str, str]:
    """The attributes of pixels that a SOP class does not allow, by keyword, with the reason; ``element`` holds the pixels.

    >>> misfits(GRAYSCALE_BYTE, {"BitsAllocated": 8, "PhotometricInterpretation": "MONOCHROME1"})
    {'PhotometricInterpretation': "is 'MONOCHROME1', where the class has 'MONOCHROME2'"}
    """
    held = pixel_elements(sop_class)
    if held and element not in held:
        return {element: f"is not of the class, which has {' or '.join(held)}"}
    allowed = pixel_rules(sop_class, element) or {}
    wrong = (keyword for keyword, values in allowed.items() if attributes.get(keyword, values[0]) not in values)
    return {keyword: f"is {attributes[keyword]!r}, where the class has {' or '.join(map(repr, allowed[keyword]))}" for keyword in wrong}


def class_name(uid: Any) -> str:
    """The name of a SOP class, or the UID where it has none."""
    return (uid_name(uid) if isinstance(uid, str) else "") or repr(uid)
