"""Reading: a DICOM file, or its bytes, becomes a dataset whose elements stay what they were until they are set (PS3.10 7, PS3.5 10).

Here live the sources, the preamble and file meta, and what a data set is encoded in; ``_parse.pyx`` goes through its elements.
Nothing is written, and pixels are only bytes here.
"""

from __future__ import annotations

import os
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Literal, NamedTuple, Self

from ._mapping import Mapping
from ._parse import parse_dataset, parse_meta
from ._source import Source
from .charset import CharacterSet, read_character_set
from .dictionary import Tag
from .errors import DcmencWarning, ReadError
from .model import Dataset
from .uid import TRANSFER_SYNTAXES, UNSTORABLE, TransferSyntax
from .values import MAX_DEPTH
from .vr import VRS

_PREFIX = b"DICM"
_SYNTAX = Tag(0x00020010)

_UNDEFINED = 0xFFFFFFFF
# How many elements are looked at to tell one byte order from the other.
_LOOKED_AT = 4

# From this size on a file is mapped instead of read.
_MAPPED_FROM = 1 << 24
# A deflated data set may always grow to this size; beyond it, Limits.expansion decides.
_SMALL_INFLATED = 1 << 28
_INFLATED_STEP, _DEFLATED_STEP = 1 << 20, 1 << 16


class _LimitFields(NamedTuple):
    depth: int = MAX_DEPTH
    elements: int = 10_000_000
    inflated: int = 2**31
    expansion: int = 100


class Limits(_LimitFields):
    """How much a file may ask for before it is refused. What it only claims is never believed: lengths are held against what is there.

    Parameters
    ----------
    depth : int
        Levels of items inside items, 128 at most: no part of dcmenc goes deeper.
    elements : int
        Elements in one file, items included.
    inflated : int
        Bytes that a deflated data set may become.
    expansion : int
        How many times its size a deflated data set may grow, once it is over 256 MiB.

    Examples
    --------
    >>> Limits(elements=1000).inflated
    2147483648
    """

    __slots__ = ()

    def __new__(cls, *values: Any, **fields: Any) -> Self:
        made = super().__new__(cls, *values, **fields)
        for name, limit in made._asdict().items():
            most = MAX_DEPTH if name == "depth" else sys.maxsize
            if not isinstance(limit, int) or not 1 <= limit <= most:
                raise ValueError(f"Limits.{name} is a number from 1 to {most}, not {limit!r}")
        return made


_DEFAULT_LIMITS = Limits()


def dcmread(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any,
    /,
    *,
    stop_before_pixels: bool = False,
    specific_tags: Iterable[Any] | None = None,
    force: bool = False,
    limits: Limits | None = None,
    assume_charset: str | tuple[str, ...] | None = None,
) -> Dataset:
    """Read a DICOM file (PS3.10 7).

    Every element stays as it was read until you set it: looking at a value changes nothing, an unchanged dataset is written
    back byte for byte, and of a changed one only what you set, and the lengths around it, becomes new. Values are decoded, and
    sequences opened, when they are first asked for; the structure of the whole file is proved at once.

    Parameters
    ----------
    source : str, os.PathLike, bytes-like or binary file object
        A path, the content of a file, or an object with ``read``, which is read to its end. ``bytes`` are content, never a path.
        Files of 16 MiB and more are mapped into memory where the system can do so. Do not cut one short in place while the dataset, or
        a view of its values, is in use; dcmenc looks for that before it reads, but a view that you hold cannot. Writing to the same
        path by dcmenc makes a new file, and does no harm. Read-only buffers are used as they are, others are copied.
    stop_before_pixels : bool
        Leave out the pixels and what comes after them.
    specific_tags : iterable of tags or keywords, optional
        Only these elements of the root, and Specific Character Set.
    force : bool
        Read what has no preamble, and what can be read of broken files; ``Dataset.faults`` says what is wrong or missing.
    limits : Limits, optional
        How much a file may ask for.
    assume_charset : str or tuple of str, optional
        The Specific Character Set of text that declares none and is not ASCII. By default such text is shown as ISO_IR 100, is
        written back as it was, and is an error where it would have to be converted.

    Returns
    -------
    Dataset
        With ``file_meta``, ``preamble`` and ``faults``. Binary values of 16 KiB and more are read-only views of the file, in
        little endian units; shorter ones are ``bytes``. A UN of undefined length shows its items as a Sequence (PS3.5 6.2.2). A value
        that its VR cannot hold is shown as UN.

    Raises
    ------
    ReadError
        What is no DICOM file, with the offset and the path of what is broken.
    OSError
        The source cannot be read.

    Warns
    -----
    DcmencWarning
        The data set is not in the transfer syntax that the file names; or ``force`` had to pass over faults.

    Examples
    --------
    >>> from dcmenc import Dataset, dumps
    >>> data = dumps(Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3", PatientName="Yamada^Tarou"))
    >>> ds = dcmread(data)
    >>> ds.PatientName, ds.file_meta.TransferSyntaxUID
    ('Yamada^Tarou', '1.2.840.10008.1.2.1')
    >>> dumps(ds) == data
    True
    """
    limits = _DEFAULT_LIMITS if limits is None else limits
    if not isinstance(limits, Limits):
        raise TypeError(f"limits are a dcmenc.Limits, for instance Limits(elements=1000), not {type(limits).__name__}")
    assumed = _assumed(assume_charset)
    if isinstance(specific_tags, (str, bytes, int)):
        raise TypeError(f"specific_tags is a list of tags or keywords, as in [{specific_tags!r}]")
    wanted = None if specific_tags is None else frozenset(int(Tag(tag)) for tag in specific_tags)
    content, guard, name = _take(source)
    try:
        return _read(content, guard, _Wishes(stop_before_pixels, wanted, force, limits, assumed))
    except ReadError as error:
        if isinstance(source, bytes) and len(source) < 132 and not error.source:
            error.reason += " (bytes are taken as the content of a file; give a path as str)"
        error.source = name
        raise


class _Wishes(NamedTuple):
    """The options of one call."""

    before_pixels: bool
    wanted: frozenset[int] | None
    lenient: bool
    limits: Limits
    assumed: CharacterSet | None


def _assumed(terms: str | tuple[str, ...] | None) -> CharacterSet | None:
    if terms is None:
        return None
    charset = read_character_set(terms)
    return charset if charset.declared else None


def _take(source: Any) -> tuple[Any, Callable[[], None] | None, str]:
    """The bytes of a source, what checks that they are still the same, and the name for messages."""
    if isinstance(source, (str, os.PathLike)):
        return _take_path(os.path.abspath(os.fsdecode(source)))
    try:
        view = memoryview(source)
    except TypeError:
        return _take_file(source)
    try:
        view = view.cast("B")
    except TypeError:
        raise TypeError("a path, bytes or a file object is read; this buffer is not contiguous") from None
    # what its owner may still change is copied
    return source if isinstance(source, bytes) else view if view.readonly else bytes(view), None, ""


def _take_file(source: Any) -> tuple[bytes, None, str]:
    if not hasattr(source, "read"):
        raise TypeError(f"a path, bytes or a file object is read, not {type(source).__name__}")
    data = source.read()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"a file object gives bytes, not {type(data).__name__}; open it in binary mode")
    name = getattr(source, "name", "")
    return bytes(data), None, name if isinstance(name, str) else ""


def _take_path(path: str) -> tuple[Any, Callable[[], None] | None, str]:
    with open(path, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if status.st_size >= _MAPPED_FROM:
            try:
                return Mapping(file.fileno(), status.st_size), _guard(path, status), path
            except OSError:
                # a file system that maps nothing
                pass
        return file.readall(), None, path


def _guard(path: str, seen: os.stat_result) -> Callable[[], None]:
    """Something that fails once the file is no longer what was mapped; one that took its place does not matter."""

    def check() -> None:
        try:
            now = os.stat(path)
        except OSError:
            return
        if (now.st_dev, now.st_ino) == (seen.st_dev, seen.st_ino) and (now.st_size, now.st_mtime_ns) != (seen.st_size, seen.st_mtime_ns):
            raise ReadError("the file was changed in place since it was read; read it again", source=path)

    return check


def _read(content: Any, guard: Callable[[], None] | None, wishes: _Wishes) -> Dataset:
    source, view = Source(content, guard), memoryview(content)
    dataset = Dataset()
    dataset.preamble, start = _preamble(view, wishes.lenient)
    meta, start, faults = _meta(source, view, start, wishes.lenient)
    dataset.file_meta = meta
    known = _named(meta)
    if known is not None and known.deflated:
        data, more = _inflate(view[start:], wishes)
        source, view, start, faults = Source(data, identity=source.identity), memoryview(data), 0, faults + more
    coded = _coding(known, view, start)
    faults += parse_dataset(
        dataset, source, start, len(view), implicit=coded.implicit, big_endian=coded.big, encapsulated=coded.encapsulated,
        lenient=wishes.lenient, before_pixels=wishes.before_pixels, assumed=wishes.assumed, wanted=wishes.wanted,
        elements=wishes.limits.elements, depth=wishes.limits.depth,
    )
    if faults:
        _report(dataset, faults)
    return dataset


def _report(dataset: Dataset, faults: list[ReadError]) -> None:
    """Keep the faults with the dataset; bytes of which nothing could be read are an error all the same."""
    if not len(dataset):
        raise faults[0]
    dataset._keep_faults(tuple(faults))
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    warnings.warn(f"the file is broken: {faults[0]}{more}; see Dataset.faults", DcmencWarning, stacklevel=4)


def _preamble(view: memoryview, force: bool) -> tuple[bytes | None, int]:
    """The preamble, None where there is none, and the place behind the prefix (PS3.10 7.1)."""
    if view[128:132] == _PREFIX:
        return bytes(view[:128]), 132
    if view[:4] == _PREFIX:
        return None, 4
    if not force:
        what = "no DICM prefix at byte 128: this is no DICOM file, or one without preamble" if len(view) else "the source is empty"
        raise ReadError(f"{what}; force=True reads a bare data set", 0)
    return None, 0


def _meta(source: Source, view: memoryview, start: int, lenient: bool) -> tuple[Dataset | None, int, list[ReadError]]:
    """The file meta, the place behind it, and what is wrong with it."""
    if bytes(view[start:start + 2]) != b"\x02\x00":
        return None, start, []
    meta = Dataset()
    end, faults = parse_meta(meta, source, start, lenient=lenient)
    meta.preamble = None
    return meta, end, faults


class _Coding(NamedTuple):
    """What a data set is encoded in."""

    implicit: bool
    big: bool
    encapsulated: bool | None


def _named(meta: Dataset | None) -> TransferSyntax | None:
    """The transfer syntax that the file meta names, if files can be stored in it."""
    named = meta._stored(_SYNTAX) if meta is not None else None
    uid = None if named is None else named.value
    known = TRANSFER_SYNTAXES.get(uid) if isinstance(uid, str) else None
    return known if known is not None and known.uid not in UNSTORABLE else None


def _coding(known: TransferSyntax | None, view: memoryview, start: int) -> _Coding:
    """What the file meta names, held against the first elements: some files lie, and some say nothing (PS3.5 10)."""
    seen = _seen(view, start, known is not None and known.big_endian)
    if known is None:
        implicit, big = seen or (True, False)
        return _Coding(implicit, big, None)
    if seen is not None and seen != (not known.explicit, known.big_endian):
        warnings.warn(f"the file meta names {known.name}, and the data set is in {_spoken(*seen)}", DcmencWarning, stacklevel=4)
        return _Coding(*seen, known.encapsulated)
    return _Coding(not known.explicit, known.big_endian, known.encapsulated)


def _seen(view: memoryview, start: int, named_big: bool) -> tuple[bool, bool] | None:
    """(implicit, big endian) as the first elements show them; None where there are none."""
    head = bytes(view[start:start + 8])
    if len(head) < 8:
        return None
    if not (head[4:6].isalpha() and head[4:6].isupper()):
        return True, False
    if head[4:6].decode("latin-1") not in VRS:
        # of a later edition, or by chance
        return None
    orders = named_big, not named_big
    return False, next((big for big in orders if _fits(view, start, big)), named_big)


def _fits(view: memoryview, at: int, big: bool) -> bool:
    """Whether the first elements make sense in a byte order: ascending tags, known VRs, lengths that leave room (PS3.5 7.1.2)."""
    order: Literal["big", "little"] = "big" if big else "little"
    previous = -1
    for _ in range(_LOOKED_AT):
        head = bytes(view[at:at + 12])
        if len(head) < 8:
            return at == len(view)
        tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
        row = VRS.get(head[4:6].decode("latin-1"))
        if row is None or tag <= previous:
            return False
        length = int.from_bytes(head[6:8] if row.header == 8 else head[8:12], order)
        if length != _UNDEFINED and at + row.header + length > len(view):
            return False
        if length and (row.kind == "sequence" or length == _UNDEFINED):
            # items begin with FFFE; those of UN are little endian wherever they stand
            return row.code == "UN" or bytes(view[at + 12:at + 14]) != (b"\xfe\xff" if big else b"\xff\xfe")
        previous, at = tag, at + row.header + length
    return True


def _spoken(implicit: bool, big: bool) -> str:
    return f"{'Implicit' if implicit else 'Explicit'} VR {'Big' if big else 'Little'} Endian"


def _inflate(packed: memoryview, wishes: _Wishes) -> tuple[bytes, list[ReadError]]:
    """The data set behind raw deflate (PS3.5 A.5), as far as the limits allow."""
    limits = wishes.limits
    most = min(limits.inflated, max(_SMALL_INFLATED, limits.expansion * len(packed)))
    stream, data, at = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), 0
    faults: list[ReadError] = []
    try:
        while not stream.eof:
            # in small portions, of which what is left over is copied; with nothing left, there may still be output
            portion = stream.unconsumed_tail
            if not portion:
                portion = bytes(packed[at:at + _DEFLATED_STEP])
                at += len(portion)
            piece = stream.decompress(portion, _INFLATED_STEP)
            if not piece and not portion:
                break
            data += piece
            if len(data) > most:
                raise ReadError(f"the deflated data set grows from {len(packed)} to more than {most} bytes; "
                                "Limits(inflated=, expansion=) allow more")
    except zlib.error as error:
        faults.append(ReadError(f"the data set is no deflated stream: {error}"))
    if not stream.eof and not faults:
        faults.append(ReadError("the deflated stream ends too early"))
    unused = stream.unused_data + bytes(packed[at:])
    trailer = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    # some writers end the stream as gzip does, others pad it with more than one zero
    if unused.strip(b"\0") not in (b"", trailer.strip(b"\0")):
        faults.append(ReadError(f"{len(unused)} bytes follow the deflated stream"))
    if faults and not wishes.lenient:
        raise faults[0]
    return bytes(data), faults
