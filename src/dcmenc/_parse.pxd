# cython: language_level=3
cimport cython
from libc.stdint cimport uint32_t

from ._scan cimport Found
from ._source cimport Coding
from ._quick cimport VRInfo
from ._store cimport Deferred, ElementStore, ItemList

# One element as it was read, and where the data set begins and how deep it lies in which it stood.
@cython.final
@cython.no_gc
cdef class RawElement(Deferred):
    cdef Coding coding
    cdef object tag_object
    cdef Found found
    cdef Py_ssize_t level
    cdef int depth
    cdef const VRInfo *own_row(self) noexcept
    cdef object own_vr(self, dict elements)
    cdef object made(self, dict elements)
    cdef object made_of_open(self, object vr, bint undefined)
    cdef object made_of_signed(self, bint sign)
    cdef object shown(self, const VRInfo *info, bint strict)
    cdef object buffer(self, const VRInfo *info)
    cdef object fragments(self)
    cdef object readable(self)
    cdef object opened(self)

# Where a dataset stood, and what it held then.
@cython.final
@cython.no_gc
cdef class Span:
    cdef Coding coding
    cdef object identity
    # from the item's tag to behind its delimiter, and the elements in it
    cdef Py_ssize_t outer_start, outer_end, start, stop
    cdef Py_ssize_t count
    cdef int depth, described
    cdef bint undefined, exact, encapsulated
    cdef Py_ssize_t end(self) noexcept

# The span of a dataset in which nothing was set, deleted or moved since it was read; None for any other.
cdef Span span_as_read(ElementStore store)

# What a Specific Character Set declares, None if nothing.
cdef object own_charset(RawElement raw)

# What a private element is by its creator, UN where nothing is known.
@cython.final
@cython.no_gc
cdef class PrivateBlock:
    cdef dict elements, vrs
    cdef uint32_t first
    cdef object vr(self, uint32_t tag, dict elements)

# Whether a sequence holds what it was read with.
cdef bint sequence_as_read(RawElement raw) except -1
