"""ICC profiles: that of sRGB, and what is wrong with one that was given (PS3.3 C.11.15; ICC.1 7.2, 7.3).

Which datasets need one is in ``iod.py``. No pixel is ever changed by one.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from .errors import CodecUnavailable

# The header, the number of the tags, and the row of each: signature, offset, size (ICC.1 7.2, 7.3).
_HEADER = 128
_COUNT = 4
_ROW = 12
# Of so many tags each is looked at; a profile has a few dozen.
_MOST_LOOKED_AT = 1000

# Where the header has which space of colours, and which DICOM allows (PS3.3 C.11.15.1.1).
_SPACES: tuple[tuple[str, slice, tuple[bytes, ...]], ...] = (
    ("colour space", slice(16, 20), (b"RGB ",)),
    ("connection space", slice(20, 24), (b"XYZ ", b"Lab ")),
)
_MAGIC = slice(36, 40)
_CLASS = slice(12, 16)
_INPUT_DEVICE = b"scnr"
_DATE = slice(24, 36)
# Little CMS states the present time; two profiles that are the same are to have the same bytes. This is 1 January 2000.
_ANY_DATE = bytes((0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))


class Fault(NamedTuple):
    """What is wrong with a profile; ``grave`` if a reader may fail on it."""

    message: str
    grave: bool = True


@cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB as that of an input device, the only class that DICOM has; the same bytes each time.

    Raises
    ------
    CodecUnavailable
        Pillow is built without Little CMS.

    Examples
    --------
    >>> profile_faults(srgb_profile())
    []
    """
    from PIL import ImageCms

    try:
        profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    except ImportError as error:
        raise CodecUnavailable("the profile of sRGB comes from Little CMS, which this Pillow is built without; give ICCProfile") from error
    profile[_CLASS] = _INPUT_DEVICE
    profile[_DATE] = _ANY_DATE
    return bytes(profile)


def profile_faults(value: Any) -> list[Fault]:
    """What is wrong with an ICC profile, as far as its header and its table of tags tell.

    Parameters
    ----------
    value : bytes-like
        With or without the byte that makes its length even.

    Examples
    --------
    >>> profile_faults(b"GIF89a")[0].message
    'is no ICC profile: it has 6 bytes, and the header alone takes 128'
    """
    try:
        octets = memoryview(value).cast("B")
    except TypeError:
        return [Fault(f"is {type(value).__name__}, where the bytes of an ICC profile are wanted")]
    if len(octets) < _HEADER + _COUNT:
        return [Fault(f"is no ICC profile: it has {len(octets)} bytes, and the header alone takes {_HEADER}")]
    if bytes(octets[_MAGIC]) != b"acsp":
        return [Fault(f"is no ICC profile: its bytes 36 to 39 are {bytes(octets[_MAGIC])!r}, not b'acsp'")]
    wrong = [Fault(f"has {bytes(octets[place])!r} as its {what}, where {' or '.join(map(repr, allowed))} is wanted")
             for what, place, allowed in _SPACES if bytes(octets[place]) not in allowed]
    wrong += _length_faults(octets)
    if bytes(octets[_CLASS]) != _INPUT_DEVICE:
        message = f"has {bytes(octets[_CLASS])!r} as its class, where DICOM has input devices only, {_INPUT_DEVICE!r}"
        wrong.append(Fault(message, grave=False))
    return wrong


def _length_faults(octets: memoryview) -> list[Fault]:
    """The profile is as long as it says, and holds its tags; a byte may fill it up to an even length (PS3.5 7.1.1)."""
    size = _number(octets, 0)
    if len(octets) not in (size, size + size % 2):
        return [Fault(f"has {len(octets)} bytes, where its header says {size}")]
    count = _number(octets, _HEADER)
    first = _HEADER + _COUNT
    if first + count * _ROW > size:
        return [Fault(f"says that it has {count} tags, whose table does not fit into its {size} bytes")]
    for at in range(first, first + min(count, _MOST_LOOKED_AT) * _ROW, _ROW):
        offset, length = _number(octets, at + 4), _number(octets, at + 8)
        if offset + length > size:
            return [Fault(f"says that the tag {bytes(octets[at:at + 4])!r} ends at {offset + length}, beyond its {size} bytes")]
    return []


def _number(octets: memoryview, at: int) -> int:
    return int.from_bytes(octets[at : at + 4], "big")
