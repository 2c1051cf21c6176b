"""What a value may be: the rules of every VR, and how Python's values become the closed set that the encoder takes.

A value is normalised once, when it is set. The compiled quick path (``_quick.pyx``) lets the ordinary values pass;
whatever it is not sure of comes here, where every rule of PS3.5 6.2 is decided and explained. Nothing here knows
about datasets, bytes or files.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from operator import index
from typing import Any, Literal, NamedTuple, Self

from ._decimal import format_ds, round_ds
from .dictionary import VM, Tag
from .errors import EncodeError
from .rules import TEXT_KINDS, complaint
from .vr import AMBIGUOUS, VR, VRS

# How deep datasets may nest, in everything that walks them.
MAX_DEPTH = 128


class Element(NamedTuple):
    """One data element, immutable. Those that a dataset gives have passed the rules; one that is made by hand has not, yet."""

    tag: Tag
    vr: str
    value: Any


class Fragments(NamedTuple):
    """Encapsulated Pixel Data (PS3.5 A.4): the fragments as they stand, and the content of the Basic Offset Table.

    >>> Fragments((b"\\xff\\xd8\\xff\\xd9",)).table
    b''
    """

    fragments: tuple[Any, ...]
    table: bytes = b""


class _PolicyFields(NamedTuple):
    nonconforming: Literal["error", "write"] = "error"
    unencodable: Literal["error", "replace"] = "error"
    long_value: Literal["un", "error"] = "un"
    inexact_ds: Literal["round", "error"] = "round"


class Policy(_PolicyFields):
    """What is done with values that the standard does not allow. The default refuses, and loses nothing.

    Parameters
    ----------
    nonconforming : {"error", "write"}
        A value that breaks a rule of its VR, VM or private block; "write" lets it pass as it is.
    unencodable : {"error", "replace"}
        Text outside the declared character sets; "replace" writes ``?``.
    long_value : {"un", "error"}
        A value over 65,534 bytes in a VR with a 16-bit length: written as UN (PS3.5 6.2.2), or refused.
    inexact_ds : {"round", "error"}
        A binary float with no exact decimal of 16 characters: the nearest one, or refused.

    Examples
    --------
    >>> Policy(unencodable="replace").nonconforming
    'error'
    >>> Policy(long_value="cut")
    Traceback (most recent call last):
        ...
    ValueError: Policy.long_value is 'un' or 'error', not 'cut'
    """

    # no dataclass: the module of that name takes longer to import than everything else that a dataset needs
    __slots__ = ()

    def __new__(cls, *values: Any, **fields: Any) -> Self:
        made = super().__new__(cls, *values, **fields)
        choices = {"nonconforming": ("error", "write"), "unencodable": ("error", "replace"),
                   "long_value": ("un", "error"), "inexact_ds": ("round", "error")}
        for name, allowed in choices.items():
            if (chosen := getattr(made, name)) not in allowed:
                raise ValueError(f"Policy.{name} is {allowed[0]!r} or {allowed[1]!r}, not {chosen!r}")
        return made


def check_policy(policy: Any) -> None:
    """Refuse what is no Policy before it is asked for anything."""
    if not isinstance(policy, Policy):
        raise TypeError(f"a policy is a dcmenc.Policy, for instance Policy(nonconforming='write'), not {type(policy).__name__}")


def describe(value: Any) -> str:
    """What a thing is, for an error message; pydicom's datasets come with the way over."""
    kind = type(value)
    if any(str(base.__module__).split(".")[0] == "pydicom" for base in kind.__mro__):
        return f"pydicom's {kind.__name__}; convert it by dcmenc.from_pydicom"
    return kind.__name__


DEFAULT_POLICY = Policy()
LENIENT = Policy(nonconforming="write")


class _KeptText:
    """A number that remembers the text that it was set from."""

    __slots__ = ()
    _text: str

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)  # type: ignore[call-arg]
        self._text = text  # type: ignore[misc]
        return self

    @property
    def text(self) -> str:
        """The text as it was set."""
        return self._text

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._text,)


class DS(_KeptText, float):
    """A decimal string that was set as text: a float that is written back as it was (PS3.5 6.2).

    >>> DS("1.50"), DS("1.50").text
    (1.5, '1.50')
    """

    __slots__ = ("_text",)


class IS(_KeptText, int):
    """An integer string that was set as text: an int that is written back as it was (PS3.5 6.2).

    >>> IS("+007"), IS("+007").text
    (7, '+007')
    """


def shorten(value: object, room: int = 60) -> str:
    """``repr(value)``, cut where it would fill the screen."""
    try:
        text = repr(value[:room] if isinstance(value, (str, bytes)) else value)
    except ValueError:
        # Python refuses to spell integers of thousands of digits
        return f"<{type(value).__name__}>"
    if isinstance(value, (str, bytes)):
        return text + "..." if len(value) > room else text
    return text if len(text) <= room + 2 else text[:room] + "..."


def _refuse(row: VR | None, value: object, reason: str) -> EncodeError:
    return EncodeError(f"{row.code if row else 'VR'} {shorten(value)}: {reason}")


def _conform(row: VR, value: object, broken: str | None, policy: Policy) -> None:
    if broken and policy.nonconforming == "error":
        raise _refuse(row, value, broken)


_EXAMPLES = {"age": ", as in '045Y'", "date": ", as in '20241231', or a date", "time": ", as in '235959.5', or a time"}


def _as_text(row: VR, value: Any) -> str:
    """The exact ``str`` of one value, or an error: no number, byte string or container becomes text silently."""
    if isinstance(value, str):
        text = str.__str__(value) if type(value) is not str else value
    elif isinstance(value, (bytes, bytearray)):
        try:
            text = bytes(value).decode("ascii")
        except UnicodeDecodeError:
            raise _refuse(row, value, "bytes are taken as text only when they are ASCII; decode them first") from None
    elif row.kind in ("date", "time", "datetime") and (moment := _moment(row, value)) is not None:
        text = moment
    elif row.kind == "name" and hasattr(value, "components"):
        text = str(value)
    else:
        number = isinstance(value, (int, float)) and row.kind in ("text", "block", "name")
        hint = f"; give '{shorten(value)}'" if number else _EXAMPLES.get(row.kind, "")
        raise _refuse(row, value, f"{row.code} takes text, not {type(value).__name__}{hint}")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _refuse(row, value, "lone surrogates are not text")
    if row.multiple and "\\" in text:
        raise _refuse(row, value, "a backslash separates values and cannot be part of one")
    return text


def _moment(row: VR, value: Any) -> str | None:
    """Text of a date, time or datetime object, None for anything else (PS3.5 6.2 DA, TM, DT)."""
    datetime = sys.modules.get("datetime")
    if datetime is None:
        return None
    if isinstance(value, datetime.datetime):
        if row.kind != "datetime":
            raise _refuse(row, value, "a datetime is more than this VR holds; give its .date() or .time()")
        return _day(value) + _clock(value) + _offset(row, value)
    if isinstance(value, datetime.date):
        return _day(value) if row.kind != "time" else None
    if isinstance(value, datetime.time) and row.kind == "time":
        if value.tzinfo is not None:
            raise _refuse(row, value, "TM holds no time zone; use TimezoneOffsetFromUTC")
        return _clock(value)
    return None


def _day(value: Any) -> str:
    return f"{value.year:04}{value.month:02}{value.day:02}"


def _clock(value: Any) -> str:
    fraction = f".{value.microsecond:06}" if value.microsecond else ""
    return f"{value.hour:02}{value.minute:02}{value.second:02}{fraction}"


def _offset(row: VR, value: Any) -> str:
    shift = value.utcoffset()
    if shift is None:
        return ""
    minutes, rest = divmod(round(shift.total_seconds()), 60)
    if rest:
        raise _refuse(row, value, "an offset from UTC is written in whole minutes")
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def _one_text(row: VR, value: Any, policy: Policy) -> str:
    text = _as_text(row, value)
    _conform(row, value, complaint(row, text) if text else None, policy)
    return text


def _number_text(row: VR, text: str, policy: Policy) -> Any:
    """A DS or IS that keeps the text; text that is no number only under a policy that lets it pass."""
    _conform(row, text, complaint(row, text), policy)
    if not text.strip(" "):
        return text or None
    try:
        return DS(text) if row.kind == "decimal" else IS(text)
    except ValueError:
        return text


def _one_decimal(row: VR, value: Any, policy: Policy) -> Any:
    if isinstance(value, (str, bytes, bytearray)):
        return _number_text(row, _as_text(row, value), policy)
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return _number_text(row, str(value), policy)
    if isinstance(value, DS):
        return _number_text(row, value.text, policy)
    if (whole := _index(value)) is not None:
        if not -(10**15) < whole < 10**16:
            raise _refuse(row, value, "the integer has more than 16 characters; give a float to have it rounded")
        return whole
    number = _real(row, value)
    if not math.isfinite(number):
        raise _refuse(row, value, "a decimal string is a finite number")
    rounded = round_ds(number)
    if rounded != number and policy.inexact_ds == "error":
        raise _refuse(row, value, f"16 characters do not hold it exactly ({format_ds(number)} is nearest)")
    return rounded


def _one_integer_string(row: VR, value: Any, policy: Policy) -> Any:
    if isinstance(value, (str, bytes, bytearray)):
        return _number_text(row, _as_text(row, value), policy)
    if isinstance(value, IS):
        return _number_text(row, value.text, policy)
    number = _whole(row, value)
    if not -(2**31) <= number < 2**31:
        _conform(row, value, "an integer string lies from -2147483648 to 2147483647", policy)
    if abs(number) >= 2**63:
        raise _refuse(row, value, "give an integer beyond 64 bits as text")
    return number


def _index(value: Any) -> int | None:
    """A whole number of any integer type; truth values are none."""
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "i") == "b":
        return None
    try:
        return index(value)
    except TypeError:
        return None


def _real(row: VR, value: Any) -> float:
    """The float of any real number type."""
    kind, axes = getattr(getattr(value, "dtype", None), "kind", "f"), getattr(value, "ndim", 0)
    if isinstance(value, (str, bytes, bytearray, bool, complex, type)) or kind not in "iuf" or axes or not hasattr(value, "__float__"):
        raise _refuse(row, value, f"{row.code} takes a number, not {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise _refuse(row, value, "does not fit a 64-bit float") from None
    except (TypeError, ValueError) as error:
        raise _refuse(row, value, str(error)) from None


def _whole(row: VR, value: Any) -> int:
    if (whole := _index(value)) is not None:
        return whole
    if isinstance(value, bool):
        raise _refuse(row, value, "a truth value is not a number; give 0 or 1")
    number = _real(row, value)
    if not number.is_integer():
        raise _refuse(row, value, f"{row.code} takes a whole number")
    return int(number)


def _one_binary(row: VR, value: Any, policy: Policy) -> int:
    number = _whole(row, value)
    bits = 8 * row.unit
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if row.kind == "signed" else (0, (1 << bits) - 1)
    if not low <= number <= high:
        raise _refuse(row, value, f"does not fit {bits}-bit {row.kind}")
    return number


def _one_float(row: VR, value: Any, policy: Policy) -> float:
    number = _real(row, value)
    if row.unit == 8 and (whole := _index(value)) is not None and int(number) != whole:
        raise _refuse(row, value, "the integer does not fit a 64-bit float exactly; give a float to have it rounded")
    try:
        return _nearest_single(number) if row.unit == 4 else number
    except OverflowError:
        raise _refuse(row, value, "does not fit a 32-bit float") from None


def _nearest_single(number: float) -> float:
    import struct

    single: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return single


def _one_tag(row: VR, value: Any, policy: Policy) -> Tag:
    try:
        if isinstance(value, bool):
            raise TypeError("a truth value is no tag")
        return Tag(value)
    except (ValueError, TypeError) as error:
        raise _refuse(row, value, str(error)) from None


_ONE: dict[str, Callable[[VR, Any, Policy], Any]] = {
    **dict.fromkeys(TEXT_KINDS, _one_text),
    "decimal": _one_decimal, "integer": _one_integer_string, "signed": _one_binary, "unsigned": _one_binary,
    "float": _one_float, "tag": _one_tag,
}


def normalise(vr: str, value: Any, vm: VM | None = None, policy: Policy | None = None) -> Any:
    """The value as the model keeps it (the closed set of the architecture), or an error that names the broken rule.

    Sequences are the model's business and do not come here.

    >>> normalise("CS", "ORIGINAL\\\\PRIMARY")
    ('ORIGINAL', 'PRIMARY')
    >>> normalise("US", 70000)
    Traceback (most recent call last):
        ...
    dcmenc.errors.EncodeError: US 70000: does not fit 16-bit unsigned
    """
    policy = policy or DEFAULT_POLICY
    if value is None:
        return None
    if vr in AMBIGUOUS:
        return _normalise_ambiguous(vr, value, vm, policy)
    try:
        row = VRS[vr]
    except (KeyError, TypeError):
        raise EncodeError(f"{vr!r} is not a VR; the VRs are {', '.join(VRS)}") from None
    if row.kind == "buffer":
        return _normalise_buffer(row, value)
    if row.kind == "sequence":
        raise _refuse(row, value, "a sequence takes datasets, in a list")
    values = _split(row, value)
    if not isinstance(values, list):
        return _keep_array(row, values, vm, policy)
    one = _ONE[row.kind]
    found = [one(row, item, policy) if item is not None or row.unit > 1 else _absent(row) for item in values]
    if len(found) == 1 and found[0] in (None, ""):
        return None
    _check_count(row, value, vm, len(found), policy)
    if not found:
        return None
    return found[0] if len(found) == 1 else tuple(found)


def _absent(row: VR) -> str | None:
    """An empty value among several: legal in text, where nothing stands between two backslashes."""
    return None if row.kind in ("decimal", "integer") else ""


def _check_count(row: VR, value: object, vm: VM | None, count: int, policy: Policy) -> None:
    if count and vm is not None and not vm.allows(count):
        hint = "; a backslash separates values" if isinstance(value, str) else ""
        _conform(row, value, f"{count} value{'s' if count > 1 else ''}, where the dictionary's VM is {vm}{hint}", policy)


def _split(row: VR, value: Any) -> Any:
    """A list of single values, or a one-dimensional numeric array."""
    if isinstance(value, str):
        if not value:
            return []
        return str.split(value, "\\") if row.multiple else [value]
    if isinstance(value, memoryview):
        value = _viewed(row, value)
    if isinstance(value, (bytes, bytearray)):
        if row.unit > 1:
            raise _refuse(row, value, f"{row.code} takes numbers, not bytes")
        return _split(row, _as_text(row._replace(multiple=False), value))
    if row.kind == "tag" and isinstance(value, tuple) and len(value) == 2 and all(_is_half(half) for half in value):
        return [value]
    if (array := _numpy_array(value)) is not None:
        return _split_array(row, array)
    if isinstance(value, (set, frozenset, Fragments)) or hasattr(value, "keys"):
        raise _refuse(row, value, f"{row.code} takes one value or a list, not {type(value).__name__}")
    if isinstance(value, Iterable) and not (row.kind == "name" and hasattr(value, "components")):
        if not row.multiple:
            raise _refuse(row, value, f"{row.code} holds one value, not a list")
        return list(value)
    return [value]


def _is_half(number: Any) -> bool:
    """Whether a number is a group or an element, and no tag by itself."""
    whole = None if isinstance(number, Tag) else _index(number)
    return whole is not None and 0 <= whole <= 0xFFFF


def _viewed(row: VR, view: memoryview) -> Any:
    """The content of a memory view: bytes, or the list of its numbers."""
    try:
        return view.tobytes() if view.itemsize == 1 else view.tolist()
    except (ValueError, NotImplementedError) as error:  # released, or of a format that memoryview does not implement
        raise _refuse(row, view, str(error)) from None


def _numpy_array(value: Any) -> Any:
    """The value if it is a NumPy array; one with a mask has values that nobody knows."""
    numpy, masked = sys.modules.get("numpy"), sys.modules.get("numpy.ma")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return None
    if masked is not None and isinstance(value, masked.MaskedArray):
        raise EncodeError("a masked array has items without a value; decide on one with .filled(value)")
    return value


def _split_array(row: VR, array: Any) -> Any:
    if array.ndim == 0:
        return [array.item()]
    if array.ndim > 1:
        raise _refuse(row, array, f"{row.code} takes one dimension, not the shape {array.shape}; use .ravel()")
    if array.size < 2 or array.dtype.kind not in "iuf" or (row.unit == 1 and row.kind not in ("decimal", "integer")):
        return array.tolist()
    return array


# The dtype in which the walk reads an array of each VR.
ARRAY_DTYPES = {"DS": "f8", "IS": "i4", "US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "UV": "u8", "SV": "i8",
                "FL": "f4", "FD": "f8", "AT": "u4"}


def _keep_array(row: VR, array: Any, vm: VM | None, policy: Policy) -> Any:
    """A read-only copy in the VR's own dtype."""
    import numpy as np

    _check_count(row, array, vm, array.size, policy)
    dtype = np.dtype(ARRAY_DTYPES[row.code])
    if dtype.kind in "iu":
        if array.dtype.kind == "f":
            raise _refuse(row, array, f"{row.code} takes whole numbers; round the array yourself")
        limits = np.iinfo(dtype)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            worst = int(array.min()) if int(array.min()) < limits.min else int(array.max())
            raise _refuse(row, worst, f"does not fit {8 * dtype.itemsize}-bit {'signed' if dtype.kind == 'i' else 'unsigned'}")
    elif array.dtype.kind in "iu":
        low, high = -(10**15) if row.code == "DS" else -(2**53) - 1, 2**53 + 1
        if not low < int(array.min()) or not int(array.max()) < high:
            raise _refuse(row, array, f"the integers lie beyond what {row.code} holds exactly; give floats to have them rounded")
    elif array.dtype.itemsize > 8:
        raise _refuse(row, array, f"{array.dtype} holds more digits than any VR; use .astype('f8')")
    with np.errstate(over="ignore"):
        kept = np.array(array, dtype=dtype, order="C")
    if dtype.kind == "f" and not np.array_equal(np.isfinite(kept), np.isfinite(array)):
        raise _refuse(row, array, f"does not fit a {8 * dtype.itemsize}-bit float")
    if row.code == "DS":
        _round_array(row, kept, policy)
    kept.flags.writeable = False
    return kept


def is_settled(value: Any) -> bool:
    """Whether a value is an array of numbers that nobody can change any more."""
    return _numpy_array(value) is not None and value.ndim == 1 and not value.flags.writeable and value.flags.owndata


def settle(value: Any) -> Any:
    """Make an array of numbers read-only again, which pickle forgets."""
    if _numpy_array(value) is not None:
        value.flags.writeable = False
    return value


def _round_array(row: VR, array: Any, policy: Policy) -> None:
    from ._decimal import round_array

    try:
        changed = round_array(array)
    except ValueError as error:
        raise _refuse(row, array, str(error)) from None
    if changed and policy.inexact_ds == "error":
        raise _refuse(row, array, f"16 characters do not hold {changed} of the values exactly")


# Items that a buffer VR takes beside single bytes: format characters of the buffer protocol, and their sizes. OW has the
# samples of pixels, which may be of 32 bits.
_ITEMS = {"OB": ("", ()), "UN": ("", ()), "OW": ("hHiIlL", (2, 4)), "OL": ("iIlL", (4,)), "OV": ("lLqQ", (8,)),
          "OF": ("f", (4,)), "OD": ("d", (8,))}


def _normalise_buffer(row: VR, value: Any, words: bool = False) -> Any:
    """Bytes, or an array whose items are what the VR holds; with ``words``, of 16 bits only."""
    if isinstance(value, Fragments):
        return check_fragments(row, value)
    if isinstance(value, str):
        raise _refuse(row, value, f"{row.code} takes bytes or an array, not text")
    array = _numpy_array(value)
    try:
        view = memoryview(value)
    except (TypeError, ValueError, BufferError):
        raise _refuse(row, value, f"{row.code} takes bytes or an array of numbers, not {type(value).__name__}") from None
    if not view.nbytes:
        return None
    if not view.c_contiguous:
        raise _refuse(row, value, "the buffer is not C-contiguous; use numpy.ascontiguousarray")
    code = view.format[-1]
    if view.itemsize > 1:
        kinds, sizes = _ITEMS[row.code] if not words else ("hH", (2,))
        if code not in kinds or view.itemsize not in sizes:
            wanted = f"items of {' or '.join(map(str, sizes))} bytes" if sizes else "bytes"
            raise _refuse(row, value, f"{row.code} takes {wanted}, not items of format {view.format!r}; "
                                      "convert the array, or use .view() or .tobytes() if you mean its bytes")
        if _foreign_order(view.format):
            if array is None:
                raise _refuse(row, value, "the buffer holds big endian items; give little endian ones")
            return array.astype(array.dtype.newbyteorder("<"))
    return value


def _foreign_order(code: str) -> bool:
    """Whether items of this format are not little endian."""
    return code[0] in ">!" or (sys.byteorder == "big" and code[0] not in "<")


def check_fragments(row: VR, value: Fragments) -> Fragments:
    """Fragments with their containers made tuples and every fragment proved to be a buffer of bytes."""
    if not isinstance(value.fragments, (tuple, list)):
        raise _refuse(row, value.fragments, "fragments are a tuple of buffers")
    for at, fragment in enumerate(value.fragments):
        if not _view_of(fragment).c_contiguous:
            raise _refuse(row, fragment, f"fragment {at} is not a C-contiguous buffer")
    table = _view_of(value.table)
    if not table.c_contiguous or table.nbytes % 4:
        raise _refuse(row, value.table, "a Basic Offset Table is the bytes of 32-bit offsets")
    return Fragments(tuple(value.fragments), bytes(table))


def _view_of(value: Any) -> memoryview:
    """A view of a buffer; for what is none, one that is not contiguous either."""
    try:
        return memoryview(value)
    except (TypeError, ValueError, BufferError):
        return memoryview(b"none")[::2]


def _normalise_ambiguous(vr: str, value: Any, vm: VM | None, policy: Policy) -> Any:
    """What any of the alternatives takes; the walk decides which one it is, and checks again."""
    codes = AMBIGUOUS[vr]
    raw = isinstance(value, (bytes, bytearray, memoryview, Fragments)) or _numpy_array(value) is not None
    if codes[0] == "OB" or ("OW" in codes and raw):
        return _normalise_buffer(VRS["OW"], value, words=codes[0] != "OB")
    numbers = normalise("SL", value, vm, policy)
    if _numpy_array(numbers) is not None:
        numbers = tuple(numbers.tolist())
    low = -(2**15) if "SS" in codes else 0
    for number in numbers if isinstance(numbers, tuple) else (numbers,):
        if number is not None and not low <= number < 2**16:
            raise EncodeError(f"{vr} {number}: does not fit 16 bits")
    return numbers
