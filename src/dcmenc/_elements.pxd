# cython: language_level=3
"""Header-only: how one element's header and value become bytes (PS3.5 7.1). Shared by every walk; holds no state.

A writer says *what* is wrong; the walk that calls it adds *where*.
"""

from libc.math cimport isinf
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.unicode cimport PyUnicode_Check

from ._bytes cimport Sink, put, put_byte, reserve, store16, store32, store64
from ._decimal cimport format_decimal
from ._references cimport tag_number
from ._quick cimport DECIMAL, FLOAT, INTEGER, SIGNED, TAG, VRInfo, number_text

cdef extern from "Python.h":
    int64_t PyLong_AsLongLong(object) except? -1
    uint64_t PyLong_AsUnsignedLongLong(object) except? 0xFFFFFFFFFFFFFFFF
    bint PyUnicode_IS_ASCII(object)
    const void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)

# The longest even lengths of a 16-bit and a 32-bit field.
cdef enum:
    LONGEST_16 = 0xFFFE
cdef extern from *:
    const Py_ssize_t LONGEST_32 "((Py_ssize_t)0xFFFFFFFEL)"
    const uint32_t UNDEFINED "0xFFFFFFFFU"


cdef struct Syntax:
    bint implicit
    bint big


cdef inline void store_tag(uint8_t *target, uint32_t tag, bint big) noexcept nogil:
    store16(target, <uint16_t>(tag >> 16), big)
    store16(target + 2, <uint16_t>tag, big)


cdef inline Py_ssize_t header_size(const VRInfo *info, Syntax syntax) noexcept nogil:
    return 8 if syntax.implicit else info.header


cdef inline int put_header(Sink *sink, uint32_t tag, const VRInfo *info, Syntax syntax, uint32_t length) except -1 nogil:
    """Tag, VR where it is explicit, and length."""
    cdef uint8_t *target
    reserve(sink, 12)
    target = sink.data + sink.used
    store_tag(target, tag, syntax.big)
    if syntax.implicit:
        store32(target + 4, length, syntax.big)
        sink.used += 8
        return 0
    target[4] = <uint8_t>info.code[0]
    target[5] = <uint8_t>info.code[1]
    if info.header == 8:
        store16(target + 6, <uint16_t>length, syntax.big)
        sink.used += 8
    else:
        store16(target + 6, 0, syntax.big)
        store32(target + 8, length, syntax.big)
        sink.used += 12
    return 0


cdef inline int put_item_tag(Sink *sink, uint16_t element, uint32_t length, bint big) except -1 nogil:
    """Item (FFFE,E000), item delimiter (E00D) or sequence delimiter (E0DD) with its length (PS3.5 7.5)."""
    reserve(sink, 8)
    store_tag(sink.data + sink.used, (<uint32_t>0xFFFE << 16) | element, big)
    store32(sink.data + sink.used + 4, length, big)
    sink.used += 8
    return 0


cdef inline int put_ascii(Sink *sink, object text) except -1:
    return put(sink, PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text))


cdef inline void store_whole(uint8_t *target, uint64_t value, int unit, bint big) noexcept nogil:
    """The low ``unit`` bytes of a two's complement number."""
    if unit == 2:
        store16(target, <uint16_t>value, big)
    elif unit == 4:
        store32(target, <uint32_t>value, big)
    else:
        store64(target, value, big)


cdef inline void store_real(uint8_t *target, double value, int unit, bint big) noexcept nogil:
    cdef float single
    cdef uint32_t bits32
    cdef uint64_t bits64
    if unit == 4:
        single = <float>value
        memcpy(&bits32, &single, 4)
        store32(target, bits32, big)
    else:
        memcpy(&bits64, &value, 8)
        store64(target, bits64, big)


cdef inline int put_integer_text(Sink *sink, int64_t value) except -1 nogil:
    """Decimal digits of a number, as IS and DS have them."""
    cdef char digits[24]
    cdef int at = 24
    cdef uint64_t left = <uint64_t>value if value >= 0 else 0 - <uint64_t>value
    while True:
        at -= 1
        digits[at] = <char>(48 + left % 10)
        left //= 10
        if left == 0:
            break
    if value < 0:
        at -= 1
        digits[at] = c"-"
    return put(sink, digits + at, 24 - at)


cdef inline int put_decimal(Sink *sink, double value) except -1 nogil:
    cdef int length
    reserve(sink, 32)
    length = format_decimal(value, <char *>sink.data + sink.used)
    if length == 0:
        with gil:
            raise ValueError(f"{value} is no decimal string; only finite numbers are")
    sink.used += length
    return 0


cdef inline int put_number_text(Sink *sink, object value) except -1:
    """One DS or IS: text as it was set, a number in its shortest form (PS3.5 6.2)."""
    if PyFloat_CheckExact(value):
        return put_decimal(sink, PyFloat_AS_DOUBLE(value))
    if PyLong_CheckExact(value):
        return put_integer_text(sink, PyLong_AsLongLong(value))
    if value is None:
        return 0
    text = value if PyUnicode_Check(value) else number_text(value)
    if not PyUnicode_Check(text) or not PyUnicode_IS_ASCII(text):
        raise ValueError(f"a number is wanted, not {type(value).__name__}")
    return put_ascii(sink, text)


cdef inline int put_number(Sink *sink, const VRInfo *info, object value, Syntax syntax) except -1:
    """One value of a VR of numbers: DS, IS, AT, or binary of any size."""
    cdef uint8_t *target
    if info.kind == DECIMAL or info.kind == INTEGER:
        return put_number_text(sink, value)
    reserve(sink, 8)
    target = sink.data + sink.used
    if info.kind == FLOAT:
        if info.unit == 4 and isinf(<float><double>value) and not isinf(<double>value):
            raise ValueError(f"{value} does not fit 32-bit floating point")
        store_real(target, <double>value, info.unit, syntax.big)
    elif info.kind == TAG:
        store_tag(target, tag_number(value), syntax.big)
        sink.used += 4
        return 0
    else:
        store_whole(target, whole_number(info, value), info.unit, syntax.big)
    sink.used += info.unit
    return 0


cdef inline uint64_t whole_number(const VRInfo *info, object value) except? 0xFFFFFFFFFFFFFFFF:
    """The two's complement of a number that fits the VR."""
    cdef int bits = 8 * info.unit
    cdef int64_t number
    cdef uint64_t natural
    if info.kind == SIGNED:
        number = PyLong_AsLongLong(value)
        if bits < 64 and (number < -(<int64_t>1 << bits - 1) or number >= <int64_t>1 << bits - 1):
            raise ValueError(f"{number} does not fit {bits}-bit signed")
        return <uint64_t>number
    natural = PyLong_AsUnsignedLongLong(value)
    if bits < 64 and natural >> bits:
        raise ValueError(f"{natural} does not fit {bits}-bit unsigned")
    return natural


cdef inline int put_decimals(Sink *sink, const double *values, Py_ssize_t count) except -1 nogil:
    cdef Py_ssize_t i
    for i in range(count):
        if i:
            put_byte(sink, c"\\")
        put_decimal(sink, values[i])
    return 0


cdef inline int put_integers(Sink *sink, const int *values, Py_ssize_t count) except -1 nogil:
    cdef Py_ssize_t i
    for i in range(count):
        if i:
            put_byte(sink, c"\\")
        put_integer_text(sink, values[i])
    return 0


cdef inline int put_tags(Sink *sink, const uint32_t *values, Py_ssize_t count, bint big) except -1 nogil:
    cdef Py_ssize_t i
    reserve(sink, 4 * count)
    for i in range(count):
        store_tag(sink.data + sink.used, values[i], big)
        sink.used += 4
    return 0


cdef inline int widen_to_unknown(Sink *sink, Py_ssize_t start, uint32_t length, bint big) except -1 nogil:
    """Turn an element with a 16-bit length field into UN, whose field has 32 bits (PS3.5 6.2.2)."""
    cdef uint8_t *header
    reserve(sink, 4)
    header = sink.data + start
    memmove(header + 12, header + 8, sink.used - start - 8)
    header[4] = c"U"
    header[5] = c"N"
    store16(header + 6, 0, big)
    store32(header + 8, length, big)
    sink.used += 4
    return 0
