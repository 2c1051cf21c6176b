"""Tags and the data dictionary: tag <-> keyword, VR, VM; repeating groups; private elements (PS3.6, PS3.5 7.1, 7.6, 7.8).

The facts are ``data/dicom-dict.txt`` and ``data/private-dict.txt``, read when they are first asked for. The one parser
reads users' dictionaries in MATLAB's format, too. What a value of a VR may be is decided in ``values.py``; which
attributes a dataset needs, in ``iod_tables.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from itertools import permutations
from operator import index
from typing import NamedTuple, Self, SupportsIndex, TypeAlias

from ._dictionary import read_rows
from .uid import read_table
from .vr import AMBIGUOUS, VRS

_HEX_DIGITS = "0123456789abcdefABCDEF"
_LARGEST_TAG = 0xFFFFFFFF

# How a dictionary file may spell a VR, and how the rest of dcmenc does.
_VR_SPELLINGS = {
    "-": "",
    **{code: code for code in VRS},
    **{"/".join(order): spelling for spelling, choice in AMBIGUOUS.items() for order in permutations(choice)},
}


class Tag(int):
    """A data element tag, 0xGGGGEEEE (PS3.5 7.1.1).

    Parameters
    ----------
    tag : int, str or pair of int
        The whole tag as a number, ``"(0010,0010)"``, ``"0010,0010"``, ``"00100010"`` or a keyword; or a pair (group, element);
        or the group alone, and the element as the second argument.

    Raises
    ------
    ValueError
        The number is out of range, or the text neither a tag nor a keyword.

    Examples
    --------
    >>> Tag(0x0010, 0x0020) == Tag("PatientID") == Tag("(0010,0020)") == 0x00100020
    True
    >>> print(Tag("PixelData"), Tag("PixelData").keyword)
    (7FE0,0010) PixelData
    >>> Tag("PatientNane")
    Traceback (most recent call last):
    ...
    ValueError: 'PatientNane' is neither a tag nor a keyword; nearest keywords: PatientName, ...
    """

    __slots__ = ()

    def __new__(cls, tag: SupportsIndex | str | tuple[int, int], element: SupportsIndex | None = None) -> Self:
        if element is not None:
            if isinstance(tag, (str, tuple)):
                raise TypeError(f"a second argument goes with a group number, not with {tag!r}")
            return int.__new__(cls, _joined(tag, element))
        if isinstance(tag, str):
            return int.__new__(cls, _tag_of_text(tag))
        if isinstance(tag, (tuple, list)):
            if len(tag) != 2:
                raise ValueError(f"a tag is a pair (group, element), not {tag!r}")
            return int.__new__(cls, _joined(*tag))
        number = index(tag)
        if not 0 <= number <= _LARGEST_TAG:
            raise ValueError(f"{number:#x} is no tag: a tag is between 0x00000000 and 0xFFFFFFFF")
        return int.__new__(cls, number)

    @property
    def group(self) -> int:
        """The group number."""
        return self >> 16

    @property
    def element(self) -> int:
        """The element number."""
        return self & 0xFFFF

    @property
    def is_private(self) -> bool:
        """Whether the group is odd (PS3.5 7.8)."""
        return self >> 16 & 1 == 1

    @property
    def is_group_length(self) -> bool:
        """Whether this is the Group Length of its group (PS3.5 7.2)."""
        return self & 0xFFFF == 0

    @property
    def keyword(self) -> str:
        """The keyword of PS3.6; empty where the dictionary has none."""
        entry = lookup(self)
        return entry.keyword if entry else ""

    def __str__(self) -> str:
        return f"({self >> 16:04X},{self & 0xFFFF:04X})"

    def __repr__(self) -> str:
        return f"Tag(0x{int(self):08X})"


def _joined(group: SupportsIndex, element: SupportsIndex) -> int:
    numbers = index(group), index(element)
    for name, number in zip(("group", "element"), numbers, strict=True):
        if not 0 <= number <= 0xFFFF:
            raise ValueError(f"{name} number {number:#x} is out of range: it is between 0x0000 and 0xFFFF")
    return numbers[0] << 16 | numbers[1]


def _tag_of_text(text: str) -> int:
    digits = text.strip()
    if digits[:1] == "(" and digits[-1:] == ")":
        digits = digits[1:-1]
    group, comma, element = digits.partition(",")
    if comma:
        group, element = group.strip(), element.strip()
        if not (_is_hex(group, 4) and _is_hex(element, 4)):
            raise ValueError(f"{text!r} is no tag: group and element are four hexadecimal digits each, such as (0010,0020)")
        return int(group + element, 16)
    if _is_hex(digits, 8):
        return int(digits, 16)
    entry = keyword_table().get(digits)
    if entry is None:
        near = nearest_keywords(digits)
        hint = f"nearest keywords: {', '.join(near)}" if near else "write it as (0010,0020), 00100020 or PatientID"
        raise ValueError(f"{text!r} is neither a tag nor a keyword; {hint}")
    return entry.tag


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and not text.strip(_HEX_DIGITS)


class VM(NamedTuple):
    """A value multiplicity (PS3.5 6.4): from ``low`` to ``high`` values (None: any number), in steps of ``step``.

    Whether an element may have no value at all is a matter of its Type (PS3.5 7.4), not of its VM.

    Examples
    --------
    >>> VM.parse("2-2n")
    VM(low=2, high=None, step=2)
    >>> VM.parse("2-2n").allows(4), VM.parse("2-2n").allows(3), str(VM.parse("1-n"))
    (True, False, '1-n')
    """

    low: int
    high: int | None
    step: int

    @classmethod
    def parse(cls, text: str) -> VM:
        """The VM of a text as PS3.6 spells it: "3", "1-8", "1-n", "2-2n"."""
        first, dash, last = text.partition("-")
        unbounded = last[-1:] in ("n", "N")
        factor = last[:-1] if unbounded else last
        if not all(number.isdecimal() and number.isascii() for number in (first, factor or "1")) or dash != ("-" if last else ""):
            raise ValueError(f"{text!r} is no VM: it is written like 3, 1-8, 1-n or 2-2n (PS3.5 6.4)")
        low = int(first)
        step = int(factor or "1") if unbounded else 1
        high = None if unbounded else int(last or first)
        if low < 1 or step < 1 or low % step or (high is not None and high < low):
            raise ValueError(f"{text!r} is no VM: it counts upward from 1 or more, in 2-2n from a multiple of 2 (PS3.5 6.4)")
        return cls(low, high, step)

    def allows(self, count: int) -> bool:
        """Whether an element may have that many values."""
        return count >= self.low and (self.high is None or count <= self.high) and (count - self.low) % self.step == 0

    def __str__(self) -> str:
        if self.high is not None:
            return str(self.low) if self.high == self.low else f"{self.low}-{self.high}"
        return f"{self.low}-n" if self.step == 1 else f"{self.low}-{self.step}n"


class Entry(NamedTuple):
    """What the dictionary says of a tag. Compiled code reads the fields by their position: the order is part of the interface.

    ``vr`` is empty for items and delimiters, and may be one of ``vr.AMBIGUOUS``; ``keyword`` is empty where PS3.6 gives none.
    """

    tag: Tag
    vr: str
    keyword: str
    vm: VM
    retired: bool


# One row of a dictionary file: the mask has 0 where the tag has an X, and the entry's tag is the first that the row covers.
Row: TypeAlias = tuple[Entry, int]


class Dictionary(NamedTuple):
    """Rows made ready for looking up. Nobody changes the tables after they are made.

    ``repeating`` leads from a mask to the masked tags to the entries.
    """

    tags: dict[int, Entry]
    keywords: dict[str, Entry]
    repeating: dict[int, dict[int, Entry]]

    def lookup(self, tag: int) -> Entry | None:
        """As the function ``lookup``, in this dictionary."""
        return self.tags.get(tag) or _implied_entry(self.repeating, tag)

    def overlaid(self, rows: Iterable[Row]) -> Dictionary:
        """A new dictionary in which the rows come before this one's; of two rows for one tag, the last counts."""
        tags, keywords = dict(self.tags), dict(self.keywords)
        repeating = {mask: dict(entries) for mask, entries in self.repeating.items()}
        _add_rows(tags, keywords, repeating, rows)
        return Dictionary(tags, keywords, repeating)


def _add_rows(tags: dict[int, Entry], keywords: dict[str, Entry], repeating: dict[int, dict[int, Entry]], rows: Iterable[Row]) -> None:
    for entry, mask in rows:
        if mask == _LARGEST_TAG:
            tags[entry.tag] = entry
        else:
            entry = _with_free_tag(entry, mask, tags)
            repeating.setdefault(mask, {})[entry.tag & mask] = entry
        if entry.keyword:
            keywords[entry.keyword] = entry


def _with_free_tag(entry: Entry, mask: int, tags: dict[int, Entry]) -> Entry:
    """A repeating entry by its first tag that means nothing else: (0028,04X0) begins at 0410, (1000,XXX0) at 0010.

    The others are attributes of their own, or the Group Length.
    """
    wild = ~mask & 0xFFFF
    if wild and (entry.tag in tags or not entry.tag & 0xFFFF):
        return entry._replace(tag=Tag(entry.tag | wild & -wild))
    return entry


def parse_dictionary(source: str | Iterable[str]) -> list[Row]:
    """The rows of a dictionary in MATLAB's format.

    A row is ``(GGGG,EEEE) VR Keyword VM``, divided by any white space, and ``RET`` after it where the attribute is retired.
    X stands for any digit, ``/`` joins several VRs, ``-`` stands for no VR or no keyword. Lines that begin with % or # are comments.

    Parameters
    ----------
    source : str or iterable of str
        The text of the file, or its lines.

    Returns
    -------
    list of (Entry, int)
        The mask has 0 where the tag has an X, else it is 0xFFFFFFFF; the entry's tag is the first that the row covers.

    Raises
    ------
    ValueError
        A line is not such a row; the message has its number.

    Examples
    --------
    >>> (entry, mask), = parse_dictionary("% mine\\n(9003,1038)  FL  DaysSincePriorStudy  1")
    >>> entry
    Entry(tag=Tag(0x90031038), vr='FL', keyword='DaysSincePriorStudy', vm=VM(low=1, high=1, step=1), retired=False)
    >>> parse_dictionary("(9003,1038) FL")
    Traceback (most recent call last):
    ...
    ValueError: line 1 of the dictionary: ...
    """
    lines = source.removeprefix("\ufeff").splitlines() if isinstance(source, str) else source
    rows = []
    for number, line in enumerate(lines, 1):
        columns = line.split()
        if columns and columns[0][0] not in "%#":
            try:
                rows.append(_row(columns))
            except ValueError as error:
                raise ValueError(f"line {number} of the dictionary: {error}") from None
    return rows


def _row(columns: list[str]) -> Row:
    if len(columns) == 4:
        text, vr, keyword, vm = columns
        retired = False
    elif len(columns) == 5 and columns[4].upper() == "RET":
        text, vr, keyword, vm, _ = columns
        retired = True
    else:
        raise ValueError(f"{' '.join(columns)!r} is not of the form (GGGG,EEEE) VR Keyword VM [RET]")
    if not keyword.isidentifier():
        if keyword != "-":
            raise ValueError(f"{keyword!r} is no keyword: it has letters, digits and underscores only")
        keyword = ""
    spelling = _VR_SPELLINGS.get(vr)
    if spelling is None:
        raise ValueError(f"{vr!r} is no VR; several are joined like {', '.join(AMBIGUOUS)}, none is written -")
    tag, mask = _tag_and_mask(text)
    return Entry(tag, spelling, keyword, _parsed_vm(vm), retired), mask


def _tag_and_mask(text: str) -> tuple[Tag, int]:
    digits = text[1:5] + text[6:10]
    # isalnum() keeps out the signs and underscores that int() takes.
    if len(text) != 11 or text[::5] != "(,)" or not digits.isalnum():
        raise ValueError(f"{text!r} is no tag: it is written like (0010,0020), or (60XX,3000) for a repeating group")
    try:
        return Tag(int(digits, 16)), _LARGEST_TAG
    except ValueError:
        return _first_tag_and_mask(text, digits.upper())


def _first_tag_and_mask(text: str, digits: str) -> tuple[Tag, int]:
    first = digits.replace("X", "0")
    if not _is_hex(first, 8):
        raise ValueError(f"{text!r} is no tag: it has other letters than hexadecimal digits and X")
    mask = "".join("0" if digit == "X" else "F" for digit in digits)
    return Tag(int(first, 16)), int(mask, 16)


_parsed_vm = lru_cache(VM.parse)


@cache
def standard_dictionary() -> Dictionary:
    """The dictionary of PS3.6 (and, for group 0000, PS3.7 E), parsed on first use."""
    tables: Dictionary = Dictionary({}, {}, {})
    others = read_rows(read_table("dicom-dict.txt"), tables.tags, tables.keywords, _VR_SPELLINGS, _parsed_vm, Tag, Entry)
    _add_rows(*tables, parse_dictionary(others))
    return tables


def tag_table() -> dict[int, Entry]:
    """Tag -> entry, without the repeating groups. Callers must not change it.

    Examples
    --------
    >>> tag_table()[0x00280010].keyword
    'Rows'
    """
    return standard_dictionary().tags


def keyword_table() -> dict[str, Entry]:
    """Keyword -> entry; a keyword of a repeating group leads to its first tag. Callers must not change it.

    Examples
    --------
    >>> keyword_table()["OverlayData"].tag
    Tag(0x60003000)
    """
    return standard_dictionary().keywords


def lookup(tag: int) -> Entry | None:
    """What PS3.6 says of a tag, or None.

    Repeating groups are found for the tags which they may have: even groups, 5000-501E and 6000-601E (PS3.5 7.6).
    The Group Length of any legal group is a retired UL without keyword (PS3.5 7.2); of private elements nothing else is known here.

    Examples
    --------
    >>> lookup(0x60023000)
    Entry(tag=Tag(0x60023000), vr='OB/OW', keyword='OverlayData', vm=VM(low=1, high=1, step=1), retired=False)
    >>> lookup(0x60013000) is None
    True
    """
    tables = standard_dictionary()
    return tables.tags.get(tag) or _implied_entry(tables.repeating, tag)


def _implied_entry(repeating: dict[int, dict[int, Entry]], tag: int) -> Entry | None:
    """The entry of a tag that no row names by itself."""
    if not 0 <= tag <= _LARGEST_TAG:
        return None
    if not tag & 0xFFFF:
        return Entry(Tag(tag), "UL", "", _parsed_vm("1"), True) if _has_group_length(tag >> 16) else None
    for mask, entries in repeating.items():
        entry = entries.get(tag & mask)
        if entry and (mask >> 16 == 0xFFFF or _may_repeat(tag >> 16)):
            return entry._replace(tag=Tag(tag))
    return None


def _has_group_length(group: int) -> bool:
    """PS3.5 7.1, 7.5, 7.8.1: groups 0001, 0003, 0005, 0007 and FFFF are not used, and items are no group."""
    return group < 0xFFFE and (group > 7 or group % 2 == 0)


def _may_repeat(group: int) -> bool:
    """PS3.5 7.6: even groups; of curves and overlays the first sixteen."""
    return group % 2 == 0 and (group >> 8 not in (0x50, 0x60) or group & 0xFF <= 0x1E)


@cache
def _folded_keywords() -> dict[str, str]:
    return {keyword.lower(): keyword for keyword in keyword_table()}


def keyword_like(word: str) -> str:
    """The keyword that a word is but for letter case and underscores; empty where there is none.

    >>> keyword_like("patient_name")
    'PatientName'
    """
    return _folded_keywords().get(word.replace("_", "").lower(), "")


def nearest_keywords(word: str, count: int = 3) -> list[str]:
    """The keywords most like a word, the nearest first; a keyword that differs in letter case only stands alone.

    Examples
    --------
    >>> nearest_keywords("patientname"), nearest_keywords("PatientNmae", 1)
    (['PatientName'], ['PatientName'])
    """
    lowered = _folded_keywords()
    wanted = word.lower()
    if wanted in lowered:
        return [lowered[wanted]]
    from difflib import get_close_matches

    # difflib takes a quarter of a second for the whole dictionary: shared pairs of letters choose whom it compares.
    pairs = {wanted[place : place + 2] for place in range(len(wanted) - 1)}
    shared = {keyword: sum(pair in keyword for pair in pairs) / (len(pairs) + len(keyword)) for keyword in lowered}
    candidates = sorted(lowered, key=shared.__getitem__, reverse=True)[:60]
    return [lowered[match] for match in get_close_matches(wanted, candidates, count)]


@cache
def _private_rows() -> dict[str, list[str]]:
    """Private creator -> its lines; parsed further only for the creators that are asked for."""
    creators: dict[str, list[str]] = {}
    for line in read_table("private-dict.txt").splitlines():
        creator, _, row = line.partition("\t")
        if row:
            creators.setdefault(creator, []).append(row)
    return creators


@cache
def _private_block(creator: str) -> dict[str, tuple[str, VM, str]]:
    """Tag pattern -> VR, VM, name, for a creator that the table has."""
    rows = (row.split("\t") for row in _private_rows()[creator])
    return {pattern: (_VR_SPELLINGS[vr], _parsed_vm(vm), "".join(name)) for pattern, vr, vm, *name in rows}


def _private_row(creator: str, tag: int) -> tuple[str, VM, str] | None:
    """The row of a private element: by its whole tag, by group and offset, by the group's first digits and offset."""
    creator = creator.strip(" ")
    group, element = tag >> 16, tag & 0xFFFF
    if element < 0x1000 or group % 2 == 0 or creator not in _private_rows():
        return None
    offset = element & 0xFF
    block = _private_block(creator)
    patterns = f"({group:04X},{element:04X})", f"({group:04X},XX{offset:02X})", f"({group >> 8:02X}XX,XX{offset:02X})"
    return next((block[pattern] for pattern in patterns if pattern in block), None)


def private_vrs(creator: str, first: int) -> Mapping[int, str]:
    """The VRs of the elements of a block, of which ``first`` is the first tag, by their offset; those that are known.

    Examples
    --------
    >>> private_vrs("SIEMENS CSA HEADER", 0x00291000)[0x10]
    'OB'
    """
    return _known_vrs(creator, first) if creator.strip(" ") in _private_rows() else {}


@lru_cache(maxsize=1024)
def _known_vrs(creator: str, first: int) -> Mapping[int, str]:
    rows = ((offset, _private_row(creator, first | offset)) for offset in range(0x100))
    return {offset: row[0] for offset, row in rows if row}


def private_entry(creator: str, tag: int) -> Entry | None:
    """What is known of a private element, whatever block its creator has reserved; None where nothing is (PS3.5 7.8.1).

    Private elements have no keyword; see ``private_name``.

    Examples
    --------
    >>> private_entry("SIEMENS CSA HEADER", 0x00291010)
    Entry(tag=Tag(0x00291010), vr='OB', keyword='', vm=VM(low=1, high=1, step=1), retired=False)
    """
    row = _private_row(creator, tag)
    return Entry(Tag(tag), row[0], "", row[1], False) if row else None


def private_name(creator: str, tag: int) -> str:
    """The name of a private element; empty where none is known.

    Examples
    --------
    >>> private_name("SIEMENS CSA HEADER", 0x00291110)
    'CSA Image Header Info'
    """
    row = _private_row(creator, tag)
    return row[2] if row else ""
