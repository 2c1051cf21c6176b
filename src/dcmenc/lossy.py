"""What a dataset says once its pixels have lost something: the three attributes, and where the image came from (PS3.3 C.7.6.1.1.5).

What is lost is the codec's choice; it gives the method, and the ratio is known when the last frame is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .model import Dataset, Sequence

_RATIO = "LossyImageCompressionRatio"
# By which a codec says that it loses something.
LOSS = _METHOD = "LossyImageCompressionMethod"

# As long as a decimal string can be: what it becomes fits in its place.
_PLACEHOLDER = "1.00000000000000"

# PS3.16 D, CID 7203 and CID 7202
_LOSSY_COMPRESSION = {"CodeValue": "113040", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Lossy Compression"}
_PREDECESSOR = {"CodeValue": "121320", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Uncompressed predecessor"}


def record_loss(ds: Dataset, method: str) -> None:
    """Add one more lossy compression to those that the dataset tells of; its ratio is filled in by :func:`ratio_text`.

    Examples
    --------
    >>> ds = Dataset(LossyImageCompression="01", LossyImageCompressionRatio="8.5", LossyImageCompressionMethod="ISO_15444_1")
    >>> record_loss(ds, "ISO_10918_1")
    >>> ds.LossyImageCompressionMethod
    ('ISO_15444_1', 'ISO_10918_1')
    """
    ds.LossyImageCompression = "01"
    setattr(ds, _METHOD, (*_values(ds, _METHOD), method))
    setattr(ds, _RATIO, (*(getattr(ratio, "text", None) or ratio for ratio in _values(ds, _RATIO)), _PLACEHOLDER))


def awaits_ratio(ds: Dataset) -> bool:
    """Whether the last ratio is still to be filled in."""
    ratios = _values(ds, _RATIO)
    return bool(ratios) and getattr(ratios[-1], "text", None) == _PLACEHOLDER


def set_ratio(ds: Dataset, native: int, encoded: int) -> None:
    """Fill in the last ratio."""
    ratios = _values(ds, _RATIO)
    setattr(ds, _RATIO, (*(getattr(ratio, "text", None) or ratio for ratio in ratios[:-1]), ratio_text(native, encoded).strip()))


def ratio_text(native: int, encoded: int) -> str:
    """The compression ratio in the room that was left for it: sixteen characters.

    >>> ratio_text(1000, 300)
    '3.333           '
    """
    return f"{native / encoded:.4g}".ljust(len(_PLACEHOLDER))


def ratio_place(ds: Dataset) -> int:
    """How many bytes before the end of its element the place of the last ratio begins."""
    text = "\\".join(str(getattr(ratio, "text", None) or ratio) for ratio in _values(ds, _RATIO))
    return len(_PLACEHOLDER) + len(text) % 2


def derive(ds: Dataset, syntax: str, uid: Callable[[], str]) -> None:
    """Make an instance of its own of a dataset whose pixels were compressed with loss, and say of which one (PS3.3 C.7.6.1.1.2, C.12.4).

    Examples
    --------
    >>> ds = Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3", ImageType=["ORIGINAL", "PRIMARY"])
    >>> derive(ds, "JPEG Baseline (Process 1)", lambda: "1.4")
    >>> ds.SOPInstanceUID, ds.ImageType, ds.SourceImageSequence[0].ReferencedSOPInstanceUID
    ('1.4', ('DERIVED', 'PRIMARY'), '1.3')
    """
    old = {keyword: getattr(ds, keyword, None) for keyword in ("SOPClassUID", "SOPInstanceUID")}
    ds.ImageType = ("DERIVED", *(_values(ds, "ImageType") or ("", "PRIMARY"))[1:])
    ds.SOPInstanceUID = uid()
    description = getattr(ds, "DerivationDescription", None)
    ds.DerivationDescription = f"{description + '; ' if description else ''}lossy compression: {syntax}"[-1024:]
    ds.DerivationCodeSequence = _longer(ds, "DerivationCodeSequence", Dataset(_LOSSY_COMPRESSION))
    if old["SOPInstanceUID"] is not None:
        source = Dataset({f"Referenced{keyword}": value for keyword, value in old.items() if value is not None},
                         PurposeOfReferenceCodeSequence=[_PREDECESSOR])
        ds.SourceImageSequence = _longer(ds, "SourceImageSequence", source)


def _longer(ds: Dataset, keyword: str, item: Dataset) -> Sequence:
    """A sequence of its own with one item more: the old one may be shared with the dataset that this is a copy of."""
    return Sequence([*(getattr(ds, keyword, None) or ()), item])


def _values(ds: Dataset, keyword: str) -> tuple[Any, ...]:
    value = getattr(ds, keyword, None)
    return () if value is None else value if isinstance(value, tuple) else (value,)
