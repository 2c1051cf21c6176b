from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from .dictionary import VM, Tag
from .values import Element, Policy

_Item = TypeVar("_Item", bound=ElementStore)

def adopt_sequence(sequence: type) -> None: ...
def make_element(tag: Tag, vr: str, vm: VM | None, keyword: str, value: Any, policy: Policy | None) -> Element: ...

class ElementStore:
    _elements: dict[Tag, Element]
    @property
    def policy(self) -> Policy | None: ...
    @policy.setter
    def policy(self, policy: Policy | None) -> None: ...
    preamble: bytes | None
    undefined_length: bool
    _file_meta: Any
    def __init__(
        self, source: Mapping[Any, Any] | ElementStore | None = None, /, *, policy: Policy | None = None, **attributes: Any
    ) -> None: ...
    def __setattr__(self, name: str, value: Any) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __delattr__(self, name: str) -> None: ...

class ItemList(list[_Item]):
    undefined_length: bool
    def __init__(self, items: Iterable[_Item] = ..., undefined_length: bool = ...) -> None: ...
