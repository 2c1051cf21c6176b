# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Setting a value by keyword, compiled: dictionary, quick check, Element. What is not plainly right goes to ``values.py``.

The quick path never decides that a value is wrong and never changes one in a way that ``values.normalise`` would not:
it only recognises the ordinary values early (a test holds the two against each other).
"""

from cpython.dict cimport PyDict_GetItemWithError, PyDict_Keys, PyDict_Next, PyDict_Values
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject, PyObject_GenericSetAttr
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.math cimport isfinite, isinf
cimport cython

from ._decimal cimport round_decimal
from ._references cimport dict_item, list_item
from ._values cimport BUFFER, DECIMAL, FLOAT, INTEGER, NO_VR, SEQUENCE, SIGNED, TAG, TEXT, UNSIGNED, VRInfo

from .dictionary import Tag, keyword_like, keyword_table, nearest_keywords
from .errors import EncodeError
from .values import DS, IS, Element, check_policy, describe, normalise
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
    int PyList_SetSlice(object, Py_ssize_t, Py_ssize_t, object) except -1
    long PyLong_AsLong(object) except? -1
    int64_t PyLong_AsLongLong(object) except? -1
    void PyObject_GC_UnTrack(object)
    int delete_attribute "PyObject_GenericSetAttr"(object, object, PyObject *) except -1
    int64_t PyLong_AsLongLongAndOverflow(object, int *) except? -1

cdef extern from *:
    """
    #include "structmember.h"
    /* Whether a value is surely part of no reference cycle: the garbage collector need not look at it, nor at a tuple of such
       values, as it finds out itself for plain tuples, at some cost. */
    static inline int dcmenc_is_atom(PyObject *value) {
        return !PyObject_IS_GC(value) || !PyObject_GC_IsTracked(value);
    }
    static inline int dcmenc_holds_no_cycle(PyObject *value) {
        if (dcmenc_is_atom(value)) return 1;
        if (!PyTuple_CheckExact(value)) return 0;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
            if (!dcmenc_is_atom(PyTuple_GET_ITEM(value, i))) return 0;
        PyObject_GC_UnTrack(value);
        return 1;
    }
    /* An instance of a tuple subclass with three items, without calling its __new__. */
    static PyObject *dcmenc_named_triple(PyObject *cls, PyObject *a, PyObject *b, PyObject *c) {
        PyTypeObject *type = (PyTypeObject *)cls;
        PyTupleObject *made = (PyTupleObject *)type->tp_alloc(type, 3);
        if (made == NULL) return NULL;
    #if PY_VERSION_HEX >= 0x030E0000
        made->ob_hash = -1;
    #endif
        Py_INCREF(a); Py_INCREF(b); Py_INCREF(c);
        made->ob_item[0] = a; made->ob_item[1] = b; made->ob_item[2] = c;
        if (dcmenc_holds_no_cycle(c)) PyObject_GC_UnTrack(made);
        return (PyObject *)made;
    }
    /* An instance by the type's own tp_new, without its __init__. */
    static PyObject *dcmenc_new(PyObject *cls, PyObject *arguments) {
        return ((PyTypeObject *)cls)->tp_new((PyTypeObject *)cls, arguments, NULL);
    }
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
    object named_triple "dcmenc_named_triple"(object, object, object, object)
    object new_instance "dcmenc_new"(object, object)
    object number_with_text "dcmenc_number_with_text"(object, double, Py_ssize_t, object)
    Py_ssize_t slot_offset "dcmenc_slot_offset"(object)
    PyObject *slot_at "dcmenc_slot_at"(object, Py_ssize_t)

cdef VRInfo TABLE[1024]
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
cdef dict KEYWORDS = {}
cdef list NAMES = []
cdef bytes ZERO_PREAMBLE = bytes(128)
cdef object ELEMENT_TYPE = Element
cdef object TAG_TYPE = Tag
cdef object DS_TYPE = DS
cdef object IS_TYPE = IS
cdef Py_ssize_t DS_TEXT = slot_offset(DS._text)
cdef object SEQUENCE_TYPE = None
cdef object DATASET_TYPE = None


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


cdef inline int row_index(uint8_t first, uint8_t second) noexcept nogil:
    return ((first & 31) << 5) | (second & 31)


cdef const VRInfo *vr_row(uint8_t first, uint8_t second) noexcept nogil:
    cdef const VRInfo *info = &TABLE[row_index(first, second)]
    return info if info.code[0] == first and info.code[1] == second else &TABLE[0]


cdef const VRInfo *vr_info(object vr) noexcept:
    cdef const uint8_t *code
    if not isinstance(vr, str) or PyUnicode_GET_LENGTH(vr) != 2 or not PyUnicode_IS_ASCII(vr):
        return &TABLE[0]
    code = <const uint8_t *>PyUnicode_DATA(vr)
    return vr_row(code[0], code[1])


cdef object bare_element(object tag, object vr, object value):
    return named_triple(ELEMENT_TYPE, tag, vr, value)


cdef ElementStore new_dataset():
    return <ElementStore>new_instance(DATASET_TYPE, ())


cdef ElementStore new_item():
    cdef ElementStore made = new_dataset()
    made.preamble = None
    PyObject_GC_UnTrack(made)
    return made


cdef ItemList new_sequence():
    cdef ItemList made = <ItemList>new_instance(SEQUENCE_TYPE, ())
    PyObject_GC_UnTrack(made)
    return made


cdef object number_text(object value):
    cdef PyObject *text
    if type(value) is DS_TYPE:
        text = slot_at(value, DS_TEXT)
        return None if text == NULL else <object>text
    return value.text if type(value) is IS_TYPE else None


def adopt(sequence, dataset):
    """The model hands over its types of sequences and datasets once, when it is imported."""
    global SEQUENCE_TYPE, DATASET_TYPE
    SEQUENCE_TYPE, DATASET_TYPE = sequence, dataset


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


cdef object quick_sequence(object value):
    cdef Py_ssize_t at
    if type(value) is SEQUENCE_TYPE:
        items = value
    elif PyList_CheckExact(value):
        items = new_instance(SEQUENCE_TYPE, ())
        PyList_SetSlice(items, 0, 0, value)
    else:
        return UNSURE
    for at in range(PyList_GET_SIZE(items)):
        if not isinstance(list_item(items, at), ElementStore):
            return UNSURE
    return items


cdef object quick_value(const VRInfo *info, object vm, object value):
    """The normalised value, or UNSURE."""
    cdef Py_ssize_t count
    cdef list values
    if value is None:
        return UNSURE
    if info.kind == SEQUENCE:
        return quick_sequence(value)
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


cdef object as_sequence(object value):
    """The Sequence that a value stands for, or an error that names the item that is no dataset."""
    if value is None:
        return SEQUENCE_TYPE()
    if isinstance(value, ElementStore):
        raise EncodeError("a sequence takes a list of datasets, not one dataset; put it in a list")
    if isinstance(value, (str, bytes, bytearray, memoryview, dict)):
        raise EncodeError(f"a sequence takes a list of datasets, not {type(value).__name__}")
    try:
        return value if isinstance(value, SEQUENCE_TYPE) else SEQUENCE_TYPE(value)
    except EncodeError:
        raise
    except (TypeError, ValueError):
        raise EncodeError(f"a sequence takes a list of datasets, not {describe(value)}") from None


cdef object settled(object tag, object vr, object vm, object keyword, object value, object policy):
    """The normalised value, by the quick path or by the rules; errors say the tag and the keyword."""
    cdef const VRInfo *info = vr_info(vr)
    if info.kind == BUFFER and type(value) is SEQUENCE_TYPE and vr == "UN":
        # of undefined length, with items in Implicit VR (PS3.5 6.2.2)
        return value
    found = quick_value(info, vm, value)
    if found is not UNSURE:
        return found
    try:
        if info.kind == SEQUENCE:
            return as_sequence(value)
        return normalise(vr, value, vm, policy)
    except EncodeError as error:
        raise type(error)(error.reason, f"{tag} {keyword}".rstrip(), int(tag)) from None


def make_element(tag, str vr, vm, str keyword, value, policy):
    """An Element with its value normalised; ``vm`` is the dictionary's, or None where there is no rule."""
    return named_triple(ELEMENT_TYPE, tag, vr, settled(tag, vr, vm, keyword, value, policy))


cdef PyObject *keyword_entry(object name) except? NULL:
    """The dictionary's entry of a keyword, borrowed from a table that lives for ever; NULL without an error if there is none."""
    global KEYWORDS
    if not KEYWORDS:
        KEYWORDS = keyword_table()
    return PyDict_GetItemWithError(KEYWORDS, name)


cdef inline bint capital(object name) noexcept:
    """Whether a name begins as every keyword does."""
    return PyUnicode_GET_LENGTH(name) > 0 and c"A" <= PyUnicode_READ(PyUnicode_KIND(name), PyUnicode_DATA(name), 0) <= c"Z"


cdef object unknown_keyword(object dataset, object name):
    if not capital(name):
        meant = keyword_like(name)
        hint = f"; did you mean {meant}?" if meant else ""
        return AttributeError(f"{type(dataset).__name__!r} object has no attribute {name!r}{hint}")
    near = nearest_keywords(name)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return AttributeError(f"{name} is no DICOM keyword{hint} (private and new attributes are set by .add(tag, vr, value))")


cdef class ItemList(list):
    """The part of a sequence that C reads: its items, and whether it is closed by a delimiter (see ``model.Sequence``)."""

    def __init__(self, items=(), undefined_length=False):
        list.__init__(self, items)
        self.undefined_length = undefined_length


cdef bint is_ascending(dict elements) except -1:
    """Whether the keys stand in ascending order, as they mostly do."""
    cdef Py_ssize_t at = 0
    cdef PyObject *key
    cdef int64_t tag, previous = -1
    while PyDict_Next(elements, &at, &key, NULL):
        tag = PyLong_AsLongLong(<object>key)
        if tag < previous:
            return False
        previous = tag
    return True


cdef list ordered_tags(dict elements):
    """The keys in ascending order."""
    with cython.critical_section(elements):
        return PyDict_Keys(elements) if is_ascending(elements) else sorted(elements)


cdef list ordered_values(dict elements):
    """The values, by ascending keys."""
    with cython.critical_section(elements):
        return PyDict_Values(elements) if is_ascending(elements) else [elements[tag] for tag in sorted(elements)]


@cython.no_gc
cdef class Deferred:
    """An element of which only the place is known yet; ``_parse.pyx`` says how its value is read.

    A file has very many of them, so the garbage collector does not look at them, nor at the items and sequences that they
    become. It would find a cycle only where a dataset had been put into one of its own sequences, and such a dataset cannot
    be written.
    """

    cdef object element(self, dict elements):
        return self.known

    @property
    def as_read(self):
        return True

    def holding(self, element):
        return self


cdef class ElementStore:
    """The part of a dataset that C reads: its elements and flags, and attribute access by keyword (see ``model.Dataset``)."""

    def __cinit__(self):
        self._elements = {}
        self.preamble = ZERO_PREAMBLE

    def __init__(self, source=None, /, *, policy=None, **attributes):
        if policy is not None:
            check_policy(policy)
            self._policy = policy
        if source is not None:
            self.update(source)
        if attributes:
            self.update(**attributes)

    @property
    def policy(self):
        return self._policy

    @policy.setter
    def policy(self, policy):
        if policy is not None:
            check_policy(policy)
        self._policy = policy

    def __setattr__(self, name, value):
        cdef PyObject *found
        if not capital(name) and hasattr(type(self), name):
            # file_meta and the like need no dictionary
            PyObject_GenericSetAttr(self, name, value)
            return
        found = keyword_entry(name)
        if found == NULL:
            if (capital(name) or keyword_like(name)) and not hasattr(type(self), name):
                raise unknown_keyword(self, name)
            PyObject_GenericSetAttr(self, name, value)
            return
        tag = <object>PyTuple_GET_ITEM(<object>found, 0)
        vr = <object>PyTuple_GET_ITEM(<object>found, 1)
        value = settled(tag, vr, <object>PyTuple_GET_ITEM(<object>found, 3), name, value, self._policy)
        self._elements[tag] = named_triple(ELEMENT_TYPE, tag, vr, value)

    def __getattr__(self, name):
        cdef PyObject *found = keyword_entry(name)
        if found == NULL:
            raise unknown_keyword(self, name)
        element = self.stored(<object>PyTuple_GET_ITEM(<object>found, 0))
        if element is None:
            raise AttributeError(f"the dataset has no {name}")
        return <object>PyTuple_GET_ITEM(element, 2)

    cdef object stored(self, object tag):
        """The Element of a tag, None where there is none."""
        found = dict_item(self._elements, tag)
        return (<Deferred>found).element(self._elements) if isinstance(found, Deferred) else found

    def _stored(self, tag):
        return self.stored(tag)

    @property
    def faults(self):
        return self.faults_found or ()

    def _frozen(self):
        """How the dataset is made again from the bytes that it was read from; None if they no longer say what it is."""
        return None if self.origin is None or self.faults_found else self.origin.frozen(self)

    def _keep_faults(self, tuple faults):
        self.faults_found = faults

    def _past(self):
        """Where the dataset was read from, and the faults found there; for a copy to take over."""
        return self.origin, self.faults_found

    def _take_past(self, past):
        self.origin, self.faults_found = past

    def __iter__(self):
        """The tags, in ascending order (PS3.5 7.1)."""
        return iter(ordered_tags(self._elements))

    cdef list in_order(self):
        """The elements by ascending tag."""
        cdef list found = ordered_values(self._elements)
        cdef Py_ssize_t at
        for at in range(PyList_GET_SIZE(found)):
            if isinstance(found[at], Deferred):
                found[at] = (<Deferred>found[at]).element(self._elements)
        return found

    def values(self):
        """The elements, by ascending tag."""
        return Elements(self)

    def __getitem__(self, key):
        """The element of a tag or keyword."""
        element = self.stored(key if type(key) is TAG_TYPE else TAG_TYPE(key))
        if element is None:
            tag = TAG_TYPE(key)
            raise KeyError(f"the dataset has no {tag} {tag.keyword}".rstrip())
        return element

    def __delattr__(self, name):
        cdef PyObject *found = keyword_entry(name)
        if found == NULL:
            if capital(name) and not hasattr(self, name):
                raise unknown_keyword(self, name)
            delete_attribute(self, name, NULL)
            return
        try:
            del self._elements[<object>PyTuple_GET_ITEM(<object>found, 0)]
        except KeyError:
            raise AttributeError(f"the dataset has no {name}") from None


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class Elements:
    """What ``Dataset.values`` gives: a view of the elements, made in one go each time that it is iterated."""

    cdef ElementStore dataset

    def __cinit__(self, ElementStore dataset not None):
        self.dataset = dataset

    def __iter__(self):
        return iter(self.dataset.in_order())

    def __len__(self):
        return len(self.dataset._elements)

    def __contains__(self, element):
        return element in self.dataset.in_order()

    def __repr__(self):
        return f"Elements({self.dataset.in_order()})"


fill_tables()
if DS_TEXT < 0:
    raise SystemError("this Python keeps slots in a way that dcmenc does not know")
