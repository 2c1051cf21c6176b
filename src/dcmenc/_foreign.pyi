from typing import Any

from ._shapes import AddedElement
from .values import Policy

def encode_foreign(
    source: Any,
    *,
    implicit: bool = False,
    big_endian: bool = False,
    pixels: bool | None = None,
    file_meta: bool = False,
    added: dict[int, AddedElement] | None = None,
    policy: Policy | None = None,
    head: bytes = b"",
) -> list[bytes | memoryview]: ...
