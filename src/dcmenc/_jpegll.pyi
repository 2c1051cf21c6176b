"""Types of ``_jpegll.pyx``: one frame as JPEG Lossless (ITU-T T.81 process 14) and back."""

from typing import Any, NamedTuple

class Decoded(NamedTuple):
    samples: Any
    rows: int
    columns: int
    components: int
    precision: int

def bound(rows: int, columns: int, components: int) -> int: ...
def encode(
    frame: object, rows: int, columns: int, components: int, precision: int, predictor: int = 1, *, portable: bool = False
) -> bytes: ...
def decode(data: object, into: object = None, *, limit: int = 4294967296) -> Decoded: ...
