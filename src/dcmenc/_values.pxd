# cython: language_level=3
from cpython.object cimport PyObject
cimport cython
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

# An Element, without a look at what it is made of.
cdef object bare_element(object tag, object vr, object value)

# A DS that keeps its text; UNSURE where the text is no finite number.
cdef object UNSURE
cdef object quick_decimal_text(str text)

# New, empty instances of model.Dataset and model.Sequence; the last two for what is read (see Deferred).
cdef ElementStore new_dataset()
cdef ElementStore new_item()
cdef ItemList new_sequence()

# What stands in a dataset for an element whose value has not been asked for: see _parse.pyx.
@cython.no_gc
cdef class Deferred:
    # the Element, if somebody asked for it and it is worth keeping: a sequence always is, since its user may change it
    cdef object known
    # the Element that it stands for; ``elements`` are those of the dataset in which it stands
    cdef object element(self, dict elements)

# The items of a sequence, and whether it is closed by a delimiter; model.Sequence is built on it.
cdef class ItemList(list):
    cdef public bint undefined_length

# What C reads of a dataset; model.Dataset is built on it.
cdef class ElementStore:
    cdef public dict _elements
    cdef object _policy
    cdef public object preamble
    cdef public bint undefined_length
    cdef public object _file_meta
    # where the dataset was read from (a Span of _parse.pyx), and what was wrong there
    cdef object origin
    cdef object faults_found
    cdef object __weakref__
    cdef object stored(self, object tag)
    cdef list in_order(self)
