"""What a value of each VR may be (PS3.5 6.2), said as rows; and the compiled quick path held against the rules."""

from __future__ import annotations

import math
import pickle
import struct
from array import array
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import ALPHABETS, NUMBERS, SIMPLE_VRS, UNITS, values

from dcmenc import Dataset, EncodeError, Fragments, Policy, Tag
from dcmenc._store import make_element
from dcmenc.dictionary import VM
from dcmenc.values import DS, IS, check_fragments, normalise
from dcmenc.vr import AMBIGUOUS, VRS

LENIENT = Policy(nonconforming="write")

# VR, texts that are legal, texts that are not
RULES: list[tuple[str, list[str], list[str]]] = [
    ("AE", ["A", "STORE SCP", "x" * 16], ["x" * 17, "A\nB", "é", "A\x7f"]),
    ("AS", ["018M", "000D", "999Y", "052W"], ["18M", "018m", "018", "0018M", "018X", " 18M"]),
    ("CS", ["ORIGINAL", "A_B 9", "X" * 16], ["original", "A-B", "X" * 17, "É", "A.B"]),
    (
        "DA",
        ["20240229", "00010101", "99991231", "20000229"],
        ["20230229", "19000229", "20240431", "20241301", "20240100", "2024", "2024010", "2024.01.02", "20240101 "],
    ),
    (
        "DS",
        ["0", "-1.5", "+.5", "5.", "1E-3", " 1 ", "1e+10", "0" * 16],
        ["abc", "1,5", "0" * 17, "1e", ".", "--1", "1 2", "nan", "inf", "1_0", "0x1", "1E400"],
    ),
    (
        "DT",
        [
            "2024",
            "202402",
            "20240229",
            "2024022910",
            "202402291011",
            "20240229101112",
            "20240229101112.1",
            "20240229101112.123456+0100",
            "2024-1200",
            "2024+1400",
            "20161231235960",
        ],
        [
            "24",
            "20241",
            "20240230",
            "2024022924",
            "20240229106",
            "20240229101112.",
            "20240229101112.1234567",
            "2024+1500",
            "2024+0160",
            "2024-1300",
            "2024+01",
            "2024+0100+0100",
        ],
    ),
    (
        "IS",
        ["0", "-5", "+5", " 7 ", "2147483647", "-2147483648", "000000000001"],
        ["2147483648", "-2147483649", "5.0", "1e3", "0000000000001", "abc", "1_0", "+ 5", ""[:0] + "--5"],
    ),
    ("LO", ["a b", "x" * 64, "é山"], ["x" * 65, "a\nb", "a\tb", "\x1b", "a\x85"]),
    ("LT", ["a\\b", "a\r\n\f\tb", "x" * 10240], ["x" * 10241, "a\0b", "\x1b", "\x0b"]),
    (
        "PN",
        ["a", "a^b^c^d^e", "a=b=c", "^^^^", "=", "x" * 64, "=".join(["x" * 64] * 3), "山田^太郎"],
        ["a^b^c^d^e^f", "a=b=c=d", "x" * 65, "a\nb"],
    ),
    ("SH", ["x" * 16], ["x" * 17, "a\rb"]),
    ("ST", ["a\\b\r\n", "x" * 1024], ["x" * 1025, "\0"]),
    (
        "TM",
        ["10", "1011", "101112", "101112.1", "101112.123456", "235960", "000000 "],
        ["1", "101", "24", "1060", "101161", "101112.", "101112.1234567", "10.5", "10:11", " 10"],
    ),
    ("UC", ["x" * 5000, "é"], ["a\nb"]),
    (
        "UI",
        ["1", "1.2.840.10008.1.2", "0.0", "1." + "2" * 62],
        ["1.", ".1", "1..2", "1.02", "00", "1.a", "1 .2", "1.2\0", "1." + "2" * 63, "1.2 "],
    ),
    ("UR", ["http://a/b?c=d#e", "urn:x", "a  "], [" http://a", "a b", "a\\b", "a<b", "é", "a\nb"]),
    ("UT", ["a\\b\r\n\f\t", "x" * 20000], ["\0", "\x1b"]),
]


@pytest.mark.parametrize(("vr", "text"), [(vr, text) for vr, good, _ in RULES for text in good], ids=lambda v: str(v)[:20])
def test_legal_text_is_taken_as_it_is(vr: str, text: str) -> None:
    found = normalise(vr, text)
    assert getattr(found, "text", found) == text


@pytest.mark.parametrize(("vr", "text"), [(vr, text) for vr, _, bad in RULES for text in bad], ids=lambda v: repr(str(v)[:20]))
def test_illegal_text_is_refused_and_passes_with_the_lenient_policy(vr: str, text: str) -> None:
    with pytest.raises(EncodeError, match=f"^{vr} "):
        normalise(vr, text)
    found = normalise(vr, text, policy=LENIENT)
    assert getattr(found, "text", "\\".join(found) if isinstance(found, tuple) else found) == text


@pytest.mark.parametrize(
    ("vr", "low", "high"),
    [
        ("US", 0, 2**16 - 1),
        ("SS", -(2**15), 2**15 - 1),
        ("UL", 0, 2**32 - 1),
        ("SL", -(2**31), 2**31 - 1),
        ("UV", 0, 2**64 - 1),
        ("SV", -(2**63), 2**63 - 1),
        ("IS", -(2**31), 2**31 - 1),
    ],
)
def test_whole_numbers_keep_to_the_range_of_their_vr(vr: str, low: int, high: int) -> None:
    for make in (int, lambda n: [n, n], lambda n: np.array([n, n], object)):
        assert normalise(vr, make(low)) in (low, (low, low)) and normalise(vr, make(high)) in (high, (high, high))
        for outside in (low - 1, high + 1):
            with pytest.raises(EncodeError, match=vr):
                normalise(vr, make(outside))
            if vr != "IS":  # text can say it, so that the lenient policy lets it pass
                with pytest.raises(EncodeError, match=vr):
                    normalise(vr, make(outside), policy=LENIENT)


@pytest.mark.parametrize("vr", ["US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "IS", "DS"])
@pytest.mark.parametrize(
    "value",
    [
        True,
        1j,
        b"\1\0",
        memoryview(b"12"),
        {},
        {1},
        object(),
        int,
        [[1]],
        np.True_,
        np.complex128(1 + 1j),
        [np.array([1, 2])],
        np.array([True, False]),
        np.array(["a", "b"]),
        np.array([1j, 2]),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_number_is_refused_as_one(vr: str, value: Any) -> None:
    if vr in ("IS", "DS") and isinstance(value, (bytes, memoryview)):
        value = b"\1"
    with pytest.raises(EncodeError, match=f"^{vr} "):
        normalise(vr, value)


@pytest.mark.parametrize("vr", ["US", "IS", "SL"])
def test_a_fraction_is_no_whole_number_and_a_whole_float_is_one(vr: str) -> None:
    assert normalise(vr, 3.0) == 3 and type(normalise(vr, 3.0)) is int
    assert normalise(vr, Decimal("3")) == 3
    for bad in (3.5, math.nan, math.inf, np.array([1.5, 2.0])):
        with pytest.raises(EncodeError, match=vr):
            normalise(vr, bad)


def test_a_single_is_rounded_and_one_beyond_its_range_refused() -> None:
    assert normalise("FL", 0.1) == struct.unpack("f", struct.pack("f", 0.1))[0]
    assert Dataset(RecommendedDisplayFrameRateInFloat=0.1).RecommendedDisplayFrameRateInFloat == normalise("FL", 0.1)
    assert normalise("FL", math.inf) == math.inf and math.isnan(normalise("FL", math.nan))
    for vr, beyond in (
        ("FL", 3.5e38),
        ("FL", 10**40),
        ("FD", 10**400),
        ("FL", np.array([1e39, 0])),
    ):
        with pytest.raises(EncodeError, match=f"^{vr} .*does not fit"):
            normalise(vr, beyond)
    with pytest.raises(EncodeError, match="more digits than any VR"):
        normalise("FD", np.array([np.longdouble("1e4000"), 1]))


# --------------------------------------------------------------------- decimal and integer strings


def test_a_decimal_or_integer_string_keeps_its_text() -> None:
    spacing = normalise("DS", "1.50\\+2 ")
    assert spacing == (1.5, 2.0) and [one.text for one in spacing] == ["1.50", "+2 "]
    number = normalise("IS", "+007")
    assert (number, number.text) == (7, "+007")
    assert normalise("DS", spacing) == spacing and normalise("DS", spacing)[0].text == "1.50"
    assert normalise("IS", number).text == "+007"
    assert normalise("DS", Decimal("1.50")).text == "1.50"
    for one in (*spacing, number):
        again = pickle.loads(pickle.dumps(one))
        assert (type(again), again, again.text) == (type(one), one, one.text)


@pytest.mark.parametrize(
    ("vr", "number"), [("DS", "1_0"), ("DS", "nan"), ("DS", "inf"), ("DS", "1.23456789012345678"), ("IS", "99999999999"), ("IS", "1_0")]
)
def test_text_that_was_kept_under_the_lenient_policy_is_checked_again_under_the_strict_one(vr: str, number: str) -> None:
    kept = (DS if vr == "DS" else IS)(number)
    with pytest.raises(EncodeError, match=f"^{vr} "):
        normalise(vr, kept)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, Decimal("NaN"), np.float64("inf"), np.array([1, math.nan])])
def test_a_decimal_string_is_finite(value: Any) -> None:
    with pytest.raises(EncodeError, match=r"^DS "):
        normalise("DS", value)


def test_a_float_becomes_the_nearest_decimal_of_16_characters_or_is_refused_on_request() -> None:
    exact = Policy(inexact_ds="error")
    assert normalise("DS", 1 / 3) == 0.33333333333333 == normalise("DS", np.array([1 / 3, 1.0]))[0]
    assert normalise("DS", 0.1) == 0.1 == normalise("DS", 0.1, policy=exact)
    for inexact in (1 / 3, [1.0, 1 / 3], np.array([1.0, 1 / 3])):
        with pytest.raises(EncodeError, match="16 characters do not hold"):
            normalise("DS", inexact, policy=exact)


@pytest.mark.parametrize(
    "value", [10**16, -(10**15), Decimal("1.234567890123456"), "1.234567890123456", pytest.param(10**5000, id="10^5000")]
)
def test_a_decimal_string_of_more_than_16_characters_is_refused(value: Any) -> None:
    with pytest.raises(EncodeError, match=r"^DS "):
        normalise("DS", value)


# --------------------------------------------------------------------- dates and times


@pytest.mark.parametrize(
    ("vr", "moment", "text"),
    [
        ("DA", date(2024, 2, 9), "20240209"),
        ("DA", date(1, 1, 1), "00010101"),
        ("TM", time(1, 2, 3), "010203"),
        ("TM", time(1, 2, 3, 4), "010203.000004"),
        ("DT", datetime(2024, 1, 2, 3, 4, 5), "20240102030405"),
        ("DT", datetime(2024, 1, 2, tzinfo=UTC), "20240102000000+0000"),
        ("DT", date(2024, 1, 2), "20240102"),
        ("DT", datetime(2024, 1, 2, 3, 4, 5, 6, timezone(timedelta(hours=-3, minutes=-30))), "20240102030405.000006-0330"),
    ],
)
def test_dates_and_times_become_text(vr: str, moment: Any, text: str) -> None:
    assert normalise(vr, moment) == text
    assert normalise(vr, [moment, moment]) == (text, text)


@pytest.mark.parametrize(
    ("vr", "moment"),
    [
        ("DA", datetime(2024, 1, 2)),
        ("DA", time(1)),
        ("TM", date(2024, 1, 1)),
        ("TM", datetime(2024, 1, 2)),
        ("TM", time(1, tzinfo=UTC)),
        ("DT", time(1)),
        ("LO", date(2024, 1, 1)),
        ("DT", datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=30)))),
        ("DT", datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=23)))),
    ],
)
def test_a_moment_that_the_vr_does_not_hold_is_refused(vr: str, moment: Any) -> None:
    with pytest.raises(EncodeError, match=f"^{vr} "):
        normalise(vr, moment)


# --------------------------------------------------------------------- tags


@pytest.mark.parametrize("value", [0x00100010, (0x0010, 0x0010), "PatientName", "(0010,0010)", Tag(0x00100010), np.uint32(0x00100010)])
def test_a_tag_is_taken_in_every_spelling(value: Any) -> None:
    assert normalise("AT", value) == 0x00100010 and type(normalise("AT", value)) is Tag
    assert normalise("AT", [value, 0x00280010]) == (0x00100010, 0x00280010)


@pytest.mark.parametrize("value", [-1, 2**32, "NoKeyword", 1.5, None, b"\x10\0\x10\0", object(), (1, 2, 3.5)])
def test_what_is_no_tag_is_refused(value: Any) -> None:
    with pytest.raises(EncodeError, match=r"^AT "):
        normalise("AT", [value] if value is None else value)


@pytest.mark.parametrize("tags", [[0x2, 0x10], [0x00080000, 0x00080000], [0, 0], [0x00100010]])
def test_a_value_of_tags_may_be_set_again(tags: list[int]) -> None:
    once = normalise("AT", tags)
    assert normalise("AT", once) == once


# --------------------------------------------------------------------- buffers and arrays


@pytest.mark.parametrize("vr", list(UNITS))
def test_buffers_are_kept_without_a_copy(vr: str) -> None:
    for data in (b"x" * 8, bytearray(8), memoryview(b"y" * 8)):
        assert normalise(vr, data) is data
    assert normalise(vr, b"") is None is normalise(vr, bytearray())


@pytest.mark.parametrize(
    ("vr", "good", "bad"),
    [
        ("OB", ["u1", "i1"], ["u2", "f4"]),
        ("OW", ["u1", "u2", "i2", "i4"], ["f4", "f8", "c8"]),
        ("OL", ["u4", "i4"], ["u2", "f4", "u8"]),
        ("OV", ["u8"], ["u4", "f8"]),
        ("OF", ["f4"], ["f8", "u4"]),
        ("OD", ["f8"], ["f4", "u8"]),
        ("UN", ["u1"], ["u2"]),
    ],
)
def test_arrays_have_the_items_of_their_vr(vr: str, good: list[str], bad: list[str]) -> None:
    for dtype in good:
        made = np.arange(8).astype(dtype).reshape(2, 4)
        assert normalise(vr, made) is made
    for dtype in bad:
        with pytest.raises(EncodeError, match=f"^{vr} .*takes"):
            normalise(vr, np.zeros(8, dtype))


@pytest.mark.parametrize(
    "value",
    [
        "text",
        5,
        None.__class__,
        {},
        [1, 2],
        object(),
        np.zeros((4, 4), "u1")[:, ::2],
        np.zeros((4, 4), "u1")[:, :2],
        np.array(["2020"], "M8[s]"),
        np.array([object()]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("vr", ["OB", "OW", "UN"])
def test_what_is_no_buffer_is_refused(vr: str, value: Any) -> None:
    with pytest.raises(EncodeError, match=f"^{vr} "):
        normalise(vr, value)


def test_big_endian_arrays_are_turned() -> None:
    assert normalise("OW", np.array([1, 2], ">u2")).tobytes() == b"\1\0\2\0"
    with pytest.raises(EncodeError, match="big endian"):
        normalise("OW", memoryview(np.array([1, 2], ">u2")))


@pytest.mark.parametrize("vr", [*NUMBERS, "DS", "IS"])
def test_an_array_of_numbers_is_kept_as_a_read_only_copy(vr: str) -> None:
    source = np.array([1, 2, 3], "u1")
    kept = normalise(vr, source)
    source[0] = 9
    assert isinstance(kept, np.ndarray) and kept.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 5
    assert normalise(vr, np.array(7)) == 7 and normalise(vr, np.array([7])) == 7 and normalise(vr, np.array([])) is None
    assert normalise(vr, array("i", [1, 2])) == (1, 2)
    with pytest.raises(EncodeError, match="one dimension"):
        normalise(vr, np.ones((2, 2)))


def test_integers_beyond_a_floats_precision_are_not_rounded_silently() -> None:
    for vr in ("FD", "DS"):
        with pytest.raises(EncodeError, match=f"^{vr} "):
            normalise(vr, np.array([2**53 + 1, 0]))


def test_fragments_are_buffers_and_a_table_of_whole_offsets() -> None:
    row = VRS["OB"]
    assert check_fragments(row, Fragments([b"a", bytearray(b"b")], b"\0\0\0\0")) == ((b"a", bytearray(b"b")), b"\0\0\0\0")
    for bad in (
        Fragments(("text",)),
        Fragments((5,)),
        Fragments((np.zeros((4, 4))[:, 1],)),
        Fragments((b"a",), b"abc"),
        Fragments(5),
        Fragments((b"a",), None),
        Fragments((b"a",) * 4, [0, 100, 200, 250]),
        Fragments(None),
    ):  # type: ignore[arg-type]
        with pytest.raises(EncodeError):
            check_fragments(row, bad)


# --------------------------------------------------------------------- several values, multiplicity, emptiness


@pytest.mark.parametrize("vr", [vr for vr, row in VRS.items() if row.multiple])
def test_none_and_empty_lists_are_empty(vr: str) -> None:
    for empty in (None, [], ()):
        assert normalise(vr, empty) is None
    if VRS[vr].kind not in ("float", "signed", "unsigned", "tag"):
        assert normalise(vr, "") is None is normalise(vr, [""])


@pytest.mark.parametrize("vr", ["LT", "ST", "UT", "UR"])
def test_text_blocks_hold_one_value(vr: str) -> None:
    with pytest.raises(EncodeError, match="one value"):
        normalise(vr, ["a", "b"])


def test_a_backslash_separates_values_in_a_text_and_is_refused_in_a_list() -> None:
    assert normalise("LO", "a\\b") == ("a", "b") and normalise("LO", "a\\\\b") == ("a", "", "b")
    with pytest.raises(EncodeError, match="backslash"):
        normalise("LO", ["a\\b"])


@pytest.mark.parametrize(
    ("vm", "good", "bad"),
    [
        ("1", [1], [2, 3]),
        ("2", [2], [1, 3]),
        ("1-n", [1, 2, 9], []),
        ("2-2n", [2, 4], [1, 3]),
        ("3-3n", [3, 6], [4]),
        ("1-3", [1, 3], [4]),
        ("6", [6], [5]),
    ],
)
def test_the_multiplicity_of_the_dictionary_holds(vm: str, good: list[int], bad: list[int]) -> None:
    for count in good:
        normalise("US", [1] * count, VM.parse(vm))
    for count in bad:
        with pytest.raises(EncodeError, match=f"^US .*VM is {vm}"):
            normalise("US", [1] * count, VM.parse(vm))
        assert normalise("US", [1] * count, VM.parse(vm), LENIENT) == ((1,) * count if count > 1 else 1)
    normalise("US", None, VM.parse(vm))


@pytest.mark.parametrize("vr", ["XX", "", "us", "O", "US/UL", None, 5])
def test_an_unknown_vr_is_refused(vr: Any) -> None:
    with pytest.raises(EncodeError, match="is not a VR"):
        normalise(vr, 1)


@pytest.mark.parametrize(
    ("vr", "good", "bad"),
    [
        ("US/SS", [5, -32768, 65535, [1, 2]], [-32769, 65536, "x", b"ab", 1.5]),
        ("OB/OW", [b"ab", np.zeros(2, "u2")], ["x", 5, [1]]),
        ("US/OW", [5, [1, 2], b"ab", np.zeros(2, "u2")], [-1, 65536, "x"]),
        ("US/SS/OW", [-5, b"ab"], [65536, "x"]),
    ],
)
def test_an_ambiguous_vr_takes_what_any_of_its_alternatives_takes(vr: str, good: list[Any], bad: list[Any]) -> None:
    assert vr in AMBIGUOUS
    for value in good:
        normalise(vr, value)
    for value in bad:
        with pytest.raises(EncodeError):
            normalise(vr, value)


# --------------------------------------------------------------------- the quick path and the rules


def same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if type(one) is not type(other) or getattr(one, "text", None) != getattr(other, "text", None):
        return False
    return bool(one == other or (one != one and other != other)) and (
        not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other) or one != one
    )


def both_ways(vr: str, value: Any, vm: VM | None, policy: Policy | None = None) -> None:
    """The quick path and the rules come to the same value, or to the same refusal."""
    try:
        wanted: Any = normalise(vr, value, vm, policy)
    except EncodeError as error:
        with pytest.raises(EncodeError) as caught:
            make_element(Tag(0x00091001), vr, vm, "", value, policy)
        assert caught.value.reason == error.reason
    else:
        assert same(make_element(Tag(0x00091001), vr, vm, "", value, policy).value, wanted)


@pytest.mark.parametrize("vr", SIMPLE_VRS)
@given(data=st.data())
def test_legal_values_take_the_quick_path_to_where_the_rules_lead(vr: str, data: st.DataObject) -> None:
    both_ways(
        vr, data.draw(values(vr, ALPHABETS["ISO_IR 192"])), data.draw(st.sampled_from((None, VM(1, 1, 1), VM(1, None, 1), VM(2, None, 2))))
    )


ANYTHING = st.one_of(
    st.text(max_size=70),
    st.text("0123456789.+-Ee ^=\\ABCdwy\0\n\x7f\x85é", max_size=20),
    st.text("0123456789.", max_size=30),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.binary(max_size=20),
    st.none(),
    st.decimals(allow_nan=True),
    st.complex_numbers(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.from_regex(r"[0-9]{8,14}(\.[0-9]{1,7})?([+-][0-9]{4})?", fullmatch=True),
)


@pytest.mark.parametrize("vr", SIMPLE_VRS)
@given(
    value=st.one_of(ANYTHING, st.lists(ANYTHING, max_size=4), st.lists(st.integers(0, 2**16), max_size=4).map(tuple)),
    policy=st.sampled_from((None, LENIENT, Policy(inexact_ds="error"))),
)
def test_any_value_takes_the_quick_path_to_where_the_rules_lead(vr: str, value: Any, policy: Policy | None) -> None:
    both_ways(vr, value, None, policy)


def test_a_list_that_changes_after_it_was_set_changes_nothing() -> None:
    spacing = [1.5, 2.5]
    dataset = Dataset(PixelSpacing=spacing)
    spacing[0] = 9.0
    assert dataset.PixelSpacing == (1.5, 2.5)


@pytest.mark.parametrize(
    ("name", "value"), [("nonconforming", "ignore"), ("unencodable", "x"), ("long_value", None), ("inexact_ds", "cut")]
)
def test_a_policy_refuses_what_it_does_not_know(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Policy.{name} is"):
        Policy(**{name: value})
    with pytest.raises(AttributeError):
        Policy().nonconforming = "write"  # type: ignore[misc]


def test_the_policy_of_a_dataset_decides_what_it_takes() -> None:
    dataset = Dataset(policy=LENIENT)
    dataset.PatientID = "x" * 65
    dataset.PixelSpacing = 1, 2, 3
    assert len(dataset.PatientID) == 65
    with pytest.raises(EncodeError, match=r"PatientID: LO 'x+'[.]*: at most 64"):
        Dataset(PatientID="x" * 65)
    with pytest.raises(EncodeError):
        dataset.add("PatientID", "LO", "x" * 65, policy=Policy())
