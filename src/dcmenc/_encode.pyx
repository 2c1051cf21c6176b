# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The walk: a whole dataset becomes bytes in one call (PS3.5 7, A.1 to A.4).

Lengths are patched backwards in one growing buffer. Buffers of 16 KiB and more that need no swapping are not copied: they
are recorded as splices, (offset, view), and the list of pieces is cut at the end. Where the walk stands is kept in a stack
that is read only when something fails. No pixels, files or codecs here.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.float cimport PyFloat_Check
from cpython.list cimport PyList_GET_SIZE
from cpython.long cimport PyLong_Check
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_Check, PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, qsort, realloc
cimport cython

from ._bytes cimport HOST_IS_BIG, Sink, position, put, put_byte, reserve, store16, store32
from ._decode cimport plain_ascii
from ._elements cimport (
    LONGEST_16, LONGEST_32, UNDEFINED, Syntax, header_size, put_ascii, put_decimals, put_header, put_integers, put_item_tag, put_number,
    put_tags, widen_to_unknown,
)
from ._parse cimport Coding, RawElement, Span, sequence_as_read, span_as_read
from ._references cimport dict_item, list_item
from ._scan cimport DEEPEST, MENDED, UNDEFINED_LENGTH
from ._swap cimport swap_copy
from ._values cimport (
    BUFFER, DECIMAL, Deferred, ElementStore, FLOAT, INTEGER, ItemList, NO_VR, SEQUENCE, SIGNED, TAG, TEXT, UNSIGNED, VRInfo, vr_info,
)

from .charset import character_set, read_character_set
from .dictionary import tag_table
from .errors import EncodeError, ReadError
from .values import Fragments, check_policy
from .vr import AMBIGUOUS, DESCRIPTORS, WAVEFORM_VALUES

cdef extern from "Python.h":
    bytes PyUnicode_AsUTF8String(object)
    bint PyUnicode_IS_ASCII(object)
    unsigned long PyLong_AsUnsignedLong(object) except? 0xFFFFFFFF

cdef enum:
    UNSEEN = -1
    SPLICED_FROM = 16384
    CHARACTER_SET = 0x00080005
    PIXEL_DATA = 0x7FE00010
    SAMPLES_PER_PIXEL = 0x00280002
    PHOTOMETRIC = 0x00280004
    NUMBER_OF_FRAMES = 0x00280008
    ROWS = 0x00280010
    COLUMNS = 0x00280011
    BITS_ALLOCATED = 0x00280100
    PIXEL_REPRESENTATION = 0x00280103
    WAVEFORM_BITS = 0x54001004


class CharacterSetNeeded(EncodeError):
    """Signal to the caller of the walk: text needs a character set, and none is declared from the root down."""


cdef object FRAGMENTS_TYPE = Fragments
cdef object UNDECLARED = character_set(None)


cdef struct Level:
    uint32_t tag
    Py_ssize_t item
    PyObject *elements
    # whether PixelRepresentation is 1 here, UNSEEN until somebody asks
    int sign

cdef struct Entry:
    uint32_t tag
    PyObject *element


# A group length element whose value waits for the end of its group.
cdef struct GroupLength:
    bint open
    uint32_t number
    Py_ssize_t value
    Py_ssize_t begin


cdef int by_tag(const void *one, const void *other) noexcept nogil:
    cdef uint32_t a = (<const Entry *>one).tag, b = (<const Entry *>other).tag
    return (a > b) - (a < b)


@cython.final
cdef class Walk:
    cdef Sink sink
    cdef Syntax syntax
    cdef bint encapsulated, root_is_meta, replace_text, refuse_long, conforming, policy_given, utf8, ascii
    cdef object charset
    cdef list splices, unconverted
    cdef dict located, dictionary
    cdef int depth
    cdef Level levels[DEEPEST + 1]
    cdef Entry *entries
    cdef Py_ssize_t entry_count, entry_capacity

    def __dealloc__(self):
        while self.entry_count:
            self.entry_count -= 1
            Py_DECREF(<object>self.entries[self.entry_count].element)
        free(self.entries)
        free(self.sink.data)

    cdef bint copy_whole(self, ElementStore dataset) except -1:
        """Copy a data set in which nothing changed since it was read, with all that is odd about it; False if that is not all."""
        cdef Span span = span_as_read(dataset)
        if span is None or span.coding.implicit != self.syntax.implicit or span.coding.big != self.syntax.big:
            return False
        if span.encapsulated != self.encapsulated or span.coding.charset != self.charset:
            return False
        if span.end() > span.start:
            self.splices.append((self.sink.used, span.coding.source.window(span.start, span.end())))
            self.sink.spliced += span.end() - span.start
        return True

    cdef int dataset(self, dict elements) except -1:
        """All elements of one dataset, in ascending order of their tags (PS3.5 7.1)."""
        cdef Py_ssize_t first = self.entry_count, last, i
        cdef uint32_t tag
        cdef GroupLength group
        cdef uint32_t block = 0
        cdef object charset = self.charset
        cdef Level *level = &self.levels[self.depth]
        cdef PyObject *element
        level.elements = <PyObject *>elements
        level.item = -1
        level.sign = UNSEEN
        group.open = False
        last = self.collect(elements)
        if last > first and self.entries[first].tag < CHARACTER_SET:
            # text may come before the element that says how it is encoded, as in a DICOMDIR
            self.declare_ahead(elements)
        for i in range(first, last):
            # self.entries may move while nested datasets are collected
            tag = self.entries[i].tag
            element = self.entries[i].element
            level.tag = tag
            if group.open and tag >> 16 != group.number:
                self.finish_group(&group)
            if tag & 0xFFFF == 0 or tag < 0x00080000 or tag >> 16 >= 0xFFFE or self.root_is_meta:
                self.check_group(tag)
                if tag & 0xFFFF == 0:
                    self.begin_group(&group, tag)
                    continue
            if type(<object>element) is RawElement:
                self.raw(tag, <RawElement>element, elements)
                continue
            if tag & 0x10000 and tag & 0xF000 and tag >> 8 != block:
                self.check_block(elements, tag)
                block = tag >> 8
            elif tag == CHARACTER_SET:
                self.declare(<object>PyTuple_GET_ITEM(<object>element, 2))
            self.element(tag, <object>PyTuple_GET_ITEM(<object>element, 1), <object>PyTuple_GET_ITEM(<object>element, 2))
        if group.open:
            self.finish_group(&group)
        while self.entry_count > first:
            self.entry_count -= 1
            Py_DECREF(<object>self.entries[self.entry_count].element)
        if self.charset is not charset:
            self.use(charset)
        return 0

    cdef Py_ssize_t collect(self, dict elements) except -1:
        """Put references to all elements on the stack of entries, in order: a call-back may change the dict meanwhile."""
        cdef Py_ssize_t first = self.entry_count, at = 0
        cdef PyObject *key
        cdef PyObject *element
        cdef PyObject *stranger = NULL
        cdef uint32_t tag, previous = 0
        cdef bint ordered = True
        with cython.critical_section(elements):
            self.make_room(PyDict_Size(elements))
            while PyDict_Next(elements, &at, &key, &element):
                tag = <uint32_t>PyLong_AsUnsignedLong(<object>key)
                ordered = ordered and tag >= previous
                previous = tag
                if (not PyTuple_Check(<object>element) or PyTuple_GET_SIZE(<object>element) != 3) and type(<object>element) is not RawElement:
                    stranger = element
                    self.levels[self.depth].tag = tag
                Py_INCREF(<object>element)
                self.entries[self.entry_count].tag = tag
                self.entries[self.entry_count].element = element
                self.entry_count += 1
        if stranger != NULL:
            raise EncodeError("what stands here is no Element")
        if not ordered:
            qsort(self.entries + first, self.entry_count - first, sizeof(Entry), by_tag)
        return self.entry_count

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

    cdef int check_group(self, uint32_t tag) except -1:
        """Groups that no dataset of a file may hold: command 0000, delimiters FFFE, and 0002 outside the file meta (PS3.10 7)."""
        cdef uint32_t group = tag >> 16
        if group == 0 or group == 0xFFFE or (group == 2) != (self.root_is_meta and self.depth == 0):
            raise EncodeError("only elements of group 0002 belong in the file meta" if self.root_is_meta and self.depth == 0
                              else f"elements of group {group:04X} do not belong in a data set"
                              + ("; set them in .file_meta" if group == 2 else ""))
        return 0

    cdef int check_block(self, dict elements, uint32_t tag) except -1:
        """A private element needs the creator of its block in the same dataset (PS3.5 7.8.1)."""
        if not self.conforming:
            return 0
        if value_in(<PyObject *>elements, tag >> 16 << 16 | tag >> 8 & 0xFF) is None:
            raise EncodeError(f"its block has no private creator at ({tag >> 16:04X},{tag >> 8 & 0xFF:04X}); use private_block()")
        return 0

    cdef int declare(self, object terms) except -1:
        """From here on, and in the items below, text is in this Specific Character Set (PS3.3 C.12.1.1.2)."""
        if terms is None:
            return 0
        if not isinstance(terms, (str, tuple)):
            raise EncodeError("a Specific Character Set is text of VR CS")
        charset = character_set(terms) if self.conforming else read_character_set(terms)
        if charset.declared:
            self.use(charset)
        return 0

    cdef int declare_ahead(self, dict elements) except -1:
        element = dict_item(elements, CHARACTER_SET)
        if type(element) is RawElement:
            return self.declare_as_read(<RawElement>element, elements)
        return self.declare(value_in(<PyObject *>elements, CHARACTER_SET))

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

    cdef int raw(self, uint32_t tag, RawElement raw, dict elements) except -1:
        """An element as it was read: its own bytes where they mean the same here, else recoded."""
        if tag == CHARACTER_SET:
            self.declare_as_read(raw, elements)
        elif tag == PIXEL_DATA and self.depth == 0:
            self.check_raw_pixels(raw)
        if not sequence_as_read(raw):
            vr = <object>PyTuple_GET_ITEM(raw.known, 1)
            if self.syntax.implicit and not raw.coding.implicit:
                self.dictionary_vr(raw, vr)
            return self.element(tag, vr, <object>PyTuple_GET_ITEM(raw.known, 2))
        if self.means_the_same(raw):
            return self.verbatim(tag, raw)
        return self.recode(tag, raw, elements)

    cdef bint means_the_same(self, RawElement raw) except -1:
        """Whether the bytes are legal as they stand, and a reader of what is written understands them as they were understood."""
        cdef Coding coding = raw.coding
        if coding.implicit != self.syntax.implicit or coding.big != self.syntax.big or raw.found.flags & MENDED:
            return False
        return self.same_text(raw) and (not coding.implicit or self.same_sign(raw))

    cdef bint same_text(self, RawElement raw) except -1:
        """Whether text in the element is the same bytes here: in the same character set, or ASCII in both."""
        cdef const VRInfo *info = raw.own_row()
        cdef bint undefined = raw.found.flags & UNDEFINED_LENGTH
        cdef Py_ssize_t begin = raw.found.start + raw.found.header
        charset = raw.coding.charset
        if charset is self.charset or charset == self.charset:
            return True
        if not raw.coding.implicit and info.kind != SEQUENCE and not (info.kind == TEXT and info.charset):
            return not undefined or info.kind == BUFFER
        if undefined or info.kind == SEQUENCE or not self.ascii or not charset.ascii_unchanged:
            return False
        raw.coding.source.check()
        return plain_ascii(raw.coding.source.data + begin, raw.found.stop - begin)

    cdef bint same_sign(self, RawElement raw) except -1:
        """Whether PixelRepresentation says here what it said where the element was read, as far as that matters (PS3.3 C.7.6.3.1.1)."""
        cdef Level *level = &self.levels[self.depth]
        if level.sign == UNSEEN:
            level.sign = self.nearest_value(PIXEL_REPRESENTATION) == 1
        if level.sign == (raw.coding.sign == 1):
            return True
        entry = self.entry_of(raw)
        return entry is not None and entry[1] != "US/SS" and entry[1] != "SQ" and not raw.found.flags & UNDEFINED_LENGTH

    cdef object entry_of(self, RawElement raw):
        """What the dictionary says of an element; None for repeating groups and private elements."""
        if self.dictionary is None:
            self.dictionary = tag_table()
        return dict_item(self.dictionary, raw.tag_object)

    cdef int verbatim(self, uint32_t tag, RawElement raw) except -1:
        """Header, value and delimiter as they stand."""
        cdef Py_ssize_t begin = position(&self.sink)
        self.stretch(raw, raw.found.start, raw.found.end)
        return self.locate(tag, begin)

    cdef int stretch(self, RawElement raw, Py_ssize_t start, Py_ssize_t stop) except -1:
        """Bytes of the source; many of them are recorded instead of copied."""
        if stop - start >= SPLICED_FROM:
            self.splices.append((self.sink.used, raw.coding.source.window(start, stop)))
            self.sink.spliced += stop - start
            return 0
        raw.coding.source.check()
        return put(&self.sink, raw.coding.source.data + start, stop - start)

    cdef int recode(self, uint32_t tag, RawElement raw, dict elements) except -1:
        """The same value in another transfer syntax or character set."""
        cdef Py_ssize_t start = self.sink.used, begin = position(&self.sink), size = raw.found.stop - raw.found.start - raw.found.header
        cdef const VRInfo *info
        vr = raw.own_vr(elements)
        if self.syntax.implicit and not raw.coding.implicit:
            vr = self.dictionary_vr(raw, vr)
        info = vr_info(vr)
        if vr == "US/SS" or raw.found.flags & UNDEFINED_LENGTH or info.kind == SEQUENCE or (info.kind == NO_VR and raw.coding.big):
            # not kept: the dataset need not remember that it was written
            return self.recode_value_of(tag, raw.made(elements), vr)
        if info.kind == NO_VR:
            info = self.resolve(tag, vr, None)
        if info.kind == TEXT and info.charset and not self.same_text(raw):
            return self.recode_text(tag, raw, info)
        if info.kind != BUFFER and size % (4 if info.kind == TAG else info.unit):
            # which is how it is shown, too
            info = vr_info("UN")
        put_header(&self.sink, tag, info, self.syntax, 0)
        self.recode_bytes(info, raw)
        self.finish(info, start, begin)
        return self.locate(tag, begin)

    cdef object dictionary_vr(self, RawElement raw, object vr):
        """The VR by which Implicit VR will be read. A value that would become another one by that is refused."""
        cdef const VRInfo *own = vr_info(vr)
        cdef const VRInfo *other
        entry = self.entry_of(raw)
        known = vr if entry is None else entry[1] or vr
        if known == vr or vr == "UN":
            return vr
        if known in AMBIGUOUS:
            if known == "US/SS" and vr in ("US", "SS"):
                return known
            if vr in AMBIGUOUS[known] or own.kind == BUFFER:
                return vr
        other = vr_info(known)
        if (is_text(own) and is_text(other)) or (own.kind == other.kind and (own.unit == other.unit or own.kind == BUFFER)):
            return vr
        raise EncodeError(f"the file has it as {vr}, and Implicit VR leaves the VR to the dictionary, which has {known}: "
                          "the value would be read as another one; set it anew, or write Explicit VR")

    cdef int recode_value_of(self, uint32_t tag, object element, object vr) except -1:
        """Items, fragments, and numbers whose sign may be another one here."""
        value = <object>PyTuple_GET_ITEM(element, 2)
        if vr != "US/SS" or not holds_numbers(value):
            vr = <object>PyTuple_GET_ITEM(element, 1)
        return self.element(tag, vr, value)

    cdef int recode_text(self, uint32_t tag, RawElement raw, const VRInfo *info) except -1:
        """Text of another character set, of which no character may be lost."""
        try:
            value = raw.shown(info, True)
        except ReadError as error:
            # the walk goes on, to name all of them at once
            self.unconverted.append((self.path(), tag, error.reason))
            return 0
        return self.element(tag, <str>info.name, value)

    cdef int recode_bytes(self, const VRInfo *info, RawElement raw) except -1:
        """The bytes of a value, turned around where the byte order is another one."""
        cdef Py_ssize_t start = raw.found.start + raw.found.header, size = raw.found.stop - start
        if info.kind == BUFFER and (raw.coding.big == self.syntax.big or info.unit == 1):
            return self.stretch(raw, start, raw.found.stop)
        raw.coding.source.check()
        if raw.coding.big == self.syntax.big or info.unit == 1:
            return put(&self.sink, raw.coding.source.data + start, size)
        if size % info.unit:
            raise EncodeError(f"{size} bytes are no multiple of the {info.unit} of {<str>info.name}, and cannot be put into another byte order")
        return self.copy(raw.coding.source.data + start, size, info.unit, True)

    cdef int declare_as_read(self, RawElement raw, dict elements) except -1:
        """As its reader understood it, misspelt or not; an empty one declares nothing."""
        element = raw.element(elements)
        return self.use(raw.coding.charset) if <object>PyTuple_GET_ITEM(element, 2) is not None else 0

    cdef int check_raw_pixels(self, RawElement raw) except -1:
        """Pixels that were read must still go with the attributes around them, once one of these was set."""
        cdef bint native = not raw.found.flags & UNDEFINED_LENGTH
        cdef Py_ssize_t size = raw.found.stop - raw.found.start - raw.found.header
        if native == self.encapsulated and size:
            raise EncodeError("native pixels cannot stand under an encapsulated transfer syntax; give Fragments or change the syntax" if native
                              else "only Pixel Data under an encapsulated transfer syntax can hold fragments; decode them or change the syntax")
        if native and self.conforming and self.pixels_described_anew():
            self.check_pixels(b"", 1, size)
        return 0

    cdef bint pixels_described_anew(self) except -1:
        for tag in (SAMPLES_PER_PIXEL, PHOTOMETRIC, NUMBER_OF_FRAMES, ROWS, COLUMNS, BITS_ALLOCATED):
            element = dict_item(<object>self.levels[0].elements, tag)
            if element is not None and type(element) is not RawElement:
                return True
        return False

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

    cdef int refuse_unconverted(self) except -1:
        """Text that was read and could not be put into the character set of what is written would be lost."""
        if self.unconverted:
            (path, tag, reason), *others = self.unconverted
            more = f"; the same at {', '.join([each for each, _, _ in others[:20]])}" if others else ""
            more += f" and {len(others) - 20} more" if len(others) > 20 else ""
            raise EncodeError(f"the text cannot be put into another character set: {reason}{more}", path, tag)
        return 0

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
    """The value of an element, None where there is none."""
    element = dict_item(<object>elements, tag)
    if isinstance(element, Deferred):
        element = (<Deferred>element).element(<dict>elements)
    return None if element is None else <object>PyTuple_GET_ITEM(element, 2)


cdef inline bint is_text(const VRInfo *info) noexcept:
    return info.kind == TEXT or info.kind == DECIMAL or info.kind == INTEGER


cdef bint holds_numbers(object value):
    return PyLong_Check(value) or PyTuple_CheckExact(value)


cdef bint fits_16(object value):
    """Whether the numbers fit a 16-bit length field as US."""
    return not PyTuple_Check(value) or 2 * len(<tuple>value) <= LONGEST_16


def encode_dataset(ElementStore dataset not None, *, bint implicit=False, bint big_endian=False, bint encapsulated=False, bint file_meta=False,
                   charset=None, policy=None, bytes head not None=b"", dict locate=None):
    """The encoded dataset, after ``head``, as a list of ``bytes`` and (for large buffers) byte views.

    Parameters
    ----------
    dataset : Dataset
    implicit, big_endian, encapsulated
        The transfer syntax: Implicit VR, big endian, Pixel Data in fragments.
    file_meta : bool
        The dataset is a File Meta Information: group 0002 and nothing else.
    charset : CharacterSet
        The set in force before a Specific Character Set element is met; by default none is declared.
    policy : Policy
        By default the datasets' own, each item's for itself.
    head : bytes
        What comes first.
    locate : dict, optional
        Root tags whose values are replaced by (offset of the element, offset behind it).

    Raises
    ------
    EncodeError
        With the path of the element that cannot be written.
    CharacterSetNeeded
        When text needs a character set and none is declared.
    """
    cdef Walk walk = Walk.__new__(Walk)
    walk.syntax.implicit, walk.syntax.big = implicit, big_endian
    walk.encapsulated, walk.root_is_meta = encapsulated, file_meta
    walk.use(charset if charset is not None else UNDECLARED)
    walk.splices, walk.unconverted, walk.located = [], [], locate
    walk.conforming, walk.policy_given = True, policy is not None
    if policy is None:
        policy = dataset._policy
    if policy is not None:
        check_policy(policy)
        walk.replace_text, walk.refuse_long = policy.unencodable == "replace", policy.long_value == "error"
        walk.conforming = policy.nonconforming == "error"
    put(&walk.sink, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
    if locate is None and not file_meta and walk.copy_whole(dataset):
        return walk.pieces()
    try:
        walk.dataset(dataset._elements)
        walk.refuse_unconverted()
    except EncodeError as error:
        raise type(error)(error.reason, error.path or walk.path(), error.tag or walk.levels[walk.depth].tag) from None
    except (TypeError, ValueError, OverflowError, BufferError, AttributeError, IndexError) as error:
        raise EncodeError(str(error), walk.path(), walk.levels[walk.depth].tag) from error
    return walk.pieces()
