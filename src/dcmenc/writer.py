"""Images that are written frame by frame, in bounded memory (PS3.5 A.4).

What the frames are is said once, in ``composition.py``; the file that waits for them is ``pixel_stream.py``'s.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from operator import index
from types import TracebackType
from typing import Any, Self

import numpy as np

from .coder import Coder
from .composition import Composition, Wishes, asked_class, bits_allocated, check_names, compose, is_of_one_frame, take_template
from .errors import PixelError
from .images import choose_syntax, paths_of, report_on
from .lossy import awaits_ratio
from .pixel_stream import PixelStream, Spool
from .pixels import as_pixels, zeros_and_ones
from .report import Report
from .sinks import Target, can_be_patched
from .uid import generate_uid, uid_name
from .values import Policy
from .window import Window, check_workers


class Writer:
    """Write an image frame by frame, in bounded memory; what :func:`imwrite` would write of all frames together.

    A path is touched only when the last frame is there: whatever fails, the old file stays whole.

    Parameters
    ----------
    target : str, bytes, os.PathLike or object with ``write``
    like : array_like, optional
        A frame of the kind that will come: its shape and dtype are taken.
    shape : tuple of int, optional
        (rows, columns) or (rows, columns, 3) of a frame. Without ``like`` and ``shape`` the first frame decides.
    dtype : dtype, optional
        That of the first frame, or uint16 if only ``shape`` is given; floats as for :func:`imwrite`.
    frames : int, optional
        How many will come. Where this is known the file is written in one pass; else the frames wait, encoded, in an unnamed file
        beside the target until the last has come.
    compression, options, sop_class, photometric, colormap, bits_stored, template, workers, verify, verify_pixels
    exist_ok, durable, keep_preamble, policy, uid_source, clock, **attributes
        As for :func:`imwrite`. Without ``frames``, a class for several frames is chosen; where a class of one frame is asked for
        (CT, MR), one is expected.

    Attributes
    ----------
    report : Report or None
        Of the file, once it is closed.

    Raises
    ------
    PixelError
        A frame unlike the others, or another number of them than announced; nothing is written then.

    Notes
    -----
    Several threads may write frames; each gets its place when its turn comes.

    An object that cannot go back (a pipe, a socket) gets the bytes as they come if ``frames`` is given, with an empty offset table.
    One that can also gets them as they come: only a path stays untouched when something fails.

    Examples
    --------
    >>> import io
    >>> from dcmenc import imread
    >>> file = io.BytesIO()
    >>> with Writer(file, compression="jpeg-lossless", PatientID="4711") as writer:
    ...     for number in range(3):
    ...         writer.write(np.full((4, 5), number, "u2"))
    >>> imread(file.getvalue())[:, 0, 0].tolist()
    [0, 1, 2]
    """

    def __init__(
        self,
        target: Target,
        /,
        *,
        like: Any = None,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
        frames: int | None = None,
        compression: str | None = None,
        options: Any = None,
        sop_class: str | None = None,
        photometric: str | None = None,
        colormap: Any = None,
        bits_stored: int | None = None,
        template: Any = None,
        workers: int = 1,
        verify: bool = True,
        verify_pixels: bool = True,
        exist_ok: bool = True,
        durable: bool = False,
        keep_preamble: bool = False,
        policy: Policy | None = None,
        uid_source: Callable[[], str] | None = None,
        clock: Callable[[], Any] | None = None,
        **attributes: Any,
    ) -> None:
        check_names(attributes, "Writer", Writer.__init__.__kwdefaults__ or ())
        if frames is not None and (isinstance(frames, bool) or not hasattr(frames, "__index__") or frames < 1):
            raise ValueError(f"frames is a number from 1 on, or None where it is not known, not {frames!r}")
        if not exist_ok and any(map(os.path.lexists, paths_of(target))):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        self.report: Report | None = None
        self._target, self._promised = target, None if frames is None else index(frames)
        self._compression = compression
        self._syntax, self._codec = choose_syntax(compression)
        self._options, self._verify_pixels = options, verify_pixels
        # they are looked at again when the last frame is there
        self._wishes = Wishes(deepcopy(attributes), sop_class, photometric, colormap, bits_stored, take_template(template, policy), verify,
                              keep_preamble, policy, uid_source, clock)
        self._file: dict[str, Any] = {"exist_ok": exist_ok, "durable": durable, "policy": policy}
        check_workers(workers)
        self._workers = workers
        self._window: Window[Any] | None = None
        self._made: Composition | None = None
        self._sink: PixelStream | Spool | None = None
        self._count = 0
        self._state = "open"
        self._lock = threading.RLock()
        self._wanted_dtype = None if dtype is None else np.dtype(dtype)
        if like is not None:
            like = as_pixels(like)
            shape, dtype = shape or like.shape, dtype or like.dtype
        if shape is not None:
            self._begin(tuple(shape), np.dtype(dtype if dtype is not None else np.uint16))

    def write(self, frame: Any) -> None:
        """Append a frame, an array of shape (rows, columns[, samples]); its memory may be used again afterwards."""
        with self._lock:
            self._require_open()
            try:
                pixels = as_pixels(frame)
                if self._made is None:
                    self._begin(pixels.shape, self._wanted_dtype or pixels.dtype)
                self._take(pixels)
            except BaseException:
                self.discard()
                raise

    def extend(self, frames: Iterable[Any]) -> None:
        """Append several frames."""
        self._require_open()
        try:
            for frame in frames:
                self.write(frame)
        except BaseException:
            if self._state == "open":
                self.discard()
            raise

    def close(self) -> Report:
        """Complete the file."""
        with self._lock:
            self._require_open()
            try:
                self.report = self._finish()
            except BaseException:
                self.discard()
                raise
            self._state = "closed"
            self._stop()
            return self.report

    def discard(self) -> None:
        """Give the file up; a path is left as it was before."""
        if self._state != "open":
            return
        self._state = "discarded"
        self._stop()
        if isinstance(self._sink, PixelStream):
            self._sink.discard()
        elif self._sink is not None:
            self._sink.close()

    def _stop(self) -> None:
        if self._window is not None:
            self._window.close()

    def _require_open(self) -> None:
        if self._state != "open":
            raise ValueError(f"the writer is {self._state}: {'nothing can follow' if self._state == 'closed' else 'nothing was written'}")

    def _compose(self, frames: int, *, trial: bool = False) -> Composition:
        """All but the pixels, for so many frames; an attempt takes no UID from the caller's source."""
        front = (frames,) if frames > 1 else ()
        wishes = replace(self._wishes, samples=3 if len(self._shape) == 3 else 1)
        if trial:
            wishes = replace(wishes, uid_source=generate_uid, clock=None)
        return compose(np.broadcast_to(np.zeros((), self._dtype), front + self._shape), wishes, self._syntax, self._codec, self._options)

    def _likely_frames(self) -> int:
        """As many as the functional groups describe, so that these are held against as many frames; else several (PS3.3 C.7.6.16)."""
        groups = self._wishes.attributes.get("PerFrameFunctionalGroupsSequence")
        groups = groups or getattr(self._wishes.template, "PerFrameFunctionalGroupsSequence", None)
        return len(groups) if isinstance(groups, list) and groups else 2

    def _begin(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Now that the first frame is known, what is wrong with the metadata comes to light."""
        self._shape, self._dtype = shape, dtype
        asked = asked_class(self._wishes)
        if self._promised is None and is_of_one_frame(asked):
            self._promised = 1
        # a class for several frames is the right one as long as their number is open
        self._syntax, self._codec = choose_syntax(self._compression, bits_allocated(dtype, self._wishes))
        made = self._compose(self._promised or self._likely_frames(), trial=self._promised is None)
        self._made, self._frame_spec = made, replace(made.spec, frames=1)
        self._coder = Coder(self._syntax, self._codec, made.spec, self._options, verify=self._verify_pixels)
        self._window = Window(self._coder, self._workers, self._coder.together)
        if self._promised is None or (awaits_ratio(made.dataset) and not can_be_patched(self._target)):
            self._sink = Spool(self._target)
        else:
            self._sink = PixelStream(self._target, made.dataset, made.spec, bound=self._coder.bound, **self._file)

    def _take(self, pixels: np.ndarray[Any, Any]) -> None:
        if (pixels.shape, pixels.dtype) != (self._shape, self._dtype):
            raise PixelError(f"frame {self._count} is of shape {pixels.shape} and {pixels.dtype}, and the image of {self._shape} "
                             f"and {self._dtype}")
        if self._promised is not None and self._count == self._promised:
            raise PixelError(self._one_more())
        pixels = self._as_stored(pixels)
        if self._workers > 1:
            # the caller may use the same memory for the next frame, while this one waits for its thread
            pixels = pixels.copy()
        self._count += 1
        assert self._window is not None
        self._put(self._window.push(pixels, self._count - 1))

    def _as_stored(self, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A frame in the dtype that the image has: bits may become bytes, and bytes words, their values unchanged."""
        assert self._made is not None
        if pixels.dtype == bool and self._frame_spec.kind != "bit":
            pixels = zeros_and_ones(pixels)
        return pixels.astype(self._made.pixels.dtype, copy=False)

    def _one_more(self) -> str:
        assert self._made is not None
        uid = self._made.dataset.SOPClassUID
        if is_of_one_frame(uid):
            return f"{uid_name(uid)} holds one frame, and this is one more: write one file a frame, or choose a class for several"
        return f"{self._promised} frames were announced, and this is one more"

    def _put(self, encoded: Iterable[Any]) -> None:
        assert self._sink is not None
        for data in encoded:
            self._sink.append(data)

    def _finish(self) -> Report:
        if self._made is None or self._window is None or not self._count:
            raise PixelError("no frame was written: a file needs at least one")
        self._put(self._window.drain())
        made = self._made
        if isinstance(self._sink, PixelStream):
            self._sink.commit()
        elif isinstance(self._sink, Spool):
            if self._promised not in (None, self._count):
                raise PixelError(f"{self._count} frames were written, where {self._promised} were announced")
            made = made if self._promised else self._compose_spooled()
            with PixelStream(self._target, made.dataset, made.spec, sizes=self._sink.sizes, **self._file) as stream:
                for data in self._sink:
                    stream.append(data)
            self._sink.close()
        return report_on(made.report, self._target)

    def _compose_spooled(self) -> Composition:
        assert self._made is not None
        if self._count > 1:
            return self._compose(self._count)
        wishes = replace(self._wishes, sop_class=self._made.dataset.SOPClassUID)
        return compose(np.zeros(self._shape, self._dtype), wishes, self._syntax, self._codec, self._options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            if self._state == "open":
                self.close()
        else:
            self.discard()
