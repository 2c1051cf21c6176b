"""From an array and metadata to a dataset that describes the pixels: template, attributes, SOP class, IOD (PS3.3 A.8).

What an array says of itself is in ``pixels.py``, what a SOP class demands in ``iod.py``. The pixels themselves are put in by the doors of
``images.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from operator import index
from typing import Any, NamedTuple

import numpy as np

from . import iod, iod_tables, verification
from ._shapes import is_foreign
from .codecs import Codec, check_profile, options_of
from .completion import complete
from .dictionary import Tag, keyword_table, nearest_keywords
from .errors import EncodeError, PixelError
from .lossy import LOSS, record_loss
from .model import Dataset, Sequence
from .part10 import dumps
from .pixels import (
    PALETTE_KEYWORDS,
    PHOTOMETRICS,
    PIXEL_ELEMENTS,
    Dropped,
    ImageSpec,
    as_pixels,
    check_native,
    image_attributes,
    integer_way_out,
    invalidate,
    palette_attributes,
    zeros_and_ones,
)
from .reader import dcmread
from .report import Finding, Report
from .uid import TransferSyntax, sop_class, uid_name
from .values import LENIENT, Fragments, Policy, describe, shorten

# What is not to be set as an attribute, and what to give instead.
_NOT_ATTRIBUTES = dict.fromkeys(PIXEL_ELEMENTS, "the pixels are the array") | {
    "TransferSyntaxUID": "the transfer syntax is chosen by compression=",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller of :func:`dcmenc.imwrite` or :class:`dcmenc.Writer` says beside the array; the names are theirs.

    ``samples`` says what three axes are, where that is known.
    """

    attributes: Mapping[str, Any] | Dataset
    sop_class: str | None = None
    photometric: str | None = None
    colormap: Any = None
    bits_stored: int | None = None
    template: Any = None
    verify: bool = True
    keep_preamble: bool = False
    policy: Policy | None = None
    uid_source: Callable[[], str] | None = None
    clock: Callable[[], Any] | None = None
    samples: int | None = None


class Composition(NamedTuple):
    """The array as it is going to be stored, its description, the dataset without its pixels, and what is to be reported."""

    pixels: np.ndarray[Any, Any]
    spec: ImageSpec
    dataset: Dataset
    report: Report


def compose(array: Any, wishes: Wishes, syntax: TransferSyntax, codec: Codec | None, options: Any = None) -> Composition:
    """All of an image but its pixels.

    Parameters
    ----------
    array : array_like
        Only its shape and dtype play a part.
    wishes : Wishes
    syntax : TransferSyntax
        Of the file.
    codec : Codec or None
        Of the transfer syntax, None for native pixels.
    options : optional
        Of the codec.

    Raises
    ------
    PixelError, VerifyError, TypeError, ValueError
        As :func:`dcmenc.imwrite` says.
    """
    metadata = take_metadata(wishes)
    pixels, spec, uid = _describe(array, metadata.wanted, _wanted_class(wishes.sop_class, metadata.given, metadata.base), codec, syntax)
    check_syntax(spec, syntax, codec)
    encoded = {} if codec is None else encoded_attributes(codec, spec, uid, options)
    ds, report = _complete(metadata, wishes, spec, uid, encoded, syntax)
    return Composition(pixels, spec, ds, report)


_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


class Wanted(NamedTuple):
    """What the caller says of the pixels; ``inverted`` if the template's are MONOCHROME1 and nothing else is said.

    ``binary`` if a segmentation is to hold single bits (PS3.3 C.8.20.2).
    """

    photometric: str | None
    bits_stored: int | None
    inverted: bool
    samples: int | None
    binary: bool = False

    def packs_bits(self, uid: str) -> bool:
        """Whether the class holds single bits of bool."""
        return uid == iod.SINGLE_BIT or (self.binary and uid == _SEGMENTATION)


class Metadata(NamedTuple):
    """The caller's datasets: the template's and the attributes; and what they and the options say of the pixels."""

    base: Dataset
    given: Dataset
    wanted: Wanted


def take_metadata(wishes: Wishes) -> Metadata:
    """What the caller has given beside the pixels, as datasets of our own."""
    given = Dataset(wishes.attributes, policy=wishes.policy)
    if any(isinstance(element.value, Sequence) for element in given.values()):
        # items are filled where they stand: the caller's stay as they are
        given = deepcopy(given)
    base = take_template(wishes.template, wishes.policy)
    if getattr(base, "LossyImageCompression", None) == "01" and getattr(given, "LossyImageCompression", "01") != "01":
        raise ValueError("LossyImageCompression is 01 in the metadata that are taken over, and never becomes another again "
                         "(PS3.3 C.7.6.1.1.5); leave it out there if it is of other pixels")
    return Metadata(base, given, _choose_pixels(given, base, wishes))


def asked_class(wishes: Wishes) -> str | None:
    """The SOP class that the caller asks for, or the template's; None where another may take its place, as the pixels say."""
    asked = wishes.sop_class or wishes.attributes.get("SOPClassUID")
    if asked:
        return sop_class(asked)
    template = wishes.template
    if isinstance(template, (str, os.PathLike)):
        template = dcmread(template, specific_tags=["SOPClassUID"])
    uid = template.get("SOPClassUID") if isinstance(template, Mapping) else getattr(template, "SOPClassUID", None)
    uid = getattr(uid, "value", uid)
    return str(uid) if uid is not None and uid not in iod.CAPTURES else None


def is_of_one_frame(uid: str | None) -> bool:
    """Whether the images of a SOP class have one frame, always."""
    return uid is not None and (iod.pixel_rules(uid) or {}).get("NumberOfFrames") == (1,)


def bits_allocated(dtype: np.dtype[Any], wishes: Wishes) -> int:
    """How many bits a sample of the dtype is given: 16 where the class holds words only."""
    return 16 if dtype.itemsize == 1 and _holds_words_only(asked_class(wishes)) else 8 * dtype.itemsize


def class_for(metadata: Metadata, wishes: Wishes, spec: ImageSpec) -> str:
    """The SOP class of pixels that are described already; PixelError if it cannot hold them."""
    uid, replaceable = _wanted_class(wishes.sop_class, metadata.given, metadata.base)
    if uid is None or (replaceable and _misfits(uid, spec)):
        uid = default_class(spec)
    if wrong := _misfits(uid, spec):
        raise PixelError(_refusal(uid, wrong))
    return uid


def compose_encoded(
    metadata: Metadata, wishes: Wishes, spec: ImageSpec, uid: str, encoded: Mapping[str, Any], syntax: TransferSyntax
) -> tuple[Dataset, Report]:
    """All of an image but its pixels, which are encoded already: ``encoded`` is what its dataset says of that, as a codec's ``describe``.

    ``metadata`` is used up.
    """
    return _complete(metadata, wishes, spec, uid, dict(encoded), syntax)


def _complete(
    metadata: Metadata, wishes: Wishes, spec: ImageSpec, uid: str, encoded: dict[str, Any], syntax: TransferSyntax
) -> tuple[Dataset, Report]:
    """The dataset and its report, once the pixels are described."""
    ds, changes = _assemble(metadata.base, metadata.given, spec, uid, wishes.colormap, encoded)
    setattr(ds, spec.keyword, STAND_IN)
    filled = complete(ds, uid, uid_source=wishes.uid_source, clock=wishes.clock)
    report = _report(ds, changes, filled, wishes.verify)
    del ds[spec.keyword]
    ds.preamble = metadata.base.preamble if wishes.keep_preamble and metadata.base.preamble else bytes(128)
    ds.file_meta = Dataset(TransferSyntaxUID=syntax.uid)
    return ds, report


# What the check of the IOD sees in the place of the pixels.
STAND_IN = Fragments((b"\0\0",))


# JPEG Baseline and Extended.
_LOSSY_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")


def check_syntax(spec: ImageSpec, syntax: TransferSyntax, codec: Codec | None) -> None:
    """PixelError if the transfer syntax cannot hold the pixels."""
    if codec is not None:
        is_gray_word = (spec.kind, spec.allocated) == ("integer", 16) and PHOTOMETRICS[spec.photometric].gray
        if syntax.uid in _LOSSY_JPEG and is_gray_word and (spec.signed or spec.stored != 12):
            # as so many CT and MR images are: the list of all syntaxes would hide the one that is meant (PS3.5 8.2.1)
            what, way_out = ("signed ones", "") if spec.signed else (f"of {spec.stored}", "give bits_stored=12 if the values fit, or ")
            raise PixelError(f"{syntax.name} holds unsigned words of 12 bits, not {what}; {way_out}"
                             "JPEG 2000, which is lossy, too (compression='jpeg2000'), holds them")
        check_profile(codec, spec)
    else:
        check_native(spec, big_endian=syntax.big_endian)


def check_names(attributes: Mapping[str, Any], door: str, options: Iterable[str]) -> None:
    """Every name that is no option of the function ``door`` is a keyword of a data set."""
    for name in attributes:
        entry = keyword_table().get(name)
        if name in _NOT_ATTRIBUTES:
            raise TypeError(f"{name} is not given as an attribute: {_NOT_ATTRIBUTES[name]}")
        if entry is None:
            raise TypeError(unknown_name(name, door, list(options)))
        if entry.tag >> 16 in (0x0000, 0x0002):
            raise TypeError(f"{name} is not part of a data set: groups 0000 and 0002 are filled in when it is sent or written")


def unknown_name(name: str, door: str, options: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, options, 2)
    keywords = nearest_keywords(name)
    return (f"{name} is neither an option of {door} (nearest: {', '.join(near)}; all: {', '.join(options)}) "
            f"nor a DICOM keyword (nearest: {', '.join(keywords) or 'none'})").replace("nearest: ; ", "")


def take_template(template: Any, policy: Policy | None) -> Dataset:
    """A dataset of our own with the template's elements, without its pixels and without what belongs to its file."""
    if template is None:
        return Dataset(policy=policy)
    if isinstance(template, (str, os.PathLike)):
        template = dcmread(template)
    elif is_foreign(template):
        template = of_pydicom(template)
    if not isinstance(template, (Dataset, Mapping)):
        raise TypeError(f"a template is a dcmenc.Dataset, a mapping of DICOM keywords or a path, not {describe(template)}")
    own = template.copy() if isinstance(template, Dataset) else Dataset(template, policy=policy)
    own.file_meta = Dataset()
    for tag in [tag for tag in own if tag >> 16 in (0x0000, 0x0002)]:
        del own[tag]
    for keyword in PIXEL_ELEMENTS:
        own.pop(keyword, None)
    own = deepcopy(own)
    own.policy = policy or own.policy
    return own


def of_pydicom(source: Any) -> Dataset:
    """A pydicom dataset as dcmenc reads it; one that nobody has decided an encoding for is written in Explicit VR Little Endian."""
    try:
        data = dumps(source)
    except EncodeError:
        data = dumps(source, implicit_vr=False, little_endian=True, force_encoding=True)
    return dcmread(data, force=True)


def _choose_pixels(given: Dataset, base: Dataset, wishes: Wishes) -> Wanted:
    """Options, or the attributes of the same meaning; a template decides only between MONOCHROME2 and MONOCHROME1."""
    photometric, bits_stored, palette = wishes.photometric, wishes.bits_stored, wishes.colormap is not None
    if photometric is not None and not isinstance(photometric, str):
        raise TypeError(f"photometric is a name, not {type(photometric).__name__}")
    photometric = _agreed("photometric", photometric.upper() if photometric else None, given, "PhotometricInterpretation")
    bits_stored = _agreed("bits_stored", None if bits_stored is None else index(bits_stored), given, "BitsStored")
    if palette:
        if photometric not in (None, "PALETTE COLOR"):
            raise PixelError(f"a colormap goes with PALETTE COLOR, not with {photometric}")
        photometric = "PALETTE COLOR"
    elif photometric == "PALETTE COLOR" and not any("RedPaletteColorLookupTableDescriptor" in ds for ds in (given, base)):
        raise PixelError("PALETTE COLOR needs its palette: give colormap=, or the lookup tables in the template")
    inverted = photometric is None and getattr(base, "PhotometricInterpretation", None) == "MONOCHROME1"
    kinds = (getattr(ds, "SegmentationType", None) for ds in (given, base))
    return Wanted(photometric, bits_stored, inverted, wishes.samples, next(filter(None, kinds), None) == "BINARY")


def _agreed(option: str, value: Any, given: Dataset, keyword: str) -> Any:
    attribute = getattr(given, keyword, None)
    if None not in (value, attribute) and value != attribute:
        raise ValueError(f"{option}={value!r} and {keyword}={attribute!r} contradict each other; give one of them")
    return attribute if value is None else value


# For several frames: what a pixel is -> the class that holds it (PS3.3 A.8.2 to A.8.5).
_MULTI_FRAME = {("bit", 1, 1): iod.SINGLE_BIT, ("integer", 8, 1): iod.GRAYSCALE_BYTE, ("integer", 16, 1): iod.GRAYSCALE_WORD,
                ("integer", 8, 3): iod.TRUE_COLOR}

# How pixels that break a rule of their class may be changed.
_WAYS_OUT = {
    "NumberOfFrames": "let the class follow from the array, or write one file a frame",
    "PhotometricInterpretation": "write one file a frame, or convert the values to MONOCHROME2 (largest value minus sample inverts) or RGB",
    "PixelRepresentation": "write one file a frame, or shift the values to unsigned ones yourself",
    "BitsAllocated": "write one file a frame, or convert: frames are of bool, uint8, uint16 with 9 to 16 bits stored, or uint8 RGB",
    "BitsStored": "write one file a frame, or give another bits_stored",
    "SamplesPerPixel": "let the class follow from the array, or write one file a frame",
    "PixelData": "give floats: .astype('float32') keeps integers of up to 24 bits as they are",
}
# The dtypes of floats, by the element that holds them (PS3.3 C.7.6.24, C.7.6.25).
_FLOATS = {"FloatPixelData": "float32", "DoubleFloatPixelData": "float64"}

# The same for a class that is no Secondary Capture: what else there is depends on the class.
_WAYS_OUT_ELSEWHERE = {
    "NumberOfFrames": "write one file a frame, or choose a class for several",
    "PhotometricInterpretation": "give gray values of one sample (MONOCHROME2: the largest value minus the sample inverts), "
                                 "or sop_class='SC' to keep the colours",
    "PixelRepresentation": "shift the values to unsigned ones yourself",
    "BitsAllocated": "convert the array with astype(), if its values fit",
    "BitsStored": "give another bits_stored",
    "SamplesPerPixel": "give one sample a pixel, or sop_class='SC' to keep the colours",
    "PixelData": _WAYS_OUT["PixelData"],
}


def _wanted_class(option: str | None, given: Dataset, base: Dataset) -> tuple[str | None, bool]:
    """The SOP class that is asked for, and whether another may take its place because it is only the template's."""
    asked = option or getattr(given, "SOPClassUID", None)
    uid = sop_class(asked) if asked else getattr(base, "SOPClassUID", None)
    if uid is not None and not iod.pixel_elements(uid):
        way_out = "build the dataset and use dcmwrite" if asked else "give sop_class='SC' to write it as Secondary Capture"
        raise ValueError(f"imwrite makes no {uid_name(uid) or uid}, which has no pixels or is not known here; {way_out}")
    # a template of another class was made of other pixels; to become Secondary Capture must be asked for
    return uid, not asked and uid in (None, *iod.CAPTURES)


def _describe(
    array: Any, wanted: Wanted, wish: tuple[str | None, bool], codec: Codec | None, syntax: TransferSyntax
) -> tuple[np.ndarray[Any, Any], ImageSpec, str]:
    """The pixels, their description, and the SOP class that holds them."""
    uid, replaceable = wish
    pixels, wanted = _as_words(as_pixels(array), wanted, None if replaceable else uid)
    spec = ImageSpec.from_array(pixels, bits_stored=wanted.bits_stored if pixels.dtype != bool else None, photometric=wanted.photometric,
                                samples=wanted.samples)
    if wanted.inverted and spec.samples == 1:
        spec = replace(spec, photometric="MONOCHROME1")
    if spec.kind == "float" and spec.keyword not in iod.pixel_elements(uid or iod.SECONDARY_CAPTURE):
        raise PixelError(_no_floats(pixels, spec, uid))
    if spec.kind == "bit" and codec is not None and not any(1 in row.allocated for row in codec.profile):
        if uid is not None and wanted.packs_bits(uid) and not replaceable:
            raise PixelError(f"{uid_name(uid)} holds single bits, which {syntax.name} does not; "
                             "leave the class out, or give compression='deflated' or 'encapsulated-uncompressed'")
        # the class for several frames of bytes wants all eight bits
        pixels, stored = _changed(pixels, zeros_and_ones), wanted.bits_stored or (8 if spec.frames > 1 or uid == iod.GRAYSCALE_BYTE else 1)
        spec = ImageSpec.from_array(pixels, bits_stored=stored, photometric=spec.photometric)
    if uid is None or (replaceable and _misfits(uid, spec)):
        uid = default_class(spec)
    if spec.kind == "bit" and not wanted.packs_bits(uid):
        pixels = _changed(pixels, zeros_and_ones)
        spec = ImageSpec.from_array(pixels, bits_stored=wanted.bits_stored or 1, photometric=spec.photometric)
    elif spec.kind == "bit" and wanted.bits_stored not in (None, 1):
        raise PixelError(f"a single bit has 1 bit stored, not {wanted.bits_stored}")
    wrong = _misfits(uid, spec)
    if wrong:
        raise PixelError(_refusal(uid, wrong))
    return pixels, spec, uid


def _no_floats(pixels: np.ndarray[Any, Any], spec: ImageSpec, uid: str | None) -> str:
    """Why a class does not hold the floats, with the ways out: other classes are never chosen without being named."""
    holder = "Secondary Capture" if uid is None or uid in iod.CAPTURES else uid_name(uid)
    others = " and ".join(uid_name(other) for other in iod_tables.sop_classes() if spec.keyword in iod.pixel_elements(other))
    way_out = f"sop_class= takes {_FLOATS[spec.keyword]} as it is for {others}, with the facts that they demand"
    if held := [_FLOATS[keyword] for keyword in iod.pixel_elements(uid or iod.SECONDARY_CAPTURE) if keyword in _FLOATS]:
        return f"{holder} holds {' or '.join(held)}, not {_FLOATS[spec.keyword]}; {way_out}"
    return (f"{holder} holds integers, not {pixels.dtype}, and nothing is rescaled silently: {integer_way_out(pixels)}. "
            f"Or keep the floats: {way_out}")


def _as_words(pixels: np.ndarray[Any, Any], wanted: Wanted, uid: str | None) -> tuple[np.ndarray[Any, Any], Wanted]:
    """Bytes as words for the classes that hold words only, the values unchanged (CT and MR: PS3.3 C.8.2.1.1.4, C.8.3.1.1.4)."""
    if not _holds_words_only(uid) or pixels.dtype.kind not in "biu" or pixels.dtype.itemsize > 1 or wanted.photometric == "PALETTE COLOR":
        return pixels, wanted
    stored = (iod.pixel_rules(str(uid)) or {}).get("BitsStored", (8,))
    if pixels.dtype == bool:
        pixels = _changed(pixels, zeros_and_ones)
    dtype = np.int16 if pixels.dtype.kind == "i" else np.uint16
    words = _changed(pixels, lambda bytes_: bytes_.astype(dtype))
    return words, wanted._replace(bits_stored=wanted.bits_stored or max(8, min(stored)))


def _changed(
    pixels: np.ndarray[Any, Any], change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
) -> np.ndarray[Any, Any]:
    """What a change of each value makes of them; one value that stands for frames still to come stays one, and takes no memory."""
    if any(pixels.strides):
        return change(pixels)
    return np.broadcast_to(change(pixels[(slice(1),) * pixels.ndim]), pixels.shape)


def _holds_words_only(uid: str | None) -> bool:
    return uid is not None and (iod.pixel_rules(uid) or {}).get("BitsAllocated") == (16,)


def default_class(spec: ImageSpec) -> str:
    """The Secondary Capture class of pixels (PS3.3 A.8); PixelError if there is none."""
    if spec.frames == 1:
        return iod.SECONDARY_CAPTURE
    uid = _MULTI_FRAME.get((spec.kind, spec.allocated, spec.samples))
    if uid is None:
        words = f"{spec.frames} frames of {spec.allocated}-bit {spec.photometric}"
        raise PixelError(f"no Secondary Capture class holds {words}: {_WAYS_OUT['BitsAllocated']}")
    return uid


def _misfits(uid: str, spec: ImageSpec) -> dict[str, str]:
    return iod.misfits(uid, image_attributes(spec), spec.keyword)


def _refusal(uid: str, wrong: Mapping[str, str]) -> str:
    faults = "; ".join(f"{keyword} {message}" for keyword, message in wrong.items())
    ways = _WAYS_OUT if uid in iod.CAPTURES else _WAYS_OUT_ELSEWHERE
    way_out = next((ways[keyword] for keyword in ways if keyword in wrong), ways["BitsStored"])
    return f"{uid_name(uid)} cannot hold the array: {faults}. Ways out: {way_out}"


class _Changes(NamedTuple):
    """What became of the caller's metadata: left out, replaced (with the value that was)."""

    dropped: list[Dropped]
    overridden: dict[str, str]


def _assemble(
    base: Dataset, given: Dataset, spec: ImageSpec, uid: str, colormap: Any, encoded: dict[str, Any]
) -> tuple[Dataset, _Changes]:
    """Template, then the caller's attributes, then what the pixels say; ``base`` becomes the result."""
    dropped = invalidate(base, spec)
    base.update(given)
    facts = image_attributes(spec) | (palette_attributes(colormap) if colormap is not None else {}) | {"SOPClassUID": uid}
    if "NumberOfFrames" in base:
        facts["NumberOfFrames"] = spec.frames
    facts |= encoded
    loss = facts.pop(LOSS, None)
    dropped += drop_contradictions(base, facts)
    overridden = override(base, facts)
    if loss is not None:
        record_loss(base, loss)
    return base, _Changes(dropped, overridden)


def override(ds: Dataset, facts: Mapping[str, Any]) -> dict[str, str]:
    """Set what the pixels say; the old values, shortened, of what was another, by keyword."""
    overridden = {}
    for keyword, fact in facts.items():
        old = ds.get(keyword)
        setattr(ds, keyword, fact)
        if old is not None and old.value is not None and Dataset({keyword: old}, policy=LENIENT) != Dataset({keyword: ds[keyword]}):
            overridden[keyword] = shorten(old.value, 40)
    return overridden


def encoded_attributes(codec: Codec, spec: ImageSpec, sop_class: Any, options: Any = None) -> dict[str, Any]:
    """What a dataset takes on for a codec, as far as its SOP class allows it: the classes are stricter than PS3.5 8.2 here and there."""
    attributes = dict(codec.describe(spec, None if options is None else options_of(codec, options)))
    wrong = iod.misfits(sop_class, attributes) if sop_class in iod.CAPTURES else {}
    return {keyword: value for keyword, value in attributes.items() if keyword not in wrong}


def drop_contradictions(ds: Dataset, facts: Mapping[str, Any]) -> list[Dropped]:
    """Take out what the caller gave and the pixels have no use for."""
    useless = {} if "PlanarConfiguration" in facts else {"PlanarConfiguration": "a pixel has one sample"}
    if "BitsStored" not in facts:
        useless |= dict.fromkeys(("BitsStored", "HighBit", "PixelRepresentation"), "describes integers")
    if "RedPaletteColorLookupTableData" in facts:
        useless |= dict.fromkeys((keyword for keyword in PALETTE_KEYWORDS if keyword not in facts), "the palette is the colormap")
    dropped = [Dropped(str(Tag(keyword)), keyword, reason) for keyword, reason in useless.items() if keyword in ds]
    for row in dropped:
        del ds[row.keyword]
    return dropped


def _report(ds: Dataset, changes: _Changes, filled: list[str], verify: bool) -> Report:
    """The report without its files; with ``verify``, an error of the IOD is raised."""
    # some classes have a number of frames even for one
    dropped = [row for row in changes.dropped if row.keyword != "NumberOfFrames" or "NumberOfFrames" not in ds]
    findings = [Finding("info", "dropped", row.path, row.keyword, f"was left out: {row.reason}", "") for row in dropped]
    for keyword, old in changes.overridden.items():
        message = f"is {shorten(getattr(ds, keyword), 40)}, as the pixels and the class say, not {old}"
        findings.append(Finding("info", "overridden", str(Tag(keyword)), keyword, message, ""))
    if "BurnedInAnnotation" in filled:
        message = "is YES because nothing was given; give NO if no identifying text is in the pixels"
        findings.append(Finding("info", "assumed", str(Tag("BurnedInAnnotation")), "BurnedInAnnotation", message, "PS3.3 C.8.6.3"))
    if "ICCProfile" in filled:
        message = "is that of sRGB because nothing was given; give that of the device if the colours are others"
        findings.append(Finding("info", "assumed", str(Tag("ICCProfile")), "ICCProfile", message, "PS3.3 C.11.15"))
    if (frames := getattr(ds, "NumberOfFrames", None) or 1) > 1:
        message = (f"the array was taken as {frames} frames of {ds.Rows} rows and {ds.Columns} columns; "
                   "if its last axis counts the slices, give numpy.moveaxis(array, -1, 0)")
        findings.append(Finding("info", "frames", str(Tag("NumberOfFrames")), "NumberOfFrames", message, ""))
    # what only a person can decide, or nobody has forbidden, is no news to who has just written it
    checked = [finding for finding in verification.check(ds).findings if finding.severity != "info"] if verify else []
    report = Report((*checked, *findings), tuple(row.keyword or row.path for row in dropped), tuple(changes.overridden))
    report.raise_for_errors()
    return report
