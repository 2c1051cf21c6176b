"""The doors for arrays: ``imwrite`` brings pixels, metadata, IOD and file together, ``imread`` takes the pixels out (PS3.3 A.8, PS3.10 7).

What an array says of itself is in ``pixels.py``, what a SOP class demands in ``iod.py``, and how the file is laid out
in ``part10.py``; ``frames.py`` makes arrays of pixels. No bytes of its own here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from . import iod
from ._shapes import is_foreign
from .colours import as_rgb, colormap_from_zero
from .dictionary import Tag, keyword_table, nearest_keywords
from .errors import CodecUnavailable, EncodeError, PixelError
from .frames import spec_of, stored_values
from .model import Dataset
from .part10 import dcmwrite, dumps
from .pixels import (
    PALETTE_KEYWORDS,
    PIXEL_ELEMENTS,
    Dropped,
    ImageSpec,
    as_pixels,
    image_attributes,
    integer_way_out,
    invalidate,
    native_bytes,
    palette_attributes,
)
from .reader import dcmread
from .report import Finding, Report
from .sinks import Target
from .uid import UNSTORABLE, TransferSyntax, sop_class, transfer_syntax, uid_name
from .values import LENIENT, Policy, describe, shorten


def imwrite(
    target: Target,
    array: Any,
    /,
    *,
    compression: str | None = None,
    sop_class: str | None = None,
    photometric: str | None = None,
    colormap: Any = None,
    bits_stored: int | None = None,
    template: Any = None,
    verify: bool = True,
    exist_ok: bool = True,
    durable: bool = False,
    keep_preamble: bool = False,
    policy: Policy | None = None,
    uid_source: Callable[[], str] | None = None,
    clock: Callable[[], Any] | None = None,
    **attributes: Any,
) -> Report:
    """Write an array as a DICOM image (PS3.3 A.8): Secondary Capture, or its multi-frame class for several frames.

    Values are written as they are, never rescaled. UIDs, the empty Type 2 attributes, Modality OT and ConversionType WSD
    are filled in where nothing else is given; several frames also get BurnedInAnnotation YES, since nobody but you can
    vouch for NO.

    Parameters
    ----------
    target : str, bytes, os.PathLike or object with ``write``
        A path is replaced in one step, when the file is complete.
    array : array_like
        (rows, columns), (rows, columns, 3), (frames, rows, columns) or (frames, rows, columns, 3), in C order and never
        transposed, of bool, or integers of 8, 16 or 32 bits. Three axes with 3 last are one colour image unless
        ``photometric`` is of one sample. Bool is packed where the class holds single bits, else it becomes 0 and 1.
    compression : str, optional
        "explicit" (the default), "implicit", "big-endian" (retired: warns), "deflated", or one of their UIDs.
    sop_class : str, optional
        UID, name or short form. By default the template's if it can hold the array, else Secondary Capture for one frame
        and for several the Multi-frame class for the kind of pixels.
    photometric : str, optional
        MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or YBR_FULL. By default RGB for three samples, for one MONOCHROME2, or
        MONOCHROME1 if the template has it.
    colormap : array_like, shape (entries, 3), optional
        Makes the array indices of a palette: floats from 0 to 1, uint8 or uint16.
    bits_stored : int, optional
        How many bits hold the value; a sample that needs more is an error.
    template : Dataset, pydicom.Dataset, mapping, str or os.PathLike, optional
        Metadata to take over, a path being that of a DICOM file; what new pixels make untrue is dropped and named in the report.
    verify : bool
        Check against the IOD before anything is written.
    exist_ok, durable, policy
        As for :func:`dcmenc.dcmwrite`.
    keep_preamble : bool
        Take over the template's preamble instead of 128 zero bytes.
    uid_source : callable, optional
        Gives a new UID each time; by default :func:`dcmenc.uid.generate_uid`.
    clock : callable, optional
        Gives the ``datetime`` for the date and time of creation; by default the present local time.
    **attributes
        DICOM keywords; they win over the template, and lose only to what the array says of itself.

    Returns
    -------
    Report
        Findings of the check, attributes that were dropped or overridden, the files written.

    Raises
    ------
    PixelError
        Pixels that DICOM, or the SOP class, cannot hold; the message names the ways out.
    VerifyError
        The dataset breaks its IOD; nothing is written.
    CodecUnavailable
        A compression that this version does not write.
    TypeError
        An unknown name among the attributes, or a template of the wrong kind.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> file = io.BytesIO()
    >>> imwrite(file, np.zeros((4, 5), "u2"), bits_stored=12, PatientName="Yamada^Tarou").ok
    True
    >>> file.getvalue()[128:132]
    b'DICM'
    """
    _check_names(attributes)
    if isinstance(array, (str, bytes, os.PathLike)):
        raise TypeError("the target comes first, then the array: imwrite(target, array)")
    syntax = _choose_syntax(compression)
    given = Dataset(attributes, policy=policy)
    base = _take_template(template, policy)
    wanted = _choose_pixels(given, base, photometric, bits_stored, colormap is not None)
    pixels, spec, uid = _describe(array, wanted, _wanted_class(sop_class, given, base))
    if syntax.big_endian and spec.allocated > 16:
        raise PixelError("readers disagree on the byte order of 32-bit samples in Explicit VR Big Endian; use another compression=")
    ds, changes = _assemble(base, given, spec, uid, colormap)
    setattr(ds, spec.keyword, native_bytes(pixels, spec))
    filled = iod.complete(ds, uid, uid_source=uid_source, clock=clock)
    report = _report(ds, changes, filled, verify)
    ds.preamble = base.preamble if keep_preamble and base.preamble else bytes(128)
    ds.file_meta = Dataset(TransferSyntaxUID=syntax.uid)
    dcmwrite(target, ds, exist_ok=exist_ok, durable=durable, policy=policy)
    return Report(report.findings, report.dropped, report.overridden, _paths(target))


def imread(source: Any, /, *, frame: int | None = None, color: str | None = None, return_colormap: bool = False) -> Any:
    """Read the pixels of a DICOM image: stored values, never rescaled, inverted or windowed (PS3.3 C.7.6.3).

    Parameters
    ----------
    source : str, os.PathLike, bytes-like, binary file object or Dataset
        A path, the content of a file, or a dataset that has been read.
    frame : int, optional
        Gives this frame alone; counted from 0, or from -1 backwards.
    color : {"rgb"}, optional
        Red, green and blue from PALETTE COLOR, YBR_FULL and YBR_FULL_422; RGB stays, gray is refused.
    return_colormap : bool
        Gives the palette, too.

    Returns
    -------
    array : ndarray, shape (rows, columns[, samples]), or (frames, rows, columns[, samples]) for several frames
        Your own, to be written into: nothing that happens to the file or the dataset later changes it.
        ``dcmenc.frames.stored_values(dcmenc.dcmread(source))`` gives a read-only view instead, where the bytes allow it.
    colormap : ndarray of uint8 or uint16, shape (entries, 3), or None
        With ``return_colormap``: the colours of value 0, 1, ..., so that ``colormap[array]`` shows the image. A palette of unsigned
        pixels that begins at 0 has the entries of the file; higher values than it has entries show the last one, which only
        ``color="rgb"`` does for you. Any other has a row for each of the 2**BitsStored values: those before the palette have its
        first colour, those behind it the last, and negative values count from the end, as NumPy does. None if the pixels are
        not indices of a palette, or have become colours.

    Raises
    ------
    ReadError
        The source is no DICOM file.
    PixelError
        Attributes that describe no image, too few bytes, or no colour where ``color`` asks for it.
    IndexError
        There is no such frame.
    CodecUnavailable
        Compressed pixels, which this version does not decode.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> file = io.BytesIO()
    >>> report = imwrite(file, np.array([[0, 1, 1]], "u1"), colormap=[[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]])
    >>> array, colormap = imread(file.getvalue(), return_colormap=True)
    >>> array.tolist(), colormap.tolist()
    ([[0, 1, 1]], [[0, 0, 0], [65535, 32768, 0]])
    """
    if color not in (None, "rgb"):
        raise ValueError(f"color is 'rgb' or None, not {color!r}")
    ds = source if isinstance(source, Dataset) else dcmread(source)
    array = stored_values(ds, frame=frame)
    if color:
        array = as_rgb(array, ds, spec_of(ds))
    if not array.flags.writeable:
        # a view would keep the whole file in memory, and be read-only or not as its bits happen to be
        array = array.copy()
    if not return_colormap:
        return array
    indexed = not color and spec_of(ds).photometric == "PALETTE COLOR"
    return array, colormap_from_zero(ds, spec_of(ds)) if indexed else None


# What is not to be set as an attribute, and what to give instead.
_NOT_ATTRIBUTES = dict.fromkeys(PIXEL_ELEMENTS, "the pixels are the array") | {
    "TransferSyntaxUID": "the transfer syntax is chosen by compression=",
}


def _check_names(attributes: Mapping[str, Any]) -> None:
    """Every name that is no option is a keyword of a data set."""
    for name in attributes:
        entry = keyword_table().get(name)
        if name in _NOT_ATTRIBUTES:
            raise TypeError(f"{name} is not given as an attribute: {_NOT_ATTRIBUTES[name]}")
        if entry is None:
            raise TypeError(_unknown_name(name))
        if entry.tag >> 16 in (0x0000, 0x0002):
            raise TypeError(f"{name} is not part of a data set: groups 0000 and 0002 are filled in when it is sent or written")


def _unknown_name(name: str) -> str:
    from difflib import get_close_matches

    options = list(imwrite.__kwdefaults__ or ())
    near = get_close_matches(name, options, 2)
    keywords = nearest_keywords(name)
    return (f"{name} is neither an option of imwrite (nearest: {', '.join(near)}; all: {', '.join(options)}) "
            f"nor a DICOM keyword (nearest: {', '.join(keywords) or 'none'})").replace("nearest: ; ", "")


# The syntaxes of native Pixel Data that files are written in.
_UNCOMPRESSED = ("explicit", "implicit", "big-endian", "deflated")


def _choose_syntax(compression: str | None) -> TransferSyntax:
    if compression is not None and not isinstance(compression, str):
        raise TypeError(f"compression is a name, a UID or None, not {type(compression).__name__}")
    syntax = transfer_syntax("explicit" if compression is None else compression)
    if syntax.uid in UNSTORABLE:
        raise ValueError(f"{syntax.name} is for transport only; no file can be stored in it")
    if syntax not in map(transfer_syntax, _UNCOMPRESSED):
        raise CodecUnavailable(f"this version of dcmenc writes uncompressed pixels only ({', '.join(_UNCOMPRESSED)}), not {syntax.name}")
    return syntax


def _take_template(template: Any, policy: Policy | None) -> Dataset:
    """A dataset of our own with the template's elements, without its pixels and without what belongs to its file."""
    if template is None:
        return Dataset(policy=policy)
    if isinstance(template, (str, os.PathLike)):
        template = dcmread(template, stop_before_pixels=True)
    elif is_foreign(template):
        template = _of_pydicom(template)
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


def _of_pydicom(template: Any) -> Dataset:
    """A pydicom dataset as dcmenc reads it; one that nobody has decided an encoding for is written in Explicit VR Little Endian."""
    try:
        data = dumps(template)
    except EncodeError:
        data = dumps(template, implicit_vr=False, little_endian=True, force_encoding=True)
    return dcmread(data, stop_before_pixels=True, force=True)


class _Wanted(NamedTuple):
    """What the caller says of the pixels; ``inverted`` if the template's are MONOCHROME1 and nothing else is said."""

    photometric: str | None
    bits_stored: int | None
    inverted: bool


def _choose_pixels(given: Dataset, base: Dataset, photometric: str | None, bits_stored: int | None, palette: bool) -> _Wanted:
    """Options, or the attributes of the same meaning; a template decides only between MONOCHROME2 and MONOCHROME1."""
    photometric = _agreed("photometric", photometric.upper() if photometric else None, given, "PhotometricInterpretation")
    bits_stored = _agreed("bits_stored", bits_stored, given, "BitsStored")
    if palette:
        if photometric not in (None, "PALETTE COLOR"):
            raise PixelError(f"a colormap goes with PALETTE COLOR, not with {photometric}")
        photometric = "PALETTE COLOR"
    elif photometric == "PALETTE COLOR" and not any("RedPaletteColorLookupTableDescriptor" in ds for ds in (given, base)):
        raise PixelError("PALETTE COLOR needs its palette: give colormap=, or the lookup tables in the template")
    return _Wanted(photometric, bits_stored, photometric is None and getattr(base, "PhotometricInterpretation", None) == "MONOCHROME1")


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
}


def _wanted_class(option: str | None, given: Dataset, base: Dataset) -> tuple[str | None, bool]:
    """The SOP class that is asked for, and whether another may take its place because it is only the template's."""
    asked = option or getattr(given, "SOPClassUID", None)
    uid = sop_class(asked) if asked else getattr(base, "SOPClassUID", None)
    if uid is not None and uid not in iod.IODS:
        known = ", ".join(f"{uid_name(each)} ({each})" for each in iod.IODS)
        way_out = "build the dataset and use dcmwrite" if asked else "give sop_class='SC' to write it as Secondary Capture"
        raise ValueError(f"this version's imwrite makes no {uid_name(uid) or uid}, but {known}; {way_out}")
    return uid, not asked


def _describe(array: Any, wanted: _Wanted, wish: tuple[str | None, bool]) -> tuple[np.ndarray[Any, Any], ImageSpec, str]:
    """The pixels, their description, and the SOP class that holds them."""
    pixels, (uid, replaceable) = as_pixels(array), wish
    spec = ImageSpec.from_array(pixels, bits_stored=wanted.bits_stored if pixels.dtype != bool else None, photometric=wanted.photometric)
    if wanted.inverted and spec.samples == 1:
        spec = replace(spec, photometric="MONOCHROME1")
    if spec.kind == "float":
        way_out = integer_way_out(pixels)
        raise PixelError(f"Secondary Capture holds integers, not {pixels.dtype}, and nothing is rescaled silently: {way_out}")
    if uid is None or (replaceable and _misfits(uid, spec)):
        uid = _default_class(spec)
    if spec.kind == "bit" and uid != iod.SINGLE_BIT:
        pixels = pixels.view(np.uint8)
        spec = ImageSpec.from_array(pixels, bits_stored=wanted.bits_stored or 1, photometric=spec.photometric)
    elif spec.kind == "bit" and wanted.bits_stored not in (None, 1):
        raise PixelError(f"a single bit has 1 bit stored, not {wanted.bits_stored}")
    wrong = _misfits(uid, spec)
    if wrong:
        raise PixelError(_refusal(uid, wrong))
    return pixels, spec, uid


def _default_class(spec: ImageSpec) -> str:
    if spec.frames == 1:
        return iod.SECONDARY_CAPTURE
    uid = _MULTI_FRAME.get((spec.kind, spec.allocated, spec.samples))
    if uid is None:
        words = f"{spec.frames} frames of {spec.allocated}-bit {spec.photometric}"
        raise PixelError(f"no Secondary Capture class holds {words}: {_WAYS_OUT['BitsAllocated']}")
    return uid


def _misfits(uid: str, spec: ImageSpec) -> dict[str, str]:
    return iod.misfits(uid, image_attributes(spec))


def _refusal(uid: str, wrong: Mapping[str, str]) -> str:
    faults = "; ".join(f"{keyword} {message}" for keyword, message in wrong.items())
    way_out = next((_WAYS_OUT[keyword] for keyword in _WAYS_OUT if keyword in wrong), _WAYS_OUT["BitsStored"])
    return f"{uid_name(uid)} cannot hold the array: {faults}. Ways out: {way_out}"


class _Changes(NamedTuple):
    """What became of the caller's metadata: left out, replaced (with the value that was)."""

    dropped: list[Dropped]
    overridden: dict[str, str]


def _assemble(base: Dataset, given: Dataset, spec: ImageSpec, uid: str, colormap: Any) -> tuple[Dataset, _Changes]:
    """Template, then the caller's attributes, then what the pixels say; ``base`` becomes the result."""
    dropped = invalidate(base, spec)
    base.update(given)
    facts = image_attributes(spec) | (palette_attributes(colormap) if colormap is not None else {}) | {"SOPClassUID": uid}
    if "NumberOfFrames" in base:
        facts["NumberOfFrames"] = spec.frames
    dropped += _drop_contradictions(base, facts)
    overridden = {}
    for keyword, fact in facts.items():
        old = base.get(keyword)
        setattr(base, keyword, fact)
        if old is not None and old.value is not None and Dataset({keyword: old}, policy=LENIENT) != Dataset({keyword: base[keyword]}):
            overridden[keyword] = shorten(old.value, 40)
    return base, _Changes(dropped, overridden)


def _drop_contradictions(ds: Dataset, facts: Mapping[str, Any]) -> list[Dropped]:
    """Take out what the caller gave and the pixels have no use for."""
    useless = {} if "PlanarConfiguration" in facts else {"PlanarConfiguration": "a pixel has one sample"}
    if "RedPaletteColorLookupTableData" in facts:
        useless |= dict.fromkeys((keyword for keyword in PALETTE_KEYWORDS if keyword not in facts), "the palette is the colormap")
    dropped = [Dropped(str(Tag(keyword)), keyword, reason) for keyword, reason in useless.items() if keyword in ds]
    for row in dropped:
        del ds[row.keyword]
    return dropped


def _report(ds: Dataset, changes: _Changes, filled: list[str], verify: bool) -> Report:
    """The report without its files; with ``verify``, an error of the IOD is raised."""
    findings = [Finding("info", "dropped", row.path, row.keyword, f"was left out: {row.reason}", "") for row in changes.dropped]
    for keyword, old in changes.overridden.items():
        message = f"is {shorten(getattr(ds, keyword), 40)}, as the pixels and the class say, not {old}"
        findings.append(Finding("info", "overridden", str(Tag(keyword)), keyword, message, ""))
    if "BurnedInAnnotation" in filled:
        message = "is YES because nothing was given; give NO if no identifying text is in the pixels"
        findings.append(Finding("info", "assumed", str(Tag("BurnedInAnnotation")), "BurnedInAnnotation", message, "PS3.3 C.8.6.3"))
    if (frames := getattr(ds, "NumberOfFrames", None)) is not None:
        message = (f"the array was taken as {frames} frames of {ds.Rows} rows and {ds.Columns} columns; "
                   "if its last axis counts the slices, give numpy.moveaxis(array, -1, 0)")
        findings.append(Finding("info", "frames", str(Tag("NumberOfFrames")), "NumberOfFrames", message, ""))
    checked = iod.check(ds).findings if verify else ()
    report = Report((*checked, *findings), tuple(row.keyword or row.path for row in changes.dropped), tuple(changes.overridden))
    report.raise_for_errors()
    return report


def _paths(target: Any) -> tuple[str, ...]:
    return (os.fsdecode(target),) if isinstance(target, (str, bytes, os.PathLike)) else ()
