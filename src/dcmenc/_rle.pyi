from typing import TypeVar, overload

from typing_extensions import Buffer

_Target = TypeVar("_Target", bound=Buffer)

def bound(rows: int, columns: int, planes: int) -> int: ...
def encode(
    frame: Buffer, rows: int, columns: int, samples: int, bytes_per_sample: int, *, planar: bool = False, portable: bool = False
) -> bytes: ...
@overload
def decode(
    data: Buffer, rows: int, columns: int, samples: int, bytes_per_sample: int, into: None = None,
    *, planar: bool = False, portable: bool = False,
) -> bytes: ...
@overload
def decode(
    data: Buffer, rows: int, columns: int, samples: int, bytes_per_sample: int, into: _Target,
    *, planar: bool = False, portable: bool = False,
) -> _Target: ...
