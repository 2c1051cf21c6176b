# cython: language_level=3
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t

from ._bytes cimport Sink
from ._elements cimport Syntax
from ._scan cimport DEEPEST
from ._quick cimport DECIMAL, INTEGER, TEXT, VRInfo
from ._store cimport ItemList

cdef enum:
    # of whether PixelRepresentation is 1
    UNSEEN = -1
    # buffers from this size on are recorded instead of copied
    SPLICED_FROM = 16384
    PIXEL_DATA = 0x7FE00010
    SAMPLES_PER_PIXEL = 0x00280002
    PHOTOMETRIC = 0x00280004
    NUMBER_OF_FRAMES = 0x00280008
    ROWS = 0x00280010
    COLUMNS = 0x00280011
    BITS_ALLOCATED = 0x00280100
    PIXEL_REPRESENTATION = 0x00280103

# One dataset on the way from the root to where the walk stands: the element in it, and the item of that.
cdef struct Level:
    uint32_t tag
    Py_ssize_t item
    PyObject *elements
    # whether PixelRepresentation is 1 here, UNSEEN until somebody asks
    int sign

# An element that waits for its turn.
cdef struct Entry:
    uint32_t tag
    PyObject *element

# A group length element whose value waits for the end of its group.
cdef struct GroupLength:
    bint open
    uint32_t number
    Py_ssize_t value
    Py_ssize_t begin

cdef class Walk:
    cdef Sink sink
    cdef Syntax syntax
    cdef bint encapsulated, replace_text, refuse_long, conforming, policy_given, utf8, ascii
    cdef object charset
    # what is written without a copy: (offset in the sink, view)
    cdef list splices
    # tags of the root -> where their values stand
    cdef dict located
    cdef int depth
    cdef Level levels[DEEPEST + 1]
    cdef Entry *entries
    cdef Py_ssize_t entry_count, entry_capacity
    # the elements of one dataset, in order; what the subclass is there for
    cdef int dataset(self, dict elements) except -1
    cdef int make_room(self, Py_ssize_t count) except -1
    cdef int use(self, object charset) except -1
    cdef int begin_group(self, GroupLength *group, uint32_t tag) except -1
    cdef int finish_group(self, GroupLength *group) except -1
    cdef int element(self, uint32_t tag, object vr, object value) except -1
    cdef int locate(self, uint32_t tag, Py_ssize_t begin) except -1
    cdef int finish(self, const VRInfo *info, Py_ssize_t start, Py_ssize_t begin) except -1
    cdef int finish_long(self, const VRInfo *info, Py_ssize_t start, Py_ssize_t length) except -1
    cdef int sequence(self, uint32_t tag, const VRInfo *info, object value, Py_ssize_t start, Py_ssize_t begin) except -1
    cdef int unknown_sequence(self, uint32_t tag, const VRInfo *info, ItemList items) except -1
    cdef int item(self, object dataset) except -1
    cdef int texts(self, const VRInfo *info, object value) except -1
    cdef int text(self, const VRInfo *info, object text) except -1
    cdef int international(self, const VRInfo *info, object text) except -1
    cdef int numbers(self, const VRInfo *info, tuple values) except -1
    cdef int array(self, const VRInfo *info, object value) except -1
    cdef int copy(self, const uint8_t *source, Py_ssize_t size, int unit, bint swap) except -1 nogil
    cdef int buffer(self, uint32_t tag, const VRInfo *info, object value) except -1
    cdef int check_pixels(self, object value, Py_ssize_t size, Py_ssize_t found) except -1
    cdef int swapped(self, const VRInfo *info, const Py_buffer *view) except -1
    cdef int padded(self, object value, const Py_buffer *view) except -1
    cdef int splice(self, object value, Py_ssize_t size) except -1
    cdef int fragments(self, uint32_t tag, object value) except -1
    cdef int fragment(self, object value) except -1
    cdef const VRInfo *resolve(self, uint32_t tag, object vr, object value) except NULL
    cdef str resolve_bytes(self, uint32_t tag, object value)
    cdef str resolve_sign(self, object value)
    cdef object own_value(self, uint32_t tag)
    cdef object nearest_value(self, uint32_t tag)
    cdef int words(self, uint32_t tag, const VRInfo *info, object value) except -1
    cdef list pieces(self)
    cdef str path(self)

# The value of an element in a dict of elements, None where there is none.
cdef object value_in(PyObject *elements, uint32_t tag)

# Whether a value is one whole number, or several numbers.
cdef bint holds_numbers(object value)


cdef inline bint is_text(const VRInfo *info) noexcept:
    return info.kind == TEXT or info.kind == DECIMAL or info.kind == INTEGER
