# cython: language_level=3
"""Header-only: loads and stores in either byte order, and the growing buffer that every writer appends to. Knows no DICOM."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define DCMENC_HOST_BIG 1
    #else
    #define DCMENC_HOST_BIG 0
    #endif
    static inline void dcmenc_store16(uint8_t *p, uint16_t v, int big) {
        if (big != DCMENC_HOST_BIG) v = __builtin_bswap16(v);
        memcpy(p, &v, 2);
    }
    static inline void dcmenc_store32(uint8_t *p, uint32_t v, int big) {
        if (big != DCMENC_HOST_BIG) v = __builtin_bswap32(v);
        memcpy(p, &v, 4);
    }
    static inline void dcmenc_store64(uint8_t *p, uint64_t v, int big) {
        if (big != DCMENC_HOST_BIG) v = __builtin_bswap64(v);
        memcpy(p, &v, 8);
    }
    static inline uint16_t dcmenc_load16(const uint8_t *p, int big) {
        uint16_t v;
        memcpy(&v, p, 2);
        return big != DCMENC_HOST_BIG ? __builtin_bswap16(v) : v;
    }
    static inline uint32_t dcmenc_load32(const uint8_t *p, int big) {
        uint32_t v;
        memcpy(&v, p, 4);
        return big != DCMENC_HOST_BIG ? __builtin_bswap32(v) : v;
    }
    static inline uint64_t dcmenc_load64(const uint8_t *p, int big) {
        uint64_t v;
        memcpy(&v, p, 8);
        return big != DCMENC_HOST_BIG ? __builtin_bswap64(v) : v;
    }
    """
    const bint HOST_IS_BIG "DCMENC_HOST_BIG"
    void store16 "dcmenc_store16"(uint8_t *, uint16_t, bint) noexcept nogil
    void store32 "dcmenc_store32"(uint8_t *, uint32_t, bint) noexcept nogil
    void store64 "dcmenc_store64"(uint8_t *, uint64_t, bint) noexcept nogil
    uint16_t load16 "dcmenc_load16"(const uint8_t *, bint) noexcept nogil
    uint32_t load32 "dcmenc_load32"(const uint8_t *, bint) noexcept nogil
    uint64_t load64 "dcmenc_load64"(const uint8_t *, bint) noexcept nogil


cdef struct Sink:
    uint8_t *data
    Py_ssize_t used
    Py_ssize_t capacity
    # bytes that stand outside, in the owner's list of splices
    Py_ssize_t spliced


cdef inline Py_ssize_t position(const Sink *sink) noexcept nogil:
    """How many bytes come before the next one, splices included."""
    return sink.used + sink.spliced


cdef inline int grow(Sink *sink, Py_ssize_t room) except -1 nogil:
    cdef Py_ssize_t capacity = max(2 * sink.capacity, sink.used + room, 16384)
    cdef uint8_t *data = <uint8_t *>realloc(sink.data, capacity)
    if data == NULL:
        raise MemoryError()
    sink.data = data
    sink.capacity = capacity
    return 0


cdef inline int reserve(Sink *sink, Py_ssize_t room) except -1 nogil:
    """Make sure that ``room`` more bytes can be stored at ``sink.data + sink.used``."""
    if room > sink.capacity - sink.used:
        return grow(sink, room)
    return 0


cdef inline int put(Sink *sink, const void *source, Py_ssize_t size) except -1 nogil:
    if size:
        reserve(sink, size)
        memcpy(sink.data + sink.used, source, size)
        sink.used += size
    return 0


cdef inline int put_byte(Sink *sink, uint8_t byte) except -1 nogil:
    reserve(sink, 1)
    sink.data[sink.used] = byte
    sink.used += 1
    return 0
