"""Everything that dcmenc raises or warns with.

::

    Exception
    └── DcmencError
        ├── EncodeError (ValueError)            a value or dataset that cannot become legal DICOM
        │   └── UnencodableText                 text outside the declared character sets
        ├── ReadError (ValueError)              bytes that are not legal DICOM
        ├── PixelError (ValueError)             pixels that do not agree with their description
        ├── CodecError (RuntimeError)           a frame that a codec cannot encode or decode
        │   └── CodecUnavailable (ImportError)  a codec whose library is not installed
        └── VerifyError (ValueError)            a dataset that does not satisfy its IOD
    Warning
    └── DcmencWarning (UserWarning)

An error of encoding says where (the tag path), what, and how to mend it. The place is known only to
the walk over the dataset: the leaf raises with a reason, and the walk adds the path.
"""

from __future__ import annotations

from typing import Any


class DcmencError(Exception):
    """The root of all errors that dcmenc raises on purpose."""


class EncodeError(DcmencError, ValueError):
    """A value or dataset that cannot become legal DICOM.

    Attributes
    ----------
    reason : str
        What is wrong and how to mend it.
    path : str
        Where: ``(0040,0555)[1].(0040,0556)[0].(0028,0010)``, or empty when the fault has no place.
    tag : int or None
        The last tag of the path.
    """

    def __init__(self, reason: str, path: str = "", tag: int | None = None) -> None:
        super().__init__(reason, path, tag)
        self.reason = reason
        self.path = path
        self.tag = tag

    def __str__(self) -> str:
        # a dataset inside itself has a path of hundreds of steps: its ends say enough
        path = self.path if len(self.path) <= 400 else f"{self.path[:150]} ... {self.path[-150:]}"
        return f"{path}: {self.reason}" if path else self.reason


class UnencodableText(EncodeError):
    """Text with characters that the declared character sets do not hold (PS3.5 6.1)."""


def foreign_error(kind: type[BaseException], reason: str, path: str = "", tag: int | None = None) -> EncodeError:
    """An EncodeError that is also of the type which pydicom raises for the same fault."""
    made = next((own for foreign, own in _FOREIGN.items() if issubclass(kind, foreign)), EncodeError)
    return made(reason, path, tag)


class EncodeOSError(EncodeError, OSError):
    """A number that its VR does not hold, in a dataset of pydicom's."""


class EncodeTypeError(EncodeError, TypeError):
    """A value of a type that its VR does not take, in a dataset of pydicom's."""


class EncodeAttributeError(EncodeError, AttributeError):
    """An attribute that decides how another one is written, or that a file needs, and that a dataset of pydicom's lacks."""


class EncodeNotImplementedError(EncodeError, NotImplementedError):
    """A VR that nobody knows, in a dataset of pydicom's, which raises NotImplementedError for it; so callers catch that."""


class EncodeLookupError(EncodeError, LookupError):
    """A character set that nobody knows, in a dataset of pydicom's, where pydicom is told to refuse it."""


# What pydicom raises for a fault -> ours, which is caught by the same name.
_FOREIGN: dict[type[BaseException], type[EncodeError]] = {
    OSError: EncodeOSError, TypeError: EncodeTypeError, AttributeError: EncodeAttributeError,
    NotImplementedError: EncodeNotImplementedError, LookupError: EncodeLookupError,
}


class ReadError(DcmencError, ValueError):
    """Bytes that are not legal DICOM.

    Attributes
    ----------
    reason : str
        What is wrong.
    offset : int or None
        Where: in bytes from the start of the file; of a deflated one, from the start of its inflated data set.
    path : str
        The tags and items that lead to the place, as in :class:`EncodeError`.
    source : str
        The name of the file, as far as it has one.
    """

    def __init__(self, reason: str, offset: int | None = None, path: str = "", source: str = "") -> None:
        super().__init__(reason, offset, path, source)
        self.reason = reason
        self.offset = offset
        self.path = path
        self.source = source

    def __str__(self) -> str:
        path = self.path if len(self.path) <= 400 else f"{self.path[:150]} ... {self.path[-150:]}"
        place = f" at byte {self.offset}" if self.offset is not None else ""
        return "".join(f"{front}: " for front in (self.source, path) if front) + self.reason + place


class PixelError(DcmencError, ValueError):
    """Pixels that do not agree with their description (PS3.3 C.7.6.3)."""


class CodecError(DcmencError, RuntimeError):
    """A frame that a codec cannot encode or decode; ``offset`` counts from the start of the frame's bytes."""

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason, offset)
        self.reason = reason
        self.offset = offset

    def __str__(self) -> str:
        return self.reason if self.offset is None else f"{self.reason} at byte {self.offset}"


class CodecUnavailable(CodecError, ImportError):
    """A codec whose library is not installed; the message names what to install."""


class VerifyError(DcmencError, ValueError):
    """A dataset that does not satisfy its IOD; ``report`` holds every finding."""

    def __init__(self, reason: str, report: Any = None) -> None:
        super().__init__(reason, report)
        self.reason = reason
        self.report = report

    def __str__(self) -> str:
        return self.reason


class DcmencWarning(UserWarning):
    """The root of all warnings that dcmenc gives."""
