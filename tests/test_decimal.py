"""Binary floats as Decimal Strings (PS3.5 6.2, DS), against a slow reference in exact decimal arithmetic.

DS holds at most 16 characters out of 0-9 + - E e and the point. What is demanded: the shortest decimal that reads back as the same
double if it fits, else the nearest decimal that fits.
"""

from __future__ import annotations

import doctest
import math
import random
import re
import struct
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmenc import _decimal
from dcmenc._decimal import format_ds, join_ds, round_ds

LEGAL = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")
EXACT = Context(prec=1200)  # a double has at most 767 significant decimal digits
CORPUS_SIZE = 12_000


def bits(pattern: int) -> float:
    return float(struct.unpack("<d", pattern.to_bytes(8, "little"))[0])


def layouts(number: Decimal) -> Iterator[str]:
    """Fixed point, then scientific, without zeros that say nothing."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + exponent
    minus = "-" if sign else ""
    if abs(point) < 40:
        whole, fraction = (text[:point].ljust(point, "0"), text[point:]) if point > 0 else ("0", "0" * -point + text)
        yield minus + whole + ("." + fraction if fraction else "")
    yield minus + text[0] + ("." + text[1:] if text[1:] else "") + f"e{point - 1}"


def fitting(number: Decimal) -> str | None:
    return next((text for text in layouts(number) if len(text) <= 16), None)


def nearest(x: float) -> str:
    """Round down and up to every number of digits (nine always fit); the nearest that fits and is finite; of two, the even one."""
    exact = Decimal(x)
    found = []
    for precision in range(9, 18):
        for rounding in (ROUND_FLOOR, ROUND_CEILING):
            candidate = Context(prec=precision, rounding=rounding).create_decimal(exact)
            text = fitting(candidate)
            if text is not None and math.isfinite(float(text)):
                digits = candidate.as_tuple().digits
                last = digits[precision - 1] if len(digits) == precision else 0
                found.append((abs(EXACT.subtract(candidate, exact)), last % 2, text))
    return min(found)[2]


def reference(x: float) -> str:
    if x == 0:
        return "-0" if math.copysign(1, x) < 0 else "0"
    return fitting(Decimal(repr(x))) or nearest(x)


def check(x: float) -> None:
    text = format_ds(x)
    assert text == reference(x)
    assert len(text) <= 16
    assert LEGAL.fullmatch(text)
    back = float(text)
    assert struct.pack("<d", back) == struct.pack("<d", round_ds(x))
    assert round_ds(back) == back
    assert format_ds(back) == text


LANDMARKS = [
    0.0,
    5e-324,
    sys.float_info.min,
    math.nextafter(sys.float_info.min, 0),
    sys.float_info.max,
    math.nextafter(sys.float_info.max, 0),
    1.7976931348e308,
    1.79769313485e308,
    1.7976931345e308,
    1.797693132e308,
    2.0**53 - 1,
    2.0**53,
    2.0**53 + 2,
    9999999999999998.0,
    99999999999999.95,
    999999999.99995,
    999999999.9999999,
    1e9,
    1e15,
    1e16,
    1e22,
    1e23,
    0.99999999999999989,
    9.9999999999999995e-5,
    9.99999999999999e-100,
    1234567890123456.5,
    1234567890123457.5,
    4503599627370495.5,
    123456789012345.25,
    123456789012345.75,
]


def landmarks() -> Iterator[float]:
    powers = [2.0**e for e in range(-1074, 1024)] + [float(f"1e{e}") for e in range(-323, 309)]
    for x in LANDMARKS + powers:
        for near in (x, math.nextafter(x, 0), math.nextafter(x, math.inf)):
            if math.isfinite(near):
                yield near
                yield -near


def sample(draw: random.Random) -> float:
    """One double of a kind that has its own way to go wrong."""
    kind = draw.randrange(10)
    if kind < 2:
        return bits(draw.getrandbits(64))
    if kind == 2:
        return draw.randrange(-(10 ** draw.randrange(1, 17)), 10**16) / 10 ** draw.randrange(23)
    if kind == 3:  # ends in 5 where the sixteen characters end, or close by
        return float(f"{draw.randrange(10 ** draw.randrange(8, 17))}5e{draw.choice((0, -1, -8, -13, -14, -15, -16, -20, -30, 90, -120))}")
    if kind == 4:  # exact binary ties between two decimals
        return (draw.randrange(2**52) * 2 + 1) * 2.0 ** -draw.randrange(12)
    if kind == 5:  # subnormal
        return bits(draw.getrandbits(draw.randrange(1, 53)))
    if kind == 6:
        return float(np.float32(draw.uniform(-3000, 3000)))
    if kind == 7:
        return float(draw.randrange(10**15, 10**16)) * draw.choice((1, -1))
    if kind == 8:  # 9.99...: the carry runs through all digits
        return float("9" * draw.randrange(9, 18) + f"{draw.randrange(100)}e{draw.randrange(-335, 290)}")
    return draw.uniform(-1, 1) * 10 ** draw.randrange(-20, 20)


def corpus(size: int, seed: int = 0) -> Iterator[float]:
    draw = random.Random(seed)
    for _ in range(size):
        x = sample(draw)
        if math.isfinite(x):
            yield x


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (100000.0, "100000"),
        (0.0001, "0.0001"),
        (-12.5, "-12.5"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.33333333333333"),
        (-1 / 3, "-0.3333333333333"),
        (1234567890123456.0, "1234567890123456"),
        (-1234567890123456.0, "-1.2345678901e15"),
        (1234567890123456.5, "1234567890123456"),
        (1234567890123457.5, "1234567890123458"),
        (99999999999999.95, "100000000000000"),
        (0.123456789012005, "0.12345678901201"),  # the double lies above that tie
        (0.123456789012315, "0.12345678901231"),  # and below this one
        (1e16, "1e16"),
        (5e-324, "5e-324"),
        (math.pi * 1e-5, "3.14159265359e-5"),
        (9.99999999999999e-100, "1e-99"),
        (sys.float_info.max, "1.7976931348e308"),
        (-sys.float_info.max, "-1.797693134e308"),
    ],
)
def test_the_text_of_a_number(x: float, text: str) -> None:
    assert format_ds(x) == text


def test_every_power_and_its_neighbours_are_the_nearest_decimal() -> None:
    for x in landmarks():
        check(x)


def test_doubles_of_every_kind_are_the_nearest_decimal() -> None:
    for x in corpus(CORPUS_SIZE):
        check(x)


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_finite_double_is_the_nearest_decimal(x: float) -> None:
    check(x)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53).map(float))
def test_singles_and_integers_are_the_nearest_decimal(x: float) -> None:
    check(x)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4))
def test_a_decimal_of_four_places_stays_as_it_is(number: Decimal) -> None:
    assert Decimal(format_ds(float(number))) == number
    assert round_ds(float(number)) == float(number)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_what_ds_cannot_say_is_refused(x: float) -> None:
    with pytest.raises(ValueError, match=rf"DS has no text for {x}"):
        format_ds(x)
    with pytest.raises(ValueError, match=rf"^value 2 is {x}, for which DS has no text"):
        join_ds(array("d", [1, 2, x, x]))
    assert struct.pack("<d", round_ds(x)) == struct.pack("<d", x)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_values_are_joined_by_backslashes(values: list[float]) -> None:
    assert join_ds(array("d", values)) == "\\".join(map(format_ds, values)).encode()


def test_an_array_of_any_shape_is_taken_in_c_order() -> None:
    assert join_ds(np.arange(6, dtype=float).reshape(2, 3)) == b"0\\1\\2\\3\\4\\5"
    assert join_ds(np.zeros((0, 3))) == b""
    assert join_ds(np.array(2.5)) == b"2.5"


@pytest.mark.parametrize(
    "values", [[1.0], 1.0, b"12345678", array("f", [1]), array("q", [1]), np.ones(2, ">f8"), np.ones(2, complex), bytearray(16)]
)
def test_other_than_float64_is_refused(values: object) -> None:
    with pytest.raises(TypeError, match="float64"):
        join_ds(values)


@pytest.mark.parametrize("values", [np.ones(4)[::2], np.ones((2, 2)).T[:1]])
def test_scattered_values_are_refused(values: object) -> None:
    with pytest.raises((ValueError, BufferError), match="contiguous"):
        join_ds(values)


def test_threads_write_what_one_thread_writes() -> None:
    values = array("d", corpus(2_000, seed=1))
    alone, together = join_ds(values), [b""] * 4

    def write(slot: int) -> None:
        together[slot] = join_ds(values)

    threads = [threading.Thread(target=write, args=(slot,)) for slot in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [alone] * 4


@pytest.mark.parametrize("function", [format_ds, round_ds, join_ds])
def test_the_examples_run(function: Callable[..., object]) -> None:
    example = doctest.DocTestParser().get_doctest(function.__doc__ or "", {}, function.__name__, _decimal.__file__, 0)
    assert example.examples
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_an_array_is_rounded_in_place_to_what_its_text_reads_back_as() -> None:
    numbers = [0.5, 1 / 3, -2 / 3, 1e300, 12345678901234567.0]
    values = array("d", numbers)
    assert _decimal.round_array(values) == sum(round_ds(number) != number for number in numbers)
    assert list(values) == [round_ds(number) for number in numbers]
    assert _decimal.round_array(values) == 0


def test_an_array_with_a_number_that_ds_cannot_say_is_refused_with_its_index() -> None:
    with pytest.raises(ValueError, match="value 1 is inf"):
        _decimal.round_array(array("d", [1.0, math.inf]))
