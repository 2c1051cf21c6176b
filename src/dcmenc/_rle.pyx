# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One frame <-> DICOM's RLE (PS3.5 Annex G), without the GIL and without state.

Here: the header, the segments with their order and bounds, and what is broken. The loops over bytes are in ``_rle.h``. Not here: which
pixels a transfer syntax admits (PS3.5 8.2.2), fragments, datasets.

A frame is rows of pixels, a pixel ``samples`` numbers of 1, 2 or 4 little-endian bytes. Each byte of the pixel makes a plane, each plane
a segment: the samples in order, of each sample the most significant byte first (G.2). Planes are coded row by row (G.3).
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset

from .errors import CodecError

cdef extern from "Python.h":
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    uint8_t *bytes_of "(uint8_t *)PyBytes_AS_STRING"(PyObject *) noexcept nogil
    int _PyBytes_Resize(PyObject **, Py_ssize_t) except -1

cdef extern from "_rle.h" nogil:
    enum:
        RLE_SLACK
        RLE_PACKET

    struct rle_segment:
        const uint8_t *at
        const uint8_t *end

    struct rle_loops:
        void (*split)(const uint8_t *, size_t, size_t, uint8_t *, size_t) noexcept nogil
        void (*join)(uint8_t *, size_t, size_t, const uint8_t *, size_t) noexcept nogil
        uint8_t *(*pack)(uint8_t *, const uint8_t *, size_t, uint64_t *) noexcept nogil
        size_t (*unpack)(rle_segment *, uint8_t *, size_t, size_t, size_t) noexcept nogil

    const rle_loops *rle_choose(bint) noexcept nogil

cdef enum:
    HEADER = 64             # the number of segments and 15 offsets, 32 bits each: G.5
    MOST_SEGMENTS = 15
    MOST_SIDE = 0xFFFF      # Rows and Columns are US
    MOST_BYTES = 0xFFFFFFFE # what an item of the Pixel Data can be long
    PIECE = 2048            # pixels that are joined at a time, more than two packets: their planes stay in the nearest cache

cdef struct Layout:
    size_t rows
    size_t columns
    size_t unit         # bytes of a sample
    size_t stride       # bytes from one pixel to the next: one sample of a planar frame, all of an interleaved one
    size_t planes       # of all samples

cdef struct Failure:
    int segment         # from 0; what follows is where it failed
    size_t made
    const uint8_t *at
    bint cut            # inside a packet


cdef Layout layout_of(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t samples, Py_ssize_t unit, bint planar) except *:
    cdef Layout layout
    if not (0 < rows <= MOST_SIDE and 0 < columns <= MOST_SIDE):
        raise CodecError(f"RLE takes frames of 1 to {MOST_SIDE} rows and columns, not {rows} x {columns}")
    if unit not in (1, 2, 4):
        raise CodecError(f"RLE takes samples of 1, 2 or 4 bytes, not {unit}")
    if not 0 < samples <= MOST_SEGMENTS // unit:
        raise CodecError(f"RLE has room for {MOST_SEGMENTS} segments: {samples} samples of {unit} bytes do not fit")
    layout.rows, layout.columns, layout.unit = rows, columns, unit
    layout.planes = samples * unit
    layout.stride = unit if planar else layout.planes
    return layout


cdef inline size_t plane_bound(size_t rows, size_t columns) noexcept nogil:
    # A packet of literals costs one byte more than it stands for, one of equal bytes no more than they are, and from three on less.
    # All packets of literals of a row but its last are 128 long, or 127 with a pair behind them, or have three equal bytes behind
    # them, which pay for them. So there is at most one byte more for every 128 begun.
    cdef size_t most = rows * (columns + (columns + RLE_PACKET - 1) // RLE_PACKET)
    return most + (most & 1)


def bound(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t planes):
    """The most bytes that a frame of so many byte planes takes: the header, and each plane as literals throughout, made even.

    >>> bound(2, 129, 1)
    326
    """
    if not (0 < rows <= MOST_SIDE and 0 < columns <= MOST_SIDE and 0 < planes <= MOST_SEGMENTS):
        raise CodecError(f"{rows} rows, {columns} columns and {planes} byte planes do not make a frame of RLE")
    return HEADER + planes * plane_bound(rows, columns)


cdef inline size_t byte_of_plane(const Layout *layout, size_t plane) noexcept nogil:
    # plane 0 of a sample is its last byte; a sample has a power of two of them
    return plane ^ (layout.unit - 1)


cdef void put_number(uint8_t *to, size_t number) noexcept nogil:
    cdef int i
    for i in range(4):
        to[i] = <uint8_t>(number >> 8 * i)


cdef uint32_t number_at(const uint8_t *data) noexcept nogil:
    return data[0] | data[1] << 8 | data[2] << 16 | <uint32_t>data[3] << 24


cdef void pack_rows(const rle_loops *loops, const Layout *layout, const uint8_t *pixels, size_t readable, uint8_t **ends,
                    uint8_t *scratch) noexcept nogil:
    """The planes of one run of pixels, each from its ``ends`` on; ``readable`` bytes may be read from ``pixels`` on."""
    cdef size_t pitch = layout.columns + RLE_SLACK, width = layout.columns * layout.stride, y, plane
    cdef uint64_t *equal = <uint64_t *>scratch
    cdef uint8_t *rows = scratch + 8 * (layout.columns // 64 + 2)
    cdef const uint8_t *row
    for y in range(layout.rows):
        row = rows
        if layout.stride > 1:
            loops.split(pixels, layout.columns, layout.stride, rows, pitch)
        elif readable - y * width >= pitch:
            row = pixels
        else:
            memcpy(rows, pixels, width)
        for plane in range(layout.stride):
            ends[plane] = loops.pack(ends[plane], row + byte_of_plane(layout, plane) * pitch, layout.columns, equal)
        pixels += width


cdef size_t close_frame(uint8_t *frame, size_t planes, size_t pitch, uint8_t **ends) noexcept nogil:
    """Moves the segments together (G.4), each even (G.3), and writes the header (G.5); gives the length of the frame."""
    cdef size_t length = HEADER, size, plane
    memset(frame, 0, HEADER)
    put_number(frame, planes)
    for plane in range(planes):
        put_number(frame + 4 + 4 * plane, length)
        size = ends[plane] - (frame + HEADER + plane * pitch)
        memmove(frame + length, frame + HEADER + plane * pitch, size)
        length += size
        if size & 1:
            frame[length] = 0
            length += 1
    return length


cdef size_t encode_frame(const rle_loops *loops, const Layout *layout, const uint8_t *pixels, size_t size, uint8_t *frame,
                         size_t pitch) noexcept nogil:
    """The length of the frame, or 0 without memory."""
    cdef uint8_t *ends[MOST_SEGMENTS]
    cdef size_t group = layout.rows * layout.columns * layout.stride, plane
    cdef uint8_t *scratch = <uint8_t *>malloc(8 * (layout.columns // 64 + 2) + layout.stride * (layout.columns + RLE_SLACK))
    if scratch == NULL:
        return 0
    for plane in range(layout.planes):
        ends[plane] = frame + HEADER + plane * pitch
    plane = 0
    while plane < layout.planes:
        pack_rows(loops, layout, pixels, size, ends + plane, scratch)
        pixels += group
        size -= group
        plane += layout.stride
    free(scratch)
    return close_frame(frame, layout.planes, pitch, ends)


def encode(frame, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t samples, Py_ssize_t bytes_per_sample, *, bint planar=False,
           bint portable=False):
    """One frame as RLE (PS3.5 Annex G). Rows are as small as they can be, but for a byte now and then behind runs of 129, 257, ... bytes.

    Parameters
    ----------
    frame : C-contiguous buffer
        ``rows * columns * samples`` samples, little-endian, pixel by pixel, or sample plane by sample plane where ``planar``.
    rows, columns, samples : int
        ``samples`` is the number of samples per pixel.
    bytes_per_sample : 1, 2 or 4
        ``samples * bytes_per_sample`` is the number of segments, of which there may be 15.
    planar : bool
        Whether the samples of a pixel lie apart (Planar Configuration 1). The result is the same.
    portable : bool
        Do without the machine's vector instructions. The result is the same.

    Raises
    ------
    CodecError
        The numbers do not make a frame of RLE, or the buffer is not of their size.

    >>> encode(bytes([0, 7, 7, 7, 1, 7, 7, 7]), 2, 4, 1, 1)[64:].hex(" ")
    '00 00 fe 07 00 01 fe 07'
    """
    cdef Layout layout = layout_of(rows, columns, samples, bytes_per_sample, planar)
    cdef const rle_loops *loops = rle_choose(portable)
    cdef size_t pitch = plane_bound(layout.rows, layout.columns) + RLE_SLACK, length
    cdef PyObject *made
    cdef Py_buffer view
    PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
    try:
        check_size(view.len, &layout)
        made = new_bytes(NULL, HEADER + layout.planes * pitch)
        with nogil:
            length = encode_frame(loops, &layout, <const uint8_t *>view.buf, view.len, bytes_of(made), pitch)
    finally:
        PyBuffer_Release(&view)
    return shortened(made, length)


cdef bytes shortened(PyObject *made, size_t length):
    """Takes over the only reference to ``made``."""
    if 0 < length <= MOST_BYTES:
        _PyBytes_Resize(&made, length)
        result = <bytes>made
        Py_DECREF(result)
        return result
    Py_DECREF(<object>made)
    if length == 0:
        raise MemoryError()
    raise CodecError(f"the frame takes {length} bytes as RLE; offsets and items of 32 bits end before")


cdef int unpack_pixels(const rle_loops *loops, const Layout *layout, rle_segment *segments, uint8_t *pixels, uint8_t *rows,
                       Failure *failure) noexcept nogil:
    """Decodes the planes of one run of pixels piece by piece, so that they are joined while they are near. -1: see ``failure``."""
    cdef size_t left = layout.rows * layout.columns, done = 0, pitch = PIECE + RLE_SLACK, count, plane
    cdef size_t have[MOST_SEGMENTS]
    cdef uint8_t *row
    memset(have, 0, sizeof(have))
    while left:
        count = min(left, <size_t>PIECE)
        for plane in range(layout.stride):
            row = rows + byte_of_plane(layout, plane) * pitch
            # a packet of the last piece may have gone beyond it
            memmove(row, row + PIECE, have[plane])
            have[plane] = loops.unpack(&segments[plane], row, have[plane], count, pitch)
            if have[plane] < count:
                failed(failure, plane, done + have[plane], &segments[plane])
                return -1
            have[plane] -= count
        loops.join(pixels + done * layout.stride, count, layout.stride, rows, pitch)
        done += count
        left -= count
    return 0


cdef int unpack_bytes(const rle_loops *loops, const Layout *layout, rle_segment *segment, uint8_t *pixels,
                      Failure *failure) noexcept nogil:
    cdef size_t count = layout.rows * layout.columns, made = loops.unpack(segment, pixels, 0, count, count)
    if made < count:
        failed(failure, 0, made, segment)
        return -1
    return 0


cdef void failed(Failure *failure, size_t plane, size_t made, const rle_segment *segment) noexcept nogil:
    failure.segment += <int>plane
    failure.made, failure.at, failure.cut = made, segment.at, segment.at < segment.end


cdef int decode_frame(const rle_loops *loops, const Layout *layout, rle_segment *segments, uint8_t *pixels,
                      Failure *failure) noexcept nogil:
    """0, or -1 and why, or -2 without memory."""
    cdef size_t group = layout.rows * layout.columns * layout.stride, plane = 0
    cdef uint8_t *rows = NULL
    cdef int status = 0
    if layout.stride > 1:
        rows = <uint8_t *>malloc(layout.stride * (PIECE + RLE_SLACK))
        if rows == NULL:
            return -2
    while plane < layout.planes and status == 0:
        failure.segment = <int>plane
        if rows == NULL:
            status = unpack_bytes(loops, layout, segments + plane, pixels, failure)
        else:
            status = unpack_pixels(loops, layout, segments + plane, pixels, rows, failure)
        pixels += group
        plane += layout.stride
    free(rows)
    return status


cdef int find_segments(const uint8_t *data, size_t size, size_t planes, rle_segment *segments) except -1:
    """The header (G.5). A segment ends where the next begins, the last one with the frame."""
    cdef size_t plane, begin, end, listed = planes
    if size < HEADER:
        raise CodecError(f"the RLE frame of {size} bytes has no header of {HEADER}", size)
    count = number_at(data)
    if count == planes + 1 <= MOST_SEGMENTS and says_nothing(data, size, number_at(data + 4 + 4 * planes)):
        listed += number_at(data + 4 + 4 * planes) > 0
    elif count != planes:
        raise CodecError(f"the RLE frame has {count} segments; {planes} are needed, one for each byte of a pixel", 0)
    begin = number_at(data + 4)
    for plane in range(planes):
        end = number_at(data + 8 + 4 * plane) if plane + 1 < listed else size
        if not HEADER <= begin <= end <= size:
            raise CodecError(f"segment {plane + 1} of the RLE frame goes from byte {begin} to {end} of {size}", 4 + 4 * plane)
        segments[plane].at, segments[plane].end = data + begin, data + end
        begin = end
    return 0


cdef bint says_nothing(const uint8_t *data, size_t size, size_t begin) noexcept nogil:
    """Whether a segment too many is none: its offset is 0, or zeros alone follow it, as some writers round their frames up."""
    if begin == 0:
        return True
    while HEADER <= begin < size:
        if data[begin]:
            return False
        begin += 1
    return begin == size


def decode(data, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t samples, Py_ssize_t bytes_per_sample, into=None, *,
           bint planar=False, bint portable=False):
    """The pixels of one frame of RLE (PS3.5 Annex G).

    Read although the standard forbids or ignores it: segments of odd length, packets that cross rows, bytes behind the last pixel of
    a segment, the code 128 (it stands for nothing), and one segment too many that is empty.

    Parameters
    ----------
    data : C-contiguous buffer
        The frame: its one fragment, or all of its fragments joined.
    rows, columns, samples, bytes_per_sample, planar, portable
        As in :func:`encode`; here ``planar`` says how the result lies.
    into : writable C-contiguous buffer, optional
        Where the pixels go: exactly as many bytes as they take. After an error its content means nothing.

    Returns
    -------
    bytes, or ``into``

    Raises
    ------
    CodecError
        The numbers do not make a frame of RLE, ``into`` is not of their size, or the frame is broken; ``offset`` says where.

    >>> decode(encode(b"abbbbc", 2, 3, 1, 1), 2, 3, 1, 1)
    b'abbbbc'
    """
    cdef Layout layout = layout_of(rows, columns, samples, bytes_per_sample, planar)
    cdef Py_buffer source, target
    cdef object result = into
    PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
    try:
        check_claim(source.len, &layout)
        if into is None:
            result = PyBytes_FromStringAndSize(NULL, layout.rows * layout.columns * layout.planes)
            decode_into(&source, &layout, <uint8_t *>PyBytes_AS_STRING(result), portable)
            return result
        PyObject_GetBuffer(into, &target, PyBUF_WRITABLE)
        try:
            check_size(target.len, &layout)
            decode_into(&source, &layout, <uint8_t *>target.buf, portable)
        finally:
            PyBuffer_Release(&target)
        return into
    finally:
        PyBuffer_Release(&source)


cdef int decode_into(const Py_buffer *source, const Layout *layout, uint8_t *pixels, bint portable) except -1:
    cdef const uint8_t *data = <const uint8_t *>source.buf
    cdef const rle_loops *loops = rle_choose(portable)
    cdef rle_segment segments[MOST_SEGMENTS]
    cdef Failure failure = Failure(0, 0, data, False)
    cdef int status
    find_segments(data, source.len, layout.planes, segments)
    with nogil:
        status = decode_frame(loops, layout, segments, pixels, &failure)
    if status == -2:
        raise MemoryError()
    if status:
        what = "is cut inside a packet" if failure.cut else "ends"
        raise CodecError(f"segment {failure.segment + 1} of the RLE frame {what} after {failure.made} of "
                         f"{layout.rows * layout.columns} bytes", failure.at - data)
    return 0


cdef int check_claim(Py_ssize_t size, const Layout *layout) except -1:
    """Two bytes stand for RLE_PACKET at most: no memory is taken for a frame that so few bytes cannot hold."""
    cdef size_t needed = layout.rows * layout.columns * layout.planes
    if size >= HEADER and needed // (RLE_PACKET // 2) > <size_t>(size - HEADER):
        raise CodecError(f"{layout.rows} x {layout.columns} pixels of {layout.planes} bytes cannot be in {size} bytes of RLE", size)
    return 0


cdef int check_size(Py_ssize_t found, const Layout *layout) except -1:
    cdef Py_ssize_t needed = layout.rows * layout.columns * layout.planes
    if found != needed:
        raise CodecError(f"{layout.rows} x {layout.columns} pixels of {layout.planes} bytes take {needed} bytes; the buffer has {found}")
    return 0

