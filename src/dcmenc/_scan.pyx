# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One pass over the bytes of a data set that proves their structure and makes no object (PS3.5 7, A.1 to A.4).

Every length is held against what is left before it is used. What is odd but certain is taken and marked as mended; what is
broken is a fault, which a lenient scan notes and passes over. What an element *means* is said in ``_parse.pyx``.
"""

from cpython.list cimport PyList_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport bsearch, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy
cimport cython

from ._bytes cimport load16, load32
from ._quick cimport BUFFER, NO_VR, SEQUENCE, VRInfo, vr_row

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
        return 0

    cdef Py_ssize_t level(self, Py_ssize_t at, Py_ssize_t end, Form form, bint closed) noexcept nogil:
        """One data set, up to ``end`` or, if it is ``closed``, its delimiter; the place behind it, -1 for a fault.

        ``stop`` is left at the end of its elements, which stay in ``found`` if it is the one that is asked for.
        """
        cdef Py_ssize_t first = self.count, behind
        cdef bint ascending = True
        self.steps[self.depth].item = -1
        form.implicit = form.implicit or self.lacks_vr(at, end, form.big)
        if self.depth == self.base:
            self.implicit = form.implicit
        behind = self.elements(at, end, form, closed, &ascending)
        if behind >= 0 and not ascending and not self.no_doubles(first):
            return -1
        if self.depth != self.base:
            self.count = first
        return behind

    cdef Py_ssize_t elements(self, Py_ssize_t at, Py_ssize_t end, Form form, bint closed, bint *ascending) noexcept nogil:
        cdef int64_t previous = -1
        cdef uint32_t tag
        while at < end:
            self.stop = at
            if end - at < 8:
                # what its tag is may be known
                self.steps[self.depth].tag = load_tag(self.data + at, form.big) if end - at >= 4 else 0
                return end if self.only_zeros(at, end) or self.note(SHORT_HEADER, at, end - at, 0) else -1
            tag = load_tag(self.data + at, form.big)
            self.steps[self.depth].tag = tag
            if tag >> 16 == DELIMITERS:
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
            if self.depth == 0 and ((tag == 0 and self.only_zeros(at, end)) or (self.before_pixels and holds_pixels(tag))):
                return end if tag == 0 else at
            if not self.count_one(at):
                return -1
            ascending[0] = ascending[0] and tag > previous
            previous = tag
            at = self.element(at, end, form)
            if at < 0:
                return -1
        self.stop = at
        return at if not closed or self.unclosed(at, form) else -1

    cdef bint unclosed(self, Py_ssize_t at, Form form) noexcept nogil:
        """A delimiter is missing: which is certain where a length around it says so, and nowhere else."""
        if not form.counted:
            return self.note(NO_END, at, 0, 0)
        self.mended = True
        return True

    cdef bint count_one(self, Py_ssize_t at) noexcept nogil:
        if self.left == 0:
            self.fail(TOO_MANY, at, 0, 0)
            return False
        self.left -= 1
        return True

    cdef bint no_doubles(self, Py_ssize_t first) noexcept nogil:
        """A data set has one place for a tag: of two elements that differ one would be lost (PS3.5 7.1)."""
        cdef Py_ssize_t count = self.count - first, i, size
        cdef Found *sorted_ones = <Found *>malloc(count * sizeof(Found))
        cdef Found *one
        cdef Found *other
        cdef bint fine = True
        if sorted_ones == NULL:
            self.fail(NO_MEMORY, self.stop, 0, 0)
            return False
        memcpy(sorted_ones, self.found + first, count * sizeof(Found))
        qsort(sorted_ones, count, sizeof(Found), by_tag)
        for i in range(1, count):
            other, one = &sorted_ones[i - 1], &sorted_ones[i]
            size = one.end - one.start
            if one.tag == other.tag and (other.end - other.start != size or memcmp(self.data + one.start, self.data + other.start, size)):
                self.steps[self.depth].tag = one.tag
                fine = self.note(TWICE, one.start, 0, 0)
                if not fine:
                    break
        free(sorted_ones)
        return fine

    cdef Py_ssize_t element(self, Py_ssize_t at, Py_ssize_t end, Form form) noexcept nogil:
        """One element; the place behind it."""
        cdef Found found
        cdef bint mended = self.mended
        cdef uint32_t length
        cdef Py_ssize_t behind
        self.mended = False
        if not self.header(at, end, form, &found, &length):
            return end if self.note(SHORT_HEADER, at, end - at, 0) else -1
        form.implicit = found.flags & IMPLICIT_VR
        if length == UNDEFINED:
            found.flags |= UNDEFINED_LENGTH
            behind = self.undefined(at + found.header, end, form, &found)
        else:
            behind = self.defined(at + found.header, end, form, &found, length)
        if behind < 0:
            return -1
        found.end = behind
        if self.mended:
            found.flags |= MENDED
        self.mended = self.mended or mended
        return behind if self.collect(&found) else self.fail(NO_MEMORY, at, 0, 0)

    cdef Py_ssize_t undefined(self, Py_ssize_t at, Py_ssize_t end, Form form, Found *found) noexcept nogil:
        """Items or fragments, up to a delimiter; the place behind it."""
        cdef const VRInfo *info = vr_row(found.first, found.second)
        cdef Py_ssize_t behind
        if found.tag != PIXEL_DATA and (form.implicit or info.kind == SEQUENCE or info.kind == NO_VR or is_unknown(info)):
            if info.kind != SEQUENCE and not form.implicit:
                # whatever is around (PS3.5 6.2.2)
                form.implicit, form.big = True, False
            behind = self.items(at, end, form, True, found.tag)
        elif form.implicit or info.kind == BUFFER:
            behind = self.fragments(at, end, form)
        else:
            return self.fail(NOT_UNDEFINED, found.start, 0, 0)
        found.stop = self.stop
        return behind

    cdef Py_ssize_t defined(self, Py_ssize_t at, Py_ssize_t end, Form form, Found *found, uint32_t length) noexcept nogil:
        """A value of so many bytes, with the items that may be in it."""
        found.stop = end
        if <size_t>length <= <size_t>(end - at):
            found.stop = at + <Py_ssize_t>length
        elif not self.note(SHORT_VALUE, found.start, length, end - at):
            return -1
        form.counted = True
        if self.sound and not form.implicit and self.depth == self.base:
            return found.stop
        if vr_row(found.first, found.second).kind == SEQUENCE or (form.implicit and self.is_sequence(found.tag)):
            if self.items(at, found.stop, form, False, found.tag) < 0:
                return -1
        return found.stop

    cdef bint header(self, Py_ssize_t at, Py_ssize_t end, Form form, Found *found, uint32_t *length) noexcept nogil:
        """Tag, VR and length of an element; False where the bytes end before them."""
        cdef const uint8_t *bytes_here = self.data + at
        cdef const VRInfo *info
        found.tag = load_tag(bytes_here, form.big)
        found.start, found.header, found.flags, found.first, found.second = at, 8, 0, 0, 0
        if form.implicit or not letters(bytes_here + 4):
            # in the middle of Explicit VR, too: some writers forget to convert
            found.flags = IMPLICIT_VR
            length[0] = load32(bytes_here + 4, form.big)
            return True
        found.first, found.second = bytes_here[4], bytes_here[5]
        info = vr_row(found.first, found.second)
        if info.header == 8 or (info.kind == NO_VR and not self.has_long_header(at, end, form.big)):
            length[0] = load16(bytes_here + 6, form.big)
            return True
        if end - at < 12:
            return False
        found.header = 12
        length[0] = load32(bytes_here + 8, form.big)
        return True

    cdef bint has_long_header(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil:
        """Whether a VR that nobody knows has a 32-bit length, as all new ones do (PS3.5 7.1.2)."""
        if end - at < 12 or load16(self.data + at + 6, big):
            return False
        return <size_t>load32(self.data + at + 8, big) <= <size_t>(end - at - 12)

    cdef bint lacks_vr(self, Py_ssize_t at, Py_ssize_t end, bint big) noexcept nogil:
        """Whether a data set that ought to be in Explicit VR begins in Implicit VR."""
        return end - at >= 8 and load16(self.data + at, big) != DELIMITERS and not letters(self.data + at + 4)

    cdef Py_ssize_t items(self, Py_ssize_t at, Py_ssize_t end, Form form, bint closed, uint32_t tag) noexcept nogil:
        """The items of a sequence; ``stop`` is left behind the last of them."""
        cdef uint32_t item_tag, length
        cdef Step *step = &self.steps[self.depth]
        step.tag, step.item = tag, 0
        if self.depth == self.deepest:
            return self.fail(TOO_DEEP, at, 0, 0)
        while at < end:
            self.stop = at
            if end - at < 8:
                return end if self.note(SHORT_HEADER, at, end - at, 0) else -1
            item_tag = load_tag(self.data + at, form.big)
            length = load32(self.data + at + 4, form.big)
            if item_tag == SEQUENCE_END and (closed or at + 8 == end):
                # counted, and closed all the same
                self.mended = self.mended or not closed
                step.item = -1
                return at + 8
            if item_tag != ITEM:
                return end if self.note(NO_ITEM, at, item_tag, 0) else -1
            if not self.count_one(at):
                return -1
            at = self.item(at, end, form, length)
            if at < 0:
                return -1
            step.item += 1
        step.item = -1
        self.stop = at
        return at if not closed or self.unclosed(at, form) else -1

    cdef Py_ssize_t item(self, Py_ssize_t at, Py_ssize_t end, Form form, uint32_t length) noexcept nogil:
        """The data set of an item; the place behind it."""
        cdef Py_ssize_t behind
        cdef bint closed = length == UNDEFINED
        if not closed and <size_t>length <= <size_t>(end - at - 8):
            end, form.counted = at + 8 + <Py_ssize_t>length, True
        elif not closed and not self.note(SHORT_VALUE, at, length, end - at - 8):
            return -1
        self.depth += 1
        behind = self.level(at + 8, end, form, closed)
        if behind >= 0:
            # a fault is where it is
            self.depth -= 1
        return behind

    cdef Py_ssize_t fragments(self, Py_ssize_t at, Py_ssize_t end, Form form) noexcept nogil:
        """Encapsulated pixels: items of defined length, and a delimiter (PS3.5 A.4)."""
        cdef uint32_t tag, length
        while end - at >= 8:
            self.stop = at
            tag = load_tag(self.data + at, form.big)
            length = load32(self.data + at + 4, form.big)
            if tag == SEQUENCE_END:
                return at + 8
            if tag != ITEM:
                return end if self.note(NO_ITEM, at, tag, 0) else -1
            if <size_t>length > <size_t>(end - at - 8):
                self.stop = end
                return end if self.note(SHORT_VALUE, at, length, end - at - 8) else -1
            if not self.count_one(at):
                return -1
            at += 8 + <Py_ssize_t>length
        self.stop = at
        if at < end:
            return end if self.note(SHORT_HEADER, at, end - at, 0) else -1
        return end if self.unclosed(at, form) else -1

    cdef bint is_sequence(self, uint32_t tag) noexcept nogil:
        """Whether the dictionary has SQ for a tag whose VR is not said."""
        self.unsure = True
        return self.sequence_count > 0 and bsearch(&tag, self.sequence_tags, self.sequence_count, sizeof(uint32_t), by_number) != NULL

    cdef bint only_zeros(self, Py_ssize_t at, Py_ssize_t end) noexcept nogil:
        """Whether nothing but padding follows: zeros behind the last element of a file."""
        if self.depth or at < self.no_zero:
            return False
        while at < end and self.data[at] == 0:
            at += 1
        self.no_zero = at
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
        elif PyList_GET_SIZE(self.faults) == MOST_FAULTS:
            self.faults.append(ReadError("there are more faults, which are not listed", self.fault_at))

    cdef object error(self):
        a, b = self.fault_a, self.fault_b
        tag = f"({a >> 16 & 0xFFFF:04X},{a & 0xFFFF:04X})"
        reason = (
            f"the bytes end inside the header of an element, {a} of it are there" if self.fault == SHORT_HEADER else
            f"a length of {a} bytes is declared, and {b} are left" if self.fault == SHORT_VALUE else
            f"an item (FFFE,E000) or a delimiter is wanted, not {tag}" if self.fault == NO_ITEM else
            f"{tag} stands where an element is wanted" if self.fault == STRAY_ITEM else
            "the bytes end before the delimiter of a data set, sequence or pixels" if self.fault == NO_END else
            "the element stands twice in its data set, with two values" if self.fault == TWICE else
            "an element of this VR cannot have undefined length" if self.fault == NOT_UNDEFINED else
            f"data sets nest deeper than {self.deepest} levels" if self.fault == TOO_DEEP else
            "there are more elements than Limits(elements=) allows" if self.fault == TOO_MANY else
            "memory ran out"
        )
        return ReadError(reason, self.fault_at, self.path())

    cdef str path(self):
        cdef int level
        steps = []
        for level in range(self.base, self.depth + 1):
            if self.steps[level].tag == 0 and level == self.depth:
                break
            step = f"({self.steps[level].tag >> 16:04X},{self.steps[level].tag & 0xFFFF:04X})"
            if self.steps[level].item >= 0:
                step += f"[{self.steps[level].item}]"
            steps.append(step)
        return ".".join(steps)


cdef int by_tag(const void *one, const void *other) noexcept nogil:
    cdef const Found *a = <const Found *>one
    cdef const Found *b = <const Found *>other
    return (a.tag > b.tag) - (a.tag < b.tag) if a.tag != b.tag else (a.start > b.start) - (a.start < b.start)


cdef int by_number(const void *one, const void *other) noexcept nogil:
    cdef uint32_t a = (<const uint32_t *>one)[0], b = (<const uint32_t *>other)[0]
    return (a > b) - (a < b)


cdef inline bint letters(const uint8_t *code) noexcept nogil:
    """Whether two bytes can be a VR: two capital letters (PS3.5 7.1.2)."""
    return c"A" <= code[0] <= c"Z" and c"A" <= code[1] <= c"Z"


cdef inline bint holds_pixels(uint32_t tag) noexcept nogil:
    return tag == PIXEL_DATA or tag == FLOAT_PIXELS or tag == DOUBLE_PIXELS


cdef inline bint is_unknown(const VRInfo *info) noexcept nogil:
    """Whether the VR is UN, whose undefined length stands for a sequence in Implicit VR Little Endian (PS3.5 6.2.2)."""
    return info.code[0] == c"U" and info.code[1] == c"N"


cdef bytes sequence_tags():
    """The tags of all sequences of the dictionary as an ascending array of uint32."""
    global SEQUENCE_TAGS
    if not SEQUENCE_TAGS:
        from array import array

        SEQUENCE_TAGS = array("I", sorted(tag for tag, entry in tag_table().items() if entry.vr == "SQ")).tobytes()
    return SEQUENCE_TAGS
