"""OpenJPEG: where its library is, and calls that encode and decode an image in memory (https://www.openjpeg.org, ``openjpeg.h``).

The library is loaded when it is first needed, from the first of these places whose copy passes a test:

1. the path in the environment variable ``DCMENC_OPENJP2``, which no other may stand in for;
2. the path under ``openjp2`` in the section ``library`` of the user's configuration of glymur, ``glymur/glymurrc`` in the folder
   ``$XDG_CONFIG_HOME`` or ``~/.config``; never one in the current folder, which whoever gave us the images may have written;
3. the copy that comes with Pillow's wheel;
4. the system's.

Nothing here knows of DICOM, and none of the stream's bytes is looked at: ``codestream.py`` does that before they come here.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from ctypes import POINTER, c_char, c_char_p, c_float, c_int, c_int64, c_size_t, c_ssize_t, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from .errors import CodecError, CodecUnavailable

__all__ = ["MOST_BITS_DECODED", "MOST_BITS_ENCODED", "Library", "Plane", "Settings", "library"]

Array = np.ndarray[Any, Any]

# OpenJPEG refuses more when it decodes. When it encodes, it uses six of the 31 bits of its integers for weighing distortion, and the
# transforms add up to 3.04 to those of a colour difference: more than these may come back changed, without a word.
MOST_BITS_DECODED = 31
MOST_BITS_ENCODED = 21

_VARIABLE = "DCMENC_OPENJP2"
_OLDEST, _TOO_NEW = (2, 3), (3,)
_CODESTREAM, _GRAY, _SRGB = 0, 2, 1
_NO_BYTES = c_size_t(-1).value
_LARGEST_BUFFER = 1 << 24

_READ = _WRITE = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_size_t, c_void_p)
_SKIP = ctypes.CFUNCTYPE(c_int64, c_int64, c_void_p)
_SEEK = ctypes.CFUNCTYPE(c_int, c_int64, c_void_p)
_MESSAGE = ctypes.CFUNCTYPE(None, c_char_p, c_void_p)

_memory_view = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_ssize_t, c_int)(("PyMemoryView_FromMemory", ctypes.pythonapi))
_WRITABLE = 0x200


class _PlaneParameters(ctypes.Structure):
    """opj_image_cmptparm_t"""

    _fields_ = tuple((name, c_uint32) for name in ("dx", "dy", "w", "h", "x0", "y0", "prec", "bpp", "sgnd"))


class _Component(ctypes.Structure):
    """opj_image_comp_t"""

    _fields_ = (
        *((name, c_uint32) for name in ("dx", "dy", "w", "h", "x0", "y0", "prec", "bpp", "sgnd", "resno_decoded", "factor")),
        ("data", c_void_p), ("alpha", c_uint16),
    )


class _Image(ctypes.Structure):
    """opj_image_t"""

    _fields_ = (
        *((name, c_uint32) for name in ("x0", "y0", "x1", "y1", "numcomps")),
        ("color_space", c_int), ("comps", POINTER(_Component)), ("icc_profile_buf", c_void_p), ("icc_profile_len", c_uint32),
    )


class _EncoderParameters(ctypes.Structure):
    """opj_cparameters_t, and room for what later versions may put behind it."""

    _fields_ = (
        *((name, c_int) for name in ("tile_size_on", "cp_tx0", "cp_ty0", "cp_tdx", "cp_tdy", "cp_disto_alloc", "cp_fixed_alloc",
                                     "cp_fixed_quality")),
        ("cp_matrice", c_void_p), ("cp_comment", c_char_p), ("csty", c_int), ("prog_order", c_int),
        ("poc", c_uint32 * 37 * 32), ("numpocs", c_uint32), ("tcp_numlayers", c_int), ("tcp_rates", c_float * 100),
        ("tcp_distoratio", c_float * 100),
        *((name, c_int) for name in ("numresolution", "cblockw_init", "cblockh_init", "mode", "irreversible", "roi_compno", "roi_shift",
                                     "res_spec")),
        ("prcw_init", c_int * 33), ("prch_init", c_int * 33),
        ("infile", c_char * 4096), ("outfile", c_char * 4096), ("index_on", c_int), ("index", c_char * 4096),
        *((name, c_int) for name in ("image_offset_x0", "image_offset_y0", "subsampling_dx", "subsampling_dy", "decod_format",
                                     "cod_format")),
        ("jpwl", c_int * 118), ("cp_cinema", c_int), ("max_comp_size", c_int), ("cp_rsiz", c_int),
        ("tp_on", c_char), ("tp_flag", c_char), ("tcp_mct", c_char), ("jpip_on", c_int), ("mct_data", c_void_p),
        ("max_cs_size", c_int), ("rsiz", c_uint16), ("room", c_char * 1024),
    )


# What the library sets by itself, all over the structure: at other places it has another layout than the one above.
_DEFAULTS = {"numresolution": 6, "cblockw_init": 64, "cblockh_init": 64, "roi_compno": -1, "subsampling_dx": 1, "subsampling_dy": 1,
             "decod_format": -1, "cod_format": -1, "cp_disto_alloc": 0, "numpocs": 0, "irreversible": 0, "mct_data": None, "rsiz": 0}

# opj_dparameters_t is only handed from one function to the next; it takes about half of this.
_DECODER_PARAMETERS = 1 << 14

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "opj_version": (c_char_p, ()),
    "opj_set_error_handler": (c_int, (c_void_p, _MESSAGE, c_void_p)),
    "opj_set_warning_handler": (c_int, (c_void_p, _MESSAGE, c_void_p)),
    "opj_codec_set_threads": (c_int, (c_void_p, c_int)),
    "opj_destroy_codec": (None, (c_void_p,)),
    "opj_image_create": (POINTER(_Image), (c_uint32, POINTER(_PlaneParameters), c_int)),
    "opj_image_destroy": (None, (POINTER(_Image),)),
    "opj_stream_create": (c_void_p, (c_size_t, c_int)),
    "opj_stream_destroy": (None, (c_void_p,)),
    "opj_stream_set_read_function": (None, (c_void_p, _READ)),
    "opj_stream_set_write_function": (None, (c_void_p, _WRITE)),
    "opj_stream_set_skip_function": (None, (c_void_p, _SKIP)),
    "opj_stream_set_seek_function": (None, (c_void_p, _SEEK)),
    "opj_stream_set_user_data_length": (None, (c_void_p, c_uint64)),
    "opj_create_compress": (c_void_p, (c_int,)),
    "opj_set_default_encoder_parameters": (None, (POINTER(_EncoderParameters),)),
    "opj_setup_encoder": (c_int, (c_void_p, POINTER(_EncoderParameters), POINTER(_Image))),
    "opj_start_compress": (c_int, (c_void_p, POINTER(_Image), c_void_p)),
    "opj_encode": (c_int, (c_void_p, c_void_p)),
    "opj_end_compress": (c_int, (c_void_p, c_void_p)),
    "opj_create_decompress": (c_void_p, (c_int,)),
    "opj_set_default_decoder_parameters": (None, (c_void_p,)),
    "opj_setup_decoder": (c_int, (c_void_p, c_void_p)),
    "opj_read_header": (c_int, (c_void_p, c_void_p, POINTER(POINTER(_Image)))),
    "opj_decode": (c_int, (c_void_p, c_void_p, POINTER(_Image))),
    "opj_end_decompress": (c_int, (c_void_p, c_void_p)),
}


class Settings(NamedTuple):
    """How an image is encoded; ``rates`` (0 for all that there is) or else ``psnrs`` have a value for each quality layer.

    ``blocks`` are the rows and columns of a code block: powers of two, 4 to 1024, of at most 4096 samples (T.800 Table A.18).
    """

    precision: int
    signed: bool = False
    transform: bool = False
    reversible: bool = True
    levels: int = 5
    rates: tuple[float, ...] = (0.0,)
    psnrs: tuple[float, ...] = ()
    progression: int = 0
    tile: tuple[int, int] | None = None
    threads: int = 1
    blocks: tuple[int, int] = (64, 64)


class Plane(NamedTuple):
    """A decoded component: int32 samples of shape (rows, columns), the bits that they have, and whether there is a sign."""

    samples: Array
    precision: int
    signed: bool


class Library:
    """OpenJPEG as a shared library; its methods may be called from several threads at once, and let others run.

    Parameters
    ----------
    path : str
        Of the library, or its name if the system's loader knows it.

    Attributes
    ----------
    path, version : str

    Raises
    ------
    CodecUnavailable
        It cannot be loaded, is of a version that is not known here, or fails the test.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._calls = _declared(ctypes.CDLL(path))
        except (OSError, AttributeError) as error:
            raise CodecUnavailable(f"{path}: {error}") from None
        self.version = self._calls.opj_version().decode("ascii", "replace")
        numbers = tuple(map(int, re.findall(r"\d+", self.version)[:3]))
        if not _OLDEST <= numbers < _TOO_NEW:
            raise CodecUnavailable(f"{path}: is OpenJPEG {self.version}, and 2.3 or a later 2.x is needed")
        self._check()

    def encode(self, planes: Sequence[Array], settings: Settings) -> bytes:
        """The codestream of an image.

        Parameters
        ----------
        planes : sequence of ndarray, shape (rows, columns)
            A component each, all of one shape, their samples within the precision.
        settings : Settings

        Raises
        ------
        CodecError
            With what OpenJPEG says.
        """
        opj, chunks = self._calls, list[bytes]()
        with ExitStack() as stack:
            call = _Call(opj, "encode", stack)
            image = call.own(self._image(planes, settings), opj.opj_image_destroy)
            codec = call.codec(opj.opj_create_compress(_CODESTREAM))
            parameters = self._parameters(settings)
            call.check(opj.opj_setup_encoder(codec, parameters, image))
            if settings.transform and settings.reversible:
                self._widen(codec)
            if settings.threads > 1:
                opj.opj_codec_set_threads(codec, settings.threads)  # it may have been built without

            # a frame leaves in one piece, so that no thread waits inside for another's Python
            room = sum(plane.size for plane in planes) * ((settings.precision + 7) // 8) + 4096
            stream = call.own(opj.opj_stream_create(min(room, _LARGEST_BUFFER), 0), opj.opj_stream_destroy)

            def write(source: int, size: int, _: Any) -> int:
                chunks.append(ctypes.string_at(source, size))
                return size

            opj.opj_stream_set_write_function(stream, call.callback(_WRITE, write, _NO_BYTES))
            call.check(opj.opj_start_compress(codec, image, stream))
            call.check(opj.opj_encode(codec, stream))
            call.check(opj.opj_end_compress(codec, stream))
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def decode(self, data: Array, take: Callable[[Sequence[Plane]], Array]) -> Array:
        """What ``take`` makes of the components of a codestream, which it must not keep.

        Parameters
        ----------
        data : ndarray of uint8
            A codestream without boxes around it; contiguous.
        take : callable

        Raises
        ------
        CodecError
            With what OpenJPEG says. What it says of a frame that it decodes nevertheless is logged.
        """
        opj = self._calls
        with ExitStack() as stack:
            call = _Call(opj, "decode", stack)
            stream = self._input(call, data)
            codec = call.codec(opj.opj_create_decompress(_CODESTREAM))
            parameters = ctypes.create_string_buffer(_DECODER_PARAMETERS)
            opj.opj_set_default_decoder_parameters(parameters)
            call.check(opj.opj_setup_decoder(codec, parameters))
            image = POINTER(_Image)()
            stack.callback(opj.opj_image_destroy, image)
            call.check(opj.opj_read_header(stream, codec, ctypes.byref(image)))
            call.check(opj.opj_decode(codec, stream, image))
            call.check(opj.opj_end_decompress(codec, stream))
            call.log()
            return take(_planes(image.contents))

    def _image(self, planes: Sequence[Array], settings: Settings) -> Any:
        """An opj_image_t with a copy of the samples; None if there is no memory."""
        rows, columns = planes[0].shape
        parameters = (_PlaneParameters * len(planes))()
        for each in parameters:
            each.dx = each.dy = 1
            each.w, each.h, each.prec, each.bpp, each.sgnd = columns, rows, settings.precision, settings.precision, settings.signed
        image = self._calls.opj_image_create(len(planes), parameters, _SRGB if len(planes) == 3 else _GRAY)
        if image:
            image.contents.x1, image.contents.y1 = columns, rows
            for component, plane in zip(image.contents.comps[: len(planes)], planes, strict=True):
                np.copyto(_samples(component), plane, casting="unsafe")
        return image

    def _parameters(self, settings: Settings) -> _EncoderParameters:
        chosen = _EncoderParameters()
        self._calls.opj_set_default_encoder_parameters(chosen)
        chosen.tcp_mct = int(settings.transform)
        chosen.irreversible = int(not settings.reversible)
        chosen.numresolution = settings.levels + 1
        chosen.prog_order = settings.progression
        chosen.cblockh_init, chosen.cblockw_init = settings.blocks
        if settings.tile:
            chosen.tile_size_on, (chosen.cp_tdy, chosen.cp_tdx) = 1, settings.tile
        layers = settings.psnrs or settings.rates
        chosen.tcp_numlayers = len(layers)
        if settings.psnrs:
            chosen.cp_fixed_quality, chosen.tcp_distoratio[: len(layers)] = 1, layers
        else:
            chosen.cp_disto_alloc, chosen.tcp_rates[: len(layers)] = 1, layers
        return chosen

    def _widen(self, codec: Any) -> None:
        """One more guard bit (T.800 E.1), since OpenJPEG overlooks the bit that a colour difference has more than a colour (T.800 G.2).

        Without it, extreme colours in the pattern of the wavelet's signs come back changed. Versions before 2.5 do not know how.
        """
        if (extra := getattr(self._calls, "opj_encoder_set_extra_options", None)) is not None:
            extra(codec, (c_char_p * 2)(b"GUARD_BITS=3", None))

    def _input(self, call: _Call, data: Array) -> Any:
        """A stream that gives the bytes of an array."""
        opj, start, size, at = self._calls, data.ctypes.data, data.size, 0

        def read(target: int, wanted: int, _: Any) -> int:
            nonlocal at
            given = min(wanted, size - at)
            ctypes.memmove(target, start + at, given)
            at += given
            return given or _NO_BYTES

        def seek(to: int, _: Any) -> int:
            nonlocal at
            at = min(max(to, 0), size)
            return int(at == to)

        def skip(by: int, _: Any) -> int:
            before = at
            return by if seek(before + by, None) else -1

        stream = call.own(opj.opj_stream_create(min(size, _LARGEST_BUFFER) or 1, 1), opj.opj_stream_destroy)
        opj.opj_stream_set_user_data_length(stream, size)
        opj.opj_stream_set_read_function(stream, call.callback(_READ, read, _NO_BYTES))
        opj.opj_stream_set_skip_function(stream, call.callback(_SKIP, skip, -1))
        opj.opj_stream_set_seek_function(stream, call.callback(_SEEK, seek, 0))
        return stream

    def _check(self) -> None:
        """The structures are laid out as declared here: defaults are in place, settings arrive, and a small image comes back."""
        parameters = _EncoderParameters()
        self._calls.opj_set_default_encoder_parameters(parameters)
        wrong = [name for name, value in _DEFAULTS.items() if getattr(parameters, name) != value]
        try:
            wrong = wrong or self._check_encoder()
        except CodecError as error:
            wrong = [error.reason]
        if wrong:
            raise CodecUnavailable(f"{self.path}: is OpenJPEG {self.version}, and other than known: {', '.join(wrong)}")

    def _check_encoder(self) -> list[str]:
        frame = np.arange(3 * 12 * 14, dtype=np.int32).reshape(3, 12, 14) * 1237 % 4096
        settings = Settings(12, transform=True, levels=2, rates=(4.0, 0.0), progression=2, tile=(8, 8))
        data, lossy = (self.encode(list(frame), each) for each in (settings, Settings(12, reversible=False, levels=1, psnrs=(40.0,))))
        back = self.decode(np.frombuffer(data, np.uint8), lambda planes: np.stack([plane.samples for plane in planes]))
        # progression, layers, transform of components, levels, blocks, wavelet (T.800 A.6.1)
        expected = {"settings": b"\0\2\0\2\1\2\4\4\0\1" in data, "tiles": b"\0\0\0\x08" * 2 in data[:40],
                    "lossy settings": b"\0\0\0\1\0\1\4\4\0\0" in lossy, "image": np.array_equal(back, frame)}
        return [name for name, fine in expected.items() if not fine]


class _Call:
    """One image on its way: what has to be given back, what OpenJPEG said, and what went wrong in a callback."""

    def __init__(self, opj: Any, verb: str, stack: ExitStack) -> None:
        self._opj, self._verb, self._stack = opj, verb, stack
        self._said: list[str] = []
        self._failures: list[BaseException] = []
        self._callbacks: list[Any] = []

    def own(self, made: Any, destroy: Callable[[Any], None]) -> Any:
        """Something that OpenJPEG made, to be given back at the end."""
        if not made:
            raise CodecError(f"OpenJPEG cannot {self._verb} the frame: there is not enough memory")
        self._stack.callback(destroy, made)
        return made

    def callback(self, prototype: Any, work: Callable[..., Any], otherwise: Any = None) -> Any:
        """A function for OpenJPEG; what it raises cannot pass through there, and is raised by ``check``."""
        failures = self._failures

        def guarded(*given: Any) -> Any:
            try:
                return work(*given)
            except BaseException as error:  # KeyboardInterrupt, too, may come up here
                failures.append(error)
                return otherwise

        self._callbacks.append(prototype(guarded))
        return self._callbacks[-1]

    def codec(self, made: Any) -> Any:
        """A codec whose errors and warnings are listened to."""
        codec, said = self.own(made, self._opj.opj_destroy_codec), self._said
        listener = self.callback(_MESSAGE, lambda text, _: said.append(text.decode("utf-8", "replace").strip()))
        self._opj.opj_set_error_handler(codec, listener, None)
        self._opj.opj_set_warning_handler(codec, listener, None)
        return codec

    def check(self, fine: int) -> None:
        """Whether OpenJPEG, and our callbacks, did what they should."""
        if self._failures:
            raise self._failures[0]
        if not fine:
            said = "; ".join(dict.fromkeys(self._said[:3])) or "it does not say why"
            raise CodecError(f"OpenJPEG cannot {self._verb} the frame: {said}")

    def log(self) -> None:
        """Pass on what OpenJPEG said although it went on."""
        if self._said:
            logging.getLogger("dcmenc").warning("OpenJPEG on a frame: %s", "; ".join(dict.fromkeys(self._said[:3])))


def _declared(found: ctypes.CDLL) -> ctypes.CDLL:
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    if (extra := getattr(found, "opj_encoder_set_extra_options", None)) is not None:  # from 2.4 on
        extra.restype, extra.argtypes = c_int, (c_void_p, POINTER(c_char_p))
    return found


def _samples(component: _Component) -> Array:
    """The memory of a component; it is OpenJPEG's."""
    size = component.w * component.h * 4
    return np.frombuffer(_memory_view(component.data, size, _WRITABLE), np.int32).reshape(component.h, component.w)


def _planes(image: _Image) -> list[Plane]:
    components = image.comps[: image.numcomps]
    if not all(component.data for component in components):
        raise CodecError("OpenJPEG decodes no samples from the frame")
    return [Plane(_samples(component), component.prec, bool(component.sgnd)) for component in components]


_lock = Lock()
_loaded: list[Library] = []


def library() -> Library:
    """OpenJPEG; found and loaded once.

    Raises
    ------
    CodecUnavailable
        There is none; the message says where it was looked for, and what to do.

    Examples
    --------
    >>> library() is library()
    True
    """
    if not _loaded:
        with _lock:
            if not _loaded:
                _loaded.append(_find())
    return _loaded[0]


def _find() -> Library:
    if path := os.environ.get(_VARIABLE):
        if not os.path.isabs(path):
            raise CodecUnavailable(f"{_VARIABLE} is {path!r}; give the whole path of the OpenJPEG library")
        try:
            return Library(path)
        except CodecUnavailable as error:
            raise CodecUnavailable(f"{_VARIABLE} names an OpenJPEG library that cannot be used: {error.reason}") from None
    failures = []
    for place in _candidates():
        try:
            return Library(place)
        except CodecUnavailable as error:
            logging.getLogger("dcmenc").info("an OpenJPEG library was passed over: %s", error.reason)
            failures.append(error.reason)
    raise CodecUnavailable("JPEG 2000 needs OpenJPEG, which comes with the wheels of Pillow for Linux and macOS (pip install pillow); for "
                           f"another copy set {_VARIABLE} to its path. Not usable: {'; '.join(failures) or 'none was found'}")


def _candidates() -> Iterator[str]:
    """Where OpenJPEG may be, but for the environment variable."""
    yield from _configured()
    yield from _bundled()
    from ctypes.util import find_library  # it starts other programs, and takes its time

    if name := find_library("openjp2"):
        yield name


def _configured() -> Iterator[str]:
    """What the user's configuration of glymur names."""
    from configparser import ConfigParser, Error

    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    if sys.platform == "win32":
        folder = os.path.expanduser("~")
    # a relative path would be one in the current folder
    if not os.path.isabs(folder):
        return
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(os.path.join(folder, "glymur", "glymurrc"), "utf-8")
        path = parser.get("library", "openjp2", fallback="")
    except (Error, OSError, UnicodeDecodeError) as error:
        logging.getLogger("dcmenc").warning("the configuration of glymur cannot be read: %s", error)
        return
    if os.path.isabs(path):
        yield path
    elif path.lower() not in ("", "none"):
        logging.getLogger("dcmenc").warning("the configuration of glymur names %r, which is no whole path and is not used", path)


def _bundled() -> Iterator[str]:
    """The copy in Pillow's wheel, which need not be imported for it."""
    from importlib.util import find_spec

    spec = find_spec("PIL")
    if spec is None or not spec.origin:
        return
    package = Path(spec.origin).resolve().parent
    for folder, pattern in ((package.parent / "pillow.libs", "libopenjp2*.so*"), (package / ".dylibs", "libopenjp2*.dylib")):
        yield from map(str, sorted(folder.glob(pattern)))
