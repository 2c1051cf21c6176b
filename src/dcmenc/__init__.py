"""dcmenc encodes DICOM: arrays and datasets become files, streams and frames, without a DICOM toolkit underneath.

>>> import dcmenc
>>> ds = dcmenc.Dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3", PatientName="Yamada^Tarou")
>>> len(dcmenc.dumps(ds))
374
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import codecs as codecs
    from . import pydicom_bridge as pydicom_bridge
    from .dictionary import Tag as Tag
    from .errors import CodecError as CodecError
    from .errors import CodecUnavailable as CodecUnavailable
    from .errors import DcmencError as DcmencError
    from .errors import DcmencWarning as DcmencWarning
    from .errors import EncodeError as EncodeError
    from .errors import PixelError as PixelError
    from .errors import ReadError as ReadError
    from .errors import UnencodableText as UnencodableText
    from .errors import VerifyError as VerifyError
    from .images import imread as imread
    from .images import imwrite as imwrite
    from .images import transcode as transcode
    from .images import verify as verify
    from .matlab import dicomwrite as dicomwrite
    from .matlab_dictionary import dicomdict as dicomdict
    from .matlab_dictionary import dicomlookup as dicomlookup
    from .matlab_dictionary import dicomuid as dicomuid
    from .matlab_fields import info_to_dataset as info_to_dataset
    from .matlab_info import dicominfo as dicominfo
    from .matlab_reading import dicomread as dicomread
    from .matlab_values import Struct as Struct
    from .matlab_values import Typed as Typed
    from .model import Dataset as Dataset
    from .model import Sequence as Sequence
    from .part10 import Stream as Stream
    from .part10 import dcmwrite as dcmwrite
    from .part10 import dumps as dumps
    from .part10 import open_stream as open_stream
    from .pixels import ImageSpec as ImageSpec
    from .pydicom_bridge import from_pydicom as from_pydicom
    from .pydicom_bridge import to_pydicom as to_pydicom
    from .reader import Limits as Limits
    from .reader import dcmread as dcmread
    from .report import Finding as Finding
    from .report import Report as Report
    from .report import Status as Status
    from .uid import TransferSyntax as TransferSyntax
    from .uid import generate_uid as generate_uid
    from .values import Element as Element
    from .values import Fragments as Fragments
    from .values import Policy as Policy
    from .wrapping import wrap as wrap
    from .writer import Writer as Writer

# Where each public name lives; a module is loaded when one of its names is first asked for (PEP 562).
_HOMES = {
    "dictionary": ("Tag",),
    "errors": ("CodecError", "CodecUnavailable", "DcmencError", "DcmencWarning", "EncodeError", "PixelError", "ReadError",
               "UnencodableText", "VerifyError"),
    "images": ("imread", "imwrite", "transcode", "verify"),
    "matlab": ("dicomwrite",),
    "matlab_dictionary": ("dicomdict", "dicomlookup", "dicomuid"),
    "matlab_fields": ("info_to_dataset",),
    "matlab_info": ("dicominfo",),
    "matlab_reading": ("dicomread",),
    "matlab_values": ("Struct", "Typed"),
    "model": ("Dataset", "Sequence"),
    "part10": ("Stream", "dcmwrite", "dumps", "open_stream"),
    "pixels": ("ImageSpec",),
    "pydicom_bridge": ("from_pydicom", "to_pydicom"),
    "reader": ("Limits", "dcmread"),
    "report": ("Finding", "Report", "Status"),
    "uid": ("TransferSyntax", "generate_uid"),
    "values": ("Element", "Fragments", "Policy"),
    "wrapping": ("wrap",),
    "writer": ("Writer",),
}
# Rooms that are reached by their names, too: ``dcmenc.codecs.get_codec("rle")``.
_ROOMS = ("codecs", "pydicom_bridge")
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = sorted(_HOME_OF)


if not TYPE_CHECKING:  # a type checker would take every misspelt name for one that this function knows

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return __import__(f"{__name__}.{name}", fromlist=["__name__"])
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = __import__(f"{__name__}.{home}", fromlist=[name])
        value = globals()[name] = getattr(module, name)
        return value


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS, "__version__"]
