"""Types of ``_jpegll_decode.pyx``: a frame out of JPEG Lossless (ITU-T T.81 process 14)."""

from typing import Any, NamedTuple

class Decoded(NamedTuple):
    samples: Any
    rows: int
    columns: int
    components: int
    precision: int

def decode(data: object, into: object = None, *, limit: int = 4294967296) -> Decoded: ...
