"""What a writer may fill in for a SOP class, of whatever IOD: identifiers, dates, constants, and what may be empty (PS3.3 A, PS3.5 7.4).

Clinical facts are never invented: what only the user can know stays empty where the Type allows that, and is reported where it does
not. What is missing or wrong, ``verification.py`` says. Pixels are described before; no files here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .dictionary import Tag, lookup
from .errors import PixelError
from .icc import srgb_profile
from .iod import CAPTURES, MULTI_FRAME, class_name, pixel_rules
from .iod_tables import (
    PER_FRAME_GROUPS,
    SHARED_GROUPS,
    Attribute,
    Context,
    attributes_of,
    evaluate,
    iod_of,
    item_table,
    merged_tables,
    modules_of,
)
from .model import MAX_DEPTH, Dataset, Sequence
from .module_use import modules_in_use
from .pixels import FRAME_VECTORS
from .uid import generate_uid

# Frames that get a number each.
_MOST_PAGES = 1 << 24


class Sources(NamedTuple):
    """Where the filling of one dataset comes from: new UIDs, and one moment for all dates and times."""

    dataset: Dataset
    uid: Callable[[], str]
    moment: Any


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
        The keywords that were filled; then the paths of those in items.

    Raises
    ------
    ValueError
        The IOD of the SOP class is not known here.

    Examples
    --------
    >>> ds = Dataset(PatientName="Yamada^Tarou")
    >>> filled = complete(ds, "1.2.840.10008.5.1.4.1.1.7", uid_source=iter(["1.2.3", "1.2.4", "1.2.5"]).__next__)
    >>> ds.SOPInstanceUID, ds.Modality, ds.PatientID, "PatientName" in filled
    ('1.2.3', 'OT', None, False)
    """
    if iod_of(sop_class) is None:
        raise ValueError(f"the IOD of {class_name(sop_class)} is not known here")
    ds.SOPClassUID = sop_class
    filled = _fill_capture(ds, sop_class) if sop_class in CAPTURES else []
    filled += _complete_by_tables(ds, sop_class, Sources(ds, uid_source or generate_uid, (clock or datetime.now)()))
    return filled + _complete_items(ds, sop_class)


def _value(ds: Dataset, keyword: str) -> Any:
    return getattr(ds, keyword, None)


def _fill_capture(ds: Dataset, sop_class: str) -> list[str]:
    """What is stated of captured images, what tells their frames apart, and of which kind a rescaled value is."""
    stated = dict(CAPTURES[sop_class].stated)
    frames = _value(ds, "NumberOfFrames")
    if sop_class in MULTI_FRAME and isinstance(frames, int) and frames > 1:
        pointer = _value(ds, "FrameIncrementPointer") or _pointer(ds)
        stated["FrameIncrementPointer"] = pointer
        if pointer == Tag("PageNumberVector") and _value(ds, "PageNumberVector") is None:
            stated["PageNumberVector"] = _pages(frames)
    if _value(ds, "RescaleIntercept") is not None:
        stated["RescaleType"] = "US"  # of unspecified units (PS3.3 C.11.1.1.2)
    filled = [keyword for keyword in stated if _value(ds, keyword) is None]
    for keyword in filled:
        setattr(ds, keyword, stated[keyword])
    return filled


def _pointer(ds: Dataset) -> Tag:
    """What tells the frames apart: the time if it is given, else the number of the page (PS3.3 C.7.6.6)."""
    vectors = ("FrameTime", *FRAME_VECTORS)
    return Tag(next((keyword for keyword in vectors if _value(ds, keyword) is not None), "PageNumberVector"))


def _given_pointer(sources: Sources) -> Tag | None:
    """What is given of the frames' time, or of the planes of a dose grid; nothing is made up."""
    vectors = ("FrameTime", "FrameTimeVector", "GridFrameOffsetVector")
    given = [keyword for keyword in vectors if _value(sources.dataset, keyword) is not None]
    return Tag(given[0]) if len(given) == 1 else None


def _pages(frames: int) -> list[int]:
    if frames > _MOST_PAGES:
        raise PixelError(f"{frames} frames are too many to be numbered one by one; give FrameTime, or FrameIncrementPointer")
    return list(range(1, frames + 1))


# What a writer may state of any instance that it makes. A frame of reference is none of them: a new one would say that this image lies
# nowhere that another does.
_STATED: Mapping[str, Callable[[Sources], Any]] = {
    **dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), lambda sources: sources.uid()),
    "InstanceCreationDate": lambda sources: sources.moment.date(),
    "InstanceCreationTime": lambda sources: sources.moment.time(),
}
# What follows from the pixels, and from the time of the frames or the planes of a dose where they are given (PS3.3 C.7.6.6, C.8.8.3.2).
_COUNTED: Mapping[str, Callable[[Sources], Any]] = {"NumberOfFrames": lambda sources: 1, "FrameIncrementPointer": _given_pointer}

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
    modules = tuple(module.name for module in modules_in_use(modules_of(sop_class), context).needed)
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


@lru_cache(maxsize=512)
def _fillable(sop_class: str, modules: tuple[str, ...]) -> tuple[tuple[Attribute, str, str, bool], ...]:
    """The rows of modules that may be empty or have a value that a writer may state, with keyword and VR, and whether it is the latter."""
    stated = {*_STATED, *_COUNTED, *_OF_CLASS.get(sop_class, ()), "Modality"}
    rows = [(row, lookup(row.tag)) for row in attributes_of(sop_class, modules).values()]
    return tuple((row, entry.keyword, entry.vr, entry.keyword in stated) for row, entry in rows
                 if entry is not None and (entry.keyword in stated or _may_be_type_2(row)))


def _may_be_type_2(row: Attribute) -> bool:
    return row.type in ("2", "2C") or row.floor == "2"


def _stated(keyword: str, row: Attribute, sop_class: str, context: Context, sources: Sources) -> Any:
    """What a writer may say for an attribute; None where it has nothing to say."""
    if keyword in _STATED:
        return _STATED[keyword](sources)
    if keyword in _OF_CLASS.get(sop_class, {}):
        return _OF_CLASS[sop_class][keyword]
    if keyword == "Modality":
        return _only_value(row)
    if keyword in _COUNTED and pixel_rules(sop_class) is not None and _is_strict(row, context):
        return _COUNTED[keyword](sources)
    return None


def _is_strict(row: Attribute, context: Context) -> bool:
    return row.type == "1" or (row.type == "1C" and evaluate(row.condition, context) is True)


def _only_value(row: Attribute) -> str | None:
    lists = [one.values for one in row.values if one.enumerated and one.when is None and len(one.values) == 1]
    return str(lists[0][0]) if lists else None


def _complete_items(ds: Dataset, sop_class: str) -> list[str]:
    """Type 2 attributes left empty in the items that are there, of whatever module: an item is held to its table where it stands."""
    filled: list[str] = []
    _complete_inside(Context(ds), _sequences(sop_class), "", {id(ds)}, filled)
    return filled


@cache
def _sequences(sop_class: str) -> Mapping[int, Attribute]:
    """The rows of a class, of all of its modules, that tell of items."""
    rows = attributes_of(sop_class, [module.name for module in modules_of(sop_class)])
    return {tag: row for tag, row in rows.items() if row.items}


def _complete_inside(context: Context, rows: Mapping[int, Attribute], path: str, seen: set[int], filled: list[str], depth: int = 1) -> None:
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
def _perhaps_empty(tables: tuple[str, ...]) -> tuple[tuple[Attribute, str, str], ...]:
    """The rows of an item whose Type may be 2, with keyword and VR."""
    rows = [(row, lookup(row.tag)) for row in merged_tables(tables).values() if _may_be_type_2(row)]
    return tuple((row, entry.keyword, entry.vr) for row, entry in rows if entry is not None)


def _may_stay_empty(row: Attribute, keyword: str, context: Context) -> bool:
    """Whether an attribute is required and may be empty (PS3.5 7.4.3, 7.4.4)."""
    if row.type == "2":
        return True
    required = evaluate(row.condition, context)
    if row.type == "2C" and keyword == "Laterality":
        # whether a body part has a twin can't be decided in every case: empty says that nobody did (PS3.3 C.7.3.1)
        return required is not False
    return (row.type == "2C" and required is True) or (row.floor == "2" and required is not True)


