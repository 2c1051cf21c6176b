"""Damaged frames for the codecs whose decoders are other people's libraries: each becomes a frame as described, or a CodecError.

A program, run by the tests in a process of its own: a library that crashes takes nothing else along. Its memory is limited, so that a
stream cannot ask for what its bytes do not bear out. Every input follows from the seed and its number alone.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time

import numpy as np

from dcmenc import CodecError, ImageSpec, PixelError
from dcmenc.codecs import check_profile, get_codec

LIMIT = 4 * 2**30  # bytes of address space
SECONDS = 10  # for one frame
SPECS = (
    ImageSpec(24, 33, stored=12), ImageSpec(16, 40, allocated=8, stored=8), ImageSpec(17, 19, signed=True),
    ImageSpec(16, 23, samples=3, allocated=8, stored=8, photometric="RGB"),
)
NUMBERS = (0, 1, 2, 3, 8, 0x20, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)


def smooth_frame(spec: ImageSpec, rng: random.Random) -> np.ndarray:
    generator = np.random.default_rng(rng.getrandbits(32))
    values = np.cumsum(generator.integers(0, 5, spec.frame_shape), axis=1) % (1 << (spec.stored - 1))
    return values.astype(spec.dtype)


def damage(data: bytes, rng: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = min(int(rng.expovariate(1 / 40)) if rng.random() < 0.7 else rng.randrange(len(made) + 1), len(made))
        kind = rng.randrange(6)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(made):
            made[at] = rng.choice(NUMBERS)
        elif kind == 2:
            del made[at : at + rng.choice((1, 2, 4, 16))]
        elif kind == 3:
            made[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
        elif kind == 4:
            del made[at:]
        else:
            made[at : at + 2] = rng.choice((b"\xff\xd9", b"\xff\xda", b"\xff\xff", b"\xff\x90", b"\x00\x00", b"\xff\xf8"))
    return bytes(made)


def run(name: str, count: int, seed: int) -> tuple[int, int]:
    """How many frames were refused, and how many decoded to something."""
    codec, rng = get_codec(name), random.Random(f"{name} {seed}")
    seeds = []
    for spec in SPECS:
        try:
            check_profile(codec, spec)
        except PixelError:
            continue
        seeds.append((spec, codec.encode_frame(smooth_frame(spec, rng), spec)))
    refused = 0
    for number in range(count):
        spec, data = rng.choice(seeds)
        broken = damage(data, rng)
        start = time.monotonic()
        try:
            frame = codec.decode_frame(broken, spec)
        except CodecError:
            refused += 1
        else:
            if (frame.dtype, frame.shape) != (spec.dtype, spec.frame_shape):
                raise AssertionError(f"{name} {number}: {frame.dtype} {frame.shape}, not {spec}\n{broken.hex()}")
        if time.monotonic() - start > SECONDS:
            raise AssertionError(f"{name} {number}: took {time.monotonic() - start:.0f} s\n{broken.hex()}")
    return refused, count - refused


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    print(*run(given.name, given.count, given.seed))
    sys.exit(0)
