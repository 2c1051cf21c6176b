# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The bytes of one value become what the model keeps: text, numbers, tags (PS3.5 6.2, 6.4). The inverse of ``_elements.pxd``.

Nothing is refused here that a file holds: text that is no number stays text, and what the VR cannot hold at all is UNREADABLE.
"""

import warnings

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from ._bytes cimport load16, load32, load64
from ._quick cimport DECIMAL, FLOAT, INTEGER, SIGNED, TAG, TEXT, UNSURE, VRInfo, quick_decimal_text

from .dictionary import Tag
from .errors import DcmencWarning, ReadError
from .values import IS

cdef extern from "Python.h":
    object PyUnicode_DecodeLatin1(const char *, Py_ssize_t, const char *)

cdef object UNREADABLE = object()
cdef object TAG_TYPE = Tag


cdef bint plain_ascii(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint8_t high = 0
    for i in range(size):
        high |= data[i]
    return high < 0x80 and memchr(data, 0x1B, size) == NULL


cdef object decode_value(const VRInfo *info, const uint8_t *data, Py_ssize_t size, bint big, object charset, bint strict):
    if size == 0:
        return None
    if info.kind == TEXT:
        return decode_text(info, data, size, charset, strict)
    if info.kind == DECIMAL or info.kind == INTEGER:
        return decode_numbers_of_text(info, data, size)
    return decode_binary(info, data, size, big)


cdef inline Py_ssize_t unpadded(const uint8_t *data, Py_ssize_t size) noexcept:
    """The length without the spaces and zeros at the end, which are padding (PS3.5 6.2)."""
    while size and (data[size - 1] == c" " or data[size - 1] == 0):
        size -= 1
    return size


cdef object decode_text(const VRInfo *info, const uint8_t *data, Py_ssize_t size, object charset, bint strict):
    if plain_ascii(data, size) and (not info.charset or charset.ascii_unchanged):
        return split_text(info, data, size)
    if not info.charset:
        if strict:
            raise ReadError(f"{<str>info.name} holds ASCII text only")
        return split_text(info, data, size)
    if not charset.declared:
        if strict:
            raise ReadError("text beyond ASCII, and no Specific Character Set says what it is; give dcmread's assume_charset=")
        return split_text(info, data, size)
    values = international(info, PyBytes_FromStringAndSize(<const char *>data, size), charset, strict)
    if len(values) == 1:
        return values[0].rstrip(" \0") or None
    return tuple([value.rstrip(" \0") for value in values])


cdef object international(const VRInfo *info, bytes data, object charset, bint strict):
    """The values of text in a declared set; bytes that it does not hold are marked, with a warning."""
    try:
        return charset.decode_values(data, <str>info.name)
    except ReadError as error:
        if strict:
            raise
        warnings.warn(f"{error.reason}; such bytes are shown as U+FFFD, and written back as they are", DcmencWarning, stacklevel=2)
        return charset.decode_values(data, <str>info.name, "replace")


cdef object split_text(const VRInfo *info, const uint8_t *data, Py_ssize_t size):
    """The values of text in which every byte is a character; beyond ASCII as ISO-IR 100, which loses nothing."""
    cdef const uint8_t *mark
    cdef Py_ssize_t length
    if not info.multiple or memchr(data, c"\\", size) == NULL:
        length = unpadded(data, size)
        return character_text(data, length) if length else None
    values = []
    while True:
        mark = <const uint8_t *>memchr(data, c"\\", size)
        length = size if mark == NULL else mark - data
        values.append(character_text(data, unpadded(data, length)))
        if mark == NULL:
            return tuple(values)
        data = mark + 1
        size -= length + 1


cdef inline object character_text(const uint8_t *data, Py_ssize_t size):
    return PyUnicode_DecodeLatin1(<const char *>data, size, NULL)


cdef object decode_numbers_of_text(const VRInfo *info, const uint8_t *data, Py_ssize_t size):
    """DS or IS: one number or a tuple; what is no number stays text (PS3.5 6.2)."""
    cdef const uint8_t *mark = <const uint8_t *>memchr(data, c"\\", size)
    cdef Py_ssize_t length
    if mark == NULL:
        return number_of_text(info, data, unpadded(data, size))
    values = []
    while True:
        length = size if mark == NULL else mark - data
        values.append(number_of_text(info, data, unpadded(data, length)))
        if mark == NULL:
            return tuple(values)
        data = mark + 1
        size -= length + 1
        mark = <const uint8_t *>memchr(data, c"\\", size)


cdef object number_of_text(const VRInfo *info, const uint8_t *data, Py_ssize_t size):
    if size == 0:
        return None
    if info.kind == INTEGER:
        return integer_of_text(data, size)
    text = character_text(data, size)
    if memchr(data, c"_", size) != NULL:
        # which Python takes for a number
        return text
    number = quick_decimal_text(text)
    return text if number is UNSURE else number


cdef object integer_of_text(const uint8_t *data, Py_ssize_t size):
    """A plain int where its digits are the text; else one that keeps the text."""
    cdef Py_ssize_t at = 1 if data[0] == c"-" and size > 1 else 0
    cdef bint canonical = size - at < 19 and (data[at] != c"0" or size == 1)
    cdef int64_t number = 0
    while canonical and at < size:
        canonical = c"0" <= data[at] <= c"9"
        number = 10 * number + data[at] - 48
        at += 1
    if canonical:
        return -number if data[0] == c"-" else number
    text = character_text(data, size)
    if size > 64 or memchr(data, c"_", size) != NULL:
        return text
    try:
        return IS(text)
    except ValueError:
        return text


cdef object decode_binary(const VRInfo *info, const uint8_t *data, Py_ssize_t size, bint big):
    cdef int unit = 4 if info.kind == TAG else info.unit
    cdef Py_ssize_t count = size // unit, i
    if size % unit:
        return UNREADABLE
    if count == 1:
        return one_binary(info, data, big)
    values = PyTuple_New(count)
    for i in range(count):
        one = one_binary(info, data + i * unit, big)
        Py_INCREF(one)
        PyTuple_SET_ITEM(values, i, one)
    return values


cdef inline object one_binary(const VRInfo *info, const uint8_t *data, bint big):
    if info.kind == FLOAT:
        return single(load32(data, big)) if info.unit == 4 else double_of(load64(data, big))
    if info.kind == TAG:
        return TAG_TYPE(<uint32_t>load16(data, big) << 16 | load16(data + 2, big))
    if info.unit == 2:
        return <int16_t>load16(data, big) if info.kind == SIGNED else load16(data, big)
    if info.unit == 4:
        return <int32_t>load32(data, big) if info.kind == SIGNED else load32(data, big)
    return <int64_t>load64(data, big) if info.kind == SIGNED else load64(data, big)


cdef inline double single(uint32_t bits) noexcept:
    cdef float value
    memcpy(&value, &bits, 4)
    return value


cdef inline double double_of(uint64_t bits) noexcept:
    cdef double value
    memcpy(&value, &bits, 8)
    return value
