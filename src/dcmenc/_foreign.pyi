from typing import Any, NamedTuple

from .values import Policy

class AddedElement(NamedTuple):
    VR: str
    value: object
    is_undefined_length: bool = False

def shape_of(kind: type) -> int: ...
def changes(kind: type, base: type, name: str) -> bool: ...
def moment(vr: str, value: Any) -> str: ...
def is_foreign(thing: Any) -> bool: ...
def survey(source: Any, tags: tuple[int, ...]) -> tuple[set[int], dict[int, Any]]: ...
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
