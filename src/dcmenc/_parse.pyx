# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The inverse of the walk: one scan over bytes proves their structure, and elements stand for their place in them (PS3.5 7, A.1 to A.4).

The scan goes through everything, sequences included, and makes no object. Objects are made for the level that somebody looks
at: a sequence is opened, and a value decoded, when it is asked for, and the bytes stay what the element *is* until a new value
is set. No length is believed before it was held against what is left.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Next, PyDict_SetItem, PyDict_Size
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport bsearch, free, realloc
cimport cython

from ._bytes cimport load16, load32
from ._decode cimport UNREADABLE, decode_value
from ._references cimport dict_item, list_item
from ._values cimport (
    BUFFER, DECIMAL, ElementStore, INTEGER, ItemList, NO_VR, SEQUENCE, TEXT, VRInfo, bare_element, new_dataset, new_sequence, vr_info,
    vr_row,
)

from ._swap import swapped
from .charset import DEFAULT, read_character_set
from .dictionary import Tag, lookup, private_entry, tag_table
from .errors import ReadError
from .values import MAX_DEPTH, Fragments

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object)

cdef enum:
    DEEPEST = 128
    IN_MEMORY = 16384
    MOST_FAULTS = 64
    CHARACTER_SET = 0x00080005
    PIXEL_REPRESENTATION = 0x00280103
    FLOAT_PIXELS = 0x7FE00008
    DOUBLE_PIXELS = 0x7FE00009
    PIXEL_DATA = 0x7FE00010
    DELIMITERS = 0xFFFE

cdef extern from *:
    const uint32_t ITEM "0xFFFEE000U"
    const uint32_t ITEM_END "0xFFFEE00DU"
    const uint32_t SEQUENCE_END "0xFFFEE0DDU"
    const uint32_t UNDEFINED "0xFFFFFFFFU"

cdef object TAG_TYPE = Tag
cdef object NEW_INT = int.__new__
# The tags whose VR is SQ, in order, for what Implicit VR does not say; made from the dictionary when it is first needed.
cdef bytes SEQUENCE_TAGS = b""


# ------------------------------------------------------------------ where the bytes are

@cython.final
cdef class Source:
    """The bytes that datasets were read from; ``guard`` is called before bytes are handed on that may have changed meanwhile."""

    def __cinit__(self, owner, guard=None):
        PyObject_GetBuffer(owner, &self.view, PyBUF_SIMPLE)
        self.held = True
        self.owner, self.guard = owner, guard
        self.data, self.size = <const uint8_t *>self.view.buf, self.view.len

    def __dealloc__(self):
        cdef int i
        for i in range(256):
            Py_XDECREF(self.tags[i])
        if self.held:
            PyBuffer_Release(&self.view)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, <void *>self.data, self.size, True, flags)

    cdef object window(self, Py_ssize_t start, Py_ssize_t stop):
        """A part of the bytes: a copy of a short one, a view of a long one."""
        if self.guard is not None:
            self.guard()
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
        made.source, made.lenient, made.assumed = self.source, self.lenient, self.assumed
        made.implicit, made.big, made.charset, made.sign = implicit, big, charset, sign
        return made

    def __reduce__(self):
        return restored_coding, (self.implicit, self.big, self.sign, self.charset, self.assumed)


def restored_coding(implicit, big, sign, charset, assumed):
    cdef Coding made = Coding.__new__(Coding)
    made.implicit, made.big, made.sign, made.charset, made.assumed = implicit, big, sign, charset, assumed
    return made


# ------------------------------------------------------------------ the scan

cdef enum Fault:
    SHORT_HEADER = 1
    SHORT_VALUE
    NO_ITEM
    STRAY_ITEM
    NOT_UNDEFINED
    TOO_DEEP
    TOO_MANY
    NO_MEMORY

cdef struct Found:
    uint32_t tag
    uint8_t header
    uint8_t first
    uint8_t second
    uint8_t flags
    Py_ssize_t start
    Py_ssize_t stop
    Py_ssize_t end

cdef struct Step:
    uint32_t tag
    Py_ssize_t item


@cython.final
cdef class Scan:
    """One pass over a data set. ``found`` collects the elements of the level that is asked for."""

    cdef Source source
    cdef const uint8_t *data
    cdef bint lenient, mended, before_pixels, mute, unsure
    cdef int depth
    cdef Step steps[DEEPEST + 2]
    cdef Py_ssize_t left, stop
    cdef Fault fault
    cdef Py_ssize_t fault_at, fault_a, fault_b
    cdef list faults
    cdef bytes sequences
    cdef const uint32_t *sequence_tags
    cdef Py_ssize_t sequence_count
    cdef Found *found
    cdef Py_ssize_t count, capacity
    cdef bint level_implicit

    def __dealloc__(self):
        free(self.found)

    cdef int know_sequences(self) except -1:
        self.sequences = sequence_tags()
        self.sequence_tags = <const uint32_t *><const uint8_t *>self.sequences
        self.sequence_count = len(self.sequences) // sizeof(uint32_t)
        self.faults.clear()
        return 0

    cdef Py_ssize_t level(self, Py_ssize_t at, Py_ssize_t end, bint implicit, bint big, bint closed, bint keep) noexcept nogil:
        """The elements of one data set, up to ``end`` or, if it is ``closed``, its delimiter; the place behind it, -1 for a fault.

        ``stop`` is left at the end of the elements.
        """
        cdef uint32_t tag
        cdef Step *step = &self.steps[self.depth]
        step.item = -1
        implicit = implicit or self.lacks_vr(at, end, big)
        if keep:
            self.count = 0
            self.level_implicit = implicit
        while at < end:
            if end - at < 8:
                if self.only_zeros(at, end) or self.note(SHORT_HEADER, at, end - at, 0):
                    self.stop = at
                    return end
                return -1
            tag = <uint32_t>load16(self.data + at, big) << 16 | load16(self.data + at + 2, big)
            step.tag = tag
            if tag >> 16 == DELIMITERS:
                self.stop = at
                if tag == ITEM_END and closed:
                    return at + 8
                if tag == SEQUENCE_END and closed:
                    # the sequence ends, and so does its last item
                    self.mended = True
                    return at
                if tag == ITEM_END and at + 8 == end and self.depth:
                    # counted, and closed all the same
                    self.mended = True
                    return end
                if not self.note(STRAY_ITEM, at, tag, 0):
                    return -1
                at += 8
                continue
            if tag == 0 and self.depth == 0 and self.only_zeros(at, end):
                self.stop = at
                return end
            if self.before_pixels and keep and (tag == PIXEL_DATA or tag == FLOAT_PIXELS or tag == DOUBLE_PIXELS):
                self.stop = at
                return at
            if self.left == 0:
                return self.fail(TOO_MANY, at, 0, 0)
            self.left -= 1
            at = self.element(at, end, implicit, big, keep)
            if at < 0:
                return -1
        self.stop = at
        if closed:
            # the end is known from the sequence around it, or from the file
            self.mended = True
        return at

    cdef Py_ssize_t element(self, Py_ssize_t at, Py_ssize_t end, bint implicit, bint big, bint keep) noexcept nogil:
        """One element; the place behind it."""
        cdef Found found
        cdef const VRInfo *info
        cdef bint mended = self.mended
        cdef uint32_t length
        cdef Py_ssize_t begin, place
        self.mended = False
        if not self.header(at, end, implicit, big, &found, &length):
            if not self.note(SHORT_HEADER, at, end - at, 0):
                return -1
            return end
        implicit = found.flags & IMPLICIT_VR
        info = vr_row(found.first, found.second)
        begin = at + found.header
        if length == UNDEFINED:
            found.flags |= UNDEFINED_LENGTH
            if found.tag != PIXEL_DATA and (implicit or info.kind == SEQUENCE or info.kind == NO_VR or unknown(info)):
                implicit = implicit or info.kind != SEQUENCE
                place = self.items(begin, end, True, implicit, big and not (implicit and found.first), found.tag)
            elif implicit or info.kind == BUFFER:
                place = self.fragments(begin, end, big)
            else:
                return self.fail(NOT_UNDEFINED, at, 0, 0)
            if place < 0:
                return -1
            found.stop = self.stop
        else:
            found.stop = begin + <Py_ssize_t>length
            if <Py_ssize_t>length > end - begin:
                if not self.note(SHORT_VALUE, at, length, end - begin):
                    return -1
                found.stop = end
                self.mended = True
            place = found.stop
            if info.kind == SEQUENCE or (implicit and self.is_sequence(found.tag)):
                if self.items(begin, place, False, implicit, big, found.tag) < 0:
                    return -1
        found.end = place
        if self.mended:
            found.flags |= MENDED
        self.mended = self.mended or mended
        if keep and not self.collect(&found):
            return self.fail(NO_MEMORY, at, 0, 0)
        return place

    cdef bint header(self, Py_ssize_t at, Py_ssize_t end, bint implicit, bint big, Found *found, uint32_t *length) noexcept nogil:
        """Tag, VR and length of an element; False where the bytes end before them."""
        cdef const uint8_t *bytes_here = self.data + at
        cdef const VRInfo *info
        found.tag = <uint32_t>load16(bytes_here, big) << 16 | load16(bytes_here + 2, big)
        found.start, found.header, found.flags, found.first, found.second = at, 8, 0, 0, 0
        if implicit or not letters(bytes_here + 4):
            # in the middle of Explicit VR, too: some writers forget to convert
            found.flags = IMPLICIT_VR
            length[0] = load32(bytes_here + 4, big)
            return True
        found.first, found.second = bytes_here[4], bytes_here[5]
        info = vr_row(found.first, found.second)
        if info.header == 8 or (info.kind == NO_VR and not self.has_long_header(at, end, big)):
            length[0] = load16(bytes_here + 6, big)
            return True
        if end - at < 12:
            return False
        found.header = 12
        length[0] = load32(bytes_here + 8, big)
        return True

    cdef bint has_long_header(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil:
        """Whether a VR that nobody knows has a 32-bit length, as all new ones do (PS3.5 7.1.2)."""
        return end - at >= 12 and load16(self.data + at + 6, big) == 0 and <Py_ssize_t>load32(self.data + at + 8, big) <= end - at - 12

    cdef bint lacks_vr(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil:
        """Whether a data set that ought to be in Explicit VR begins in Implicit VR."""
        return end - at >= 8 and load16(self.data + at, big) != DELIMITERS and not letters(self.data + at + 4)

    cdef Py_ssize_t items(self, Py_ssize_t at, Py_ssize_t end, bint undefined, bint implicit, bint big, uint32_t tag) noexcept nogil:
        """The items of a sequence; ``stop`` is left behind the last of them."""
        cdef uint32_t item_tag, length
        cdef Py_ssize_t inner, item_end
        cdef Step *step = &self.steps[self.depth]
        step.tag, step.item = tag, 0
        if self.depth == DEEPEST:
            return self.fail(TOO_DEEP, at, 0, 0)
        while at < end:
            if end - at < 8:
                if not self.note(SHORT_HEADER, at, end - at, 0):
                    return -1
                self.stop, self.mended = at, True
                return end
            item_tag = <uint32_t>load16(self.data + at, big) << 16 | load16(self.data + at + 2, big)
            length = load32(self.data + at + 4, big)
            if item_tag == SEQUENCE_END and (undefined or at + 8 == end):
                self.mended = self.mended or not undefined
                self.stop, step.item = at, -1
                return at + 8
            if item_tag != ITEM:
                if not self.note(NO_ITEM, at, item_tag, 0):
                    return -1
                self.stop, self.mended, step.item = at, True, -1
                return end
            item_end = end
            if length != UNDEFINED:
                if <Py_ssize_t>length > end - at - 8:
                    if not self.note(SHORT_VALUE, at, length, end - at - 8):
                        return -1
                    self.mended = True
                else:
                    item_end = at + 8 + <Py_ssize_t>length
            self.depth += 1
            inner = self.level(at + 8, item_end, implicit, big, length == UNDEFINED, False)
            if inner < 0:
                return -1
            self.depth -= 1
            step.item += 1
            at = inner
        step.item = -1
        self.stop = at
        self.mended = self.mended or undefined
        return at

    cdef Py_ssize_t fragments(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil:
        """Encapsulated pixels: items of defined length, and a delimiter (PS3.5 A.4)."""
        cdef uint32_t tag, length
        while end - at >= 8:
            tag = <uint32_t>load16(self.data + at, big) << 16 | load16(self.data + at + 2, big)
            length = load32(self.data + at + 4, big)
            if tag == SEQUENCE_END:
                self.stop = at
                return at + 8
            if tag != ITEM:
                if not self.note(NO_ITEM, at, tag, 0):
                    return -1
                self.stop, self.mended = at, True
                return end
            if length > end - at - 8:
                if not self.note(SHORT_VALUE, at, length, end - at - 8):
                    return -1
                self.stop, self.mended = end, True
                return end
            at += 8 + <Py_ssize_t>length
        if at < end and not self.note(SHORT_HEADER, at, end - at, 0):
            return -1
        self.stop, self.mended = at, True
        return end

    cdef bint is_sequence(self, uint32_t tag) noexcept nogil:
        """Whether the dictionary has SQ for a tag whose VR is not said."""
        self.unsure = True
        return bsearch(&tag, self.sequence_tags, self.sequence_count, sizeof(uint32_t), by_number) != NULL

    cdef bint only_zeros(self, Py_ssize_t at, Py_ssize_t end) noexcept nogil:
        """Whether nothing but padding follows: zeros behind the last element of a file."""
        if self.depth:
            return False
        while at < end and self.data[at] == 0:
            at += 1
        return at == end

    cdef bint collect(self, const Found *found) noexcept nogil:
        cdef Py_ssize_t capacity
        cdef Found *grown
        if self.count == self.capacity:
            capacity = max(2 * self.capacity, 64)
            grown = <Found *>realloc(self.found, capacity * sizeof(Found))
            if grown == NULL:
                return False
            self.found, self.capacity = grown, capacity
        self.found[self.count] = found[0]
        self.count += 1
        return True

    cdef Py_ssize_t fail(self, Fault fault, Py_ssize_t at, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        self.fault, self.fault_at, self.fault_a, self.fault_b = fault, at, a, b
        return -1

    cdef bint note(self, Fault fault, Py_ssize_t at, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        """A fault that a lenient scan survives: True if it goes on."""
        self.fail(fault, at, a, b)
        if self.lenient:
            self.mended = True
            if not self.mute:
                with gil:
                    self.remember()
        return self.lenient

    cdef void remember(self) noexcept:
        if PyList_GET_SIZE(self.faults) < MOST_FAULTS:
            self.faults.append(self.error())

    cdef object error(self):
        a, b = self.fault_a, self.fault_b
        tag = f"({a >> 16 & 0xFFFF:04X},{a & 0xFFFF:04X})"
        reason = (
            f"the bytes end inside the header of an element, {a} of it are there" if self.fault == SHORT_HEADER else
            f"a length of {a} bytes is declared, and {b} are left" if self.fault == SHORT_VALUE else
            f"an item (FFFE,E000) or a delimiter is wanted, not {tag}" if self.fault == NO_ITEM else
            f"{tag} stands where an element is wanted" if self.fault == STRAY_ITEM else
            "an element of this VR cannot have undefined length" if self.fault == NOT_UNDEFINED else
            f"data sets nest deeper than {DEEPEST} levels" if self.fault == TOO_DEEP else
            "there are more elements than Limits(elements=) allows" if self.fault == TOO_MANY else
            "memory ran out"
        )
        return ReadError(reason, self.fault_at, self.path())

    cdef str path(self):
        cdef int level
        steps = []
        for level in range(self.depth + 1):
            step = f"({self.steps[level].tag >> 16:04X},{self.steps[level].tag & 0xFFFF:04X})"
            if self.steps[level].item >= 0:
                step += f"[{self.steps[level].item}]"
            steps.append(step)
        return ".".join(steps)


cdef int by_number(const void *one, const void *other) noexcept nogil:
    cdef uint32_t a = (<const uint32_t *>one)[0], b = (<const uint32_t *>other)[0]
    return (a > b) - (a < b)


cdef inline bint letters(const uint8_t *code) noexcept nogil:
    """Whether two bytes can be a VR: two capital letters (PS3.5 7.1.2)."""
    return c"A" <= code[0] <= c"Z" and c"A" <= code[1] <= c"Z"


cdef inline bint unknown(const VRInfo *info) noexcept nogil:
    """Whether the VR is UN, whose undefined length stands for a sequence in Implicit VR Little Endian (PS3.5 6.2.2)."""
    return info.code[0] == c"U" and info.code[1] == c"N"


cdef bytes sequence_tags():
    """The tags of all sequences of the dictionary as an ascending array of uint32."""
    global SEQUENCE_TAGS
    if not SEQUENCE_TAGS:
        from array import array

        SEQUENCE_TAGS = array("I", sorted(tag for tag, entry in tag_table().items() if entry.vr == "SQ")).tobytes()
    return SEQUENCE_TAGS


cdef Scan new_scan(Coding coding, Py_ssize_t elements, bint mute):
    cdef Scan scan = Scan.__new__(Scan)
    scan.source, scan.data = coding.source, coding.source.data
    scan.lenient, scan.mute, scan.left = coding.lenient, mute, elements
    scan.faults = []
    if coding.implicit:
        scan.know_sequences()
    return scan


# ------------------------------------------------------------------ what was found

@cython.final
@cython.no_gc
cdef class RawElement(Deferred):
    """An element as it was read. Its bytes are what it is; ``element`` shows them as a value (PS3.5 7.1)."""

    @property
    def tag(self):
        return self.tag_object

    @property
    def implicit(self):
        """Whether it was read in Implicit VR."""
        return self.coding.implicit

    @property
    def big(self):
        """Whether it was read in big endian."""
        return self.coding.big

    @property
    def undefined(self):
        """Whether it was read with undefined length."""
        return bool(self.flags & UNDEFINED_LENGTH)

    @property
    def as_read(self):
        """Whether nothing in its items was changed; any other raw element cannot change."""
        return sequence_as_read(self)

    def unopened(self):
        """The same element for another dataset: with items of its own, if it is a sequence."""
        cdef RawElement raw
        if self.known is None or not isinstance(self.known[2], ItemList):
            return self
        raw = RawElement.__new__(RawElement)
        raw.coding, raw.tag_object = self.coding, self.tag_object
        raw.start, raw.stop, raw.end = self.start, self.stop, self.end
        raw.header, raw.first, raw.second, raw.flags = self.header, self.first, self.second, self.flags
        return raw

    @property
    def value(self):
        """The bytes of the value as they stand, delimiters left out."""
        return self.coding.source.window(self.start + self.header, self.stop)

    cdef const VRInfo *own_row(self) noexcept:
        """The VR that the file gives; one of no kind where it gives none."""
        return vr_row(self.first, self.second)

    cdef object own_vr(self, dict elements):
        """The VR: the file's, or the dictionary's as it spells it, or UN (PS3.5 6.2.2, 7.1.3)."""
        cdef const VRInfo *info = self.own_row()
        if not self.coding.implicit:
            return <object>info.name if info.kind != NO_VR else "UN"
        entry = lookup(self.tag_object)
        if entry is not None:
            return entry.vr or "UN"
        return private_vr(self.tag_object, elements)

    cdef object element(self, dict elements):
        if self.known is not None:
            return self.known
        made = self.made(elements)
        with cython.critical_section(self):
            # somebody else may have been quicker: there is one sequence only, which its user may change
            if self.known is None:
                self.known = made
        return self.known

    cdef object made(self, dict elements):
        """The Element. What the VR cannot hold is shown as UN: nothing is hidden, nothing guessed."""
        cdef const VRInfo *info = self.own_row()
        cdef bint undefined = self.flags & UNDEFINED_LENGTH
        if info.kind == NO_VR or self.coding.implicit or undefined:
            return self.made_of_open(self.own_vr(elements), undefined)
        value = self.opened() if info.kind == SEQUENCE else self.shown(info, False)
        if value is UNREADABLE:
            return bare_element(self.tag_object, "UN", self.readable())
        return bare_element(self.tag_object, <object>info.name, value)

    cdef object made_of_open(self, object vr, bint undefined):
        """The Element where the file does not say the VR, or its length."""
        if vr == "OB/OW" or vr == "US/OW" or vr == "US/SS/OW":
            # in Implicit VR these are words (PS3.5 A.1); fragments are bytes wherever they stand
            vr = "OB" if undefined else "OW"
        elif vr == "US/SS":
            vr = "SS" if self.coding.sign == 1 else "US"
        if undefined and <uint32_t>self.tag_object != PIXEL_DATA and vr != "SQ" and (self.coding.implicit or vr == "UN"):
            vr = "UN"
        value = self.opened() if vr == "SQ" or (undefined and vr == "UN") else self.shown(vr_info(vr), False)
        if value is UNREADABLE:
            vr, value = "UN", self.readable()
        return bare_element(self.tag_object, vr, value)

    cdef object shown(self, const VRInfo *info, bint strict):
        """The value of anything but a sequence; ``strict`` as in ``decode_value``."""
        cdef Py_ssize_t begin = self.start + self.header, size = self.stop - begin
        cdef Source source = self.coding.source
        if self.flags & UNDEFINED_LENGTH:
            return self.fragments() if info.kind == BUFFER else UNREADABLE
        if info.kind == BUFFER:
            return self.buffer(info)
        charset = self.coding.charset
        if self.coding.assumed is not None and not charset.declared:
            charset = self.coding.assumed
        return decode_value(info, source.data + begin, size, self.coding.big, charset, strict)

    cdef object buffer(self, const VRInfo *info):
        """Bytes in little endian units."""
        cdef Py_ssize_t begin = self.start + self.header
        if self.stop == begin:
            return None
        data = self.coding.source.window(begin, self.stop)
        if self.coding.big and info.unit > 1:
            return UNREADABLE if (self.stop - begin) % info.unit else swapped(data, info.unit)
        return data

    cdef object fragments(self):
        """The fragments and the Basic Offset Table of encapsulated pixels (PS3.5 A.4)."""
        cdef Source source = self.coding.source
        cdef Py_ssize_t at = self.start + self.header, end
        found = []
        while self.stop - at >= 8:
            end = min(self.stop, at + 8 + <Py_ssize_t>load32(source.data + at + 4, self.coding.big))
            found.append(source.window(at + 8, end))
            at = end
        return Fragments(tuple(found[1:]), bytes(found[0]) if found else b"")

    cdef object readable(self):
        """The bytes as they stand."""
        cdef Py_ssize_t begin = self.start + self.header
        return self.coding.source.window(begin, self.stop) if self.stop > begin else None

    cdef object opened(self):
        """The items as datasets, made anew."""
        cdef Coding coding = self.coding
        cdef bint implicit = coding.implicit or self.own_row().kind != SEQUENCE
        if implicit and not coding.implicit:
            coding = coding.turned(True, False, coding.charset, coding.sign)
        try:
            return open_items(coding, self.start + self.header, self.stop, self.flags & UNDEFINED_LENGTH)
        except ReadError:
            # a private sequence, which the scan could not know for one
            return UNREADABLE

    def __reduce__(self):
        elements = self.coding.source.window(self.start, self.end)
        return restored_element, (self.coding, bytes(elements), int(self.tag_object), self.header, self.first, self.second, self.flags,
                                  self.stop - self.start)


def restored_element(Coding coding not None, bytes data not None, uint32_t tag, header, first, second, flags, stop):
    """An element that was pickled: on bytes of its own."""
    cdef RawElement raw = RawElement.__new__(RawElement)
    raw.coding = coding.turned(coding.implicit, coding.big, coding.charset, -2)
    raw.coding.source, raw.coding.sign = Source(data), coding.sign
    raw.tag_object = raw.coding.source.tag(tag)
    raw.header, raw.first, raw.second, raw.flags = header, first, second, flags
    raw.start, raw.stop, raw.end = 0, stop, len(data)
    if not raw.header <= raw.stop <= raw.end:
        raise ReadError("this is no pickled element")
    return raw


cdef object private_vr(object tag, dict elements):
    """The VR of a private element that Implicit VR does not give: its creator's, if the creator is known (PS3.5 7.8.1)."""
    cdef uint32_t number = <uint32_t>tag
    if not number & 0x10000:
        return "UN"
    if number & 0xFFFF < 0x100:
        return "LO" if number & 0xFFFF >= 0x10 else "UN"
    creator = dict_item(elements, number >> 16 << 16 | number >> 8 & 0xFF) if elements is not None else None
    if isinstance(creator, Deferred):
        creator = (<Deferred>creator).element(elements)
    name = None if creator is None else creator[2]
    entry = private_entry(name, number) if PyUnicode_Check(name) else None
    return entry.vr if entry is not None and entry.vr else "UN"


@cython.final
@cython.no_gc
cdef class Span:
    """Where a dataset stood in its source."""

    def frozen(self, ElementStore store not None):
        """For pickle: (what makes the dataset again, its arguments) if nothing in it changed since it was read, else None."""
        cdef Span span = span_as_read(store)
        if span is None:
            return None
        # zeros behind the last element of a file belong to it
        stop = span.stop if span.outer_start < span.start else span.outer_end
        return restored_dataset, (bytes(span.coding.source.window(span.start, stop)), span.coding, span.undefined, span.encapsulated)


def restored_dataset(bytes data not None, Coding coding not None, bint undefined, bint encapsulated):
    """A dataset that was pickled as the bytes it was read from."""
    cdef ElementStore store = new_dataset()
    cdef Coding own = coding.turned(coding.implicit, coding.big, coding.charset, -2)
    own.source, own.sign = Source(data), coding.sign
    read_level(store, new_scan(own, len(data), True), own, 0, len(data), False, None)
    (<Span>store.origin).undefined, (<Span>store.origin).encapsulated = undefined, encapsulated
    store.undefined_length = undefined
    return store


cdef int fill(ElementStore store, Scan scan, Coding coding, object wanted) except -1:
    """Put the elements that a scan has found into a dataset, as they stand."""
    cdef Py_ssize_t i, last = -1, sign = -1
    cdef Coding other
    cdef RawElement raw
    cdef Found *found
    cdef dict elements = store._elements
    for i in range(scan.count):
        if scan.found[i].tag == CHARACTER_SET:
            last = i
        elif scan.found[i].tag == PIXEL_REPRESENTATION:
            sign = i
    coding = coding.turned(scan.level_implicit, coding.big, declared(coding, scan, last), sign_of(coding, scan, sign))
    for i in range(scan.count):
        found = &scan.found[i]
        if wanted is not None and found.tag != CHARACTER_SET and found.tag not in wanted:
            continue
        other = coding
        if bool(found.flags & IMPLICIT_VR) != coding.implicit:
            other = coding.turned(not coding.implicit, coding.big, coding.charset, coding.sign)
        raw = RawElement.__new__(RawElement)
        raw.coding, raw.tag_object = other, coding.source.tag(found.tag)
        raw.start, raw.stop, raw.end = found.start, found.stop, found.end
        raw.header, raw.first, raw.second, raw.flags = found.header, found.first, found.second, found.flags
        PyDict_SetItem(elements, raw.tag_object, raw)
    # nothing in it can be part of a cycle yet; setting an element tracks it again
    PyObject_GC_UnTrack(elements)
    if wanted is None and PyDict_Size(elements) != scan.count:
        refuse_doubles(scan)
    return 0


cdef int refuse_doubles(Scan scan) except -1:
    """A dataset has one place for a tag: of two elements that differ one would be lost (PS3.5 7.1)."""
    cdef Py_ssize_t i
    cdef Found *found
    cdef dict seen = {}
    for i in range(scan.count):
        found = &scan.found[i]
        same = scan.source.window(found.start, found.end)
        if seen.setdefault(found.tag, same) != same:
            scan.steps[scan.depth].tag, scan.steps[scan.depth].item = found.tag, -1
            error = ReadError("the element stands twice in its data set, with two values; force=True keeps the last one", found.start,
                              scan.path())
            if not scan.lenient:
                raise error
            if not scan.mute:
                scan.faults.append(error)
            scan.mended = True
    return 0


cdef object declared(Coding coding, Scan scan, Py_ssize_t at):
    """The character set of a data set: its own, or else that around it (PS3.3 C.12.1.1.2). One without sense declares nothing."""
    if at < 0:
        return coding.charset
    value = decode_value(vr_info("CS"), scan.data + scan.found[at].start + scan.found[at].header,
                         scan.found[at].stop - scan.found[at].start - scan.found[at].header, coding.big, DEFAULT, False)
    try:
        charset = read_character_set(value)
    except ReadError:
        return DEFAULT
    return charset if charset.declared else coding.charset


cdef int sign_of(Coding coding, Scan scan, Py_ssize_t at) except -2:
    cdef Found *found
    if at < 0:
        return coding.sign
    found = &scan.found[at]
    if found.stop - found.start - found.header != 2:
        return coding.sign
    return load16(scan.data + found.start + found.header, coding.big) == 1


cdef ItemList open_items(Coding coding, Py_ssize_t at, Py_ssize_t end, bint undefined):
    """The items between two places, which a scan has found sound before; it is checked all the same."""
    cdef ItemList items = new_sequence()
    cdef Source source = coding.source
    cdef Scan scan = new_scan(coding, end - at, True)
    cdef ElementStore store
    cdef uint32_t length
    cdef Py_ssize_t item_end, behind
    items.undefined_length = undefined
    while end - at >= 8:
        if (<uint32_t>load16(source.data + at, coding.big) << 16 | load16(source.data + at + 2, coding.big)) != ITEM:
            if coding.lenient:
                break
            raise ReadError("an item (FFFE,E000) is wanted", at)
        length = load32(source.data + at + 4, coding.big)
        item_end = end if length == UNDEFINED else at + 8 + <Py_ssize_t>length
        if item_end > end:
            if not coding.lenient:
                raise ReadError("the item is longer than its sequence", at)
            item_end = end
        store = new_dataset()
        store.preamble = None
        store.undefined_length = length == UNDEFINED
        behind = read_level(store, scan, coding, at + 8, item_end, length == UNDEFINED, None)
        (<Span>store.origin).outer_start, (<Span>store.origin).outer_end = at, behind
        list.append(items, store)
        at = behind
    if at != end and not coding.lenient:
        raise ReadError("an item (FFFE,E000) is wanted", at)
    return items


cdef Py_ssize_t read_level(ElementStore store, Scan scan, Coding coding, Py_ssize_t at, Py_ssize_t end, bint closed,
                           object wanted) except -1:
    """Fill a dataset with the elements between two places; the place behind its delimiter."""
    cdef Py_ssize_t behind
    cdef bint implicit = coding.implicit, big = coding.big
    cdef Span span = Span.__new__(Span)
    scan.mended, scan.depth = False, 0
    with nogil:
        behind = scan.level(at, end, implicit, big, closed, True)
    if scan.unsure and not scan.sequence_count:
        # elements in Implicit VR amidst explicit ones: only now is the dictionary needed
        scan.know_sequences()
        return read_level(store, scan, coding, at, end, closed, wanted)
    if behind < 0:
        raise scan.error()
    span.coding = coding.turned(scan.level_implicit, big, coding.charset, coding.sign)
    span.undefined = closed
    span.start, span.stop, span.outer_start, span.outer_end = at, scan.stop, at, behind
    fill(store, scan, coding, wanted)
    span.count, span.exact = PyDict_Size(store._elements), not scan.mended and wanted is None
    store.origin = span
    return behind


# ------------------------------------------------------------------ whether anything changed

cdef Span span_as_read(ElementStore store):
    cdef Span span = <Span>store.origin if store.origin is not None else None
    if span is None or not span.exact or store.undefined_length != span.undefined:
        return None
    return span if elements_as_read(store._elements, span) else None


cdef bint elements_as_read(dict elements, Span span) except -1:
    """Whether a dict holds the raw elements of a span, and nothing in their sequences changed."""
    cdef Py_ssize_t at = 0
    cdef PyObject *key
    cdef PyObject *value
    cdef RawElement raw
    cdef list opened = []
    cdef bint same = True
    with cython.critical_section(elements):
        same = PyDict_Size(elements) == span.count
        while same and PyDict_Next(elements, &at, &key, &value):
            if type(<object>value) is not RawElement:
                same = False
                break
            raw = <RawElement>value
            same = raw.coding.source is span.coding.source and raw.start >= span.start and raw.end <= span.stop
            if same and raw.known is not None and isinstance(raw.known[2], ItemList):
                opened.append(raw)
    if same:
        for raw in opened:
            if not sequence_as_read(raw):
                return False
    return same


cdef bint sequence_as_read(RawElement raw) except -1:
    cdef Py_ssize_t at = raw.start + raw.header, i
    cdef ItemList items
    cdef Span span
    if raw.known is None or not isinstance(raw.known[2], ItemList):
        return True
    items = <ItemList>raw.known[2]
    if items.undefined_length != bool(raw.flags & UNDEFINED_LENGTH):
        return False
    for i in range(PyList_GET_SIZE(items)):
        item = list_item(items, i)
        span = <Span>(<ElementStore>item).origin if isinstance(item, ElementStore) else None
        if span is None or span.coding.source is not raw.coding.source or span.outer_start != at:
            return False
        if (<ElementStore>item)._policy is not None or span_as_read(item) is None:
            return False
        at = span.outer_end
    return at == raw.stop


# ------------------------------------------------------------------ for the reader

def parse_dataset(ElementStore store not None, Source source not None, Py_ssize_t start, Py_ssize_t stop, *, bint implicit=False, bint big_endian=False,
                  bint encapsulated=False, bint lenient=False, bint before_pixels=False, assumed=None, wanted=None,
                  Py_ssize_t elements=10_000_000):
    """Fill a dataset with the elements between two places of a source.

    Parameters
    ----------
    store : Dataset
    source : Source
    start, stop : int
        Where its first element stands, and where its bytes end.
    implicit, big_endian, encapsulated
        The transfer syntax: Implicit VR, big endian, Pixel Data in fragments.
    lenient : bool
        Keep what can be read of broken bytes.
    before_pixels : bool
        Stop before Pixel Data.
    assumed : CharacterSet, optional
        What text without a declared character set is in.
    wanted : set of int, optional
        Only these elements of the root, and Specific Character Set.
    elements : int
        The most elements to go through, in items too.

    Returns
    -------
    list of ReadError
        What a lenient scan passed over.

    Raises
    ------
    ReadError
        With the offset and the path of what is broken.
    """
    cdef Coding coding = Coding.__new__(Coding)
    cdef Scan scan
    if not 0 <= start <= stop <= source.size:
        raise ValueError(f"{start} to {stop} is no part of {source.size} bytes")
    coding.source, coding.implicit, coding.big, coding.lenient = source, implicit, big_endian, lenient
    coding.charset, coding.assumed, coding.sign = DEFAULT, assumed, -1
    scan = new_scan(coding, elements, False)
    scan.before_pixels = before_pixels
    read_level(store, scan, coding, start, stop, False, wanted)
    (<Span>store.origin).encapsulated = encapsulated
    return scan.faults


def parse_meta(ElementStore store not None, Source source not None, Py_ssize_t start, *, bint lenient=False):
    """Fill a dataset with the elements of group 0002 that begin at a place; the place behind them (PS3.10 7.1).

    It ends with the first element of another group: its Group Length is not believed.
    """
    cdef Coding coding = Coding.__new__(Coding)
    cdef Scan scan
    cdef Py_ssize_t stop = start
    cdef bint implicit
    cdef uint32_t length
    cdef Found found
    coding.source, coding.lenient, coding.charset, coding.sign = source, lenient, DEFAULT, -1
    scan = new_scan(coding, source.size, False)
    implicit = scan.lacks_vr(start, source.size, False)
    while source.size - stop >= 8 and load16(source.data + stop, False) == 2:
        scan.steps[0].tag, scan.steps[0].item = 2 << 16 | load16(source.data + stop + 2, False), -1
        if not scan.header(stop, source.size, implicit, False, &found, &length):
            scan.fail(SHORT_HEADER, stop, source.size - stop, 0)
            raise scan.error()
        if <Py_ssize_t>length > source.size - stop - found.header:
            scan.fail(SHORT_VALUE, stop, length, source.size - stop - found.header)
            raise scan.error()
        stop += found.header + <Py_ssize_t>length
    read_level(store, scan, coding, start, stop, False, None)
    return stop


def bytes_as_read(ElementStore store not None, bint implicit, bint big_endian, encapsulated=None):
    """The bytes that a dataset was read from, or None if anything in it changed or another encoding is asked for."""
    cdef Span span = span_as_read(store)
    if span is None or span.coding.implicit != implicit or span.coding.big != big_endian:
        return None
    if encapsulated is not None and span.encapsulated != encapsulated:
        return None
    return span.coding.source.window(span.outer_start, span.outer_end)


def encoding_as_read(ElementStore store not None):
    """(implicit, big endian, encapsulated) of the file that a dataset was read from, None for any other dataset."""
    cdef Span span = <Span>store.origin if store.origin is not None else None
    return None if span is None else (span.coding.implicit, span.coding.big, span.encapsulated)


if DEEPEST != MAX_DEPTH:
    raise SystemError("the depth of the scan is not that of the model")
