"""Whether the contenders wrote or read the same, looked at before anything is timed; differing outputs are no comparison.

Bytes are held against bytes where both peers spell values alike. They differ by design where dcmenc writes a float as
``1`` and pydicom as ``1.0`` (both legal DS, PS3.5 6.2): there both files are read again and the values compared. Of what
is only read, the lines of ``transcript.py`` are compared, and of pixels the samples (``pixel_checks.py``).
"""

from __future__ import annotations

import io
from itertools import zip_longest
from typing import Any

from . import cases, pixel_checks
from .pixel_checks import Mismatch, sizes
from .terms import Case, Size

__all__ = ["Mismatch", "compare", "inspect", "sizes"]

# Longer than DS may be is what pydicom writes of full doubles: there the values differ by what 16 characters lose.
_LOST_DIGITS = 1e-11
_HEAVY = frozenset({b"numpy", b"PIL", b"glymur", b"imagecodecs", b"rich", b"pydicom", b"lxml"})


def compare(case: Case, label: str, size: Size, ours: bytes, theirs: bytes) -> str:
    """What was compared, in words; :class:`Mismatch` where it does not hold."""
    kind = case.contenders[label].check
    if kind == "bytes":
        if ours != theirs:
            at = next((at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
            raise Mismatch(f"{case.name}: dcmenc and {label} differ at byte {at} ({len(ours)} and {len(theirs)} bytes)")
        return f"{len(ours)} bytes equal"
    if kind == "lines":
        return _compare_lines(case, label, ours, theirs)
    if kind in ("values", "data set", "nearly"):
        count = _compare_values(case, label, ours, theirs, _LOST_DIGITS if kind == "nearly" else 0.0, kind != "data set")
        return f"{count} elements equal when read again" + (f", DS within {_LOST_DIGITS:g} of each other" if kind == "nearly" else "")
    if kind == "decimals":
        return _compare_decimals(case, size, ours, theirs)
    if kind in pixel_checks.KINDS:
        return pixel_checks.compare(case, label, size, ours, theirs)
    return "not compared"


def inspect(case: Case, ours: bytes) -> str | None:
    """What dcmenc's result must be in itself, whatever the others do."""
    if case.contenders["dcmenc"].check != "modules":
        return None
    loaded = _HEAVY & set(ours.split())
    if loaded:
        raise Mismatch(f"{case.name}: the process has loaded {', '.join(sorted(name.decode() for name in loaded))}")
    return "neither NumPy nor a codec library is loaded"


def _compare_lines(case: Case, label: str, ours: bytes, theirs: bytes) -> str:
    lines, others = ours.decode().split("\n"), theirs.decode().split("\n")
    for line, other in zip_longest(lines, others):
        if line != other:
            raise Mismatch(f"{case.name}: dcmenc read {str(line)[:120]!r}, {label} {str(other)[:120]!r}")
    return f"{len(lines)} lines of values equal"


def _compare_values(case: Case, label: str, ours: bytes, theirs: bytes, lost: float, meta: bool) -> int:
    """Both files as pydicom reads them; without ``meta`` only their transfer syntax and data set: each writer names itself."""
    import pydicom

    first, second = (pydicom.dcmread(io.BytesIO(data)) for data in (ours, theirs))
    count = 0
    if first.file_meta.TransferSyntaxUID != second.file_meta.TransferSyntaxUID:
        raise Mismatch(f"{case.name}: dcmenc wrote {first.file_meta.TransferSyntaxUID.name}, "
                       f"{label} {second.file_meta.TransferSyntaxUID.name}")
    for mine, other in ((first.file_meta, second.file_meta), (first, second))[0 if meta else 1:]:
        elements, others = list(mine.iterall()), list(other.iterall())
        if len(elements) != len(others):
            raise Mismatch(f"{case.name}: dcmenc wrote {len(elements)} elements, {label} {len(others)}")
        for element, peer in zip(elements, others, strict=True):
            if element.tag == 0x00020000 or element.VR == "SQ":
                continue  # the group length follows the other values; items are walked themselves
            if (element.tag, element.VR) != (peer.tag, peer.VR) or not _same(element.value, peer.value, element.VR, lost):
                raise Mismatch(f"{case.name}: dcmenc wrote {str(element)[:120]!r}, {label} {str(peer)[:120]!r}")
        count += len(elements)
    return count


def _same(mine: Any, other: Any, vr: str, lost: float) -> bool:
    if vr != "DS" or mine == other:
        return bool(mine == other)
    pairs = zip(mine, other, strict=True) if hasattr(mine, "append") else [(mine, other)]
    return all(abs(a - b) <= lost for a, b in pairs)


def _compare_decimals(case: Case, size: Size, ours: bytes, theirs: bytes) -> str:
    values = cases.decimal_values(case.name, size)
    texts, others = ours.decode("ascii").split("\\"), theirs.decode("ascii").split("\\")
    for value, text, other in zip(values, texts, others, strict=True):
        if len(text) > 16 or abs(float(text) - value) > abs(float(other) - value):
            raise Mismatch(f"{case.name}: {value!r} became {text!r}, pydicom writes {other!r}")
    return f"{len(values)} values of at most 16 characters, none further off than pydicom's"
