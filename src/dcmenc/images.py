"""The doors for whole images: ``imwrite``, ``imread``, ``transcode``, and ``verify`` for any dataset (PS3.3 A, PS3.10 7).

They bring together what the rooms below do: metadata (``composition.py``), frames (``frames.py``, ``coder.py``), the change of a
transfer syntax (``transcoding.py``) and the file (``part10.py``, ``pixel_stream.py``). No bytes of their own here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ._shapes import is_foreign
from .codecs import Codec, get_codec, named_syntax
from .coder import Coder
from .colours import as_rgb, colormap_from_zero
from .composition import Composition, Wishes, bits_allocated, check_names, compose, of_pydicom
from .errors import CodecUnavailable, ReadError
from .frames import Frames
from .model import Dataset
from .part10 import dcmwrite
from .pixel_stream import write_frames
from .pixels import as_pixels, native_bytes
from .reader import dcmread
from .recompression import Recompression, recompresses
from .report import Finding, Report
from .sinks import Target
from .transcoding import Transcoding, carries_over, in_syntax
from .uid import UNSTORABLE, TransferSyntax, transfer_syntax
from .uid import sop_class as named_class
from .values import Policy, shorten
from .verification import check
from .window import Window, check_workers


def imwrite(
    target: Target,
    array: Any,
    /,
    *,
    compression: str | None = None,
    options: Any = None,
    sop_class: str | None = None,
    photometric: str | None = None,
    colormap: Any = None,
    bits_stored: int | None = None,
    template: Any = None,
    workers: int = 1,
    verify: bool = True,
    verify_pixels: bool = True,
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
    vouch for NO. Where a class requires an ICC profile of the colours in it, as whole slides do, that of sRGB is, and the report says so.

    Parameters
    ----------
    target : str, bytes, os.PathLike or object with ``write``
        A path is replaced in one step, when the file is complete.
    array : array_like
        (rows, columns), (rows, columns, 3), (frames, rows, columns) or (frames, rows, columns, 3), in C order and never
        transposed, of bool, or integers of 8, 16 or 32 bits. Three axes with 3 last are one colour image unless
        ``photometric`` is of one sample. Bool is packed where the class holds single bits, else it becomes 0 and 1. Floats of 32 or
        64 bits go bit by bit into the classes that hold them, "Parametric Map" and for 32 bits "Height Map Segmentation", which have to
        be named (PS3.3 C.7.6.24, C.7.6.25); they are never compressed, save by "deflated".
    compression : str, optional
        "explicit" (the default), "implicit", "big-endian" (retired: warns), "deflated"; "rle", "jpeg-lossless" (predictor 1),
        "jpeg-lossless-p14" (any predictor), "jpeg2000-lossless", "deflated-frame", "encapsulated-uncompressed" (for more than 4 GiB), with
        the extra ``dcmenc[codecs]`` also "jpeg-ls", "htj2k-lossless", "htj2k-lossless-rpcl", "jpeg-xl-lossless"; lossy "jpeg" (of 8 bits,
        or 12), "jpeg2000" (unless its options say otherwise), "jpeg-ls-near", "htj2k", "jpeg-xl"; or the UID of a transfer syntax.
    options : optional
        Of the codec: an object of its ``Options``, or a mapping, as ``{"predictor": 4}``.
    sop_class : str, optional
        UID, name or short form of any class with pixels; the facts that it demands are given as attributes or by the template. By
        default the template's class, else Secondary Capture for one frame and for several the Multi-frame class for the kind of
        pixels; they also take the place of one another where the template's is one of them and can't hold the array. For classes
        of words only, such as CT and MR, bytes become words of the same values.
    photometric : str, optional
        MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or YBR_FULL. By default RGB for three samples, for one MONOCHROME2, or
        MONOCHROME1 if the template has it.
    colormap : array_like, shape (entries, 3), optional
        Makes the array indices of a palette: floats from 0 to 1, uint8 or uint16.
    bits_stored : int, optional
        How many bits hold the value; a sample that needs more is an error.
    template : Dataset, pydicom.Dataset, mapping, str or os.PathLike, optional
        Metadata to take over, a path being that of a DICOM file; what new pixels make untrue is dropped and named in the report.
    workers : int
        Threads that compress frames. The file is the same, whatever their number.
    verify : bool
        Check against the IOD before anything is written.
    verify_pixels : bool
        Decode each losslessly compressed frame again, and compare: one that does not come back is an error, not a file.
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
    CodecError
        A frame that cannot be compressed, or does not come back.
    CodecUnavailable
        There is no codec for the compression.
    TypeError
        An unknown name among the attributes or the options, or a template of the wrong kind.

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
    check_names(attributes, "imwrite", imwrite.__kwdefaults__ or ())
    if isinstance(array, (str, bytes, os.PathLike)):
        raise TypeError("the target comes first, then the array: imwrite(target, array)")
    check_workers(workers)
    array = as_pixels(array)
    wishes = Wishes(attributes, sop_class, photometric, colormap, bits_stored, template, verify, keep_preamble, policy, uid_source, clock)
    syntax, codec = choose_syntax(compression, bits_allocated(array.dtype, wishes))
    made = compose(array, wishes, syntax, codec, options)
    write_composed(target, made, Coder(syntax, codec, made.spec, options, verify=verify_pixels), workers,
                   exist_ok=exist_ok, durable=durable, policy=policy)
    return report_on(made.report, target)


def write_composed(target: Target, made: Composition, coder: Coder, workers: int = 1, **how: Any) -> None:
    """Write an image that has been put together: its dataset, and its pixels as the coder has them.

    ``how`` are ``exist_ok``, ``durable`` and ``policy`` of :func:`dcmenc.dcmwrite`.
    """
    if coder.codec is None:
        setattr(made.dataset, made.spec.keyword, native_bytes(made.pixels, made.spec))
        dcmwrite(target, made.dataset, **how)
        return
    frames = made.pixels.reshape(made.spec.frames, *made.spec.frame_shape)
    with Window(lambda at: coder(frames[at], at), workers, coder.together) as window:
        write_frames(target, made.dataset, made.spec, window.map(range(len(frames))), bound=coder.bound, **how)


# JPEG Baseline and Extended turn colour into luminance and differences themselves (PS3.5 8.2.1), also where JPEG XL keeps them.
_IN_LUMINANCE = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.111")

# The syntaxes of native Pixel Data that files are written in.
_NATIVE = ("explicit", "implicit", "big-endian", "deflated")


def choose_syntax(compression: str | None, allocated: int = 8) -> tuple[TransferSyntax, Codec | None]:
    """The transfer syntax that ``compression=`` names for pixels of so many bits allocated, and its codec; None for native pixels."""
    if compression is not None and not isinstance(compression, str):
        raise TypeError(f"compression is a name, a UID or None, not {type(compression).__name__}")
    syntax = named_syntax("explicit" if compression is None else compression, allocated)
    if syntax.uid in UNSTORABLE:
        raise ValueError(f"{syntax.name} is for transport only; no file can be stored in it")
    if syntax.encapsulated:
        return syntax, get_codec(syntax.uid)
    if syntax not in map(transfer_syntax, _NATIVE):
        raise CodecUnavailable(f"no images are written in {syntax.name}; of the uncompressed syntaxes there are {', '.join(_NATIVE)}")
    return syntax, None


def report_on(report: Report, target: Any) -> Report:
    """The report with the file that has been written."""
    return Report(report.findings, report.dropped, report.overridden, paths_of(target))


def paths_of(target: Any) -> tuple[str, ...]:
    """The path of a target that is one."""
    return (os.fsdecode(target),) if isinstance(target, (str, bytes, os.PathLike)) else ()


def imread(source: Any, /, *, frame: int | None = None, color: str | None = None, return_colormap: bool = False) -> Any:
    """Read the pixels of a DICOM image: stored values, never rescaled, inverted or windowed (PS3.3 C.7.6.3).

    Only the luminance and colour differences of JPEG Baseline and Extended, which are the stream's way to hold colour, become red, green
    and blue by default, also where the JPEG is kept in JPEG XL.

    Parameters
    ----------
    source : str, os.PathLike, bytes-like, binary file object, Dataset or pydicom.Dataset
        A path, the content of a file, or a dataset that has been read.
    frame : int, optional
        Gives this frame alone; counted from 0, or from -1 backwards.
    color : {"rgb", "stored"}, optional
        "rgb": red, green and blue from PALETTE COLOR, YBR_FULL and YBR_FULL_422; RGB stays, gray is refused. "stored": what the stream
        holds, even of JPEG.
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
    CodecError
        A compressed frame is damaged, or not what the attributes say.
    CodecUnavailable
        There is no codec for the transfer syntax.

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
    if color not in (None, "rgb", "stored"):
        raise ValueError(f"color is 'rgb', 'stored' or None, not {color!r}")
    ds = _dataset_of(source)
    frames = Frames(ds, frame)
    array = frames.all() if frame is None else frames[frame % len(frames)]
    in_rgb = color == "rgb" or (color is None and frames.syntax in _IN_LUMINANCE and frames.spec.photometric.startswith("YBR"))
    if in_rgb:
        array = as_rgb(array, ds, frames.spec)
    if not array.flags.writeable:
        # a view would keep the whole file in memory, and be read-only or not as its bits happen to be
        array = array.copy()
    if not return_colormap:
        return array
    indexed = not in_rgb and frames.spec.photometric == "PALETTE COLOR"
    return array, colormap_from_zero(ds, frames.spec) if indexed else None


def transcode(
    source: Any,
    target: Target,
    compression: str,
    /,
    *,
    options: Any = None,
    workers: int = 1,
    verify_pixels: bool = True,
    exist_ok: bool = True,
    durable: bool = False,
    keep_preamble: bool = False,
    policy: Policy | None = None,
    uid_source: Callable[[], str] | None = None,
) -> Report:
    """Write a DICOM image in another transfer syntax: the same pixel values, the same instance, the same metadata (PS3.5 8.2).

    Between uncompressed syntaxes, and where the source is in the syntax already, the pixels go over as they are, if there are any.
    JPEG of 8 bits goes into "jpeg-xl-jpeg" as it is, and comes out of it bit by bit, unless ``options`` are given.
    Otherwise every frame is encoded anew. Bits beside those stored are no sample data: overlays in them get elements of their own, others
    are left out, and the report counts them. Decompressing keeps all bits. What the new encoding makes untrue (offset tables, digital
    signatures, the counted smallest and largest values) is left out and reported; compressed icons are decompressed. Compression that
    loses something makes a new instance, which says where it comes from.

    Parameters
    ----------
    source : str, os.PathLike, bytes-like, binary file object, Dataset or pydicom.Dataset
        Not changed. It may be the target, too.
    target : str, bytes, os.PathLike or object with ``write``
        A path takes the frames as they come, in bounded memory, and is replaced when the last is there; an object gets the whole file
        in one piece.
    compression, options, workers, verify_pixels
        As for :func:`imwrite`.
    exist_ok, durable, policy
        As for :func:`dcmenc.dcmwrite`.
    keep_preamble : bool
        Take over the preamble instead of 128 zero bytes.
    uid_source : callable, optional
        Gives the SOP Instance UID of the new instance that compression with loss makes; by default :func:`dcmenc.generate_uid`.

    Returns
    -------
    Report
        What was dropped, overridden, extracted; the files written.

    Raises
    ------
    ReadError
        The source is no DICOM file.
    PixelError
        There are no pixels to be encoded, fewer or more frames than NumberOfFrames says, or the transfer syntax cannot hold them; the
        message names those that can.
    CodecError
        A frame is damaged, or does not come back.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> file, packed = io.BytesIO(), io.BytesIO()
    >>> report = imwrite(file, np.zeros((64, 64), "u2"), bits_stored=12)
    >>> transcode(file.getvalue(), packed, "jpeg-lossless").ok, len(packed.getvalue()) < len(file.getvalue())
    (True, True)
    """
    check_workers(workers)
    if not isinstance(compression, str):
        raise TypeError(f"compression is a name or a UID, not {type(compression).__name__}")
    if source is target and not paths_of(target):
        raise TypeError("an open file is source or target; give its path for both")
    choose_syntax(compression)
    ds = _dataset_of(source)
    syntax, codec = choose_syntax(compression, _allocated(ds))
    if codec is None and options:
        raise TypeError(f"{syntax.name} has no options: its pixels are not compressed")
    if carries_over(ds, syntax, options):
        dcmwrite(target, in_syntax(ds, syntax, keep_preamble=keep_preamble), exist_ok=exist_ok, durable=durable, policy=policy)
        return Report(files=paths_of(target))
    if not options and recompresses(ds, syntax):
        streams = Recompression(ds, syntax, verify=verify_pixels, keep_preamble=keep_preamble)
        with Window(streams.frame, workers) as window:
            write_frames(target, streams.dataset, streams.spec, window.map(range(streams.spec.frames)), bound=streams.bound,
                         exist_ok=exist_ok, durable=durable, policy=policy)
        return streams.report(paths_of(target))
    work = Transcoding(ds, syntax, codec, options, keep_preamble=keep_preamble, uid_source=uid_source)
    coder = Coder(syntax, codec, work.spec, options, verify=verify_pixels)
    with Window(lambda at: coder(work.frame(at), at), workers, coder.together) as window:
        write_frames(target, work.dataset, work.spec, window.map(range(work.spec.frames)), bound=coder.bound,
                     exist_ok=exist_ok, durable=durable, policy=policy)
    return work.report(paths_of(target))


def _allocated(ds: Dataset) -> int:
    bits = getattr(ds, "BitsAllocated", None)
    return bits if isinstance(bits, int) else 8


def _dataset_of(source: Any) -> Dataset:
    if isinstance(source, Dataset):
        return source
    return of_pydicom(source) if is_foreign(source) else dcmread(source)


def verify(source: Any, /, *, sop_class: str | None = None) -> Report:
    """Hold a dataset or a file against its IOD: what is missing, empty, contradictory or of no allowed value (PS3.3).

    What is in doubt never counts as a fault: a list of values that may be older than the dataset gives a warning, a condition that only
    who made the dataset can decide a remark.

    Parameters
    ----------
    source : str, os.PathLike, bytes-like, binary file object, Dataset, Mapping or pydicom.Dataset
        A path, the content of a file, a dataset, or keywords with values. Not changed.
    sop_class : str, optional
        The SOP class to be held against: its UID, name or short form; by default the one that the dataset names.

    Returns
    -------
    Report
        True if there is no error. A file that is broken gives a report, too, which says where.

    Raises
    ------
    OSError
        The file can't be opened.
    TypeError
        The source is nothing of that kind.
    ValueError
        There is no such SOP class.

    Examples
    --------
    >>> report = verify({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR", "EchoTime": None})
    >>> report.ok, [finding.keyword for finding in report.errors if finding.clause == "PS3.3 C.8.3.1"][:2]
    (False, ['ImageType', 'ScanningSequence'])
    """
    uid = None if sop_class is None else named_class(sop_class)
    ds, faults = _for_checking(source)
    found = check(ds, sop_class=uid).findings if ds is not None else ()
    return Report((*faults, *found), files=paths_of(source) if not isinstance(source, bytes) else ())


# What building or reading a dataset from a source that breaks the rules may raise; a source that isn't there is another matter.
_BROKEN = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def _for_checking(source: Any) -> tuple[Dataset | None, list[Finding]]:
    """A dataset of our own with as much of the source as can be had, and what could not."""
    if isinstance(source, Dataset):
        return source, []
    if is_foreign(source):
        try:
            return of_pydicom(source), []
        except _BROKEN as error:
            return None, [_broken(error)]
    if isinstance(source, Mapping):
        return _of_mapping(source)
    try:
        return dcmread(source), []
    except ReadError as error:
        first = error
    try:
        ds = dcmread(source.getvalue() if hasattr(source, "getvalue") else source, force=True)
    except ReadError:
        return None, [_broken(first)]
    return ds, [_broken(fault) for fault in ds.faults or (first,)]


def _of_mapping(source: Mapping[Any, Any]) -> tuple[Dataset, list[Finding]]:
    ds, faults = Dataset(policy=Policy(nonconforming="write", unencodable="replace")), []
    for key in source:
        try:
            ds[key] = source[key]
        except _BROKEN as error:
            faults.append(_broken(error))
    return ds, faults


def _broken(error: Exception) -> Finding:
    path = getattr(error, "path", "")
    return Finding("error", "unreadable", path if isinstance(path, str) else "", "", shorten(str(error), 200), "PS3.5 7, PS3.10 7.1")
