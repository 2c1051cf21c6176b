# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How one value of pydicom's becomes bytes: text, names, dates, numbers, buffers (PS3.5 6.2)."""

import sys
from functools import lru_cache

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_GET_SIZE
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.list cimport PyList_Check, PyList_GET_SIZE
from cpython.long cimport PyLong_Check
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_Check
from cpython.unicode cimport PyUnicode_Check
from libc.math cimport fabs, isfinite
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from ._ahead cimport load_ahead
from ._bytes cimport put, put_byte, reserve
from ._elements cimport put_decimal, put_integer_text, put_number
from ._quick cimport FLOAT, SIGNED, TAG, VRInfo, vr_info
from ._references cimport attribute, list_item
from ._shapes cimport NAME, OTHER, SEVERAL, shape_of_class
from ._walk cimport SPLICED_FROM, Walk

from .errors import EncodeError, UnencodableText, foreign_error

cdef extern from "Python.h":
    bint PyUnicode_CheckExact(object)
    bint PyUnicode_IS_ASCII(object)
    const void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    PyTypeObject *Py_TYPE(object)

# Python's names of pydicom's default and of UTF-8, as its convert_encodings gives them.
cdef list LATIN = ["iso8859"]
cdef list UNICODE = ["utf8"]

# Codecs in which an ASCII character may be another byte, or an escape sequence has to come first.
cdef object SHIFTED = frozenset(("shift_jis", "iso2022_jp", "iso2022_jp_2", "iso-2022-jp"))


cdef class ForeignValues(Walk):
    """The part of the walk over pydicom's datasets that writes values."""

    cdef int shape(self, object thing) except -1:
        cdef PyTypeObject *kind = Py_TYPE(thing)
        cdef int slot = (<size_t>kind >> 5 ^ <size_t>kind >> 11) & (SHAPES_SEEN - 1), steps = 0
        while self.kinds[slot] != kind:
            # classes that would share a slot take turns in the next ones, as long as there are any
            if self.kinds[slot] == NULL or steps == SHAPES_SEEN - 1:
                self.kept.append(<object><PyObject *>kind)
                self.kinds[slot], self.shapes[slot] = kind, shape_of_class(<object><PyObject *>kind)
                break
            slot, steps = (slot + 1) & (SHAPES_SEEN - 1), steps + 1
        return self.shapes[slot]

    cdef list listed(self, object value):
        """The values of a multiple value, in a list; other things that can be iterated are taken for one."""
        if self.shape(value) == SEVERAL:
            value = attribute(value, "_list", None)
        return <list>value if PyList_Check(value) else list(value)

    cdef int octets(self, object value) except -1:
        """Bytes as they are: what stands in a big endian dataset of pydicom's is big endian already."""
        cdef Py_buffer view
        if PyBytes_Check(value) and PyBytes_GET_SIZE(value) < SPLICED_FROM:
            return put(&self.sink, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if hasattr(value, "readinto") and hasattr(value, "tell"):
            if getattr(value, "closed", False):
                raise EncodeError("the buffer has been closed")
            place = value.tell()
            data = value.read()
            value.seek(place)
            value = data
        elif PyUnicode_Check(value):
            raise foreign_error(TypeError, "a bytes-like object is wanted, not text")
        elif self.shape(value) == SEVERAL:
            # what pydicom makes of a bytearray
            value = bytes(self.listed(value))
        PyObject_GetBuffer(value, &view, PyBUF_SIMPLE)
        try:
            if view.len < SPLICED_FROM:
                return put(&self.sink, view.buf, view.len)
            self.splice(value, view.len)
        finally:
            PyBuffer_Release(&view)
        return 0

    cdef int foreign_texts(self, const VRInfo *info, object value) except -1:
        """One text or several; dates and names among them."""
        cdef bint another = False
        if PyUnicode_Check(value) or PyBytes_Check(value) or not self.multiple(value):
            return self.foreign_text(info, value)
        for one in list(self.listed(value)):
            if another:
                put_byte(&self.sink, c"\\")
            self.foreign_text(info, one)
            another = True
        return 0

    cdef bint multiple(self, object value) except -1:
        cdef int shape = self.shape(value)
        return shape == SEVERAL or (shape == OTHER and (PyList_Check(value) or PyTuple_Check(value)))

    cdef int foreign_text(self, const VRInfo *info, object value) except -1:
        if PyUnicode_Check(value):
            if PyUnicode_IS_ASCII(value) and (not info.charset or self.names is LATIN or self.names[0] not in SHIFTED):
                return put(&self.sink, PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
            return self.beyond_ascii(info, value)
        if PyBytes_Check(value):
            return put(&self.sink, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if value is None:
            return 0
        if self.shape(value) == NAME:
            return self.name(value)
        text = moment(<str>info.name, value)
        if not PyUnicode_Check(text) and not PyBytes_Check(text):
            raise foreign_error(TypeError, f"{<str>info.name} takes text, not {type(text).__name__}")
        return self.foreign_text(info, text)

    cdef int beyond_ascii(self, const VRInfo *info, object value) except -1:
        """Text in the character sets of the dataset; in pydicom's default it is ISO-IR 100."""
        if not info.charset:
            raise UnencodableText(f"{<str>info.name} holds ASCII only, not {value!r:.60}")
        if self.names == UNICODE:
            encoded = value.encode("utf-8")
        else:
            encoded = sys.modules["pydicom.charset"].encode_string(value, self.names)
            if self.lost(encoded, value) and not self.replace_text:
                raise UnencodableText(f"{value!r:.60} has characters outside the declared character sets; declare ISO_IR 192, or have "
                                      "them replaced by Policy(unencodable='replace')")
        return put(&self.sink, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))

    cdef bint lost(self, bytes encoded, object text) except -1:
        """Whether pydicom has written question marks for characters; in some sets they are halves of others."""
        if encoded.count(b"?") <= text.count("?"):
            return False
        return sys.modules["pydicom.charset"].decode_bytes(encoded, self.names, set("\\^=\r\n\t\f")) != text

    cdef int name(self, object value) except -1:
        """A PersonName: its own bytes if they are in the character sets that are written, else encoded by itself."""
        names = value.encodings
        original = value.original_string
        if original is not None and PyBytes_Check(original) and (names is None or list(names) == self.names):
            return put(&self.sink, PyBytes_AS_STRING(original), PyBytes_GET_SIZE(original))
        # encode() keeps what it makes
        twin = object.__new__(type(value))
        twin.__dict__.update(value.__dict__)
        encoded = twin.encode(self.names)
        if self.lost(encoded, str(value)) and not self.replace_text:
            raise UnencodableText(f"{str(value)!r:.60} has characters outside the declared character sets; declare ISO_IR 192")
        return put(&self.sink, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))

    cdef int number_texts(self, object value) except -1:
        cdef Py_ssize_t at = 0, size
        cdef list values
        if not self.multiple(value):
            return self.number_text(value)
        values = self.listed(value)
        while at < PyList_GET_SIZE(values):
            if at:
                put_byte(&self.sink, c"\\")
            one = list_item(values, at)
            load_ahead(values, at)
            text = getattr(one, "original_string", None)
            if text is not None and PyUnicode_CheckExact(text) and PyUnicode_IS_ASCII(text):
                # the common case: many numbers that were made from text
                size = PyUnicode_GET_LENGTH(text)
                reserve(&self.sink, size)
                memcpy(self.sink.data + self.sink.used, PyUnicode_DATA(text), size)
                self.sink.used += size
            else:
                self.number_text(one)
            at += 1
        return 0

    cdef int number_text(self, object value) except -1:
        """A DS or IS: the text it was made from, or the shortest that pydicom would write and the standard allows."""
        if value is None:
            return 0
        if not PyUnicode_Check(value):
            text = getattr(value, "original_string", None)
            if text is None and PyFloat_Check(value):
                return self.float_text(PyFloat_AS_DOUBLE(value))
            value = str(value) if text is None else text
        if not PyUnicode_Check(value):
            raise foreign_error(TypeError, f"{value!r:.60} is no decimal or integer string")
        if not PyUnicode_IS_ASCII(value):
            raise UnencodableText(f"a decimal or integer string holds ASCII only, not {value!r:.60}")
        return put(&self.sink, PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))

    cdef int float_text(self, double value) except -1:
        cdef Py_ssize_t start = self.sink.used
        cdef double size = fabs(value)
        if not isfinite(value):
            raise EncodeError(f"{value} is no decimal string; only finite numbers are")
        if size < (1e14 if value > 0 else 1e13) and <double><int64_t>value == value and (value or not str(value).startswith("-")):
            put_integer_text(&self.sink, <int64_t>value)
            return put(&self.sink, b".0", 2)
        if size >= 1e-4 and size < 1e15:
            return put_decimal(&self.sink, value)
        text = float.__repr__(value)
        if len(text) > 16:
            # pydicom would write more characters than a DS may have (PS3.5 6.2)
            return put_decimal(&self.sink, value)
        return put(&self.sink, PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text))

    cdef int binary_numbers(self, uint32_t tag, const VRInfo *info, object value) except -1:
        cdef const VRInfo *unsigned_words = vr_info("US")
        cdef Py_ssize_t at = 0
        try:
            if PyLong_Check(value) or PyFloat_Check(value):
                return put_number(&self.sink, info, self.plain(info, value), self.syntax)
            if PyUnicode_Check(value) or PyBytes_Check(value):
                raise TypeError("numbers are wanted")
            if not self.multiple(value) and not hasattr(value, "append"):
                if hasattr(value, "__iter__"):
                    for one in value:
                        put_number(&self.sink, info, self.plain(info, one), self.syntax)
                    return 0
                return put_number(&self.sink, info, self.plain(info, value), self.syntax)
            values = self.listed(value)
            while at < PyList_GET_SIZE(values):
                put_number(&self.sink, unsigned_words if info.kind == SIGNED and info.unit == 2 and at == 0 and is_described(tag) else info,
                           self.plain(info, list_item(values, at)), self.syntax)
                at += 1
        except EncodeError:
            raise
        except (ValueError, OverflowError, TypeError, AttributeError) as error:
            raise foreign_error(OSError, f"{value!r:.60} cannot be written as {<str>info.name}: {error}") from None
        return 0

    cdef object plain(self, const VRInfo *info, object value):
        """A number that the shared writers take."""
        if info.kind == FLOAT:
            return float(value)
        if info.kind == TAG and not PyLong_Check(value):
            return int(sys.modules["pydicom.tag"].Tag(value))
        return value if PyLong_Check(value) else value.__index__()


cdef inline bint is_described(uint32_t tag) noexcept:
    """Whether an attribute describes a lookup table, of which pydicom takes the first value for unsigned."""
    return tag == 0x00283002 or 0x00281101 <= tag <= 0x00281103


def moment(vr, value):
    """The text of a date or time, as pydicom spells it."""
    text = getattr(value, "original_string", None)
    if text is not None:
        return text
    if not hasattr(value, "strftime"):
        raise foreign_error(TypeError, f"{vr} takes text, not {type(value).__name__}")
    fraction = ".%f" if getattr(value, "microsecond", 0) else ""
    return value.strftime({"DA": "%Y%m%d", "TM": "%H%M%S" + fraction}.get(vr, "%Y%m%d%H%M%S" + fraction + "%z"))


@lru_cache(maxsize=256)
def one_name(term):
    return sys.modules["pydicom.charset"].convert_encodings(term)


cdef list converted_names(object terms):
    """pydicom's names of the codecs for a Specific Character Set."""
    codecs = sys.modules["pydicom.charset"]
    # what pydicom makes of other terms depends on its configuration, and it warns each time
    found = one_name(terms) if isinstance(terms, str) and terms in codecs.python_encoding else codecs.convert_encodings(terms)
    return LATIN if not found or found == LATIN else UNICODE if found == UNICODE else list(found)
