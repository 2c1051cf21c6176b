from collections.abc import Collection

from ._source import Source
from ._store import Deferred, ElementStore
from .charset import CharacterSet
from .dictionary import Tag
from .errors import ReadError

PIXEL_SIZE: tuple[int, ...]

class RawElement(Deferred):
    @property
    def tag(self) -> Tag: ...
    @property
    def implicit(self) -> bool: ...
    @property
    def big(self) -> bool: ...
    @property
    def undefined(self) -> bool: ...
    @property
    def value(self) -> bytes | memoryview: ...

def parse_dataset(
    store: ElementStore,
    source: Source,
    start: int,
    stop: int,
    *,
    implicit: bool = False,
    big_endian: bool = False,
    encapsulated: bool | None = None,
    lenient: bool = False,
    before_pixels: bool = False,
    assumed: CharacterSet | None = None,
    wanted: Collection[int] | None = None,
    elements: int = 10_000_000,
    depth: int = 128,
) -> list[ReadError]: ...
def parse_meta(store: ElementStore, source: Source, start: int, *, lenient: bool = False) -> tuple[int, list[ReadError]]: ...
def bytes_as_read(store: ElementStore, implicit: bool, big_endian: bool) -> bytes | memoryview | None: ...
def encoding_as_read(store: ElementStore) -> tuple[bool, bool, bool] | None: ...
def read_together(store: ElementStore, meta: ElementStore, tag: int) -> bool: ...
