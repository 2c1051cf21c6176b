"""Datasets to test with: legal values of all VRs, nesting, private blocks, ambiguous VRs in their context, character sets.

One description of what is legal serves two sources of chance: ``Drawn`` (Hypothesis, which shrinks what it finds) and
``Seeded`` (a random.Random, fast and the same on every run). What is made is a plain ``Plan``, from which the same dataset
is built for dcmenc and for pydicom.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from hypothesis import strategies as st
from reference import ALL_VRS, NUMBERS, UNITS

from dcmenc import Dataset
from dcmenc import Sequence as Items


class Chance(Protocol):
    def integer(self, low: int, high: int) -> int: ...
    def choice(self, options: Sequence[Any]) -> Any: ...
    def text(self, alphabet: str, low: int, high: int) -> str: ...
    def octets(self, low: int, high: int) -> bytes: ...
    def real(self, width: int) -> float: ...


class Drawn:
    """Chance from Hypothesis."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def choice(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def text(self, alphabet: str, low: int, high: int) -> str:
        return self.draw(st.text(alphabet, min_size=low, max_size=high))

    def octets(self, low: int, high: int) -> bytes:
        return self.draw(st.binary(min_size=low, max_size=high))

    def real(self, width: int) -> float:
        return self.draw(st.floats(width=width))


class Seeded:
    """Chance from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self.random.choice((low, high, self.random.randint(low, high), self.random.randint(low, high)))

    def choice(self, options: Sequence[Any]) -> Any:
        return self.random.choice(options)

    def text(self, alphabet: str, low: int, high: int) -> str:
        return "".join(self.random.choices(alphabet, k=self.random.randint(low, high)))

    def octets(self, low: int, high: int) -> bytes:
        return self.random.randbytes(self.random.randint(low, high))

    def real(self, width: int) -> float:
        code = "f" if width == 32 else "d"
        return struct.unpack(code, self.random.randbytes(struct.calcsize(code)))[0]


# --------------------------------------------------------------------- values

ASCII = "".join(chr(c) for c in range(33, 127) if chr(c) not in "\\^=")
LATIN = "éÄßñ×§"
WIDE = "山田太郎やまだ洪사😀"
ALPHABETS = {None: ASCII, "ISO_IR 100": ASCII + LATIN, "ISO_IR 192": ASCII + LATIN + WIDE, "GB18030": ASCII + "乗山田é😀"}
CHARACTER_SETS = tuple(ALPHABETS)
FIXED = ["AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"]
MULTIPLE = [vr for vr in ALL_VRS if vr not in ("LT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "ST", "UN", "UR", "UT")]


def padded(chance: Chance, alphabet: str, high: int) -> str:
    """Text that neither begins nor ends with a space, which would be padding."""
    words = [chance.text(alphabet, 1, max(1, high // 3)) for _ in range(chance.integer(1, 2))]
    return " ".join(words)[:high].strip(" ") or "x"


def person(chance: Chance, alphabet: str) -> str:
    groups = ["^".join(padded(chance, alphabet, 12) for _ in range(chance.integer(1, 5))) for _ in range(chance.integer(1, 3))]
    return "=".join(groups)


def day(chance: Chance) -> str:
    return f"{chance.integer(1, 9999):04}{chance.integer(1, 12):02}{chance.integer(1, 28):02}"


def clock(chance: Chance) -> str:
    whole = f"{chance.integer(0, 23):02}{chance.integer(0, 59):02}{chance.integer(0, 59):02}"
    return chance.choice((whole, whole[:2], whole[:4], f"{whole}.{chance.integer(0, 999999):06}", whole + ".5"))


def moment(chance: Chance) -> str:
    shift = chance.choice(("", "", "+0100", "-0330", "+1400", "-1200"))
    return chance.choice((day(chance)[:4], day(chance)[:6], day(chance), day(chance) + clock(chance))) + shift


def uid(chance: Chance) -> str:
    return "1.2." + ".".join(str(chance.integer(0, 99999)) for _ in range(chance.integer(1, 8)))


def decimal(chance: Chance) -> Any:
    text = f"{chance.choice(('', '-', '+'))}{chance.integer(0, 99999)}{chance.choice(('', '.', '.25', 'E-3', 'e+05'))}"
    number = chance.real(64)
    return chance.choice((text, chance.integer(-(10**14), 10**14), number if math.isfinite(number) else 0.5))


def number(chance: Chance, vr: str) -> Any:
    bits = 8 * struct.calcsize("<" + NUMBERS[vr])
    if vr in ("FL", "FD"):
        return chance.real(bits)
    return chance.integer(-(1 << bits - 1), (1 << bits - 1) - 1) if vr[0] == "S" else chance.integer(0, (1 << bits) - 1)


def single(chance: Chance, vr: str, alphabet: str) -> Any:
    """One legal value of a VR that holds text or numbers."""
    if vr in NUMBERS:
        return number(chance, vr)
    return {
        "AE": lambda: padded(chance, ASCII, 16),
        "AS": lambda: f"{chance.integer(0, 999):03}{chance.choice('DWMY')}",
        "AT": lambda: chance.integer(0x00080000, 0xFFFCFFFF),
        "CS": lambda: padded(chance, "ABCXYZ019_", 16),
        "DA": lambda: day(chance),
        "DS": lambda: decimal(chance),
        "DT": lambda: moment(chance),
        "IS": lambda: chance.choice((chance.integer(-(2**31), 2**31 - 1), f"+{chance.integer(0, 999)}", f"-0{chance.integer(0, 999)}")),
        "LO": lambda: padded(chance, alphabet, 64),
        "LT": lambda: padded(chance, alphabet + "\\\r\n\f\t", 90),
        "PN": lambda: person(chance, alphabet),
        "SH": lambda: padded(chance, alphabet, 16),
        "ST": lambda: padded(chance, alphabet + "\\\r\n", 90),
        "TM": lambda: clock(chance),
        "UC": lambda: padded(chance, alphabet, 80),
        "UI": lambda: uid(chance),
        "UR": lambda: "http://" + chance.text("abc/.:%20?&=#", 1, 40),
        "UT": lambda: padded(chance, alphabet + "\\\r\n\f\t", 200),
    }[vr]()


def value(chance: Chance, vr: str, alphabet: str = ASCII) -> Any:
    """A legal value of any VR but SQ; None for an empty one."""
    if vr in UNITS:
        unit = UNITS[vr] if UNITS[vr] > 2 else 1
        data = chance.octets(1, 40)
        return data[: len(data) // unit * unit] or None
    kind = chance.choice(("one", "one", "empty", "several"))
    if kind == "empty":
        return None
    if kind == "one" or vr not in MULTIPLE:
        return single(chance, vr, alphabet)
    return [single(chance, vr, alphabet) for _ in range(chance.integer(2, 5))]


def values(vr: str, alphabet: str = ASCII) -> st.SearchStrategy[Any]:
    """Hypothesis strategy of the legal values of a VR."""
    return st.composite(lambda draw: value(Drawn(draw), vr, alphabet))()


# --------------------------------------------------------------------- datasets


class Plan(NamedTuple):
    """A dataset before it is one: elements (tag, vr, value), the value of an SQ being a Group."""

    elements: list[tuple[int, str, Any]]
    undefined: bool


class Group(NamedTuple):
    items: list[Plan]
    undefined: bool


SIMPLE_VRS = [*NUMBERS, *UNITS, *FIXED, *["AT", "DS", "IS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"]]
SEQUENCES = (0x00081140, 0x00400275, 0x0040A730, 0x00082112, 0x52009230)
STANDARD = (
    (0x00100010, "PN"),
    (0x00100020, "LO"),
    (0x00100030, "DA"),
    (0x0008002A, "DT"),
    (0x00081190, "UR"),
    (0x00180050, "DS"),
    (0x00200013, "IS"),
    (0x00104000, "LT"),
    (0x00081030, "LO"),
    (0x00280009, "AT"),
    (0x00420011, "OB"),
    (0x00080119, "UC"),
)
WITH_SIGN = (0x00280106, 0x00280107, 0x00280120)
PIXELS = 0x7FE00010


def plan(chance: Chance, depth: int = 0, charset: str | None = None, group_lengths: bool = True) -> Plan:
    """A dataset with up to four levels of items below it."""
    found: dict[int, tuple[str, Any]] = {}
    declared = chance.choice((charset, charset, *CHARACTER_SETS))
    if declared != charset and declared is not None:
        charset, found[0x00080005] = declared, ("CS", declared)
    alphabet = ALPHABETS[charset]
    for tag, vr in (chance.choice(STANDARD) for _ in range(chance.integer(0, 4))):
        made = value(chance, vr, alphabet) if vr != "OB" else chance.octets(1, 9)
        found[tag] = vr, made[0] if isinstance(made, list) and tag != 0x00280009 else made
    private(chance, found, alphabet)
    ambiguous(chance, found, depth)
    if depth < 4:
        for tag in (chance.choice(SEQUENCES) for _ in range(chance.integer(0, 2) if depth < 2 else chance.integer(0, 1))):
            items = [plan(chance, depth + 1, charset, group_lengths) for _ in range(chance.integer(0, 2))]
            found[tag] = "SQ", Group(items, chance.choice((False, True)))
    if group_lengths and found and chance.integer(0, 3) == 0:
        group = chance.choice(sorted({tag >> 16 for tag in found}))
        found[group << 16] = "UL", chance.integer(0, 99)
    return Plan([(tag, *rest) for tag, rest in found.items()], chance.choice((False, True)))


def private(chance: Chance, found: dict[int, tuple[str, Any]], alphabet: str) -> None:
    """Elements of any VR in a private block (PS3.5 7.8)."""
    group, block = chance.choice((0x0009, 0x0029, 0x6001)), chance.choice((0x10, 0x11, 0xFF))
    for _ in range(chance.integer(0, 6)):
        vr = chance.choice(SIMPLE_VRS)
        found[group << 16 | block] = "LO", "ACME 1.1"
        found[group << 16 | block << 8 | chance.integer(0, 0xFF)] = vr, value(chance, vr, alphabet)


def ambiguous(chance: Chance, found: dict[int, tuple[str, Any]], depth: int) -> None:
    """Elements whose VR the context decides, and what decides it (PS3.5 A.1)."""
    kind = chance.choice(("none", "none", "sign", "inherit", "pixels", "descriptor", "waveform", "lut"))
    sign = chance.integer(0, 1)
    if kind in ("sign", "descriptor", "pixels") or (kind == "inherit" and depth == 0):
        found[0x00280103] = "US", sign
    if kind == "sign":
        found[chance.choice(WITH_SIGN)] = "US/SS", chance.integer(-32768, -1) if sign else chance.integer(0, 65535)
    if kind == "inherit":
        found[chance.choice(WITH_SIGN)] = "US/SS", chance.integer(0, 32767)
    if kind == "descriptor":
        found[0x00281101] = "US/SS", [chance.integer(0, 65535), chance.integer(-32768, -1) if sign else chance.integer(0, 65535), 16]
    if kind == "pixels":
        bits = chance.choice((1, 8, 16))
        found[0x00280100] = "US", bits
        found[PIXELS] = "OB/OW", chance.octets(1, 30) if bits <= 8 else chance.octets(1, 15) * 2
    if kind == "waveform":
        found[0x54001004] = "US", chance.choice((8, 16))
        found[0x54001010] = "OB/OW", chance.octets(1, 15) * 2
    if kind == "lut":
        found[0x00283002] = "US/SS", [3, chance.integer(0, 32767), 16]
        found[0x00283006] = "US/OW", [chance.integer(0, 65535) for _ in range(3)]


def built(made: Plan) -> Dataset:
    """The plan as a dcmenc dataset."""
    dataset = Dataset()
    dataset.preamble = None
    dataset.undefined_length = made.undefined
    for tag, vr, content in made.elements:
        if isinstance(content, Group):
            content = Items([built(one) for one in content.items], content.undefined)
        dataset.add(tag, vr, content)
    return dataset


def datasets(**options: Any) -> st.SearchStrategy[Dataset]:
    """Hypothesis strategy of datasets."""
    return st.composite(lambda draw: built(plan(Drawn(draw), **options)))()


def plans(**options: Any) -> st.SearchStrategy[Plan]:
    return st.composite(lambda draw: plan(Drawn(draw), **options))()


ENCODINGS = ((False, False), (True, False), (False, True))
ENCODING_NAMES = ("explicit", "implicit", "big")
