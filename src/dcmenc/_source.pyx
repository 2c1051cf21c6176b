# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Where the bytes are that datasets were read from, and how they are to be understood. What stands in them is found in ``_parse.pyx``."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport uint8_t, uint32_t
cimport cython

from .dictionary import Tag

cdef enum:
    # a shorter value is copied out
    IN_MEMORY = 16384

cdef object TAG_TYPE = Tag
cdef object NEW_INT = int.__new__


@cython.final
@cython.no_gc
cdef class Source:
    """The bytes that datasets were read from.

    ``guard`` is called before bytes are looked at that somebody else could have changed or taken away. Sources of one
    ``identity`` come from one file, such as what was inflated and what was not.
    """

    def __cinit__(self, owner, guard=None, identity=None):
        PyObject_GetBuffer(owner, &self.view, PyBUF_SIMPLE)
        self.held = True
        self.owner, self.guard = owner, guard
        self.identity = object() if identity is None else identity
        self.data, self.size = <const uint8_t *>self.view.buf, self.view.len

    def __dealloc__(self):
        cdef int i
        for i in range(256):
            Py_XDECREF(self.tags[i])
        if self.held:
            PyBuffer_Release(&self.view)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, <void *>self.data, self.size, True, flags)

    cdef int check(self) except -1:
        if self.guard is not None:
            self.guard()
        return 0

    cdef object window(self, Py_ssize_t start, Py_ssize_t stop):
        """A part of the bytes: a copy of a short one, a view of a long one."""
        self.check()
        if stop - start < IN_MEMORY:
            return PyBytes_FromStringAndSize(<const char *>self.data + start, stop - start)
        return memoryview(self)[start:stop]

    cdef object tag(self, uint32_t number):
        """The Tag of a number; a file repeats a few hundred of them, which need not be made anew each time."""
        cdef int slot = (number ^ number >> 16) & 0xFF
        with cython.critical_section(self):
            if self.tags[slot] == NULL or self.numbers[slot] != number:
                made = NEW_INT(TAG_TYPE, number)
                Py_XDECREF(self.tags[slot])
                Py_INCREF(made)
                self.tags[slot], self.numbers[slot] = <PyObject *>made, number
            made = <object>self.tags[slot]
        return made


@cython.final
@cython.no_gc
cdef class Coding:
    """How the elements of a data set are to be understood: VR, byte order, character set, sign of its pixels."""

    cdef Coding turned(self, bint implicit, bint big, object charset, int sign):
        """The same bytes, understood in another way."""
        cdef Coding made
        if implicit == self.implicit and big == self.big and charset is self.charset and sign == self.sign:
            return self
        made = Coding.__new__(Coding)
        made.source, made.sound, made.lenient = self.source, self.sound, self.lenient
        made.assumed, made.fragments = self.assumed, self.fragments
        made.implicit, made.big, made.charset, made.sign = implicit, big, charset, sign
        return made

    cdef Coding on(self, Source source):
        """Other bytes, understood in the same way."""
        cdef Coding made = Coding.__new__(Coding)
        made.source, made.lenient, made.assumed, made.fragments = source, self.lenient, self.assumed, self.fragments
        made.implicit, made.big, made.charset, made.sign = self.implicit, self.big, self.charset, self.sign
        return made

    def __reduce__(self):
        return restored_coding, (self.implicit, self.big, self.lenient, self.sign, self.fragments, self.charset, self.assumed)


def restored_coding(implicit, big, lenient, sign, fragments, charset, assumed):
    cdef Coding made = Coding.__new__(Coding)
    made.implicit, made.big, made.lenient, made.sign, made.fragments = implicit, big, lenient, sign, fragments
    made.charset, made.assumed = charset, assumed
    return made
