"""Damaged JPEG 2000 streams against the decoder, in a process of its own: each is decoded, or refused with a CodecError.

``python tests/fuzz_jpeg2000.py [SECONDS] [SEED]``; the exit status is not 0 if anything else comes of one, or one takes long.
"""

from __future__ import annotations

import faulthandler
import logging
import resource
import sys
import time
from typing import Any

import numpy as np

from dcmenc import CodecError, ImageSpec
from dcmenc.codecs import get_codec

_SLOW = 5.0
_COLOUR = {"samples": 3, "photometric": "RGB"}
_SEEDS: tuple[tuple[ImageSpec, dict[str, Any]], ...] = (
    (ImageSpec(24, 31, stored=12), {}),
    (ImageSpec(17, 40, stored=13, signed=True), {"tile": (8, 16), "progression": "RPCL"}),
    (ImageSpec(20, 20, allocated=8, stored=8, **_COLOUR), {"rate": (8.0, 2.0, 1.0)}),
    (ImageSpec(33, 9, allocated=8, stored=8, **_COLOUR), {"reversible": False, "psnr": 40.0}),
    (ImageSpec(64, 65), {"reversible": False, "rate": 10.0, "levels": 2}),
    (ImageSpec(30, 30, allocated=1, stored=1, kind="bit"), {}),
)


def streams() -> list[tuple[bytes, ImageSpec]]:
    """Streams of all kinds."""
    codec, made = get_codec("jpeg2000"), []
    generator = np.random.default_rng(7)
    for spec, options in _SEEDS:
        noise = generator.integers(0, 1 << min(spec.stored, 4), spec.frame_shape)
        slope = np.indices(spec.frame_shape).sum(0) * ((1 << spec.stored) // 200 if spec.stored > 7 else 0)
        made.append((codec.encode_frame((noise + slope).astype(spec.dtype), spec, codec.Options(**{"reversible": True} | options)), spec))
    return made


def damaged(data: bytes, generator: np.random.Generator) -> bytes:
    """Other bytes at a few places, more often in the header; or a piece cut out, doubled, or cut off."""
    own = bytearray(data)
    for _ in range(int(generator.integers(1, 6))):
        header = generator.random() < 0.6
        at = int(generator.integers(0, min(len(own), 130) if header else len(own)))
        kind = generator.integers(0, 10)
        if kind < 5:
            own[at] = int(generator.choice((0, 1, 2, 0x7F, 0x80, 0xFF, int(generator.integers(0, 256)))))
        elif kind < 7:
            own[at] ^= 1 << int(generator.integers(0, 8))
        elif kind == 7:
            del own[at : at + int(generator.integers(1, 20))]
        elif kind == 8:
            own[at:at] = own[at : at + int(generator.integers(1, 60))]
        elif len(own) > 60:
            del own[max(at, 50) :]
        if len(own) < 4:
            break
    return bytes(own)


def main(seconds: float, seed: int) -> int:
    """How many streams were damaged, decoded, and refused; the worst time."""
    faulthandler.enable()
    logging.getLogger("dcmenc").setLevel(logging.ERROR)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    codec, generator, seeds = get_codec("jpeg2000"), np.random.default_rng(seed), streams()
    end, count, decoded, worst = time.monotonic() + seconds, 0, 0, 0.0
    reasons: dict[str, int] = {}
    while time.monotonic() < end:
        original, spec = seeds[count % len(seeds)]
        data = damaged(original, generator)
        # whoever finds a crash finds its stream here
        with open(f"/tmp/fuzz_jpeg2000.{seed}.j2k", "wb") as file:
            file.write(data)
        start = time.monotonic()
        try:
            frame = codec.decode_frame(data, spec)
            assert (frame.shape, frame.dtype) == (spec.frame_shape, spec.dtype)
            decoded += 1
        except CodecError as error:
            words = " ".join(word for word in error.reason.split() if not any(letter.isdigit() for letter in word))[:70]
            reasons[words] = reasons.get(words, 0) + 1
        took, count = time.monotonic() - start, count + 1
        worst = max(worst, took)
        if took > _SLOW:
            print(f"{took:.1f} s: {data.hex()}")
            return 1
    print(f"{count} streams, {decoded} decoded, {count - decoded} refused; at worst {worst:.3f} s and "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
    for words, times in sorted(reasons.items(), key=lambda item: -item[1])[:40]:
        print(f"{times:6} {words}")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
