"""MATLAB's ``dicominfo``: the metadata of a file as one struct (PS3.5 7).

A struct remembers the elements that its fields were read from, for the way back, which is in ``matlab_fields.py``. How single values
are shown is in ``matlab_values.py``, what the fields are called in ``matlab_dictionary.py``. Pixels are not read here.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ._parse import encoding_as_read
from .charset import DEFAULT, CharacterSet, read_character_set
from .dictionary import lookup
from .errors import ReadError
from .matlab_dictionary import BOOKKEEPING, ActiveDictionary, Path, active, field_name
from .matlab_fields import PIXELS, Items, Level, Taken, creator_of, info_to_dataset, is_shown, take_fields
from .matlab_values import Struct, Typed, remembering, retyped, shown
from .model import Dataset, Sequence
from .reader import dcmread
from .uid import TRANSFER_SYNTAXES
from .values import MAX_DEPTH, Element, Fragments, Policy, describe, shorten
from .vr import AMBIGUOUS

__all__ = ["Struct", "Taken", "Typed", "dicominfo", "info_to_dataset", "take_fields"]

# Pixels up to this size may be kept in memory beside the elements of a file.
_SMALL_PIXELS = 1 << 16

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_COLOUR_TYPES = {"MONOCHROME1": "grayscale", "MONOCHROME2": "grayscale", "PALETTE COLOR": "indexed"}
_OPTIONS = ("dictionary", "UseVRHeuristic", "UseDictionaryVR", "force")


def dicominfo(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Dataset | Any,
    /,
    *pairs: Any,
    dictionary: Path | ActiveDictionary | None = None,
    UseVRHeuristic: bool = True,
    UseDictionaryVR: bool = False,
    force: bool = False,
    **options: Any,
) -> Struct:
    """The metadata of a DICOM file as MATLAB's struct.

    First come the fields that describe the file: Filename, FileModDate, FileSize, Format, FormatVersion, Width, Height, BitDepth,
    ColorType (empty where there is no image). Then the File Meta Information, then the elements by ascending tag, under their
    keywords. Pixels and Group Lengths (gggg,0000) are left out.

    Text is without padding, several values in one string with backslashes between them; DS and IS are ``float``, binary numbers
    ``int`` or ``float``, several an array; OB and UN are bytes, OW words in an array; AT is its groups and elements. A name is a
    struct with FamilyName, GivenName, MiddleName, NamePrefix, NameSuffix as far as they are there, and Ideographic and Phonetic,
    structs of the same kind; several names are a list. A sequence is a struct of Item_1, Item_2 and so on.

    Parameters
    ----------
    source : path, bytes-like, binary file object or Dataset
        As for :func:`~dcmenc.dcmread`. The struct holds nothing of the source: it may be changed or removed afterwards.
    *pairs
        Options as names and values one after the other, as in MATLAB.
    dictionary : path, optional
        A dictionary in MATLAB's format, over the built-in one: it names private elements, and gives VRs to those of UN. By default
        the one that :func:`~dcmenc.dicomdict` has set.
    UseVRHeuristic : bool
        Whether the first elements decide about the encoding where they contradict the transfer syntax; False makes that an error.
        Elements that change between explicit and implicit VR within a data set are always read.
    UseDictionaryVR : bool
        Whether a value gets the VR of the dictionary where the file has another one and the value fits; also on the way back.
    force : bool
        Read files without preamble, and what can be read of broken ones. Not of MATLAB.
    **options
        The same options in other letter case.

    Returns
    -------
    Struct
        Fields are keys and attributes. :func:`~dcmenc.info_to_dataset` gives back the elements as they were read, but for what you
        change.

    Raises
    ------
    ReadError
        This is no DICOM file.
    TypeError
        An option does not exist.

    Examples
    --------
    >>> from dcmenc import Dataset
    >>> info = dicominfo(Dataset(PatientName="Yamada^Tarou", ImageType=["ORIGINAL", "PRIMARY"], PixelSpacing=["0.50", "0.5"]))
    >>> info.PatientName.FamilyName, info.ImageType, info["PixelSpacing"]
    ('Yamada', 'ORIGINAL\\\\PRIMARY', array([0.5, 0.5]))
    >>> info.PixelSpacing[1] = 0.25
    >>> info_to_dataset(info).PixelSpacing
    (0.5, 0.25)
    """
    chosen: dict[str, Any] = dict(zip(_OPTIONS, (dictionary, UseVRHeuristic, UseDictionaryVR, force), strict=True))
    _take_options(chosen, pairs, options)
    view = _View(active(chosen["dictionary"]), chosen["UseDictionaryVR"])
    file, dataset = _File.of(source, chosen["force"], chosen["UseVRHeuristic"])
    try:
        fields = {**file.fields(dataset), **_meta_fields(dataset, view)}
        struct = _struct_of(_let_go(dataset), view, 0, fields)
    except RecursionError:
        raise ReadError("the call stack has no room for datasets that nest so deep") from None
    return struct


def _take_options(chosen: dict[str, Any], pairs: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Options by names in any letter case."""
    if len(pairs) % 2:
        raise TypeError("options come in pairs, a name and its value")
    names = {name.lower(): name for name in _OPTIONS}
    given = [*zip(pairs[::2], pairs[1::2], strict=True), *options.items()]
    for at, (word, value) in enumerate(given):
        name = names.get(word.lower()) if isinstance(word, str) else None
        if name is None:
            raise TypeError(f"dicominfo has no option {shorten(word)}; its options are {', '.join(_OPTIONS)}")
        if any(str(other).lower() == name.lower() for other, _ in given[:at]):
            raise TypeError(f"the option {name} is given twice")
        chosen[name] = value
    for name in _OPTIONS[1:]:
        if not isinstance(chosen[name], (bool, np.bool_)) and chosen[name] not in (0, 1):
            raise TypeError(f"{name} is True or False, not {shorten(chosen[name])}")


class _File(NamedTuple):
    """What is known of a file beside its content."""

    name: str
    changed: str
    size: int

    @classmethod
    def of(cls, source: Any, force: bool, heuristic: bool) -> tuple[_File, Dataset]:
        """The file of a source, and its content without large pixels."""
        if isinstance(source, Dataset):
            return cls("", "", 0), source
        if isinstance(source, Mapping):
            raise TypeError(f"a path, bytes, a file object or a dcmenc.Dataset is read, not {describe(source)}")
        file = cls("", "", 0)
        if isinstance(source, (str, os.PathLike)):
            source = os.path.abspath(os.fsdecode(source))
            status = os.stat(source)
            file = cls(source, _date(status.st_mtime), status.st_size)
        elif hasattr(source, "read"):
            name, source = getattr(source, "name", ""), source.read()
            file = cls(name if isinstance(name, str) else "", "", 0)
        if not file.size and isinstance(source, (bytes, bytearray, memoryview)):
            file = file._replace(size=memoryview(source).nbytes)
        return file, _read(source, force, heuristic)

    def fields(self, dataset: Dataset) -> dict[str, Any]:
        """The bookkeeping fields in MATLAB's order; BitDepth is what is stored."""
        photometric = _text(dataset, "PhotometricInterpretation")
        is_image = dataset.get("Rows") is not None and dataset.get("Columns") is not None
        colours = _COLOUR_TYPES.get(photometric, "truecolor" if photometric else "grayscale") if is_image else ""
        return dict(zip(BOOKKEEPING, (
            self.name, self.changed, self.size, "DICOM", 3, _number(dataset, "Columns"), _number(dataset, "Rows"),
            _number(dataset, "BitsStored"), colours), strict=False))


def _date(moment: float) -> str:
    """A time as MATLAB writes it, in English whatever the locale."""
    try:
        at = time.localtime(moment)
    except (OverflowError, OSError, ValueError):
        # beyond what the system can say
        return ""
    return f"{at.tm_mday:02}-{_MONTHS[at.tm_mon - 1]}-{at.tm_year:04} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}"


def _text(dataset: Dataset, keyword: str) -> str:
    element = dataset.get(keyword)
    return element.value if element is not None and isinstance(element.value, str) else ""


def _number(dataset: Dataset, keyword: str) -> Any:
    """A number, an empty array where there is none."""
    element = dataset.get(keyword)
    return element.value if element is not None and isinstance(element.value, int) else np.empty(0)


def _read(source: Any, force: bool, heuristic: bool) -> Dataset:
    """The dataset of a source; large pixels are not held: a folder of files would fill the memory."""
    dataset = dcmread(source, force=force)
    if not heuristic:
        _check_encoding(dataset)
    if dataset.faults or not any(_size(dataset, tag) > _SMALL_PIXELS for tag in PIXELS):
        return dataset
    front = dcmread(source, stop_before_pixels=True, force=force)
    behind = dataset.copy()
    for tag in [tag for tag in dataset if tag in front or tag in PIXELS]:
        del behind[tag]
    if len(behind):
        front.update(pickle.loads(pickle.dumps(behind)))
    return front


def _size(dataset: Dataset, tag: int) -> int:
    element = dataset.get(tag)
    if element is None or element.value is None or isinstance(element.value, (Fragments, str, int, float, tuple)):
        return _SMALL_PIXELS + 1 if element is not None and isinstance(element.value, Fragments) else 0
    return memoryview(element.value).nbytes


def _check_encoding(dataset: Dataset) -> None:
    """Refuse a data set in another encoding than the file meta names."""
    found, known = encoding_as_read(dataset), TRANSFER_SYNTAXES.get(_text(dataset.file_meta, "TransferSyntaxUID"))
    if found is not None and known is not None and found[:2] != (not known.explicit, known.big_endian):
        raise ReadError(f"the file meta names {known.name}, and the data set is in another encoding; UseVRHeuristic=True reads it")


def _let_go(dataset: Dataset) -> Dataset:
    """A dataset of its own, which holds neither a file nor somebody's buffers: pickled as it was read, it is its bytes."""
    own = dataset.copy() if type(dataset) is Dataset else Dataset(dataset)
    for tag in [tag for tag in own if tag in PIXELS and _size(own, tag) > _SMALL_PIXELS]:
        del own[tag]
    own.file_meta = None
    made: Dataset = pickle.loads(pickle.dumps(own))
    return made


class _View(NamedTuple):
    """How elements are shown: with which names, and whether with the VRs of the dictionary; and in which character set UN is text."""

    known: ActiveDictionary
    use_dictionary: bool
    charset: CharacterSet = DEFAULT

    def inside(self, dataset: Dataset) -> _View:
        """The same with the character set of a dataset; one that declares none has that around it (PS3.3 C.12.1.1.2)."""
        element = dataset.get("SpecificCharacterSet")
        if element is None or not isinstance(element.value, (str, tuple)):
            return self
        try:
            charset = read_character_set(element.value)
        except ReadError:
            charset = DEFAULT
        return self._replace(charset=charset) if charset.declared else self


def _meta_fields(dataset: Dataset, view: _View) -> dict[str, Any]:
    """The File Meta Information; it does not go back (PS3.10 7.1)."""
    meta = dataset.file_meta
    return {field_name(tag, "", view.known): _value_of(meta[tag], view, 0) for tag in meta}


def _struct_of(dataset: Dataset, view: _View, depth: int, fields: dict[str, Any]) -> Struct:
    """The elements of a dataset behind the fields that are there already."""
    if depth > MAX_DEPTH:
        raise ReadError(f"datasets nest deeper than {MAX_DEPTH} levels")
    view = view.inside(dataset)
    held = _with_known_vrs(dataset, view) if view.known.own or view.use_dictionary else dataset
    tags = {}
    for tag in held:
        if not is_shown(tag, depth):
            continue
        name = field_name(tag, creator_of(held, tag), view.known)
        if name in fields:
            # two blocks of one creator, whose elements a user's dictionary names
            name = f"Private_{tag >> 16:04x}_{tag & 0xFFFF:04x}"
        tags[name] = tag
        fields[name] = _value_of(held[tag], view, depth)
    return remembering(fields, Level(_without_items(held) if depth else held, tags))


def _value_of(element: Element, view: _View, depth: int) -> Any:
    value = element.value
    if not isinstance(value, Sequence):
        return remembering({}, Items("SQ", False)) if element.vr == "SQ" else shown(element)
    items = {f"Item_{at}": _struct_of(item, view, depth + 1, {}) for at, item in enumerate(value, 1)}
    return remembering(items, Items(element.vr, value.undefined_length))


def _without_items(dataset: Dataset) -> Dataset:
    """An item without the items in it, which have structs of their own: a pickle would hold them once more for each level."""
    sequences = [tag for tag in dataset if isinstance(dataset[tag].value, Sequence)]
    if not sequences:
        return dataset
    made = dataset.copy()
    for tag in sequences:
        del made[tag]
    return made


def _with_known_vrs(dataset: Dataset, view: _View) -> Dataset:
    """The dataset with VRs from the dictionary: in place of UN, or of any other if that is asked for."""
    signed, read = _number(dataset, "PixelRepresentation"), encoding_as_read(dataset)
    big = read is not None and read[1]
    found = []
    for tag in dataset:
        element = dataset[tag]
        entry = view.known.lookup(tag, creator_of(dataset, tag))
        if entry is None or not entry.vr or isinstance(element.value, Sequence):
            continue
        if not view.use_dictionary and (element.vr != "UN" or not entry.keyword or entry == lookup(tag)):
            # nobody asked for more than what the user's dictionary says of elements that have no VR else
            continue
        vr = _settled_vr(entry.vr, element.vr, isinstance(signed, int) and signed == 1)
        # nobody knows in which order a writer of big endian has left the bytes of UN
        made = retyped(element, vr, view.charset) if vr not in (element.vr, "SQ") and not (big and element.vr == "UN") else None
        found += [made] if made is not None else []
    if not found:
        return dataset
    made_of = dataset.copy()
    for element in found:
        made_of.add(element.tag, element.vr, element.value, policy=Policy(nonconforming="write"))
    return made_of


def _settled_vr(vr: str, own: str, signed: bool) -> str:
    """One VR where the dictionary leaves it open: the element's own if it is among them (PS3.5 A.1)."""
    choices = AMBIGUOUS.get(vr, (vr,))
    return own if own in choices else "SS" if signed and "SS" in choices else "OW" if choices[0] == "OB" else choices[0]
