"""Values as MATLAB shows them, and back: text in one piece, numbers as arrays, names and sequences as structs (PS3.5 6.2).

What a value of a VR may be stays with ``values.py``: here a value only takes the shape that it wants, if nothing is lost on the way.
Which fields there are is decided in ``matlab_info.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .charset import CharacterSet
from .dictionary import Tag
from .errors import EncodeError, ReadError
from .rules import TEXT_KINDS, complaint
from .values import ARRAY_DTYPES, DEFAULT_POLICY, Element, Fragments, describe, normalise, shorten
from .vr import AMBIGUOUS, VR, VRS

Array: TypeAlias = np.ndarray[Any, Any]

# The components of a name, and the groups beside the alphabetic one (PS3.5 6.2.1); the groups are dcmenc's own decision.
COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS = ("Ideographic", "Phonetic")

# The dtype in which the bytes of a VR are shown.
_BUFFER_DTYPES = {"OB": "u1", "UN": "u1", "OW": "u2", "OL": "u4", "OV": "u8", "OF": "f4", "OD": "f8"}

# Text that is a number, for VRs that hold numbers.
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?\s*", re.ASCII)
_LONGEST_NUMBER = 64
_TEXTS = tuple(kind for kind in TEXT_KINDS if kind not in ("decimal", "integer"))
# Text that a number may become: where a zero in front means something, or a point is no decimal one, it may not.
_FROM_NUMBERS = ("text", "block", "code", "date")


class Typed(NamedTuple):
    """A value with its VR, for a field of which the dictionary says another or none.

    >>> Typed("OW", b"\\x00\\x01").vr
    'OW'
    """

    vr: str
    value: Any


class Struct(dict[str, Any]):
    """MATLAB's struct: named fields in order, which are also attributes.

    One that comes from a file remembers its elements. On the way back, what is still as it was shown is written as it was read, to
    the last digit of a decimal string; what has changed keeps the VR of the file. Copies, deep copies and pickles remember, too;
    ``dict(info)`` forgets. What has changed is found by looking at the values then: also arrays may be changed in place.

    Examples
    --------
    >>> item = Struct(CodeValue="T-D1100")
    >>> item.CodeMeaning = "Head"
    >>> item.CodeValue, list(item)
    ('T-D1100', ['CodeValue', 'CodeMeaning'])
    """

    __slots__ = ("_memory",)
    __hash__ = None
    _memory: Any

    def __init__(self, *source: Any, **fields: Any) -> None:
        super().__init__(*source, **fields)
        object.__setattr__(self, "_memory", getattr(source[0], "_memory", None) if source and isinstance(source[0], Struct) else None)

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f"the struct has no field {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise AttributeError(f"no field begins with an underscore: {name}")
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f"the struct has no field {name}")
        del self[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in self if isinstance(name, str))})

    def __eq__(self, other: object) -> bool:
        """Same fields with the same values; arrays are compared by content, NaN equals NaN, the order does not matter."""
        return _alike(self, other) if isinstance(other, Mapping) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"Struct({super().__repr__()})"

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        made = self.copy()
        made.update(other)
        return made

    def copy(self) -> Struct:
        """A struct with the same values, which remembers the same."""
        return Struct(self)

    __copy__ = copy

    # Structs nest twice as deep as datasets: copies and pickles go over a flat list of them, and not down the call stack.

    def __deepcopy__(self, memo: dict[int, Any]) -> Struct:
        nodes = [node for node in _nodes(self) if id(node) not in memo]
        for node in nodes:
            memo[id(node)] = remembering({}, node._memory)
        for node in nodes:
            for name, value in node.items():
                memo[id(node)][name] = deepcopy(value, memo)
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        nodes = _nodes(self)
        places = {id(node): at for at, node in enumerate(nodes)}
        rows = [(node._memory, [(name, _Place(places[id(value)]) if isinstance(value, Struct) else value)
                                for name, value in node.items()]) for node in nodes]
        return _thawed, (rows,)


class _Place(NamedTuple):
    """A struct in a pickle, by its number."""

    number: int


def _nodes(root: Struct) -> list[Struct]:
    """A struct, and all those in its fields."""
    nodes, seen = [root], {id(root)}
    for node in nodes:
        for value in node.values():
            if isinstance(value, Struct) and id(value) not in seen:
                seen.add(id(value))
                nodes.append(value)
    return nodes


def _thawed(rows: list[tuple[Any, list[tuple[str, Any]]]]) -> Struct:
    made = [remembering({}, memory) for memory, _ in rows]
    for struct, (_, fields) in zip(made, rows, strict=True):
        for name, value in fields:
            struct[name] = made[value.number] if isinstance(value, _Place) else value
    return made[0]


def remembering(fields: Mapping[str, Any], memory: Any) -> Struct:
    """A struct that remembers where its fields come from."""
    made = Struct(fields)
    object.__setattr__(made, "_memory", memory)
    return made


def memory_of(value: Any) -> Any:
    """What a struct remembers; None for anything else."""
    return value._memory if isinstance(value, Struct) else None


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return (isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape == other.shape
                and _alike(one.tolist(), other.tolist()))
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other) or bool(one != one and other != other)


# ------------------------------------------------------------------ as MATLAB shows them


def shown(element: Element) -> Any:
    """The value of an element, of anything but a sequence, as MATLAB shows it.

    Text is one string, with backslashes between its values; DS and IS are ``float``, other numbers ``int`` or ``float``, several an
    array of float64 or of the VR's dtype; AT is its groups and elements in an array of uint16; bytes are an array of the VR's
    units. Empty values are empty text, arrays and structs. Text that is no number stays text in DS and IS.

    Examples
    --------
    >>> shown(Element(Tag(0x00280030), "DS", (0.5, 0.25))), shown(Element(Tag(0x00080008), "CS", ("DERIVED", "SECONDARY")))
    (array([0.5 , 0.25]), 'DERIVED\\\\SECONDARY')
    >>> shown(Element(Tag(0x00100010), "PN", "Yamada^Tarou=山田^太郎"))["Ideographic"].FamilyName
    '山田'
    """
    vr, value = element.vr, element.value
    if isinstance(value, Fragments):
        return [np.frombuffer(bytes(piece), "u1").copy() for piece in (value.table, *value.fragments)]
    if vr in AMBIGUOUS:
        return _shown_open(value)
    row = VRS[vr]
    show: Callable[[VR, Any], Any] = _SHOWN.get(row.kind, _shown_text)
    return show(row, value)


def _shown_open(value: Any) -> Any:
    """A value whose VR is not decided yet; the count in a descriptor has no sign, whatever the others have (PS3.3 C.7.6.3.1.5)."""
    if not isinstance(value, (int, tuple)):
        return _shown_bytes(VRS["OW"], value)
    low, high = (min(value), max(value)) if isinstance(value, tuple) else (value, value)
    return _shown_numbers(VRS["US" if low >= 0 else "SS" if high < 2**15 else "SL"], value)


def _shown_text(row: VR, value: Any) -> str:
    return "\\".join(value) if isinstance(value, tuple) else value or ""


def _shown_numbers_of_text(row: VR, value: Any) -> Any:
    if value is None:
        return np.empty(0)
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(one, str) for one in values):
        return "\\".join("" if one is None else getattr(one, "text", str(one)) for one in values)
    if isinstance(value, (int, float)):
        return float(value)
    return np.array([math.nan if one is None else float(one) for one in value])


def _shown_numbers(row: VR, value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    return np.array(() if value is None else value, ARRAY_DTYPES[row.code])


def _shown_tags(row: VR, value: Any) -> Array:
    tags = () if value is None else (value,) if isinstance(value, int) else value
    return np.array([half for tag in tags for half in (int(tag) >> 16, int(tag) & 0xFFFF)], "u2")


def _shown_bytes(row: VR, value: Any) -> Array:
    data = b"" if value is None else memoryview(value).cast("B")
    dtype = np.dtype(_BUFFER_DTYPES[row.code])
    if len(data) % dtype.itemsize:
        dtype = np.dtype("u1")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype)


def _shown_names(row: VR, value: Any) -> Any:
    return [_shown_name(name) for name in value] if isinstance(value, tuple) else _shown_name(value or "")


def _shown_name(text: str) -> Struct | str:
    """The components that have something in them; what has more of them than the standard stays text."""
    groups = [group.split("^") for group in text.split("=")]
    if len(groups) > 3 or max(map(len, groups)) > len(COMPONENTS):
        return text
    made = [Struct({name: part for name, part in zip(COMPONENTS, group, strict=False) if part}) for group in groups]
    made[0].update({name: group for name, group in zip(_GROUPS, made[1:], strict=False) if group})
    return made[0]


_SHOWN: dict[str, Callable[[VR, Any], Any]] = {
    "decimal": _shown_numbers_of_text, "integer": _shown_numbers_of_text, "signed": _shown_numbers, "unsigned": _shown_numbers,
    "float": _shown_numbers, "tag": _shown_tags, "buffer": _shown_bytes, "name": _shown_names,
}


def is_as_shown(element: Element, value: Any) -> bool:
    """Whether a value is still what the element is shown as; numbers may have become those of another type.

    >>> is_as_shown(Element(Tag(0x00180050), "DS", 1.5), np.array([[1.5]]))
    True
    """
    return _unchanged(shown(element), value)


def _unchanged(before: Any, now: Any) -> bool:
    if isinstance(before, str):
        return isinstance(now, str) and before == now
    if isinstance(before, Mapping):
        # names have no other mappings in them than their groups
        return (isinstance(now, Mapping) and len(before) == len(now)
                and all(name in now and _unchanged(part, now[name]) for name, part in before.items()))
    if isinstance(before, list):
        return isinstance(now, list) and len(before) == len(now) and all(map(_unchanged, before, now))
    return _same_numbers(before, now)


def _same_numbers(before: Any, now: Any) -> bool:
    if not isinstance(now, (int, float, np.number, np.ndarray, list, tuple)) or isinstance(now, bool):
        return False
    if isinstance(now, (list, tuple)) and not all(isinstance(one, (int, float, np.number)) for one in now):
        return False
    if _is_masked(now) or getattr(getattr(now, "dtype", None), "kind", "f") not in "iuf":
        return False
    if isinstance(before, np.ndarray) and isinstance(now, np.ndarray) and before.dtype == now.dtype and before.shape == now.shape:
        return before.tobytes() == now.tobytes()
    one, other = (value.ravel().tolist() if isinstance(value, np.ndarray) else list(value) if isinstance(value, (list, tuple))
                  else [value] for value in (before, now))
    return len(one) == len(other) and all(map(_same_number, one, other))


def _same_number(one: Any, other: Any) -> bool:
    """Exactly the same, be it an int or a float; zeros of another sign are others."""
    return bool((one == other and (one != 0 or math.copysign(1, one) == math.copysign(1, other))) or (one != one and other != other))


# ------------------------------------------------------------------ the way back


def coerced(vr: str, value: Any) -> Any:
    """The value in the shape that ``values.normalise`` takes for a VR, where it is the same value.

    Arrays of n by 1 and 1 by n are lists; whole floats are integers, numbers and text of numbers are each other; NaN among the
    values of DS and IS is an empty one; structs are names; integers are bytes or words.

    Raises
    ------
    EncodeError
        Something would be lost, or nobody can tell what is meant.

    Examples
    --------
    >>> coerced("US", np.array([[512.0]])), coerced("LO", 4711.0), coerced("PN", {"FamilyName": "Yamada", "GivenName": "Tarou"})
    ([512], ['4711'], 'Yamada^Tarou')
    """
    if value is None:
        return None
    if vr in AMBIGUOUS:
        return _coerced_open(vr, value)
    row = VRS.get(vr)
    if row is None:
        raise EncodeError(f"{shorten(vr)} is not a VR; the VRs are {', '.join(VRS)}")
    if row.kind == "buffer":
        return _bytes_of(row, value)
    if row.kind == "name":
        return _names_of(row, value)
    values = _flat(row, value)
    if not isinstance(values, list):
        return values
    if not values:
        return None
    if row.kind in _TEXTS:
        texts = [_text_of(row, one) for one in values]
        return texts[0] if len(texts) == 1 and not row.multiple else texts
    if row.kind == "tag":
        return _tags_of(values)
    return [_number_of(row, one, len(values)) for one in values]


def _refusal(row: VR, value: Any, reason: str) -> EncodeError:
    return EncodeError(f"{row.code} {shorten(value)}: {reason}")


def _is_masked(value: Any) -> bool:
    return isinstance(value, np.ma.MaskedArray)


def _flat(row: VR, value: Any) -> Any:
    """The list of the single values of an array, list or number; text and what is of no number as it is."""
    if _is_masked(value):
        raise _refusal(row, value, "a masked array has items without a value; decide on one with .filled(value)")
    if isinstance(value, np.ndarray):
        if sum(length != 1 for length in value.shape) > 1 and value.size and row.kind != "tag":
            raise EncodeError(f"{row.code} takes one dimension, not the shape {value.shape}")
        if value.dtype == np.uint8 and value.ndim and value.size:
            # which is how bytes of UN are shown
            raise EncodeError(f"{row.code}: an array of uint8 may be bytes; give {_wanted(row)}, in an array of another dtype, "
                              "or the bytes as Typed('UN', array)")
        return value.ravel().tolist()
    if isinstance(value, np.generic):
        return [value.item()]
    if isinstance(value, (list, tuple)):
        return [one.item() if isinstance(one, np.generic) or (isinstance(one, np.ndarray) and one.size == 1) else one for one in value]
    if isinstance(value, str) and row.kind in ("signed", "unsigned", "float"):
        return value.split("\\") if value else []
    if isinstance(value, (int, float)):
        return [value]
    if isinstance(value, Mapping):
        raise _refusal(row, value, f"{row.code} takes {_wanted(row)}, not a struct")
    return value


def _wanted(row: VR) -> str:
    return "text" if row.kind in _TEXTS else "tags" if row.kind == "tag" else "numbers"


def _text_of(row: VR, value: Any) -> Any:
    """A number as text, where the text is surely the one that is meant."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or row.kind not in _FROM_NUMBERS:
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise _refusal(row, value, "no number that text could stand for")
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**63 else repr(value)


def _number_of(row: VR, value: Any, count: int) -> Any:
    if isinstance(value, str) and row.kind in ("signed", "unsigned", "float"):
        if len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value):
            raise _refusal(row, value, f"{row.code} takes numbers, not text")
        value = float(value) if row.kind == "float" or not value.strip().lstrip("+-").isdigit() else int(value)
    if not isinstance(value, float):
        return value
    if value != value and count > 1 and row.kind in ("decimal", "integer"):
        # how an empty one among several is shown
        return None
    return int(value) if row.kind in ("signed", "unsigned", "integer") and value.is_integer() else value


def _tags_of(values: list[Any]) -> list[Tag]:
    """Tags, or groups and elements one after the other, as they are shown; a number over 16 bits is a tag."""
    numbers = [int(one) if isinstance(one, float) and one.is_integer() else one for one in values]
    pairs = all(isinstance(one, int) and not isinstance(one, (bool, Tag)) and 0 <= one <= 0xFFFF for one in numbers)
    try:
        if not pairs:
            return [Tag(tuple(one) if isinstance(one, (list, np.ndarray)) else one) for one in numbers]
        if len(numbers) % 2:
            raise ValueError("a tag is a group and an element, or a number over 16 bits")
        return [Tag(*numbers[at:at + 2]) for at in range(0, len(numbers), 2)]
    except (ValueError, TypeError, OverflowError) as error:
        raise EncodeError(f"AT {shorten(values)}: {error}") from None


def _coerced_open(vr: str, value: Any) -> Any:
    """A value whose VR the surroundings will decide: bytes, words or numbers."""
    if vr == "OB/OW":
        return _bytes_of(VRS["OW"], value)
    if isinstance(value, (bytes, bytearray, memoryview, Fragments)):
        return value
    numbers = coerced("SL", value)
    if vr == "US/SS" or numbers is None or not isinstance(numbers, list):
        return numbers
    try:
        return np.array(numbers, "i2" if min(numbers) < 0 and vr != "US/OW" else "u2") if len(numbers) > 1 else numbers
    except (OverflowError, TypeError, ValueError):
        raise EncodeError(f"{vr} {shorten(numbers)}: takes numbers of 16 bits") from None


def _bytes_of(row: VR, value: Any) -> Any:
    """What a buffer VR takes, of bytes, of arrays and of lists of numbers."""
    if _is_masked(value):
        raise _refusal(row, value, "a masked array has items without a value; decide on one with .filled(value)")
    if isinstance(value, (list, tuple)) and not isinstance(value, Fragments):
        if value and all(isinstance(piece, (bytes, np.ndarray)) for piece in value):
            return _fragments_of(row, value)
        if not all(isinstance(one, (int, float, np.number)) for one in value):
            raise _refusal(row, value, f"{row.code} takes bytes or numbers")
        value = np.array(value) if value else None
    if isinstance(value, (int, float, np.number)):
        value = np.array([value])
    if not isinstance(value, np.ndarray):
        return None if isinstance(value, str) and not value else value
    return _units(row, np.ascontiguousarray(value)) if value.size else None


def _fragments_of(row: VR, pieces: Any) -> Fragments:
    """Encapsulated pixels as they are shown: the offset table, and the fragments."""
    parts = [_units(VRS["OB"], np.ascontiguousarray(piece)).tobytes() if isinstance(piece, np.ndarray) else piece for piece in pieces]
    return Fragments(tuple(parts[1:]), parts[0])


def _units(row: VR, array: Array) -> Array:
    """An array in the units of a VR, if it has the same numbers there; bytes go into any VR."""
    dtype = np.dtype(_BUFFER_DTYPES[row.code])
    if array.dtype.kind == "b":
        return array.astype("u1")
    if array.dtype.kind not in "iuf":
        raise _refusal(row, array.ravel()[:4].tolist(), f"{row.code} takes bytes or numbers, not an array of {array.dtype}")
    if array.dtype.itemsize == 1 or array.dtype == dtype:
        return array
    # words of a known size are meant as such: normalise decides whether the VR has them
    if array.dtype.kind in "iu" and array.dtype.itemsize < 8:
        return array
    if array.dtype.kind == "f" and dtype.kind == "f" and array.dtype.itemsize == 4:
        return array.astype(dtype)
    return _converted(row, array, dtype)


def _converted(row: VR, array: Array, dtype: Any) -> Array:
    with np.errstate(all="ignore"):
        made = array.astype(dtype)
        signed = made.view(dtype.str.replace("u", "i")) if dtype.kind == "u" and dtype.itemsize > 1 else made
    for one in (made, signed):
        if np.array_equal(one, array, equal_nan=dtype.kind == "f") and one.tolist() == array.tolist():
            return one
    worst = next((number for number, now in zip(array.ravel().tolist(), made.ravel().tolist(), strict=True) if number != now), None)
    raise _refusal(row, worst, f"the numbers of {array.dtype} do not all fit the {8 * dtype.itemsize} bits of {row.code}")


def _names_of(row: VR, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _name_of(row, value)
    if isinstance(value, np.ndarray):
        value = _flat(row, value)
    if isinstance(value, (list, tuple)):
        names = [_name_of(row, one) if isinstance(one, Mapping) else one for one in value]
        return names or None
    return value


def _name_of(row: VR, struct: Mapping[Any, Any]) -> str:
    """The text of a name (PS3.5 6.2.1): components with ^ between them, groups with =."""
    groups = [_group_of(row, struct, (*COMPONENTS, *_GROUPS))]
    for name in _GROUPS:
        group = struct.get(name) or {}
        groups.append(group if isinstance(group, str) else _group_of(row, group, COMPONENTS))
    if any("=" in group or "\\" in group for group in groups):
        raise _refusal(row, dict(struct), "= and \\ cannot be part of a name")
    return "=".join(groups).rstrip("=")


def _group_of(row: VR, struct: Any, names: tuple[str, ...]) -> str:
    if not isinstance(struct, Mapping):
        raise _refusal(row, struct, f"a group of a name is text or a struct of {', '.join(COMPONENTS)}")
    if strange := [name for name in struct if name not in names]:
        raise EncodeError(f"PN: a name has no field {shorten(strange[0])}; its fields are {', '.join(names)}")
    parts = []
    for name in COMPONENTS:
        part = struct.get(name)
        if part is None or (isinstance(part, (np.ndarray, list)) and not len(part)):
            part = ""
        if not isinstance(part, str) or "^" in part:
            raise EncodeError(f"PN: {name} is text without ^, not {shorten(part) if isinstance(part, str) else describe(part)}")
        parts.append(part)
    return "^".join(parts).rstrip("^")


def guessed_vr(value: Any) -> str:
    """The VR for a value of which nobody knows one: a private element's that no dictionary has. dcmenc's own decision.

    Examples
    --------
    >>> [guessed_vr(value) for value in ("text", 1.5, 7, -7, np.zeros(3, np.int16), b"bytes", {"Item_1": {}}, {"FamilyName": "A"})]
    ['LO', 'FD', 'UL', 'SL', 'SS', 'UN', 'SQ', 'PN']
    """
    if isinstance(value, Mapping):
        return "PN" if value and all(name in (*COMPONENTS, *_GROUPS) for name in value) else "SQ"
    if isinstance(value, (list, tuple)) and value:
        if isinstance(value[0], Mapping):
            return guessed_vr(value[0])
        kinds = {guessed_vr(one) if isinstance(one, (str, int, float, np.number)) else "UN" for one in value}
        return kinds.pop() if len(kinds) == 1 else "FD" if "FD" in kinds else "SL" if kinds == {"UL", "SL"} else "UN"
    if isinstance(value, str):
        return "LO" if not any(complaint(VRS["LO"], one) for one in value.split("\\") if one) else "UT"
    if isinstance(value, (np.ndarray, np.number)):
        return _DTYPE_VRS.get(f"{value.dtype.kind}{value.dtype.itemsize}", "UN")
    if isinstance(value, int) and not isinstance(value, bool):
        return "UL" if 0 <= value < 2**32 else "SL" if -(2**31) <= value < 0 else "UV" if value > 0 else "SV"
    return "FD" if isinstance(value, float) else "UN"


_DTYPE_VRS = {"u2": "US", "i2": "SS", "u4": "UL", "i4": "SL", "u8": "UV", "i8": "SV", "f4": "FL", "f8": "FD"}


def retyped(element: Element, vr: str, charset: CharacterSet) -> Element | None:
    """The element with another VR, and its value, or its bytes in UN, read as of that; None where it cannot be."""
    try:
        row = VRS[vr]
        if element.vr != "UN":
            value = coerced(vr, shown(element))
        elif element.value is None or row.kind == "buffer":
            value = element.value
        else:
            value = _of_bytes(row, bytes(element.value), charset)
        return Element(element.tag, vr, normalise(vr, value, None, DEFAULT_POLICY))
    except (EncodeError, ReadError, UnicodeDecodeError):
        return None


def _of_bytes(row: VR, data: bytes, charset: CharacterSet) -> Any:
    """What little endian bytes are in a VR of numbers or text."""
    if row.kind not in ("signed", "unsigned", "float", "tag"):
        text = charset.decode(data, row.code) if row.charset and charset.declared else data.decode("ascii")
        return text.rstrip(" \0")
    unit = 4 if row.kind == "tag" else row.unit
    if len(data) % unit:
        raise EncodeError(f"{len(data)} bytes are no whole number of {row.code}")
    if row.kind == "tag":
        return _tags_of(np.frombuffer(data, "<u2").tolist())
    return np.frombuffer(data, "<" + ARRAY_DTYPES[row.code]).tolist()
