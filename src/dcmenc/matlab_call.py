"""The arguments of MATLAB's ``dicomwrite``, sorted: the array, the colormap, the file, structs, options, attributes.

What is done with them is in ``matlab.py``. Names and values of options are taken in any letter case; the forms are those of MATLAB's
documentation, everything beyond them is marked as such in :class:`Options`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ._shapes import is_foreign
from .composition import unknown_name
from .errors import PixelError
from .model import Dataset
from .pixels import PALETTE_KEYWORDS
from .uid import is_valid_uid, sop_class
from .values import Policy, describe


def _flag(name: str, value: Any) -> bool:
    """True, False, 0, 1, or the words; in MATLAB the text 'false' would be true."""
    if isinstance(value, str):
        word = {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower())
        if word is not None:
            return word
    elif isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, float, np.number)) and value in (0, 1)):
        return bool(value)
    raise ValueError(f"{name} is true or false, not {value!r}")


def _choice(*choices: str) -> Callable[[str, Any], str]:
    """One of the texts, in any letter case, however it is spaced."""
    folded = {_folded(choice): choice for choice in choices}

    def chosen(name: str, value: Any) -> str:
        found = folded.get(_folded(value)) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"{name} is one of {', '.join(map(repr, choices))}, not {value!r}")
        return found

    return chosen


def _folded(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter not in " -_")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is a text, not {value!r}")
    return value


def _class_of(name: str, value: Any) -> str:
    if name == "SOPClassUID" and not is_valid_uid(_text(name, value)):
        raise ValueError(f"SOPClassUID is a UID, not {value!r}; names go with ObjectType")
    try:
        return sop_class(_text(name, value))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _any(name: str, value: Any) -> Any:
    return value


def _whole(name: str, value: Any) -> int | None:
    """A whole number, which may be a float as MATLAB's are."""
    if value is None:
        return None
    number = value.item() if isinstance(value, (np.generic, np.ndarray)) and value.size == 1 else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not float(number).is_integer():
        raise ValueError(f"{name} is a whole number, not {value!r}")
    return int(number)


def _predictor(name: str, value: Any) -> int | str | None:
    return value if isinstance(value, str) else _whole(name, value)


def _colormap(name: str, value: Any) -> Any:
    """A colormap; None for the empty one that ``dicomread`` gives for images without."""
    if value is None:
        return None
    colours = np.asarray(value)
    if not colours.size:
        return None
    if colours.ndim != 2 or colours.shape[1] != 3 or colours.dtype.kind not in "fu":
        raise PixelError(f"a {name} has three columns, red, green and blue, of floats from 0 to 1, not the shape {colours.shape}"
                         f" of {colours.dtype}")
    return colours


# Of a name that nobody knows, so much is shown.
_LONGEST_NAME = 64

# Every option: its name, and how its value is read. The first eleven are MATLAB's.
OPTIONS: Mapping[str, Callable[[str, Any], Any]] = {
    "CompressionMode": _choice("None", "RLE", "JPEG lossless", "JPEG lossy", "JPEG2000 lossy", "JPEG2000 lossless"),
    "CreateMode": _choice("Create", "Copy"),
    "Dictionary": _any,
    "Endian": _choice("little", "big"),
    "MultiframeSingleFile": _flag,
    "ObjectType": _class_of,
    "SOPClassUID": _class_of,
    "TransferSyntax": _text,
    "UseMetadataBitDepths": _flag,
    "VR": _choice("explicit", "implicit"),
    "WritePrivate": _flag,
    "axes": _choice("matlab", "numpy"),
    "bits_stored": _whole,
    "clock": _any,
    "colormap": _colormap,
    "durable": _flag,
    "exist_ok": _flag,
    "options": _any,
    "per_frame": _any,
    "photometric": _any,
    "policy": _any,
    "predictor": _predictor,
    "quality": _whole,
    "ratio": _any,
    "rescale": _flag,
    "strict": _flag,
    "uid_source": _any,
    "verify_pixels": _flag,
    "workers": _whole,
}
# In any letter case; bits_stored is an option, and BitsStored an attribute.
_NAMES = {name.lower(): name for name in OPTIONS}
# The transfer syntax of a file that was read is no wish for the next one; where it is named by itself it can't be anything else.
_SYNONYMS = {"transfersyntaxuid": "TransferSyntax"}


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller wishes; None where nothing is said. Names in lower case are dcmenc's own."""

    CompressionMode: str | None = None
    CreateMode: str = "Create"
    Dictionary: Any = None
    Endian: str | None = None
    MultiframeSingleFile: bool = True
    ObjectType: str | None = None
    SOPClassUID: str | None = None
    TransferSyntax: str | None = None
    UseMetadataBitDepths: bool = False
    VR: str | None = None
    WritePrivate: bool = False
    axes: str = "matlab"
    bits_stored: int | None = None
    clock: Callable[[], Any] | None = None
    colormap: Any = None
    durable: bool = False
    exist_ok: bool = True
    options: Any = None
    per_frame: Mapping[str, Any] = field(default_factory=dict)
    photometric: str | None = None
    policy: Policy | None = None
    predictor: Any = None
    quality: Any = None
    ratio: Any = None
    rescale: bool = False
    strict: bool = False
    uid_source: Callable[[], str] | None = None
    verify_pixels: bool = True
    workers: int = 1

    @property
    def sop_class(self) -> str | None:
        """The UID of the class that is asked for by either option."""
        return self.ObjectType or self.SOPClassUID

    @property
    def copies(self) -> bool:
        """Whether the metadata are taken over word for word."""
        return self.CreateMode == "Copy"


class Call(NamedTuple):
    """One call of ``dicomwrite``.

    ``structs`` are the mappings and datasets in their order, ``attributes`` what was named by itself, which wins over them;
    ``described`` says whether any metadata were given at all.
    """

    array: Any
    target: Any
    options: Options
    structs: tuple[Any, ...]
    attributes: Mapping[str, Any]
    described: bool


def sort_arguments(array: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Call:
    """Sort the arguments of ``dicomwrite``.

    Parameters
    ----------
    array : array_like
        The first argument.
    arguments : tuple
        The others by place: the colormap, if there is one, the target, then structs and pairs of names and values.
    named : mapping
        The Python keywords.

    Raises
    ------
    TypeError
        The arguments are in no order that ``dicomwrite`` has.
    ValueError
        An option has a value that it can't have, or two contradict each other.

    Examples
    --------
    >>> call = sort_arguments([[1]], ("a.dcm", {"PatientID": "7"}, "createmode", "COPY"), {"SliceThickness": 2})
    >>> call.target, call.options.CreateMode, call.structs, call.attributes
    ('a.dcm', 'Copy', ({'PatientID': '7'},), {'SliceThickness': 2})
    """
    if _is_target(array):
        raise TypeError("the array comes first: dicomwrite(X, filename)")
    colormap, target, rest = _by_place(arguments)
    structs, pairs = _structs_and_pairs(rest, len(arguments) - len(rest) + 2)
    values: dict[str, Any] = {}
    kept, attributes = [], {}
    for struct in structs:
        own, others = _split(struct)
        values |= own
        kept.append(others)
    for name, value in (*pairs, *named.items()):
        if option := _NAMES.get(name.lower()) or _SYNONYMS.get(name.lower()):
            values[option] = OPTIONS[option](option, value)
        else:
            attributes[name] = value
    if colormap is not None:
        if "colormap" in values:
            raise ValueError("there are two colormaps, one before the filename and one in colormap=; give one of them")
        values["colormap"] = colormap
    options = replace(Options(), **{name: value for name, value in values.items() if value is not None})
    _check(options, attributes)
    described = bool(structs or attributes or options.sop_class or options.per_frame)
    return Call(array, target, options, tuple(kept), attributes, described)


def _by_place(arguments: tuple[Any, ...]) -> tuple[Any, Any, tuple[Any, ...]]:
    """The colormap or None, the target, and what follows."""
    match arguments:
        case (target, *rest) if _is_target(target):
            return None, target, tuple(rest)
        case (colormap, target, *rest) if _is_target(target) and not isinstance(colormap, (Mapping, Dataset)):
            return _colormap("colormap", colormap), target, tuple(rest)
        case ():
            raise TypeError("a filename is missing: dicomwrite(X, filename)")
    raise TypeError(f"the second argument is a filename, or a colormap before the filename, not {describe(arguments[0])}")


def _is_target(value: Any) -> bool:
    return isinstance(value, (str, bytes, os.PathLike)) or hasattr(value, "write")


def _structs_and_pairs(rest: tuple[Any, ...], place: int) -> tuple[list[Any], list[tuple[str, Any]]]:
    structs: list[Any] = []
    pairs: list[tuple[str, Any]] = []
    at = 0
    while at < len(rest):
        if isinstance(rest[at], (Mapping, Dataset)) or is_foreign(rest[at]):
            structs.append(rest[at])
            at += 1
        elif not isinstance(rest[at], str):
            raise TypeError(f"argument {place + at} is the name of an option or an attribute, or a struct of metadata, not "
                            f"{describe(rest[at])}")
        elif at + 1 == len(rest):
            raise TypeError(f"{rest[at]!r} stands without its value")
        else:
            pairs.append((rest[at], rest[at + 1]))
            at += 2
    return structs, pairs


def _split(struct: Any) -> tuple[dict[str, Any], Any]:
    """The options that a struct has among its fields, and the rest. Its SOPClassUID is an attribute: another class may be asked for."""
    if not isinstance(struct, Mapping) or isinstance(struct, Dataset):
        return {}, struct
    names = [name for name in struct if isinstance(name, str) and name != "SOPClassUID" and name.lower() in _NAMES]
    if not names:
        return {}, struct
    own = {(option := _NAMES[name.lower()]): OPTIONS[option](option, struct[name]) for name in names}
    # a struct of dicominfo's remembers its file in the copy; of another mapping nobody knows whether fields can be taken out
    others = copy(struct) if isinstance(struct, dict) else dict(struct)
    for name in names:
        del others[name]
    return own, others


def _check(options: Options, attributes: Mapping[str, Any]) -> None:
    if options.ObjectType and options.SOPClassUID and options.ObjectType != options.SOPClassUID:
        raise ValueError(f"ObjectType is {options.ObjectType} and SOPClassUID {options.SOPClassUID}; give one of them")
    if options.Endian == "big" and options.VR != "explicit" and options.CompressionMode in (None, "None") and not options.TransferSyntax:
        raise ValueError("Endian 'big' goes with VR 'explicit' only; give both")
    if options.rescale and options.colormap is not None:
        raise ValueError("floats beside a colormap are indices, and rescale= would make others of them; give one of them")
    if options.UseMetadataBitDepths and options.copies and (options.rescale or options.bits_stored is not None):
        raise ValueError(f"UseMetadataBitDepths and {'rescale' if options.rescale else 'bits_stored'} contradict each other; give one of "
                         "them")
    if not isinstance(options.per_frame, Mapping):
        raise TypeError(f"per_frame is a mapping of keywords to one value a frame, not {describe(options.per_frame)}")
    if strange := [name for name in options.per_frame if not isinstance(name, str)]:
        raise TypeError(f"per_frame has keywords, not {describe(strange[0])}")
    if options.per_frame and options.MultiframeSingleFile:
        raise ValueError("per_frame= is for a file a frame: give MultiframeSingleFile=False, too")
    if options.colormap is not None and (given := [keyword for keyword in PALETTE_KEYWORDS if keyword in attributes]):
        raise ValueError(f"the colormap is the palette; {given[0]} can't be given beside it")


# CompressionMode -> the transfer syntax (PS3.5 10); MATLAB's pages name no UIDs.
_COMPRESSIONS = {"RLE": "rle", "JPEG lossless": "jpeg-lossless", "JPEG lossy": "jpeg", "JPEG2000 lossy": "jpeg2000",
                 "JPEG2000 lossless": "jpeg2000-lossless"}
_NATIVE = {"little": {"implicit": "implicit", "explicit": "explicit"}, "big": {"explicit": "big-endian"}}
# dcmenc's own options of encoders: which option of the codec each is, and what has it, by UID and by name.
_ENCODER_OPTIONS = {
    "quality": ("quality", ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"), "JPEG lossy"),
    "ratio": ("rate", ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"), "JPEG2000 lossy"),
    "predictor": ("predictor", ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"), "JPEG lossless"),
}


class Compression(NamedTuple):
    """The transfer syntax that is wished for, by name or UID, None where nothing is said; and the options without effect beside it."""

    name: str | None
    ignored: tuple[str, ...]


def compression_of(options: Options) -> Compression:
    """TransferSyntax goes before CompressionMode, and that before Endian and VR; CompressionMode 'None' says nothing.

    >>> compression_of(Options(CompressionMode="RLE", VR="implicit")), compression_of(Options(VR="explicit"))
    (Compression(name='rle', ignored=('VR',)), Compression(name='explicit', ignored=()))
    """
    given = [name for name in ("TransferSyntax", "CompressionMode", "Endian", "VR")
             if getattr(options, name) not in (None, "None")]
    if not given:
        return Compression(None, ())
    if given[0] == "TransferSyntax":
        return Compression(options.TransferSyntax, tuple(given[1:]))
    if given[0] == "CompressionMode":
        name = _COMPRESSIONS[options.CompressionMode or ""]
        # the first predictor has a transfer syntax of its own
        free = name == "jpeg-lossless" and options.predictor not in (None, 1)
        return Compression("jpeg-lossless-p14" if free else name, tuple(given[1:]))
    return Compression(_NATIVE[options.Endian or "little"][options.VR or "implicit"], ())


def encoder_options(options: Options, uid: str) -> Any:
    """What the codec of a transfer syntax is told; ValueError for an option that is another's."""
    named = {}
    for name, (field_name, uids, mode) in _ENCODER_OPTIONS.items():
        if (value := getattr(options, name)) is None:
            continue
        if uid not in uids:
            raise ValueError(f"{name}= goes with CompressionMode {mode!r}, and the transfer syntax is {uid}")
        named[field_name] = value
    if named and options.options is not None and not isinstance(options.options, Mapping):
        raise ValueError(f"give {', '.join(named)} as part of options=, which is {describe(options.options)}")
    return {**(options.options or {}), **named} if named else options.options


def no_such_name(name: str) -> TypeError:
    """The error for a name that is neither an option nor an attribute."""
    return TypeError(unknown_name(name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "...", "dicomwrite", list(OPTIONS)))
