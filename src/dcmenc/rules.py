"""What text each VR allows: characters, form and length of one value (PS3.5 6.1, 6.2).

Only text is judged here; how other Python values become text or numbers is decided in ``values.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .vr import VR

_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _")
_DIGITS = frozenset("0123456789")
_DECIMAL = _DIGITS | frozenset("+-Ee. ")
_INTEGER = _DIGITS | frozenset("+- ")
_FORMATTING = frozenset("\t\n\f\r")
_URI_OUTSIDE = frozenset(' "<>\\^`{|}')
_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _unprintable(text: str, allowed: frozenset[str] = frozenset()) -> str | None:
    for at, character in enumerate(text):
        if (character < " " or "\x7f" <= character < "\xa0") and character not in allowed:
            return f"control character U+{ord(character):04X} at {at} is not allowed"
    return None


def _check_text(text: str) -> str | None:
    return _unprintable(text)


def _check_block(text: str) -> str | None:
    return _unprintable(text, _FORMATTING)


def _check_code(text: str) -> str | None:
    if _UPPER.issuperset(text):
        return None
    hint = f"; give {text.upper()!r}" if _UPPER.issuperset(text.upper()) and len(text) <= 16 else ""
    return f"only upper-case letters, digits, space and underscore are allowed{hint}"


def _check_age(text: str) -> str | None:
    good = len(text) == 4 and _DIGITS.issuperset(text[:3]) and text[3] in "DWMY"
    return None if good else "an age is three digits and D, W, M or Y, as in 018M"


def _check_uid(text: str) -> str | None:
    if text.endswith("\0"):
        return "give the UID without its padding NUL"
    for component in text.split("."):
        if not component or not _DIGITS.issuperset(component):
            return "a UID is numbers separated by single dots"
        if component[0] == "0" and component != "0":
            return f"component {component} of the UID begins with a zero"
    return None


def _check_uri(text: str) -> str | None:
    if text.startswith(" "):
        return "a URI has no leading spaces"
    for at, character in enumerate(text.rstrip(" ")):
        if character in _URI_OUTSIDE or not "!" <= character <= "~":
            return f"{character!r} at {at} is not allowed in a URI; percent-encode it"
    return None


def _check_date(text: str) -> str | None:
    if len(text) != 8 or not _DIGITS.issuperset(text):
        return "a date is YYYYMMDD, or a datetime.date"
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _MONTHS[month - 1] or (month == 2 and day == 29 and not leap):
        return "there is no such day"
    return None


def _check_time(text: str) -> str | None:
    clock, point, fraction = text.rstrip(" ").partition(".")
    if len(clock) not in (2, 4, 6) or not _DIGITS.issuperset(clock) or not _DIGITS.issuperset(fraction):
        return "a time is HH, HHMM, HHMMSS or HHMMSS.FFFFFF"
    if point and (len(clock) != 6 or not 1 <= len(fraction) <= 6):
        return "a fraction of one to six digits may follow HHMMSS only"
    # 60 is a leap second
    if clock[:2] > "23" or clock[2:4] > "59" or clock[4:] > "60":
        return "there is no such time"
    return None


def _check_datetime(text: str) -> str | None:
    stem, offset = text.rstrip(" "), ""
    for sign in "+-":
        if sign in stem:
            stem, _, offset = stem.partition(sign)
            farthest = "1400" if sign == "+" else "1200"
            if len(offset) != 4 or not _DIGITS.issuperset(offset) or offset[2:] > "59" or offset > farthest:
                return "an offset from UTC is +ZZXX or -ZZXX, from -1200 to +1400"
    date, clock = stem[:8], stem[8:]
    if len(date) not in (4, 6, 8) or not _DIGITS.issuperset(date):
        return "a date time is YYYYMMDDHHMMSS.FFFFFF&ZZXX, shortened from the right"
    return _check_date((date + "0101"[len(date) - 4:]) if len(date) < 8 else date) or (_check_time(clock) if clock else None)


def _check_decimal(text: str) -> str | None:
    try:
        good = _DECIMAL.issuperset(text) and (not text.strip(" ") or math.isfinite(float(text)))
    except ValueError:
        good = False
    return None if good else "a decimal string is a number of digits, sign, point and exponent"


def _check_integer(text: str) -> str | None:
    try:
        number = int(text) if _INTEGER.issuperset(text) and text.strip(" ") else 0
    except ValueError:
        return "an integer string is digits and a sign"
    if not _INTEGER.issuperset(text):
        return "an integer string is digits and a sign"
    return None if -(2**31) <= number < 2**31 else "an integer string lies from -2147483648 to 2147483647"


def _check_name(text: str) -> str | None:
    groups = text.split("=")
    if len(groups) > 3:
        return "a person name has at most three component groups (alphabetic=ideographic=phonetic)"
    for group in groups:
        if group.count("^") > 4:
            return "a component group has at most five components (family^given^middle^prefix^suffix)"
        if len(group) > 64:
            return f"a component group has at most 64 characters, this one has {len(group)}"
    return _unprintable(text)


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "text": _check_text, "block": _check_block, "code": _check_code, "age": _check_age, "uid": _check_uid,
    "uri": _check_uri, "date": _check_date, "time": _check_time, "datetime": _check_datetime,
    "decimal": _check_decimal, "integer": _check_integer, "name": _check_name,
}

# The kinds of VR (see vr.py) whose values are text.
TEXT_KINDS = tuple(_CHECKS)


def complaint(row: VR, text: str) -> str | None:
    """The rule that ``text`` breaks as one value of the VR, said to its author; None if it breaks none.

    >>> from dcmenc.vr import VRS
    >>> complaint(VRS["DA"], "20260230")
    'there is no such day'
    """
    if not row.charset and not text.isascii():
        return f"{row.code} holds ASCII only"
    if row.code == "AE" and not text.strip(" "):
        return "an application entity title is not only spaces"
    if row.kind in ("date", "age") and (broken := _CHECKS[row.kind](text)):
        return broken
    if row.kind != "name" and len(text) > row.maximum:
        return f"at most {row.maximum} characters are allowed, not {len(text)}"
    return _CHECKS[row.kind](text)
