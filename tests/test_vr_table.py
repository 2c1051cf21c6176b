"""34 VRs x hostile and boundary values x 3 encodings: written exactly, or refused by name; never changed silently (PS3.5 6.2)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from reference import ALL_VRS, NUMBERS, TEXTS, UNITS, walk
from strategies import ENCODING_NAMES, ENCODINGS

from dcmenc import Dataset, EncodeError, Fragments, Policy, Tag
from dcmenc._encode import encode_dataset
from dcmenc.vr import VRS

TAG = 0x00091001
LENGTHS = (0, 1, 2, 3, 4, 7, 8, 16, 17, 64, 65, 1024, 1025, 10240, 10241, 65533, 65534, 65535, 65536)


class Broken:
    """An object whose every conversion fails."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __index__ = __float__ = __int__ = __len__ = __iter__ = __bytes__ = __str__  # type: ignore[assignment]


class Bare:
    """An object that is nothing."""


# What each hostile value is called, and how it is made anew for each cell.
HOSTILE: dict[str, Callable[[], Any]] = {
    "empty text": lambda: "",
    "backslash": lambda: "A\\B",
    "only a backslash": lambda: "\\",
    "CR": lambda: "A\rB",
    "LF": lambda: "A\nB",
    "CRLF": lambda: "A\r\nB",
    "TAB": lambda: "A\tB",
    "FF": lambda: "A\fB",
    "NUL": lambda: "A\0B",
    "trailing NUL": lambda: "A\0",
    "ESC": lambda: "A\x1b(JB",
    "DEL": lambda: "A\x7fB",
    "C1": lambda: "A\x85B",
    "lone surrogate": lambda: "A\ud800B",
    "non-ASCII": lambda: "é",
    "astral": lambda: "😀",
    "full-width digits": lambda: "１２",
    "arabic digits": lambda: "٣",
    "space": lambda: " ",
    "spaces around": lambda: " A ",
    "DS of 17": lambda: "1.234567890123456",
    "DS of 16": lambda: "1.23456789012345",
    "underscore": lambda: "1_000",
    "exponent": lambda: "1E400",
    "infinity text": lambda: "inf",
    "NaN text": lambda: "NaN",
    "hex": lambda: "0x10",
    "plus": lambda: "+5",
    "two signs": lambda: "+-5",
    "IS 2^31": lambda: "2147483648",
    "IS -2^31": lambda: "-2147483648",
    "UID 65": lambda: "1." + "2" * 63,
    "UID leading zero": lambda: "1.02.3",
    "UID two dots": lambda: "1..2",
    "UID end dot": lambda: "1.2.",
    "UID": lambda: "1.2.0.3",
    "day 32": lambda: "20240132",
    "29 February": lambda: "20230229",
    "leap day": lambda: "20240229",
    "date dashes": lambda: "2024-01-02",
    "hour 24": lambda: "240000",
    "time colons": lambda: "10:11:12",
    "time": lambda: "101112.123456",
    "time 7 digits": lambda: "101112.1234567",
    "offset": lambda: "20240101101112+1500",
    "age": lambda: "018M",
    "bad age": lambda: "18 M",
    "six components": lambda: "a^b^c^d^e^f",
    "four groups": lambda: "a=b=c=d",
    "lower case": lambda: "abc",
    "uri": lambda: "http://a/b?c",
    "uri space": lambda: "http://a b",
    "zero": lambda: 0,
    "minus one": lambda: -1,
    "255": lambda: 255,
    "32768": lambda: 32768,
    "65536": lambda: 65536,
    "2^31": lambda: 2**31,
    "2^32": lambda: 2**32,
    "2^63": lambda: 2**63,
    "2^64": lambda: 2**64,
    "10^16": lambda: 10**16,
    "10^400": lambda: 10**400,
    "10^5000": lambda: 10**5000,
    "half": lambda: 0.5,
    "whole float": lambda: 3.0,
    "minus zero": lambda: -0.0,
    "third": lambda: 1 / 3,
    "1e300": lambda: 1e300,
    "NaN": lambda: math.nan,
    "inf": lambda: math.inf,
    "-inf": lambda: -math.inf,
    "True": lambda: True,
    "complex": lambda: 1 + 2j,
    "Decimal": lambda: Decimal("1.50"),
    "Decimal NaN": lambda: Decimal("NaN"),
    "Decimal 17": lambda: Decimal("1.234567890123456"),
    "Fraction": lambda: Fraction(1, 2),
    "np.bool": lambda: np.True_,
    "np.complex": lambda: np.complex128(1 + 2j),
    "np.int64": lambda: np.int64(7),
    "np.float32": lambda: np.float32(0.1),
    "np.str": lambda: np.str_("AB"),
    "array of text": lambda: np.array(["A", "B"]),
    "array 2-D": lambda: np.arange(4).reshape(2, 2),
    "array of bool": lambda: np.array([True, False]),
    "array of object": lambda: np.array([object(), 1], object),
    "datetime64": lambda: np.array(["2020"], "M8[s]"),
    "complex array": lambda: np.array([1j, 2]),
    "empty array": lambda: np.array([]),
    "strided array": lambda: np.arange(9, dtype="u2")[::2],
    "float16 array": lambda: np.array([0.5, 1], "f2"),
    "array in list": lambda: [np.array([1, 2]), 3],
    "list in list": lambda: [[1, 2], [3]],
    "huge longdouble": lambda: np.array([np.longdouble("1e4000"), 1], np.longdouble),
    "int array out of range": lambda: np.array([2**62, -(2**62)]),
    "dict": dict,
    "full dict": lambda: {"a": 1},
    "set": lambda: {1},
    "object": Bare,
    "type": lambda: int,
    "function": lambda: len,
    "broken": Broken,
    "list of broken": lambda: [Broken(), 1],
    "dataset": Dataset,
    "full dataset": lambda: Dataset(Rows=5),
    "list of dataset": lambda: [Dataset()],
    "list of None": lambda: [None, None],
    "empty list": list,
    "mixed list": lambda: ["A", 1, None],
    "fragments": lambda: Fragments((b"ab",)),
    "broken fragments": lambda: Fragments(5),  # type: ignore[arg-type]
    "fragments without table": lambda: Fragments((b"a",), None),  # type: ignore[arg-type]
    "bytes": lambda: b"AB",
    "odd bytes": lambda: b"ABC",
    "high bytes": lambda: b"\xff\xfe",
    "bytearray": lambda: bytearray(b"12"),
    "memoryview": lambda: memoryview(b"12"),
    "released view": lambda: released(),
    "big endian array": lambda: np.arange(3, dtype=">u2"),
    "date": lambda: date(2024, 2, 29),
    "time object": lambda: time(1, 2, 3, 4),
    "datetime": lambda: datetime(2024, 1, 2, 3, 4),
    "generator": lambda: (n for n in (1, 2)),
    "range": lambda: range(3),
    "ellipsis": lambda: ...,
    "tag": lambda: Tag(0x00100010),
    "pair": lambda: (0x10, 0x20),
    "keyword": lambda: "PatientID",
}


def released() -> memoryview:
    view = memoryview(b"abcd")
    view.release()
    return view


def sized(vr: str, length: int) -> Any:
    """A value that fills ``length`` bytes, or nearly, with nothing in it but its length that a VR may refuse."""
    if vr in UNITS:
        return bytes(length)
    if vr in NUMBERS or vr == "AT":
        return [1] * (length // (struct.calcsize(NUMBERS.get(vr, "I")))) or None
    if vr == "SQ":
        return [Dataset() for _ in range(length // 8)]
    return "1" * length


CELLS = [
    *((f"length {n}", lambda vr, n=n: sized(vr, n)) for n in LENGTHS),
    *((name, lambda vr, make=make: make()) for name, make in HOSTILE.items()),
]


def expected(vr: str, value: Any, big: bool, implicit: bool) -> set[bytes]:
    """Every byte string that says the same as ``value``; whatever else is written has changed it."""
    order, pad = "<>"[big], b"\0" if vr == "UI" or vr not in (*TEXTS, "DS", "IS") else b" "
    if vr in UNITS:
        array = value.astype(value.dtype.newbyteorder("<")) if isinstance(value, np.ndarray) else value
        data = b"" if value is None else array.tobytes() if isinstance(array, np.ndarray) else bytes(memoryview(array))
        unit = UNITS[vr] if big else 1
        data += b"\0" * (len(data) % 2)
        return {b"".join(data[at : at + unit][::-1] for at in range(0, len(data), unit))}
    several = spelled(vr, value)
    if vr in NUMBERS:
        return {b"".join(struct.pack(order + NUMBERS[vr], int(one) if vr not in ("FL", "FD") else one) for one in several)}
    if vr == "AT":
        return {b"".join(struct.pack(order + "HH", Tag(one) >> 16, Tag(one) & 0xFFFF) for one in several)}
    texts = {"\\".join(one if isinstance(one, str) else "" if one is None else number_text(vr, one) for one in several)}
    return {text.encode("utf-8") + pad * (len(text.encode("utf-8")) % 2) for text in texts}


def spelled(vr: str, value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value).decode("ascii")
    if value is None or (isinstance(value, (str, list)) and not value):
        return []
    if vr == "AT" and isinstance(value, tuple):
        return [value]
    several = list(value) if isinstance(value, (list, tuple, range)) else [value]
    return [moment_text(one) if isinstance(one, (date, time)) else one for one in several]


def moment_text(moment: date | time) -> str:
    return moment.strftime("%H%M%S.%f") if isinstance(moment, time) else "".join(c for c in moment.isoformat() if c not in "-:T")


def number_text(vr: str, number: Any) -> str:
    if isinstance(number, (int, np.integer)) or vr == "IS":
        return str(int(number))
    if isinstance(number, Decimal):
        return str(number)
    from test_decimal import reference as decimal_text

    return decimal_text(float(number))


def acceptable(vr: str, value: Any, kind: str) -> None:
    """Values that cannot mean anything in a VR must not come out as something."""
    text_or_bytes = isinstance(value, (bytes, bytearray, memoryview))
    assert kind not in ("np.bool", "True", "np.complex", "array of bool") or vr in UNITS, f"{kind} is no value of {vr}"
    assert not isinstance(value, (Dataset, Fragments)) or vr in UNITS, f"a {type(value).__name__} is no value of {vr}"
    assert not (text_or_bytes and (vr in NUMBERS or vr == "AT")), f"bytes are no numbers of {vr}"


def cell(vr: str, kind: str, make: Callable[[str], Any], implicit: bool, big: bool) -> bool:
    """Whether the value was written; it was refused by name if not. Anything else is an AssertionError."""
    value = make(vr)
    dataset = Dataset(SpecificCharacterSet="ISO_IR 192")
    dataset.add(0x00090010, "LO", "ACME")
    try:
        dataset.add(TAG, vr, value)
        data = b"".join(encode_dataset(dataset, implicit=implicit, big_endian=big))
    except EncodeError as error:
        said = vr in str(error) or vr == "SQ" or isinstance(value, Fragments)
        assert "(0009,1001)" in str(error) and said, f"{vr} {kind}: {error}"
        return False
    except RuntimeError as error:
        assert str(error) == "no text", f"{vr} {kind}: {error!r}"
        return False
    found = walk(data, implicit, big, {TAG} if vr == "SQ" else ())[-1]
    assert found.tag == TAG and found.vr in ("", vr, "UN"), found
    if vr == "SQ":
        assert len(found.value) == (0 if value is None else len(value))
        return True
    acceptable(vr, value, kind)
    again = make(vr) if kind != "generator" else [1, 2]
    assert found.value in expected(vr, again, big, implicit), f"{vr} {kind}: {found.value[:40]!r}"
    assert (found.vr == "UN") == (vr == "UN" or (VRS[vr].header == 8 and len(found.value) > 65534)) or implicit
    return True


@pytest.mark.parametrize("vr", ALL_VRS)
@pytest.mark.parametrize(("implicit", "big"), ENCODINGS, ids=ENCODING_NAMES)
@pytest.mark.filterwarnings("error")
def test_every_value_is_written_exactly_or_refused_with_tag_and_vr(vr: str, implicit: bool, big: bool) -> None:
    faults, written = [], 0
    for kind, make in CELLS:
        try:
            written += cell(vr, kind, make, implicit, big)
        except Exception as error:
            faults.append(f"{vr} {kind}: {type(error).__name__}: {str(error)[:120]}")
    assert not faults, "\n".join(faults)
    assert 0 < written < len(CELLS)


def test_the_table_has_more_than_fourteen_thousand_cells() -> None:
    assert len(ALL_VRS) == 34 == len(VRS)
    assert len(CELLS) * len(ALL_VRS) * len(ENCODINGS) > 14_000


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("LO", "A\nB"),
        ("CS", "abc"),
        ("DA", "2024-01-02"),
        ("UI", "1.02.3"),
        ("DS", "abc"),
        ("IS", "5.5"),
        ("SH", "x" * 17),
        ("TM", "25"),
        ("AS", "18"),
        ("UR", "a b"),
        ("PN", "a=b=c=d"),
        ("DS", "NaN"),
    ],
)
@pytest.mark.parametrize(("implicit", "big"), ENCODINGS, ids=ENCODING_NAMES)
def test_with_the_lenient_policy_text_passes_as_it_is(vr: str, text: str, implicit: bool, big: bool) -> None:
    dataset = Dataset(policy=Policy(nonconforming="write"))
    dataset.add(TAG, vr, text)
    pad = b"\0" if vr == "UI" else b" "
    data = b"".join(encode_dataset(dataset, implicit=implicit, big_endian=big))
    assert walk(data, implicit, big)[-1].value == text.encode() + pad * (len(text) % 2)
