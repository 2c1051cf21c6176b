# cython: language_level=3
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport uint32_t

from ._quick cimport VRInfo
from ._walk cimport Walk

cdef enum:
    SHAPES_SEEN = 64

# Python's names of pydicom's default character set, and the codecs that may change ASCII characters.
cdef list LATIN
cdef object SHIFTED

# pydicom's names of the codecs for a Specific Character Set.
cdef list converted_names(object terms)

# Whether an attribute describes a lookup table, of which pydicom takes the first value for unsigned.
cdef bint is_described(uint32_t tag) noexcept

cdef class ForeignValues(Walk):
    # the classes that were met, and their shapes
    cdef PyTypeObject *kinds[SHAPES_SEEN]
    cdef int shapes[SHAPES_SEEN]
    cdef list kept
    # the names of the character sets in force
    cdef list names
    cdef int shape(self, object thing) except -1
    cdef list listed(self, object value)
    cdef int octets(self, object value) except -1
    cdef int foreign_texts(self, const VRInfo *info, object value) except -1
    cdef bint multiple(self, object value) except -1
    cdef int foreign_text(self, const VRInfo *info, object value) except -1
    cdef int beyond_ascii(self, const VRInfo *info, object value) except -1
    cdef bint lost(self, bytes encoded, object text) except -1
    cdef int name(self, object value) except -1
    cdef int number_texts(self, object value) except -1
    cdef int number_text(self, object value) except -1
    cdef int float_text(self, double value) except -1
    cdef int binary_numbers(self, uint32_t tag, const VRInfo *info, object value) except -1
    cdef object plain(self, const VRInfo *info, object value)
