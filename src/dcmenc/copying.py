"""Metadata word for word around new pixels: only what the pixels decide is replaced, nothing is filled in, nothing checked (PS3.3 C.7.6.3).

It is the Copy mode of MATLAB's ``dicomwrite``; what makes an instance complete is in ``composition.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .codecs import Codec
from .composition import (
    Composition,
    Metadata,
    Wishes,
    check_syntax,
    default_class,
    drop_contradictions,
    encoded_attributes,
    override,
    take_metadata,
)
from .dictionary import Tag
from .lossy import LOSS, record_loss
from .model import Dataset
from .overlays import GROUPS
from .pixels import (
    PALETTE_KEYWORDS,
    PHOTOMETRICS,
    Dropped,
    ImageSpec,
    as_pixels,
    drop_frames,
    image_attributes,
    invalidate,
    palette_attributes,
    zeros_and_ones,
)
from .report import Finding, Report
from .uid import TransferSyntax, generate_uid
from .vr import AMBIGUOUS

# What was counted over the old pixels, and when it is true of the new ones.
_COUNTED: Mapping[str, Callable[[int, int, int], bool]] = {
    "SmallestImagePixelValue": lambda value, low, high: value == low,
    "LargestImagePixelValue": lambda value, low, high: value == high,
    "SmallestPixelValueInSeries": lambda value, low, high: value <= low,
    "LargestPixelValueInSeries": lambda value, low, high: value >= high,
}
# What no pixel is when it lies outside of the numbers that pixels may be (PS3.3 C.7.5.1.1.2).
_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")


def compose_copy(array: Any, wishes: Wishes, syntax: TransferSyntax, codec: Codec | None, options: Any = None) -> Composition:
    """All of an image but its pixels: the template and the attributes as they are, and what the array says of itself.

    The SOP Instance UID stays, unless the compression loses something: pixels of other values are another instance (PS3.3 C.7.6.1.1.5).

    Parameters
    ----------
    array, wishes, syntax, codec, options
        As for :func:`dcmenc.composition.compose`.

    Raises
    ------
    PixelError
        The transfer syntax cannot hold the pixels.
    """
    metadata = take_metadata(wishes)
    pixels, spec = _describe(array, metadata, wishes, packed=codec is None)
    check_syntax(spec, syntax, codec)
    ds, stated = metadata.base, getattr(metadata.base, "PhotometricInterpretation", None)
    ds.update(metadata.given)
    encoded = {} if codec is None else encoded_attributes(codec, spec, "", options)
    loss = encoded.pop(LOSS, None)
    true = _still_true(ds, pixels)
    dropped = [*invalidate(ds, spec, new_values=False), *drop_frames(ds, spec), *_drop_embedded_overlays(ds), *_drop_padding(ds, spec)]
    for element in true:
        # by its keyword: whether it is US or SS, the new pixels decide
        setattr(ds, element.tag.keyword, element.value)
    facts = image_attributes(spec) | (palette_attributes(wishes.colormap) if wishes.colormap is not None else {})
    if "NumberOfFrames" in ds:
        facts["NumberOfFrames"] = spec.frames
    dropped += drop_contradictions(ds, facts)
    dropped += _drop_old_palette(ds, stated, spec)
    overridden = override(ds, facts | encoded | _identity(ds, wishes, spec, lossy=loss is not None))
    if loss is not None:
        record_loss(ds, loss)
    ds.preamble, ds.file_meta = bytes(128), _file_meta(ds, syntax)
    kept = {element.tag.keyword for element in true}
    return Composition(pixels, spec, ds, _report([row for row in dropped if row.keyword not in kept], overridden))


def _describe(array: Any, metadata: Metadata, wishes: Wishes, *, packed: bool) -> tuple[np.ndarray[Any, Any], ImageSpec]:
    """The pixels and their description; of the metadata, a photometric interpretation of as many samples is believed.

    Bits stay bits where the metadata allocate one for each pixel, and the transfer syntax has them ``packed`` (PS3.5 8.1.1).
    """
    pixels, photometric = as_pixels(array), metadata.wanted.photometric
    bits = metadata.wanted.bits_stored
    if pixels.dtype == bool and not (packed and getattr(metadata.base, "BitsAllocated", None) == 1):
        pixels, bits = zeros_and_ones(pixels), bits or 1
    stated = getattr(metadata.base, "PhotometricInterpretation", None)
    gray = PHOTOMETRICS.get(stated) if isinstance(stated, str) else None
    spec = ImageSpec.from_array(pixels, bits_stored=bits, photometric=photometric, samples=wishes.samples)
    if photometric is None and gray is not None and gray.samples == spec.samples == 1 and (gray.gray or _has_palette(metadata.base)):
        # colour is RGB: Y'CbCr that was read has become red, green and blue
        spec = ImageSpec.from_array(pixels, bits_stored=bits, photometric=stated)
    return pixels, spec


def _has_palette(ds: Dataset) -> bool:
    return "RedPaletteColorLookupTableDescriptor" in ds


def _identity(ds: Dataset, wishes: Wishes, spec: ImageSpec, *, lossy: bool) -> dict[str, str]:
    """The class and the instance, which no file is without (PS3.10 7.1)."""
    identity = {}
    if wishes.sop_class or not getattr(ds, "SOPClassUID", None):
        identity["SOPClassUID"] = wishes.sop_class or default_class(spec)
    if "SOPInstanceUID" not in wishes.attributes and (lossy or not getattr(ds, "SOPInstanceUID", None)):
        identity["SOPInstanceUID"] = (wishes.uid_source or generate_uid)()
    return identity


def _file_meta(ds: Dataset, syntax: TransferSyntax) -> Dataset:
    """The transfer syntax; and the identifiers, where they stand in UN and nobody else could take them for text."""
    meta = Dataset(TransferSyntaxUID=syntax.uid)
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if isinstance(value := getattr(ds, keyword), bytes):
            setattr(meta, f"MediaStorage{keyword}", value.decode("ascii", "replace").rstrip("\0 "))
    return meta


def _still_true(ds: Dataset, pixels: np.ndarray[Any, Any]) -> list[Any]:
    """The smallest and largest values that the new pixels have, too."""
    found = [ds[keyword] for keyword in _COUNTED if keyword in ds]
    if not found:
        return []
    low, high = int(pixels.min()), int(pixels.max())
    return [element for element in found
            if isinstance(element.value, int) and _COUNTED[element.tag.keyword](element.value, low, high)]


def _drop_padding(ds: Dataset, spec: ImageSpec) -> list[Dropped]:
    """Padding that pixels of the new sign cannot be; a range without one of its ends is none.

    What a file has as US or SS, and whose sign is not another now, is left as it is, be it right or not.
    """
    low, high = (-0x8000, 0x7FFF) if spec.signed else (0, 0xFFFF)
    open_ones = [ds[keyword].value for keyword in _PADDING if keyword in ds and ds[keyword].vr in AMBIGUOUS]
    values = [value for value in open_ones if isinstance(value, int)]
    tags = [Tag(keyword) for keyword in _PADDING if keyword in ds] if any(not low <= value <= high for value in values) else []
    for tag in tags:
        del ds[tag]
    return [Dropped(str(tag), tag.keyword, f"no {'signed' if spec.signed else 'unsigned'} pixel has this value") for tag in tags]


def _drop_embedded_overlays(ds: Dataset) -> list[Dropped]:
    """Overlays whose bits were among those of the old pixels (PS3.5 8.1.2)."""
    dropped = []
    for group in GROUPS:
        if (group, 0x0010) in ds and (group, 0x3000) not in ds:
            tags = [tag for tag in ds if tag >> 16 == group]
            dropped += [Dropped(str(tag), Tag(tag).keyword, "lies in bits of the old pixels") for tag in tags]
            for tag in tags:
                del ds[tag]
    return dropped


def _drop_old_palette(ds: Dataset, stated: Any, spec: ImageSpec) -> list[Dropped]:
    """The palette of old pixels, where the new ones are no indices of it; one that supplements shades of gray stays (PS3.3 C.7.6.19)."""
    if spec.photometric == "PALETTE COLOR" or (spec.samples == 1 and stated != "PALETTE COLOR"):
        return []
    dropped = [Dropped(str(Tag(keyword)), keyword, "belongs to PALETTE COLOR") for keyword in PALETTE_KEYWORDS if keyword in ds]
    for row in dropped:
        del ds[row.keyword]
    return dropped


def _report(dropped: list[Dropped], overridden: dict[str, str]) -> Report:
    findings = [Finding("info", "dropped", row.path, row.keyword, f"was left out: {row.reason}", "") for row in dropped]
    findings += [Finding("info", "overridden", str(Tag(keyword)), keyword, f"was {old}; the pixels say otherwise", "")
                 for keyword, old in overridden.items()]
    return Report(tuple(findings), tuple(row.keyword or row.path for row in dropped), tuple(overridden))
