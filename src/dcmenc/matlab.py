"""MATLAB's ``dicomwrite`` and ``dicomread`` for arrays and structs of Python (PS3.3 A, PS3.10 7).

Names, defaults and the order of axes are MATLAB's, here and nowhere else in the package. The arguments are sorted in ``matlab_call.py``,
arrays turned in ``matlab_arrays.py``, structs become datasets in ``matlab_info.py``; what an image is, ``composition.py`` and
``copying.py`` know. No bytes of their own here.
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
from .colours import as_rgb, colormap_from_zero
from .composition import STAND_IN, Composition, Wishes, bits_allocated, check_names, compose, take_template
from .copying import compose_copy
from .dictionary import Tag, keyword_like, lookup
from .errors import PixelError, VerifyError
from .frames import Frames, warn
from .images import choose_syntax, report_on, write_composed
from .iod_tables import attributes_of
from .matlab_arrays import frames_first, in_depth, matlab_order, refuse_floats, rescaled, zero_based
from .matlab_call import OPTIONS, Call, Options, compression_of, encoder_options, no_such_name, sort_arguments
from .matlab_fields import take_fields
from .matlab_frames import check_per_frame, frame_paths, metadata_of_frame, share_series, values_of_frame
from .matlab_status import is_news, merged, status_of
from .model import Dataset
from .overlays import overlay_planes
from .pixels import ImageSpec
from .reader import dcmread
from .report import Finding, Report, Status
from .uid import TransferSyntax, generate_uid
from .values import describe

Array = np.ndarray[Any, Any]

# What values of pixels mean: taken out as of another IOD, the pixels would be others.
_MEANING = frozenset(("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "RealWorldValueMappingSequence",
                      "PixelPaddingValue", "PixelPaddingRangeLimit"))
_MAKER = ("SecondaryCaptureDeviceManufacturer", "SecondaryCaptureDeviceManufacturerModelName")
_CREATION = ("InstanceCreationDate", "InstanceCreationTime")


class _Given(NamedTuple):
    """The metadata of a call: those of structs, those named by themselves; unknown fields, and private ones that are not wanted."""

    base: Dataset
    named: Dataset
    unknown: tuple[str, ...]
    private: tuple[str, ...]


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
    is no option is an attribute. What is named by itself wins over structs, and later structs win over earlier ones.

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
    >>> file = io.BytesIO()
    >>> status = dicomwrite(np.zeros((4, 5), "u2"), file, {"PatientName": {"FamilyName": "Yamada"}}, "compressionmode", "RLE")
    >>> status.ok, dicomread(file.getvalue()).shape
    (True, (4, 5))
    """
    call = sort_arguments(X, arguments, named)
    moment = (call.options.clock or datetime.now)()
    call = call._replace(options=replace(call.options, clock=lambda: moment))
    given = _take_metadata(call)
    layout = frames_first(X, call.options.axes, call.options.photometric, call.options.colormap is not None)
    pixels, remarks = _as_integers(layout.pixels, call.options, given)
    write = _write if call.options.MultiframeSingleFile else _write_frames
    return write(call, call.target, pixels, layout.samples, given, remarks)


def _take_metadata(call: Call) -> _Given:
    """The metadata as datasets of our own."""
    options = call.options
    unknown: list[str] = []
    base = Dataset(policy=options.policy)
    for struct in call.structs:
        if not isinstance(struct, Dataset) and not is_foreign(struct):
            struct, strangers = take_fields(struct, options.Dictionary, options.policy)
            unknown += strangers
        base.update(take_template(struct, options.policy))
    named = _take_attributes(call.attributes, options)
    private = [] if options.WritePrivate else [*_drop_private(base), *_drop_private(named)]
    return _Given(base, named, tuple(unknown), tuple(private))


def _take_attributes(attributes: Mapping[str, Any], options: Options) -> Dataset:
    """What is named by itself, in any letter case; an unknown name is an error."""
    spelled = {keyword_like(name) or name: value for name, value in attributes.items()}
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
        elif ds[tag].vr == "SQ":
            for item in ds[tag].value or ():
                yield from _drop_private(item)


def _as_integers(pixels: Array, options: Options, given: _Given) -> tuple[Array, list[Finding]]:
    """The pixels as they can be stored; the attributes that give their values back are set, and what is to be said is returned."""
    if options.colormap is not None:
        return zero_based(pixels, len(options.colormap)), []
    if not options.rescale or pixels.dtype.kind != "f":
        refuse_floats(pixels)
        depth = [getattr(given.base, keyword, None) for keyword in ("BitsAllocated", "BitsStored", "HighBit")]
        return (in_depth(pixels, *depth) if _keeps_depth(options) else pixels), []
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        if keyword in given.named:
            raise ValueError(f"rescale=True computes {keyword}; give one of them")
    scaled = rescaled(pixels)
    given.named.RescaleSlope, given.named.RescaleIntercept = scaled.slope, scaled.intercept
    if "RescaleType" not in given.base and "RescaleType" not in given.named:
        given.named.RescaleType = "US"
    message = f"floats became 16-bit integers: RescaleSlope and RescaleIntercept give them back, at most {scaled.error:.3g} away"
    return scaled.pixels, [Finding("info", "rescaled", str(Tag("RescaleSlope")), "RescaleSlope", message, "PS3.3 C.11.1")]


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
    if spec.frames > 1 and not options.copies:
        share_series(given.base, options.uid_source or generate_uid)
    statuses: list[Status] = []
    for at, path in enumerate(paths):
        try:
            share = _share_of_frame(given, at, options) if spec.frames > 1 or options.per_frame else given
            statuses.append(_write(call, path, frames[at], spec.samples, share, remarks))
        except Exception as error:
            if statuses:
                error.add_note(f"{path} was not written; the {len(statuses)} before it were, from {statuses[0].files[0]} on")
            raise
    return merged(statuses)


def _share_of_frame(given: _Given, at: int, options: Options) -> _Given:
    """The metadata of one frame, which is an instance of its own."""
    named = Dataset(given.named, policy=options.policy)
    named.InstanceNumber = at + 1
    named.SOPInstanceUID = (options.uid_source or generate_uid)()
    named.update(_take_attributes(dict(values_of_frame(options.per_frame, at)), options))
    return given._replace(base=metadata_of_frame(given.base, at), named=named)


def _write(call: Call, target: Any, pixels: Array, samples: int | None, given: _Given, remarks: list[Finding]) -> Status:
    """One file, and its status."""
    options = call.options
    wishes = _wishes(options, given, samples)
    encoding = _encoding(options, 8 * pixels.dtype.itemsize if options.copies else bits_allocated(pixels.dtype, wishes))
    made = _compose(pixels, wishes, encoding, options)
    dropped, found = list(given.private), []
    if not options.copies:
        _state(made.dataset, given, options)
        dropped += _fit_into_iod(made, given)
        found += [finding for finding in _check(made).findings if is_news(finding, made.dataset.SOPClassUID)]
    report = _report(made, (*remarks, *found), dropped, given.unknown, encoding.ignored)
    status = status_of(report, made.dataset.SOPClassUID, described=call.described)
    if options.strict:
        _insist(status, [*dropped, *given.unknown])
    _save(target, made, encoding, options)
    if status.MissingData:
        names = ", ".join(finding.keyword for finding in status.MissingData[:3])
        warn(f"{len(status.MissingData)} attributes that the SOP class requires are not there, {names} first: see status.MissingData")
    return status_of(report_on(report, target), made.dataset.SOPClassUID, described=call.described)


def _compose(pixels: Array, wishes: Wishes, encoding: _Encoding, options: Options) -> Composition:
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
    if not options.copies and isinstance(stated, str) and iod.pixel_rules(stated) is None:
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


def _fit_into_iod(made: Composition, given: _Given) -> list[str]:
    """Take out what structs say of another IOD; what is named by itself stays, in a Standard Extended class (PS3.4 B.3)."""
    outside = [finding.keyword for finding in _check(made).findings
               if finding.code == "outside-iod" and finding.keyword not in _MEANING and finding.keyword not in given.named]
    for keyword in outside:
        made.dataset.pop(keyword, None)
    return outside


def _report(
    made: Composition, found: tuple[Finding, ...], dropped: list[str], unknown: tuple[str, ...], ignored: tuple[str, ...]
) -> Report:
    findings = list(found)
    findings += [Finding("info", "option-ignored", "", name, "has no effect beside the option that goes before it") for name in ignored]
    findings += [Finding("error", "unknown-attribute", "", name, "is in no dictionary, and not in the file", "PS3.6") for name in unknown]
    findings += [Finding("info", "dropped", "", name, "was left out: it is not of this IOD, or private") for name in dropped]
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


def dicomread(source: Any, /, *arguments: Any, frames: Any = "all", nargout: int = 1, axes: str = "matlab", color: str = "rgb",
              **named: Any) -> Any:
    """Read the pixels of a DICOM image, called as MATLAB's ``dicomread`` is: stored values, never rescaled (PS3.3 C.7.6.3).

    Parameters
    ----------
    source : str, os.PathLike, bytes-like, binary file object, dataset, or the struct of ``dicominfo``
        Of a struct, the file that its Filename names is read.
    frames : int, sequence of int, or 'all'
        Numbers from 1, as in MATLAB; also as the pair ``'frames', [1, 3]``.
    nargout : {1, 2, 3, 4}
        How many of the values below are wanted.
    axes : {'matlab', 'numpy'}
        'numpy': frames first, as :func:`dcmenc.imread` has them.
    color : {'rgb', 'stored'}
        'rgb': YBR_FULL and YBR_FULL_422 become red, green and blue. Indices of a palette stay: the colormap goes with them.
    UseVRHeuristic : bool
        Has no effect: a VR that changes within a file is always dealt with.

    Returns
    -------
    X : ndarray
        (rows, columns), (rows, columns, 3), (rows, columns, 1, frames) or (rows, columns, 3, frames).
    cmap : ndarray of float64, shape (entries, 3)
        From 0 to 1; of shape (0, 3) if the image is not indexed.
    alpha : ndarray
        Always of shape (0, 0): the images with an alpha channel were retired from DICOM, and are not read.
    overlays : ndarray of bool, shape (rows, columns, 1, planes)
        The overlays that have elements of their own.

    Raises
    ------
    ReadError, PixelError, CodecError
        As :func:`dcmenc.imread` says.
    IndexError
        There is no such frame.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> status = dicomwrite(np.array([[0, 1, 1]], "u1"), [[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]], file)
    >>> X, cmap = dicomread(file.getvalue(), nargout=2)
    >>> X.tolist(), cmap.round(3).tolist()
    ([[0, 1, 1]], [[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]])
    """
    frames = _reading_options(arguments, named).get("frames", frames)
    if axes not in ("matlab", "numpy") or color not in ("rgb", "stored") or nargout not in (1, 2, 3, 4):
        raise ValueError("axes is 'matlab' or 'numpy', color 'rgb' or 'stored', nargout 1 to 4")
    ds = _dataset_of(source)
    image = Frames(ds)
    X = _chosen_frames(image, frames)
    if color == "rgb" and image.spec.photometric.startswith("YBR"):
        X = as_rgb(X, ds, image.spec)
    if axes == "matlab":
        X = matlab_order(X, image.spec.samples)
    if nargout == 1:
        return X
    overlays = np.moveaxis(overlay_planes(ds, image.spec), 0, 2)[:, :, np.newaxis, :] if nargout == 4 else None
    return (X, _colormap(ds, image.spec), np.zeros((0, 0), np.uint8), overlays)[:nargout]


def _reading_options(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Pairs and keywords in any letter case."""
    if len(arguments) % 2:
        raise TypeError(f"{describe(arguments[-1])} stands without its name or its value")
    found = {}
    for name, value in (*zip(arguments[::2], arguments[1::2], strict=True), *named.items()):
        folded = name.lower() if isinstance(name, str) else ""
        if folded not in ("frames", "usevrheuristic"):
            raise TypeError(f"{name!r} is no option of dicomread; there are 'frames' and 'UseVRHeuristic'")
        found[folded] = value
    return found


def _dataset_of(source: Any) -> Dataset:
    if isinstance(source, Dataset):
        return source
    if isinstance(source, Mapping):
        if not isinstance(name := source.get("Filename"), str) or not name:
            raise ValueError("the struct names no file: give the path, or the struct as dicominfo made it")
        return dcmread(name)
    return take_template(source, None) if is_foreign(source) else dcmread(source)


def _chosen_frames(image: Frames, frames: Any) -> Array:
    """The frames that are asked for, in that order; an array of the caller's own."""
    if isinstance(frames, str):
        if frames.lower() != "all":
            raise ValueError(f"frames are numbers from 1, or 'all', not {frames!r}")
        return np.array(image.all())
    numbers = [_frame_number(number, len(image)) for number in np.ravel(np.asarray(frames)).tolist()]
    if not numbers:
        raise ValueError("no frames are asked for")
    chosen = [image[number - 1] for number in numbers]
    return np.array(chosen[0]) if len(chosen) == 1 else np.stack(chosen)


def _frame_number(number: Any, count: int) -> int:
    if not isinstance(number, (int, float)) or number != int(number) or not 1 <= number <= count:
        raise IndexError(f"there is no frame {number!r}: the image has {count}, counted from 1")
    return int(number)


def _colormap(ds: Dataset, spec: ImageSpec) -> Array:
    if spec.photometric != "PALETTE COLOR":
        return np.zeros((0, 3))
    colours = colormap_from_zero(ds, spec)
    return colours / np.iinfo(colours.dtype).max if colours is not None else np.zeros((0, 3))
