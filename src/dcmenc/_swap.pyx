# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Pixels take another place and no other value: byte order, planes, bits inside cells, single bits. Knows no DICOM.

Here: the doors, which check every number and size and then work without the GIL. The loops are in ``_swap.h``, but for the byte order.
Not here: what an image is, and which of this it needs (``frames``, ``images``).

``data`` and the like are C-contiguous buffers. ``into`` is a writable one of exactly the size of the result, and is returned; without it
the result is bytes. What is no such buffer is refused as Python does, with TypeError, BufferError or ValueError. ``portable`` does without
the machine's vector instructions; the result is the same.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
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

cdef extern from "_swap.h" nogil:
    enum:
        SWAP_SAMPLES

    struct swap_field:
        pass

    struct swap_loops:
        void (*join)(uint8_t *, const uint8_t *, size_t, size_t, size_t) noexcept nogil
        void (*split)(uint8_t *, const uint8_t *, size_t, size_t, size_t) noexcept nogil
        void (*mask)(uint8_t *, const uint8_t *, size_t, const swap_field *) noexcept nogil
        size_t (*outside)(const uint8_t *, size_t, const swap_field *) noexcept nogil
        void (*pack)(uint8_t *, const uint8_t *, size_t) noexcept nogil
        void (*unpack)(uint8_t *, const uint8_t *, size_t, size_t, size_t) noexcept nogil

    const swap_loops *swap_choose(bint) noexcept nogil
    swap_field swap_field_of(int, int, int, bint) noexcept nogil
    size_t swap_search(const uint8_t *, size_t, size_t, const swap_field *) noexcept nogil


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


cdef object open_target(object into, Py_ssize_t size, Py_buffer *view):
    """New bytes, or ``into`` if it has the size; ``view`` is to be released, unless this fails."""
    target = PyBytes_FromStringAndSize(NULL, size) if into is None else into
    # new bytes may be written to while nobody else has them
    PyObject_GetBuffer(target, view, PyBUF_SIMPLE if into is None else PyBUF_WRITABLE)
    if view.len != size:
        found = view.len
        PyBuffer_Release(view)
        raise ValueError(f"the result takes {size} bytes; the buffer to write into has {found}")
    return target


cdef int check_apart(const Py_buffer *one, const Py_buffer *other) except -1:
    cdef const uint8_t *a = <const uint8_t *>one.buf
    cdef const uint8_t *b = <const uint8_t *>other.buf
    if one.len and other.len and a < b + other.len and b < a + one.len:
        raise ValueError("the buffer to write into overlaps the data")
    return 0


cdef int check_frame(Py_ssize_t size, Py_ssize_t pixels, Py_ssize_t samples, Py_ssize_t unit) except -1:
    if not 0 < samples <= SWAP_SAMPLES:
        raise ValueError(f"a pixel has 1 to {SWAP_SAMPLES} samples, not {samples}")
    if unit not in (1, 2, 4):
        raise ValueError(f"a sample has 1, 2 or 4 bytes, not {unit}")
    if size % (samples * unit) or size // (samples * unit) != pixels:
        raise ValueError(f"{size} bytes are not {pixels} pixels of {samples} samples of {unit} bytes")
    return 0


cdef object rearranged(object data, Py_ssize_t pixels, Py_ssize_t samples, Py_ssize_t unit, object into, bint join, bint portable):
    cdef const swap_loops *loops = swap_choose(portable)
    cdef Py_buffer source, target
    PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
    try:
        check_frame(source.len, pixels, samples, unit)
        result = open_target(into, source.len, &target)
        try:
            check_apart(&source, &target)
            with nogil:
                if samples == 1:
                    swap_copy(<uint8_t *>target.buf, <const uint8_t *>source.buf, source.len, 1)
                elif join:
                    loops.join(<uint8_t *>target.buf, <const uint8_t *>source.buf, pixels, samples, unit)
                else:
                    loops.split(<uint8_t *>target.buf, <const uint8_t *>source.buf, pixels, samples, unit)
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return result


def interleave(planes, Py_ssize_t pixels, Py_ssize_t samples, Py_ssize_t unit, into=None, *, bint portable=False):
    """One frame with the samples of each pixel together.

    Parameters
    ----------
    planes : buffer
        The frame sample plane by sample plane: ``samples`` times ``pixels`` units.
    pixels : int
        Rows times columns.
    samples : int
        Of each pixel, 1 to 4.
    unit : 1, 2 or 4
        Bytes of a sample.
    into : writable buffer, optional
        Of the size of ``planes``, and apart from it.
    portable : bool
        Do without the machine's vector instructions.

    Returns
    -------
    bytes, or ``into``

    Raises
    ------
    ValueError
        The numbers do not make a frame of this size, ``into`` is not of it either or overlaps ``planes``.

    >>> interleave(b"RRGGBB", 2, 3, 1)
    b'RGBRGB'
    """
    return rearranged(planes, pixels, samples, unit, into, True, portable)


def deinterleave(data, Py_ssize_t pixels, Py_ssize_t samples, Py_ssize_t unit, into=None, *, bint portable=False):
    """One frame sample plane by sample plane, from pixels with their samples together: the inverse of :func:`interleave`.

    >>> deinterleave(b"RGBRGB", 2, 3, 1)
    b'RRGGBB'
    """
    return rearranged(data, pixels, samples, unit, into, False, portable)


cdef int check_cells(Py_ssize_t size, Py_ssize_t allocated) except -1:
    if allocated not in (8, 16, 32, 64):
        raise ValueError(f"a cell has 8, 16, 32 or 64 bits, not {allocated}")
    if size % (allocated // 8):
        raise ValueError(f"{size} bytes are not whole cells of {allocated} bits")
    return 0


cdef swap_field field_of(Py_ssize_t allocated, Py_ssize_t stored, Py_ssize_t low, bint signed) except *:
    """Of an ``allocated`` that is checked."""
    if not 0 < stored <= allocated:
        raise ValueError(f"a cell of {allocated} bits has 1 to {allocated} bits stored, not {stored}")
    if not 0 <= low <= allocated - stored:
        raise ValueError(f"{stored} bits stored from bit {low} on are not inside a cell of {allocated} bits")
    return swap_field_of(<int>allocated, <int>stored, <int>low, signed)


def mask_bits(data, Py_ssize_t allocated, Py_ssize_t stored, Py_ssize_t low, bint signed, into=None, *, bint portable=False):
    """The values of the stored bits of cells.

    Parameters
    ----------
    data : buffer
        Cells in the byte order of the machine, at any address.
    allocated : 8, 16, 32 or 64
        Bits of a cell.
    stored, low : int
        How many bits of it are stored, and from which bit on. Those are shifted down to bit 0.
    signed : bool
        Whether the bits above become copies of the highest stored one, and not zero.
    into : writable buffer, optional
        Of the size of ``data``: ``data`` itself, or apart from it.
    portable : bool
        Do without the machine's vector instructions.

    Returns
    -------
    bytes, or ``into``

    Raises
    ------
    ValueError
        The numbers do not describe cells, these are not whole, or ``into`` has another size or overlaps ``data`` in part.

    >>> mask_bits(bytes([0xf5, 0xf7, 0x0c]), 8, 4, 0, False).hex(" ")
    '05 07 0c'
    >>> mask_bits(bytes([0xf5, 0xf7, 0x0c]), 8, 4, 0, True).hex(" ")
    '05 07 fc'
    """
    cdef const swap_loops *loops = swap_choose(portable)
    cdef swap_field field
    cdef Py_buffer source, target
    PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
    try:
        check_cells(source.len, allocated)
        field = field_of(allocated, stored, low, signed)
        result = open_target(into, source.len, &target)
        try:
            if source.buf != target.buf:
                check_apart(&source, &target)
            with nogil:
                loops.mask(<uint8_t *>target.buf, <const uint8_t *>source.buf, source.len, &field)
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return result


def outside_bits(data, Py_ssize_t allocated, Py_ssize_t stored, bint signed, *, bint portable=False):
    """The index of the first cell whose value does not fit ``stored`` bits, or -1 if there is none.

    Parameters
    ----------
    data : buffer
        Cells in the byte order of the machine, at any address.
    allocated : 8, 16, 32 or 64
        Bits of a cell.
    stored : int
        The lowest bits, which hold the value.
    signed : bool
        Whether the bits above must be copies of the highest stored one, and not zero.
    portable : bool
        Do without the machine's vector instructions.

    Raises
    ------
    ValueError
        The numbers do not describe cells, or these are not whole.

    >>> outside_bits(bytes([1, 15, 16, 17]), 8, 4, False)
    2
    >>> outside_bits(bytes([1, 0xff, 0xf8]), 8, 4, True)
    -1
    """
    cdef const swap_loops *loops = swap_choose(portable)
    cdef swap_field field
    cdef Py_buffer source
    cdef Py_ssize_t found
    PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
    try:
        check_cells(source.len, allocated)
        field = field_of(allocated, stored, 0, signed)
        with nogil:
            found = find_outside(loops, <const uint8_t *>source.buf, source.len, &field)
    finally:
        PyBuffer_Release(&source)
    return found


cdef Py_ssize_t find_outside(const swap_loops *loops, const uint8_t *cells, size_t size, const swap_field *field) noexcept nogil:
    cdef size_t at = loops.outside(cells, size, field)
    return -1 if at == size else <Py_ssize_t>swap_search(cells, size, at, field)


def pack_bits(values, into=None, *, bint portable=False):
    """One bit for each byte, set if the byte is not zero, the first in the lowest bit; zeros fill the last byte.

    Parameters
    ----------
    values : buffer
        One byte a pixel.
    into : writable buffer, optional
        Of an eighth of the size, rounded up, and apart from ``values``.
    portable : bool
        Do without the machine's vector instructions.

    Returns
    -------
    bytes, or ``into``

    Raises
    ------
    ValueError
        ``into`` has another size or overlaps ``values``.

    >>> pack_bits(bytes([1, 0, 0, 0, 0, 0, 0, 1, 1])).hex(" ")
    '81 01'
    """
    cdef const swap_loops *loops = swap_choose(portable)
    cdef Py_buffer source, target
    PyObject_GetBuffer(values, &source, PyBUF_SIMPLE)
    try:
        result = open_target(into, source.len // 8 + (source.len % 8 > 0), &target)
        try:
            check_apart(&source, &target)
            with nogil:
                loops.pack(<uint8_t *>target.buf, <const uint8_t *>source.buf, source.len)
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return result


cdef int check_bits(Py_ssize_t size, Py_ssize_t first, Py_ssize_t count) except -1:
    if first < 0 or count < 0 or <uint64_t>first + <uint64_t>count > 8 * <uint64_t>size:
        raise ValueError(f"{count} bits from bit {first} on are not in {size} bytes")
    return 0


def unpack_bits(data, Py_ssize_t first, Py_ssize_t count, into=None, *, bint portable=False):
    """A byte of 0 or 1 for each of some bits, of which the first of a byte is its lowest.

    Parameters
    ----------
    data : buffer
        Bits, eight a byte.
    first, count : int
        From which bit on, and how many.
    into : writable buffer, optional
        Of ``count`` bytes, and apart from ``data``.
    portable : bool
        Do without the machine's vector instructions.

    Returns
    -------
    bytes, or ``into``

    Raises
    ------
    ValueError
        There are not so many bits, or ``into`` has another size or overlaps ``data``.

    >>> unpack_bits(b"\\x81\\x01", 6, 4)
    b'\\x00\\x01\\x01\\x00'
    """
    cdef const swap_loops *loops = swap_choose(portable)
    cdef Py_buffer source, target
    PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
    try:
        check_bits(source.len, first, count)
        result = open_target(into, count, &target)
        try:
            check_apart(&source, &target)
            with nogil:
                loops.unpack(<uint8_t *>target.buf, <const uint8_t *>source.buf, source.len, first, count)
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return result
