"""The memory of ``Writer``: it is to stay below a bound that does not depend on how many frames there are.

Run as a process of its own: ``python -m benchmarks.memory SIZE`` prints JSON. Every file is written by a fresh process, whose peak
is what the system says of that process alone; the file is in the usual folder for temporary files and is deleted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

MOST_MEBIBYTES = 128
# Bytes of pixels, few and many of them.
_BYTES = {"full": (2 * 10**8, 10**10), "quick": (2 * 10**7, 2 * 10**8), "check": (2**20, 2**21)}
_FRAME = 2 * 512 * 512
# 10 GB are more than native Pixel Data holds, so those that are not compressed are encapsulated (PS3.5 A.4.11).
_COMPRESSIONS = ("encapsulated-uncompressed", "jpeg-lossless")


def measure(size: str) -> dict[str, dict[str, Any]]:
    """The highest resident memory of a process that writes so many bytes, by what it writes."""
    found = {}
    for compression in _COMPRESSIONS:
        for known in (True, False):
            for count in _BYTES[size]:
                title = f"Writer, {_amount(count)} in frames, {compression}, their number {'known' if known else 'unknown'}"
                found[title] = _of_process(compression, -(-count // _FRAME), known)
    return found


def _amount(count: int) -> str:
    return f"{count / 1e9:g} GB" if count >= 10**9 else f"{count / 1e6:g} MB" if count >= 10**6 else f"{count} bytes"


def _of_process(compression: str, frames: int, known: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="dcmenc-bench-") as folder:
        told = [compression, str(frames), str(frames if known else 0), os.path.join(folder, "out.dcm")]
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"{__package__}.memory", *told], check=True, stdout=subprocess.PIPE, text=True)
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures | {"seconds": round(time.monotonic() - start, 2), "frames": frames}


def write(compression: str, count: int, promised: int | None, path: str) -> dict[str, Any]:
    """Write the frames, a few different ones in turn, and say how much memory this process has needed."""
    import dcmenc

    from .frames import ct_like
    from .worker import peak_memory

    side = round((_FRAME // 2) ** 0.5)
    given = [ct_like(seed, side) for seed in range(4)]
    with dcmenc.Writer(path, frames=promised, compression=compression, bits_stored=12) as writer:
        for at in range(count):
            writer.write(given[at % len(given)])
    peak = peak_memory()
    if not (dcmenc.imread(path, frame=-1) == given[(count - 1) % len(given)]).all():
        raise ValueError(f"the last frame of {path} is not the last that was given")
    return {"MiB peak": float("nan") if peak is None else round(peak / 2**20, 1), "bytes": os.path.getsize(path)}


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(measure(sys.argv[1])))
    else:
        _, asked, number, announced, file = sys.argv
        print(json.dumps(write(asked, int(number), int(announced) or None, file)))
