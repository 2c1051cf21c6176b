# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One pass over the bytes of a data set that proves their structure and makes no object (PS3.5 7, A.1 to A.4).

Every length is held against what is left before it is used. What is odd but certain is taken and marked as mended; what is
broken is a fault, which a lenient scan notes and passes over. What an element *means* is said in ``_parse.pyx``.
"""

from cpython.list cimport PyList_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport bsearch, free, realloc
cimport cython

from ._bytes cimport load16, load32
from ._values cimport BUFFER, NO_VR, SEQUENCE, VRInfo, vr_row

from .dictionary import tag_table
from .errors import ReadError

cdef enum:
    MOST_FAULTS = 64
    FLOAT_PIXELS = 0x7FE00008
    DOUBLE_PIXELS = 0x7FE00009
    PIXEL_DATA = 0x7FE00010
    DELIMITERS = 0xFFFE

# The tags whose VR is SQ, in order, for what Implicit VR does not say; made from the dictionary when it is first needed.
cdef bytes SEQUENCE_TAGS = b""


@cython.final
cdef class Scan:
    """One pass over a data set. ``found`` collects the elements of the level that is asked for."""

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
            tag = load_tag(self.data + at, big)
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
        found.tag = load_tag(bytes_here, big)
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
        if self.depth == self.deepest:
            return self.fail(TOO_DEEP, at, 0, 0)
        while at < end:
            if end - at < 8:
                if not self.note(SHORT_HEADER, at, end - at, 0):
                    return -1
                self.stop, self.mended = at, True
                return end
            item_tag = load_tag(self.data + at, big)
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
            tag = load_tag(self.data + at, big)
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
            f"data sets nest deeper than {self.deepest} levels" if self.fault == TOO_DEEP else
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
