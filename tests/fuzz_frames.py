"""Broken frames by the million: whatever a stream of JPEG Lossless or RLE holds, it becomes a frame of the right size or a CodecError.

A program, no test that pytest collects; ``make fuzz-frames`` runs it on compiled modules with ASan and UBSan. Streams of at most 4 KiB,
made by the package's encoders and by the slow one of the tests, which knows every form of process 14, are damaged in a few places, most
of them near the beginning, where markers, lengths and offsets stand. Every input follows from the seed and its number alone.

What has to hold: no exception but CodecError and PixelError, an answer within five seconds, the same answer twice and into a buffer of
the caller's, and through the codec's door the shape and dtype that were described.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from test_jpegll import FLAT, STEEP, slow_encode

from dcmenc import CodecError, ImageSpec, PixelError, _jpegll_decode, _rle
from dcmenc.codecs import get_codec

LONGEST = 4096
SECONDS = 5
SPECS = (
    ImageSpec(7, 9, stored=12), ImageSpec(24, 33), ImageSpec(1, 40, allocated=8, stored=8), ImageSpec(16, 16, stored=10, signed=True),
    ImageSpec(9, 10, samples=3, allocated=8, stored=8, photometric="RGB"), ImageSpec(40, 48, stored=4),
)
FORMS: tuple[dict[str, Any], ...] = (
    {}, {"restart": 2}, {"shift": 1}, {"scans": ((0,), (2,), (1,))}, {"tables": (FLAT, STEEP)}, {"dnl": True}, {"fill": b"\xFF\xFF"},
    {"restart": 1, "dnl": True, "tables": (STEEP,)},
)
NUMBERS = (0, 1, 2, 3, 7, 8, 0x40, 0x7F, 0x80, 0xFE, 0xFF)
MARKERS = bytes((0xC3, 0xC0, 0xC4, 0xD0, 0xD7, 0xD8, 0xD9, 0xDA, 0xDC, 0xDD, 0xE0, 0x00, 0x01, 0xFF))


def frame_of(spec: ImageSpec, rng: random.Random) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(rng.getrandbits(32))
    steps = generator.integers(0, rng.choice((1, 2, 5, 1 << spec.stored)), spec.frame_shape)
    values = np.cumsum(steps, axis=1) % (1 << spec.stored) - (1 << spec.high_bit if spec.signed else 0)
    return values.astype(spec.dtype)


def seeds(rng: random.Random) -> list[tuple[str, ImageSpec, bytes]]:
    """Streams that are right, each with the syntax and the description that it goes with."""
    made = []
    for spec in SPECS:
        frame = frame_of(spec, rng)
        made.append(("rle", spec, get_codec("rle").encode_frame(frame, spec)))
        codec = get_codec("jpeg-lossless-p14")
        made += [("jpeg-lossless-p14", spec, codec.encode_frame(frame, spec, codec.Options(predictor=number))) for number in range(1, 8)]
        if spec.rows * spec.columns > 200:
            continue
        samples = frame.view("u1" if spec.allocated == 8 else "u2").reshape(spec.rows, spec.columns, spec.samples)
        for form in FORMS:
            if len(form.get("scans", ())) not in (0, spec.samples):
                continue
            made.append(("jpeg-lossless-p14", spec, slow_encode(samples, spec.allocated, rng.randint(1, 7), **form)))
    return [seed for seed in made if len(seed[2]) <= LONGEST]


def damaged(data: bytes, other: bytes, rng: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = min(int(rng.expovariate(1 / 60)) if rng.random() < 0.6 else rng.randrange(len(made) + 1), len(made))
        kind = rng.randrange(8)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(made):
            made[at] = rng.choice(NUMBERS)
        elif kind == 2:
            made[at:at] = bytes((0xFF, rng.choice(MARKERS)))
        elif kind == 3:
            del made[at : at + rng.choice((1, 2, 4, 16))]
        elif kind == 4:
            made[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
        elif kind == 5:
            del made[at:]
        elif kind == 6:
            start = rng.randrange(len(other) + 1)
            made[at:at] = other[start : start + rng.randrange(80)]
        else:
            made[at : at + 4] = rng.choice((0, 1, 64, 65, 2**16, 2**31, 2**32 - 1, len(made))).to_bytes(4, "little")
        if not made:
            return b""
    return bytes(made[:LONGEST])


def plain(name: str, spec: ImageSpec, data: bytes, into: bytearray | None = None) -> Any:
    """What the compiled decoder makes of it, an error included."""
    try:
        if name == "rle":
            return bytes(_rle.decode(data, spec.rows, spec.columns, spec.samples, spec.allocated // 8, into))
        found = _jpegll_decode.decode(data, into)
        return found._replace(samples=bytes(found.samples))
    except CodecError as error:
        return error.reason, error.offset


def check(name: str, spec: ImageSpec, data: bytes) -> str:
    """Decode in every way; the kind of answer."""
    first = plain(name, spec, data)
    if plain(name, spec, data) != first:
        raise AssertionError("two answers to one question")
    failed = isinstance(first, tuple) and isinstance(first[0], str)
    if not failed:
        size = len(first) if name == "rle" else len(first.samples)
        if plain(name, spec, data, bytearray(size)) != first:
            raise AssertionError("another answer in the caller's buffer")
    for described in (spec, replace(spec, signed=not spec.signed, photometric="MONOCHROME2") if spec.samples == 1 else spec):
        try:
            frame = get_codec(name).decode_frame(data, described)
            assert (frame.shape, frame.dtype) == (described.frame_shape, described.dtype)
        except (CodecError, PixelError) as error:
            assert str(error)
    return re.sub(r"\d+", "N", first[0]) if failed else "a frame"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.seconds:.0f} seconds", flush=True)
    sources, answers, number = seeds(random.Random(arguments.seed)), Counter[str](), 0
    until = time.monotonic() + arguments.seconds
    data = b""
    try:
        while time.monotonic() < until:
            rng = random.Random(arguments.seed * 1_000_003 + number)
            name, spec, stream = rng.choice(sources)
            data = damaged(stream, rng.choice(sources)[2], rng)
            signal.alarm(SECONDS)
            answers[check(name, spec, data)] += 1
            number += 1
    except BaseException:
        print(f"input {number}, {len(data)} bytes: {data.hex()}")
        raise
    signal.alarm(0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{number} streams, {answers['a frame']} of them frames, {len(answers) - 1} kinds of errors, {peak} MiB at most")
    for answer, count in answers.most_common():
        print(f"{count:10} {answer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
