"""MATLAB's data dictionary: the active one, look-ups, names of fields and the tags they stand for (PS3.6, PS3.5 7.6, 7.8).

Users' dictionaries come over the built-in one and never replace it; which one is active is a matter of the thread or context, not
of the process. The built-in tables are those of ``dictionary.py``; values and structs are made in ``matlab_values.py`` and
``matlab_info.py``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from operator import index
from typing import Any, NamedTuple, TypeAlias, overload

from .dictionary import Dictionary, Entry, Tag, nearest_keywords, parse_dictionary, private_entry, standard_dictionary
from .uid import generate_uid
from .values import shorten

Path: TypeAlias = str | os.PathLike[str]

# The fields of MATLAB's struct that describe the file, in its order; those after ColorType are of older releases.
BOOKKEEPING = ("Filename", "FileModDate", "FileSize", "Format", "FormatVersion", "Width", "Height", "BitDepth", "ColorType",
               "SelectedFrames", "FileStruct", "StartOfPixelData")

# Attributes whose name in PS3.6 has a possessive that their keyword lacks: older releases wrote its s into the name of the field.
_POSSESSIVES = (
    "CommentsOnPatient'sPerformanceOfVisualField", "ConsultingPhysician'sName", "ContentCreator'sIdentificationCodeSequence",
    "ContentCreator'sName", "DetectorManufacturer'sModelName", "HardcopyDeviceManufacturer'sModelName", "HumanPerformer'sName",
    "HumanPerformer'sOrganization", "Manufacturer'sDeviceClassUID", "Manufacturer'sDeviceIdentifier", "Manufacturer'sModelName",
    "Manufacturer'sModelVersion", "Manufacturer'sRelatedModelGroup", "OrderEnterer'sLocation", "Patient'sAddress", "Patient'sAge",
    "Patient'sAlternativeCalendar", "Patient'sBirthDate", "Patient'sBirthDateInAlternativeCalendar", "Patient'sBirthName",
    "Patient'sBirthTime", "Patient'sBodyMassIndex", "Patient'sDeathDateInAlternativeCalendar", "Patient'sInstitutionResidence",
    "Patient'sInsurancePlanCodeSequence", "Patient'sMother'sBirthName", "Patient'sName", "Patient'sPrimaryLanguageCodeSequence",
    "Patient'sPrimaryLanguageModifierCodeSequence", "Patient'sReligiousPreference", "Patient'sSex", "Patient'sSexNeutered",
    "Patient'sSize", "Patient'sSizeCodeSequence", "Patient'sTelecomInformation", "Patient'sTelephoneNumbers", "Patient'sWeight",
    "PerformingPhysician'sName", "Person'sAddress", "Person'sTelecomInformation", "Person'sTelephoneNumbers",
    "ReferringPhysician'sAddress", "ReferringPhysician'sName", "ReferringPhysician'sTelephoneNumbers",
    "ScheduledPerformingPhysician'sName", "SecondaryCaptureDeviceManufacturer'sModelName",
)

# Old spelling -> keyword of today.
ALIASES: Mapping[str, str] = {
    **{name.replace("'", ""): name.replace("'s", "") for name in _POSSESSIVES},
    "OperatorName": "OperatorsName",
    "PhysicianReadingStudy": "NameOfPhysiciansReadingStudy",
    "SoftwareVersion": "SoftwareVersions",
}

# Groups that repeat under one name, by their first two digits: curves and overlays (PS3.5 7.6).
_REPEATING_GROUPS = {0x50: 0x5000, 0x60: 0x6000}
_REPEATED = re.compile(r"([A-Za-z]\w*)_(\d{1,2})")
_CREATOR = re.compile(r"Private_([0-9A-Fa-f]{4})_([0-9A-Fa-f]{2})xx_Creator")
_BY_NUMBER = re.compile(r"(Private|Unknown)_([0-9A-Fa-f]{4})_([0-9A-Fa-f]{4})")
_GROUP_LENGTH = re.compile(r"Private_([0-9A-Fa-f]{4})_GroupLength")
# What a user's dictionary may not call an attribute: the field would mean something else.
_TAKEN = re.compile(r"(Private|Unknown)_[0-9A-Fa-f]{4}_\w+|Item_\d+")

# The largest dictionary that anybody has is a hundredth of this; what is larger is none.
_LARGEST_FILE = 1 << 24
_LONGEST_LINE = 2000


class Bound(NamedTuple):
    """A name that a user's dictionary gives to an element of one private creator, whatever block that has reserved (PS3.5 7.8.1)."""

    creator: str
    group: int
    offset: int


class ActiveDictionary(NamedTuple):
    """The dictionary of one call: a user's over the built-in one. Nobody changes the tables after they are made.

    ``public`` has the rows of four columns, ``bound`` leads from the keywords of those with a creator to their places, ``private``
    from the places to the entries. ``own`` says whether there is anything that the built-in dictionary does not have.
    """

    public: Dictionary
    bound: Mapping[str, Bound]
    private: Mapping[Bound, Entry]
    own: bool

    def lookup(self, tag: int, creator: str = "") -> Entry | None:
        """What is known of a tag; of a private one, in the block of its creator."""
        if not tag >> 16 & 1:
            return self.public.lookup(tag)
        low = tag & 0xFFFF
        found = self.private.get(Bound(creator.strip(" "), tag >> 16, low & 0xFF)) if low > 0xFFF else None
        # a mask such as (0019,xx10) covers elements of blocks, and no creator
        own = self.public.tags.get(tag) or (self.public.lookup(tag) if low > 0xFFF else None)
        found = found or own or private_entry(creator, tag)
        return found._replace(tag=Tag(tag)) if found else None


_ACTIVE_FILE: ContextVar[str | None] = ContextVar("dcmenc_dicomdict", default=None)


def dicomdict(action: str, file: Path | None = None) -> str | None:
    """Ask for, set or reset the dictionary that MATLAB's functions use where no other is given.

    The choice holds for the current context (``contextvars``): a thread or a task begins with the built-in dictionary, or with
    what its context was copied from, and changes nobody else's.

    Parameters
    ----------
    action : {"get", "set", "factory"}
        In any letter case.
    file : path, optional
        With "set": a text file in MATLAB's format, ``.txt``: ``(GGGG,EEEE) VR Keyword VM`` and, for a private element, its creator
        in a fifth column. Its rows come over those of the built-in dictionary.

    Returns
    -------
    str or None
        With "get", the path of the active file.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        It is no ``.txt``, or no dictionary; the message has the number of the line.

    Examples
    --------
    >>> import os
    >>> dicomdict("factory")
    >>> os.path.basename(dicomdict("get"))
    'dicom-dict.txt'
    """
    wanted = action.lower() if isinstance(action, str) else action
    if wanted not in ("get", "set", "factory"):
        raise ValueError(f'dicomdict takes "get", "set" or "factory", not {shorten(action)}')
    if (file is not None) != (wanted == "set"):
        raise TypeError('"set" takes the path of a dictionary' if wanted == "set" else f"{wanted!r} takes no file")
    if wanted == "get":
        return _ACTIVE_FILE.get() or _built_in_path()
    path = None if file is None else _checked_path(file)
    active(path)
    _ACTIVE_FILE.set(path)
    return None


def _built_in_path() -> str:
    from importlib import import_module

    return os.path.join(import_module("dcmenc.data").__path__[0], "dicom-dict.txt")


def _checked_path(file: Path) -> str:
    path = os.path.abspath(os.fsdecode(file))
    if os.path.splitext(path)[1].lower() != ".txt":
        raise ValueError(f"{path}: a dictionary is a .txt file")
    return path


def active(dictionary: Path | ActiveDictionary | None = None) -> ActiveDictionary:
    """The dictionary for one call: that of a file, or the one that :func:`dicomdict` has set, over the built-in one.

    A file is read again when it has changed.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no dictionary; the message has the path and the number of the line.

    Examples
    --------
    >>> active().lookup(0x00100010).keyword
    'PatientName'
    """
    if isinstance(dictionary, ActiveDictionary):
        return dictionary
    if dictionary is not None and not isinstance(dictionary, (str, os.PathLike)):
        raise TypeError(f"a dictionary is the path of a .txt file, not {type(dictionary).__name__}")
    path = _ACTIVE_FILE.get() if dictionary is None else _checked_path(dictionary)
    if path is None or path == _built_in_path():
        return _factory()
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path}: a dictionary is a text file")
    return _of_file(path, status.st_mtime_ns, status.st_size)


@cache
def _factory() -> ActiveDictionary:
    return ActiveDictionary(standard_dictionary(), {}, {}, False)


@lru_cache(maxsize=8)
def _of_file(path: str, changed: int, size: int) -> ActiveDictionary:
    """The dictionary of a file as it was at a time."""
    if size > _LARGEST_FILE:
        raise ValueError(f"{path}: {size} bytes are no dictionary; {_LARGEST_FILE} are the most that is read")
    with open(path, "rb") as file:
        data = file.read(_LARGEST_FILE)
    try:
        return _overlaid(_lines(data))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _lines(data: bytes) -> list[str]:
    lines = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"line {number} of the dictionary: {len(line)} bytes, where {_LONGEST_LINE} are the most")
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            if not line.lstrip().startswith((b"#", b"%")):
                raise ValueError(f"line {number} of the dictionary: this is no text in UTF-8") from None
            lines.append("")
    return lines


def _overlaid(lines: list[str]) -> ActiveDictionary:
    """The rows over the built-in dictionary. Empty lines stand for those of the other kind, so that errors count all of them."""
    plain, with_creator, creators = [], [], []
    for number, line in enumerate(lines, 1):
        columns = line.split(None, 4)
        if columns and columns[0][0] not in "%#":
            _check_keyword(columns[2] if len(columns) > 2 else "", number)
        creator = _creator_column(columns)
        plain.append("" if creator else line)
        with_creator.append(" ".join(columns[:4]) if creator else "")
        creators += [(number, creator)] if creator else []
    rows = parse_dictionary(plain)
    bound, private = {}, {}
    for (entry, mask), (number, creator) in zip(parse_dictionary(with_creator), creators, strict=True):
        place = _bound(entry, mask, creator, number)
        private[place] = entry
        if entry.keyword:
            bound[entry.keyword] = place
    return ActiveDictionary(standard_dictionary().overlaid(rows), bound, private, True)


def _check_keyword(keyword: str, number: int) -> None:
    if keyword in BOOKKEEPING or _TAKEN.fullmatch(keyword):
        raise ValueError(f"line {number} of the dictionary: {keyword} cannot be a keyword: fields of this name mean something else")


def _creator_column(columns: list[str]) -> str:
    """The private creator of a row, which may have spaces; empty for a row without."""
    if len(columns) < 5 or columns[0][0] in "%#":
        return ""
    creator = columns[4].strip()
    return "" if creator.upper() == "RET" else creator


def _bound(entry: Entry, mask: int, creator: str, number: int) -> Bound:
    group, element = entry.tag >> 16, entry.tag & 0xFFFF
    exact = mask in (0xFFFFFFFF, 0xFFFF00FF)
    if not exact or group % 2 == 0 or (mask == 0xFFFFFFFF and element < 0x1000):
        raise ValueError(f"line {number} of the dictionary: a row with a creator, here {shorten(creator)}, is of one private element "
                         f"of its block, such as (0019,1001) or (0019,xx01)")
    return Bound(creator, group, element & 0xFF)


# ------------------------------------------------------------------ names of fields


def field_name(tag: Tag, creator: str, known: ActiveDictionary) -> str:
    """The name of the field in which a struct shows an element.

    Keywords, numbered for curves and overlays; ``Private_gggg_eeee`` and ``Private_gggg_eexx_Creator``; and, where nothing is known,
    ``Unknown_gggg_eeee``, which is dcmenc's own decision.

    Examples
    --------
    >>> [field_name(Tag(tag), "", active()) for tag in (0x00100010, 0x60023000, 0x00190010, 0x0019100E, 0x00081234)]
    ['PatientName', 'OverlayData_1', 'Private_0019_10xx_Creator', 'Private_0019_100e', 'Unknown_0008_1234']
    """
    group, low = tag >> 16, tag & 0xFFFF
    if group % 2 and 0x10 <= low <= 0xFF:
        return f"Private_{group:04x}_{low:02x}xx_Creator"
    entry = known.lookup(tag, creator)
    name = entry.keyword if entry else ""
    if name and group % 2:
        if known.bound.get(name) == Bound(creator.strip(" "), group, low & 0xFF) or tag_of_field(name, known) == tag:
            return name
    elif name:
        first = _REPEATING_GROUPS.get(group >> 8)
        name = name if first is None else f"{name}_{(group - first) // 2}"
        if tag_of_field(name, known) == tag:
            return name
    return f"{'Private' if group % 2 else 'Unknown'}_{group:04x}_{low:04x}"


def tag_of_field(name: str, known: ActiveDictionary) -> Tag | None:
    """The tag that the name of a field stands for; None for one that means nothing, or that needs the block of a creator.

    Examples
    --------
    >>> [str(tag_of_field(name, active())) for name in ("PatientsName", "OverlayData_1", "Private_0019_10xx_Creator", "Nothing")]
    ['(0010,0010)', '(6002,3000)', '(0019,0010)', 'None']
    """
    entry = known.public.keywords.get(name) or known.public.keywords.get(ALIASES.get(name, ""))
    if entry is not None:
        return entry.tag
    if found := _CREATOR.fullmatch(name):
        return _of_parity(found[1] + "00" + found[2], 1) if found[2] >= "10" else None
    if found := _BY_NUMBER.fullmatch(name):
        return _of_parity(found[2] + found[3], found[1] == "Private")
    if found := _GROUP_LENGTH.fullmatch(name):
        return _of_parity(found[1] + "0000", 1)
    return _repeated(name, known)


def _of_parity(digits: str, odd: int) -> Tag | None:
    """The tag, if its group is private as its name says, or not."""
    tag = Tag(int(digits, 16))
    return tag if tag >> 16 & 1 == odd else None


def _repeated(name: str, known: ActiveDictionary) -> Tag | None:
    """A curve or overlay by its number: group 5000 or 6000 and two for each (PS3.5 7.6)."""
    found = _REPEATED.fullmatch(name)
    entry = known.public.keywords.get(found[1]) if found else None
    if found is None or entry is None or entry.tag >> 24 not in _REPEATING_GROUPS:
        return None
    number = int(found[2])
    return Tag(entry.tag + (number << 17)) if number < 16 and str(number) == found[2] else None


# ------------------------------------------------------------------ look-ups


@overload
def dicomlookup(name: str, /) -> tuple[int, int]: ...
@overload
def dicomlookup(group: str | float, element: str | float, /) -> str: ...
def dicomlookup(first: Any, second: Any = None, /) -> str | tuple[int, int]:
    """The keyword of a tag, or the tag of a keyword, in the active dictionary.

    Parameters
    ----------
    group, element : int, or str of hexadecimal digits
        Both numbers, or both text.
    name : str
        A keyword, also in an old spelling, or another name of a field as :func:`~dcmenc.dicominfo` gives it.

    Returns
    -------
    str
        For a tag: the keyword; empty where the dictionary has none.
    tuple of int
        For a name: group and element.

    Raises
    ------
    ValueError
        The name is unknown (the nearest keywords are named), or the numbers are no tag.
    TypeError
        One argument is a number and the other text.

    Examples
    --------
    >>> dicomlookup(40, 4), dicomlookup("7FE0", "0010"), dicomlookup("PatientsName")
    ('PhotometricInterpretation', 'PixelData', (16, 16))
    >>> dicomlookup("PatientNane")
    Traceback (most recent call last):
        ...
    ValueError: 'PatientNane' is no attribute of the dictionary; nearest keywords: PatientName, ...
    """
    known = active()
    if second is not None:
        entry = known.lookup(Tag(*_halves(first, second)))
        return entry.keyword if entry else ""
    if not isinstance(first, str):
        raise TypeError("a tag is looked up by its group and its element; a keyword is text")
    tag = tag_of_field(first, known)
    if tag is None:
        near = nearest_keywords(first[:_LONGEST_LINE])
        raise ValueError(f"{shorten(first)} is no attribute of the dictionary"
                         + (f"; nearest keywords: {', '.join(near)}" if near else ""))
    return tag.group, tag.element


def _halves(group: Any, element: Any) -> tuple[int, int]:
    """Group and element of two numbers, or of two texts."""
    if isinstance(group, str) and isinstance(element, str):
        for text in (group, element):
            if not re.fullmatch(r"[0-9A-Fa-f]{1,4}", text):
                raise ValueError(f"{shorten(text)} is not up to four hexadecimal digits")
        return int(group, 16), int(element, 16)
    if isinstance(group, str) or isinstance(element, str):
        raise TypeError("group and element are both numbers, or both hexadecimal text")
    return _whole(group), _whole(element)


def _whole(number: Any) -> int:
    """A whole number, which may be a float as MATLAB's are."""
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if isinstance(number, bool):
        raise TypeError("a truth value is no number of a group or element")
    return index(number)


def dicomuid() -> str:
    """A new UID, another one on each call: root 2.25 and a random UUID (PS3.5 B.2), 64 characters at the most.

    Examples
    --------
    >>> dicomuid().startswith("2.25.")
    True
    """
    return generate_uid()
