"""One dataset from a transfer syntax to another: its frames, and what changes around them (PS3.5 8.1.2, 8.2, A.4).

Everything of the dataset that is not said here is kept. The doors, and the files, are in ``images.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .codecs import Codec, check_profile
from .composition import encoded_attributes
from .dictionary import Tag
from .errors import CodecError, PixelError
from .frames import Frames, sample_values, spec_of
from .lossy import LOSS, derive, record_loss
from .model import Dataset, Sequence
from .overlays import embedded_overlays, extract, lower_overlays
from .pixels import PHOTOMETRICS, Dropped, ImageSpec, check_native, invalidate, native_bytes
from .report import Finding, Report
from .uid import TRANSFER_SYNTAXES, TransferSyntax, generate_uid
from .values import Fragments, shorten

Array = np.ndarray[Any, Any]

# What says who wrote a file, which is no longer true of the new one (PS3.10 7.1).
_WRITER = ("ImplementationClassUID", "ImplementationVersionName")


def carries_over(source: Dataset, syntax: TransferSyntax, options: Any) -> bool:
    """Whether the pixels go into the new file as they are: native into native ones, or into the syntax that they are in."""
    pixels = source.get("PixelData")
    if pixels is None or not isinstance(pixels.value, Fragments):
        if syntax.big_endian and pixels is not None and syntax_uid(source) != syntax.uid:
            check_native(spec_of(source), big_endian=True)
        return not syntax.encapsulated
    return not options and syntax.uid == syntax_uid(source)


def _was_compressed(ds: Dataset) -> bool:
    """Whether there may be compressed pixels in it, in items too."""
    known = TRANSFER_SYNTAXES.get(syntax_uid(ds))
    return isinstance(getattr(ds, "PixelData", None), Fragments) or (known is not None and known.encapsulated)


def syntax_uid(ds: Dataset) -> Any:
    element = ds.file_meta.get("TransferSyntaxUID")
    return None if element is None else element.value


def in_syntax(source: Dataset, syntax: TransferSyntax, *, keep_preamble: bool = False) -> Dataset:
    """A copy whose file will be in the transfer syntax; nested datasets are shared."""
    own = source.copy()
    pixels = own.get("PixelData")
    if syntax.big_endian and pixels is not None and pixels.vr == "OB" and (getattr(own, "BitsAllocated", None) or 0) > 8:
        own["PixelData"] = pixels._replace(vr="OW")  # PS3.5 A.3
    meta = own.file_meta
    for keyword in _WRITER:
        meta.pop(keyword, None)
    meta.TransferSyntaxUID = syntax.uid
    own.preamble = own.preamble if keep_preamble and own.preamble else bytes(128)
    return own


class Transcoding:
    """A dataset that is getting pixels in another transfer syntax.

    Parameters
    ----------
    source : Dataset
        Not changed.
    syntax, codec
        Where to; no codec means native pixels.
    options : optional
        Of the codec.
    keep_preamble : bool
    uid_source : callable, optional
        Gives the UID of the instance that compression with loss makes.

    Attributes
    ----------
    dataset : Dataset
        For the new file, without its pixels.
    spec : ImageSpec
        What the coder has to encode.
    """

    def __init__(
        self,
        source: Dataset,
        syntax: TransferSyntax,
        codec: Codec | None,
        options: Any = None,
        *,
        keep_preamble: bool = False,
        uid_source: Callable[[], str] | None = None,
    ) -> None:
        self._frames = Frames(source)
        self._native = codec is None
        check_count(self._frames)
        self._findings: list[Finding] = []
        self._foreign_bits: dict[int, int] = {}
        self._overlay_bits = 0
        self.dataset = in_syntax(source, syntax, keep_preamble=keep_preamble)
        self.spec = self._target_spec()
        if codec is not None:
            check_profile(codec, self.spec)
        else:
            check_native(self.spec, big_endian=syntax.big_endian)
        pixels = self._frames.spec.keyword
        self._dropped = [row for row in invalidate(self.dataset, self.spec, new_values=False) if row.keyword != pixels]
        if codec is not None:
            self._clear_unused_bits()
            attributes = encoded_attributes(codec, self.spec, getattr(source, "SOPClassUID", None), options)
            method = attributes.pop(LOSS, None)
            self._set_all(attributes)
            if method is not None:
                self._tell_of_loss(method, syntax, uid_source or generate_uid)
        elif self.spec.samples > 1:
            self._set_all({"PlanarConfiguration": self.spec.planar})
        if _was_compressed(source):
            findings, dropped = free_nested(self.dataset, syntax_uid(source))
            self._findings += findings
            self._dropped += dropped

    def _target_spec(self) -> ImageSpec:
        """The source's description, with what the new pixels are called."""
        spec = self._frames.spec
        if spec_of(self.dataset).photometric != spec.photometric:
            self._set_all({"PhotometricInterpretation": spec.photometric})
        if not PHOTOMETRICS[spec.photometric].native:
            raise PixelError(f"{spec.photometric} is not what these pixels are; set PhotometricInterpretation to 'RGB' or 'YBR_FULL'")
        # as native pixels the cells stay as they are, those bits too that nobody has described
        return replace(spec, stored=spec.allocated) if self._native else spec

    def _set_all(self, attributes: dict[str, Any]) -> None:
        for keyword, value in attributes.items():
            old = getattr(self.dataset, keyword, None)
            if old == value:
                continue
            setattr(self.dataset, keyword, value)
            if old is None:
                self._find("added", str(Tag(keyword)), keyword, f"is {shorten(value)}, as the pixels are stored")
            else:
                self._find("overridden", str(Tag(keyword)), keyword, f"is {shorten(value)}, as the pixels are stored, not {shorten(old)}")

    def _tell_of_loss(self, method: str, syntax: TransferSyntax, uid_source: Callable[[], str]) -> None:
        record_loss(self.dataset, method)
        derive(self.dataset, syntax.name, uid_source)
        message = "is a new one, because the pixels are not those of the old instance any more; SourceImageSequence names that"
        self._find("derived", str(Tag("SOPInstanceUID")), "SOPInstanceUID", message, "PS3.3 C.7.6.1.1.5")

    def _find(self, code: str, path: str, keyword: str, message: str, clause: str = "") -> None:
        self._findings.append(Finding("info", code, path, keyword, message, clause))

    def _clear_unused_bits(self) -> None:
        """Overlays out of the bits that a codec does not keep, and the stored bits to the lowest place (PS3.5 8.1.1)."""
        spec, low = self.spec, self._frames.low
        if spec.kind == "integer":
            overlays = embedded_overlays(self.dataset, spec, low)
            extract(self.dataset, spec, overlays, self._frames.cells)
            for overlay in overlays:
                self._overlay_bits |= 1 << overlay.bit
                message = f"was bit {overlay.bit} of the pixels, and has an element of its own now"
                self._find("overlay-extracted", f"({overlay.group:04X},3000)", "OverlayData", message, "PS3.5 8.1.2")
        if low:
            self._set_all({"HighBit": spec.high_bit})
            lower_overlays(self.dataset, spec, low)

    def frame(self, at: int) -> Array:
        """The frame to be encoded; several threads may ask at once."""
        cells = self._frames.cells(at)
        if self._native:
            return cells
        values = sample_values(cells, self._frames.spec, self._frames.low)
        if values is not cells:
            self._foreign_bits[at] = self._count_foreign(cells, values)
        return values

    def _count_foreign(self, cells: Array, values: Array) -> int:
        """How many cells hold bits that are neither stored, nor the sign's, nor an overlay's."""
        spec, low, unsigned = self._frames.spec, self._frames.low, np.dtype(f"u{cells.itemsize}")
        unused = ((1 << spec.allocated) - 1) & ~(((1 << spec.stored) - 1) << low)
        others = unsigned.type(unused & ~self._overlay_bits)
        found, signs = cells.view(unsigned) & others, (values.view(unsigned) << unsigned.type(low)) & others
        return int(np.count_nonzero((found != 0) & (found != signs)))

    def report(self, files: tuple[str, ...]) -> Report:
        """What was changed; complete once every frame has been asked for."""
        findings = list(self._findings)
        if count := sum(self._foreign_bits.values()):
            message = f"had bits above or below those stored in {count} samples, which are no sample data and were left out"
            findings.append(Finding("warning", "unused-bits", str(Tag("PixelData")), "PixelData", message, "PS3.5 8.1.1"))
        return report_of(findings, self._dropped, files)


def report_of(findings: list[Finding], dropped: list[Dropped], files: tuple[str, ...]) -> Report:
    """The report of a change of the transfer syntax."""
    left_out = [Finding("info", "dropped", row.path, row.keyword, f"was left out: {row.reason}") for row in dropped]
    overridden = tuple(finding.keyword for finding in findings if finding.code == "overridden")
    return Report((*findings, *left_out), tuple(row.keyword or row.path for row in dropped), overridden, files)


def check_count(frames: Frames) -> None:
    """As many frames as are there have to be announced."""
    if frames.there > len(frames):
        raise PixelError(f"{frames.there} frames are there, and NumberOfFrames says {len(frames)}; "
                         "set ds.NumberOfFrames, or cut the pixels")


def free_nested(ds: Dataset, uid: str) -> tuple[list[Finding], list[Dropped]]:
    """Make the compressed pixels within a dataset, as icons have them, native, which is right in any transfer syntax (PS3.5 A.4).

    Parameters
    ----------
    ds : Dataset
        Changed in place, but for items, which may be shared: those that change are others afterwards.
    uid : str
        The transfer syntax in which they are compressed; empty if nobody knows.

    Returns
    -------
    findings : list of Finding
        Of what is uncompressed now.
    dropped : list of Dropped
        Items that were taken out, because their pixels cannot be decoded.

    Examples
    --------
    >>> ds = Dataset(IconImageSequence=[Dataset(PixelData=Fragments((b"\\xff\\xd8",)))])
    >>> [row.path for row in free_nested(ds, "1.2.840.10008.1.2.4.50")[1]], "IconImageSequence" in ds
    (['(0088,0200)[0]'], False)
    """
    findings, dropped = [], []
    for path, holder, keyword, icon in list(_nested_fragments(ds)):
        try:
            _make_native(icon, uid)
            findings.append(Finding("info", "icon-decoded", path, "PixelData", "is uncompressed now"))
        except (PixelError, CodecError) as error:
            items = holder[keyword].value
            del items[[item is icon for item in items].index(True)]
            if not items:
                del holder[keyword]
            dropped.append(Dropped(path, Tag(keyword).keyword, f"its pixels cannot be decoded ({error})"))
    return findings, dropped


def _nested_fragments(own: Dataset) -> Iterator[tuple[str, Dataset, Tag, Dataset]]:
    """Every item with compressed pixels: its path, the dataset and element that it is in, and itself; all copied down to there."""
    for tag in list(own):
        items = own[tag].value if own[tag].vr in ("SQ", "UN") else None
        if not isinstance(items, Sequence) or not any(map(_holds_fragments, items)):
            continue
        # the caller's nested datasets stay as they are
        own[tag] = own[tag]._replace(value=Sequence([item.copy() for item in items], items.undefined_length))
        for number, item in enumerate(own[tag].value):
            if isinstance(getattr(item, "PixelData", None), Fragments):
                yield f"{tag}[{number}]", own, tag, item
            for path, *found in _nested_fragments(item):
                yield (f"{tag}[{number}].{path}", *found)  # type: ignore[misc]


def _holds_fragments(item: Dataset) -> bool:
    if isinstance(getattr(item, "PixelData", None), Fragments):
        return True
    return any(element.vr in ("SQ", "UN") and isinstance(element.value, Sequence) and any(map(_holds_fragments, element.value))
               for element in item.values())


def _make_native(icon: Dataset, uid: str) -> None:
    """Decode the one frame of an icon (PS3.3 F.7)."""
    as_file = icon.copy()
    as_file.file_meta = Dataset(TransferSyntaxUID=uid or None)
    frames = Frames(as_file)
    icon.PixelData = bytes(native_bytes(frames.cells(0), replace(frames.spec, stored=frames.spec.allocated)))
