# cython: language_level=3
cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ._bytes cimport load16

cdef enum:
    DEEPEST = 128

cdef extern from *:
    const uint32_t ITEM "0xFFFEE000U"
    const uint32_t ITEM_END "0xFFFEE00DU"
    const uint32_t SEQUENCE_END "0xFFFEE0DDU"
    const uint32_t UNDEFINED "0xFFFFFFFFU"

cdef enum Flag:
    UNDEFINED_LENGTH = 1
    # the bytes are not legal as they stand: cut short, or a delimiter is missing
    MENDED = 2
    # in Implicit VR, whatever the data set around is
    IMPLICIT_VR = 4

cdef enum Fault:
    SHORT_HEADER = 1
    SHORT_VALUE
    NO_ITEM
    STRAY_ITEM
    NOT_UNDEFINED
    TOO_DEEP
    TOO_MANY
    NO_MEMORY

# One element: where it stands, where its value ends, and where the next one begins; the VR as the file has it, zeros for none.
cdef struct Found:
    uint32_t tag
    uint8_t header
    uint8_t first
    uint8_t second
    uint8_t flags
    Py_ssize_t start
    Py_ssize_t stop
    Py_ssize_t end

cdef struct Step:
    uint32_t tag
    Py_ssize_t item


cdef inline uint32_t load_tag(const uint8_t *at, bint big) noexcept nogil:
    return <uint32_t>load16(at, big) << 16 | load16(at + 2, big)


@cython.final
cdef class Scan:
    cdef const uint8_t *data
    cdef bint lenient, mended, before_pixels, mute, unsure
    cdef int depth, deepest
    cdef Step steps[DEEPEST + 2]
    cdef Py_ssize_t left, stop
    cdef Fault fault
    cdef Py_ssize_t fault_at, fault_a, fault_b
    cdef list faults
    cdef bytes sequences
    cdef const uint32_t *sequence_tags
    cdef Py_ssize_t sequence_count
    cdef Found *found
    cdef Py_ssize_t count, capacity
    cdef bint level_implicit
    cdef int know_sequences(self) except -1
    cdef Py_ssize_t level(self, Py_ssize_t at, Py_ssize_t end, bint implicit, bint big, bint closed, bint keep) noexcept nogil
    cdef Py_ssize_t element(self, Py_ssize_t at, Py_ssize_t end, bint implicit, bint big, bint keep) noexcept nogil
    cdef bint header(self, Py_ssize_t at, Py_ssize_t end, bint implicit, bint big, Found *found, uint32_t *length) noexcept nogil
    cdef bint has_long_header(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil
    cdef bint lacks_vr(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil
    cdef Py_ssize_t items(self, Py_ssize_t at, Py_ssize_t end, bint undefined, bint implicit, bint big, uint32_t tag) noexcept nogil
    cdef Py_ssize_t fragments(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil
    cdef bint is_sequence(self, uint32_t tag) noexcept nogil
    cdef bint only_zeros(self, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef bint collect(self, const Found *found) noexcept nogil
    cdef Py_ssize_t fail(self, Fault fault, Py_ssize_t at, Py_ssize_t a, Py_ssize_t b) noexcept nogil
    cdef bint note(self, Fault fault, Py_ssize_t at, Py_ssize_t a, Py_ssize_t b) noexcept nogil
    cdef void remember(self) noexcept
    cdef object error(self)
    cdef str path(self)
