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
    NO_END
    TWICE
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


# What bytes are read as. ``counted``: where they end is said by a length, not only by the end of the file.
cdef struct Form:
    bint implicit
    bint big
    bint counted


@cython.final
cdef class Scan:
    cdef const uint8_t *data
    # whether faults are passed over, and whether silently
    cdef bint lenient, mute
    cdef bint before_pixels
    # whether all of it was found sound before, so that counted items need not be looked into
    cdef bint sound
    # something was set right since this was last set to False
    cdef bint mended
    # the level whose elements are collected, and how far down it may go from there
    cdef int base, depth, deepest
    cdef Step steps[DEEPEST + 2]
    # how many elements and items may still come
    cdef Py_ssize_t left
    # where the elements of the last level ended
    cdef Py_ssize_t stop
    # up to where a look for padding has come: no byte is looked at twice for it
    cdef Py_ssize_t no_zero
    cdef Fault fault
    cdef Py_ssize_t fault_at, fault_a, fault_b
    cdef list faults
    # the tags of sequences, for Implicit VR; ``unsure`` if they were wanted
    cdef bytes sequences
    cdef const uint32_t *sequence_tags
    cdef Py_ssize_t sequence_count
    cdef bint unsure
    cdef Found *found
    cdef Py_ssize_t count, capacity
    # whether the level that is asked for is in Implicit VR
    cdef bint implicit
    cdef int know_sequences(self) except -1
    cdef Py_ssize_t level(self, Py_ssize_t at, Py_ssize_t end, Form form, bint closed) noexcept nogil
    cdef Py_ssize_t elements(self, Py_ssize_t at, Py_ssize_t end, Form form, bint closed, bint *ascending) noexcept nogil
    cdef bint unclosed(self, Py_ssize_t at, Form form) noexcept nogil
    cdef bint count_one(self, Py_ssize_t at) noexcept nogil
    cdef bint no_doubles(self, Py_ssize_t first) noexcept nogil
    cdef Py_ssize_t element(self, Py_ssize_t at, Py_ssize_t end, Form form) noexcept nogil
    cdef Py_ssize_t undefined(self, Py_ssize_t at, Py_ssize_t end, Form form, Found *found) noexcept nogil
    cdef Py_ssize_t defined(self, Py_ssize_t at, Py_ssize_t end, Form form, Found *found, uint32_t length) noexcept nogil
    cdef bint header(self, Py_ssize_t at, Py_ssize_t end, Form form, Found *found, uint32_t *length) noexcept nogil
    cdef bint has_long_header(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil
    cdef bint lacks_vr(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil
    cdef Py_ssize_t items(self, Py_ssize_t at, Py_ssize_t end, Form form, bint closed, uint32_t tag) noexcept nogil
    cdef Py_ssize_t item(self, Py_ssize_t at, Py_ssize_t end, Form form, uint32_t length) noexcept nogil
    cdef Py_ssize_t fragments(self, Py_ssize_t at, Py_ssize_t end, Form form) noexcept nogil
    cdef bint is_sequence(self, uint32_t tag) noexcept nogil
    cdef bint only_zeros(self, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef bint collect(self, const Found *found) noexcept nogil
    cdef Py_ssize_t fail(self, Fault fault, Py_ssize_t at, Py_ssize_t a, Py_ssize_t b) noexcept nogil
    cdef bint note(self, Fault fault, Py_ssize_t at, Py_ssize_t a, Py_ssize_t b) noexcept nogil
    cdef void remember(self) noexcept
    cdef object error(self)
    cdef str path(self)
