"""The DICOM JSON model, both ways: a dataset becomes JSON objects, and JSON objects fill a dataset (PS3.18 F).

Datasets are taken by their methods: the model hands them in, and this room does not know it. What a value may be is
decided in ``values.py``; which VR an open one becomes in a file, in ``_encode.pyx``, whose decisions are kept here.

Decisions where the standard leaves room:

- JSON is Unicode. A Specific Character Set (0008,0005) that the dataset has, even empty, is written as ISO_IR 192, so
  that a file made from the JSON holds all its text. ``keep_charset=True`` writes the source's value, as the note to F.2.2
  asks for since 2025. None is added where the dataset declares none.
- DS and IS are numbers, and strings where a number would not give back the same value, or on request (F.2.3).
- NaN and infinity have no JSON number. Where they are asked for, they are the strings that other systems write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf, isfinite, nan
from typing import Any, NamedTuple, Protocol, TypeVar

from .dictionary import Tag, lookup
from .errors import EncodeError, ReadError
from .values import MAX_DEPTH, Element, Fragments, Policy, shorten
from .vr import DESCRIPTORS, VRS, WAVEFORM_VALUES

_CHARACTER_SET = 0x00080005
_BITS_ALLOCATED = 0x00280100
_PIXEL_REPRESENTATION = 0x00280103
_WAVEFORM_BITS = 0x54001004
_PIXEL_DATA = 0x7FE00010

# Beyond this an integer is not the same number to every JSON reader (RFC 8259 6), and becomes a string (PS3.18 F.2.3).
_EXACT = 2**53

_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_CONTENTS = ("Value", "InlineBinary", "BulkDataURI")
# What an attribute may hold beside vr and one content: names that other writers take over from PS3.19 A.1.
_NOTES = frozenset(("vr", "keyword", "name", "privateCreator"))

_NONFINITE = {"NaN": nan, "Infinity": inf, "-Infinity": -inf, "inf": inf, "-inf": -inf}

# struct's letter for one number of a VR, where a bulk value has to be taken apart.
_STRUCT_CODES = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}


class DatasetLike(Protocol):
    """What a dataset has to offer to be written and filled here."""

    policy: Any

    def __iter__(self) -> Iterator[Tag]: ...
    def __getitem__(self, key: Any, /) -> Element: ...
    def get(self, key: Any, default: Any = None, /) -> Any: ...
    def add(self, tag: Any, vr: str | None, value: Any, *, policy: Policy | None = None) -> Element: ...


D = TypeVar("D", bound=DatasetLike)


class _Writing(NamedTuple):
    """The options of one conversion to JSON."""

    bulk_data: Callable[[Element, str], str | None] | None
    threshold: int
    number_text: bool
    nonfinite: bool
    keep_charset: bool


class _Level(NamedTuple):
    """Where a dataset stands, and what decides the VRs that the dictionary leaves open."""

    path: str
    depth: int
    signed: bool
    waveform_bits: int | None
    bits: int | None


_OUTSIDE = _Level("", 0, False, None, None)


def to_dict(
    ds: DatasetLike,
    *,
    bulk_data: Callable[[Element, str], str | None] | None = None,
    bulk_data_threshold: int = 1024,
    number_text: bool = False,
    nonfinite: bool = False,
    keep_charset: bool = False,
) -> dict[str, Any]:
    """The DICOM JSON model of a dataset, as JSON-ready Python objects (PS3.18 F.2).

    File Meta Information (0002,xxxx) and Group Lengths (gggg,0000) are left out.

    Parameters
    ----------
    ds : Dataset
        The dataset; it is not changed.
    bulk_data : callable, optional
        Called with the :class:`Element` of a binary VR and its path, such as ``(0088,0200)[0].(7FE0,0010)``; gives the URI
        under which the value can be had, or None to have it inline. Encapsulated Pixel Data can be written no other way.
    bulk_data_threshold : int
        Binary values of up to so many bytes are inline, without asking ``bulk_data``.
    number_text : bool
        DS and IS that were set from text are written as that text, not as numbers (F.2.3).
    nonfinite : bool
        Whether FL and FD may be NaN or infinite: they become "NaN", "Infinity" and "-Infinity".
    keep_charset : bool
        Whether Specific Character Set is written as it is, instead of as ISO_IR 192.

    Returns
    -------
    dict
        Keys of eight hexadecimal digits, in ascending order.

    Raises
    ------
    EncodeError
        A value that JSON does not hold: what is said above of NaN and encapsulated pixels, more than three groups of
        a name, numbers that do not fit the sign that PixelRepresentation asks for; or more than 128 levels.

    Examples
    --------
    >>> from dcmenc.model import Dataset
    >>> to_dict(Dataset(PatientName="Yamada^Tarou=山田^太郎", SliceThickness="1.50"))
    {'00100010': {'vr': 'PN', 'Value': [{'Alphabetic': 'Yamada^Tarou', 'Ideographic': '山田^太郎'}]},
     '00180050': {'vr': 'DS', 'Value': [1.5]}}
    """
    options = _Writing(bulk_data, bulk_data_threshold, number_text, nonfinite, keep_charset)
    try:
        return _dataset_object(ds, _level(ds, _OUTSIDE, "", 0), options)
    except RecursionError:
        raise EncodeError("the call stack has no room for datasets that nest so deep") from None


def to_json(
    ds: DatasetLike,
    *,
    bulk_data: Callable[[Element, str], str | None] | None = None,
    bulk_data_threshold: int = 1024,
    number_text: bool = False,
    nonfinite: bool = False,
    keep_charset: bool = False,
) -> str:
    """The DICOM JSON model of a dataset as text (PS3.18 F.2); the parameters are those of :func:`to_dict`.

    Raises
    ------
    EncodeError
        As :func:`to_dict`.

    Examples
    --------
    >>> from dcmenc.model import Dataset
    >>> to_json(Dataset(Rows=2, PatientID=""))
    '{"00100020": {"vr": "LO"}, "00280010": {"vr": "US", "Value": [2]}}'
    """
    import json

    members = to_dict(
        ds, bulk_data=bulk_data, bulk_data_threshold=bulk_data_threshold,
        number_text=number_text, nonfinite=nonfinite, keep_charset=keep_charset,
    )
    try:
        return json.dumps(members, allow_nan=False)
    except RecursionError:
        raise EncodeError("the call stack has no room for datasets that nest so deep") from None


def _level(ds: DatasetLike, outer: _Level, path: str, depth: int) -> _Level:
    sign = _whole_number(ds, _PIXEL_REPRESENTATION)
    waveform_bits = _whole_number(ds, _WAVEFORM_BITS)
    return _Level(
        path,
        depth,
        outer.signed if sign is None else sign != 0,
        outer.waveform_bits if waveform_bits is None else waveform_bits,
        _whole_number(ds, _BITS_ALLOCATED),
    )


def _whole_number(ds: DatasetLike, tag: int) -> int | None:
    element = ds.get(tag)
    return element.value if element is not None and isinstance(element.value, int) else None


def _dataset_object(ds: DatasetLike, level: _Level, options: _Writing) -> dict[str, Any]:
    members = {}
    for tag in ds:
        if tag >> 16 == 0x0002 or not tag & 0xFFFF:
            continue
        try:
            members[f"{tag:08X}"] = _attribute_object(ds[tag], level, options)
        except EncodeError as error:
            if error.path:
                raise
            raise EncodeError(error.reason, f"{level.path}{tag}", int(tag)) from None
    return members


def _attribute_object(element: Element, level: _Level, options: _Writing) -> dict[str, Any]:
    tag, _, value = element
    vr = _settled_vr(element, level)
    member: dict[str, Any] = {"vr": vr}
    if tag == _CHARACTER_SET and not options.keep_charset:
        return member | {"Value": ["ISO_IR 192"]}
    if value is None:
        return member
    kind = VRS[vr].kind
    if kind == "sequence":
        content = _item_objects(tag, value, level, options)
    elif kind == "buffer":
        return member | _binary_content(Element(tag, vr, value), level, options)
    else:
        content = _value_list(element, vr, options)
    if content:
        member["Value"] = content
    return member


def _settled_vr(element: Element, level: _Level) -> str:
    """The VR of an element, decided by its surroundings where the dictionary leaves it open (PS3.5 A.2, PS3.6 6)."""
    tag, vr, value = element
    if vr == "UN" and isinstance(value, list):
        # of undefined length: its items are known, and JSON can hold them (PS3.5 6.2.2)
        return "SQ"
    if vr in VRS:
        return vr
    if vr == "OB/OW":
        bits = level.bits if tag == _PIXEL_DATA else level.waveform_bits if tag in WAVEFORM_VALUES else None
        return "OB" if isinstance(value, Fragments) or (bits is not None and bits <= 8) else "OW"
    if vr != "US/SS" and not isinstance(value, (int, tuple)):
        return "OW"
    return "SS" if level.signed and vr != "US/OW" else "US"


def _item_objects(tag: int, items: list[DatasetLike], level: _Level, options: _Writing) -> list[Any]:
    if items and level.depth >= MAX_DEPTH:
        raise EncodeError(f"datasets nest deeper than {MAX_DEPTH} levels")
    objects = []
    for at, item in enumerate(items):
        inner = _level(item, level, f"{level.path}{tag}[{at}].", level.depth + 1)
        objects.append(_dataset_object(item, inner, options))
    return objects


def _binary_content(element: Element, level: _Level, options: _Writing) -> dict[str, str]:
    """The value of a binary VR, or the URI under which it can be had (PS3.18 F.2.6, F.2.7)."""
    encapsulated = isinstance(element.value, Fragments)
    size = 0 if encapsulated else memoryview(element.value).nbytes
    if options.bulk_data is not None and (encapsulated or size > options.threshold):
        uri = options.bulk_data(element, f"{level.path}{element.tag}")
        if uri is not None:
            if not isinstance(uri, str):
                raise EncodeError(f"bulk_data gives a URI as text, or None, not {type(uri).__name__}")
            return {"BulkDataURI": uri}
    if encapsulated:
        raise EncodeError("JSON does not hold encapsulated pixels inline; give their URI by bulk_data=, or write them native")
    from binascii import b2a_base64

    return {"InlineBinary": b2a_base64(element.value, newline=False).decode("ascii")} if size else {}


def _value_list(element: Element, vr: str, options: _Writing) -> list[Any]:
    """The members of Value: null for an empty one; none at all where the only one is empty (PS3.18 F.2.4, F.2.5)."""
    value = element.value
    values = value.tolist() if hasattr(value, "tolist") else value if isinstance(value, tuple) else (value,)
    if element.vr == "US/SS" or element.vr == "US/SS/OW":
        return _signed_numbers(element.tag, vr, values)
    one: Callable[[Any, _Writing], Any] = _TO_JSON.get(VRS[vr].kind, _text_member)
    members = [one(single, options) for single in values]
    return [] if members == [None] else members


def _signed_numbers(tag: int, vr: str, values: Any) -> list[int]:
    """Numbers whose sign the surroundings decided; the count of a descriptor is what the signed VR makes of its bits."""
    low, high = (-0x8000, 0x7FFF) if vr == "SS" else (0, 0xFFFF)
    members = []
    for at, number in enumerate(values):
        if high < number <= 0xFFFF and at != 1 and tag in DESCRIPTORS:
            number -= 0x10000
        if not low <= number <= high:
            raise EncodeError(f"{number} does not fit {vr}, which PixelRepresentation asks for")
        members.append(number)
    return members


def _text_member(value: str, options: _Writing) -> str | None:
    return value or None


def _name_member(value: str, options: _Writing) -> dict[str, str] | None:
    groups = value.split("=")
    if len(groups) > len(_NAME_GROUPS):
        raise EncodeError(f"PN {shorten(value)}: JSON holds three component groups (alphabetic=ideographic=phonetic)")
    return {name: group for name, group in zip(_NAME_GROUPS, groups, strict=False) if group} or None


def _tag_member(value: int, options: _Writing) -> str:
    return f"{value:08X}"


def _whole_member(value: int, options: _Writing) -> int | str:
    return value if -_EXACT <= value <= _EXACT else str(value)


def _float_member(value: float, options: _Writing) -> float | str:
    if isfinite(value):
        return value
    if not options.nonfinite:
        raise EncodeError(f"JSON has no number for {value}; nonfinite=True writes it as a string")
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _decimal_member(value: Any, options: _Writing) -> float | str | None:
    """A DS: its number, or its text where the number would not be the same to a reader (PS3.18 F.2.3)."""
    if value is None or isinstance(value, str):
        return value
    text = getattr(value, "text", None)
    if text is None:
        return value if isinstance(value, float) else _whole_member(value, options)
    number, digits = float(value), text.strip(" ")
    if options.number_text or len(digits) > 16 or not isfinite(number):
        return str(text)
    # Fifteen digits always survive a binary float; sixteen without a point may not.
    return str(text) if abs(number) > _EXACT and digits.lstrip("+-").isdigit() else number


def _integer_member(value: Any, options: _Writing) -> int | str | None:
    if value is None or isinstance(value, str):
        return value
    text = getattr(value, "text", None)
    return str(text) if text is not None and (options.number_text or not -(2**31) <= value < 2**31) else int(value)


_TO_JSON: dict[str, Callable[[Any, _Writing], Any]] = {
    "name": _name_member, "tag": _tag_member, "signed": _whole_member, "unsigned": _whole_member,
    "float": _float_member, "decimal": _decimal_member, "integer": _integer_member,
}


class _Reading(NamedTuple):
    """The options of one conversion from JSON."""

    bulk_data: Callable[[str, str], Any] | None
    policy: Policy | None


def fill(
    ds: D,
    source: str | bytes | Mapping[str, Any],
    *,
    bulk_data: Callable[[str, str], Any] | None = None,
    policy: Policy | None = None,
) -> D:
    """Set in a dataset the elements of a DICOM JSON object (PS3.18 F.2).

    Group Lengths are left out: they are made when a file is written.

    Parameters
    ----------
    ds : Dataset
        The dataset to fill; after an error it may hold a part of the elements.
    source : str, bytes or Mapping
        JSON text, or what a JSON reader made of it. An array is taken if it holds one dataset.
    bulk_data : callable, optional
        Called with a BulkDataURI and the VR; gives the value field in little endian (:class:`Fragments` for encapsulated
        pixels), text in UTF-8. None leaves the element empty.
    policy : Policy, optional
        What happens to values that break a rule of the standard; the dataset's own policy by default.

    Returns
    -------
    Dataset
        The dataset itself.

    Raises
    ------
    ReadError
        The source is not a DICOM JSON object, or a value breaks a rule; ``path`` says where.

    Examples
    --------
    >>> from dcmenc.model import Dataset
    >>> fill(Dataset(), '{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}').PatientName
    'Doe^Jane'
    >>> fill(Dataset(), {"0040A730": {"vr": "SQ", "Value": [{"00280010": {"vr": "US", "Value": ["2"]}}]}})
    Traceback (most recent call last):
    ...
    dcmenc.errors.ReadError: (0040,A730)[0].(0028,0010): US '2': a number is wanted, not a string
    """
    members = _parsed(source) if isinstance(source, (str, bytes, bytearray)) else source
    if isinstance(members, (list, tuple)):
        if len(members) != 1:
            raise ReadError(f"the array holds {len(members)} datasets; parse it with json.loads and give one of them")
        members = members[0]
    try:
        _fill_dataset(ds, members, "", 0, _Reading(bulk_data, policy if policy is not None else ds.policy))
    except RecursionError:
        raise ReadError("the call stack has no room for JSON that nests so deep") from None
    return ds


def _parsed(source: str | bytes | bytearray) -> Any:
    import json

    try:
        return json.loads(source, object_pairs_hook=_distinct)
    except RecursionError:
        raise ReadError(f"the JSON nests deeper than {MAX_DEPTH} levels of datasets need") from None
    except ReadError:
        raise
    except ValueError as error:
        raise ReadError(f"this is not JSON: {error}") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ReadError(f"an object holds {shorten(twice)} twice")
    return members


def _fill_dataset(ds: DatasetLike, members: Any, path: str, depth: int, options: _Reading) -> None:
    if not isinstance(members, Mapping):
        raise ReadError(f"a dataset is a JSON object, not {_kind(members)}", path=path.removesuffix("."))
    if depth > MAX_DEPTH:
        raise ReadError(f"datasets nest deeper than {MAX_DEPTH} levels", path=path.removesuffix("."))
    found = set()
    for key in members:
        tag = _tag_of_key(key, path)
        try:
            if tag in found:
                raise ReadError("the object holds this tag twice, in different letter case")
            found.add(tag)
            if tag & 0xFFFF:
                vr, value = _read_attribute(ds, tag, members[key], path, depth, options)
                ds.add(tag, vr, value, policy=options.policy)
        except EncodeError as error:
            raise ReadError(error.reason, path=f"{path}{tag}") from None
        except ReadError as error:
            if error.path:
                raise
            raise ReadError(error.reason, error.offset, f"{path}{tag}") from None


def _tag_of_key(key: Any, path: str) -> Tag:
    tag = _hex_tag(key)
    if tag is None:
        raise ReadError(f"{_show(key)} is no tag; the names in a dataset are eight hexadecimal digits", path=path.removesuffix("."))
    if tag >> 16 == 0x0002:
        raise ReadError("File Meta Information is no part of a dataset in JSON (PS3.18 F.2); leave it out", path=f"{path}{tag}")
    return tag


def _hex_tag(text: Any) -> Tag | None:
    """The tag of eight hexadecimal digits, None for anything else."""
    if not isinstance(text, str) or len(text) != 8 or not text.isascii() or not text.isalnum():
        return None
    try:
        return Tag(int(text, 16))
    except ValueError:
        return None


def _read_attribute(ds: DatasetLike, tag: Tag, member: Any, path: str, depth: int, options: _Reading) -> tuple[str, Any]:
    """The VR and the value, as the model takes it, of one attribute."""
    if not isinstance(member, Mapping):
        raise ReadError(f"an attribute is a JSON object, not {_kind(member)}")
    given = [name for name in member if name not in _NOTES]
    if len(given) > 1 or (given and given[0] not in _CONTENTS):
        names = ", ".join(_show(name) for name in given[:4])
        raise ReadError(f"beside vr, an attribute holds one of {', '.join(_CONTENTS)} or none, not {names}")
    vr = _read_vr(tag, member)
    if not given:
        return vr, None
    content = member[given[0]]
    if given[0] == "InlineBinary":
        return vr, _decoded_binary(vr, content)
    if given[0] == "BulkDataURI":
        return vr, _fetched(vr, content, options)
    if not isinstance(content, (list, tuple)):
        raise ReadError(f"Value is an array, not {_kind(content)}")
    if vr != "SQ":
        return vr, _read_values(vr, content)
    items = []
    for at, item in enumerate(content):
        made = type(ds)()
        _fill_dataset(made, item, f"{path}{tag}[{at}].", depth + 1, options)
        items.append(made)
    return vr, items


def _read_vr(tag: Tag, member: Mapping[Any, Any]) -> str:
    """The VR that the attribute names, or else the dictionary's."""
    if "vr" in member:
        vr = member["vr"]
        if not isinstance(vr, str) or vr not in VRS:
            raise ReadError(f"{_show(vr)} is not a VR; the VRs are {', '.join(VRS)}")
        return vr
    entry = lookup(tag)
    if entry is None or not entry.vr:
        raise ReadError("the attribute has no vr, and the dictionary does not know it")
    return entry.vr


def _decoded_binary(vr: str, content: Any) -> bytes:
    if vr in VRS and VRS[vr].kind != "buffer":
        raise ReadError(f"{vr} is given in Value; InlineBinary is for OB, OD, OF, OL, OV, OW and UN")
    if not isinstance(content, str):
        raise ReadError(f"InlineBinary is a string in base64, not {_kind(content)}")
    from binascii import a2b_base64

    try:
        return a2b_base64(content, strict_mode=True)
    except ValueError as error:
        raise ReadError(f"InlineBinary is not base64: {error}") from None


def _fetched(vr: str, uri: Any, options: _Reading) -> Any:
    """The value of a BulkDataURI, taken apart by its VR (PS3.18 F.2.6)."""
    if not isinstance(uri, str):
        raise ReadError(f"BulkDataURI is a string, not {_kind(uri)}")
    if vr in ("SQ", "AT"):
        raise ReadError(f"{vr} is given in Value, not by a BulkDataURI")
    if options.bulk_data is None:
        raise ReadError("the value is elsewhere; bulk_data= gives the function that fetches it by its URI and VR")
    data = options.bulk_data(uri, vr)
    if data is None or vr not in VRS or VRS[vr].kind == "buffer":
        return data
    try:
        raw = bytes(memoryview(data))
    except TypeError:
        raise ReadError(f"bulk_data gives bytes, or None, not {type(data).__name__}") from None
    return _numbers_of(vr, raw) if vr in _STRUCT_CODES else _text_of(vr, raw)


def _numbers_of(vr: str, raw: bytes) -> list[Any]:
    import struct

    unit = VRS[vr].unit
    if len(raw) % unit:
        raise ReadError(f"{len(raw)} bytes are no whole number of {vr}, which has {unit}")
    return list(struct.unpack(f"<{len(raw) // unit}{_STRUCT_CODES[vr]}", raw))


def _text_of(vr: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8").rstrip("\0" if vr == "UI" else " ")
    except UnicodeDecodeError as error:
        raise ReadError(f"the bulk text is not UTF-8: {error}") from None


def _read_values(vr: str, content: Any) -> Any:
    """The values of any VR but SQ, each of the JSON type that its VR has (PS3.18 Table F.2.3-1)."""
    if not content or (len(content) == 1 and content[0] is None):
        return None
    if vr not in VRS:
        vr = "US" if vr.startswith("US") else "OW"
    row = VRS[vr]
    if row.kind == "buffer":
        raise ReadError(f"{vr} is given in InlineBinary or by a BulkDataURI, not in Value")
    one: Callable[[str, Any], Any] = _FROM_JSON.get(row.kind, _read_text)
    values = [one(vr, value) for value in content]
    if row.multiple or row.unit > 1:
        return values
    if len(values) > 1:
        raise ReadError(f"{vr} holds one value, not {len(values)}")
    return values[0]


def _read_text(vr: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _unexpected(vr, value, "a string")
    return value


def _read_name(vr: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(name in _NAME_GROUPS and isinstance(group, str) for name, group in value.items()):
        raise _unexpected(vr, value, f"an object with strings {', '.join(_NAME_GROUPS)}")
    groups = [value.get(name, "") for name in _NAME_GROUPS]
    if any("=" in group for group in groups):
        raise ReadError("PN: = separates the component groups and cannot be part of one")
    return "=".join(groups).rstrip("=")


def _read_tag(vr: str, value: Any) -> Tag:
    tag = _hex_tag(value)
    if tag is None:
        raise _unexpected(vr, value, "a string of eight hexadecimal digits")
    return tag


def _read_number(vr: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unexpected(vr, value, "a number")
    if isinstance(value, int) and not -(2**64) < value < 2**64:
        raise ReadError(f"{vr}: the integer has more than 64 bits")
    return value


def _read_whole(vr: str, value: Any) -> float:
    if VRS[vr].unit == 8 and isinstance(value, str):
        digits = value.removeprefix("-")
        if not digits.isascii() or not digits.isdigit() or len(digits) > 20:
            raise _unexpected(vr, value, "a 64-bit integer")
        return int(value)
    return _read_number(vr, value)


def _read_float(vr: str, value: Any) -> float:
    return _NONFINITE[value] if isinstance(value, str) and value in _NONFINITE else _read_number(vr, value)


def _read_number_string(vr: str, value: Any) -> Any:
    return value if value is None or isinstance(value, str) else _read_number(vr, value)


_FROM_JSON: dict[str, Callable[[str, Any], Any]] = {
    "name": _read_name, "tag": _read_tag, "signed": _read_whole, "unsigned": _read_whole,
    "float": _read_float, "decimal": _read_number_string, "integer": _read_number_string,
}


def _unexpected(vr: str, value: Any, wanted: str) -> ReadError:
    shown = f" {shorten(value)}" if isinstance(value, str) else ""
    return ReadError(f"{vr}{shown}: {wanted} is wanted, not {_kind(value)}")


def _show(value: Any) -> str:
    """A string as it stands, of anything else only what it is: an error text does not grow with its input."""
    return shorten(value) if isinstance(value, str) else _kind(value)


def _kind(value: Any) -> str:
    """The JSON type of a value, in words."""
    for kind, words in _KINDS:
        if isinstance(value, kind):
            return words
    return "null" if value is None else type(value).__name__


# bool comes before int, which it is a kind of
_KINDS: tuple[tuple[Any, str], ...] = (
    (Mapping, "an object"), ((list, tuple), "an array"), (str, "a string"), (bool, "a truth value"), ((int, float), "a number"),
)
