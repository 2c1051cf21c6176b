"""Every video transfer syntax of the registry takes streams of its profile and level, and no other (PS3.5 8.2.5 to 8.2.11, A.4.5 ff)."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
import structure

from dcmenc import CodecError, PixelError, wrap
from dcmenc.uid import UNSTORABLE, registry
from dcmenc.video import look_at_video, rule_of, words_of

Peer = Callable[[str], str]
DATA = Path(__file__).parent / "data"
ROOT = "1.2.840.10008.1.2.4."
sys.path.insert(0, str(DATA))

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.3.1"  # one of the classes whose tables leave the number of bits open
TIMED = {"NumberOfFrames": 5, "FrameTime": 40.0}


def read(name: str) -> bytes:
    return (DATA / name).read_bytes()


def high_level() -> bytes:
    """MPEG-2 whose sequence extension says High Level: what is there is within it (ISO/IEC 13818-2 6.2.2.3, Table 8-3)."""
    stream = bytearray(read("video.m2v"))
    at = stream.index(b"\0\0\1\xb5\x14") + 5
    assert stream[at] >> 4 == 8
    stream[at] = stream[at] & 0x0F | 4 << 4
    return bytes(stream)


def stereo(level: int = 42) -> bytes:
    """H.264 with the set of a second view behind that of the first: type 15, Stereo High (ISO/IEC 14496-10 7.3.2.1.3)."""
    stream = read("video.h264")
    start = stream.index(b"\0\0\0\1\x67")
    end = stream.index(b"\0\0\0\1", start + 4)
    own = stream[start:end]
    return stream[:end] + own[:4] + bytes((0x6F, 128, own[6], level)) + own[8:] + stream[end:]


def main_ten_of_8_bits() -> bytes:
    """HEVC whose parameter sets say Main 10: eight bits are within it (ISO/IEC 23008-2 A.3.3)."""
    stream = bytearray(read("video.hevc"))
    at = stream.index(b"\0\0\1\x42\1") + 6
    assert stream[at] & 0x1F == 1
    stream[at] = stream[at] & 0xE0 | 2
    return bytes(stream)


# Transfer syntax behind the root -> its stream, and whether the stream alone tells it.
STREAMS: dict[str, tuple[Callable[[], bytes], bool]] = {
    "100": (lambda: read("video.m2v"), True), "101": (high_level, True),
    "102": (lambda: read("video_h264.mp4"), True), "103": (lambda: read("video_h264.ts"), False),
    "104": (lambda: read("video_level42.mp4"), False), "105": (lambda: read("video_level42.mp4"), False),
    "106": (stereo, True), "107": (lambda: read("video.hevc"), True), "108": (lambda: read("video_hevc10.mp4"), True),
}
SYNTAXES = [*STREAMS, *(f"{suffix}.1" for suffix in STREAMS if suffix < "107")]


def wrapped(streams: Any, suffix: str | None = None, **attributes: Any) -> tuple[Any, Any, bytes]:
    compression = ROOT + suffix if suffix else None
    report = wrap(file := io.BytesIO(), streams, compression=compression, sop_class=ULTRASOUND, verify=False, Modality="US", **attributes)
    assert not structure.faults(file.getvalue())
    return pydicom.dcmread(io.BytesIO(file.getvalue())), report, file.getvalue()


def test_every_video_syntax_of_the_registry_is_here() -> None:
    named = {uid for uid, row in registry().items() if row.type == "Transfer Syntax" and uid not in UNSTORABLE
             and any(word in row.name for word in ("MPEG2", "MPEG-4", "HEVC"))}
    assert named == {ROOT + suffix for suffix in SYNTAXES} and len(named) == 16
    assert all(rule_of(uid) for uid in named)


@pytest.mark.parametrize("suffix", SYNTAXES)
def test_a_stream_of_the_profile_and_level_goes_in_as_it_is(suffix: str) -> None:
    make, certain = STREAMS[suffix.removesuffix(".1")]
    stream = make()
    pieces = [stream[:500], stream[500:]] if suffix.endswith(".1") else stream
    ds, report, data = wrapped(pieces, suffix, **TIMED)
    assert ds.file_meta.TransferSyntaxUID == ROOT + suffix and ds.NumberOfFrames == 5
    bits = 10 if suffix == "108" else 8
    assert (ds.BitsStored, ds.HighBit, ds.BitsAllocated, ds.PixelRepresentation) == (bits, bits - 1, 16 if bits > 8 else 8, 0)
    assert (ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration) == (3, "YBR_PARTIAL_420", 0)
    assert b"".join(structure.fragments(data)) == stream + b"\0" * (len(stream) % 2)
    assert len(structure.fragments(data)) == (2 if suffix.endswith(".1") else 1)
    assert "video-profile" not in {finding.code for finding in report.findings}
    if certain and not suffix.endswith(".1"):
        assert wrapped(stream, **TIMED)[0].file_meta.TransferSyntaxUID == ROOT + suffix
    elif not suffix.endswith(".1") and suffix != "103":
        with pytest.raises(PixelError, match=r"does not tell its transfer syntax: .*4\.104, 1\.2\.840\.10008\.1\.2\.4\.105"):
            wrapped(stream, **TIMED)


@pytest.mark.parametrize("suffix", SYNTAXES)
@pytest.mark.parametrize("other", STREAMS)
def test_a_stream_of_another_kind_profile_or_level_is_refused_and_told_where_it_goes(suffix: str, other: str, tmp_path: Path) -> None:
    own, found = (rule_of(ROOT + name) for name in (suffix, other))
    assert own is not None and found is not None
    same = own.level == found.level if own.kind == "MPEG-2" else own.level >= found.level
    if own[:2] == found[:2] and same:
        wrapped(STREAMS[other][0](), suffix, **TIMED)
        return
    with pytest.raises(PixelError) as refused:
        wrap(tmp_path / "a.dcm", STREAMS[other][0](), compression=ROOT + suffix, sop_class=ULTRASOUND, verify=False, **TIMED)
    if own.kind == found.kind:
        assert words_of(own.kind, own.profile, own.level) in str(refused.value) and f"'{ROOT}{other}'" in str(refused.value)
    else:
        assert f"the stream is {found.kind}, which" in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_main_ten_may_have_eight_bits() -> None:
    ds, _, _ = wrapped(main_ten_of_8_bits(), **TIMED)
    assert (ds.file_meta.TransferSyntaxUID, ds.BitsAllocated, ds.BitsStored) == (ROOT + "108", 8, 8)
    with pytest.raises(PixelError, match=r"HEVC of Main 10 Profile .* is for HEVC of Main Profile and Level 5\.1; give compression= .*108"):
        wrapped(main_ten_of_8_bits(), "107", **TIMED)


def test_a_second_view_counts_only_where_it_belongs_to_the_stream() -> None:
    stream = stereo()
    video = look_at_video(lambda at, count: stream[at:at + count], len(stream))
    assert (video.kind, video.profile, video.level, video.rows, video.columns) == ("H.264", 128, 42, 48, 64)
    behind = read("video.h264") + b"\0\0\0\1" + bytes((0x6F, 128, 0, 42)) + b"abcdef"  # behind the slices
    assert look_at_video(lambda at, count: behind[at:at + count], len(behind)).profile == 100
    with pytest.raises(PixelError, match=r"Stereo High Profile and Level 5\.1; no transfer syntax holds it"):
        wrapped(stereo(51), **TIMED)
    # in an MP4 it is in a record of its own, beside that of the first view
    record = bytes((1, 128, 0, 41))
    box = (len(record) + 8).to_bytes(4, "big") + b"mvcC" + record
    file = bytearray(read("video_h264.mp4"))
    at = file.index(b"avcC") - 4
    file[at:at] = box
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        where = file.rindex(kind, 0, at) - 4
        file[where:where + 4] = (int.from_bytes(file[where:where + 4], "big") + len(box)).to_bytes(4, "big")
    assert look_at_video(lambda at, count: bytes(file[at:at + count]), len(file))[3:5] == (128, 41)
    assert wrapped(bytes(file))[0].file_meta.TransferSyntaxUID == ROOT + "106"


def test_fragments_where_there_is_no_fragmentable_syntax() -> None:
    stream = read("video.hevc")
    with pytest.raises(PixelError, match=r"HEVC/H\.265 Main Profile .* has one fragment, and there are 2 .*: join them"):
        wrapped([stream[:100], stream[100:]], **TIMED)
    with pytest.raises(ValueError, match="unknown transfer syntax"):
        wrapped(stream, "107.1", **TIMED)


# How PyAV's encoders are asked -> what comes of it: a syntax, or a part of the refusal.
MADE: dict[str, tuple[str, str, str, dict[str, str], str]] = {
    "baseline.h264": ("h264", "libx264", "yuv420p", {"profile": "baseline"}, "Baseline Profile .* no transfer syntax holds it"),
    "main.mp4": ("mp4", "libx264", "yuv420p", {"profile": "main", "level": "3.1"}, r"Main Profile and Level 3\.1; no transfer syntax"),
    "high4.mp4": ("mp4", "libx264", "yuv420p", {"profile": "high", "level": "4.0"}, "102"),
    "high5.mp4": ("mp4", "libx264", "yuv420p", {"profile": "high", "level": "5.0"}, "Level 5; no transfer syntax .*Level 4.1"),
    "high10.mp4": ("mp4", "libx264", "yuv420p10le", {"profile": "high10"}, "High 10 Profile .* no transfer syntax"),
    "high422.mp4": ("mp4", "libx264", "yuv422p", {"profile": "high422"}, "another chroma format"),
    "main.ts": ("mpegts", "libx265", "yuv420p", {"x265-params": "level-idc=4.1:log-level=none"}, "107"),
    "main6.mp4": ("mp4", "libx265", "yuv420p", {"x265-params": "level-idc=6.0:log-level=none"}, "Level 6; no transfer syntax"),
    "ten.ts": ("mpegts", "libx265", "yuv420p10le", {"x265-params": "level-idc=4.1:log-level=none"}, "108"),
    "ten.hevc": ("hevc", "libx265", "yuv420p10le", {"x265-params": "level-idc=5.1:log-level=none"}, "108"),
    "ten52.mp4": ("mp4", "libx265", "yuv420p10le", {"x265-params": "level-idc=5.2:log-level=none"}, r"Main 10 Profile and Level 5\.2; no"),
    "twelve.mp4": ("mp4", "libx265", "yuv420p12le", {"x265-params": "log-level=none"}, "samples of 12 bits"),
    "main.mpg": ("vob", "mpeg2video", "yuv420p", {"profile": "4", "level": "8"}, "100"),
    "high.m2v": ("mpeg2video", "mpeg2video", "yuv420p", {"profile": "4", "level": "4"}, "101"),
    "high14.m2v": ("mpeg2video", "mpeg2video", "yuv420p", {"profile": "4", "level": "6"}, "High 1440 Level; no transfer syntax"),
    "simple.m2v": ("mpeg2video", "mpeg2video", "yuv420p", {"profile": "5", "level": "8"}, "Simple Profile and Main Level; no transfer"),
}
# What FFmpeg calls the profiles, where dcmenc goes by the standard's table.
THEIRS = {"Constrained Baseline": "Baseline"}


@pytest.mark.parametrize("name", MADE)
def test_what_encoders_make_is_seen_as_ffmpeg_sees_it(name: str, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    from make_video import make

    container, encoder, pixels, options, wanted = MADE[name]
    if encoder not in av.codecs_available:
        pytest.skip(f"this PyAV has no {encoder}")
    path = tmp_path / name
    make(av, path, container, encoder, pixels, (64, 48), options)
    if not wanted.isdigit():
        with pytest.raises((PixelError, CodecError), match=wanted):
            wrapped(path, **TIMED)
    else:
        ds, _, data = wrapped(path, **TIMED)
        assert (ds.file_meta.TransferSyntaxUID, ds.Rows, ds.Columns) == (ROOT + wanted, 48, 64)
        assert structure.fragments(data)[0].startswith(path.read_bytes())
    with av.open(str(path)) as file:
        theirs = file.streams.video[0].codec_context.profile
    if "chroma" not in wanted and "samples" not in wanted:
        video = look_at_video(lambda at, count: path.read_bytes()[at:at + count], path.stat().st_size)
        assert f" of {THEIRS.get(theirs, theirs)} Profile" in words_of(video.kind, video.profile, video.level)


def errors_of(path: Path, program: str) -> set[str]:
    done = subprocess.run([program, str(path)], capture_output=True, check=False)
    assert done.returncode >= 0, done.returncode
    return {line for line in (done.stdout + done.stderr).decode("latin-1").splitlines() if line.startswith("Error")}


@pytest.mark.peer
@pytest.mark.parametrize("suffix", SYNTAXES)
def test_other_toolkits_take_the_files(suffix: str, peer: Peer, tmp_path: Path) -> None:
    stream = STREAMS[suffix.removesuffix(".1")][0]()
    ds, _, data = wrapped([stream[:500], stream[500:]] if suffix.endswith(".1") else stream, suffix, **TIMED)
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    dumped = subprocess.run([peer("dcmdump"), "+L", str(path)], capture_output=True, text=True, errors="replace", check=True)
    assert not dumped.stderr and "PixelSequence" in dumped.stdout
    errors = errors_of(path, peer("dciodvfy"))
    if suffix in STREAMS and suffix < "107":
        assert not errors
        return
    # dciodvfy takes HEVC and the fragmentable ones for native: the same data set under a name that it knows
    assert any("illegal in non-encapsulated transfer syntax" in error for error in errors)
    ds.file_meta.TransferSyntaxUID = ROOT + "102"
    ds.save_as(path)
    assert not errors_of(path, peer("dciodvfy"))
