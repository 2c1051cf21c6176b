# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Byte order of runs of units: copies that turn every 2, 4 or 8 bytes around. Knows no DICOM."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    /* The unaligned loads are spelled as memcpy; the compiler turns each loop into vector shuffles. */
    #define DCMENC_SWAP_LOOP(bits)                                                            \\
        static void dcmenc_swap##bits(uint8_t *to, const uint8_t *from, Py_ssize_t units) {   \\
            for (Py_ssize_t i = 0; i < units; i++) {                                          \\
                uint##bits##_t v;                                                             \\
                memcpy(&v, from + i * (bits / 8), bits / 8);                                  \\
                v = __builtin_bswap##bits(v);                                                 \\
                memcpy(to + i * (bits / 8), &v, bits / 8);                                    \\
            }                                                                                 \\
        }
    DCMENC_SWAP_LOOP(16)
    DCMENC_SWAP_LOOP(32)
    DCMENC_SWAP_LOOP(64)
    """
    void swap16 "dcmenc_swap16"(uint8_t *, const uint8_t *, Py_ssize_t) noexcept nogil
    void swap32 "dcmenc_swap32"(uint8_t *, const uint8_t *, Py_ssize_t) noexcept nogil
    void swap64 "dcmenc_swap64"(uint8_t *, const uint8_t *, Py_ssize_t) noexcept nogil


cdef void swap_copy(uint8_t *target, const uint8_t *source, Py_ssize_t size, int unit) noexcept nogil:
    """Copy ``size`` bytes, a multiple of ``unit``, with every unit turned around; the two must not overlap."""
    if unit == 2:
        swap16(target, source, size >> 1)
    elif unit == 4:
        swap32(target, source, size >> 2)
    elif unit == 8:
        swap64(target, source, size >> 3)
    elif size:
        memcpy(target, source, size)


def swapped(const uint8_t[::1] data not None, int unit):
    """The bytes with every run of ``unit`` (1, 2, 4 or 8) bytes turned around.

    >>> swapped(b"\\x01\\x02\\x03\\x04", 2)
    b'\\x02\\x01\\x04\\x03'
    """
    cdef Py_ssize_t size = data.shape[0]
    cdef bytes result
    cdef uint8_t *target
    if unit not in (1, 2, 4, 8) or size % unit:
        raise ValueError(f"{size} bytes cannot be swapped in units of {unit}")
    result = PyBytes_FromStringAndSize(NULL, size)
    target = <uint8_t *>PyBytes_AS_STRING(result)
    if size:
        with nogil:
            swap_copy(target, &data[0], size, unit)
    return result
