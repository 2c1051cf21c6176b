from collections.abc import Container
from typing import Any

from .values import Policy

def shape_of(kind: type) -> int: ...
def changes(kind: type, base: type, name: str) -> bool: ...
def moment(vr: str, value: Any) -> str: ...
def is_foreign(thing: Any) -> bool: ...
def survey(source: Any, tags: Container[int]) -> tuple[set[int], dict[int, Any]]: ...
def encode_foreign(
    source: Any,
    *,
    implicit: bool = False,
    big_endian: bool = False,
    pixels: bool | None = None,
    file_meta: bool = False,
    policy: Policy | None = None,
    head: bytes = b"",
) -> list[bytes | memoryview]: ...
