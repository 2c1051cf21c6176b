# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One frame as JPEG Lossless: ITU-T T.81 process 14, the sequential lossless mode with Huffman coding (SOF3, Annex H).

Here: markers (Annex B), the optimal Huffman table (K.2), the order of rows, scans and restart intervals. The inner loops are C, in
``_jpegll_encode.h``; the way back is ``_jpegll_decode.pyx``. Knows no DICOM: what a dataset makes of precision, sign and colour is the codec's.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.ref cimport Py_DECREF
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset


from .errors import CodecError

cdef extern from "Python.h":
    ctypedef struct PyObject
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    int _PyBytes_Resize(PyObject **, Py_ssize_t) except -1

cdef extern from "_jpegll_encode.h" nogil:
    enum: JLL_NATIVE
    enum: JLL_TABLED
    enum: JLL_OVERHANG

    ctypedef struct Coder "struct jll_coder":
        uint32_t code[17]
        uint8_t length[17]
        const uint64_t *differences
        unsigned reach
        bint complete

    ctypedef struct Bits "struct jll_bits":
        uint64_t held
        unsigned waiting
        uint8_t *to

    bint jll_fast()
    void jll_copy16(void *, const void *, size_t)
    void jll_differ(bint, int, const uint16_t *, const uint16_t *, size_t, size_t, uint16_t *)
    void jll_widen(bint, const uint8_t *, size_t, uint16_t *)
    uint16_t jll_union(bint, const uint16_t *, size_t)
    void jll_count(bint, const uint16_t *, size_t, uint64_t *)
    void jll_pack(bint, Bits *, const uint16_t *, size_t, const Coder *)
    void jll_put(Bits *, uint64_t, unsigned)
    uint64_t jll_code_of(const Coder *, uint16_t)
    uint8_t *jll_stuff(uint8_t *, const uint8_t *, size_t)

cdef enum:
    BATCH = 8192        # samples whose differences are worked on together, unless one row has more
    # markers, T.81 Table B.1, without their FF
    SOF3 = 0xC3
    DHT = 0xC4
    SOI = 0xD8
    EOI = 0xD9
    SOS = 0xDA

cdef inline size_t batch_of(size_t width) noexcept nogil:
    """How many rows of ``width`` samples are worked on together."""
    return BATCH // width if width < BATCH else 1


# ---- the Huffman table of a frame ----

cdef struct Table:
    uint8_t numbers[17]     # BITS: how many codes of each length, 1..16
    uint8_t categories[17]  # HUFFVAL: in the order of their codes
    int size
    uint8_t length[17]      # by category; 0: no code
    uint32_t code[17]


cdef void code_sizes(const uint64_t *histogram, uint8_t *sizes) noexcept nogil:
    """The code lengths of Figure K.1, not yet limited; the eighteenth symbol will keep the code of all ones free."""
    cdef uint64_t weight[18]
    cdef int other[18]
    cdef int i, least, second
    for i in range(18):
        weight[i] = histogram[i] if i < 17 else 1
        other[i] = -1
        sizes[i] = 0
    while True:
        least = second = -1
        for i in range(18):
            if weight[i] and (least < 0 or weight[i] <= weight[least]):
                least = i
        for i in range(18):
            if weight[i] and i != least and (second < 0 or weight[i] <= weight[second]):
                second = i
        if second < 0:
            return
        weight[second] += weight[least]
        weight[least] = 0
        lengthen(second, least, other, sizes)
        lengthen(least, -1, other, sizes)


cdef void lengthen(int symbol, int joined, int *other, uint8_t *sizes) noexcept nogil:
    """One bit more for all symbols of a branch, to whose end another branch is tied."""
    sizes[symbol] += 1
    while other[symbol] >= 0:
        symbol = other[symbol]
        sizes[symbol] += 1
    if joined >= 0:
        other[symbol] = joined


cdef void limit_sizes(uint8_t *count) noexcept nogil:
    """Figure K.3: no code longer than 16 bits, and none for the eighteenth symbol, which has one of the longest."""
    cdef int i, j
    for i in range(18, 16, -1):
        while count[i]:
            j = i - 2
            while not count[j]:
                j -= 1
            count[i] -= 2
            count[i - 1] += 1
            count[j + 1] += 2
            count[j] -= 1
    i = 16
    while not count[i]:
        i -= 1
    count[i] -= 1


cdef void make_table(const uint64_t *histogram, Table *table) noexcept nogil:
    """The optimal table for so many differences of each category (Annex K.2, C.2)."""
    cdef uint8_t sizes[18]
    cdef uint8_t count[19]
    cdef int i, length, place = 0
    cdef uint32_t code = 0
    code_sizes(histogram, sizes)
    memset(count, 0, sizeof(count))
    memset(table, 0, sizeof(Table))
    for i in range(18):
        count[sizes[i]] += 1
    count[0] = 0
    limit_sizes(count)
    for length in range(1, 19):
        for i in range(17):
            if sizes[i] == length:
                table.categories[table.size] = i
                table.size += 1
    for length in range(1, 17):
        table.numbers[length] = count[length]
        for i in range(count[length]):
            table.length[table.categories[place]] = length
            table.code[table.categories[place]] = code
            place += 1
            code += 1
        code <<= 1


cdef uint64_t bits_of(const uint64_t *histogram, const Table *table) noexcept nogil:
    """How many bits the differences will take: codes and extra bits, of which category 16 has none (H.1.2.2)."""
    cdef uint64_t bits = 0
    cdef int category
    for category in range(17):
        bits += histogram[category] * (table.length[category] + (category if category < 16 else 0))
    return bits


# ---- encoding ----

cdef struct Encoder:
    const uint8_t *samples
    size_t rows, columns, components
    size_t width             # samples of a row
    int precision, predictor
    bint fast
    size_t batch             # rows whose differences are worked on together
    uint16_t origin[4]       # the prediction of the first pixel (H.1.1: 2^(P-1))
    uint16_t *copies         # two rows, where the samples cannot be taken from where they are
    uint16_t *differences
    uint8_t *packed
    uint64_t *entries


def bound(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t components):
    """The most bytes that an encoded frame takes.

    >>> bound(1, 1, 1)
    73
    """
    # SOI 2, SOF3 10 + 3 a component, DHT 21 + at most 17 categories, SOS 8 + 2 a component, EOI 2: 60 + 5 a component, at most 75 of 3.
    # A sample takes a code of at most 16 bits with at most 15 extra bits (category 16 has none), and stuffing doubles at most all bytes.
    return 60 + 5 * components + 2 * ((31 * rows * columns * components + 7) // 8)


def encode(frame, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t components, int precision, int predictor=1, *, bint portable=False):
    """A frame as one JPEG Lossless stream: one scan, an optimal Huffman table, point transform 0.

    Parameters
    ----------
    frame : buffer
        C-contiguous samples, interleaved by pixel: 8 bits each if ``precision`` <= 8, else 16, little-endian.
    rows, columns : int
        1 to 65535.
    components : int
        1 or 3.
    precision : int
        2 to 16 bits, P of T.81; a sample with more is an error.
    predictor : int
        1 to 7 (T.81 Table H.1), or 0 for the one of them that seems to take the fewest bits.
    portable : bool
        Use no instructions beyond those that the package was compiled for.

    >>> encode(b"\\x80", 1, 1, 1, 8).hex(" ", 2)
    'ffd8 ffc3 000b 0800 0100 0101 0111 00ff c400 1400 0100 0000 0000 0000 0000 0000 0000 0000 00ff da00 0801 0100 0100 007f ffd9'
    """
    cdef Encoder e
    cdef Py_buffer view
    cdef bytes result
    if not (1 <= rows <= 65535 and 1 <= columns <= 65535):
        raise CodecError(f"JPEG Lossless holds 1 to 65535 rows and columns, not {rows} x {columns}")
    if components not in (1, 3) or not 2 <= precision <= 16 or not 0 <= predictor <= 7:
        raise CodecError(f"{components} components of {precision} bits with predictor {predictor} are not encoded")
    memset(&e, 0, sizeof(e))
    e.rows, e.columns, e.components = rows, columns, components
    e.precision, e.predictor = precision, predictor
    e.fast = not portable and jll_fast()
    PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
    try:
        if view.len != rows * columns * components * (1 if precision <= 8 else 2):
            raise CodecError(f"{view.len} bytes are not {rows} x {columns} x {components} samples of {precision} bits")
        e.samples = <const uint8_t *>view.buf
        if not prepare(&e):
            raise MemoryError
        result = encode_prepared(&e)
    finally:
        release(&e)
        PyBuffer_Release(&view)
    return result


cdef bint prepare(Encoder *e) noexcept:
    """Memory of a size that depends on the length of a row only, and what does not change from row to row."""
    cdef int i
    e.width = e.columns * e.components
    e.batch = batch_of(e.width)
    for i in range(4):
        e.origin[i] = <uint16_t>(1 << (e.precision - 1))
    e.copies = <uint16_t *>malloc(2 * sizeof(uint16_t) * e.width)
    e.differences = <uint16_t *>malloc(sizeof(uint16_t) * e.batch * e.width)
    e.packed = <uint8_t *>malloc(4 * e.batch * e.width + JLL_OVERHANG)
    return e.copies != NULL and e.differences != NULL and e.packed != NULL


cdef void release(Encoder *e) noexcept:
    free(e.copies)
    free(e.differences)
    free(e.packed)
    free(e.entries)


cdef bytes encode_prepared(Encoder *e):
    """Counts, then writes; the result is as long as its bits need without stuffing, doubled, and shortened in the end."""
    cdef uint64_t histogram[17]
    cdef Table table
    cdef Coder coder
    cdef uint16_t seen
    cdef uint8_t *start
    cdef uint8_t *to
    cdef size_t room
    cdef PyObject *result
    with nogil:
        if not e.predictor:
            e.predictor = best_predictor(e)
        seen = count_categories(e, e.predictor, 1, 0, histogram)
        make_table(histogram, &table)
    if seen >> e.precision:
        raise CodecError(f"a sample does not fit {e.precision} bits: {first_beyond(e)}")
    if not make_coder(e, &table, histogram, &coder):
        raise MemoryError
    room = 60 + 5 * e.components + 2 * ((bits_of(histogram, &table) + 7) // 8) + JLL_OVERHANG
    result = new_bytes(NULL, room)
    start = <uint8_t *>PyBytes_AS_STRING(<object>result)
    with nogil:
        to = write_scan(e, &coder, write_headers(e, &table, start), start + room)
    _PyBytes_Resize(&result, to - start if to != NULL else 0)
    if to == NULL:
        steal(result)
        raise CodecError("the samples changed while they were encoded")
    return steal(result)


cdef bytes steal(PyObject *result):
    """The one reference to new bytes, as an object that Cython counts."""
    cdef bytes owned = <bytes>result
    Py_DECREF(owned)
    return owned


cdef str first_beyond(Encoder *e):
    """Which sample has bits above the precision."""
    cdef size_t y, x
    cdef const uint16_t *row
    for y in range(e.rows):
        row = row_at(e, y)
        for x in range(e.width):
            if row[x] >> e.precision:
                return f"{row[x]} in row {y}, column {x // e.components}"
    return ""


cdef const uint16_t *row_at(Encoder *e, size_t y) noexcept nogil:
    """A row as 16-bit samples: where it is, or a copy that lasts until the row after the next is asked for."""
    cdef const uint8_t *samples = e.samples + y * e.width * (1 if e.precision <= 8 else 2)
    cdef uint16_t *copy = e.copies + (y & 1) * e.width
    if e.precision <= 8:
        jll_widen(e.fast, samples, e.width, copy)
    elif JLL_NATIVE and not <size_t>samples & 1:
        return <const uint16_t *>samples
    else:
        jll_copy16(copy, samples, e.width)
    return copy


cdef inline size_t chosen_row(size_t turn, size_t stride, size_t look) noexcept nogil:
    """One of each ``stride`` rows; not at equal distances, because images made of tiles would show the same rows of each tile."""
    return turn * stride + ((turn * 40503 >> 11) + look) % stride


cdef uint16_t count_categories(Encoder *e, int predictor, size_t stride, size_t look, uint64_t *histogram) noexcept nogil:
    """How many differences of one in ``stride`` rows fall into each category; returns all bits that these rows' samples have.

    Another ``look`` takes other rows.
    """
    cdef uint64_t reach[17]
    cdef uint64_t total = 0
    cdef uint16_t seen = 0
    cdef const uint16_t *row
    cdef const uint16_t *above = e.origin
    cdef size_t waiting = 0, turn = 0, y = chosen_row(0, stride, look)
    cdef int k
    memset(reach, 0, sizeof(reach))
    while y < e.rows:
        if stride > 1 and y:
            above = row_at(e, y - 1)
        row = row_at(e, y)
        seen |= jll_union(e.fast, row, e.width)
        jll_differ(e.fast, predictor if y else 1, row, above, e.width, e.components, e.differences + waiting * e.width)
        above = row
        waiting += 1
        total += e.width
        if waiting == e.batch:
            jll_count(e.fast, e.differences, waiting * e.width, reach)
            waiting = 0
        turn += 1
        y = chosen_row(turn, stride, look)
    jll_count(e.fast, e.differences, waiting * e.width, reach)
    histogram[0] = total - reach[0]
    for k in range(16):
        histogram[k + 1] = reach[k] - (reach[k + 1] if k < 15 else 0)
    return seen


cdef int best_predictor(Encoder *e) noexcept nogil:
    """The predictor whose differences take the fewest bits on one in sixteen rows, or on 64 rows of a small frame.

    Those that come close to the best one are looked at on as many rows again, and once more.
    """
    cdef uint64_t bits[8]
    cdef uint64_t least = 0
    cdef int predictor, best = 0, close = 7
    cdef size_t look, stride = 16 if e.rows >= 1024 else e.rows // 64 if e.rows >= 128 else 1
    memset(bits, 0, sizeof(bits))
    for look in range(min(stride, <size_t>3)):
        if close == 1:
            break
        for predictor in range(1, 8):
            # what is more than 1 % behind stays behind
            if look == 0 or bits[predictor] - least <= least // 100:
                bits[predictor] += bits_on(e, predictor, stride, look * (stride // 3 or 1))
            else:
                bits[predictor] = ~<uint64_t>0 >> 1
        best = 1
        for predictor in range(2, 8):
            if bits[predictor] < bits[best]:
                best = predictor
        least = bits[best]
        close = 0
        for predictor in range(1, 8):
            close += bits[predictor] - least <= least // 100
    return best


cdef uint64_t bits_on(Encoder *e, int predictor, size_t stride, size_t look) noexcept nogil:
    cdef uint64_t histogram[17]
    cdef Table table
    count_categories(e, predictor, stride, look, histogram)
    make_table(histogram, &table)
    return bits_of(histogram, &table)


cdef bint make_coder(Encoder *e, const Table *table, const uint64_t *histogram, Coder *coder) noexcept:
    """The table for the packers, and, where that pays, an entry for every difference that is not rare."""
    cdef int category, reach = 17
    cdef int32_t d, span
    cdef uint64_t rare = 0, beyond = 0, samples = e.rows * e.width
    memset(coder, 0, sizeof(Coder))
    for category in range(17):
        coder.code[category] = table.code[category] << (category if category < 16 else 0)
        coder.length[category] = table.length[category] + (category if category < 16 else 0)
    while rare <= samples // 128 and reach:
        reach -= 1
        beyond = rare
        rare += histogram[reach]
    if e.fast or reach > JLL_TABLED or samples < <uint64_t>4 << reach:
        return True
    span = 1 << reach
    e.entries = <uint64_t *>malloc(2 * sizeof(uint64_t) * span)
    if e.entries == NULL:
        return False
    for d in range(-span, span):
        e.entries[span + d] = jll_code_of(coder, <uint16_t>d)
    coder.differences, coder.reach, coder.complete = e.entries, reach, beyond == 0
    return True


cdef inline uint8_t *put16(uint8_t *to, size_t value) noexcept nogil:
    to[0] = <uint8_t>(value >> 8)
    to[1] = <uint8_t>value
    return to + 2


cdef inline uint8_t *put_marker(uint8_t *to, int marker, size_t length) noexcept nogil:
    to[0] = 0xFF
    to[1] = <uint8_t>marker
    return put16(to + 2, length)


cdef uint8_t *write_headers(Encoder *e, const Table *table, uint8_t *to) noexcept nogil:
    """SOI, frame header (B.2.2), Huffman table (B.2.4.2), scan header (B.2.3)."""
    cdef size_t k
    to = put16(to, 0xFF00 | SOI)
    to = put_marker(to, SOF3, 8 + 3 * e.components)
    to[0] = <uint8_t>e.precision
    to = put16(put16(to + 1, e.rows), e.columns)
    to[0] = <uint8_t>e.components
    to += 1
    for k in range(e.components):  # identifiers 1, 2, 3: letters would make some readers think of RGB
        to[0], to[1], to[2] = <uint8_t>(k + 1), 0x11, 0
        to += 3
    to = put_marker(to, DHT, 19 + table.size)
    to[0] = 0
    memcpy(to + 1, table.numbers + 1, 16)
    memcpy(to + 17, table.categories, table.size)
    to = put_marker(to + 17 + table.size, SOS, 6 + 2 * e.components)
    to[0] = <uint8_t>e.components
    to += 1
    for k in range(e.components):
        to[0], to[1] = <uint8_t>(k + 1), 0
        to += 2
    to[0], to[1], to[2] = <uint8_t>e.predictor, 0, 0
    return to + 3


cdef uint8_t *write_scan(Encoder *e, const Coder *coder, uint8_t *to, const uint8_t *end) noexcept nogil:
    """The differences of all rows as bits, filled up with ones (F.1.2.3), and EOI; NULL if they are more than were counted."""
    cdef Bits bits
    cdef const uint16_t *row
    cdef const uint16_t *above = e.origin
    cdef size_t y, waiting = 0
    bits.held, bits.waiting, bits.to = 0, 0, e.packed
    for y in range(e.rows):
        row = row_at(e, y)
        jll_differ(e.fast, e.predictor if y else 1, row, above, e.width, e.components, e.differences + waiting * e.width)
        above = row
        waiting += 1
        if waiting == e.batch or y + 1 == e.rows:
            jll_pack(e.fast, &bits, e.differences, waiting * e.width, coder)
            waiting = 0
            if y + 1 == e.rows and bits.waiting:
                jll_put(&bits, (1 << (8 - bits.waiting)) - 1, 8 - bits.waiting)
            if 2 * (bits.to - e.packed) + JLL_OVERHANG // 2 > end - to:
                return NULL
            to = jll_stuff(to, e.packed, bits.to - e.packed)
            bits.to = e.packed
    return put16(to, 0xFF00 | EOI)
