# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What is plainly a right value of its VR, seen early (PS3.5 6.2); what is not goes to the rules of ``values.py``.

The quick path never decides that a value is wrong and never changes one in a way that ``values.normalise`` would not:
it only recognises the ordinary values early (a test holds the two against each other).
"""

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.math cimport isfinite, isinf

from ._decimal cimport round_decimal

from .dictionary import Tag
from .values import DS, IS
from .vr import VRS

cdef extern from "Python.h":
    bint PyUnicode_CheckExact(object)
    bint PyUnicode_IS_ASCII(object)
    int PyUnicode_KIND(object)
    const void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    uint32_t PyUnicode_READ(int, const void *, Py_ssize_t)
    bint PyBytes_CheckExact(object)
    bint PyList_CheckExact(object)
    Py_ssize_t PyList_GET_SIZE(object)
    long PyLong_AsLong(object) except? -1
    int64_t PyLong_AsLongLongAndOverflow(object, int *) except? -1

cdef extern from *:
    """
    #include "structmember.h"
    /* Where an instance keeps the value of a slot, and what stands there (borrowed, NULL when it was deleted). */
    static Py_ssize_t dcmenc_slot_offset(PyObject *member) {
        return Py_TYPE(member) == &PyMemberDescr_Type ? ((PyMemberDescrObject *)member)->d_member->offset : -1;
    }
    #define dcmenc_slot_at(object, offset) (*(PyObject **)((char *)(object) + (offset)))
    /* An instance of a float subclass whose slot at an offset holds a text. It can be part of no cycle. */
    static PyObject *dcmenc_number_with_text(PyObject *cls, double number, Py_ssize_t offset, PyObject *text) {
        PyObject *made = ((PyTypeObject *)cls)->tp_alloc((PyTypeObject *)cls, 0);
        if (made == NULL) return NULL;
        ((PyFloatObject *)made)->ob_fval = number;
        Py_INCREF(text);
        dcmenc_slot_at(made, offset) = text;
        if (PyObject_IS_GC(made)) PyObject_GC_UnTrack(made);
        return made;
    }
    """
    object number_with_text "dcmenc_number_with_text"(object, double, Py_ssize_t, object)
    Py_ssize_t slot_offset "dcmenc_slot_offset"(object)
    PyObject *slot_at "dcmenc_slot_at"(object, Py_ssize_t)

cdef VRInfo TABLE[1024]
cdef const VRInfo *VR_ROWS = TABLE
cdef uint8_t *SURE_DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
cdef uint16_t CLASSES[128]

cdef enum Characters:
    CODE_CHARACTERS = 1
    UID_CHARACTERS = 2
    DECIMAL_CHARACTERS = 4
    INTEGER_CHARACTERS = 8
    PRINTABLE = 16
    PRINTABLE_OR_BACKSLASH = 32
    DIGITS = 64

cdef enum Form:
    NEVER_QUICK = 0
    ANY_FORM = 1
    DATE_FORM = 2
    TIME_FORM = 3
    DATETIME_FORM = 4
    UID_FORM = 5
    NAME_FORM = 6

cdef double *POWERS_OF_TEN = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]

# Whole numbers of up to 15 digits fit a decimal string with their sign.
cdef int64_t LONGEST_DECIMAL = 1000000000000000

cdef object UNSURE = object()
cdef list NAMES = []
cdef object TAG_TYPE = Tag
cdef object DS_TYPE = DS
cdef object IS_TYPE = IS
cdef Py_ssize_t DS_TEXT = slot_offset(DS._text)


cdef void fill_tables() except *:
    cdef VRInfo *info
    cdef int c
    kinds = {"decimal": DECIMAL, "integer": INTEGER, "signed": SIGNED, "unsigned": UNSIGNED, "float": FLOAT,
             "tag": TAG, "buffer": BUFFER, "sequence": SEQUENCE}
    forms = {"text": (PRINTABLE, ANY_FORM), "block": (PRINTABLE_OR_BACKSLASH, ANY_FORM), "code": (CODE_CHARACTERS, ANY_FORM),
             "uid": (UID_CHARACTERS, UID_FORM), "date": (DIGITS, DATE_FORM), "time": (DIGITS, TIME_FORM),
             "datetime": (DIGITS, DATETIME_FORM), "name": (PRINTABLE, NAME_FORM),
             "decimal": (DECIMAL_CHARACTERS, ANY_FORM), "integer": (INTEGER_CHARACTERS, ANY_FORM)}
    for row in VRS.values():
        info = &TABLE[row_index(ord(row.code[0]), ord(row.code[1]))]
        info.code[0], info.code[1] = ord(row.code[0]), ord(row.code[1])
        info.header, info.pad, info.unit = row.header, row.pad, row.unit
        info.kind = kinds.get(row.kind, TEXT)
        info.charset, info.multiple = row.charset, row.multiple
        info.characters, info.form = forms.get(row.kind, (0, NEVER_QUICK))
        info.maximum = row.maximum
        NAMES.append(row.code)
        info.name = <PyObject *>NAMES[len(NAMES) - 1]
    # an application entity title has a rule of its own: not only spaces
    TABLE[row_index(ord("A"), ord("E"))].form = NEVER_QUICK
    for c in range(128):
        CLASSES[c] = (
            (CODE_CHARACTERS if chr(c) in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _" else 0)
            | (UID_CHARACTERS if chr(c) in "0123456789." else 0)
            | (DECIMAL_CHARACTERS if chr(c) in "0123456789+-Ee. " else 0)
            | (INTEGER_CHARACTERS if chr(c) in "0123456789+- " else 0)
            | (DIGITS if chr(c) in "0123456789." else 0)
            | (PRINTABLE if 32 <= c < 127 and c != 92 else 0)
            | (PRINTABLE_OR_BACKSLASH if 32 <= c < 127 or c in (9, 10, 12, 13) else 0))


cdef object number_text(object value):
    cdef PyObject *text
    if type(value) is DS_TYPE:
        text = slot_at(value, DS_TEXT)
        return None if text == NULL else <object>text
    return value.text if type(value) is IS_TYPE else None


cdef inline int digits(const uint8_t *text, int count) noexcept:
    """The number that ``count`` digits spell, or -1."""
    cdef int value = 0, i
    for i in range(count):
        if text[i] < 48 or text[i] > 57:
            return -1
        value = 10 * value + text[i] - 48
    return value


cdef inline bint plain_date(const uint8_t *text) noexcept:
    """Whether eight digits are a day of some month; the 29th of February is left to the rules."""
    cdef int month = digits(text + 4, 2), day = digits(text + 6, 2)
    return digits(text, 4) >= 0 and 1 <= month <= 12 and 1 <= day <= SURE_DAYS[month]


cdef inline bint plain_time(const uint8_t *text, Py_ssize_t size) noexcept:
    """HHMMSS, or HHMMSS.FFFFFF with one to six digits of fraction."""
    cdef int hour, minute, second
    if size < 6 or size == 7 or size > 13:
        return False
    hour, minute, second = digits(text, 2), digits(text + 2, 2), digits(text + 4, 2)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return False
    return size == 6 or (text[6] == c"." and digits(text + 7, <int>size - 7) >= 0)


cdef inline bint plain_uid(const uint8_t *text, Py_ssize_t size) noexcept:
    cdef Py_ssize_t i
    cdef bint starts = True
    for i in range(size):
        if text[i] == c".":
            if starts:
                return False
            starts = True
        else:
            if starts and text[i] == c"0" and i + 1 < size and text[i + 1] != c".":
                return False
            starts = False
    return not starts


cdef inline bint plain_name(int kind, const void *text, Py_ssize_t size) noexcept:
    """Short enough for one component group, and no more delimiters than one group may hold."""
    cdef Py_ssize_t i
    cdef int carets = 0, equals = 0
    cdef uint32_t c
    for i in range(size):
        c = PyUnicode_READ(kind, text, i)
        carets += c == c"^"
        equals += c == c"="
    return carets <= 4 and equals <= 2


cdef bint plain_text(const VRInfo *info, object value) noexcept:
    """Whether an exact, non-empty str is surely a single right value of the VR."""
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(value), i
    cdef const uint8_t *text
    cdef uint32_t c
    cdef int kind
    if size > info.maximum:
        return False
    if not PyUnicode_IS_ASCII(value):
        return info.charset and plain_international(info, value, size)
    text = <const uint8_t *>PyUnicode_DATA(value)
    for i in range(size):
        if not CLASSES[text[i]] & info.characters:
            return False
    if info.form == ANY_FORM:
        return True
    if info.form == DATE_FORM:
        return size == 8 and plain_date(text)
    if info.form == TIME_FORM:
        return plain_time(text, size)
    if info.form == DATETIME_FORM:
        return size >= 14 and plain_date(text) and plain_time(text + 8, size - 8)
    if info.form == UID_FORM:
        return plain_uid(text, size)
    if info.form == NAME_FORM:
        return plain_name(1, text, size)
    return False


cdef bint plain_international(const VRInfo *info, object value, Py_ssize_t size) noexcept:
    cdef int kind = PyUnicode_KIND(value)
    cdef const void *text = PyUnicode_DATA(value)
    cdef Py_ssize_t i
    cdef uint32_t c
    for i in range(size):
        c = PyUnicode_READ(kind, text, i)
        if c < 128:
            if not CLASSES[c] & info.characters:
                return False
        elif c < 160 or 0xD800 <= c < 0xE000:
            return False
    return info.form != NAME_FORM or plain_name(kind, text, size)


cdef object quick_number(const VRInfo *info, object value):
    cdef int overflow = 0, bits = 8 * info.unit
    cdef int64_t whole
    cdef double number
    cdef float single
    if PyLong_CheckExact(value):
        whole = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow:
            return UNSURE
        if info.kind == UNSIGNED:
            return value if whole >= 0 and (bits == 64 or whole >> bits == 0) else UNSURE
        if info.kind == SIGNED:
            return value if bits == 64 or -(<int64_t>1 << bits - 1) <= whole < <int64_t>1 << bits - 1 else UNSURE
        if info.kind == INTEGER:
            return value if -(<int64_t>1 << 31) <= whole < <int64_t>1 << 31 else UNSURE
        if info.kind == DECIMAL:
            return value if -LONGEST_DECIMAL < whole < LONGEST_DECIMAL else UNSURE
        return UNSURE
    if PyFloat_CheckExact(value):
        number = PyFloat_AS_DOUBLE(value)
        if info.kind == DECIMAL:
            return value if isfinite(number) and round_decimal(number) == number else UNSURE
        if info.kind == FLOAT:
            if info.unit == 8:
                return value
            single = <float>number
            return UNSURE if isinf(single) else value if single == number else <double>single if number == number else value
    return UNSURE


cdef object quick_one(const VRInfo *info, object value):
    """One value of a VR that is neither buffer nor sequence."""
    if PyUnicode_CheckExact(value):
        if PyUnicode_GET_LENGTH(value) == 0 or not plain_text(info, value):
            return UNSURE
        if info.kind == TEXT:
            return value
        if info.kind == DECIMAL:
            return quick_decimal_text(value)
        return UNSURE
    if info.kind == TAG:
        return value if type(value) is TAG_TYPE else UNSURE
    return quick_number(info, value)


cdef object quick_decimal_text(str text):
    cdef double number
    if not plain_decimal(<const uint8_t *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), &number):
        try:
            number = float(text)
        except ValueError:
            return UNSURE
        if not isfinite(number):
            return UNSURE
    return number_with_text(DS_TYPE, number, DS_TEXT, text)


cdef bint plain_decimal(const uint8_t *text, Py_ssize_t size, double *number) noexcept:
    """Digits with a point among them, so few that digits and power of ten are exact, and their quotient is the nearest double."""
    cdef Py_ssize_t at = 1 if size and text[0] == c"-" else 0, digits = 0, fraction = -1
    cdef int64_t whole = 0
    if size - at > 16:
        return False
    while at < size:
        if text[at] == c"." and fraction < 0:
            fraction = digits
        elif c"0" <= text[at] <= c"9":
            whole = 10 * whole + text[at] - 48
            digits += 1
        else:
            return False
        at += 1
    if digits == 0 or digits > 15:
        return False
    number[0] = <double>whole if fraction < 0 else <double>whole / POWERS_OF_TEN[digits - fraction]
    if text[0] == c"-":
        number[0] = -number[0]
    return True


cdef object quick_several(const VRInfo *info, list values):
    cdef Py_ssize_t i, count = PyList_GET_SIZE(values)
    cdef tuple result = PyTuple_New(count)
    for i in range(count):
        made = quick_one(info, values[i])
        if made is UNSURE:
            return UNSURE
        Py_INCREF(made)
        PyTuple_SET_ITEM(result, i, made)
    return result


cdef object quick_value(const VRInfo *info, object vm, object value):
    """The normalised value of anything but a sequence, or UNSURE."""
    cdef Py_ssize_t count
    cdef list values
    if value is None:
        return UNSURE
    if info.kind == BUFFER:
        return value if PyBytes_CheckExact(value) and len(<bytes>value) else UNSURE
    if info.kind == NO_VR:
        return UNSURE
    if PyList_CheckExact(value):
        values = <list>value
    elif PyTuple_CheckExact(value) and info.kind != TAG:
        values = list(<tuple>value)
    else:
        return quick_one(info, value) if allows(vm, 1) else UNSURE
    count = PyList_GET_SIZE(values)
    if count < 2 or not info.multiple or not allows(vm, count):
        return UNSURE
    return quick_several(info, values)


cdef inline bint allows(object vm, Py_ssize_t count) except -1:
    """Whether the dictionary's VM, a tuple (low, high, step), allows so many values; without a VM any number is right."""
    if vm is None:
        return True
    high = <object>PyTuple_GET_ITEM(vm, 1)
    return (count >= PyLong_AsLong(<object>PyTuple_GET_ITEM(vm, 0)) and (high is None or count <= PyLong_AsLong(high))
            and count % PyLong_AsLong(<object>PyTuple_GET_ITEM(vm, 2)) == 0)


fill_tables()
if DS_TEXT < 0:
    raise SystemError("this Python keeps slots in a way that dcmenc does not know")
