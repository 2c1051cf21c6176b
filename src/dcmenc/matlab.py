"""MATLAB's ``dicomwrite`` for arrays and structs of Python (PS3.3 A, PS3.10 7).

Names, defaults and the order of axes are MATLAB's, in these rooms and nowhere else in the package. The arguments are sorted in
``matlab_call.py``, arrays turned in ``matlab_arrays.py``, structs become datasets in ``matlab_fields.py``; what an image is,
``composition.py`` and ``copying.py`` know. No bytes of its own here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from . import iod, verification
from ._shapes import is_foreign
from .codecs import Codec
from .coder import Coder
from .composition import STAND_IN, Composition, Wishes, bits_allocated, check_names, compose, take_template
from .copying import compose_copy
from .dictionary import Tag, keyword_like, lookup
from .errors import PixelError, VerifyError
from .frames import warn
from .images import choose_syntax, report_on, write_composed
from .iod_tables import attributes_of
from .matlab_arrays import frames_first, in_depth, refuse_floats, rescaled, zero_based
from .matlab_call import OPTIONS, Call, Options, compression_of, encoder_options, no_such_name, sort_arguments
from .matlab_dictionary import BOOKKEEPING
from .matlab_fields import lay_over, take_fields
from .matlab_frames import check_free, check_per_frame, frame_paths, metadata_of_frame, share_series, values_of_frame
from .matlab_status import is_news, merged, status_of
from .model import Dataset, Sequence
from .pixels import ImageSpec
from .report import Finding, Report, Status
from .transcoding import free_nested
from .uid import TransferSyntax, generate_uid
from .values import describe
from .window import check_workers

Array = np.ndarray[Any, Any]

# What stored values mean, whatever slope and intercept are; with those: taken out as of another IOD, the pixels would be others.
_OF_VALUES = ("ModalityLUTSequence", "RealWorldValueMappingSequence", "PixelPaddingValue", "PixelPaddingRangeLimit")
_MEANING = frozenset(("RescaleSlope", "RescaleIntercept", "RescaleType", *_OF_VALUES))
_MAKER = ("SecondaryCaptureDeviceManufacturer", "SecondaryCaptureDeviceManufacturerModelName")
_CREATION = ("InstanceCreationDate", "InstanceCreationTime")


class _Given(NamedTuple):
    """The metadata of a call: those of structs, those named by themselves; fields that are unknown, and those that are left out."""

    base: Dataset
    named: Dataset
    unknown: tuple[str, ...]
    left_out: tuple[str, ...]


class _Encoding(NamedTuple):
    """How the file is encoded; ``wished`` says whether the caller chose the transfer syntax, ``ignored`` which options play no part."""

    syntax: TransferSyntax
    codec: Codec | None
    options: Any
    wished: bool
    ignored: tuple[str, ...]


def dicomwrite(X: Any, /, *arguments: Any, **named: Any) -> Status:
    """Write an array as a DICOM image, called as MATLAB's ``dicomwrite`` is.

    ``dicomwrite(X, filename)``, ``dicomwrite(X, map, filename)``, and behind the file name structs of metadata and pairs of names and
    values in any mix, or Python keywords. Names of options, and the words among their values, are taken in any letter case. A name that
    is no option is an attribute. What is named by itself wins over structs, and later structs win over earlier ones; private elements
    stay with their creators, in another block where theirs is taken (PS3.5 7.8.1).

    Parameters
    ----------
    X : array_like
        (rows, columns), (rows, columns, 3), (rows, columns, 1, frames) or (rows, columns, 3, frames), as MATLAB has them, of bool or
        integers of 8, 16 or 32 bits. Floats are refused unless ``rescale`` says otherwise; with a colormap they are indices from 1.
    map : array_like, shape (entries, 3), optional
        Floats from 0 to 1, uint8 or uint16; an empty one is none.
    filename : str, bytes, os.PathLike or object with ``write``
    CompressionMode : {'None', 'RLE', 'JPEG lossless', 'JPEG lossy', 'JPEG2000 lossy', 'JPEG2000 lossless'}
    CreateMode : {'Create', 'Copy'}
        Create: what the IOD requires and a writer may state is filled in, the rest is checked, what is of another IOD left out.
        Copy: the metadata as they are, nothing filled in, nothing checked; the SOP Instance UID stays, too, unless a compression with
        loss makes another instance.
    Dictionary : path
        A dictionary in MATLAB's format, laid over the built-in one for this call.
    Endian : {'little', 'big'}
        'big' with VR 'explicit' only.
    MultiframeSingleFile : bool
        False: a file for each frame, ``name_001.dcm`` and so on, with numbers from 1, in one series.
    ObjectType, SOPClassUID : str
        The class by name, or by UID; of any class with pixels. By default that of the struct, else Secondary Capture.
    TransferSyntax : str
        The UID, or a name as for ``compression`` of :func:`dcmenc.imwrite`. It goes before CompressionMode, and that before Endian and VR.
    UseMetadataBitDepths : bool
        With Copy: BitsAllocated and BitsStored of the metadata, if they hold the pixels; else those of X's class.
    VR : {'implicit', 'explicit'}
        By default implicit, but explicit where private attributes, or VRs that the dictionary does not have, would be lost.
    WritePrivate : bool
        Write private attributes, too.
    axes : {'matlab', 'numpy'}
        'numpy': frames first, as :func:`dcmenc.imwrite` takes them.
    quality, ratio, predictor, options
        Of 'JPEG lossy' (1 to 100), 'JPEG2000 lossy' (how many times smaller), 'JPEG lossless' (1 to 7 or 'auto'), and any other of the
        codec's.
    bits_stored, photometric, verify_pixels, workers, exist_ok, durable, policy, uid_source, clock
        As for :func:`dcmenc.imwrite`.
    per_frame : mapping
        With MultiframeSingleFile False: keywords with one value for each frame, as ``{"ImagePositionPatient": positions}``.
    rescale : bool
        Write floats as 16-bit integers with the RescaleSlope and RescaleIntercept that give them back.
    strict : bool
        Raise, and write nothing, where the status would not be ``ok`` or an attribute would be left out.

    Returns
    -------
    Status
        MATLAB's four lists, without items if no metadata were given; and ``dropped``, ``overridden``, ``files``, ``report``.

    Raises
    ------
    TypeError
        Arguments in no such order, or a name that is neither an option nor an attribute.
    ValueError
        A value that an option can't have, or options that contradict each other.
    EncodeError
        A value that its attribute can't have.
    PixelError, CodecError
        As :func:`dcmenc.imwrite` says.
    VerifyError
        With ``strict``.

    Examples
    --------
    >>> import io
    >>> from dcmenc import dicomread
    >>> file = io.BytesIO()
    >>> status = dicomwrite(np.zeros((4, 5), "u2"), file, {"PatientName": {"FamilyName": "Yamada"}}, "compressionmode", "RLE")
    >>> status.ok, dicomread(file.getvalue()).shape
    (True, (4, 5))
    """
    call = sort_arguments(X, arguments, named)
    check_workers(call.options.workers)
    moment = (call.options.clock or datetime.now)()
    if not isinstance(moment, datetime):
        raise TypeError(f"clock gives a datetime, not {describe(moment)}")
    call = call._replace(options=replace(call.options, clock=lambda: moment))
    given = _take_metadata(call)
    layout = frames_first(X, call.options.axes, call.options.photometric, call.options.colormap is not None)
    pixels, given, remarks = _as_integers(layout.pixels, call.options, given)
    write = _write if call.options.MultiframeSingleFile else _write_frames
    return write(call, call.target, pixels, layout.samples, given, remarks)


def _take_metadata(call: Call) -> _Given:
    """The metadata as datasets of our own."""
    options = call.options
    unknown: list[str] = []
    lost: list[str] = []
    base = Dataset(policy=options.policy)
    for struct in call.structs:
        syntax = _syntax_of(struct)
        if not isinstance(struct, Dataset) and not is_foreign(struct):
            struct, strangers = take_fields(struct, options.Dictionary, options.policy)
            unknown += strangers
        taken = take_template(struct, options.policy)
        # icons that are compressed: the file is going to be in a syntax of its own (PS3.5 A.4)
        lost += [row.path for row in free_nested(taken, syntax)[1]]
        lost += [] if options.WritePrivate else _drop_private(taken)
        lay_over(base, taken)
    named = _take_attributes(call.attributes, options)
    lost += [] if options.WritePrivate else _drop_private(named)
    lay_over(base, _without_private(named))
    return _Given(base, named, tuple(unknown), tuple(dict.fromkeys(lost)))


def _without_private(named: Dataset) -> Dataset:
    """Take the private elements out of what is named: they belong into the blocks of the other metadata; gives them."""
    private = Dataset()
    for tag in [tag for tag in named if tag.is_private]:
        private[tag] = named[tag]
        del named[tag]
    return private


def _syntax_of(struct: Any) -> str:
    """The transfer syntax of the file that a struct or dataset comes from; empty where nothing is said."""
    if isinstance(struct, Mapping) and not isinstance(struct, Dataset):
        stated = struct.get("TransferSyntaxUID")
    else:
        stated = getattr(getattr(struct, "file_meta", None), "TransferSyntaxUID", None)
    return stated if isinstance(stated, str) else ""


def _take_attributes(attributes: Mapping[str, Any], options: Options) -> Dataset:
    """What is named by itself, in any letter case; an unknown name is an error."""
    spelled = {keyword_like(name) or name: value for name, value in attributes.items()}
    for name in spelled:
        if name in BOOKKEEPING or name.endswith("GroupLength"):
            raise TypeError(f"{name} is not given by itself: it describes a file that was read, and follows from what is written")
    check_names({name: value for name, value in spelled.items() if keyword_like(name)}, "dicomwrite", OPTIONS)
    taken = take_fields(spelled, options.Dictionary, options.policy)
    if taken.unknown:
        raise no_such_name(taken.unknown[0])
    return deepcopy(taken.dataset)


def _drop_private(ds: Dataset) -> Iterator[str]:
    """Take private elements out, in items too; gives the tags of those that were there."""
    for tag in list(ds):
        if tag >> 16 & 1:
            yield str(tag)
            del ds[tag]
        elif isinstance(items := ds[tag].value, Sequence):
            for item in items:
                yield from _drop_private(item)


def _as_integers(pixels: Array, options: Options, given: _Given) -> tuple[Array, _Given, list[Finding]]:
    """The pixels as they can be stored, the metadata with what gives their values back, and what is to be said of that."""
    if options.colormap is not None:
        pixels = zero_based(pixels, len(options.colormap))
    if not options.rescale or pixels.dtype.kind != "f":
        if not _holds_floats(options, given.base):
            refuse_floats(pixels)
        depth = [getattr(given.base, keyword, None) for keyword in ("BitsAllocated", "BitsStored", "HighBit")]
        return (in_depth(pixels, *depth) if _keeps_depth(options) else pixels), given, []
    return _scaled(pixels, given)


def _scaled(pixels: Array, given: _Given) -> tuple[Array, _Given, list[Finding]]:
    """Floats as integers; what structs say of the integers of another image does not hold for these."""
    for keyword in ("RescaleSlope", "RescaleIntercept", *_OF_VALUES):
        if keyword in given.named:
            raise ValueError(f"rescale=True computes {keyword}, or makes it untrue; give one of them")
    others = tuple(keyword for keyword in _OF_VALUES if given.base.pop(keyword, None) is not None)
    scaled = rescaled(pixels)
    given.named.RescaleSlope, given.named.RescaleIntercept = scaled.slope, scaled.intercept
    if "RescaleType" not in given.base and "RescaleType" not in given.named:
        given.named.RescaleType = "US"
    message = f"floats became 16-bit integers: RescaleSlope and RescaleIntercept give them back, at most {scaled.error:.3g} away"
    given = given._replace(left_out=(*given.left_out, *others))
    return scaled.pixels, given, [Finding("info", "rescaled", str(Tag("RescaleSlope")), "RescaleSlope", message, "PS3.3 C.11.1")]


def _holds_floats(options: Options, base: Dataset) -> bool:
    """Whether the class that is asked for, or the struct's, has an element for floats, as Parametric Maps have."""
    stated = options.sop_class or getattr(base, "SOPClassUID", None)
    return isinstance(stated, str) and any(element != "PixelData" for element in iod.pixel_elements(stated))


def _keeps_depth(options: Options) -> bool:
    return options.UseMetadataBitDepths and options.copies


def _write_frames(
    call: Call, target: Any, pixels: Array, samples: int | None, given: _Given, remarks: list[Finding]
) -> Status:
    """A file for each frame, all of one series; an error says which files are there."""
    options = call.options
    spec = ImageSpec.from_array(pixels, samples=samples)
    frames, paths = pixels.reshape(spec.frames, *spec.frame_shape), frame_paths(target, spec.frames)
    check_per_frame(options.per_frame, spec.frames)
    if not options.exist_ok:
        check_free(paths)
    # all of them before the first file is there
    own = [_take_attributes(dict(values_of_frame(options.per_frame, at)), options) for at in range(spec.frames)]
    if spec.frames > 1 and not options.copies:
        share_series(given.base, options.uid_source or generate_uid)

    def share(at: int, options: Options) -> _Given:
        return _share_of_frame(given, own[at], at, options) if spec.frames > 1 or options.per_frame else given

    if options.strict:
        # a rehearsal, which takes none of the UIDs of the caller
        rehearsed = replace(options, uid_source=generate_uid)
        for at in range(spec.frames):
            _compose(call._replace(options=rehearsed), frames[at], spec.samples, share(at, rehearsed), remarks)
    statuses: list[Status] = []
    for at, path in enumerate(paths):
        try:
            statuses.append(_write(call, path, frames[at], spec.samples, share(at, options), remarks))
        except Exception as error:
            if statuses:
                error.add_note(f"{path} was not written; the {len(statuses)} before it were, from {statuses[0].files[0]} on")
            raise
    return merged(statuses)


def _share_of_frame(given: _Given, own: Dataset, at: int, options: Options) -> _Given:
    """The metadata of one frame, which is an instance of its own."""
    named = Dataset(given.named, policy=options.policy)
    named.InstanceNumber = at + 1
    named.SOPInstanceUID = (options.uid_source or generate_uid)()
    named.update(own)
    left_out = () if options.WritePrivate else tuple(_drop_private(named))
    base = metadata_of_frame(given.base, at)
    lay_over(base, _without_private(named))
    return given._replace(base=base, named=named, left_out=(*given.left_out, *left_out))


class _Composed(NamedTuple):
    """All that is going to be in a file, and what is to be said of it."""

    made: Composition
    encoding: _Encoding
    status: Status


def _compose(call: Call, pixels: Array, samples: int | None, given: _Given, remarks: list[Finding]) -> _Composed:
    """Everything but the writing; with ``strict``, an error where the status is not clean."""
    options = call.options
    wishes = _wishes(options, given, samples)
    encoding = _encoding(options, 8 * pixels.dtype.itemsize if options.copies else bits_allocated(pixels.dtype, wishes))
    made = _composition(pixels, wishes, encoding, options)
    dropped, found = list(given.left_out), []
    if not options.copies:
        _state(made.dataset, given, options)
        outside, findings = _fit_into_iod(made, given)
        dropped += outside
        found += [finding for finding in findings if is_news(finding, made.dataset.SOPClassUID)]
    report = _report(made, (*remarks, *found), dropped, given.unknown, encoding.ignored)
    status = status_of(report, made.dataset.SOPClassUID, described=call.described)
    if options.strict:
        _insist(status, [*dropped, *given.unknown])
    return _Composed(made, encoding, status)


def _write(call: Call, target: Any, pixels: Array, samples: int | None, given: _Given, remarks: list[Finding]) -> Status:
    """One file, and its status."""
    made, encoding, status = _compose(call, pixels, samples, given, remarks)
    _save(target, made, encoding, call.options)
    if status.MissingData:
        names = ", ".join(finding.keyword for finding in status.MissingData[:3])
        warn(f"{len(status.MissingData)} attributes that the SOP class requires are not there, {names} first: see status.MissingData")
    return status_of(report_on(status.report, target), made.dataset.SOPClassUID, described=call.described)


def _composition(pixels: Array, wishes: Wishes, encoding: _Encoding, options: Options) -> Composition:
    """The image in its create mode; where only the class of the metadata refuses the pixels, the error names the mode that asks none."""
    how = encoding.syntax, encoding.codec, encoding.options
    if options.copies:
        return compose_copy(pixels, wishes, *how)
    try:
        return compose(pixels, wishes, *how)
    except PixelError as error:
        if not wishes.template:
            raise
        # what a copy cannot be either is refused here with its own reason
        compose_copy(pixels, wishes, *how)
        frames = "MultiframeSingleFile=False makes a file of each frame, " if pixels.ndim > 2 + (wishes.samples == 3) else ""
        raise PixelError(f"{error}. {frames}CreateMode='Copy' writes the metadata as they are, whatever their class holds") from error


def _encoding(options: Options, allocated: int) -> _Encoding:
    wish = compression_of(options)
    syntax, codec = choose_syntax(wish.name or "implicit", allocated)
    return _Encoding(syntax, codec, encoder_options(options, syntax.uid), wish.name is not None, wish.ignored)


def _wishes(options: Options, given: _Given, samples: int | None) -> Wishes:
    bits_stored = given.base.BitsStored if _keeps_depth(options) and options.bits_stored is None else options.bits_stored
    return Wishes(given.named, _class_asked_for(options, given.base), options.photometric, options.colormap, bits_stored, given.base,
                  verify=False, policy=options.policy, uid_source=options.uid_source, clock=options.clock, samples=samples)


def _class_asked_for(options: Options, base: Dataset) -> str | None:
    """The class that an option names; an error if nothing can be created of the struct's class."""
    stated = options.sop_class or getattr(base, "SOPClassUID", None)
    if not options.copies and stated is not None and not isinstance(stated, str):
        raise ValueError("the SOPClassUID of the metadata is no text, and nothing can be checked: dicominfo(..., UseDictionaryVR=True) "
                         "reads what a file has in UN, CreateMode='Copy' writes the metadata as they are")
    if not options.copies and isinstance(stated, str) and not iod.pixel_elements(stated):
        raise ValueError(f"no image can be created as {iod.class_name(stated)}, which has no pixels or is not known here; "
                         "CreateMode='Copy' writes the metadata as they are, ObjectType= makes an image of another class")
    return options.sop_class


def _state(ds: Dataset, given: _Given, options: Options) -> None:
    """What MATLAB's writer states of an image: when its content was made, and by what; and nothing of the instance's creation."""
    moment = options.clock() if options.clock else datetime.now()
    known = attributes_of(ds.SOPClassUID)
    for keyword, value in (("ContentDate", moment.date()), ("ContentTime", moment.time())):
        if keyword not in ds and Tag(keyword) in known:
            setattr(ds, keyword, value)
    for keyword in _MAKER if ds.SOPClassUID in iod.CAPTURES else ():
        if keyword not in ds:
            setattr(ds, keyword, "dcmenc")
    for keyword in _CREATION:
        if keyword not in given.base and keyword not in given.named:
            ds.pop(keyword, None)


def _check(made: Composition) -> Report:
    """The check of a dataset that has no pixels and no encoding yet."""
    ds, meta = made.dataset, made.dataset.file_meta
    setattr(ds, made.spec.keyword, STAND_IN)
    ds.file_meta = Dataset()
    try:
        return verification.check(ds)
    finally:
        ds.file_meta = meta
        del ds[made.spec.keyword]


def _fit_into_iod(made: Composition, given: _Given) -> tuple[list[str], tuple[Finding, ...]]:
    """Take out what structs say of another IOD; the keywords of that, and what the check finds then.

    What is named by itself stays, in a Standard Extended class (PS3.4 B.3).
    """
    findings = _check(made).findings
    outside = [finding for finding in findings
               if finding.code == "outside-iod" and finding.keyword not in _MEANING and finding.keyword not in given.named]
    for finding in outside:
        # overlays and curves repeat under one keyword
        made.dataset.pop(Tag(finding.path), None)
    return [finding.keyword for finding in outside], _check(made).findings if outside else findings


def _report(
    made: Composition, found: tuple[Finding, ...], dropped: list[str], unknown: tuple[str, ...], ignored: tuple[str, ...]
) -> Report:
    findings = list(found)
    findings += [Finding("info", "option-ignored", "", name, "has no effect beside the option that goes before it") for name in ignored]
    findings += [Finding("error", "unknown-attribute", "", name, "is in no dictionary, and not in the file", "PS3.6") for name in unknown]
    findings += [Finding("info", "dropped", "", name, "was left out: it is private, not of this IOD, or of other pixels")
                 for name in dropped]
    # of what was taken out for being the old instance's, the new one has its own
    renewed = [name for name in made.report.dropped if name in made.dataset]
    gone = [name for name in (*made.report.dropped, *dropped, *unknown) if name not in renewed]
    findings += [finding for finding in made.report.findings if finding.code != "dropped" or finding.keyword not in renewed]
    return Report(tuple(findings), tuple(dict.fromkeys(gone)), (*made.report.overridden, *renewed))


def _insist(status: Status, dropped: list[str]) -> None:
    status.report.raise_for_errors()
    listed = [finding for name in status for finding in status[name]]
    if listed or dropped:
        words = [*map(str, listed[:5]), *([f"not in the file: {', '.join(dropped[:10])}"] if dropped else [])]
        raise VerifyError("; ".join(words), status.report)


def _save(target: Any, made: Composition, encoding: _Encoding, options: Options) -> None:
    syntax = encoding.syntax
    if not encoding.wished and _loses_vrs(made.dataset):
        syntax = choose_syntax("explicit")[0]
        made.dataset.file_meta.TransferSyntaxUID = syntax.uid
    coder = Coder(syntax, encoding.codec, made.spec, encoding.options, verify=options.verify_pixels)
    write_composed(target, made, coder, options.workers, exist_ok=options.exist_ok, durable=options.durable, policy=options.policy)


def _loses_vrs(ds: Dataset) -> bool:
    """Whether a VR could not be told from the tag, as in Implicit VR it has to be (PS3.5 6.2)."""
    for tag in ds:
        vr = ds[tag].vr
        if tag >> 16 & 1 and not 0x10 <= tag & 0xFFFF <= 0xFF:
            return True
        entry = lookup(tag)
        if (vr != "UN" if entry is None else vr != entry.vr and vr not in entry.vr.split("/")):
            return True
        if vr == "SQ" and any(_loses_vrs(item) for item in ds[tag].value or ()):
            return True
    return False
