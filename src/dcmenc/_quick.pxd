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

# The row of a VR, or one whose kind is NO_VR.
cdef const VRInfo *vr_info(object vr) noexcept
cdef const VRInfo *vr_row(uint8_t first, uint8_t second) noexcept nogil

# The text that a DS or IS was set from; None when it is neither.
cdef object number_text(object value)

# A DS that keeps its text; UNSURE where the text is no finite number.
cdef object UNSURE
cdef object quick_decimal_text(str text)

# The normalised value of anything but a sequence, or UNSURE; ``vm`` is the dictionary's, or None.
cdef object quick_value(const VRInfo *info, object vm, object value)
