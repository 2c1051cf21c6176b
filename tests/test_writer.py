"""Images written frame by frame: the file that imwrite would write of all frames together, or none (PS3.5 A.4)."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dcmenc import CodecError, PixelError, Report, VerifyError, Writer, dcmread, imread, imwrite

SYNTAXES = ("explicit", "implicit", "big-endian", "deflated", "rle", "jpeg-lossless", "jpeg-lossless-p14", "encapsulated-uncompressed")
FIXED: dict[str, Any] = {"clock": lambda: datetime(2026, 1, 2, 3, 4, 5), "uid_source": lambda: "1.2.3", "PatientName": "Yamada^Tarou"}
pytestmark = pytest.mark.filterwarnings("ignore:Explicit VR Big Endian is retired")

GENERATOR = np.random.default_rng(20)
ARRAYS = {
    "word": (GENERATOR.integers(0, 4096, (5, 11, 13)).astype("u2"), {"bits_stored": 12}),
    "byte": (GENERATOR.integers(0, 256, (3, 7, 9)).astype("u1"), {}),
    "colour": (GENERATOR.integers(0, 256, (4, 6, 5, 3)).astype("u1"), {}),
    "bits": (GENERATOR.integers(0, 2, (5, 7, 9)).astype(bool), {}),
    "one": (GENERATOR.integers(0, 4096, (1, 8, 8)).astype("u2"), {"bits_stored": 12, "sop_class": "1.2.840.10008.5.1.4.1.1.7.3"}),
}


class Pipe(io.RawIOBase):
    """An object that takes bytes and cannot go back."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.taken += bytes(data)
        return len(data)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("compression", SYNTAXES)
@pytest.mark.parametrize("kind", ARRAYS)
def test_the_file_has_the_bytes_that_imwrite_gives_it(tmp_path: Path, kind: str, compression: str, announced: bool, workers: int) -> None:
    array, options = ARRAYS[kind]
    whole, memory, path = io.BytesIO(), io.BytesIO(), tmp_path / "image.dcm"
    options = options | FIXED | {"compression": compression}
    imwrite(whole, array if len(array) > 1 else array[0], **options)
    for target in (memory, path):
        with Writer(target, frames=len(array) if announced else None, workers=workers, **options) as writer:
            writer.extend(array)
        assert isinstance(writer.report, Report) and writer.report.files == ((str(path),) if target is path else ())
    assert memory.getvalue() == whole.getvalue() == path.read_bytes()
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("compression", ["explicit", "deflated", "jpeg-lossless"])
def test_a_pipe_gets_the_bytes_as_they_come_with_an_empty_offset_table(compression: str) -> None:
    array, options = ARRAYS["word"]
    pipe, whole = Pipe(), io.BytesIO()
    with Writer(pipe, frames=5, compression=compression, **options, **FIXED) as writer:
        before = 0
        for frame in array:
            writer.write(frame)
            assert len(pipe.taken) > before or compression == "deflated"
            before = len(pipe.taken)
    imwrite(whole, array, compression=compression, **options, **FIXED)
    table = 4 * len(array) if compression == "jpeg-lossless" else 0
    assert len(pipe.taken) == len(whole.getvalue()) - table
    assert np.array_equal(imread(pipe.taken), array)
    assert np.array_equal(pydicom.dcmread(io.BytesIO(pipe.taken)).pixel_array, array)


def test_a_pipe_gets_the_offset_table_too_where_the_frames_had_to_wait() -> None:
    array, options = ARRAYS["word"]
    pipe, whole = Pipe(), io.BytesIO()
    with Writer(pipe, compression="rle", **options, **FIXED) as writer:
        writer.extend(array)
        assert not pipe.taken
    imwrite(whole, array, compression="rle", **options, **FIXED)
    assert pipe.taken == whole.getvalue()


def test_shape_and_dtype_may_be_given_before_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    for given in ({"like": np.zeros((4, 5), "i2")}, {"shape": (4, 5), "dtype": "i2"}):
        with Writer(path, frames=1, compression="rle", **given) as writer:  # type: ignore[arg-type]
            writer.write(np.full((4, 5), -7, "i2"))
        assert imread(path)[0, 0] == -7
    with pytest.raises(PixelError, match="PixelRepresentation is 1, where the class has 0"):
        Writer(path, shape=(4, 5), dtype="i2")
    with pytest.raises(VerifyError):
        Writer(path, shape=(4, 5), dtype="u1", PatientSex="X")
    assert imread(path)[0, 0] == -7


def test_the_memory_of_a_frame_may_be_used_again(tmp_path: Path) -> None:
    path, frame = tmp_path / "image.dcm", np.empty((64, 64), "u2")
    with Writer(path, workers=4, compression="jpeg-lossless") as writer:
        for number in range(50):
            frame[:] = number
            writer.write(frame)
    assert imread(path)[:, 5, 5].tolist() == list(range(50))


def broken(number: int) -> Any:
    frames: list[Any] = [np.full((8, 8), at, "u2") for at in range(number)]
    return frames


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("wrong", "message"), [
    (np.zeros((8, 9), "u2"), r"frame 3 is of shape \(8, 9\) and uint16, and the image of \(8, 8\) and uint16"),
    (np.zeros((8, 8), "u1"), r"frame 3 is of shape \(8, 8\) and uint8"),
    (np.full((8, 8), 5000, "u2"), r"frame 3: the sample at \(0, 0\) is 5000, and 12 unsigned bits hold 0 to 4095"),
])
def test_a_wrong_frame_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, announced: bool, workers: int, wrong: Any, message: str
) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(b"old")
    with (pytest.raises(PixelError, match=message),
          Writer(path, frames=6 if announced else None, workers=workers, compression="rle", bits_stored=12) as writer):
        writer.extend(broken(3))
        writer.write(wrong)
        writer.extend(broken(2))
    assert path.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("given", [5, 7])
@pytest.mark.parametrize("compression", ["explicit", "rle"])
def test_more_or_fewer_frames_than_announced_are_an_error(tmp_path: Path, given: int, compression: str) -> None:
    path = tmp_path / "image.dcm"
    message = "5 frames were written, where 6 were announced" if given == 5 else "6 frames were announced, and this is one more"
    with pytest.raises(PixelError, match=message), Writer(path, frames=6, compression=compression) as writer:
        writer.extend(broken(given))
    assert not list(tmp_path.iterdir())


def test_no_frame_at_all_is_an_error(tmp_path: Path) -> None:
    for options in ({}, {"shape": (4, 5)}, {"shape": (4, 5), "frames": 2}):
        with pytest.raises(PixelError, match=r"no frame was written|0 frames were written"), Writer(tmp_path / "x.dcm", **options):
            pass
    assert not list(tmp_path.iterdir())


def test_an_exception_of_the_caller_discards_the_file(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    with pytest.raises(KeyError), Writer(path, workers=2, compression="rle") as writer:
        writer.extend(broken(3))
        raise KeyError
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="the writer is discarded: nothing was written"):
        writer.write(broken(1)[0])
    writer.discard()


def test_after_closing_nothing_follows(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "image.dcm")
    writer.extend(broken(2))
    report = writer.close()
    assert report.ok and report is writer.report
    for call in (writer.close, lambda: writer.write(broken(1)[0])):
        with pytest.raises(ValueError, match="the writer is closed"):
            call()
    writer.discard()
    assert imread(tmp_path / "image.dcm").shape == (2, 8, 8)


def test_one_frame_of_an_open_number_makes_an_image_of_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    with Writer(path, compression="jpeg-lossless") as writer:
        writer.write(np.full((4, 5), 3, "u1"))
    ds = dcmread(path)
    assert (ds.SOPClassUID, ds.NumberOfFrames) == ("1.2.840.10008.5.1.4.1.1.7.2", 1)
    assert imread(path).tolist() == [[3] * 5] * 4


def test_bad_arguments_are_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(b"old")
    for options, kind, message in (
        ({"frames": 0}, ValueError, "frames is a number from 1 on"),
        ({"workers": 0}, ValueError, "workers is a number from 1 on"),
        ({"compression": "zip"}, ValueError, "unknown transfer syntax"),
        ({"compresion": "rle"}, TypeError, "neither an option of Writer .nearest: compression"),
        ({"exist_ok": False}, FileExistsError, "File exists"),
        ({"shape": (4, 5), "options": {"predictor": 2}, "compression": "rle"}, TypeError, "RLE Lossless has no option 'predictor'"),
        ({"shape": (4, 5), "options": {"predictor": 2}}, TypeError, "has no options: its pixels are not compressed"),
    ):
        with pytest.raises(kind, match=message):
            Writer(path, **options)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_codec_that_loses_a_pixel_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmenc.codecs.rle import RLE

    honest = RLE.encode_frame

    def lossy(self: Any, frame: Any, spec: Any, options: Any = None) -> bytes:
        return honest(self, frame ^ 1 if frame[0, 0] == 2 else frame, spec, options)

    monkeypatch.setattr(RLE, "encode_frame", lossy)
    with (pytest.raises(CodecError, match="frame 2: what was encoded does not decode to the same pixels"),
          Writer(tmp_path / "x.dcm", compression="rle") as writer):
        writer.extend(broken(4))
    assert not list(tmp_path.iterdir())
    with Writer(tmp_path / "x.dcm", compression="rle", verify_pixels=False) as writer:
        writer.extend(broken(4))
    assert imread(tmp_path / "x.dcm")[:, 0, 0].tolist() == [0, 1, 3, 3]


def test_the_extended_tables_are_written_where_the_offsets_might_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PS3.3 C.7.6.3.1.8: an empty Basic Offset Table, and offsets and lengths of 64 bits."""
    from dcmenc import encapsulation

    array, options = ARRAYS["word"]
    monkeypatch.setattr(encapsulation, "_BEYOND_TABLE", 1000)
    for frames in (5, None):
        with Writer(tmp_path / "x.dcm", frames=frames, compression="rle", **options) as writer:
            writer.extend(array)
        ds = pydicom.dcmread(tmp_path / "x.dcm")
        assert ds.PixelData[:8] == b"\xfe\xff\x00\xe0\0\0\0\0"
        offsets, lengths = (np.frombuffer(ds[name].value, "<u8") for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"))
        for number, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
            at = 8 + int(offset)
            assert ds.PixelData[at : at + 8] == b"\xfe\xff\x00\xe0" + int(length).to_bytes(4, "little"), number
        assert np.array_equal(imread(tmp_path / "x.dcm"), array)
        assert np.array_equal(ds.pixel_array, array)


def test_more_than_4_gib_of_uncompressed_pixels_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match="give the transfer syntax 'encapsulated-uncompressed'"):
        Writer(tmp_path / "x.dcm", shape=(4096, 4096), dtype="u2", frames=129)
    assert not list(tmp_path.iterdir())


MEMORY = """
import numpy as np
from dcmenc import Writer
frame = np.random.default_rng(1).integers(0, 4096, (512, 512)).astype("u2")
with Writer({path!r}, frames={frames}, workers=2, compression={compression!r}, bits_stored=12, verify_pixels=False) as writer:
    for number in range({count}):
        writer.write(frame)
# not ru_maxrss, which a process inherits from the one that has started it
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize("compression", ["explicit", "jpeg-lossless"])
@pytest.mark.parametrize("announced", [True, False])
def test_the_memory_does_not_grow_with_the_frames(tmp_path: Path, compression: str, announced: bool) -> None:
    def peak(count: int) -> int:
        code = MEMORY.format(path=str(tmp_path / "x.dcm"), frames=count if announced else None, compression=compression, count=count)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    few, many = peak(10), peak(200)  # 100 MiB of pixels
    assert many - few < 16 * 1024, f"{few} KiB became {many}"
    assert many < 128 * 1024


def test_many_writers_at_once(tmp_path: Path) -> None:
    def work(number: int) -> None:
        with Writer(tmp_path / f"{number}.dcm", workers=2, compression="rle") as writer:
            writer.extend(np.full((6, 20, 30), number, "u2"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(12):
        assert (imread(tmp_path / f"{number}.dcm") == number).all()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(b"old")
    noise = np.random.default_rng(2).integers(0, 65536, (4, 128, 128)).astype("u2")
    pid = os.fork()
    if pid == 0:  # the limit is for the child alone
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            with Writer(path, frames=4, compression="rle") as writer:
                writer.extend(noise)
        except OSError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
