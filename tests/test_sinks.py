"""Facts about where files go: a target is the old file or the whole new one, whatever fails; PS3.10 8.3 (M-WRITE)."""

from __future__ import annotations

import contextlib
import errno
import gc
import gzip
import io
import mmap
import os
import pathlib
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmenc import sinks
from dcmenc.sinks import open_sink, write_pieces

OLD = b"the old file, whole" * 2000
NEW = bytes(range(256)) * 157
PIECES = [NEW[:132], NEW[132:400], memoryview(NEW)[400:30_000], b"", NEW[30_000:]]
TEMPORARY = re.compile(r"\.(.*)\.[0-9a-f]{12}\.dcmenc-tmp")
NOBODY = 65534
ROOT = os.geteuid() == 0
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(sinks.__file__)))


@pytest.fixture
def target(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "image.dcm"
    path.write_bytes(OLD)
    return path


def names(folder: pathlib.Path) -> list[str]:
    return sorted(os.listdir(folder))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def write_by_sink(path: object, pieces: list[bytes | memoryview], **options: bool) -> None:
    with open_sink(path, **options) as sink:
        sink.append(*pieces[:2])
        sink.append(*pieces[2:])
        if sink.seekable:
            sink.patch(200, pieces[1][68:100])


WRITERS = [write_pieces, write_by_sink]
writers = pytest.mark.parametrize("write", WRITERS)


def run_python(code: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, capture_output=True, timeout=120, **options)


def passed(result: subprocess.CompletedProcess[bytes]) -> bytes:
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


# Paths


@writers
def test_a_file_holds_the_pieces_and_nothing_is_left_beside_it(write: Callable[..., None], tmp_path: pathlib.Path) -> None:
    text = str(tmp_path / "Schädel.dcm")
    for path in (text, os.fsencode(text), pathlib.Path(text)):
        for options in ({}, {"durable": True}):
            write(path, PIECES, **options)
            assert pathlib.Path(text).read_bytes() == NEW
            assert names(tmp_path) == ["Schädel.dcm"]
            os.unlink(text)
            write(path, PIECES, exist_ok=False, **options)
            assert pathlib.Path(text).read_bytes() == NEW
            assert names(tmp_path) == ["Schädel.dcm"]


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 50))
def test_pieces_become_their_concatenation(pieces: list[bytes], most: int) -> None:
    whole = b"".join(pieces)
    stream, raw = io.BytesIO(), ShortRaw(most)
    write_pieces(stream, pieces)
    write_pieces(raw, [memoryview(piece) for piece in pieces])
    with tempfile.TemporaryDirectory() as folder:
        write_pieces(folder + "/f", pieces)
        with open(folder + "/f", "rb") as file:
            assert file.read() == whole
    assert stream.getvalue() == bytes(raw.taken) == whole


def test_more_pieces_than_one_call_takes(tmp_path: pathlib.Path) -> None:
    pieces = [bytes([i % 251]) * (i % 7) for i in range(2 * os.sysconf("SC_IOV_MAX") + 3)]
    write_pieces(tmp_path / "f", pieces)
    assert (tmp_path / "f").read_bytes() == b"".join(pieces)


def test_a_view_of_wider_items_counts_in_bytes(tmp_path: pathlib.Path) -> None:
    wide = memoryview(bytes(range(48))).cast("H", (4, 6))
    write_pieces(tmp_path / "f", [wide, memoryview(b"").cast("H")])
    assert (tmp_path / "f").read_bytes() == bytes(range(48))
    stream = io.BytesIO()
    with open_sink(stream) as sink:
        sink.append(wide)
        assert sink.position == 48


def test_an_empty_file_is_a_file(target: pathlib.Path) -> None:
    write_pieces(target, [])
    assert target.read_bytes() == b""


@pytest.mark.parametrize("piece", ["text", 5, None, memoryview(bytes(8))[::2]])
def test_what_is_no_buffer_is_refused_before_anything_is_written(piece: object, target: pathlib.Path) -> None:
    with pytest.raises(TypeError, match="a piece must be"):
        write_pieces(target, [NEW, piece])
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"]
    stream = io.BytesIO()
    with pytest.raises(TypeError, match="a piece must be"):
        write_pieces(stream, [NEW, piece])
    assert stream.getvalue() == b""


@pytest.mark.parametrize("wrong", [1, True, None, 2.5, ["a"], object(), io.BytesIO, socket.SocketType])
def test_what_is_no_target_is_refused(wrong: object) -> None:
    for call in (lambda: write_pieces(wrong, [b"x"]), lambda: open_sink(wrong)):
        with pytest.raises(TypeError, match="file path, file-like or writeable buffer"):
            call()


def test_a_descriptor_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match="fdopen"):
        write_pieces(1, [b"x"])


def test_a_folder_a_missing_folder_and_bad_names(tmp_path: pathlib.Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").write_bytes(OLD)
    cases = {
        "": IsADirectoryError,
        "/link": IsADirectoryError,
        "/new/": IsADirectoryError,
        "/none/f": FileNotFoundError,
        "/file/f": NotADirectoryError,
        "/file/": NotADirectoryError,
        "/" + 256 * "n": OSError,
    }
    for rest, kind in cases.items():
        path = str(tmp_path) + rest
        for write in WRITERS:
            with pytest.raises(kind) as caught:
                write(path, PIECES)
            assert caught.value.filename == str(path) and caught.value.filename2 is None
    with pytest.raises(FileNotFoundError):
        write_pieces("", PIECES)
    with pytest.raises(ValueError, match="null"):
        write_pieces(str(tmp_path) + "/a\0b", PIECES)
    assert names(tmp_path) == ["file", "link"]
    assert (tmp_path / "file").read_bytes() == OLD


@pytest.mark.parametrize(
    "name", [255 * "n", 127 * "é" + "n", "n", "1.2.840.10008.1.2.4.70.123456789012345678901234567890123456789012345.dcm"]
)
def test_the_temporary_name_is_recognisable_and_fits(name: str, tmp_path: pathlib.Path) -> None:
    with open_sink(tmp_path / name) as sink:
        sink.append(NEW)
        (temporary,) = names(tmp_path)
        match = TEMPORARY.fullmatch(temporary)
        assert match and name.startswith(match[1]) and len(match[1]) >= min(len(name), 48)
        assert len(os.fsencode(temporary)) <= 143
        temporary.encode("utf-8")
    assert names(tmp_path) == [name]
    write_pieces(tmp_path / name, [OLD])
    assert (tmp_path / name).read_bytes() == OLD


def test_a_taken_temporary_name_is_left_alone(target: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([b"\0" * 6, b"\0" * 6, b"\1" * 6])
    monkeypatch.setattr(os, "urandom", lambda count: next(drawn))
    other = target.with_name(".image.dcm.000000000000.dcmenc-tmp")
    other.write_bytes(b"another writer's")
    write_pieces(target, PIECES)
    assert target.read_bytes() == NEW and other.read_bytes() == b"another writer's"
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)
    with pytest.raises(OSError, match="no free name"):
        write_pieces(target, PIECES)
    assert other.read_bytes() == b"another writer's"


def test_a_relative_path_means_the_folder_of_the_beginning(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with open_sink("f") as sink:
        sink.append(NEW)
        os.chdir("elsewhere")
    assert (tmp_path / "f").read_bytes() == NEW
    assert names(tmp_path) == ["elsewhere", "f"] and names(tmp_path / "elsewhere") == []


# Modes, owners, links


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666, 0o755, 0o777])
def test_the_old_files_mode_is_kept(mode: int, target: pathlib.Path) -> None:
    target.chmod(mode)
    for write in WRITERS:
        write(target, PIECES)
        assert stat.S_IMODE(target.stat().st_mode) == mode


def test_the_temporary_file_is_never_more_open_than_the_old_one(target: pathlib.Path) -> None:
    target.chmod(0o600)
    with open_sink(target) as sink:
        sink.append(NEW)
        (temporary,) = set(names(target.parent)) - {"image.dcm"}
        assert stat.S_IMODE((target.parent / temporary).stat().st_mode) == 0o600


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_a_new_file_honours_the_umask(umask: int, tmp_path: pathlib.Path) -> None:
    before = os.umask(umask)
    try:
        for exist_ok in (True, False):
            write_pieces(tmp_path / str(exist_ok), PIECES, exist_ok=exist_ok)
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names(tmp_path)} == {0o666 & ~umask}


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_the_old_files_owner_is_kept_where_the_system_allows_it(target: pathlib.Path) -> None:
    os.chown(target, NOBODY, NOBODY)
    target.chmod(0o640)
    write_pieces(target, PIECES)
    status = target.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY, NOBODY, 0o640)


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_a_group_that_cannot_be_kept_takes_its_rights_along(target: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "refused")

    monkeypatch.setattr(os, "fchown", refuse)
    for before, after in ((0o640, 0o600), (0o664, 0o644), (0o666, 0o666)):
        os.chown(target, NOBODY, NOBODY)
        target.chmod(before)
        write_pieces(target, PIECES)
        assert stat.S_IMODE(target.stat().st_mode) == after


@writers
def test_a_link_stays_and_its_file_is_replaced(write: Callable[..., None], target: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "first").symlink_to("../second")
    (tmp_path / "second").symlink_to(target)
    write(tmp_path / "sub" / "first", PIECES)
    assert target.read_bytes() == NEW and not target.is_symlink()
    assert os.readlink(tmp_path / "sub" / "first") == "../second" and os.readlink(tmp_path / "second") == str(target)
    assert names(tmp_path) == ["image.dcm", "second", "sub"] and names(tmp_path / "sub") == ["first"]


def test_a_dangling_link_creates_what_it_names(tmp_path: pathlib.Path) -> None:
    (tmp_path / "link").symlink_to("new")
    with pytest.raises(FileExistsError):
        write_pieces(tmp_path / "link", PIECES, exist_ok=False)
    assert names(tmp_path) == ["link"]
    write_pieces(tmp_path / "link", PIECES)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "new").read_bytes() == NEW


def test_links_in_a_circle_are_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError) as caught:
        write_pieces(tmp_path / "a", PIECES)
    assert caught.value.errno == errno.ELOOP and caught.value.filename == str(tmp_path / "a")
    assert names(tmp_path) == ["a", "b"]


@contextlib.contextmanager
def file_of_nobody(mode: int, file_mode: int) -> Iterator[pathlib.Path]:
    """A file in a folder of a user without privileges, who runs the block."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "f"
        path.write_bytes(OLD)
        path.chmod(file_mode)
        os.chmod(folder, mode)
        if ROOT:
            os.chown(path, NOBODY, NOBODY)
            os.chown(folder, NOBODY, NOBODY)
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        try:
            yield path
        finally:
            if ROOT:
                os.seteuid(0)
                os.setegid(0)
            os.chmod(folder, 0o700)


@writers
@pytest.mark.parametrize("mode, file_mode", [(0o555, 0o644), (0o755, 0o444)], ids=["folder", "file"])
def test_a_write_protected_folder_or_file_is_an_error(write: Callable[..., None], mode: int, file_mode: int) -> None:
    with file_of_nobody(mode, file_mode) as path:
        with pytest.raises(PermissionError) as caught:
            write(path, PIECES)
        assert caught.value.filename == str(path)
        assert path.read_bytes() == OLD and names(path.parent) == ["f"]


# exist_ok


@writers
def test_an_existing_file_is_refused_before_anything_is_written(
    write: Callable[..., None], target: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("something was opened"))
    for path in (target, target.parent, "/dev/null"):
        with pytest.raises(FileExistsError) as caught:
            write(path, PIECES, exist_ok=False)
        assert caught.value.filename == str(path)
    assert target.read_bytes() == OLD


@pytest.mark.parametrize("links", [True, False])
def test_of_eight_writers_at_once_exactly_one_wins(links: bool, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", failing(os.link, 0, errno.EPERM))
    for turn in range(15):
        path, won, barrier = tmp_path / str(turn), [], threading.Barrier(8)

        def write(who: int, path: pathlib.Path = path, won: list[int] = won, barrier: threading.Barrier = barrier) -> None:
            with contextlib.suppress(FileExistsError), open_sink(path, exist_ok=False) as sink:
                sink.append(bytes([who]) * 5000)
                barrier.wait(30)
                sink.commit()
                won.append(who)

        threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert path.read_bytes() == bytes(won) * 5000
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~current_umask()
    assert names(tmp_path) == sorted(map(str, range(15)))


def current_umask() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1], 8) for line in file if line.startswith("Umask"))


# Failures


def failing(real: Callable[..., object], call: int, number: int) -> Callable[..., object]:
    """A system call that fails the n-th time, and always for n = 0; close() closes all the same, as Linux does."""
    count = 0

    def fail(*arguments: object, **options: object) -> object:
        nonlocal count
        count += 1
        if call not in (0, count):
            return real(*arguments, **options)
        if real.__name__ == "close":
            real(*arguments)
        raise OSError(number, os.strerror(number))

    fail.calls = lambda: count
    return fail


@contextlib.contextmanager
def replaced(name: str, function: Callable[..., object]) -> Iterator[None]:
    real = getattr(os, name)
    setattr(os, name, function)
    try:
        yield
    finally:
        setattr(os, name, real)


MODES = {"replace": {}, "durable": {"durable": True}, "new": {"exist_ok": False}, "new durable": {"exist_ok": False, "durable": True}}
SYSTEM_CALLS = ["open", "writev", "pwrite", "fsync", "close", "replace", "link", "lstat", "fstat", "fchmod", "getpid"]


@writers
@pytest.mark.parametrize("options", MODES.values(), ids=list(MODES))
@pytest.mark.parametrize("name", SYSTEM_CALLS)
def test_whichever_call_fails_the_old_file_is_whole_and_alone(
    write: Callable[..., None], options: dict[str, bool], name: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "image.dcm"
    fresh = "exist_ok" in options
    before = descriptors()
    for number in (errno.ENOSPC, errno.EIO, errno.EINTR, errno.EDQUOT):
        for call in range(1, 50):
            path.unlink(missing_ok=True)
            if not fresh:
                path.write_bytes(OLD)
                path.chmod(0o666)
            fault = failing(getattr(os, name), call, number)
            error = None
            with replaced(name, fault):
                try:
                    write(path, PIECES, **options)
                except OSError as caught:
                    error = caught
                happened = fault.calls() >= call
            left = path.read_bytes() if path.exists() else None
            assert names(tmp_path) == (["image.dcm"] if left is not None else [])
            assert descriptors() == before
            if not happened:
                assert error is None and left == NEW
                break
            assert error is not None and error.errno == number and error.filename == str(path) and str(path) in str(error)
            # The folder is synchronised when the new file already stands.
            in_place = "durable" in options and (name, call) in {("fsync", 2), ("close", 2)}
            assert left == (NEW if in_place else None if fresh else OLD)
        else:
            pytest.fail("the calls never end")


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
@pytest.mark.parametrize("name", ["open", "replace"])
def test_without_hard_links_a_failure_leaves_nothing(
    number: int, name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(os.link, 0, number))
    write_pieces(tmp_path / "f", PIECES, exist_ok=False)
    assert (tmp_path / "f").read_bytes() == NEW
    os.unlink(tmp_path / "f")
    last = {"open": 2, "replace": 1}[name]
    with replaced(name, failing(getattr(os, name), last, errno.EIO)), pytest.raises(OSError, match="Input/output"):
        write_pieces(tmp_path / "f", PIECES, exist_ok=False)
    assert names(tmp_path) == []


def test_a_failing_unlink_does_not_hide_the_first_error(target: pathlib.Path) -> None:
    unlink, writev = failing(os.unlink, 1, errno.EROFS), failing(os.writev, 1, errno.ENOSPC)
    with replaced("unlink", unlink), replaced("writev", writev), pytest.raises(OSError, match="No space left"):
        write_pieces(target, PIECES)
    assert target.read_bytes() == OLD


@writers
def test_writes_of_one_byte_still_make_the_whole_file(write: Callable[..., None], target: pathlib.Path) -> None:
    def short(descriptor: int, views: list[bytes]) -> int:
        return os.write(descriptor, memoryview(views[0])[:1])

    real = os.pwrite
    pieces = [piece[:700] for piece in PIECES]
    with replaced("writev", short), replaced("pwrite", lambda descriptor, data, at: real(descriptor, data[:1], at)):
        write(target, pieces)
    assert target.read_bytes() == b"".join(pieces)


def test_a_call_that_writes_nothing_is_an_error_and_no_endless_loop(target: pathlib.Path) -> None:
    with replaced("writev", lambda *_: 0), pytest.raises(OSError, match="not one byte"):
        write_pieces(target, PIECES)
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"]


class Breaking(list[bytes]):
    """Pieces of which the last can't be had."""

    def __init__(self, pieces: list[bytes], error: BaseException) -> None:
        super().__init__(pieces)
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from list.__iter__(self)
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt(), MemoryError(), OSError("no number"), SystemExit(2)])
def test_pieces_that_break_off_leave_the_old_file(error: BaseException, target: pathlib.Path) -> None:
    with pytest.raises(type(error)) as caught:
        write_pieces(target, Breaking(PIECES, error))
    assert caught.value is error
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"]


@writers
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("options", MODES.values(), ids=list(MODES))
def test_an_interrupt_at_any_moment_leaves_the_old_file_or_the_new_one(
    write: Callable[..., None], options: dict[str, bool], links: bool, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", failing(os.link, 0, errno.EPERM))
    path = tmp_path / "image.dcm"
    before, outcomes = descriptors(), set()
    for moment in range(1, 1000):
        path.unlink(missing_ok=True)
        if "exist_ok" not in options:
            path.write_bytes(OLD)
        interrupted = interrupt_at(moment, write, path, options)
        left = path.read_bytes() if path.exists() else None
        assert left in ((None if "exist_ok" in options else OLD), NEW)
        assert names(tmp_path) == (["image.dcm"] if left is not None else [])
        assert descriptors() == before
        outcomes.add((interrupted, left == NEW))
        if not interrupted:
            break
    assert outcomes == {(True, False), (True, True), (False, True)}


def interrupt_at(moment: int, write: Callable[..., None], path: pathlib.Path, options: dict[str, bool]) -> bool:
    """Raise KeyboardInterrupt where Python looks at signals: when it enters a function, and when a call has returned."""
    seen = 0

    def interrupt(frame: object, event: str, _: object) -> None:
        nonlocal seen
        # What is raised in __del__ reaches nobody.
        counts = event in ("call", "c_return") and frame.f_code.co_name != "__del__"
        seen += counts
        if counts and seen == moment:
            raise KeyboardInterrupt

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            sys.setprofile(interrupt)
            write(path, PIECES, **options)
        except KeyboardInterrupt:
            return True
        finally:
            sys.setprofile(None)
    return False


LIMITED = """
import errno, os, resource, sys
from dcmenc.sinks import open_sink, write_pieces
path = sys.argv[1]
old = open(path, "rb").read()
new = os.urandom(40_000)
def by_sink():
    with open_sink(path) as sink:
        for start in range(0, 40_000, 777):
            sink.append(new[start:start + 777])
for write in (lambda: write_pieces(path, [new[:1000], memoryview(new)[1000:]]), by_sink):
    for size in range(0, 40_000, 1000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        try:
            write()
        except OSError as error:
            assert error.errno == errno.EFBIG and error.filename == str(path), error
        else:
            raise SystemExit(f"success at {size}")
        assert open(path, "rb").read() == old, size
        assert os.listdir(os.path.dirname(path)) == ["image.dcm"], size
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
    write()
    assert open(path, "rb").read() == new
    old = new
print("all", len(range(0, 40_000, 1000)))
"""


def test_a_limit_of_the_file_size_leaves_the_old_file(target: pathlib.Path) -> None:
    assert passed(run_python(LIMITED, target)) == b"all 40\n"


FULL = """
import errno, os, sys
from dcmenc.sinks import write_pieces
path = sys.argv[1] + "/image.dcm"
write_pieces(path, [b"old" * 4000])
for durable in (False, True):
    try:
        write_pieces(path, [bytes(30_000)] * 3, durable=durable)
    except OSError as error:
        assert error.errno == errno.ENOSPC and error.filename == str(path), error
    else:
        raise SystemExit("success on a full disk")
    assert open(path, "rb").read() == b"old" * 4000
    assert os.listdir(sys.argv[1]) == ["image.dcm"]
write_pieces(path, [bytes(20_000)])
assert open(path, "rb").read() == bytes(20_000)
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: pathlib.Path) -> None:
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"', str(tmp_path)]
    try:
        probe = subprocess.run([*mount, "true"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("no unshare command here")
    if probe.returncode:
        pytest.skip(f"mounting a small file system is refused: {probe.stderr.decode().strip()}")
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    passed(subprocess.run([*mount, sys.executable, "-c", FULL, str(tmp_path)], env=environment, capture_output=True))


KILLED = """
import sys
from dcmenc.sinks import write_pieces
turn = 0
while True:
    turn += 1
    write_pieces(sys.argv[1], [bytes([turn % 256]) * 1000] * 300)
    if turn == 1:
        print("running", flush=True)
"""


def test_a_killed_process_leaves_a_whole_file_and_at_most_a_recognisable_name(target: pathlib.Path) -> None:
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    for turn in range(8):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(target)], env=environment, stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(0.003 + 0.0017 * turn)
            child.kill()
        left = target.read_bytes()
        assert len(left) == 300_000 and len(set(left)) == 1
        for name in set(names(target.parent)) - {"image.dcm"}:
            assert TEMPORARY.fullmatch(name)
            os.unlink(target.parent / name)


STOPPED = """
import os, signal, sys
from dcmenc.sinks import open_sink
sink = open_sink(sys.argv[1])
sink.append(b"half of ")
os.kill(os.getpid(), getattr(signal, sys.argv[2]))
"""


@pytest.mark.parametrize("name, left", [("SIGKILL", 1), ("SIGINT", 0)])
def test_a_signal_in_the_middle(name: str, left: int, target: pathlib.Path) -> None:
    result = run_python(STOPPED, target, name)
    assert result.returncode == -getattr(signal, name)
    assert target.read_bytes() == OLD
    others = set(names(target.parent)) - {"image.dcm"}
    assert len(others) == left and all(TEMPORARY.fullmatch(other) for other in others)


BIG = """
import resource, sys
from dcmenc.sinks import write_pieces
class Hole:
    def write(self, data): self.size = getattr(self, "size", 0) + len(data)
big = b"\\1" * (300 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
hole = Hole()
write_pieces(hole, [b"head", big, memoryview(big)[1:]])
write_pieces(sys.argv[1], [b"head", memoryview(big)])
assert hole.size == 4 + 2 * len(big) - 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_large_piece_takes_no_memory(tmp_path: pathlib.Path) -> None:
    kilobytes = int(passed(run_python(BIG, tmp_path / "f")))
    assert kilobytes < 4096
    assert (tmp_path / "f").stat().st_size == 4 + (300 << 20)
    os.unlink(tmp_path / "f")


# What is written directly


def read_in_thread(read: Callable[[], bytes]) -> tuple[threading.Thread, list[bytes]]:
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(read()))
    thread.start()
    return thread, got


@writers
def test_a_fifo_gets_the_bytes_and_stays(write: Callable[..., None], tmp_path: pathlib.Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "link").symlink_to("fifo")
    for path in (fifo, tmp_path / "link"):
        thread, got = read_in_thread(fifo.read_bytes)
        write(path, PIECES, durable=True)
        thread.join()
        assert got == [NEW] and stat.S_ISFIFO(fifo.stat().st_mode)
    assert names(tmp_path) == ["fifo", "link"]


@writers
def test_devices_are_written_and_report_their_errors(write: Callable[..., None]) -> None:
    before = descriptors()
    write("/dev/null", PIECES)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OSError, match="No space left") as caught:
        write("/dev/full", PIECES)
    assert caught.value.filename == "/dev/full"
    assert descriptors() == before


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_where_it_stands(path: str, tmp_path: pathlib.Path) -> None:
    code = "import sys\nfrom dcmenc.sinks import write_pieces\nfor _ in 'ab': write_pieces(sys.argv[1], [b'one', b'two'])"
    assert passed(run_python(code, path)) == b"onetwoonetwo"
    with open(tmp_path / "out", "wb") as file:
        file.write(b"before ")
        file.flush()
        subprocess.run([sys.executable, "-c", code, path], env={**os.environ, "PYTHONPATH": SOURCE}, stdout=file, check=True)
    assert (tmp_path / "out").read_bytes() == b"before onetwoonetwo" and names(tmp_path) == ["out"]


def test_a_socket_by_its_descriptor_and_a_closed_descriptor() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        path = f"/dev/fd/{ours.fileno()}"
        write_pieces(path, [b"DICM"])
        assert theirs.recv(100) == b"DICM"
    with pytest.raises(FileNotFoundError):
        write_pieces(path, [b"DICM"])


def test_a_direct_target_cannot_be_patched() -> None:
    with open_sink("/dev/null") as sink:
        sink.append(b"bytes")
        assert not sink.seekable and sink.position == 5
        with pytest.raises(io.UnsupportedOperation, match="seekable file"):
            sink.patch(0, b"B")
        sink.append(b"more")


def test_a_signal_during_a_write_changes_nothing() -> None:
    reading, writing = os.pipe()
    data = os.urandom(3_000_000)
    count = 0

    def handler(*_: object) -> None:
        nonlocal count
        count += 1

    def read() -> bytes:
        parts = []
        while part := os.read(reading, 65536):
            parts.append(part)
            time.sleep(0.001)
        return b"".join(parts)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        thread, got = read_in_thread(read)
        write_pieces(f"/dev/fd/{writing}", [data[:1_000_000], memoryview(data)[1_000_000:]])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        os.close(writing)
        thread.join()
        os.close(reading)
    assert got == [data] and count > 3


# Objects


class ShortRaw(io.RawIOBase):
    """A raw file that takes a few bytes at a time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | memoryview) -> int:
        part = bytes(data[: self.most])
        self.taken += part
        return len(part)


class WriteOnly:
    """The least that a target can be; what it returns is of no meaning unless it is a count."""

    def __init__(self, answer: object = None) -> None:
        self.calls: list[bytes | memoryview] = []
        self.answer = answer

    def write(self, data: bytes | memoryview) -> object:
        self.calls.append(data)
        return self.answer


@writers
@pytest.mark.parametrize("answer", [None, True, "ok", 10**9])
def test_an_object_needs_only_write(write: Callable[..., None], answer: object) -> None:
    target = WriteOnly(answer)
    write(target, PIECES)
    assert b"".join(target.calls) == NEW


def test_small_pieces_are_gathered_and_large_ones_passed_on() -> None:
    target, large = WriteOnly(), bytes(1 << 16)
    view = memoryview(large)
    write_pieces(target, [b"ab", b"cd", large, b"", view, b"e", memoryview(b"f")])
    assert target.calls == [b"abcd", large, view, b"ef"]
    assert target.calls[1] is large and target.calls[2] is view
    target = WriteOnly()
    write_pieces(target, [bytes(60_000)] * 100)
    assert sum(map(len, target.calls)) == 6_000_000 and max(map(len, target.calls)) < 1_200_000


@writers
def test_a_raw_file_that_takes_less_is_given_the_rest(write: Callable[..., None]) -> None:
    raw = ShortRaw(999)
    write(raw, PIECES)
    assert bytes(raw.taken) == NEW


@pytest.mark.parametrize("answer", [0, -1])
def test_an_object_that_takes_nothing_is_an_error(answer: int) -> None:
    with pytest.raises(OSError, match="not one byte"):
        write_pieces(WriteOnly(answer), PIECES)
    write_pieces(WriteOnly(answer), [])


def test_a_full_non_blocking_pipe_is_an_error() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with open(reading, "rb"), open(writing, "wb", buffering=0) as raw, pytest.raises(BlockingIOError):
        write_pieces(raw, [bytes(1 << 20)])


@writers
@pytest.mark.parametrize("buffering", [-1, 0])
def test_pipes_and_sockets(write: Callable[..., None], buffering: int) -> None:
    pieces = [*PIECES[:1], *PIECES[1:2], bytes(1_000_000)]
    reading, writing = os.pipe()
    with open(reading, "rb") as source:
        thread, got = read_in_thread(source.read)
        with open(writing, "wb", buffering=buffering) as file:
            write(file, pieces, durable=True)
        thread.join()
    ours, theirs = socket.socketpair()
    with theirs, theirs.makefile("rb") as source:
        thread, received = read_in_thread(source.read)
        with ours, ours.makefile("wb", buffering=buffering) as file:
            write(file, pieces)
        thread.join()
    assert got == received == [b"".join(pieces)]


def test_a_closed_pipe_is_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as file, pytest.raises(BrokenPipeError):
        write_pieces(file, PIECES)


@writers
def test_gzip_goes_forward_only(write: Callable[..., None], tmp_path: pathlib.Path) -> None:
    with gzip.open(tmp_path / "f.gz", "wb") as file:
        write(file, PIECES, durable=True)
        assert not open_and_discard(file)
    assert gzip.decompress((tmp_path / "f.gz").read_bytes()) == NEW


def open_and_discard(target: object) -> bool:
    sink = open_sink(target)
    sink.discard()
    return sink.seekable


def test_memory_maps() -> None:
    with mmap.mmap(-1, 50_000) as memory:
        memory.seek(5)
        write_pieces(memory, PIECES, durable=True)
        assert memory[5 : 5 + len(NEW)] == NEW and memory.tell() == 5 + len(NEW)
        with pytest.raises(ValueError, match="range"):
            write_pieces(memory, PIECES)


def test_pydicoms_streams() -> None:
    filebase = pytest.importorskip("pydicom.filebase")
    stream = filebase.DicomBytesIO()
    write_pieces(stream, PIECES)
    assert stream.getvalue() == NEW


def test_an_open_file_that_knows_its_path_is_a_file(tmp_path: pathlib.Path) -> None:
    class Known(io.BytesIO):
        def __fspath__(self) -> str:
            return str(tmp_path / "f")

    stream = Known()
    write_pieces(stream, PIECES)
    assert stream.getvalue() == NEW and names(tmp_path) == []


def test_a_file_without_descriptor_or_place_is_only_appended_to(tmp_path: pathlib.Path) -> None:
    class Lost(io.BytesIO):
        def tell(self) -> int:
            raise OSError("nowhere")

    assert not open_and_discard(Lost()) and not open_and_discard(WriteOnly()) and not open_and_discard(ShortRaw(9))
    assert open_and_discard(io.BytesIO())
    with open(tmp_path / "f", "ab") as file:
        assert not open_and_discard(file)
    with open(tmp_path / "f", "wb") as file:
        assert open_and_discard(file)


# Sinks


@given(st.data())
def test_appending_and_patching_is_what_it_is_for_a_bytearray(data: st.DataObject) -> None:
    model, before = bytearray(), data.draw(st.binary(max_size=5))
    stream = io.BytesIO(before)
    stream.seek(len(before))
    with tempfile.TemporaryDirectory() as folder, open_sink(folder + "/f") as file, open_sink(stream) as memory:
        for piece in data.draw(st.lists(st.binary(max_size=20), max_size=10)):
            if data.draw(st.booleans()) and len(piece) <= len(model):
                position = data.draw(st.integers(0, len(model) - len(piece)))
                model[position : position + len(piece)] = piece
                file.patch(position, piece)
                memory.patch(position, memoryview(piece))
            else:
                model += piece
                file.append(piece)
                memory.append(piece)
            assert file.position == memory.position == len(model)
        file.commit()
        with open(folder + "/f", "rb") as written:
            assert written.read() == model
    assert stream.getvalue() == before + model


@pytest.mark.parametrize("position, data", [(-1, b"a"), (10, b"a"), (9, b"ab"), (0, bytes(11))])
def test_a_patch_outside_of_what_was_appended_is_refused(position: int, data: bytes, target: pathlib.Path) -> None:
    for where in (target, io.BytesIO(bytes(50))):
        with open_sink(where) as sink:
            sink.append(bytes(10))
            with pytest.raises(ValueError, match="not inside the 10 bytes"):
                sink.patch(position, data)
            sink.patch(10, b"")
            sink.append(b"still open")
    assert target.read_bytes() == bytes(10) + b"still open"


def test_nothing_is_seen_before_commit_and_nothing_done_after_it(target: pathlib.Path) -> None:
    sink = open_sink(target)
    assert sink.seekable
    sink.append(*PIECES)
    assert target.read_bytes() == OLD
    sink.commit()
    assert target.read_bytes() == NEW and names(target.parent) == ["image.dcm"]
    for call in (lambda: sink.append(b""), lambda: sink.patch(0, b""), sink.commit, sink.discard, sink.__enter__):
        with pytest.raises(ValueError, match="been committed"):
            call()


def test_discarding_leaves_the_old_file(target: pathlib.Path) -> None:
    before = descriptors()
    sink = open_sink(target)
    sink.append(*PIECES)
    sink.discard()
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"] and descriptors() == before
    for call in (lambda: sink.append(b""), sink.commit, sink.discard):
        with pytest.raises(ValueError, match="been discarded"):
            call()


def test_a_block_that_fails_discards(target: pathlib.Path) -> None:
    with pytest.raises(ZeroDivisionError), open_sink(target) as sink:
        sink.append(NEW)
        1 / 0  # noqa: B018
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"]
    with open_sink(target) as sink:
        sink.append(NEW)
        sink.discard()
    assert target.read_bytes() == OLD


def test_what_failed_cannot_be_committed(target: pathlib.Path) -> None:
    sink = open_sink(target)
    with replaced("writev", failing(os.writev, 1, errno.ENOSPC)), pytest.raises(OSError, match="No space"):
        sink.append(NEW)
    assert names(target.parent) == ["image.dcm"]
    for call in (lambda: sink.append(NEW), sink.commit):
        with pytest.raises(ValueError, match="has failed"):
            call()
    sink.discard()
    broken = replaced("writev", failing(os.writev, 1, errno.EIO))
    with pytest.raises(ValueError, match="has failed"), open_sink(target) as sink, broken, contextlib.suppress(OSError):
        sink.append(NEW)
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"]


def test_a_forgotten_sink_is_discarded_with_a_warning(target: pathlib.Path) -> None:
    before = descriptors()
    sink = open_sink(target)
    sink.append(NEW)
    with pytest.warns(ResourceWarning, match=r"without commit\(\)"):
        del sink
        gc.collect()
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"] and descriptors() == before


FORKED = """
import os, sys
from dcmenc.sinks import open_sink
sink = open_sink(sys.argv[1])
sink.append(b"the parent's")
if os.fork():
    os.wait()
    sink.commit()
else:
    del sink
    os._exit(0)
"""


def test_a_forked_child_leaves_its_parents_file_alone(target: pathlib.Path) -> None:
    passed(run_python(FORKED, target))
    assert target.read_bytes() == b"the parent's"


def test_a_script_that_ends_without_commit_leaves_nothing(target: pathlib.Path) -> None:
    passed(run_python("import sys\nfrom dcmenc.sinks import open_sink\nsink = open_sink(sys.argv[1])\nsink.append(b'x')", target))
    assert target.read_bytes() == OLD and names(target.parent) == ["image.dcm"]


def test_an_object_is_flushed_by_commit_and_left_as_it_is_by_discard(tmp_path: pathlib.Path) -> None:
    with open(tmp_path / "f", "wb") as file:
        sink = open_sink(file)
        sink.append(b"DICM")
        assert (tmp_path / "f").read_bytes() == b""
        sink.commit()
        assert (tmp_path / "f").read_bytes() == b"DICM"
        sink = open_sink(file)
        sink.append(b"more")
        sink.discard()
    assert (tmp_path / "f").read_bytes() == b"DICMmore"


def test_durable_means_that_file_and_folder_are_synchronised(target: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synchronised = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synchronised.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    write_pieces(target, PIECES)
    assert synchronised == []
    write_pieces(target, PIECES, durable=True)
    assert TEMPORARY.fullmatch(os.path.basename(synchronised[0])) and synchronised[1:] == [str(target.parent)]
    with open(target, "wb") as file:
        write_pieces(file, PIECES, durable=True)
    assert synchronised[2:] == [str(target)]
    write_pieces(io.BytesIO(), PIECES, durable=True)
    assert len(synchronised) == 3


def test_a_failing_synchronisation_of_an_object_is_an_error(target: pathlib.Path) -> None:
    for number, context in ((errno.EIO, pytest.raises(OSError, match="Input/output")), (errno.EINVAL, contextlib.nullcontext())):
        with open(target, "wb") as file, replaced("fsync", failing(os.fsync, 1, number)), context:
            write_pieces(file, PIECES, durable=True)


def test_no_core_or_file_limit_was_changed_by_these_tests() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
