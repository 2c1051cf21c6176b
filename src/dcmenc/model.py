"""Datasets: elements by tag or keyword, sequences of datasets, private blocks (PS3.5 7).

Values are normalised and checked when they are set (``values.py``); writing only looks again at what may have changed since.
Nothing here touches bytes, files or arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from typing import Any, Self, SupportsIndex

from . import dicom_json
from ._store import Deferred, Elements, ElementStore, ItemList, adopt, make_element
from .dictionary import VM, Tag, lookup, private_name
from .errors import EncodeError
from .values import DEFAULT_POLICY, MAX_DEPTH, Element, Fragments, Policy, describe, is_settled, normalise, settle, shorten
from .vr import AMBIGUOUS, VRS

__all__ = ["MAX_DEPTH", "Dataset", "Element", "Fragments", "PrivateBlock", "Sequence"]

_ABSENT = object()


class Sequence(ItemList["Dataset"]):
    """The items of an SQ element: a list of datasets (PS3.5 7.5).

    ``undefined_length`` asks for a sequence that is closed by a delimiter instead of counted.

    >>> Sequence([Dataset(CodeValue="T-D1100")])[0].CodeValue
    'T-D1100'
    """

    __slots__ = ()

    def __init__(self, items: Iterable[Any] = (), undefined_length: bool = False) -> None:
        super().__init__([_as_item(item, at) for at, item in enumerate(items)], undefined_length)

    def append(self, item: Any) -> None:
        """Add a dataset, or a mapping that becomes one."""
        super().append(_as_item(item, len(self)))

    def insert(self, at: SupportsIndex, item: Any) -> None:
        """Put a dataset, or a mapping that becomes one, before the item at an index."""
        super().insert(at, _as_item(item, at))

    def extend(self, items: Iterable[Any]) -> None:
        """Add several datasets."""
        super().extend([_as_item(item, at) for at, item in enumerate(items, len(self))])

    def __iadd__(self, items: Iterable[Any]) -> Self:  # type: ignore[misc,override]
        self.extend(items)
        return self

    def __setitem__(self, at: Any, item: Any) -> None:
        if isinstance(at, slice):
            super().__setitem__(at, [_as_item(one, place) for place, one in enumerate(item)])
        else:
            super().__setitem__(at, _as_item(item, at))

    def __copy__(self) -> Sequence:
        return Sequence(self, self.undefined_length)

    def __deepcopy__(self, memo: dict[int, Any]) -> Sequence:
        # a dataset may be met twice; an empty copy of it is a copy, too
        return Sequence([memo[id(item)] if id(item) in memo else item.__deepcopy__(memo) for item in self], self.undefined_length)

    def __reduce__(self) -> tuple[Any, ...]:
        return _thaw_sequence, (list(_freeze_items(self, 1)), len(self), self.undefined_length)


def _as_item(item: Any, at: SupportsIndex) -> Dataset:
    if isinstance(item, Dataset):
        return item
    if isinstance(item, Mapping):
        return Dataset(item)
    raise EncodeError(f"item {at} is not a dcmenc.Dataset but {describe(item)}")


class Dataset(ElementStore):
    """A DICOM data set: a mutable mapping of :class:`Tag` to :class:`Element`, with access by keyword.

    Parameters
    ----------
    source : Mapping, optional
        Elements to begin with: another dataset, or keywords (or tags) with their values.
    policy : Policy, optional
        What happens to values that break a rule of the standard; by default they are refused.
    **attributes
        DICOM keywords with their values.

    Attributes
    ----------
    file_meta : Dataset
        The File Meta Information (group 0002) to be written before this dataset (PS3.10 7.1).
    preamble : bytes or None
        The 128 bytes before ``DICM``; None writes a bare dataset without them.
    undefined_length : bool
        Whether this dataset, as an item, is closed by a delimiter instead of counted (PS3.5 7.5.1).
    faults : tuple of ReadError
        What was wrong with the file that the dataset was read from with ``force=True``; empty for any other dataset.

    Notes
    -----
    Numbers and text are copied when they are set. Buffers of OB, OW and the like are not: they belong to the caller, and
    what they hold at the time of writing is written.

    Examples
    --------
    >>> ds = Dataset(PatientName="Yamada^Tarou", Rows=512)
    >>> ds.PixelSpacing = 0.5, 0.25
    >>> ds["PixelSpacing"].vr, ds[0x0028, 0x0010].value
    ('DS', 512)
    >>> ds.Rows = 70000
    Traceback (most recent call last):
        ...
    dcmenc.errors.EncodeError: (0028,0010) Rows: US 70000: does not fit 16-bit unsigned
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    @property
    def file_meta(self) -> Dataset:
        if self._file_meta is None:
            self._file_meta = Dataset()
            self._file_meta.preamble = None
        return self._file_meta  # type: ignore[no-any-return]

    @file_meta.setter
    def file_meta(self, meta: Mapping[Any, Any] | Dataset | None) -> None:
        self._file_meta = meta if meta is None or isinstance(meta, Dataset) else Dataset(meta)

    def add(self, tag: Any, vr: str | None, value: Any, *, policy: Policy | None = None) -> Element:
        """Set an element with an explicit VR, or with the dictionary's where ``vr`` is None.

        Raises
        ------
        EncodeError
            For a VR that the dictionary does not give to this tag, a value that breaks a rule of its VR or VM
            (PS3.5 6.2), or a private tag outside a private block (PS3.5 7.8.1).

        Examples
        --------
        >>> Dataset().add("PatientID", "LO", "4711").value
        '4711'
        """
        tag = Tag(tag)
        entry = lookup(tag)
        keyword = entry.keyword if entry else ""
        if vr is not None and type(vr) is not str:
            # pydicom's VRs are an enumeration of strings
            vr = str.__str__(vr) if isinstance(vr, str) else repr(vr)
        rules = policy or self.policy or DEFAULT_POLICY
        if vr is None:
            if entry is None or not entry.vr:
                raise EncodeError("the dictionary does not know this element; give its VR", str(tag), tag)
            vr = entry.vr
        elif entry is not None and rules.nonconforming == "error" and not _vr_fits(vr, entry.vr):
            raise EncodeError(f"{vr} is not its VR, the dictionary has {entry.vr}", f"{tag} {keyword}".rstrip(), tag)
        _check_tag(tag, rules)
        vm = entry.vm if entry is not None and vr != "UN" else None
        element = make_element(tag, vr, vm, keyword, value, rules)
        self._elements[tag] = element
        return element

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set an element: from an :class:`Element` with its VR, or from a value with the dictionary's VR."""
        tag = Tag(key)
        if not isinstance(value, Element):
            self.add(tag, None, value)
        elif Tag(value.tag) != tag:
            raise EncodeError(f"an element of {value.tag} cannot stand at {tag}", str(tag), tag)
        else:
            self.add(tag, value.vr, value.value)

    def __delitem__(self, key: Any) -> None:
        tag = Tag(key)
        if self._elements.pop(tag, None) is None:
            raise KeyError(f"the dataset has no {tag} {tag.keyword}".rstrip())

    def __contains__(self, key: Any) -> bool:
        try:
            return Tag(key) in self._elements
        except (ValueError, TypeError):
            return False

    def __len__(self) -> int:
        return len(self._elements)

    def __reversed__(self) -> Iterator[Tag]:
        return iter(sorted(self._elements, reverse=True))

    def get(self, key: Any, default: Any = None) -> Any:
        """The element of a tag or keyword, or the default."""
        element = self._stored(Tag(key)) if key in self else None
        return default if element is None else element

    keys = MutableMapping.keys
    items = MutableMapping.items
    popitem = MutableMapping.popitem

    def setdefault(self, key: Any, default: Any = None) -> Element:
        """The element of a tag or keyword, set to the default first where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: Any, default: Any = _ABSENT) -> Any:
        if key in self or default is _ABSENT:
            element = self[key]
            del self[key]
            return element
        return default

    def clear(self) -> None:
        self._elements.clear()

    def update(self, source: Mapping[Any, Any] | Dataset = {}, /, **attributes: Any) -> None:  # noqa: B006
        """Take over all elements of another dataset, or set keywords and tags to values."""
        if isinstance(source, Dataset):
            self._elements.update(source._elements)
        elif isinstance(source, Mapping):
            for key in source:
                self[key] = source[key]
        else:
            raise TypeError(f"a dataset is made from a dataset or a mapping of keywords, not from {describe(source)}")
        for keyword, value in attributes.items():
            self[keyword] = value

    def private_block(self, group: int, creator: str, *, create: bool = False) -> PrivateBlock:
        """The block of elements that ``creator`` has reserved in an odd group (PS3.5 7.8.1).

        With ``create``, the first free block is reserved where the creator has none yet.

        >>> ds = Dataset()
        >>> ds.private_block(0x0009, "ACME 1.1", create=True).add(0x01, "SH", "x").tag
        Tag(0x00091001)
        """
        if not 0x0009 <= group < 0xFFFF or group % 2 == 0:
            raise EncodeError(f"private groups are odd, from 0009 to FFFD, not {group:04X}")
        creator = normalise("LO", creator, VM(1, 1, 1)) or ""
        if not creator:
            raise EncodeError("a private creator has a name")
        free = 0
        taken = {tag >> 8 & 0xFF for tag in self._elements if tag >> 16 == group}
        for number in range(0x10, 0x100):
            element = self._stored(Tag(group, number))
            if element is None:
                free = free or (0 if number in taken else number)
            elif isinstance(element.value, str) and element.value.rstrip(" ") == creator.rstrip(" "):
                return PrivateBlock(self, group, number, creator)
        if not create:
            raise KeyError(f"group {group:04X} holds no block of {creator!r}; create=True reserves one")
        if not free:
            raise EncodeError(f"group {group:04X} has no free private block left")
        self.add(group << 16 | free, "LO", creator)
        return PrivateBlock(self, group, free, creator)

    def copy(self) -> Self:
        """A dataset of its own with the same elements, and a file meta of its own; nested datasets are shared."""
        made = type(self).__new__(type(self))
        made._elements.update(self._elements)
        _carry(self, made)
        return made

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        for tag, element in self._elements.items():
            if isinstance(element, Deferred):
                made._elements[tag] = element.holding(None if element.as_read else _deep_element(self[tag], memo))
            else:
                made._elements[tag] = _deep_element(element, memo)
        _carry(self, made)
        if self._file_meta is not None:
            made._file_meta = self._file_meta.__deepcopy__(memo)
        if own := getattr(self, "__dict__", None):
            from copy import deepcopy

            made.__dict__.update(deepcopy(own, memo))
        return made

    def __eq__(self, other: object) -> bool:
        """Same elements with the same VRs and values; NaN equals NaN, arrays and buffers are compared by content."""
        if not isinstance(other, Dataset):
            return NotImplemented
        pairs = [(self, other, 0)]
        while pairs:
            one, two, depth = pairs.pop()
            if depth > MAX_DEPTH:
                raise EncodeError(f"datasets nest deeper than {MAX_DEPTH} levels")
            if one is two:
                continue
            if one._elements.keys() != two._elements.keys():
                return False
            for tag in one._elements:
                element, match = one[tag], two[tag]
                if isinstance(element.value, Sequence) and isinstance(match.value, Sequence):
                    if len(element.value) != len(match.value):
                        return False
                    pairs += [(item, like, depth + 1) for item, like in zip(element.value, match.value, strict=True)]
                elif element is not match and not _same(element, match):
                    return False
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        read = self._frozen() if type(self) is Dataset else None
        if read is not None:
            return _thaw_as_read, (*read, self.policy, self.preamble, self._file_meta)
        return _thaw, (list(_freeze(self, 0)), self.preamble, self._file_meta, self._past())

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(tag.keyword for tag in self if tag.keyword)})

    def __repr__(self) -> str:
        """A line an element: tag, VR, keyword, value; items are indented."""
        lines = (f"{indent * ' '}{' '.join(cells)}{': ' if text else ''}{text}" for indent, cells, text in _rows(self, 0))
        return "\n".join(lines) or f"{type(self).__name__}()"

    def _repr_html_(self) -> str:
        from html import escape

        rows = []
        for indent, cells, text in _rows(self, 0):
            tag, *rest = map(escape, cells)
            rows.append(f'<tr><td style="padding-left:{indent}ch"><code>{tag}</code></td>'
                        f"<td>{'</td><td>'.join(rest + [''] * (2 - len(rest)))}</td><td>{escape(text)}</td></tr>")
        return f"<table>{''.join(rows)}</table>"

    def to_json(self, **options: Any) -> str:
        """The DICOM JSON model as text; see :func:`dcmenc.dicom_json.to_json` for the options.

        >>> Dataset(Rows=2).to_json()
        '{"00280010": {"vr": "US", "Value": [2]}}'
        """
        return dicom_json.to_json(self, **options)

    def to_json_dict(self, **options: Any) -> dict[str, Any]:
        """The DICOM JSON model as a dict."""
        return dicom_json.to_dict(self, **options)

    @classmethod
    def from_json(cls, source: str | bytes | Mapping[str, Any], **options: Any) -> Self:
        """A dataset from its DICOM JSON model: text, bytes or the parsed object.

        >>> Dataset.from_json('{"00280010": {"vr": "US", "Value": [2]}}').Rows
        2
        """
        return dicom_json.fill(cls(), source, **options)


MutableMapping.register(Dataset)
ValuesView.register(Elements)
adopt(Sequence, Dataset)


class PrivateBlock:
    """The elements (gggg,bb00-bbFF) that one private creator has reserved (PS3.5 7.8.1); keys are the low byte."""

    __slots__ = ("_dataset", "block", "creator", "group")

    def __init__(self, dataset: Dataset, group: int, block: int, creator: str) -> None:
        self._dataset, self.group, self.block, self.creator = dataset, group, block, creator

    def tag(self, offset: int) -> Tag:
        """The tag of an element of the block."""
        if not 0 <= offset <= 0xFF:
            raise ValueError(f"an element of a private block is 00 to FF, not {offset:X}")
        return Tag(self.group << 16 | self.block << 8 | offset)

    def add(self, offset: int, vr: str, value: Any) -> Element:
        """Set an element of the block."""
        return self._dataset.add(self.tag(offset), vr, value)

    def __getitem__(self, offset: int) -> Element:
        return self._dataset[self.tag(offset)]

    def __delitem__(self, offset: int) -> None:
        del self._dataset[self.tag(offset)]

    def __contains__(self, offset: int) -> bool:
        return self.tag(offset) in self._dataset

    def __iter__(self) -> Iterator[int]:
        first = self.group << 16 | self.block << 8
        return (tag & 0xFF for tag in self._dataset if first <= tag <= first + 0xFF)

    def __repr__(self) -> str:
        return f"PrivateBlock(({self.group:04X},{self.block:02X}xx) {self.creator!r})"


def _vr_fits(vr: str, known: str) -> bool:
    """Whether an element that the dictionary gives ``known`` may be written with ``vr`` (PS3.5 6.2.2 for UN)."""
    return vr in (known, "UN") or not known or vr in AMBIGUOUS.get(known, ()) or (vr not in VRS and vr not in AMBIGUOUS)


def _check_tag(tag: Tag, rules: Policy) -> None:
    group, element = tag >> 16, tag & 0xFFFF
    if group == 0xFFFE:
        raise EncodeError("group FFFE holds the delimiters of items; no element can stand there", str(tag), tag)
    if group % 2 and rules.nonconforming == "error":
        if group < 0x0009 or group == 0xFFFF:
            raise EncodeError("odd groups 0001 to 0007 and FFFF are not for private elements (PS3.5 7.8)", str(tag), tag)
        if 0 < element < 0x10 or 0xFF < element < 0x1000:
            raise EncodeError("private elements stand at (gggg,1000-FFFF), in the block of a creator; use private_block()", str(tag), tag)


def _carry(source: Dataset, target: Dataset) -> None:
    target.policy, target.preamble = source.policy, source.preamble
    target.undefined_length = source.undefined_length
    target._file_meta = None if source._file_meta is None else source._file_meta.copy()
    target._take_past(source._past())
    if own := getattr(source, "__dict__", None):
        target.__dict__.update(own)


def _deep_element(element: Element, memo: dict[int, Any]) -> Element:
    value = element.value
    if isinstance(value, Sequence):
        return Element(element.tag, element.vr, value.__deepcopy__(memo))
    if value is None or isinstance(value, (str, int, float, bytes)) or type(value) is tuple or is_settled(value):
        return element
    return Element(element.tag, element.vr, _solid(value))


def _same(element: Element, match: Element) -> bool:
    """Whether two elements other than sequences are equal."""
    vr, one, other = element.vr, element.value, match.value
    # an open VR is any of those that it may become
    alike = vr == match.vr or vr in AMBIGUOUS.get(match.vr, ()) or match.vr in AMBIGUOUS.get(vr, ())
    if not alike or one is None or other is None:
        return alike and one is other
    if isinstance(one, Fragments) or isinstance(other, Fragments):
        return (isinstance(one, Fragments) and isinstance(other, Fragments) and one.table == other.table
                and len(one.fragments) == len(other.fragments)
                and all(_bytes_of(a) == _bytes_of(b) for a, b in zip(one.fragments, other.fragments, strict=True)))
    if isinstance(one, Sequence) or isinstance(other, Sequence):
        # both are compared item by item elsewhere
        return False
    if _is_buffer(vr, one) or _is_buffer(vr, other):
        return _is_buffer(vr, one) and _is_buffer(vr, other) and _bytes_of(one) == _bytes_of(other)
    several, others = _several(one), _several(other)
    return len(several) == len(others) and all(a == b or (a != a and b != b) for a, b in zip(several, others, strict=True))


def _is_buffer(vr: str, value: Any) -> bool:
    """Whether the value is raw bytes, of a buffer VR or of one that may turn out to be one."""
    return (VRS[vr].kind == "buffer" if vr in VRS else not isinstance(value, (int, tuple)))


def _bytes_of(value: Any) -> memoryview:
    return memoryview(value).cast("B")


def _several(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    return value.tolist() if hasattr(value, "tolist") else (value,)


# For pickle a dataset of any depth becomes one flat list: for each dataset (number of elements, undefined length, policy,
# subclass, its attributes), then (tag, vr, value) for an element, or (tag, number of items, undefined length) and the items.

def _freeze(dataset: Dataset, depth: int) -> Iterator[Any]:
    if depth > MAX_DEPTH:
        raise EncodeError(f"datasets nest deeper than {MAX_DEPTH} levels")
    kind = type(dataset)
    own = getattr(dataset, "__dict__", None)
    yield len(dataset._elements), dataset.undefined_length, dataset.policy, None if kind is Dataset else kind, own
    for tag, element in dataset._elements.items():
        if isinstance(element, Deferred):
            if element.as_read:
                yield int(tag), None, element
                continue
            element = dataset[tag]
        value = element.value
        if isinstance(value, Sequence):
            # of a sequence that was read and changed, what was read goes with it
            raw = dataset._elements[tag]
            yield int(tag), len(value), (element.vr, value.undefined_length, raw.holding(None) if isinstance(raw, Deferred) else None)
            yield from _freeze_items(value, depth + 1)
        else:
            yield int(tag), element.vr, _solid(value)


def _freeze_items(items: Iterable[Dataset], depth: int) -> Iterator[Any]:
    for item in items:
        yield from _freeze(item, depth)


def _solid(value: Any) -> Any:
    """A value that holds its own memory: buffers, which the dataset only borrows, become bytes."""
    if isinstance(value, Fragments):
        return Fragments(tuple(map(_solid, value.fragments)), value.table)
    if isinstance(value, (str, int, float, bytes, tuple)) or value is None or is_settled(value):
        return value
    return memoryview(value).tobytes()


def _thaw_as_read(
    restored: Callable[..., Dataset], arguments: tuple[Any, ...], policy: Policy | None, preamble: bytes | None, file_meta: Dataset | None
) -> Dataset:
    made = restored(*arguments)
    made.policy, made.preamble, made._file_meta = policy, preamble, file_meta
    return made


def _thaw(frozen: list[Any], preamble: bytes | None, file_meta: Dataset | None, past: Any) -> Dataset:
    made = _thaw_dataset(iter(frozen))
    made.preamble, made._file_meta = preamble, file_meta
    made._take_past(past)
    return made


def _thaw_dataset(entries: Iterator[Any]) -> Dataset:
    count, undefined, policy, kind, own = next(entries)
    made: Dataset = (kind or Dataset).__new__(kind or Dataset)
    made.undefined_length, made.policy = undefined, policy
    if own:
        made.__dict__.update(own)
    for _ in range(count):
        number, content, value = next(entries)
        tag = Tag(number)
        if content is None:
            made._elements[tag] = value
        elif isinstance(content, int):
            vr, undefined, raw = value
            made_of_items = Element(tag, vr, Sequence([_thaw_dataset(entries) for _ in range(content)], undefined))
            made._elements[tag] = made_of_items if raw is None else raw.holding(made_of_items)
        else:
            made._elements[tag] = Element(tag, content, settle(value))
    return made


def _thaw_sequence(frozen: list[Any], count: int, undefined: bool) -> Sequence:
    entries = iter(frozen)
    return Sequence([_thaw_dataset(entries) for _ in range(count)], undefined)


def _rows(dataset: Dataset, depth: int) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """What a repr shows, line by line: the indent, the cells of the heading, the value."""
    indent = 4 * depth
    for tag in dataset:
        element = dataset[tag]
        head = str(tag), f"{element.vr:<2}", _name(dataset, tag)
        if not isinstance(element.value, Sequence):
            yield indent, head, _show(element.value)
            continue
        yield indent, head, f"{len(element.value)} item{'' if len(element.value) == 1 else 's'}"
        if depth >= MAX_DEPTH:
            yield indent + 4, ("...",), ""
            continue
        for at, item in enumerate(element.value):
            yield indent + 2, (f"[{at}]",), ""
            yield from _rows(item, depth + 1)


def _name(dataset: Dataset, tag: Tag) -> str:
    if not tag.is_private:
        return tag.keyword or "unknown"
    if tag & 0xFFFF < 0x100:
        return "private creator" if tag & 0xFFFF >= 0x10 else "private"
    creator = dataset.get(Tag(tag.group, tag.element >> 8))
    owner = creator.value if creator is not None and isinstance(creator.value, str) else ""
    return f"[{private_name(owner, tag) or 'private'}]" if owner else "private"


def _show(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Fragments):
        size = sum(len(memoryview(fragment).cast("B")) for fragment in value.fragments)
        return f"{len(value.fragments)} fragments, {size} bytes"
    if isinstance(value, (str, int, float)):
        return shorten(value)
    if isinstance(value, tuple):
        text = ", ".join(shorten(item) for item in value[:8])
        return f"({text}{', ...' if len(value) > 8 else ''})" + (f" {len(value)} values" if len(value) > 8 else "")
    view = memoryview(value)
    return shorten(bytes(value)) if view.nbytes <= 32 and view.itemsize == 1 else f"{view.nbytes} bytes"


