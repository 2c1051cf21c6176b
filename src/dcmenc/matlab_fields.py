"""Fields of MATLAB's structs become the elements of a dataset: as they were read where they still are so, else by their values (PS3.5 7).

How single values change their shape is in ``matlab_values.py``, what fields are called in ``matlab_dictionary.py``. Structs come from
``matlab_info.py``, or are anybody's mappings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from ._store import Deferred
from .dictionary import VM, Entry, Tag, nearest_keywords
from .errors import EncodeError
from .matlab_dictionary import BOOKKEEPING, ActiveDictionary, Bound, Path, active, tag_of_field
from .matlab_values import Typed, coerced, guessed_vr, is_as_shown, memory_of
from .model import Dataset, Sequence
from .values import DEFAULT_POLICY, MAX_DEPTH, Element, Policy, check_policy, describe, normalise, shorten
from .vr import VRS

# The pixels, and what says where their frames are (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25).
PIXELS = frozenset((0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00008, 0x7FE00009, 0x7FE00010))

_ITEM = re.compile(r"Item_([1-9]\d{0,8})")


class Taken(NamedTuple):
    """What was made of a struct: the dataset, and the paths of the fields whose names mean nothing."""

    dataset: Dataset
    unknown: tuple[str, ...]


class Level(NamedTuple):
    """What the struct of a dataset remembers: the dataset as it was read, and the elements that are shown, by the names of their fields."""

    dataset: Dataset
    tags: dict[str, Tag]


class Items(NamedTuple):
    """What the struct of a sequence remembers: SQ, or UN of undefined length, and how its length was written."""

    vr: str
    undefined_length: bool


def is_shown(tag: Tag, depth: int) -> bool:
    """Whether an element of the data set has a field: all but Group Lengths, and the pixels of the image itself."""
    return bool(tag & 0xFFFF) and tag >> 16 != 0x0002 and (depth > 0 or tag not in PIXELS)


def creator_of(dataset: Dataset, tag: Tag) -> str:
    """The private creator of an element; empty where there is none (PS3.5 7.8.1)."""
    if not tag.is_private or tag.element < 0x1000:
        return ""
    element = dataset.get(Tag(tag.group, tag.element >> 8))
    return element.value if element is not None and isinstance(element.value, str) else ""


def lay_over(base: Dataset, other: Dataset) -> None:
    """Put the elements of a dataset over those of another; private ones go to the block of their creator there (PS3.5 7.8.1).

    Examples
    --------
    >>> base, other = Dataset(), Dataset()
    >>> for ds, creator in ((base, "ACME"), (other, "OTHER")):
    ...     element = ds.private_block(0x0009, creator, create=True).add(0x01, "SH", creator)
    >>> lay_over(base, other)
    >>> [str(tag) for tag in base]
    ['(0009,0010)', '(0009,0011)', '(0009,1001)', '(0009,1101)']
    """
    moved = _moved_blocks(_creators(base), _creators(other))
    if not moved:
        base.update(other)
        return
    staying = other.copy()
    for tag in other:
        block = moved.get(_block_of(tag) or tag)
        if block is None:
            continue
        place = block if tag.element < 0x1000 else Tag(tag.group, block.element << 8 | tag.element & 0xFF)
        base[place] = other[tag]._replace(tag=place)
        del staying[tag]
    base.update(staying)


def _block_of(tag: Tag) -> Tag | None:
    """The element that reserves the block of a private one, be it itself; None for any other."""
    if not tag.is_private or not (0x10 <= tag.element <= 0xFF or tag.element >= 0x1000):
        return None
    return Tag(tag.group, tag.element >> 8) if tag.element >= 0x1000 else tag


def _creators(dataset: Dataset) -> dict[Tag, str]:
    """The blocks of private elements with their creators; without a name those that nobody has reserved."""
    found = {}
    for tag in dataset:
        if (block := _block_of(tag)) is not None and block not in found:
            value = dataset[block].value if block in dataset else ""
            found[block] = value.strip(" ") if isinstance(value, str) else ""
    return found


def _moved_blocks(held: Mapping[Tag, str], new: Mapping[Tag, str]) -> dict[Tag, Tag]:
    """Where the blocks of one dataset lie in another that has blocks of its own, as far as it is elsewhere."""
    moved: dict[Tag, Tag] = {}
    for tag, creator in new.items():
        if not creator:
            # elements by their own tags, whoever has reserved their block
            continue
        same, again = ([own for own, name in ds.items() if own.group == tag.group and name == creator] for ds in (held, new))
        if held.get(tag) == creator or (tag not in held and not same):
            continue
        if same and len(again) == 1:
            moved[tag] = same[0]
        elif tag in held:
            taken = {*held, *new, *moved.values()}
            free = next((place for place in (Tag(tag.group, block) for block in range(0x10, 0x100)) if place not in taken), None)
            if free is None:
                raise EncodeError(f"no block of group {tag.group:04X} is free for the private creator {shorten(creator)}")
            moved[tag] = free
    return moved


def info_to_dataset(
    info: Mapping[str, Any], /, *, dictionary: Path | ActiveDictionary | None = None, policy: Policy | None = None
) -> Dataset:
    """The dataset of a struct as :func:`~dcmenc.dicominfo` gives it, or of any mapping with such fields.

    What is still as it was read from a file goes back as it was read; what has changed keeps the VR of the file. Of fields without
    such a memory the dictionary decides, and for private and unknown elements that it does not have, the value: text is LO or UT,
    floats are FD, integers UL or SL, arrays the VR of their dtype, bytes UN, structs sequences or names. The fields that describe
    the file, the File Meta Information and Group Lengths are left out.

    Parameters
    ----------
    info : Mapping
        Names of fields with their values; keywords may have their old spellings. A value in a :class:`Typed` brings its own VR.
    dictionary : path, optional
        A dictionary in MATLAB's format; by default the one that :func:`~dcmenc.dicomdict` has set.
    policy : Policy, optional
        What happens to values that break a rule of the standard.

    Returns
    -------
    Dataset
        Without file meta.

    Raises
    ------
    EncodeError
        A name that means nothing, a value that does not fit its VR, or a private element without creator; with the path.

    Examples
    --------
    >>> ds = info_to_dataset({"PatientsName": {"FamilyName": "Yamada"}, "Rows": 512.0, "SoftwareVersion": 4.5})
    >>> ds.PatientName, ds.Rows, ds.SoftwareVersions
    ('Yamada', 512, '4.5')
    >>> info_to_dataset({"PatientNane": "Yamada"})
    Traceback (most recent call last):
        ...
    dcmenc.errors.EncodeError: PatientNane: no field of this name is known; nearest keywords: PatientName, ...
    """
    taken = take_fields(info, dictionary, policy)
    if taken.unknown:
        path = taken.unknown[0]
        near = nearest_keywords(path.rpartition(".")[2][:200])
        more = f" (and {len(taken.unknown) - 1} more)" if len(taken.unknown) > 1 else ""
        raise EncodeError("no field of this name is known" + (f"; nearest keywords: {', '.join(near)}" if near else "") + more, path)
    return taken.dataset


def take_fields(
    info: Mapping[str, Any], dictionary: Path | ActiveDictionary | None = None, policy: Policy | None = None
) -> Taken:
    """As :func:`info_to_dataset`, but fields whose names mean nothing are told, and no error.

    Examples
    --------
    >>> take_fields({"PatientID": "4711", "Sheet": 3}).unknown
    ('Sheet',)
    """
    if policy is not None:
        check_policy(policy)
    if isinstance(info, Dataset) or not isinstance(info, Mapping):
        raise TypeError(f"an info is a struct of dicominfo's or a mapping of fields, not {describe(info)}")
    taking = _Taking(active(dictionary), policy or DEFAULT_POLICY, [], {})
    try:
        dataset = _dataset_of(info, taking, "", 0)
    except RecursionError:
        raise EncodeError("the call stack has no room for structs that nest so deep") from None
    return Taken(dataset, tuple(taking.unknown))


class _Taking(NamedTuple):
    """One call: what is the same for all of its structs. ``items`` has the dataset of each struct, None while it is being made."""

    known: ActiveDictionary
    policy: Policy
    unknown: list[str]
    items: dict[int, Dataset | None]


def _dataset_of(struct: Mapping[Any, Any], taking: _Taking, path: str, depth: int) -> Dataset:
    """The dataset of a struct. One struct in several places is one dataset there, too; in itself it cannot be."""
    if id(struct) in taking.items:
        made = taking.items[id(struct)]
        if made is None:
            raise EncodeError("the struct holds itself", path.removesuffix("."))
        return made
    if depth > MAX_DEPTH:
        raise EncodeError(f"structs nest deeper than {MAX_DEPTH} levels of items", path.removesuffix("."))
    taking.items[id(struct)] = None
    memory = memory_of(struct)
    level = memory if isinstance(memory, Level) else None
    made = Dataset()
    if depth:
        made.preamble = None
        made.undefined_length = level is not None and level.dataset.undefined_length
    _Filling(made, struct, level, taking, path, depth).fill()
    taking.items[id(struct)] = made
    return made


class _Filling(NamedTuple):
    """A dataset that is being made of a struct."""

    made: Dataset
    struct: Mapping[Any, Any]
    level: Level | None
    taking: _Taking
    path: str
    depth: int

    def fill(self) -> None:
        """Set all elements, creators before what is in their blocks."""
        names, bound = self.names()
        read = set(self.level.tags.values()) if self.level else set()
        for tag in sorted(names):
            self.at(tag, names[tag], self.set_field, tag, names[tag], tag in read)
        for name, place in bound:
            self.at(Tag(place.group, 0x1000), name, self.set_bound, name, place, names)

    def at(self, tag: Tag, name: str, act: Callable[..., None], *arguments: Any) -> None:
        """Do something, and say of an error where it was."""
        try:
            act(*arguments)
        except EncodeError as error:
            if error.path.startswith(f"{self.path}{tag}["):
                raise
            raise type(error)(error.reason, f"{self.path}{tag} {name[:64]}", int(tag)) from None

    def names(self) -> tuple[dict[Tag, str], list[tuple[str, Bound]]]:
        """The fields by their tags, and those whose place depends on the block of a creator; strange names are put aside."""
        names: dict[Tag, str] = {}
        bound = []
        for name in self.struct:
            if not isinstance(name, str):
                raise EncodeError(f"the name of a field is text, not {describe(name)}", self.path.removesuffix("."))
            if not self.depth and name in BOOKKEEPING:
                continue
            tag = self.tag_of(name)
            if tag is None and name in self.taking.known.bound:
                bound.append((name, self.taking.known.bound[name]))
            elif tag is None:
                self.taking.unknown.extend([] if name.endswith("GroupLength") else [self.path + name])
            elif tag in names:
                raise EncodeError(f"both {names[tag]} and {name} stand for this element; keep one of them", f"{self.path}{tag}", int(tag))
            elif tag & 0xFFFF and tag >> 16 not in (0x0000, 0x0002):
                names[tag] = name
        return names, bound

    def tag_of(self, name: str) -> Tag | None:
        if self.level is not None and name in self.level.tags:
            return self.level.tags[name]
        return tag_of_field(name, self.taking.known)

    def set_bound(self, name: str, place: Bound, names: dict[Tag, str]) -> None:
        """An element that the dictionary gives to a creator, in its block, which is reserved where there is none (PS3.5 7.8.1)."""
        tag = self.made.private_block(place.group, place.creator, create=True).tag(place.offset)
        if tag in names:
            raise EncodeError(f"both {names[tag]} and {name} stand for {tag}; keep one of them")
        self.set_field(tag, name, False)

    def set_field(self, tag: Tag, name: str, was_read: bool) -> None:
        """Set one element: as it was read if it is still so, else by its value."""
        value = self.struct[name]
        if tag.is_private:
            self.check_creator(tag, was_read)
        if isinstance(value, Typed):
            self.set_value(tag, value.vr, value.value, self.taking.policy)
            return
        element = self.level.dataset.get(tag) if was_read and self.level else None
        if element is not None and self.level and _is_untouched(element, value, 0):
            self.made._elements[tag] = _apart(self.level.dataset._elements[tag])
            return
        items = memory_of(value)
        read_as = items.vr if was_read and isinstance(items, Items) else element.vr if element is not None else None
        # a VR that the standard does not have for the element is the file's, or a user's dictionary's
        self.set_value(tag, read_as or self.vr_of(tag, value), value, self.taking.policy._replace(nonconforming="write"))

    def set_value(self, tag: Tag, vr: Any, value: Any, policy: Policy) -> None:
        """Set an element to a value in MATLAB's shape. The value is held against the call's policy, its VR against the one given."""
        items = memory_of(value)
        if vr == "SQ" or (vr == "UN" and isinstance(items, Items)):
            undefined = isinstance(items, Items) and items.undefined_length
            self.made.add(tag, vr, Sequence(self.items_of(tag, value), undefined), policy=policy)
            return
        entry = self.entry_of(tag)
        # what is known of the private elements of others is a hint only
        vm = entry.vm if entry is not None and entry.keyword and vr != "UN" else None
        self.made.add(tag, vr, _normal(vr, value, vm, self.taking.policy), policy=policy)

    def entry_of(self, tag: Tag) -> Entry | None:
        return self.taking.known.lookup(tag, creator_of(self.made, tag))

    def vr_of(self, tag: Tag, value: Any) -> str:
        """The VR of an element that was not read from a file."""
        octets = isinstance(value, np.ndarray) and value.dtype == np.uint8
        if tag.is_private and 0x10 <= tag.element <= 0xFF:
            return "UN" if octets else "LO"
        entry = self.entry_of(tag)
        if entry is None or not entry.vr:
            return guessed_vr(value)
        if not tag.is_private or entry.keyword or entry.vr == "SQ":
            return entry.vr
        # what is known of the private elements of others is a hint only
        if octets and entry.vr not in _BYTES:
            return "UN"
        try:
            _normal(entry.vr, value, None, self.taking.policy)
        except EncodeError:
            return guessed_vr(value)
        return entry.vr

    def check_creator(self, tag: Tag, was_read: bool) -> None:
        """A private element stands in the block of a creator (PS3.5 7.8.1); what was read without one goes back as it was."""
        block = tag.element >> 8
        if self.taking.policy.nonconforming == "write" or 0x10 <= tag.element <= 0xFF:
            return
        creator = Tag(tag.group, block)
        if was_read and (block < 0x10 or (self.level and creator not in self.level.dataset)):
            return
        if block < 0x10:
            raise EncodeError(f"private elements stand at ({tag.group:04X},1000-FFFF), in the block of a creator")
        if creator not in self.made:
            raise EncodeError(f"no private creator has reserved its block; set Private_{tag.group:04x}_{block:02x}xx_Creator, too")

    def items_of(self, tag: Tag, value: Any) -> list[Dataset]:
        """The items of a sequence: of a struct of Item_1 and so on, or of a list of structs."""
        items = []
        for at, item in enumerate(_listed(value)):
            path = f"{self.path}{tag}[{at}]."
            if isinstance(item, Dataset):
                items.append(item)
            elif isinstance(item, Mapping) or _is_nothing(item):
                items.append(_dataset_of(item if isinstance(item, Mapping) else {}, self.taking, path, self.depth + 1))
            else:
                raise EncodeError(f"an item is a struct, not {describe(item)}", path.removesuffix("."))
        return items


# VRs of which an array of uint8 is the bytes.
_BYTES = frozenset(code for code, row in VRS.items() if row.kind == "buffer") | {"OB/OW", "US/OW", "US/SS/OW"}


def _apart(stored: Element | Deferred) -> Element | Deferred:
    """An element as it was read, for another dataset: what is done to its items there is not done to those that are remembered."""
    if isinstance(stored, Deferred):
        return stored.holding(None)
    return Element(stored.tag, stored.vr, deepcopy(stored.value)) if isinstance(stored.value, Sequence) else stored


def _is_untouched(element: Element, value: Any, depth: int) -> bool:
    """Whether a value is still what an element was shown as, with all that is in it."""
    if not isinstance(element.value, Sequence):
        return _is_nothing(value) if element.vr == "SQ" else is_as_shown(element, value)
    if not isinstance(memory_of(value), Items) or depth > MAX_DEPTH or len(value) != len(element.value):
        return False
    return all(_is_as_read(item, value.get(f"Item_{at}"), depth) for at, item in enumerate(element.value, 1))


def _is_as_read(dataset: Dataset, struct: Any, depth: int) -> bool:
    """Whether the struct of an item has the elements of a dataset, and nothing else."""
    level = memory_of(struct)
    if not isinstance(level, Level) or level.tags.keys() != struct.keys():
        return False
    if set(level.tags.values()) != {tag for tag in dataset if is_shown(tag, depth + 1)}:
        return False
    # with a VR of the dictionary an element is another one, also where it is shown in the same way
    held = ((level.dataset.get(tag), dataset[tag]) for tag in level.tags.values())
    if any(own is not None and own.vr != element.vr for own, element in held):
        return False
    return all(_is_untouched(dataset[tag], struct[name], depth + 1) for name, tag in level.tags.items())


def _is_nothing(value: Any) -> bool:
    """None, and empty text, arrays, lists and structs, which all are MATLAB's []."""
    if isinstance(value, np.ndarray):
        return not value.size
    return value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value)


def _listed(value: Any) -> list[Any]:
    """The items of a sequence in their order, which is that of their numbers."""
    if _is_nothing(value):
        return []
    if isinstance(value, Mapping) and not isinstance(value, Dataset):
        found = {}
        for name in value:
            number = _ITEM.fullmatch(name) if isinstance(name, str) else None
            if number is None:
                raise EncodeError(f"SQ: the fields of a sequence are Item_1, Item_2 and so on, not {shorten(name)}; "
                                  "put the struct of a single item in a list")
            found[int(number[1])] = value[name]
        return [found[number] for number in sorted(found)]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.ravel().tolist()
    if isinstance(value, (list, tuple)) and not isinstance(value, Typed):
        return list(value)
    raise EncodeError(f"SQ takes a struct of Item_1, Item_2 and so on, or a list of structs, not {describe(value)}")


def _normal(vr: Any, value: Any, vm: VM | None, policy: Policy) -> Any:
    """A value in MATLAB's shape as the model keeps it."""
    if not isinstance(vr, str):
        raise EncodeError(f"a VR is text, not {describe(vr)}")
    try:
        return normalise(vr, coerced(vr, value), vm, policy)
    except EncodeError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise EncodeError(f"{vr} {describe(value)}: {error}") from None
