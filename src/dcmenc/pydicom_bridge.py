"""Between pydicom's datasets and dcmenc's, and dcmenc's codecs in pydicom. Its functions import pydicom, and only where they must.

Of datasets, only copies are made here; writing a pydicom dataset as it is belongs to the foreign walk. What pydicom calls for a
frame is in ``pydicom_plugin.py``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from threading import Lock
from typing import Any

from ._swap import swapped
from .dictionary import Tag
from .errors import EncodeError
from .model import Dataset, Sequence
from .part10 import dumps
from .values import LENIENT, Fragments, Policy
from .vr import VRS

_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"

# The name of the plug-in, and what marks an encoder in pydicom's table as one that was made here.
_LABEL = "dcmenc"
_REGISTERING = Lock()

# What says where planes of samples are, to pydicom and in a dataset.
_PLANES = {"samples_per_pixel": "SamplesPerPixel", "planar_configuration": "PlanarConfiguration", "rows": "Rows", "columns": "Columns",
           "bits_allocated": "BitsAllocated"}


def from_pydicom(source: Any, /, *, policy: Policy | None = LENIENT) -> Dataset:
    """A dcmenc dataset with the elements of a pydicom one, its file meta, preamble, and kinds of length included.

    Parameters
    ----------
    source : pydicom.Dataset
        Values are read through its public interface; big endian buffers are turned to little endian by their VR.
    policy : Policy, optional
        By default values that break a rule are taken over as they are: they were read so. The policy stays with the dataset,
        which therefore takes such values later, too; set ``.policy = None`` to have what you set from then on checked.

    Returns
    -------
    Dataset

    Examples
    --------
    >>> import pydicom
    >>> source = pydicom.Dataset()
    >>> source.PatientName = "Yamada^Tarou"
    >>> from_pydicom(source).PatientName
    'Yamada^Tarou'
    """
    if not hasattr(source, "elements") or not hasattr(source, "original_encoding"):
        raise TypeError(f"a pydicom Dataset is converted, such as pydicom.dcmread gives, not {type(source).__name__}")
    made = _convert(source, policy, getattr(source, "original_encoding", (None, None))[1] is False)
    if (meta := getattr(source, "file_meta", None)) is not None:
        made.file_meta = _convert(meta, policy, False)
        made.file_meta.preamble = None
    made.preamble = getattr(source, "preamble", None)
    return made


def to_pydicom(dataset: Dataset, /) -> Any:
    """A pydicom dataset with the elements of a dcmenc one: as pydicom reads the file that dcmenc would write.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    pydicom.FileDataset

    Raises
    ------
    EncodeError
        The dataset cannot be written.
    ImportError
        pydicom is not installed.

    Examples
    --------
    >>> to_pydicom(Dataset(SOPClassUID="1.2", SOPInstanceUID="1.3", PatientName="Yamada^Tarou")).PatientName
    'Yamada^Tarou'
    """
    import io

    from pydicom import dcmread

    return dcmread(io.BytesIO(dumps(dataset)), force=True)


def _convert(source: Any, policy: Policy | None, big: bool) -> Dataset:
    made = Dataset(policy=policy)
    made.undefined_length = bool(getattr(source, "is_undefined_length_sequence_item", False))
    for element in source:
        vr = str(element.VR).replace(" or ", "/")
        made.add(int(element.tag), vr, _value(element, vr, policy, big))
    return made


def _value(element: Any, vr: str, policy: Policy | None, big: bool) -> Any:
    value = element.value
    if vr == "SQ":
        return Sequence([_convert(item, policy, big) for item in value], bool(element.is_undefined_length))
    if value is None or (isinstance(value, str) and not value):
        return None
    if element.tag == 0x7FE00010 and element.is_undefined_length:
        return split_fragments(bytes(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _buffer(bytes(value), vr, big)
    read = _READ.get(vr, str)
    if isinstance(value, Iterable) and not isinstance(value, str) and not hasattr(value, "components"):
        return [None if item is None else read(item) for item in value]
    return read(value)


def _as_it_was(number: Any) -> Any:
    """The text that a DS or IS was read from, where pydicom has kept it."""
    text = getattr(number, "original_string", None)
    return text if text is not None else number if isinstance(number, (int, float, str)) else str(number)


def _unchanged(value: Any) -> Any:
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "DS": _as_it_was, "IS": _as_it_was, "AT": Tag,
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "US/SS", "US/OW", "US/SS/OW"), _unchanged),
}


def _buffer(data: bytes, vr: str, big: bool) -> Any:
    if vr == "US/SS":
        return list(struct.unpack(f"{'>' if big else '<'}{len(data) // 2}H", data[:len(data) // 2 * 2]))
    unit = VRS[vr].unit if vr in VRS else 2
    return swapped(data, unit) if big and unit > 1 and len(data) % unit == 0 else data


def split_fragments(data: bytes) -> Fragments:
    """The fragments in the value of an encapsulated Pixel Data element, as pydicom keeps it (PS3.5 A.4).

    >>> split_fragments(bytes.fromhex("feff00e000000000 feff00e002000000 ffd8"))
    Fragments(fragments=(b'\\xff\\xd8',), table=b'')
    """
    found, at = [], 0
    while at < len(data) and data[at:at + 4] != _DELIMITER:
        length = int.from_bytes(data[at + 4:at + 8], "little")
        if data[at:at + 4] != _ITEM or at + 8 + length > len(data):
            raise EncodeError(f"the encapsulated pixels hold no whole item at byte {at}")
        found.append(data[at + 8:at + 8 + length])
        at += 8 + length
    return Fragments(tuple(found[1:]), found[0] if found else b"")


def register(first: bool = True, *, decoders: bool = True) -> None:
    """Make pydicom encode and decode RLE, JPEG, JPEG Lossless, JPEG-LS, JPEG 2000 and HTJ2K with dcmenc.

    From then on ``Dataset.compress`` takes JPEG Baseline, Extended and Lossless and HTJ2K, for which pydicom has no encoder, and the
    plug-in "dcmenc" is there by name (``encoding_plugin="dcmenc"``). Big-endian pixels of a dataset come out right with every plug-in
    for these syntaxes. Several calls, also from several threads, do what the last one says.

    Parameters
    ----------
    first : bool
        dcmenc is tried before the other plug-ins, or behind them. pydicom takes the next one where one fails.
    decoders : bool
        Decode, too, for ``pixel_array`` and ``decompress``.

    Raises
    ------
    ImportError
        pydicom 3 is not installed.

    Notes
    -----
    ``compress`` hands keyword arguments on: ``ds.compress(JPEGLossless, predictor=4)``. They are pydicom's (``jls_error``, ``j2k_cr``,
    ``j2k_psnr``) and those of the options in ``dcmenc.codecs``. What loses something in pydicom, too, loses what is asked for only:
    JPEG-LS near-lossless has ``jls_error=0`` otherwise, and JPEG 2000 wants ``j2k_cr`` or ``j2k_psnr``. The attributes of lossy
    compression are for the caller to set, as pydicom has it.

    The photometric interpretation is that of the frames to be made, as pydicom has it: with YBR_RCT, YBR_ICT and, in JPEG Baseline,
    YBR_FULL_422, the pixels are red, green and blue, and are transformed; with RGB they stay.

    All but RLE keep the samples of a pixel together (PS3.5 8.2.1, 8.2.4): the pixels of a dataset with Planar Configuration 1 are
    rearranged, and it becomes 0; for an array it has to be 0 before.

    Examples
    --------
    >>> from pydicom.pixels import get_encoder
    >>> from pydicom.uid import JPEGLosslessSV1
    >>> register()
    >>> get_encoder(JPEGLosslessSV1).available_plugins
    ('dcmenc',)
    >>> unregister()
    >>> get_encoder(JPEGLosslessSV1)  # pydicom's own answer: it has no encoder for it
    Traceback (most recent call last):
    ...
    NotImplementedError: No pixel data encoders have been implemented for 'JPEG Lossless, Non-Hierarchical, First-Order Prediction ...
    """
    from .pydicom_plugin import DECODER_DEPENDENCIES, SYNTAXES

    with _REGISTERING:
        encoders, readers = _coders()
        for uid, syntax in SYNTAXES.items():
            encoder = encoders[uid][0] if uid in encoders else _new_encoder(uid)
            _add(encoder, "encode_frame", first)
            # in the object, which comes before the methods of its class
            vars(encoder).update(encode=partial(_encode, encoder), iter_encode=partial(_iter_encode, encoder, syntax.joined))
            encoders.setdefault(encoder.UID, (encoder, _LABEL))
        for uid in DECODER_DEPENDENCIES:
            if decoders:
                _add(readers[uid][0], "decode_frame", first)
            else:
                _remove(readers[uid][0])


def unregister() -> None:
    """Take back what ``register`` did: pydicom is as it was.

    Raises
    ------
    ImportError
        pydicom 3 is not installed.

    Examples
    --------
    >>> register()
    >>> unregister()
    >>> unregister()
    """
    from .pydicom_plugin import DECODER_DEPENDENCIES, ENCODER_DEPENDENCIES

    with _REGISTERING:
        encoders, readers = _coders()
        for uid in [uid for uid in ENCODER_DEPENDENCIES if uid in encoders]:
            encoder, origin = encoders[uid]
            _remove(encoder)
            for name in ("encode", "iter_encode"):
                vars(encoder).pop(name, None)
            if origin == _LABEL and not encoder.is_available:
                del encoders[uid]
        for uid in DECODER_DEPENDENCIES:
            _remove(readers[uid][0])


def _coders() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The tables in which pydicom looks for the encoder and the decoder of a transfer syntax: UID -> (coder, its origin)."""
    try:
        from pydicom.pixels.decoders import base as decoding
        from pydicom.pixels.encoders import base as encoding
    except ImportError as error:
        raise ImportError("dcmenc becomes a plug-in of pydicom 3, which is not installed: pip install 'pydicom>=3.0.2,<4'") from error
    return encoding._PIXEL_DATA_ENCODERS, decoding._PIXEL_DATA_DECODERS


def _new_encoder(uid: str) -> Any:
    from pydicom.pixels.encoders.base import Encoder
    from pydicom.uid import UID

    return Encoder(UID(uid))


def _add(coder: Any, function: str, first: bool) -> None:
    if _LABEL not in coder._available and _LABEL not in coder._unavailable:
        coder.add_plugin(_LABEL, ("dcmenc.pydicom_plugin", function))
    ours = {label: each for label, each in coder._available.items() if label == _LABEL}
    others = {label: other for label, other in coder._available.items() if label != _LABEL}
    # a new dict, in one step: another thread may be about to copy the old one
    coder._available = ours | others if first else others | ours


def _remove(coder: Any) -> None:
    if _LABEL in coder._available or _LABEL in coder._unavailable:
        coder.remove_plugin(_LABEL)


def _encode(encoder: Any, src: Any, **options: Any) -> bytes:
    """``Encoder.encode`` of pixels that are little endian."""
    source, options = _little_endian(src, options)
    encoded: bytes = type(encoder).encode(encoder, source, **options)
    return encoded


def _iter_encode(encoder: Any, joined: bool, src: Any, **options: Any) -> Iterator[bytes]:
    """``Encoder.iter_encode`` of pixels that are little endian and, where the frames are to be so, ``joined``; then a dataset is, too."""
    source, options = _little_endian(src, options)
    has_planes = joined and _is_planar(src, options)
    if has_planes:
        source, options = _joined(source, src, options)
    yield from type(encoder).iter_encode(encoder, source, **options)
    if has_planes:
        src["PixelData"].value = _turned(source, _big_unit(src))
        src.PlanarConfiguration = 0


def _little_endian(src: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Pixels and options that say the same as a dataset with big-endian pixels, which pydicom 3.0.2 takes as they are (#2340)."""
    if not (unit := _big_unit(src)):
        return src, options
    from pydicom.pixels.utils import as_pixel_options

    return _turned(src.PixelData, unit), as_pixel_options(src, **options) | {"byteorder": "<"}


def _big_unit(src: Any) -> int:
    """The bytes that are to be turned around together in the pixels of a dataset, as ``pixel_array`` takes them; 0 for none."""
    syntax = getattr(getattr(src, "file_meta", None), "TransferSyntaxUID", None)
    if syntax != _BIG_ENDIAN or not isinstance(getattr(src, "PixelData", None), (bytes, bytearray)):
        return 0
    unit = int(src.BitsAllocated) // 8
    return 2 if unit == 1 and src["PixelData"].VR == "OW" else unit


def _turned(data: bytes, unit: int) -> bytes:
    whole = len(data) // unit * unit if unit > 1 else 0
    return swapped(data[:whole], unit) + data[whole:] if whole else data


def _is_planar(src: Any, options: dict[str, Any]) -> bool:
    """Whether it is a dataset with planes of red, green and blue, and has all that tells where they are."""
    described: dict[str, Any] = {name: options.get(name, getattr(src, keyword, None)) for name, keyword in _PLANES.items()}
    if None in described.values() or not isinstance(getattr(src, "PixelData", None), (bytes, bytearray)):
        return False
    size = described["rows"] * described["columns"] * (described["bits_allocated"] // 8)
    return (described["samples_per_pixel"], described["planar_configuration"]) == (3, 1) and bool(size)


def _joined(source: Any, ds: Any, options: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Pixels and options that say the same as those of a dataset with planes, sample by sample of each pixel (PS3.5 8.2.1, 8.2.4)."""
    import numpy as np
    from pydicom.pixels.utils import as_pixel_options

    options = as_pixel_options(ds, **options)
    data = source if isinstance(source, (bytes, bytearray)) else ds.PixelData
    pixels, size = options["rows"] * options["columns"], options["bits_allocated"] // 8
    frames = len(data) // (3 * pixels * size)
    planes = np.frombuffer(data, np.uint8, frames * 3 * pixels * size).reshape(frames, 3, pixels, size)
    return planes.swapaxes(1, 2).tobytes() + bytes(data[planes.size:]), options | {"planar_configuration": 0}
