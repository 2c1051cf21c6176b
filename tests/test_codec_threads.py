"""Every codec on 32 threads at once gives the bytes and the samples that it gives on one; and frames go to threads that are free."""

from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any, NamedTuple

import numpy as np
import pytest

import dcmenc
from dcmenc import CodecUnavailable, ImageSpec, PixelError
from dcmenc.codecs import _BUILT_IN, Codec, check_profile, get_codec
from dcmenc.codecs.jpeg2000 import JPEG2000

THREADS, CALLS = 32, 200
FRAMES_OF_A_KIND = 4
FAST = [f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70)]
# What a first call may have to load, each codec has by itself: they all begin at the same moment.
# In JPEG XL recompression there is a JPEG already, and no pixels are encoded.
UIDS = [uid for uid in _BUILT_IN if uid != "1.2.840.10008.1.2.4.111"]

Frame = np.ndarray[Any, Any]


class Case(NamedTuple):
    """A frame, and what one thread made of it."""

    spec: ImageSpec
    frame: Frame
    data: bytes
    back: Frame


def kinds(seed: int) -> list[ImageSpec]:
    """Small pixels of every kind, of sizes that differ with the seed."""
    rows, columns = 5 + seed * 3 % 11, 4 + seed * 7 % 13
    return [ImageSpec(rows, columns, allocated=1, stored=1, kind="bit"), ImageSpec(rows, columns, allocated=8, stored=8),
            ImageSpec(rows, columns, stored=12), ImageSpec(rows, columns, stored=12, signed=True), ImageSpec(rows, columns),
            ImageSpec(rows, columns, samples=3, allocated=8, stored=8, photometric="RGB")]


def waves(spec: ImageSpec, seed: int) -> Frame:
    """Waves with some noise in the middle of the stored values: a loss takes no sample beyond them."""
    generator, (rows, columns) = np.random.default_rng(seed), np.indices((spec.rows, spec.columns))
    if spec.kind == "bit":
        return generator.integers(0, 2, spec.frame_shape).astype(bool)
    values = np.stack([np.sin((rows + seed) / (2 + sample)) + np.cos(columns / (3 + sample)) for sample in range(spec.samples)], -1)
    values = (0.5 + 0.15 * values + generator.uniform(-0.05, 0.05, values.shape)) * (1 << spec.stored)
    return (values - (1 << spec.high_bit) * spec.signed).astype(spec.dtype).reshape(spec.frame_shape)


def cases(codec: Codec) -> list[Case]:
    """What one thread makes of frames of every kind that the codec holds."""
    found = []
    for seed in range(FRAMES_OF_A_KIND):
        for spec in kinds(seed):
            try:
                check_profile(codec, spec)
            except PixelError:
                continue
            frame = waves(spec, seed)
            data = codec.encode_frame(frame, spec)
            found.append(Case(spec, frame, data, codec.decode_frame(data, spec).copy()))
    return found


def wrong(codec: Codec, of_one_thread: list[Case], seed: int, barrier: Barrier) -> list[str]:
    """What differs in the calls of one thread; each thread takes the frames in an order of its own."""
    chance, found = random.Random(seed), list[str]()
    barrier.wait(60)
    for number in range(CALLS):
        case = chance.choice(of_one_thread)
        if codec.encode_frame(case.frame, case.spec) != case.data:
            found.append(f"call {number} of thread {seed} encodes {case.spec} to other bytes")
        if not np.array_equal(codec.decode_frame(case.data, case.spec), case.back):
            found.append(f"call {number} of thread {seed} decodes {case.spec} to other samples")
    return found


def available(uid: str) -> Codec:
    """A codec whose library is here."""
    codec = get_codec(uid)
    try:
        cases(codec)
    except CodecUnavailable as error:
        (pytest.fail if os.environ.get("DCMENC_REQUIRE_PEERS") else pytest.skip)(str(error))
    return codec


@pytest.fixture
def eager() -> Any:
    """Threads of Python that change places fifty times as often as they do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("uid", UIDS)
def test_32_threads_give_what_one_gives(uid: str) -> None:
    codec = available(uid)
    of_one_thread, barrier = cases(codec), Barrier(THREADS)
    assert len(of_one_thread) >= FRAMES_OF_A_KIND
    with ThreadPoolExecutor(THREADS) as pool:
        answers = [pool.submit(wrong, codec, of_one_thread, seed, barrier) for seed in range(THREADS)]
        assert not [what for answer in answers for what in answer.result()][:5]


# The first calls of a process, all at the same moment: libraries are found and loaded while others wait for them.
FIRST_CALLS = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
import test_codec_threads as here
assert not {{"imagecodecs", "jpeg_ls"}} & set(sys.modules)
barrier, uids = Barrier(32), sys.argv[1:]
def first(number):
    barrier.wait(60)
    return here.digest(uids[number % len(uids)])
with ThreadPoolExecutor(32) as pool:
    print(*pool.map(first, range(32)))
"""


def digest(uid: str) -> str:
    """Of what a codec makes of some frames."""
    made = hashlib.sha256()
    for case in cases(get_codec(uid)):
        made.update(case.data + case.back.tobytes())
    return made.hexdigest()


def test_the_first_calls_of_all_codecs_may_come_at_the_same_moment() -> None:
    uids = [uid for uid in UIDS if _is_here(uid)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", FIRST_CALLS, *uids], capture_output=True, text=True, check=False, env=environment,
                          timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    alone = [digest(uid) for uid in uids]
    assert done.stdout.split() == [alone[number % len(uids)] for number in range(THREADS)]


def _is_here(uid: str) -> bool:
    try:
        digest(uid)
    except CodecUnavailable:
        return False
    return True


def test_two_frames_of_a_slow_codec_are_encoded_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # they were given to one thread, one after the other, where both take less than two megabytes
    both, encode = Barrier(2), JPEG2000.encode_frame

    def meet(self: JPEG2000, frame: Any, spec: ImageSpec, options: Any = None) -> bytes:
        both.wait(20)
        return encode(self, frame, spec, options)

    monkeypatch.setattr(JPEG2000, "encode_frame", meet)
    frames = np.stack([waves(ImageSpec(512, 512, stored=12), seed) for seed in range(2)])
    dcmenc.imwrite(file := io.BytesIO(), frames, compression="jpeg2000-lossless", bits_stored=12, workers=2, verify_pixels=False)
    assert np.array_equal(dcmenc.imread(file.getvalue()), frames)


def longest_wait(work: Any) -> float:
    """How long this thread waits at the most while another works, as a part of that work's time."""
    done = Event()
    other = Thread(target=lambda: (work(), done.set()))
    began = last = time.perf_counter()
    waited = 0.0
    other.start()
    while not done.is_set():
        time.sleep(0.0002)
        now = time.perf_counter()
        waited, last = max(waited, now - last), now
    other.join()
    return waited / (last - began) if last > began else 1.0


# All but JPEG-LS of 9 to 15 bits in 16, for which pyjpegls lets nobody run; and RLE and native pixels, which are done too soon to look on.
@pytest.mark.parametrize("uid", [uid for uid in UIDS if uid not in ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98")])
def test_other_threads_run_while_a_codec_works(uid: str) -> None:
    codec = available(uid)
    side = 5000 if uid in FAST else 1200
    spec = ImageSpec(side, side, allocated=8, stored=8)
    frame = np.random.default_rng(1).integers(60, 200, spec.frame_shape, dtype=np.uint8)
    data = codec.encode_frame(frame, spec)
    for work in (lambda: codec.encode_frame(frame, spec), lambda: codec.decode_frame(data, spec)):
        # the machine may be busy with something else, but not each time
        assert any(longest_wait(work) < 0.7 for _ in range(10))
