"""Where bytes go: files that appear whole or not at all, and anything with a ``write`` method.

Here live the temporary file and its renaming, partial writes, links, modes and synchronisation. What the bytes mean does not live
here: ``part10.py`` lays out the DICOM File Format (PS3.10 7); this module is the ground under the M-WRITE of PS3.10 8.3.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from os import getpid
from types import TracebackType
from typing import Any, Protocol, Self

Pieces = Sequence[bytes | memoryview]


class Writable(Protocol):
    """What a target that is not a path must have."""

    def write(self, data: Any, /) -> object:
        """Take bytes; an ``int`` less than their number says that only so many were taken, as raw files of ``io`` do."""


Target = str | bytes | os.PathLike[str] | os.PathLike[bytes] | Writable

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_DIRECT = os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MOST_VIEWS = os.sysconf("SC_IOV_MAX")
_MOST_LINKS = 40
_MOST_NAMES = 100
_SMALL = 1 << 16
_GATHERED = 1 << 20
_SUFFIX = b".dcmenc-tmp"
# With the dots, the random part and the suffix the temporary name stays below 143 bytes, the least that a file system in use allows.
_LONGEST_STEM = 96
_DESCRIPTORS = frozenset({b"/proc/self/fd", b"/dev/fd"})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})
_NOTHING_TO_SYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def write_pieces(target: Target, pieces: Pieces, *, exist_ok: bool = True, durable: bool = False) -> None:
    """Write one complete file or stream (PS3.10 8.3, M-WRITE).

    A path gets its bytes through a temporary file in the same folder, which then takes the target's name: whatever fails, the old
    file stays whole and nothing is left beside it. The new file keeps the permission bits of the old one, and its owner where the system
    allows that; hard links and access lists stay with the old file. A symbolic link stays, and the file that it names is replaced.
    A FIFO, a device, or ``/dev/stdout`` and ``/dev/fd/N`` are written directly. An object is written where it stands and isn't flushed.

    Parameters
    ----------
    target : str, bytes, os.PathLike or an object with ``write``
        The folder of a path must be writable. An object needs no other method than ``write``.
    pieces : sequence of bytes or memoryview
        C-contiguous; written one after the other, the large ones without a copy.
    exist_ok : bool
        False: a path that exists already (a dangling link, too) is refused, even if it comes into being in the meantime.
        Not used for objects.
    durable : bool
        Wait until the bytes, and the folder's entry, are on the disk.

    Raises
    ------
    OSError
        With the target as ``filename``: no space, no permission, a folder (``IsADirectoryError``), a write-protected file ...
    FileExistsError
        The target exists and ``exist_ok`` is false; nothing was written.
    TypeError
        The target is neither a path nor an object with ``write``, or a piece isn't a C-contiguous buffer.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> write_pieces(stream, [bytes(128), b"DICM"])
    >>> stream.getvalue()[-5:]
    b'\\x00DICM'
    """
    path = _path_of(target)
    if path is None:
        _write_object(target, _views(pieces))
        if durable:
            _sync_object(target)
        return
    with _open_path(target, path, exist_ok, durable) as sink:
        sink.append(*pieces)


def open_sink(target: Target, *, exist_ok: bool = True, durable: bool = False) -> Sink:
    """Open a target that is filled bit by bit, in bounded memory (PS3.10 8.3, M-WRITE).

    Parameters are those of `write_pieces`. A path is touched only by ``commit``; an object gets the bytes as they come.

    Returns
    -------
    Sink
        A context manager: it commits at the end of the block, and discards if the block fails.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> with open_sink(stream) as sink:
    ...     sink.append(b"length?", b"DICM")
    ...     sink.patch(0, b"length!")
    >>> stream.getvalue()
    b'length!DICM'
    """
    path = _path_of(target)
    return _ObjectSink(target, durable) if path is None else _open_path(target, path, exist_ok, durable)


def can_be_patched(target: Target) -> bool:
    """Whether a sink on this target would be seekable: a regular file, there already or not, or an object that can go back.

    >>> import io
    >>> can_be_patched(io.BytesIO())
    True
    """
    path = _path_of(target)
    if path is None:
        return _start_of(target) is not None
    try:
        path, old = _resolve(path, True)
    except OSError:
        return False  # opening it will say why
    return old is None or (stat.S_ISREG(old.st_mode) and not _is_descriptor(path))


class Sink(ABC):
    """A target that is open for appending; made by `open_sink`.

    A failing ``append``, ``patch`` or ``commit`` discards at once, so that nothing incomplete can be committed later.

    Attributes
    ----------
    seekable : bool
        Whether ``patch`` works: for paths of regular files, and objects that can go back and write there.
    position : int
        The number of bytes appended so far.
    """

    seekable = False
    position = 0
    _state = "discarded"
    _process = 0

    def __init__(self, target: Target, durable: bool) -> None:
        self._target = target
        self._durable = durable
        self._process = getpid()
        self._state = "open"

    def append(self, *pieces: bytes | memoryview) -> None:
        """Write pieces behind all that was appended before."""
        self._require_open()
        views = _views(pieces)
        try:
            self._write(views)
        except BaseException as error:
            self._fail(error)
            raise
        self.position += sum(map(len, views))

    def patch(self, position: int, data: bytes | memoryview) -> None:
        """Overwrite bytes that were appended before; ``position`` counts from the first of them."""
        self._require_open()
        if not self.seekable:
            raise io.UnsupportedOperation("this target cannot be patched: write to a path or to a seekable file instead")
        views = _views((data,))
        size = sum(map(len, views))
        if not 0 <= position <= self.position - size:
            raise ValueError(f"{size} bytes at {position} are not inside the {self.position} bytes appended so far")
        try:
            self._overwrite(position, views)
        except BaseException as error:
            self._fail(error)
            raise

    def commit(self) -> None:
        """Flush, and give a file its name; with ``durable`` wait for the disk."""
        self._require_open()
        try:
            self._finish()
        except BaseException as error:
            self._fail(error)
            raise
        self._state = "committed"

    def discard(self) -> None:
        """Remove the temporary file; an object stays as it is."""
        if self._state != "failed":
            self._require_open()
        self._release()
        self._state = "discarded"

    def _require_open(self) -> None:
        if self._state != "open":
            raise ValueError(f"nothing can be done with a sink that has {'failed' if self._state == 'failed' else 'been ' + self._state}")

    def _fail(self, error: BaseException) -> None:
        self._release()
        self._state = "failed"
        if isinstance(error, OSError):
            self._name(error)

    def _name(self, error: OSError) -> None:  # noqa: B027  (an object has no name to give)
        """Put the file's name into an error."""

    @abstractmethod
    def _write(self, views: list[bytes | memoryview]) -> None:
        """Write behind what is there."""

    @abstractmethod
    def _overwrite(self, position: int, views: list[bytes | memoryview]) -> None:
        """Write over what is there; called only where ``seekable``."""

    @abstractmethod
    def _finish(self) -> None:
        """Make what was written complete."""

    def _release(self) -> None:  # noqa: B027  (nothing is held of an object)
        """Give back what is held; called again it does nothing."""

    def __enter__(self) -> Self:
        self._require_open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and self._state in ("open", "failed"):
            self.commit()
        elif self._state == "open":
            self.discard()

    def __del__(self) -> None:
        # A forked child inherits the sink but not the right to remove its parent's temporary file.
        if self._state == "open" and self._process == getpid():
            self._release()
            self._state = "discarded"
            message = f"a sink for {self._target!r} was dropped without commit(): what was appended is discarded"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)


class _ObjectSink(Sink):
    """An object with ``write``, from where it stands."""

    _target: Any

    def __init__(self, target: Any, durable: bool) -> None:
        super().__init__(target, durable)
        start = _start_of(target)
        self.seekable = start is not None
        self._start = start or 0

    def _write(self, views: list[bytes | memoryview]) -> None:
        _write_object(self._target, views)

    def _overwrite(self, position: int, views: list[bytes | memoryview]) -> None:
        self._target.seek(self._start + position)
        _write_object(self._target, views)
        self._target.seek(self._start + self.position)

    def _finish(self) -> None:
        _flush_object(self._target)
        if self._durable:
            _sync_object(self._target)


class _DirectSink(Sink):
    """A FIFO, a device or an open descriptor: its bytes can't be taken back."""

    def __init__(self, target: Target, durable: bool, path: bytes) -> None:
        super().__init__(target, durable)
        self._path = path
        self._held: list[int] = []
        try:
            self._acquire()
        except BaseException as error:
            self._fail(error)
            raise

    def _acquire(self) -> None:
        if _is_descriptor(self._path):
            # A copy of the descriptor goes on where it stands, and works for sockets, too, which can't be opened by name.
            _hold(self._held, os.dup, int(self._path.rpartition(b"/")[2]))
        else:
            _hold(self._held, os.open, self._path, _DIRECT)

    def _write(self, views: list[bytes | memoryview]) -> None:
        _write_descriptor(self._held[0], views)

    def _overwrite(self, position: int, views: list[bytes | memoryview]) -> None:
        for view in views:
            done = 0
            while done < len(view):
                done += _progress(os.pwrite(self._held[0], memoryview(view)[done:], position + done))

    def _finish(self) -> None:
        if self._durable:
            _sync_where_possible(self._held[0])
        _close_all(self._held)

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            _close_all(self._held)

    def _name(self, error: OSError) -> None:
        _name_target(error, self._target)


class _FileSink(_DirectSink):
    """A regular file: written under another name, which ``commit`` changes."""

    seekable = True
    _temporary = b""

    def __init__(self, target: Target, durable: bool, path: bytes, old: os.stat_result | None, exist_ok: bool) -> None:
        self._old = old
        self._exist_ok = exist_ok
        # A relative path would mean another place after a change of the working directory.
        super().__init__(target, durable, path if path.startswith(b"/") else os.path.join(os.getcwdb(), path))

    def _acquire(self) -> None:
        folder, _, name = self._path.rpartition(b"/")
        mode = 0o666 if self._old is None else self._old.st_mode & 0o777
        for _ in range(_MOST_NAMES):
            # Known before the file exists, so that an interrupt in between can't leave it behind.
            self._temporary = b"%b/%b" % (folder, _temporary_name(name))
            try:
                _hold(self._held, os.open, self._temporary, _CREATE, mode)
                break
            except FileExistsError:
                self._temporary = b""
        else:
            raise OSError(errno.EEXIST, "no free name for a temporary file")
        if self._old is not None:
            _take_over(self._held[0], self._old)

    def _finish(self) -> None:
        if self._durable:
            os.fsync(self._held[0])
        _close_all(self._held)
        if self._durable:
            # Opened before the renaming: a folder that can't be synchronised is refused while the old file is still there.
            _hold(self._held, os.open, os.path.dirname(self._path), _FOLDER)
        self._publish()
        if self._durable:
            _sync_where_possible(self._held[0])
        _close_all(self._held)

    def _publish(self) -> None:
        if self._exist_ok:
            os.replace(self._temporary, self._path)
            self._temporary = b""
        else:
            _publish_new(self._temporary, self._path, self._held)
            self._remove()

    def _remove(self) -> None:
        # a child of a fork has its parent's sinks, but not the right to remove its files
        if self._temporary and self._process == getpid():
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = b""

    def _release(self) -> None:
        self._remove()
        super()._release()


def _path_of(target: Target) -> bytes | None:
    """The path as bytes, or None for an object with ``write``."""
    if isinstance(target, (str, bytes)):
        return os.fsencode(target)
    # An open file may know its path (fsspec's local files do): it is still a file, and wants to be written where it stands.
    if isinstance(target, os.PathLike) and not isinstance(target, io.IOBase):
        return os.fsencode(target)
    if callable(getattr(target, "write", None)) and not isinstance(target, type):
        return None
    mend = ": wrap a descriptor by os.fdopen()" if isinstance(target, int) else ""
    raise TypeError(f"Expected a file path, file-like or writeable buffer, but got {type(target).__name__}{mend}")


def _open_path(target: Target, path: bytes, exist_ok: bool, durable: bool) -> Sink:
    try:
        path, old = _resolve(path, exist_ok)
        if old is None or (stat.S_ISREG(old.st_mode) and not _is_descriptor(path)):
            return _FileSink(target, durable, path, old, exist_ok)
        return _DirectSink(target, durable, path)
    except OSError as error:
        _name_target(error, target)
        raise


def _resolve(path: bytes, exist_ok: bool) -> tuple[bytes, os.stat_result | None]:
    """Follow the links of the last component; return what is to be written and its status, None if it doesn't exist yet."""
    for _ in range(_MOST_LINKS):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return _require_name(path), None
        if not exist_ok:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISLNK(status.st_mode):
            return _require_permission(path, status), status
        if _is_descriptor(path):
            return path, os.stat(path)
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _require_name(path: bytes) -> bytes:
    if not path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if path.endswith(b"/"):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return path


def _require_permission(path: bytes, status: os.stat_result) -> bytes:
    """Renaming would replace a write-protected file: refuse it, as opening it would."""
    if stat.S_ISREG(status.st_mode) and not os.access(path, os.W_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return path


def _is_descriptor(path: bytes) -> bool:
    """Whether a path stands for a descriptor of this process, which ``/dev/stdout`` comes down to."""
    folder, _, name = path.rpartition(b"/")
    return folder in _DESCRIPTORS and name.isdigit()


def _temporary_name(name: bytes) -> bytes:
    stem = name
    if len(name) > _LONGEST_STEM:
        # Some file systems refuse names that aren't UTF-8, and the cut may fall within a character.
        stem = name[:_LONGEST_STEM].decode("utf-8", "ignore").encode()
    return b".%b.%b%b" % (stem, os.urandom(6).hex().encode(), _SUFFIX)


def _hold(held: list[int], call: Callable[..., int], *arguments: object) -> None:
    """Keep the descriptor that a call returns; by way of map() no interrupt can come between the two and lose it."""
    held.extend(map(call, *zip(arguments)))


def _close_all(held: list[int]) -> None:
    while held:
        # Forgotten before it is closed: a failing close() has freed the number all the same, and another thread may hold it by now.
        descriptor = held[-1]
        del held[-1]
        os.close(descriptor)


def _take_over(descriptor: int, old: os.stat_result) -> None:
    """Give a new file, still empty, the old one's owner and permission bits; never more rights than those."""
    new = os.fstat(descriptor)
    mode = old.st_mode & 0o777
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) and not _change_owner(descriptor, old):
        # The bits of the old group are not meant for the new one: it gets what it had as any other.
        mode &= 0o707 | (mode & 0o007) << 3
    if new.st_mode & 0o777 != mode:
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, mode)


def _change_owner(descriptor: int, old: os.stat_result) -> bool:
    """Whether at least the group could be kept."""
    for owner in (old.st_uid, -1):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, old.st_gid)
            return True
    return False


def _publish_new(temporary: bytes, path: bytes, held: list[int]) -> None:
    """Give a file a second name that nobody else has, where hard links exist; else take the name first and then put the file there."""
    try:
        os.link(temporary, path)
        return
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
    before = len(held)
    try:
        _hold(held, os.open, path, _CREATE, 0o600)
        os.replace(temporary, path)
    except BaseException:
        if len(held) > before:
            with contextlib.suppress(OSError):
                os.unlink(path)
        raise


def _name_target(error: OSError, target: Target) -> None:
    """Let an error of the system name the file that was asked for, not the temporary one."""
    if error.errno is not None:
        error.filename = os.fspath(target) if isinstance(target, os.PathLike) else target
        if error.filename2 is not None:
            del error.filename2


def _views(pieces: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """The pieces that hold anything, each such that ``len`` is its number of bytes."""
    views: list[bytes | memoryview] = []
    for piece in pieces:
        view = piece if type(piece) is bytes else _flat(piece)
        if len(view):
            views.append(view)
    return views


def _flat(piece: bytes | memoryview) -> memoryview:
    try:
        view = piece if isinstance(piece, memoryview) else memoryview(piece)
        if not view.nbytes:
            return memoryview(b"")
        return view if view.ndim == 1 and view.format == "B" and view.c_contiguous else view.cast("B")
    except TypeError as error:
        raise TypeError(f"a piece must be bytes or a C-contiguous memoryview of bytes, not this {type(piece).__name__}: {error}") from None


def _progress(count: int) -> int:
    """What a call wrote; nothing at all for bytes that were there would never come to an end."""
    if count <= 0:
        raise OSError(errno.EIO, "not one byte was taken")
    return count


def _write_descriptor(descriptor: int, views: list[bytes | memoryview]) -> None:
    first = done = 0
    while first < len(views):
        batch = views[first : first + _MOST_VIEWS]
        if done:
            batch[0] = memoryview(batch[0])[done:]
        done += _progress(os.writev(descriptor, batch))
        while first < len(views) and done >= len(views[first]):
            done -= len(views[first])
            first += 1


def _write_object(target: Any, views: list[bytes | memoryview]) -> None:
    for view in _gathered(views):
        done = 0
        while done < len(view):
            taken = target.write(memoryview(view)[done:] if done else view)
            if taken is None and isinstance(target, io.RawIOBase):
                raise BlockingIOError(errno.EAGAIN, "a non-blocking target is full: write to a blocking one")
            # What is no count, as many hand-made objects return, means that all was taken.
            done = done + _progress(taken) if isinstance(taken, int) and not isinstance(taken, bool) else len(view)


def _gathered(views: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Join neighbours that are small, for targets to which each call is dear; pass the large ones on as they are."""
    small: list[bytes | memoryview] = []
    size = 0
    for view in views:
        if small and (len(view) >= _SMALL or size >= _GATHERED):
            yield b"".join(small)
            small, size = [], 0
        if len(view) >= _SMALL:
            yield view
        else:
            small.append(view)
            size += len(view)
    if small:
        yield b"".join(small)


def _start_of(target: Any) -> int | None:
    """Where an object stands, None if it can't go back there and overwrite."""
    if not all(callable(getattr(target, name, None)) for name in ("seek", "tell", "seekable")):
        return None
    # A GzipFile says that it is seekable, but while writing it only goes forward.
    gzip = sys.modules.get("gzip")
    if gzip is not None and isinstance(target, gzip.GzipFile):
        return None
    try:
        return int(target.tell()) if target.seekable() and not _appends_only(target) else None
    except OSError:
        return None


def _appends_only(target: Any) -> bool:
    """Whether the system puts each write at the end of the file, wherever the object stands."""
    import fcntl

    descriptor = _descriptor_of(target)
    return descriptor is not None and bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)


def _descriptor_of(target: Any) -> int | None:
    fileno = getattr(target, "fileno", None)
    try:
        return int(fileno()) if callable(fileno) else None
    except (OSError, ValueError):
        return None


def _flush_object(target: Any) -> None:
    flush = getattr(target, "flush", None)
    if callable(flush):
        flush()


def _sync_object(target: Any) -> None:
    _flush_object(target)
    descriptor = _descriptor_of(target)
    if descriptor is not None:
        _sync_where_possible(descriptor)


def _sync_where_possible(descriptor: int) -> None:
    """Synchronise; pipes, sockets, terminals and the folders of some file systems have nothing that could be."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOTHING_TO_SYNC:
            raise
