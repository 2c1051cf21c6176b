"""The DICOM file: preamble, File Meta Information and the data set behind it (PS3.10 7), to a path, an object or memory.

Elements become bytes in ``_encode.pyx``; how the bytes reach their target whole, or not at all, is in ``sinks.py``.
No pixels or codecs here.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from types import TracebackType
from typing import Any, NamedTuple, Self

from ._encode import CharacterSetNeeded, encode_dataset
from ._parse import bytes_as_read, encoding_as_read, read_together
from .charset import DEFAULT, UTF8, CharacterSet
from .dictionary import Tag
from .errors import DcmencWarning, EncodeError
from .model import Dataset
from .sinks import Sink, Target, open_sink, write_pieces
from .uid import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
    UNSTORABLE,
    uid_name,
)
from .values import Element, Policy, describe, shorten

_ZEROS = bytes(128)
_PREFIX = b"DICM"

_GROUP_LENGTH = Tag(0x00020000)
_VERSION = Tag(0x00020001)
_SOP_CLASS = Tag(0x00020002)
_SOP_INSTANCE = Tag(0x00020003)
_SYNTAX = Tag(0x00020010)
_IMPLEMENTATION = Tag(0x00020012)
_IMPLEMENTATION_NAME = Tag(0x00020013)
_CHARACTER_SET = Tag(0x00080005)
_DATASET_SOP_CLASS = Tag(0x00080016)
_DATASET_SOP_INSTANCE = Tag(0x00080018)
# What the file meta and the data set both say.
_IDENTIFIERS = ((_SOP_CLASS, _DATASET_SOP_CLASS), (_SOP_INSTANCE, _DATASET_SOP_INSTANCE))

_UTF8_ELEMENT = Element(_CHARACTER_SET, "CS", "ISO_IR 192")
_LENGTH_ELEMENT = Element(_GROUP_LENGTH, "UL", 0)
_VERSION_ELEMENT = Element(_VERSION, "OB", b"\0\1")
_OWN_IMPLEMENTATION = (IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)

# The transfer syntax that a plain pair of arguments stands for (PS3.5 10).
_PLAIN_SYNTAXES = {(True, True): IMPLICIT_VR_LITTLE_ENDIAN, (False, True): EXPLICIT_VR_LITTLE_ENDIAN,
                   (False, False): EXPLICIT_VR_BIG_ENDIAN}


class Encoding(NamedTuple):
    """How the data set is laid out; ``uid`` is the transfer syntax that the file meta names, if any."""

    uid: str | None
    implicit: bool
    big_endian: bool
    deflated: bool
    encapsulated: bool


# Every transfer syntax that a file can be stored in; None stands for a file meta that names none.
_ENCODINGS: dict[str | None, Encoding] = {
    row.uid: Encoding(row.uid, not row.explicit, row.big_endian, row.deflated, row.encapsulated)
    for row in TRANSFER_SYNTAXES.values() if row.uid not in UNSTORABLE
}
_ENCODINGS[None] = _ENCODINGS[EXPLICIT_VR_LITTLE_ENDIAN]


def dcmwrite(
    target: Target,
    dataset: Dataset | Mapping[Any, Any],
    write_like_original: bool | None = None,
    /,
    *,
    implicit_vr: bool | None = None,
    little_endian: bool | None = None,
    enforce_file_format: bool = False,
    force_encoding: bool = False,
    exist_ok: bool | None = None,
    overwrite: bool | None = None,
    implementation: tuple[str, str] | None = None,
    durable: bool = False,
    policy: Policy | None = None,
    **deprecated: bool | None,
) -> None:
    """Write a data set as a DICOM file (PS3.10 7).

    A dataset with a preamble (128 zero bytes, unless you change it) becomes a complete file: the File Meta Information
    is completed from the dataset. One with ``preamble = None`` is written bare, after its file meta if it has any.
    The encoding follows, in this order, the Transfer Syntax UID of ``file_meta``, the arguments, and Explicit VR
    Little Endian. Nothing of the caller's dataset is changed.

    Parameters
    ----------
    target : str, bytes, os.PathLike or object with ``write``
        A path is replaced in one step, when the new file is complete: a failure leaves the old file whole and nothing
        beside it. Of an object only ``write`` is used.
    dataset : Dataset or mapping
        A mapping has DICOM keywords or tags as keys.
    write_like_original : bool, optional
        Deprecated; the opposite of ``enforce_file_format``. By position, or by its name.
    implicit_vr, little_endian : bool, optional
        The encoding, where the file meta names no transfer syntax; ``implicit_vr`` alone is little endian.
    enforce_file_format : bool
        Write a complete file even if the preamble is None.
    force_encoding : bool
        Use the two arguments above whatever the file meta says.
    exist_ok, overwrite : bool, default True
        Two names for one option: False refuses to replace an existing file.
    implementation : (str, str), optional
        Implementation Class UID and Version Name to fill in, where the file meta has none, instead of dcmenc's own.
    durable : bool
        Return only when the file and its folder entry are on the disk.
    policy : Policy, optional
        What happens to values that the standard does not allow.

    Raises
    ------
    EncodeError
        A value or a combination that cannot become legal DICOM, with its path; before any byte reaches the target.
    FileExistsError
        The target exists and may not be replaced.
    TypeError
        A target or dataset of the wrong kind, or contradicting options.

    Examples
    --------
    >>> import io
    >>> ds = Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3", PatientName="Yamada^Tarou")
    >>> file = io.BytesIO()
    >>> dcmwrite(file, ds)
    >>> file.getvalue()[128:132]
    b'DICM'
    """
    if write_like_original is not None or deprecated:
        enforce_file_format = _enforced(enforce_file_format, write_like_original, deprecated)
    pieces = _pieces(dataset, implicit_vr, little_endian, enforce_file_format, force_encoding, implementation, policy)
    write_pieces(target, pieces, exist_ok=_may_replace(exist_ok, overwrite), durable=durable)


def dumps(
    dataset: Dataset | Mapping[Any, Any],
    write_like_original: bool | None = None,
    /,
    *,
    implicit_vr: bool | None = None,
    little_endian: bool | None = None,
    enforce_file_format: bool = False,
    force_encoding: bool = False,
    implementation: tuple[str, str] | None = None,
    policy: Policy | None = None,
    **deprecated: bool | None,
) -> bytes:
    """The bytes that :func:`dcmwrite` would write with the same arguments.

    >>> ds = Dataset(Rows=2)
    >>> ds.preamble = None
    >>> dumps(ds, implicit_vr=True)
    b'(\\x00\\x10\\x00\\x02\\x00\\x00\\x00\\x02\\x00'
    """
    if write_like_original is not None or deprecated:
        enforce_file_format = _enforced(enforce_file_format, write_like_original, deprecated)
    pieces = _pieces(dataset, implicit_vr, little_endian, enforce_file_format, force_encoding, implementation, policy)
    only = pieces[0]
    return only if len(pieces) == 1 and isinstance(only, bytes) else b"".join(pieces)


def open_stream(
    target: Target,
    dataset: Dataset | Mapping[Any, Any],
    /,
    *,
    locate: Collection[int] = (),
    fill: int | None = None,
    length: int | None = None,
    exist_ok: bool = True,
    durable: bool = False,
    implementation: tuple[str, str] | None = None,
    policy: Policy | None = None,
) -> Stream:
    """Write a data set now, and more bytes behind it later: for pixels that arrive frame by frame.

    Parameters
    ----------
    target, dataset, exist_ok, durable, implementation, policy
        As for :func:`dcmwrite`.
    locate : collection of tags
        Root elements to be patched later; ``Stream.offsets`` says where they stand.
    fill : tag, optional
        A root element without a value, or Pixel Data without a fragment: what is appended becomes its value, or its fragments, and
        the elements behind it follow when the stream is committed. ``Stream.offsets`` says where the appended bytes begin.
    length : int, optional
        How long the value will be, where that is known; else the four bytes before it are to be patched. Fragments need none.

    Returns
    -------
    Stream
        To be committed or discarded; as a context manager it is committed, or discarded if an exception passes.

    Examples
    --------
    >>> import io
    >>> ds = Dataset(Rows=1)
    >>> ds.preamble = None
    >>> file = io.BytesIO()
    >>> with open_stream(file, ds, locate=[0x00280010]) as stream:
    ...     stream.append(b"more")
    ...     stream.patch(stream.offsets[0x00280010][1] - 2, bytes([2]))
    >>> file.getvalue()
    b'(\\x00\\x10\\x00US\\x02\\x00\\x02\\x00more'
    """
    own = _own(dataset, policy)
    encoding = _choose_encoding(own, None, None, False)
    head = _head(own, encoding, False, implementation, policy)
    if encoding.deflated and locate:
        raise EncodeError("nothing can be patched in a deflated data set; use another transfer syntax")
    located: dict[int, Any] = dict.fromkeys(map(Tag, (*locate, *(() if fill is None else (fill,)))))
    if absent := [str(tag) for tag in located if tag not in own]:
        raise EncodeError(f"the dataset has no {', '.join(absent)} to be located")
    first = [head] if encoding.deflated else []
    body = _body(own, encoding, policy, b"" if encoding.deflated else head, located)
    rest: list[bytes | memoryview] = []
    if fill is not None:
        body, rest = _opened(body, located, Tag(fill), length, encoding)
    sink = open_sink(target, exist_ok=exist_ok, durable=durable)
    stream = Stream(sink, encoding.deflated, located, rest)
    try:
        sink.append(*first)
        stream.append(*body)
    except BaseException:
        stream.discard()
        raise
    return stream


def _opened(
    body: list[bytes | memoryview], located: dict[int, Any], tag: Tag, length: int | None, encoding: Encoding
) -> tuple[list[bytes | memoryview], list[bytes | memoryview]]:
    """The data set up to the place in an element where its value goes, and what stands behind that place."""
    # an element of fragments ends with the delimiter of its items, which stays behind them (PS3.5 A.4)
    place = located[tag][1] - (8 if encoding.encapsulated else 0)
    front, rest = _cut(body, place)
    if length is not None and not encoding.encapsulated:
        front, _ = _cut(front, place - 4)
        front.append(length.to_bytes(4, "big" if encoding.big_endian else "little"))
    located[tag] = located[tag][0], place
    return front, rest


def _cut(pieces: list[bytes | memoryview], place: int) -> tuple[list[bytes | memoryview], list[bytes | memoryview]]:
    front: list[bytes | memoryview] = []
    for at, piece in enumerate(pieces):
        if place <= len(piece):
            return [*front, piece[:place]], [piece[place:], *pieces[at + 1:]]
        front.append(piece)
        place -= len(piece)
    return front, []


class Stream:
    """A DICOM file that is still growing; see :func:`open_stream`.

    Attributes
    ----------
    offsets : dict
        Tag -> (offset of the element, offset behind it), for the elements that were to be located; of the one to be filled,
        the offset of what is appended first.
    """

    def __init__(self, sink: Sink, deflated: bool, offsets: dict[int, tuple[int, int]], rest: list[bytes | memoryview]) -> None:
        self._sink = sink
        self._rest = rest
        self._compressor = _compressor() if deflated else None
        self._size = 0
        self.offsets = offsets

    @property
    def position(self) -> int:
        """How many bytes of the file are written."""
        return self._sink.position

    @property
    def seekable(self) -> bool:
        """Whether :meth:`patch` works."""
        return self._sink.seekable and self._compressor is None

    def append(self, *pieces: bytes | memoryview) -> None:
        """Write more bytes of the data set, in its encoding; they are not copied."""
        if self._compressor is not None:
            pieces = tuple(self._compressor.compress(piece) for piece in pieces)
        self._size += sum(len(piece) for piece in pieces) if self._compressor is not None else 0
        self._sink.append(*pieces)

    def patch(self, position: int, data: bytes | memoryview) -> None:
        """Overwrite bytes that stand at ``position`` of the file."""
        if self._compressor is not None:
            raise EncodeError("nothing can be patched in a deflated data set")
        self._sink.patch(position, data)

    def commit(self) -> None:
        """Complete the file; only now does it take its place."""
        self.append(*self._rest)
        if self._compressor is not None:
            rest = self._compressor.flush()
            self._sink.append(rest, b"\0" * ((self._size + len(rest)) % 2))
        self._sink.commit()

    def discard(self) -> None:
        """Give the file up; a path is left as it was before."""
        self._sink.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()


def _enforced(enforce: bool, positional: bool | None, named: dict[str, bool | None]) -> bool:
    """``enforce_file_format``, or the opposite of ``write_like_original``, which pydicom takes by position and by its name."""
    by_name = named.get("write_like_original")
    if positional is not None and by_name is not None:
        raise TypeError("'write_like_original' cannot be used as both a positional and keyword argument")
    like_original = by_name if positional is None else positional
    if like_original is not None:
        warnings.warn("'write_like_original' is deprecated, please use 'enforce_file_format' instead", DeprecationWarning, stacklevel=3)
    if unknown := [name for name in named if name != "write_like_original"]:
        raise TypeError(f"Invalid keyword argument(s) for dcmwrite(): {', '.join(unknown)}")
    return enforce if like_original is None else not like_original


def _pieces(
    dataset: Any,
    implicit_vr: bool | None,
    little_endian: bool | None,
    enforce: bool,
    force: bool,
    implementation: tuple[str, str] | None,
    policy: Policy | None,
) -> list[bytes | memoryview]:
    """The whole file as a list of buffers; nothing has been written when this fails."""
    if not isinstance(dataset, (Dataset, Mapping)):
        return _foreign_pieces(dataset, implicit_vr, little_endian, enforce, force, implementation, policy)
    if force and enforce:
        raise EncodeError("force_encoding and enforce_file_format contradict each other")
    own = _own(dataset, policy)
    encoding = _choose_encoding(own, implicit_vr, little_endian, force)
    head = _head(own, encoding, enforce, implementation, policy)
    if encoding.deflated:
        return [head, *_deflate(_body(own, encoding, policy, b"", None))]
    return _body(own, encoding, policy, head, None)


@cache
def _foreign_room() -> tuple[Callable[[Any], bool], Callable[..., tuple[bytes, list[bytes | memoryview]]]]:
    """What only who writes pydicom's datasets needs."""
    from ._shapes import is_foreign
    from .foreign import foreign_file

    return is_foreign, foreign_file


def _foreign_pieces(dataset: Any, *options: Any) -> list[bytes | memoryview]:
    """A dataset of pydicom's, by the rules of pydicom."""
    is_foreign, foreign_file = _foreign_room()
    if not is_foreign(dataset):
        raise TypeError(f"a dcmenc.Dataset, a pydicom.Dataset or a mapping of keywords is written, not {describe(dataset)}")
    apart, pieces = foreign_file(dataset, *options)
    return [apart, *_deflate(pieces)] if apart else pieces


def _own(dataset: Any, policy: Policy | None) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    if isinstance(dataset, Mapping):
        return Dataset(dataset, policy=policy)
    raise TypeError(f"a dcmenc.Dataset or a mapping of keywords is written, not {describe(dataset)}")


def _may_replace(exist_ok: bool | None, overwrite: bool | None) -> bool:
    if exist_ok is not None and overwrite is not None and exist_ok != overwrite:
        raise TypeError("exist_ok and overwrite are two names for one option, and they contradict each other")
    return exist_ok is not False and overwrite is not False


def _choose_encoding(dataset: Dataset, implicit_vr: bool | None, little_endian: bool | None, force: bool) -> Encoding:
    """File meta, then arguments, then Explicit VR Little Endian; a contradiction is an error (PS3.5 10, PS3.10 7.1)."""
    meta = dataset._file_meta
    named = meta._stored(_SYNTAX) if meta is not None else None
    uid = named.value if named is not None else None
    if uid is not None and not isinstance(uid, str):
        raise EncodeError("a Transfer Syntax UID is text of VR UI", str(_SYNTAX), _SYNTAX)
    if implicit_vr is None and little_endian is None and not force:
        if uid is not None and uid in _ENCODINGS:
            return _ENCODINGS[uid]
        if (uid is None or not uid_name(uid)) and (read := encoding_as_read(dataset)) is not None:
            implicit, big, encapsulated = read
            plain = None if encapsulated else _PLAIN_SYNTAXES.get((implicit, not big))
            return Encoding(uid or plain, implicit, big, False, encapsulated)
        if uid is None:
            return _ENCODINGS[None]
    known = TRANSFER_SYNTAXES.get(uid) if uid else None
    if force:
        if implicit_vr is None or little_endian is None:
            raise EncodeError("force_encoding needs both implicit_vr and little_endian")
        uid = uid or _PLAIN_SYNTAXES.get((bool(implicit_vr), bool(little_endian)))
        return Encoding(uid, implicit_vr, not little_endian, bool(known and known.deflated), bool(known and known.encapsulated))
    if known is not None:
        if uid in UNSTORABLE:
            raise EncodeError(f"{known.name} is for transport only; no file can be stored in it", str(_SYNTAX), _SYNTAX)
        if implicit_vr is not None and implicit_vr == known.explicit:
            raise EncodeError(f"implicit_vr={implicit_vr} contradicts the transfer syntax {known.name} of the file meta")
        if little_endian is not None and little_endian == known.big_endian:
            raise EncodeError(f"little_endian={little_endian} contradicts the transfer syntax {known.name} of the file meta")
        return _ENCODINGS[known.uid]
    if uid and (name := uid_name(uid)):
        raise EncodeError(f"{uid} ({name}) is no transfer syntax", str(_SYNTAX), _SYNTAX)
    if uid and implicit_vr is None:
        raise EncodeError(f"{uid} is a private transfer syntax; implicit_vr and little_endian say how it is encoded", str(_SYNTAX), _SYNTAX)
    if implicit_vr is None and little_endian is False:
        raise EncodeError("little_endian alone is no encoding; give implicit_vr, too, or a transfer syntax in the file meta")
    implicit, little = bool(implicit_vr), little_endian is not False
    if implicit and not little:
        raise EncodeError("there is no Implicit VR Big Endian; force_encoding=True writes it nevertheless")
    return Encoding(uid or _PLAIN_SYNTAXES[implicit, little], implicit, not little, False, False)


def _head(dataset: Dataset, encoding: Encoding, enforce: bool, implementation: tuple[str, str] | None, policy: Policy | None) -> bytes:
    """Preamble, prefix and File Meta Information (PS3.10 7.1)."""
    preamble = dataset.preamble
    if preamble is not None and (not isinstance(preamble, (bytes, bytearray)) or len(preamble) not in (0, 128)):
        raise EncodeError(f"a preamble is 128 bytes, or None, not {shorten(preamble)}")
    meta, prefix = dataset._file_meta, bytes(preamble) + _PREFIX if preamble else b""
    if not enforce and implementation is None and meta is not None:
        read = bytes_as_read(meta, False, False)
        if read is not None and _still_true(dataset, meta, encoding):
            return prefix + read
    if not preamble and not enforce:
        return _meta_bytes(meta, policy, b"") if meta else b""
    return _meta_bytes(_complete_meta(dataset, encoding, enforce, implementation), policy, bytes(preamble or _ZEROS) + _PREFIX)


def _still_true(dataset: Dataset, meta: Dataset, encoding: Encoding) -> bool:
    """Whether a file meta that was read still says what is true of the dataset; identifiers that were read with it are left alone."""
    if _value(meta, _SYNTAX) not in (None, encoding.uid):
        return False
    return all(read_together(dataset, meta, source) or _value(dataset, source) in (None, _value(meta, tag)) for tag, source in _IDENTIFIERS)


def _value(dataset: Dataset, tag: Tag) -> Any:
    element = dataset._stored(tag)
    return None if element is None else element.value


def _complete_meta(dataset: Dataset, encoding: Encoding, enforce: bool, implementation: tuple[str, str] | None) -> Dataset:
    """The File Meta Information with all its Type 1 elements; the dataset's own UIDs win over stale ones (PS3.10 7.1)."""
    meta = Dataset()
    found = meta._elements
    if dataset._file_meta is not None:
        found.update(dataset._file_meta._elements)
    found[_GROUP_LENGTH] = _LENGTH_ELEMENT
    if _value(meta, _VERSION) is None:
        found[_VERSION] = _VERSION_ELEMENT
    for tag, source in _IDENTIFIERS:
        if isinstance(uid := _value(dataset, source), str):
            _name(meta, tag, uid)
        elif _value(meta, tag) is None and (enforce or encoding_as_read(dataset) is None):
            # what was read without it may be written without it
            raise EncodeError(f"a DICOM file needs it: set {source.keyword}, or preamble = None to write a bare data set",
                              f"{tag} {tag.keyword}", tag)
    if encoding.uid is None:
        what = "encapsulated pixels" if encoding.encapsulated else "Implicit VR Big Endian"
        raise EncodeError(f"{what} leave open which transfer syntax it is; name one, or set preamble = None to write a bare data set",
                          f"{_SYNTAX} {_SYNTAX.keyword}", _SYNTAX)
    _name(meta, _SYNTAX, encoding.uid)
    if _value(meta, _IMPLEMENTATION) is None:
        _sign(meta, implementation)
    return meta


def _name(meta: Dataset, tag: Tag, uid: str) -> None:
    held = meta._stored(tag)
    if held is None or held.vr != "UI" or held.value != uid:
        meta._elements[tag] = Element(tag, "UI", uid)


def _sign(meta: Dataset, implementation: tuple[str, str] | None) -> None:
    """Say who wrote the file (PS3.7 D.3.3.2); a version name that is there already stays."""
    named = _IMPLEMENTATION_NAME in meta._elements
    uid, name = implementation or _OWN_IMPLEMENTATION
    if not uid:
        raise EncodeError("implementation= begins with a UID", f"{_IMPLEMENTATION} {_IMPLEMENTATION.keyword}", _IMPLEMENTATION)
    meta.ImplementationClassUID = uid
    if not named:
        meta.ImplementationVersionName = name


def _meta_bytes(meta: Dataset, policy: Policy | None, head: bytes) -> bytes:
    try:
        return b"".join(encode_dataset(meta, file_meta=True, policy=policy, head=head))
    except CharacterSetNeeded as error:
        raise EncodeError("the file meta holds ASCII text only", error.path, error.tag) from None


def _body(
    dataset: Dataset, encoding: Encoding, policy: Policy | None, head: bytes, locate: dict[int, Any] | None
) -> list[bytes | memoryview]:
    """The data set; if its text needs a character set and names none, the output declares UTF-8 (PS3.3 C.12.1.1.2)."""
    if encoding.big_endian:
        warnings.warn("Explicit VR Big Endian is retired (PS3.5 A.3); few systems still read it", DcmencWarning, stacklevel=4)

    def encode(dataset: Dataset, charset: CharacterSet) -> list[bytes | memoryview]:
        return encode_dataset(dataset, implicit=encoding.implicit, big_endian=encoding.big_endian, encapsulated=encoding.encapsulated,
                              charset=charset, policy=policy, head=head, locate=locate)

    try:
        return encode(dataset, DEFAULT)
    except CharacterSetNeeded:
        declared = Dataset(policy=dataset.policy)
        declared._elements |= dataset._elements
        declared._elements[_CHARACTER_SET] = _UTF8_ELEMENT
        return encode(declared, UTF8)


def _compressor() -> zlib._Compress:
    """Raw deflate, as Deflated Explicit VR Little Endian wants it (PS3.5 A.5)."""
    return zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)


def _deflate(pieces: list[bytes | memoryview]) -> Iterator[bytes]:
    compressor = _compressor()
    packed = [*map(compressor.compress, pieces), compressor.flush()]
    yield from packed
    if sum(map(len, packed)) % 2:
        yield b"\0"
