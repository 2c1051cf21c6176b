"""Which pixels a SOP class holds, and what a writer states of images that it made: the classes of Secondary Capture (PS3.3 A.8).

The other classes have the pixels that ``iod_tables.py`` says. What a dataset lacks is filled in by ``completion.py`` and missed by
``verification.py``. How pixels are described is in ``pixels.py``; no files here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from .dictionary import Tag
from .iod_tables import Context, attributes_of, evaluate, modules_of
from .model import Dataset
from .uid import uid_name

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SINGLE_BIT = f"{SECONDARY_CAPTURE}.1"
GRAYSCALE_BYTE = f"{SECONDARY_CAPTURE}.2"
GRAYSCALE_WORD = f"{SECONDARY_CAPTURE}.3"
TRUE_COLOR = f"{SECONDARY_CAPTURE}.4"


class Capture(NamedTuple):
    """A class of Secondary Capture: the values that its pixels may have, and what a writer states where nothing else is given."""

    pixels: Mapping[str, tuple[Any, ...]]
    stated: Mapping[str, Any]


# "OT" and "WSD": an image of no known modality, made on a workstation (PS3.3 C.7.3.1.1.1, C.8.6.1).
_MADE_HERE = {"Modality": "OT", "ConversionType": "WSD"}
# YES, because a writer can't see whether an identifying text is in the pixels, and NO would vouch for it.
_FRAMES_MADE_HERE = {**_MADE_HERE, "BurnedInAnnotation": "YES"}
# All that several frames may say of what their gray levels mean (PS3.3 C.8.6.3).
IDENTITY: Mapping[str, Any] = {"PresentationLUTShape": "IDENTITY", "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "US"}

_BYTE = {"BitsAllocated": (8,), "BitsStored": (8,), "HighBit": (7,), "PixelRepresentation": (0,)}
_GRAY = {"SamplesPerPixel": (1,), "PhotometricInterpretation": ("MONOCHROME2",)}

CAPTURES: Mapping[str, Capture] = {
    SECONDARY_CAPTURE: Capture(  # PS3.3 A.8.1
        {"NumberOfFrames": (1,), "BitsAllocated": (1, 8, 16, 32)}, _MADE_HERE),
    SINGLE_BIT: Capture(  # PS3.3 A.8.2
        {**_GRAY, "BitsAllocated": (1,), "BitsStored": (1,), "HighBit": (0,), "PixelRepresentation": (0,)}, _FRAMES_MADE_HERE),
    GRAYSCALE_BYTE: Capture(  # PS3.3 A.8.3
        {**_GRAY, **_BYTE}, {**_FRAMES_MADE_HERE, **IDENTITY}),
    GRAYSCALE_WORD: Capture(  # PS3.3 A.8.4
        {**_GRAY, "BitsAllocated": (16,), "BitsStored": tuple(range(9, 17)), "HighBit": tuple(range(8, 16)), "PixelRepresentation": (0,)},
        {**_FRAMES_MADE_HERE, **IDENTITY}),
    TRUE_COLOR: Capture(  # PS3.3 A.8.5
        {"SamplesPerPixel": (3,), "PhotometricInterpretation": ("RGB", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", "YBR_PARTIAL_420"),
         "PlanarConfiguration": (0,), **_BYTE},
        _FRAMES_MADE_HERE),
}
# Those of several frames.
MULTI_FRAME = frozenset(CAPTURES) - {SECONDARY_CAPTURE}


_PIXEL_KEYWORDS = ("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit",
                   "PixelRepresentation")


# The elements that hold integers, floats of 32 bits and of 64; an image has one of them (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25).
PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@cache
def pixel_elements(sop_class: str) -> tuple[str, ...]:
    """The elements that may hold the pixels of a class; none for a class without pixels.

    >>> pixel_elements("1.2.840.10008.5.1.4.1.1.4"), pixel_elements("1.2.840.10008.5.1.4.1.1.66.8")
    (('PixelData',), ('FloatPixelData',))
    """
    return tuple(element for element in PIXEL_ELEMENTS if pixel_rules(sop_class, element) is not None)


@cache
def pixel_rules(sop_class: str, element: str = "PixelData") -> Mapping[str, tuple[Any, ...]] | None:
    """The values that the attributes of pixels may have in a class, by keyword; None for a class that has not the element for them.

    >>> pixel_rules("1.2.840.10008.5.1.4.1.1.4")["BitsAllocated"], pixel_rules("1.2.840.10008.5.1.4.1.1.104.1")
    ((16,), None)
    >>> pixel_rules("1.2.840.10008.5.1.4.1.1.30", "DoubleFloatPixelData")["BitsAllocated"]
    (64,)
    """
    if sop_class in CAPTURES:
        return CAPTURES[sop_class].pixels if element == "PixelData" else None
    modules = [module for module in modules_of(sop_class) if module.usage in "MC" and _goes_with(module, element)]
    rows = attributes_of(sop_class, [module.name for module in modules])
    if Tag(element) not in rows:
        return None
    context = Context(Dataset({element: bytes(8)}))
    rules: dict[str, tuple[Any, ...]] = {}
    for keyword in _PIXEL_KEYWORDS:
        row = rows.get(Tag(keyword))
        lists = [one.values for one in row.values if one.enumerated and not one.place and evaluate(one.when, context)] if row else []
        if lists:
            rules[keyword] = min(lists, key=len)
    if Tag("NumberOfFrames") not in attributes_of(sop_class, [module.name for module in modules_of(sop_class)]):
        rules["NumberOfFrames"] = (1,)
    return rules


def _goes_with(module: Any, element: str) -> bool:
    """Whether no other element for pixels is in the module."""
    others = {Tag(other) for other in PIXEL_ELEMENTS if other != element}
    return not any(row.tag in others for row in module.attributes)


def misfits(sop_class: str, attributes: Mapping[str, Any], element: str = "PixelData") -> dict[str, str]:
    """The attributes of pixels that a SOP class does not allow, by keyword, with the reason; ``element`` holds the pixels.

    >>> misfits(GRAYSCALE_BYTE, {"BitsAllocated": 8, "PhotometricInterpretation": "MONOCHROME1"})
    {'PhotometricInterpretation': "is 'MONOCHROME1', where the class has 'MONOCHROME2'"}
    """
    held = pixel_elements(sop_class)
    if held and element not in held:
        return {element: f"is not of the class, which has {' or '.join(held)}"}
    allowed = pixel_rules(sop_class, element) or {}
    wrong = (keyword for keyword, values in allowed.items() if attributes.get(keyword, values[0]) not in values)
    return {keyword: f"is {attributes[keyword]!r}, where the class has {' or '.join(map(repr, allowed[keyword]))}" for keyword in wrong}


def class_name(uid: Any) -> str:
    """The name of a SOP class, or the UID where it has none."""
    return (uid_name(uid) if isinstance(uid, str) else "") or repr(uid)
