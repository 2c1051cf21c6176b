# cython: language_level=3
from libc.stdint cimport uint8_t

cdef void swap_copy(uint8_t *target, const uint8_t *source, Py_ssize_t size, int unit) noexcept nogil
