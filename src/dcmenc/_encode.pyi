from typing import Any

from ._store import ElementStore
from ._walk import CharacterSetNeeded as CharacterSetNeeded
from .charset import CharacterSet
from .values import Policy

def encode_dataset(
    dataset: ElementStore,
    *,
    implicit: bool = False,
    big_endian: bool = False,
    encapsulated: bool = False,
    file_meta: bool = False,
    charset: CharacterSet | None = None,
    policy: Policy | None = None,
    head: bytes = b"",
    locate: dict[int, Any] | None = None,
) -> list[bytes | memoryview]: ...
