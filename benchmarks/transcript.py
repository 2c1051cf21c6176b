"""A data set as lines of text, one an element, that do not tell who has read it: what two readers are compared by.

Padding is left out (PS3.5 6.2), and so is how a reader spells a missing value; a number is its value, whatever its text was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

# (tag, VR, value) of the elements of one level; the value of SQ is its items.
Elements = Callable[[Any], Iterable[tuple[int, str, Any]]]

_BUFFERS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_WHOLE = frozenset({"AT", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_FLOATING = frozenset({"DS", "FD", "FL"})
# Longer bytes are shown by their digest.
_SHOWN_BYTES = 64


def transcript(ds: Any, elements: Elements) -> bytes:
    """File meta and data set, items included."""
    return "\n".join([*_lines(ds.file_meta, elements, ""), *_lines(ds, elements, "")]).encode()


def _lines(ds: Any, elements: Elements, path: str) -> Iterator[str]:
    for tag, vr, value in elements(ds):
        here = f"{path}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        if vr == "SQ":
            yield f"{here} SQ {len(value)}"
            for at, item in enumerate(value):
                yield from _lines(item, elements, f"{here}[{at}].")
        else:
            yield f"{here} {vr} {spell(vr, value)}"


def spell(vr: str, value: Any) -> str:
    """A value as text, without padding."""
    if value is None:
        return ""
    if vr in _BUFFERS:
        data = memoryview(value).cast("B")
        return data.hex() if len(data) <= _SHOWN_BYTES else f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}"
    several = value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else [value]
    return "\\".join(_spell_one(vr, one) for one in several)


def _spell_one(vr: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if vr in _FLOATING:
        return repr(float(value))
    return str(int(value)) if vr in _WHOLE else repr(str(value).strip(" \0"))
