# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A frame out of JPEG Lossless: ITU-T T.81 process 14, the sequential lossless mode with Huffman coding (SOF3, Annex H).

Here: markers (Annex B), the order of rows, scans and restart intervals. The inner loops are C, in ``_jpegll_decode.h``.
"""

from collections import namedtuple

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset


from .errors import CodecError

cdef extern from "_jpegll_common.h" nogil:
    enum: JLL_NATIVE

    void jll_copy16(void *, const void *, size_t)

cdef extern from "_jpegll_decode.h" nogil:
    enum: JLL_WIDE
    enum: JLL_NARROW
    enum: JLL_PAD
    enum: JLL_SLACK

    ctypedef struct Codes "struct jll_codes":
        unsigned width

    ctypedef struct Reader "struct jll_reader":
        const uint8_t *bytes
        size_t size
        uint64_t position
        bint unknown

    bint jll_make_codes(Codes *, const uint8_t *, const uint8_t *, unsigned, bint)
    const uint8_t *jll_unstuff(const uint8_t *, const uint8_t *, uint8_t *, size_t *)
    void jll_restore(int, size_t, const uint16_t *, const uint16_t *, size_t, uint16_t *)
    void jll_restore_two(int, size_t, const uint16_t *, const uint16_t *, size_t, uint16_t *, uint16_t *)
    void jll_place(const uint16_t *, size_t, size_t, unsigned, const uint8_t *, uint8_t *, size_t, int)
    void jll_narrow(const uint16_t *, size_t, uint8_t *)

cdef extern from "_jpegll_lanes.h" nogil:
    enum: JLL_AHEAD

    ctypedef struct Ahead "struct jll_ahead":
        uint16_t *room
        uint16_t *next
        size_t ready
        uint64_t part
        unsigned doubts

    size_t jll_make_ready(const Codes **, size_t, Reader *, Ahead *, size_t, size_t)

cdef enum:
    MAX_COMPONENTS = 4  # T.81 Table B.3: in one scan
    # markers, T.81 Table B.1, without their FF
    TEM = 0x01
    SOF0 = 0xC0
    SOF3 = 0xC3
    DHT = 0xC4
    SOF15 = 0xCF
    RST0 = 0xD0
    RST7 = 0xD7
    SOI = 0xD8
    EOI = 0xD9
    SOS = 0xDA
    DNL = 0xDC
    DRI = 0xDD
    DHP = 0xDE

Decoded = namedtuple("Decoded", "samples rows columns components precision")


cdef struct Component:
    uint8_t identifier
    bint seen                     # its scan has begun


cdef struct Decoder:
    const uint8_t *data
    size_t size, at
    const char *fault             # what is wrong, or NULL
    size_t place                  # where
    size_t rows, columns, components
    int precision
    bint subsampled               # sampling factors other than 1
    Component component[4]
    size_t interval               # rows of a restart interval, 0: none
    uint8_t numbers[4][16]        # Huffman tables as last defined
    uint8_t categories[4][256]
    bint defined[4]
    uint8_t *samples
    Codes *codes                  # the tables of the scan, by table
    uint8_t *clean                # entropy-coded data without stuffing
    Ahead ahead                   # differences
    uint16_t *copies              # three rows, where they are not made in place


cdef struct Scan:
    size_t step                   # components
    uint8_t component[4]
    uint8_t table[4]
    const Codes *codes[4]
    int predictor, shift          # selection value, point transform
    bint straight                 # all components in order, no shift: rows are finished when they are restored


cdef bint fail(Decoder *d, const char *fault, size_t place) noexcept nogil:
    d.fault = fault
    d.place = place
    return False


cdef inline size_t get16(const uint8_t *p) noexcept nogil:
    return <size_t>p[0] << 8 | p[1]


def decode(data, into=None, *, Py_ssize_t limit=1 << 32):
    """The samples of a JPEG Lossless stream.

    Parameters
    ----------
    data : buffer
        The stream, from SOI on; what follows the last scan is not read.
    into : writable buffer, optional
        Where the samples go: exactly as long as they are.
    limit : int
        The most samples that are accepted; a stream of n bytes never makes more than 8 n.

    Returns
    -------
    Decoded
        ``samples`` (bytes, or ``into``), interleaved by pixel, 8 bits each if ``precision`` <= 8, else 16, little-endian, and ``rows``,
        ``columns``, ``components``, ``precision``.

    Raises
    ------
    CodecError
        With the offset in ``data``: not process 14, damaged, cut short, or too large.

    >>> decode(encode(b"\\x07\\x08", 1, 2, 1, 8))
    Decoded(samples=b'\\x07\\x08', rows=1, columns=2, components=1, precision=8)
    """
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return decode_bytes(<const uint8_t *>view.buf, view.len, into, limit)
    finally:
        PyBuffer_Release(&view)


cdef object decode_bytes(const uint8_t *data, size_t size, object into, Py_ssize_t limit):
    cdef Decoder d
    cdef bint good
    cdef size_t samples, length
    memset(&d, 0, sizeof(d))
    d.data, d.size = data, size
    with nogil:
        good = read_until_scan(&d) and find_rows(&d)
    if not good:
        raise CodecError((<bytes>d.fault).decode(), d.place)
    samples = d.rows * d.columns * d.components
    if samples > <size_t>max(limit, 0):
        raise CodecError(f"{d.rows} x {d.columns} x {d.components} samples are more than the {limit} that are allowed")
    if samples > 8 * (size - d.at):  # a sample takes at least one bit
        raise CodecError(f"{size - d.at} bytes cannot hold {d.rows} x {d.columns} x {d.components} samples", d.at)
    length = samples * (1 if d.precision <= 8 else 2)
    return Decoded(decode_into(&d, into, length), d.rows, d.columns, d.components, d.precision)


cdef object decode_into(Decoder *d, object into, size_t length):
    """Takes the memory, decodes all scans, gives it back."""
    cdef Py_buffer target
    cdef bint good
    cdef object result = into
    if into is None:
        result = PyBytes_FromStringAndSize(NULL, length)
        d.samples = <uint8_t *>PyBytes_AS_STRING(result)
    else:
        PyObject_GetBuffer(into, &target, PyBUF_SIMPLE | PyBUF_WRITABLE)
        d.samples = <uint8_t *>target.buf
    try:
        if into is not None and <size_t>target.len != length:
            raise CodecError(f"the samples take {length} bytes, not {target.len}")
        if not take_memory(d):
            raise MemoryError
        with nogil:
            good = decode_scans(d)
        if not good:
            raise CodecError((<bytes>d.fault).decode(), d.place)
    finally:
        give_memory_back(d)
        if into is not None:
            PyBuffer_Release(&target)
    return result


cdef bint take_memory(Decoder *d) noexcept:
    cdef size_t width = d.columns * d.components  # of the widest scan that there can be
    d.codes = <Codes *>malloc(4 * sizeof(Codes))
    d.clean = <uint8_t *>malloc(d.size - d.at + JLL_PAD)
    d.ahead.room = <uint16_t *>malloc(sizeof(uint16_t) * (width + JLL_AHEAD + JLL_SLACK))
    d.copies = <uint16_t *>malloc(sizeof(uint16_t) * 3 * width)
    return d.codes != NULL and d.clean != NULL and d.ahead.room != NULL and d.copies != NULL


cdef void give_memory_back(Decoder *d) noexcept:
    free(d.codes)
    free(d.clean)
    free(d.ahead.room)
    free(d.copies)


# ---- markers ----

cdef int next_marker(Decoder *d) noexcept nogil:
    """The marker that is next, past any fill bytes (B.1.1.2); 0 and a fault if there is none."""
    cdef size_t start = d.at
    cdef uint8_t marker
    while d.at < d.size and d.data[d.at] == 0xFF:
        d.at += 1
    if d.at >= d.size:
        fail(d, "the stream ends where a marker must be", d.size)
        return 0
    marker = d.data[d.at]
    if d.at == start or marker == 0:
        fail(d, "no marker where one must be", start)
        return 0
    d.at += 1
    return marker


cdef bint read_until_scan(Decoder *d) noexcept nogil:
    """SOI, and all that comes before the first scan header."""
    if d.size < 2 or d.data[0] != 0xFF or d.data[1] != SOI:
        return fail(d, "not a JPEG stream: it does not begin with SOI", 0)
    d.at = 2
    if not read_segments(d):
        return False
    return d.components > 0 or fail(d, "a scan without a frame header", d.at)


cdef bint read_segments(Decoder *d) noexcept nogil:
    """Reads marker segments; stops behind the marker SOS."""
    cdef size_t start, length
    cdef int marker
    while True:
        start = d.at
        marker = next_marker(d)
        if marker == 0:
            return False
        if marker == SOS:
            return True
        if marker == EOI:
            return fail(d, "the stream ends before all components are there", start)
        if marker == SOI or marker == TEM or RST0 <= marker <= RST7:
            return fail(d, "a marker that must not be here", start)
        length = get16(d.data + d.at) if d.size - d.at >= 2 else 0
        if length < 2 or length > d.size - d.at:
            return fail(d, "a marker segment is longer than the stream, or shorter than its length", d.at)
        if not read_segment(d, marker, d.data + d.at + 2, length - 2):
            return False
        d.at += length


cdef bint read_segment(Decoder *d, int marker, const uint8_t *p, size_t length) noexcept nogil:
    if marker == SOF3:
        return read_frame_header(d, p, length)
    if marker == DHT:
        return read_tables(d, p, length)
    if marker == DRI:
        return read_interval(d, p, length)
    if marker == DNL:
        if length != 2 or get16(p) != d.rows:
            return fail(d, "DNL does not agree with the number of lines", d.at)
        return True
    if SOF0 <= marker <= SOF15 or marker == DHP:
        return fail(d, "not sequential lossless with Huffman coding (SOF3)", d.at)
    return True  # application data, comments, tables of other processes


cdef bint read_frame_header(Decoder *d, const uint8_t *p, size_t length) noexcept nogil:
    """B.2.2."""
    cdef size_t k
    if d.components:
        return fail(d, "a second frame header", d.at)
    if length < 6 or length != 6 + 3 * <size_t>p[5]:
        return fail(d, "a frame header of a wrong length", d.at)
    d.precision, d.rows, d.columns = p[0], get16(p + 1), get16(p + 3)
    if not 2 <= d.precision <= 16:
        return fail(d, "a precision that is not 2 to 16 bits", d.at)
    if not d.columns:
        return fail(d, "no columns", d.at)
    if not 1 <= p[5] <= MAX_COMPONENTS:
        return fail(d, "more components than are decoded, or none", d.at)
    for k in range(p[5]):
        d.component[k].identifier = p[6 + 3 * k]
        if p[7 + 3 * k] != p[7]:
            return fail(d, "components of different sampling are not decoded", d.at)
    d.subsampled = p[7] != 0x11
    d.components = p[5]
    return True


cdef bint read_tables(Decoder *d, const uint8_t *p, size_t length) noexcept nogil:
    """B.2.4.2; tables of class 1 (AC) have no use here."""
    cdef size_t i, codes
    while length:
        if length < 17:
            return fail(d, "a Huffman table is cut short", d.at)
        codes = 0
        for i in range(16):
            codes += p[1 + i]
        if codes > 256 or length < 17 + codes or p[0] >> 4 > 1 or p[0] & 15 > 3:
            return fail(d, "a Huffman table is wrong", d.at)
        if p[0] >> 4 == 0:
            for i in range(codes):
                if p[17 + i] > 16:
                    return fail(d, "a Huffman table has a category above 16", d.at)
            memcpy(d.numbers[p[0] & 15], p + 1, 16)
            memcpy(d.categories[p[0] & 15], p + 17, codes)
            d.defined[p[0] & 15] = True
        p += 17 + codes
        length -= 17 + codes
    return True


cdef bint read_interval(Decoder *d, const uint8_t *p, size_t length) noexcept nogil:
    """B.2.4.4, and H.1.1: a restart interval holds whole rows."""
    if length != 2:
        return fail(d, "a restart interval of a wrong length", d.at)
    if not d.columns:
        return fail(d, "a restart interval before the frame header is not decoded", d.at)
    if get16(p) % d.columns:
        return fail(d, "a restart interval that is not of whole rows", d.at)
    d.interval = get16(p) // d.columns
    return True


cdef bint find_rows(Decoder *d) noexcept nogil:
    """Where the frame header has no number of lines, DNL behind the first scan has it (B.2.5)."""
    cdef size_t i = d.at
    if d.rows:
        return True
    while i + 1 < d.size:
        if d.data[i] != 0xFF or d.data[i + 1] == 0 or d.data[i + 1] == 0xFF or RST0 <= d.data[i + 1] <= RST7:
            i += 2 if d.data[i] == 0xFF and d.data[i + 1] != 0xFF else 1
            continue
        if d.data[i + 1] == DNL and i + 6 <= d.size and get16(d.data + i + 2) == 4:
            d.rows = get16(d.data + i + 4)
        break
    return d.rows > 0 or fail(d, "the number of lines is nowhere", d.at)


# ---- scans ----

cdef bint decode_scans(Decoder *d) noexcept nogil:
    """All scans, until every component is there."""
    cdef Scan scan
    cdef size_t left = d.components
    while True:
        if not (read_scan_header(d, &scan) and make_tables(d, &scan) and decode_scan(d, &scan)):
            return False
        left -= scan.step
        if not left:
            return True
        if not read_segments(d):
            return False


cdef bint read_scan_header(Decoder *d, Scan *scan) noexcept nogil:
    """B.2.3, where Ss is the predictor and Al the point transform."""
    cdef const uint8_t *p = d.data + d.at
    cdef size_t k, length = get16(p) if d.size - d.at >= 2 else 0
    if length < 6 or length > d.size - d.at or not 1 <= p[2] <= d.components or length != 6 + 2 * <size_t>p[2]:
        return fail(d, "a scan header of a wrong length", d.at)
    scan.step = p[2]
    for k in range(scan.step):
        scan.table[k] = p[4 + 2 * k] >> 4
        if not find_component(d, p[3 + 2 * k], &scan.component[k]):
            return fail(d, "a scan of a component that the frame has not, or had before", d.at)
        if scan.table[k] > 3 or not d.defined[scan.table[k]]:
            return fail(d, "a scan with a Huffman table that was not defined", d.at)
    p += 3 + 2 * scan.step
    scan.predictor, scan.shift = p[0], p[2] & 15
    if not 1 <= scan.predictor <= 7:
        return fail(d, "a predictor that is not 1 to 7", d.at)
    if scan.shift >= d.precision:
        return fail(d, "a point transform that leaves no bits", d.at)
    if d.subsampled and scan.step > 1:
        return fail(d, "interleaved components of a sampling other than 1 are not decoded", d.at)
    d.at += length
    return True


cdef bint find_component(Decoder *d, uint8_t identifier, uint8_t *index) noexcept nogil:
    cdef size_t k
    for k in range(d.components):
        if d.component[k].identifier == identifier and not d.component[k].seen:
            d.component[k].seen = True
            index[0] = <uint8_t>k
            return True
    return False


cdef bint make_tables(Decoder *d, Scan *scan) noexcept nogil:
    """The tables for decoding; joined entries only where all components have the same table."""
    cdef size_t k
    cdef bint same = True, made
    cdef unsigned width = JLL_WIDE if d.rows * d.columns * scan.step > 100000 else JLL_NARROW
    cdef uint8_t table
    scan.straight = scan.step == d.components and not scan.shift
    for k in range(scan.step):
        same = same and scan.table[k] == scan.table[0]
        scan.straight = scan.straight and scan.component[k] == k
    for k in range(scan.step):
        table = scan.table[k]
        scan.codes[k] = d.codes + table
        made = k > 0 and same
        if not made and not jll_make_codes(d.codes + table, d.numbers[table], d.categories[table], width, same):
            return fail(d, "a Huffman table with more codes than there can be", d.at)
    return True


cdef bint decode_scan(Decoder *d, Scan *scan) noexcept nogil:
    """The restart intervals of a scan, each of which begins as the scan does (H.1.1); without any, the scan is one."""
    cdef size_t y = 0, rows, number = 0, start
    cdef int marker
    while True:
        rows = min(d.interval if d.interval else d.rows, d.rows - y)
        if not decode_interval(d, scan, y, rows):
            return False
        y += rows
        if y == d.rows:
            return True
        start = d.at
        marker = next_marker(d)
        if marker == 0:
            return False
        if marker != <int>(RST0 + number % 8):
            return fail(d, "not the restart marker that must be here", start)
        number += 1


cdef bint decode_interval(Decoder *d, Scan *scan, size_t first, size_t rows) noexcept nogil:
    cdef Reader reader
    cdef size_t start = d.at, y = 0, count, ready
    cdef size_t width = d.columns * scan.step
    memset(&reader, 0, sizeof(reader))
    d.at = jll_unstuff(d.data + start, d.data + d.size, d.clean, &reader.size) - d.data
    memset(d.clean + reader.size, 0, JLL_PAD)
    reader.bytes = d.clean
    d.ahead.next, d.ahead.ready, d.ahead.part = d.ahead.room, 0, 0
    while y < rows:
        ready = jll_make_ready(scan.codes, scan.step, &reader, &d.ahead, width, (rows - y) * width)
        if ready < width:
            return fail(d, "bits that are no code" if reader.unknown else "the entropy-coded data end early",
                        stuffed_offset(d, start, min(reader.position >> 3, <uint64_t>reader.size)))
        count = ready // width
        finish_rows(d, scan, first + y, count, y == 0)
        d.ahead.next += count * width
        d.ahead.ready -= count * width
        y += count
    return True


cdef size_t stuffed_offset(Decoder *d, size_t start, uint64_t clean) noexcept nogil:
    """Where in the stream a byte is that was found without the stuffing."""
    cdef size_t at = start
    while clean:
        at += 2 if d.data[at] == 0xFF else 1
        clean -= 1
    return at


cdef inline bint in_place(Decoder *d, const Scan *scan) noexcept nogil:
    """Whether rows are made where the caller will have them: nothing remains to be done to them, and 16-bit samples may be there."""
    return scan.straight and d.precision > 8 and JLL_NATIVE and not <size_t>d.samples & 1


cdef uint16_t *row_for(Decoder *d, const Scan *scan, size_t y) noexcept nogil:
    """Where a row of a scan is made; a copy lasts for two more rows."""
    if in_place(d, scan):
        return <uint16_t *>d.samples + y * d.columns * d.components
    return d.copies + y % 3 * d.columns * scan.step


cdef void finish_rows(Decoder *d, const Scan *scan, size_t y, size_t rows, bint begins) noexcept nogil:
    """Differences to samples, and these to their places; the first row may be one that begins a scan or a restart interval."""
    cdef const uint16_t *differences = d.ahead.next
    cdef size_t k, width = d.columns * scan.step, end = y + rows
    cdef uint16_t origin[4]
    if begins:  # H.1.1: 2^(P-Pt-1), and the rest of the row is predicted from the left
        for k in range(4):
            origin[k] = <uint16_t>(1 << (d.precision - scan.shift - 1))
        jll_restore(1, scan.step, differences, origin, width, row_for(d, scan, y))
        deliver_row(d, scan, y)
        differences += width
        y += 1
    while scan.predictor >= 6 and y + 2 <= end:
        jll_restore_two(scan.predictor, scan.step, differences, row_for(d, scan, y - 1), width, row_for(d, scan, y),
                        row_for(d, scan, y + 1))
        deliver_row(d, scan, y)
        deliver_row(d, scan, y + 1)
        differences += 2 * width
        y += 2
    while y < end:
        jll_restore(scan.predictor, scan.step, differences, row_for(d, scan, y - 1), width, row_for(d, scan, y))
        deliver_row(d, scan, y)
        differences += width
        y += 1


cdef void deliver_row(Decoder *d, const Scan *scan, size_t y) noexcept nogil:
    """The samples of a row that was not made in place to where the caller will have them."""
    cdef size_t width = d.columns * scan.step
    cdef int size = 1 if d.precision <= 8 else 2
    cdef uint8_t *to = d.samples + y * d.columns * d.components * size
    if in_place(d, scan):
        return
    if not scan.straight:
        jll_place(row_for(d, scan, y), width, scan.step, scan.shift, scan.component, to, d.components, size)
    elif size == 1:
        jll_narrow(row_for(d, scan, y), width, to)
    else:
        jll_copy16(to, row_for(d, scan, y), width)
