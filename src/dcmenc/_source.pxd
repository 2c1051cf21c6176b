# cython: language_level=3
from cpython.object cimport PyObject
cimport cython
from libc.stdint cimport int8_t, uint8_t, uint32_t

from ._scan cimport Scan

# The bytes that datasets were read from, alive as long as anything stands in them.
@cython.final
@cython.no_gc
cdef class Source:
    cdef object owner
    cdef object guard
    cdef Py_buffer view
    cdef bint held
    cdef const uint8_t *data
    cdef Py_ssize_t size
    # what tells one file from another
    cdef readonly object identity
    cdef uint32_t numbers[256]
    cdef PyObject *tags[256]
    cdef int check(self) except -1
    # a scan that nobody uses at the moment
    cdef Scan spare
    cdef object window(self, Py_ssize_t start, Py_ssize_t stop)
    cdef object tag(self, uint32_t number)

# How the elements of a data set are to be understood.
@cython.final
@cython.no_gc
cdef class Coding:
    cdef Source source
    cdef bint implicit, big, lenient
    # whether a scan went through all of the source and found nothing to mend
    cdef bint sound
    # whether Pixel Data is in fragments, -1 where nobody said
    cdef int8_t fragments
    # PixelRepresentation in or around the data set, -1 where there is none
    cdef int8_t sign
    # the declared character set, and what undeclared text is taken for, None where nobody said
    cdef object charset, assumed
    cdef Coding turned(self, bint implicit, bint big, object charset, int sign)
    cdef Coding on(self, Source source)
