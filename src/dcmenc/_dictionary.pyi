from collections.abc import Callable, Mapping
from typing import Any

def read_rows(
    text: str,
    tags: dict[Any, Any],
    keywords: dict[str, Any],
    spellings: Mapping[str, str],
    parsed_vm: Callable[[str], Any],
    tag_type: type,
    entry_type: type,
) -> list[str]: ...
