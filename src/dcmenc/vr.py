"""The value representations: every fact about a VR that the encoder needs, in one row each (PS3.5 6.2, 7.1.2).

What a *value* of a VR may be is decided in ``values.py``; how it is laid out in bytes, in ``_encode.pyx``.
"""

from __future__ import annotations

from typing import NamedTuple

# The largest length that a 16-bit and a 32-bit length field can hold and stay even (PS3.5 7.1.1, 7.1.2).
LONGEST_16 = 0xFFFE
LONGEST_32 = 0xFFFFFFFE


class VR(NamedTuple):
    """One value representation.

    ``header`` is the size of the explicit element header in bytes: 8 with a 16-bit length, 12 with a 32-bit length.
    ``unit`` is the number of bytes that change places together in big endian.
    ``maximum`` counts characters of one value (of one component group for PN); 0 where the VR sets no limit of its own.
    """

    code: str
    header: int
    pad: int
    unit: int
    kind: str
    charset: bool
    maximum: int
    multiple: bool


_SPACE, _NUL = 0x20, 0x00

# fmt: off
_ROWS = (
    #  code  header pad    unit kind        charset maximum     several values
    VR("AE",  8, _SPACE, 1, "text",       False, 16,         True),
    VR("AS",  8, _SPACE, 1, "age",        False, 4,          True),
    VR("AT",  8, _NUL,   2, "tag",        False, 0,          True),
    VR("CS",  8, _SPACE, 1, "code",       False, 16,         True),
    VR("DA",  8, _SPACE, 1, "date",       False, 8,          True),
    VR("DS",  8, _SPACE, 1, "decimal",    False, 16,         True),
    VR("DT",  8, _SPACE, 1, "datetime",   False, 26,         True),
    VR("FD",  8, _NUL,   8, "float",      False, 0,          True),
    VR("FL",  8, _NUL,   4, "float",      False, 0,          True),
    VR("IS",  8, _SPACE, 1, "integer",    False, 12,         True),
    VR("LO",  8, _SPACE, 1, "text",       True,  64,         True),
    VR("LT",  8, _SPACE, 1, "block",      True,  10240,      False),
    VR("OB", 12, _NUL,   1, "buffer",     False, 0,          False),
    VR("OD", 12, _NUL,   8, "buffer",     False, 0,          False),
    VR("OF", 12, _NUL,   4, "buffer",     False, 0,          False),
    VR("OL", 12, _NUL,   4, "buffer",     False, 0,          False),
    VR("OV", 12, _NUL,   8, "buffer",     False, 0,          False),
    VR("OW", 12, _NUL,   2, "buffer",     False, 0,          False),
    VR("PN",  8, _SPACE, 1, "name",       True,  64,         True),
    VR("SH",  8, _SPACE, 1, "text",       True,  16,         True),
    VR("SL",  8, _NUL,   4, "signed",     False, 0,          True),
    VR("SQ", 12, _NUL,   1, "sequence",   False, 0,          False),
    VR("SS",  8, _NUL,   2, "signed",     False, 0,          True),
    VR("ST",  8, _SPACE, 1, "block",      True,  1024,       False),
    VR("SV", 12, _NUL,   8, "signed",     False, 0,          True),
    VR("TM",  8, _SPACE, 1, "time",       False, 14,         True),
    VR("UC", 12, _SPACE, 1, "text",       True,  LONGEST_32, True),
    VR("UI",  8, _NUL,   1, "uid",        False, 64,         True),
    VR("UL",  8, _NUL,   4, "unsigned",   False, 0,          True),
    VR("UN", 12, _NUL,   1, "buffer",     False, 0,          False),
    VR("UR", 12, _SPACE, 1, "uri",        False, LONGEST_32, False),
    VR("US",  8, _NUL,   2, "unsigned",   False, 0,          True),
    VR("UT", 12, _SPACE, 1, "block",      True,  LONGEST_32, False),
    VR("UV", 12, _NUL,   8, "unsigned",   False, 0,          True),
)
# fmt: on

VRS: dict[str, VR] = {row.code: row for row in _ROWS}

# How the dictionary spells a VR that only the context can decide (PS3.6 6, PS3.5 A.2).
AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "US/SS": ("US", "SS"),
    "OB/OW": ("OB", "OW"),
    "US/OW": ("US", "OW"),
    "US/SS/OW": ("US", "SS", "OW"),
}

# Descriptors of lookup tables: their first value, a count of entries, is unsigned whatever the VR (PS3.3 C.7.6.3.1.5).
DESCRIPTORS = frozenset((0x00281100, 0x00281101, 0x00281102, 0x00281103, 0x00281111, 0x00281112, 0x00281113, 0x00283002))

# Sample values of waveforms: their VR follows WaveformBitsAllocated (PS3.3 C.10.9.1).
WAVEFORM_VALUES = frozenset((0x54000110, 0x54000112, 0x5400100A, 0x54001010))
