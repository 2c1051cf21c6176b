# cython: language_level=3
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t

# How the bytes of a VR are made; the names of vr.py's kinds, made small for a switch.
cdef enum Kind:
    NO_VR = 0
    TEXT = 1
    DECIMAL = 2
    INTEGER = 3
    SIGNED = 4
    UNSIGNED = 5
    FLOAT = 6
    TAG = 7
    BUFFER = 8
    SEQUENCE = 9

cdef struct VRInfo:
    char code[2]
    uint8_t header
    uint8_t pad
    uint8_t unit
    uint8_t kind
    bint charset
    bint multiple
    # which characters the quick path lets pass, as a mask over CLASSES
    uint16_t characters
    # which quick check of the text's form applies
    uint8_t form
    Py_ssize_t maximum
    # the code as a str, alive as long as the module
    PyObject *name

cdef extern from "Python.h":
    bint PyUnicode_Check(object)
    bint PyUnicode_IS_ASCII(object)
    const void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)

# The table of VRs, whose first row is of no VR.
cdef const VRInfo *VR_ROWS


cdef inline int row_index(uint8_t first, uint8_t second) noexcept nogil:
    return ((first & 31) << 5) | (second & 31)


cdef inline const VRInfo *vr_row(uint8_t first, uint8_t second) noexcept nogil:
    """The row of a VR, or one whose kind is NO_VR."""
    cdef const VRInfo *info = VR_ROWS + row_index(first, second)
    return info if info.code[0] == first and info.code[1] == second else VR_ROWS


cdef inline const VRInfo *vr_info(object vr) noexcept:
    cdef const uint8_t *code
    if not PyUnicode_Check(vr) or PyUnicode_GET_LENGTH(vr) != 2 or not PyUnicode_IS_ASCII(vr):
        return VR_ROWS
    code = <const uint8_t *>PyUnicode_DATA(vr)
    return vr_row(code[0], code[1])


# The text that a DS or IS was set from; None when it is neither.
cdef object number_text(object value)

# A DS that keeps its text; UNSURE where the text is no finite number.
cdef object UNSURE
cdef object quick_decimal_text(str text)

# The normalised value of anything but a sequence, or UNSURE; ``vm`` is the dictionary's, or None.
cdef object quick_value(const VRInfo *info, object vm, object value)
