"""Between pydicom's datasets and dcmenc's. Only ``to_pydicom`` imports pydicom; of its objects, what they say is enough.

Only copies are made here; writing a pydicom dataset as it is belongs to the foreign walk.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from ._swap import swapped
from .dictionary import Tag
from .errors import EncodeError
from .model import Dataset, Sequence
from .part10 import dumps
from .values import LENIENT, Fragments, Policy
from .vr import VRS

_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"


def from_pydicom(source: Any, /, *, policy: Policy | None = LENIENT) -> Dataset:
    """A dcmenc dataset with the elements of a pydicom one, its file meta, preamble, and kinds of length included.

    Parameters
    ----------
    source : pydicom.Dataset
        Values are read through its public interface; big endian buffers are turned to little endian by their VR.
    policy : Policy, optional
        By default values that break a rule are taken over as they are: they were read so. The policy stays with the dataset,
        which therefore takes such values later, too; set ``.policy = None`` to have what you set from then on checked.

    Returns
    -------
    Dataset

    Examples
    --------
    >>> import pydicom
    >>> source = pydicom.Dataset()
    >>> source.PatientName = "Yamada^Tarou"
    >>> from_pydicom(source).PatientName
    'Yamada^Tarou'
    """
    if not hasattr(source, "elements") or not hasattr(source, "original_encoding"):
        raise TypeError(f"a pydicom Dataset is converted, such as pydicom.dcmread gives, not {type(source).__name__}")
    made = _convert(source, policy, getattr(source, "original_encoding", (None, None))[1] is False)
    if (meta := getattr(source, "file_meta", None)) is not None:
        made.file_meta = _convert(meta, policy, False)
        made.file_meta.preamble = None
    made.preamble = getattr(source, "preamble", None)
    return made


def to_pydicom(dataset: Dataset, /) -> Any:
    """A pydicom dataset with the elements of a dcmenc one: as pydicom reads the file that dcmenc would write.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    pydicom.FileDataset

    Raises
    ------
    EncodeError
        The dataset cannot be written.
    ImportError
        pydicom is not installed.

    Examples
    --------
    >>> to_pydicom(Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3", PatientName="Yamada^Tarou")).PatientName
    'Yamada^Tarou'
    """
    import io

    from pydicom import dcmread

    return dcmread(io.BytesIO(dumps(dataset)), force=True)


def _convert(source: Any, policy: Policy | None, big: bool) -> Dataset:
    made = Dataset(policy=policy)
    made.undefined_length = bool(getattr(source, "is_undefined_length_sequence_item", False))
    for element in source:
        vr = str(element.VR).replace(" or ", "/")
        made.add(int(element.tag), vr, _value(element, vr, policy, big))
    return made


def _value(element: Any, vr: str, policy: Policy | None, big: bool) -> Any:
    value = element.value
    if vr == "SQ":
        return Sequence([_convert(item, policy, big) for item in value], bool(element.is_undefined_length))
    if value is None or (isinstance(value, str) and not value):
        return None
    if element.tag == 0x7FE00010 and element.is_undefined_length:
        return split_fragments(bytes(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _buffer(bytes(value), vr, big)
    read = _READ.get(vr, str)
    if isinstance(value, Iterable) and not isinstance(value, str) and not hasattr(value, "components"):
        return [None if item is None else read(item) for item in value]
    return read(value)


def _as_it_was(number: Any) -> Any:
    """The text that a DS or IS was read from, where pydicom has kept it."""
    text = getattr(number, "original_string", None)
    return text if text is not None else number if isinstance(number, (int, float, str)) else str(number)


def _unchanged(value: Any) -> Any:
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "DS": _as_it_was, "IS": _as_it_was, "AT": Tag,
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "US/SS", "US/OW", "US/SS/OW"), _unchanged),
}


def _buffer(data: bytes, vr: str, big: bool) -> Any:
    if vr == "US/SS":
        return list(struct.unpack(f"{'>' if big else '<'}{len(data) // 2}H", data[:len(data) // 2 * 2]))
    unit = VRS[vr].unit if vr in VRS else 2
    return swapped(data, unit) if big and unit > 1 and len(data) % unit == 0 else data


def split_fragments(data: bytes) -> Fragments:
    """The fragments in the value of an encapsulated Pixel Data element, as pydicom keeps it (PS3.5 A.4).

    >>> split_fragments(bytes.fromhex("feff00e000000000 feff00e002000000 ffd8"))
    Fragments(fragments=(b'\\xff\\xd8',), table=b'')
    """
    found, at = [], 0
    while at < len(data) and data[at:at + 4] != _DELIMITER:
        length = int.from_bytes(data[at + 4:at + 8], "little")
        if data[at:at + 4] != _ITEM or at + 8 + length > len(data):
            raise EncodeError(f"the encapsulated pixels hold no whole item at byte {at}")
        found.append(data[at + 8:at + 8 + length])
        at += 8 + length
    return Fragments(tuple(found[1:]), found[0] if found else b"")
