from typing import Any

from ._values import ElementStore
from .charset import CharacterSet
from .errors import EncodeError
from .values import Policy

class CharacterSetNeeded(EncodeError): ...

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
