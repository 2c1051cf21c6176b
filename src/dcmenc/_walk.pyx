# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How elements become bytes, one after the other (PS3.5 6.2, 7; A.1 to A.4): values, sequences, fragments, VRs that the context decides.

Lengths are patched backwards in one growing buffer. Buffers of 16 KiB and more that need no swapping are not copied: they
are recorded as splices, (offset, view), and the list of pieces is cut at the end. Where the walk stands is kept in a stack
that is read only when something fails. Which elements come, and in what order, is the business of ``_encode.pyx``.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.float cimport PyFloat_Check
from cpython.list cimport PyList_GET_SIZE
from cpython.long cimport PyLong_Check
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from cpython.tuple cimport PyTuple_Check, PyTuple_CheckExact, PyTuple_GET_ITEM
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, realloc

from ._bytes cimport HOST_IS_BIG, position, put, put_byte, reserve, store16, store32
from ._elements cimport (
    LONGEST_16, LONGEST_32, UNDEFINED, Syntax, header_size, put_ascii, put_decimals, put_header, put_integers, put_item_tag, put_number,
    put_tags, widen_to_unknown,
)
from ._references cimport dict_item, list_item
from ._scan cimport DEEPEST
from ._swap cimport swap_copy
from ._quick cimport BUFFER, DECIMAL, INTEGER, NO_VR, SEQUENCE, SIGNED, TAG, TEXT, VRInfo, vr_info
from ._store cimport Deferred, ElementStore, ItemList

from .errors import EncodeError
from .values import Fragments
from .vr import DESCRIPTORS, WAVEFORM_VALUES

cdef extern from "Python.h":
    bytes PyUnicode_AsUTF8String(object)
    bint PyUnicode_IS_ASCII(object)

cdef enum:
    WAVEFORM_BITS = 0x54001004


class CharacterSetNeeded(EncodeError):
    """Signal to the caller of the walk: text needs a character set, and none is declared from the root down."""


cdef object FRAGMENTS_TYPE = Fragments


cdef class Walk:
    """What every walk has: the bytes so far, the transfer syntax, and the place."""

    def __dealloc__(self):
        while self.entry_count:
            self.entry_count -= 1
            Py_DECREF(<object>self.entries[self.entry_count].element)
        free(self.entries)
        free(self.sink.data)

    cdef int dataset(self, dict elements) except -1:
        return 0

    cdef int make_room(self, Py_ssize_t count) except -1:
        cdef Py_ssize_t capacity = max(self.entry_count + count, 2 * self.entry_capacity, 64)
        cdef Entry *entries
        if self.entry_count + count > self.entry_capacity:
            entries = <Entry *>realloc(self.entries, capacity * sizeof(Entry))
            if entries == NULL:
                raise MemoryError()
            self.entries = entries
            self.entry_capacity = capacity
        return 0

    cdef int use(self, object charset) except -1:
        self.charset = charset
        self.utf8 = charset.utf8
        self.ascii = charset.ascii_unchanged
        return 0

    cdef int begin_group(self, GroupLength *group, uint32_t tag) except -1:
        put_header(&self.sink, tag, vr_info("UL"), self.syntax, 4)
        reserve(&self.sink, 4)
        group.open = True
        group.number = tag >> 16
        group.value = self.sink.used
        self.sink.used += 4
        group.begin = position(&self.sink)
        return 0

    cdef int finish_group(self, GroupLength *group) except -1:
        cdef Py_ssize_t length = position(&self.sink) - group.begin
        group.open = False
        if length > LONGEST_32:
            self.levels[self.depth].tag = group.number << 16
            raise EncodeError(f"group {group.number:04X} is too long for a group length; remove ({group.number:04X},0000)")
        store32(self.sink.data + group.value, <uint32_t>length, self.syntax.big)
        return 0

    cdef int element(self, uint32_t tag, object vr, object value) except -1:
        cdef const VRInfo *info = vr_info(vr)
        cdef Py_ssize_t start, begin
        if info.kind == NO_VR:
            info = self.resolve(tag, vr, value)
            if info.kind != BUFFER or holds_numbers(value):
                return self.words(tag, info, value)
        if info.kind == BUFFER:
            return self.buffer(tag, info, value)
        start = self.sink.used
        begin = position(&self.sink)
        if info.kind == SEQUENCE:
            return self.sequence(tag, info, value, start, begin)
        put_header(&self.sink, tag, info, self.syntax, 0)
        if value is None:
            return self.locate(tag, begin)
        if info.kind == TEXT:
            self.texts(info, value)
        elif PyTuple_Check(value):
            self.numbers(info, <tuple>value)
        elif PyLong_Check(value) or PyFloat_Check(value) or PyUnicode_Check(value):
            put_number(&self.sink, info, value, self.syntax)
        else:
            self.array(info, value)
        self.finish(info, start, begin)
        return self.locate(tag, begin)

    cdef inline int locate(self, uint32_t tag, Py_ssize_t begin) except -1:
        """Note where the values of the wanted root elements stand: (offset of the element, offset behind it)."""
        if self.located is not None and self.depth == 0 and tag in self.located:
            self.located[tag] = begin, position(&self.sink)
        return 0

    cdef inline int finish(self, const VRInfo *info, Py_ssize_t start, Py_ssize_t begin) except -1:
        """Pad the value to an even length and write that length into the header."""
        cdef Py_ssize_t length = position(&self.sink) - begin - header_size(info, self.syntax)
        if length & 1:
            put_byte(&self.sink, info.pad)
            length += 1
        if self.syntax.implicit or info.header == 12:
            if length > LONGEST_32:
                raise too_long(length, 0)
            store32(self.sink.data + start + header_size(info, self.syntax) - 4, <uint32_t>length, self.syntax.big)
        elif length <= LONGEST_16:
            store16(self.sink.data + start + 6, <uint16_t>length, self.syntax.big)
        else:
            self.finish_long(info, start, length)
        return 0

    cdef int finish_long(self, const VRInfo *info, Py_ssize_t start, Py_ssize_t length) except -1:
        code = chr(info.code[0]) + chr(info.code[1])
        if self.refuse_long:
            raise EncodeError(f"{length} bytes do not fit the 16-bit length of {code}; write it as UN (Policy.long_value) or in an implicit VR syntax")
        if self.syntax.big and info.unit > 1:
            raise EncodeError(f"{length} bytes do not fit the 16-bit length of {code}, and UN holds no big endian numbers; use a little endian syntax")
        if length > LONGEST_32:
            raise too_long(length, 0)
        return widen_to_unknown(&self.sink, start, <uint32_t>length, self.syntax.big)

    cdef int sequence(self, uint32_t tag, const VRInfo *info, object value, Py_ssize_t start, Py_ssize_t begin) except -1:
        cdef bint undefined = False
        cdef Py_ssize_t at, length
        cdef object items
        if isinstance(value, ItemList):
            undefined = (<ItemList>value).undefined_length
            items = value
        else:
            raise EncodeError(f"a sequence takes datasets, not {type(value).__name__}")
        put_header(&self.sink, tag, info, self.syntax, UNDEFINED if undefined else 0)
        if self.depth == DEEPEST:
            raise EncodeError(f"datasets nest deeper than {DEEPEST} levels")
        at = 0
        # a list subclass: measured anew at each step, for a call-back may change it
        while at < PyList_GET_SIZE(items):
            self.levels[self.depth].item = at
            self.item(list_item(items, at))
            at += 1
        self.levels[self.depth].item = -1
        if undefined:
            put_item_tag(&self.sink, 0xE0DD, 0, self.syntax.big)
            return self.locate(tag, begin)
        length = position(&self.sink) - begin - header_size(info, self.syntax)
        if length > LONGEST_32:
            raise EncodeError(f"the sequence is {length} bytes long, over the limit of 4 GiB; give it undefined length")
        store32(self.sink.data + start + header_size(info, self.syntax) - 4, <uint32_t>length, self.syntax.big)
        return self.locate(tag, begin)

    cdef int unknown_sequence(self, uint32_t tag, const VRInfo *info, ItemList items) except -1:
        """UN of undefined length: its items are in Implicit VR Little Endian, whatever is around (PS3.5 6.2.2)."""
        cdef Py_ssize_t begin = position(&self.sink), at = 0
        cdef Syntax syntax = self.syntax
        put_header(&self.sink, tag, info, self.syntax, UNDEFINED)
        if self.depth == DEEPEST:
            raise EncodeError(f"datasets nest deeper than {DEEPEST} levels")
        self.syntax.implicit, self.syntax.big = True, False
        while at < PyList_GET_SIZE(items):
            self.levels[self.depth].item = at
            self.item(list_item(items, at))
            at += 1
        self.levels[self.depth].item = -1
        put_item_tag(&self.sink, 0xE0DD, 0, False)
        self.syntax = syntax
        return self.locate(tag, begin)

    cdef int item(self, object dataset) except -1:
        cdef Py_ssize_t start = self.sink.used, begin = position(&self.sink), length
        cdef bint conforming = self.conforming
        cdef ElementStore store
        if not isinstance(dataset, ElementStore):
            raise EncodeError(f"an item is a Dataset, not {type(dataset).__name__}")
        store = <ElementStore>dataset
        put_item_tag(&self.sink, 0xE000, UNDEFINED if store.undefined_length else 0, self.syntax.big)
        if store._policy is not None and not self.policy_given:
            self.conforming = store._policy.nonconforming == "error"
        self.depth += 1
        self.dataset(store._elements)
        self.depth -= 1
        self.conforming = conforming
        if store.undefined_length:
            return put_item_tag(&self.sink, 0xE00D, 0, self.syntax.big)
        length = position(&self.sink) - begin - 8
        if length > LONGEST_32:
            raise EncodeError(f"the item is {length} bytes long, over the limit of 4 GiB; give it undefined length")
        store32(self.sink.data + start + 4, <uint32_t>length, self.syntax.big)
        return 0

    cdef int texts(self, const VRInfo *info, object value) except -1:
        cdef bint another = False
        if not PyTuple_Check(value):
            return self.text(info, value)
        for one in <tuple>value:
            if another:
                put_byte(&self.sink, c"\\")
            self.text(info, one)
            another = True
        return 0

    cdef inline int text(self, const VRInfo *info, object text) except -1:
        if not PyUnicode_Check(text):
            raise EncodeError(f"text is wanted, not {type(text).__name__}")
        if PyUnicode_IS_ASCII(text) and (self.ascii or not info.charset):
            return put_ascii(&self.sink, text)
        return self.international(info, text)

    cdef int international(self, const VRInfo *info, object text) except -1:
        if self.utf8:
            # not PyUnicode_AsUTF8, which leaves a second copy in the user's string for good
            encoded = PyUnicode_AsUTF8String(text)
            return put(&self.sink, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))
        if not self.charset.declared:
            raise CharacterSetNeeded("text beyond ASCII needs a Specific Character Set")
        # a VR of ASCII text comes here only under a policy that lets it pass: it is written as a name of a coding would be
        vr = chr(info.code[0]) + chr(info.code[1]) if info.charset else "LO"
        encoded = self.charset.encode(text, vr, self.replace_text)
        return put(&self.sink, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))

    cdef int numbers(self, const VRInfo *info, tuple values) except -1:
        cdef bint textual = info.kind == DECIMAL or info.kind == INTEGER
        cdef bint another = False
        for one in values:
            if another and textual:
                put_byte(&self.sink, c"\\")
            put_number(&self.sink, info, one, self.syntax)
            another = True
        return 0

    cdef int array(self, const VRInfo *info, object value) except -1:
        """A read-only array in the dtype that values.py gave it."""
        cdef Py_buffer view
        cdef int unit = 4 if info.kind == INTEGER or info.kind == TAG else 8 if info.kind == DECIMAL else info.unit
        PyObject_GetBuffer(value, &view, PyBUF_FORMAT | PyBUF_ND)
        try:
            if view.itemsize != unit or view.ndim != 1:
                raise EncodeError(f"an array of {unit}-byte numbers in one dimension is wanted")
            if info.kind == DECIMAL:
                put_decimals(&self.sink, <const double *>view.buf, view.len >> 3)
            elif info.kind == INTEGER:
                put_integers(&self.sink, <const int *>view.buf, view.len >> 2)
            elif info.kind == TAG:
                put_tags(&self.sink, <const uint32_t *>view.buf, view.len >> 2, self.syntax.big)
            else:
                self.copy(<const uint8_t *>view.buf, view.len, unit, HOST_IS_BIG != self.syntax.big)
        finally:
            PyBuffer_Release(&view)
        return 0

    cdef int copy(self, const uint8_t *source, Py_ssize_t size, int unit, bint swap) except -1 nogil:
        if not swap or unit == 1:
            return put(&self.sink, source, size)
        reserve(&self.sink, size)
        swap_copy(self.sink.data + self.sink.used, source, size, unit)
        self.sink.used += size
        return 0

    cdef int buffer(self, uint32_t tag, const VRInfo *info, object value) except -1:
        """A value of OB, OD, OF, OL, OV, OW or UN: little endian units, swapped by the VR's unit where the syntax is big endian."""
        cdef Py_buffer view
        cdef Py_ssize_t begin = position(&self.sink), size
        cdef int whole = info.unit if info.unit > 2 else 1
        if type(value) is FRAGMENTS_TYPE:
            return self.fragments(tag, value)
        if isinstance(value, ItemList):
            return self.unknown_sequence(tag, info, value)
        if tag == PIXEL_DATA and self.encapsulated and self.depth == 0 and value is not None:
            raise EncodeError("native pixels cannot stand under an encapsulated transfer syntax; give Fragments or change the syntax")
        if value is None:
            put_header(&self.sink, tag, info, self.syntax, 0)
            return self.locate(tag, begin)
        PyObject_GetBuffer(value, &view, PyBUF_SIMPLE)
        try:
            size = view.len + (view.len & 1)
            if size > LONGEST_32:
                raise too_long(size, tag)
            if tag == PIXEL_DATA and self.conforming:
                self.check_pixels(value, view.itemsize, view.len)
            if view.len % whole and self.conforming:
                raise EncodeError(f"{view.len} bytes are no multiple of the {info.unit} of {chr(info.code[0])}{chr(info.code[1])}")
            put_header(&self.sink, tag, info, self.syntax, <uint32_t>size)
            if self.syntax.big and info.unit > 1:
                self.swapped(info, &view)
            else:
                self.padded(value, &view)
        finally:
            PyBuffer_Release(&view)
        return self.locate(tag, begin)

    cdef int check_pixels(self, object value, Py_ssize_t size, Py_ssize_t found) except -1:
        """Native pixels are what the Image Pixel attributes around them say: samples, their sign, and their number (PS3.5 8.1)."""
        bits, sign = self.own_value(BITS_ALLOCATED), self.own_value(PIXEL_REPRESENTATION)
        if size > 1 and bits is not None:
            if bits != 8 * size:
                raise EncodeError(f"the array has samples of {8 * size} bits, and BitsAllocated is {bits}; convert it, or give its bytes")
            if sign is not None and memoryview(value).format.islower() != bool(sign):
                raise EncodeError(f"the array is {'unsigned' if sign else 'signed'}, and PixelRepresentation is {sign}; convert one of them")
        rows, columns = self.own_value(ROWS), self.own_value(COLUMNS)
        frames, samples = self.own_value(NUMBER_OF_FRAMES), self.own_value(SAMPLES_PER_PIXEL)
        if not all(isinstance(number, int) for number in (rows, columns, bits, samples or 1, frames or 1)):
            return 0
        wanted = rows * columns * bits * (samples or 1) * (frames or 1)
        if self.own_value(PHOTOMETRIC) == "YBR_FULL_422":
            # two pixels share their chrominance
            wanted = wanted // 3 * 2
        wanted = (wanted + 7) // 8
        if found != wanted and found != wanted + (wanted & 1):
            raise EncodeError(f"{found} bytes, where Rows, Columns, SamplesPerPixel, BitsAllocated and NumberOfFrames ask for {wanted}")
        return 0

    cdef int swapped(self, const VRInfo *info, const Py_buffer *view) except -1:
        cdef Py_ssize_t even = view.len - view.len % info.unit
        cdef const uint8_t *source = <const uint8_t *>view.buf
        self.copy(source, even, info.unit, True)
        if view.len - even == 1 and info.unit == 2:
            # the odd byte is the low half of a last word whose high half is the padding
            put_byte(&self.sink, 0)
            put_byte(&self.sink, source[even])
        elif view.len > even:
            raise EncodeError(f"{view.len} bytes cannot be swapped in units of {info.unit}")
        return 0

    cdef int padded(self, object value, const Py_buffer *view) except -1:
        """The bytes as they are, with a zero behind an odd number of them; big ones are recorded instead of copied."""
        if view.len < SPLICED_FROM:
            put(&self.sink, view.buf, view.len)
        else:
            self.splice(value, view.len)
        return put_byte(&self.sink, 0) if view.len & 1 else 0

    cdef int splice(self, object value, Py_ssize_t size) except -1:
        view = memoryview(value)
        if view.ndim != 1 or view.itemsize != 1 or view.format != "B":
            view = view.cast("B")
        if view.nbytes != size:
            raise EncodeError("the buffer changed its size while it was written")
        self.splices.append((self.sink.used, view))
        self.sink.spliced += size
        return 0

    cdef int fragments(self, uint32_t tag, object value) except -1:
        """Encapsulated Pixel Data: Basic Offset Table, fragments, delimiter; always OB of undefined length (PS3.5 A.4)."""
        cdef Py_ssize_t begin = position(&self.sink)
        if not self.encapsulated or tag != PIXEL_DATA:
            raise EncodeError("only Pixel Data under an encapsulated transfer syntax can hold fragments; decode them or change the syntax")
        put_header(&self.sink, tag, vr_info("OB"), self.syntax, UNDEFINED)
        self.fragment(value.table)
        for fragment in value.fragments:
            self.fragment(fragment)
        put_item_tag(&self.sink, 0xE0DD, 0, self.syntax.big)
        return self.locate(tag, begin)

    cdef int fragment(self, object value) except -1:
        cdef Py_buffer view
        cdef Py_ssize_t size
        PyObject_GetBuffer(value, &view, PyBUF_SIMPLE)
        try:
            size = view.len + (view.len & 1)
            if size > LONGEST_32:
                raise EncodeError(f"a fragment of {size} bytes is over the limit of 4 GiB; split it")
            put_item_tag(&self.sink, 0xE000, <uint32_t>size, self.syntax.big)
            self.padded(value, &view)
        finally:
            PyBuffer_Release(&view)
        return 0

    cdef const VRInfo *resolve(self, uint32_t tag, object vr, object value) except NULL:
        """The VR of an element that the dictionary leaves open (PS3.5 A.1, A.2; PS3.6 6)."""
        if vr == "OB/OW":
            return vr_info(self.resolve_bytes(tag, value))
        if vr == "US/SS" or ((vr == "US/OW" or vr == "US/SS/OW") and holds_numbers(value)):
            if vr == "US/OW":
                return vr_info("US" if fits_16(value) else "OW")
            return vr_info(self.resolve_sign(value))
        if vr == "US/OW" or vr == "US/SS/OW":
            return vr_info("OW")
        raise EncodeError(f"{vr!r} is not a VR")

    cdef str resolve_bytes(self, uint32_t tag, object value):
        cdef object bits
        if type(value) is FRAGMENTS_TYPE:
            return "OB"
        if self.syntax.implicit:
            return "OW"
        if tag == PIXEL_DATA:
            bits = self.own_value(BITS_ALLOCATED)
            if bits is None and value is not None:
                raise EncodeError("BitsAllocated decides whether the pixels are OB or OW; set it")
            return "OB" if bits is not None and bits <= 8 else "OW"
        if tag in WAVEFORM_VALUES:
            bits = self.nearest_value(WAVEFORM_BITS)
            if bits is None and value is not None:
                raise EncodeError("WaveformBitsAllocated decides whether the value is OB or OW; set it")
            return "OB" if bits is not None and bits <= 8 else "OW"
        return "OW"

    cdef str resolve_sign(self, object value):
        cdef object sign = self.nearest_value(PIXEL_REPRESENTATION)
        if sign is None:
            if value is not None and self.own_value(PIXEL_DATA) is not None:
                raise EncodeError("PixelRepresentation decides whether the value is US or SS; set it")
            sign = 0
        return "SS" if sign == 1 else "US"

    cdef object own_value(self, uint32_t tag):
        return value_in(self.levels[self.depth].elements, tag)

    cdef object nearest_value(self, uint32_t tag):
        """The value in this dataset, or else in the nearest one around it that has it."""
        cdef int level
        for level in range(self.depth, -1, -1):
            value = value_in(self.levels[level].elements, tag)
            if value is not None:
                return value
        return None

    cdef int words(self, uint32_t tag, const VRInfo *info, object value) except -1:
        """Numbers of 16 bits as US, SS or OW; each must fit the sign, save the counts in a lookup table's descriptor."""
        cdef Py_ssize_t start = self.sink.used, begin = position(&self.sink), at = 0
        cdef const VRInfo *unsigned = vr_info("US")
        cdef const VRInfo *own
        cdef int low, high
        put_header(&self.sink, tag, info, self.syntax, 0)
        for one in (value if PyTuple_Check(value) else () if value is None else (value,)):
            own = info if info.kind == SIGNED and (at == 1 or tag not in DESCRIPTORS) else unsigned
            low, high = (-32768, 32767) if own.kind == SIGNED else (0, 65535)
            if not low <= one <= high:
                raise EncodeError(f"{one} does not fit 16-bit {'signed' if own.kind == SIGNED else 'unsigned'}, which PixelRepresentation asks for")
            put_number(&self.sink, own, one, self.syntax)
            at += 1
        self.finish(info, start, begin)
        return self.locate(tag, begin)

    cdef list pieces(self):
        cdef list result = []
        cdef Py_ssize_t start = 0, offset
        for offset, view in self.splices:
            if offset > start:
                result.append(PyBytes_FromStringAndSize(<char *>self.sink.data + start, offset - start))
            result.append(view)
            start = offset
        if self.sink.used > start or not result:
            result.append(PyBytes_FromStringAndSize(<char *>self.sink.data + start, self.sink.used - start))
        return result

    cdef str path(self):
        cdef int level
        steps = []
        for level in range(self.depth + 1):
            tag = self.levels[level].tag
            if tag == 0 and level == self.depth and level:
                # the fault is in the item itself
                break
            step = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
            if self.levels[level].item >= 0:
                step += f"[{self.levels[level].item}]"
            steps.append(step)
        return ".".join(steps)


cdef object too_long(Py_ssize_t length, uint32_t tag):
    advice = ("; encapsulate the pixels (compress them, or use Encapsulated Uncompressed Explicit VR Little Endian)"
              if tag == PIXEL_DATA else "")
    return EncodeError(f"{length} bytes are over the limit of 4,294,967,294{advice}")


cdef object value_in(PyObject *elements, uint32_t tag):
    element = dict_item(<object>elements, tag)
    if isinstance(element, Deferred):
        element = (<Deferred>element).element(<dict>elements)
    return None if element is None else <object>PyTuple_GET_ITEM(element, 2)


cdef bint holds_numbers(object value):
    return PyLong_Check(value) or PyTuple_CheckExact(value)


cdef bint fits_16(object value):
    """Whether the numbers fit a 16-bit length field as US."""
    return not PyTuple_Check(value) or 2 * len(<tuple>value) <= LONGEST_16
