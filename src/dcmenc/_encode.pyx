# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The walk over a dataset: it becomes bytes in one call (PS3.5 7, 7.8, A.1 to A.4).

Here are the order of the elements, groups and private blocks, the character sets that datasets declare, and what was read: its
bytes are copied where they mean the same in what is written, and recoded where they do not. How one element becomes bytes is in
``_walk.pyx``. No pixels, files or codecs here.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_Check, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport qsort
from libc.string cimport memchr
cimport cython

from ._bytes cimport position, put
from ._decode cimport plain_ascii
from ._elements cimport put_header
from ._parse cimport PrivateBlock, RawElement, Span, own_charset, sequence_as_read, span_as_read
from ._references cimport dict_item, tag_number
from ._scan cimport MENDED, UNDEFINED_LENGTH
from ._source cimport Coding
from ._quick cimport BUFFER, NO_VR, SEQUENCE, TAG, TEXT, VRInfo, vr_info
from ._store cimport ElementStore
from ._walk cimport (
    Entry, GroupLength, Level, PIXEL_DATA, PIXEL_REPRESENTATION, SPLICED_FROM, UNSEEN, Walk, holds_numbers, is_text, value_in,
)

from ._parse import PIXEL_SIZE
from ._walk import CharacterSetNeeded
from .charset import character_set, read_character_set
from .dictionary import tag_table
from .errors import EncodeError, ReadError
from .values import check_policy
from .vr import AMBIGUOUS

cdef enum:
    CHARACTER_SET = 0x00080005

cdef object UNDECLARED = character_set(None)


cdef inline bint holds_items(RawElement raw) noexcept:
    """Whether the value is made of items, as far as the element itself says so."""
    cdef const VRInfo *info = raw.own_row()
    if info.kind == SEQUENCE:
        return True
    if not raw.found.flags & UNDEFINED_LENGTH or raw.found.tag == PIXEL_DATA:
        return False
    return raw.coding.implicit or info.kind != BUFFER or info.code[0] == c"U"


cdef inline bint stands_in(RawElement raw, Span span) noexcept:
    """Whether an element stands in the dataset that it was read in."""
    return raw.coding.source.identity is span.identity and raw.level == span.start


cdef bint same_reading(const VRInfo *own, const VRInfo *other, RawElement raw) except -1:
    """Whether the bytes of a value are the same value by another VR."""
    cdef const uint8_t *data = raw.coding.source.data + raw.found.start + raw.found.header
    cdef Py_ssize_t size = raw.found.stop - raw.found.start - raw.found.header
    if is_text(own) and is_text(other):
        if own.multiple != other.multiple and size and memchr(data, c"\\", size) != NULL:
            return False
        return own.charset == other.charset or plain_ascii(data, size)
    return own.kind == other.kind and (own.unit == other.unit or own.kind == BUFFER)


cdef int by_tag(const void *one, const void *other) noexcept nogil:
    cdef uint32_t a = (<const Entry *>one).tag, b = (<const Entry *>other).tag
    return (a > b) - (a < b)


@cython.final
cdef class Encoder(Walk):
    """The walk over dcmenc's own datasets."""

    cdef bint root_is_meta
    # what could not be put into another character set: (path, tag, reason)
    cdef list unconverted
    cdef dict dictionary
    cdef PrivateBlock block
    # where the root was read from
    cdef Span origin

    cdef bint copy_whole(self, ElementStore dataset) except -1:
        """Copy a data set in which nothing changed since it was read, with all that is odd about it; False if that is not all."""
        cdef Span span = span_as_read(dataset)
        if span is None or span.coding.implicit != self.syntax.implicit or span.coding.big != self.syntax.big:
            return False
        if span.encapsulated != self.encapsulated or span.coding.charset != self.charset:
            return False
        if span.depth and span.coding.sign != -1:
            # what decided signs was around it, and is not any more
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
                tag = tag_number(<object>key)
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

    cdef int raw(self, uint32_t tag, RawElement raw, dict elements) except -1:
        """An element as it was read: its own bytes where they mean the same here, else recoded."""
        if tag == CHARACTER_SET:
            self.declare_as_read(raw, elements)
        elif tag == PIXEL_DATA:
            self.check_raw_pixels(raw)
        if not sequence_as_read(raw):
            vr = <object>PyTuple_GET_ITEM(raw.known, 1)
            if self.syntax.implicit and not raw.coding.implicit:
                self.dictionary_vr(raw, vr, elements)
            return self.element(tag, vr, <object>PyTuple_GET_ITEM(raw.known, 2))
        if self.means_the_same(raw):
            return self.verbatim(tag, raw)
        return self.recode(tag, raw, elements)

    cdef bint means_the_same(self, RawElement raw) except -1:
        """Whether the bytes are legal as they stand, and a reader of what is written understands them as they were understood."""
        cdef Coding coding = raw.coding
        cdef bint nested = holds_items(raw)
        if coding.implicit != self.syntax.implicit or coding.big != self.syntax.big or raw.found.flags & MENDED:
            return False
        if nested and (coding.fragments == 1) != self.encapsulated:
            # there may be pixels in the items
            return False
        # items may be in Implicit VR, whatever is around
        return self.same_text(raw) and (not (coding.implicit or nested) or self.same_sign(raw))

    cdef bint same_text(self, RawElement raw) except -1:
        """Whether text in the element is the same bytes here: in the same character set, or ASCII in both."""
        cdef const VRInfo *info = raw.own_row()
        cdef Py_ssize_t begin = raw.found.start + raw.found.header
        charset = raw.coding.charset
        if charset is self.charset or charset == self.charset:
            return True
        if holds_items(raw):
            return False
        if raw.found.flags & UNDEFINED_LENGTH or (not raw.coding.implicit and not (info.kind == TEXT and info.charset)):
            # fragments, or no text
            return True
        if not self.ascii or not charset.ascii_unchanged:
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
        return not holds_items(raw) and entry is not None and entry[1] != "US/SS" and entry[1] != "SQ"

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
            vr = self.dictionary_vr(raw, vr, elements)
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

    cdef object dictionary_vr(self, RawElement raw, object vr, dict elements):
        """The VR by which Implicit VR will be read. A value that would become another one by that is refused."""
        cdef const VRInfo *own = vr_info(vr)
        cdef const VRInfo *other
        if raw.found.tag & 0x10000:
            known = self.block.vr(raw.found.tag, elements)
        else:
            entry = self.entry_of(raw)
            known = "UN" if entry is None else <object>PyTuple_GET_ITEM(entry, 1) or vr
        if known is vr or known == vr or vr == "UN" or known == "UN":
            return vr
        if known in AMBIGUOUS:
            if known == "US/SS" and vr in ("US", "SS"):
                return known
            if vr in AMBIGUOUS[known] or own.kind == BUFFER:
                return vr
        other = vr_info(known)
        if same_reading(own, other, raw):
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
        charset = own_charset(raw)
        return self.use(charset) if charset is not None else 0

    cdef int check_raw_pixels(self, RawElement raw) except -1:
        """Pixels that were read must still go with the attributes around them, once one of these was set."""
        cdef bint native = not raw.found.flags & UNDEFINED_LENGTH
        cdef Py_ssize_t size = raw.found.stop - raw.found.start - raw.found.header
        if size and (not native and not self.encapsulated or native and self.encapsulated and self.depth == 0):
            raise EncodeError("native pixels cannot stand under an encapsulated transfer syntax; give Fragments or change the syntax" if native
                              else "only Pixel Data under an encapsulated transfer syntax can hold fragments; decode them or change the syntax")
        if native and self.depth == 0 and self.conforming and self.pixels_described_anew(raw):
            self.check_pixels(b"", 1, size)
        return 0

    cdef bint pixels_described_anew(self, RawElement pixels) except -1:
        """Whether one of the attributes that say how large the pixels are is not what was read with them, or has gone."""
        cdef int at
        cdef Span span = self.origin
        if span is None or not stands_in(pixels, span):
            return True
        for at, tag in enumerate(PIXEL_SIZE):
            element = dict_item(<object>self.levels[0].elements, tag)
            if (element is not None) != bool(span.described & 1 << at):
                return True
            if element is not None and (type(element) is not RawElement or not stands_in(<RawElement>element, span)):
                return True
        return False

    cdef int refuse_unconverted(self) except -1:
        """Text that was read and could not be put into the character set of what is written would be lost."""
        if self.unconverted:
            (path, tag, reason), *others = self.unconverted
            more = f"; the same at {', '.join([each for each, _, _ in others[:20]])}" if others else ""
            more += f" and {len(others) - 20} more" if len(others) > 20 else ""
            raise EncodeError(f"the text cannot be put into another character set: {reason}{more}", path, tag)
        return 0


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
    cdef Encoder walk = Encoder.__new__(Encoder)
    walk.syntax.implicit, walk.syntax.big = implicit, big_endian
    walk.encapsulated, walk.root_is_meta = encapsulated, file_meta
    walk.use(charset if charset is not None else UNDECLARED)
    walk.splices, walk.unconverted, walk.located = [], [], locate
    walk.block = PrivateBlock.__new__(PrivateBlock)
    walk.conforming, walk.policy_given = True, policy is not None
    if policy is None:
        policy = dataset._policy
    if policy is not None:
        check_policy(policy)
        walk.replace_text, walk.refuse_long = policy.unencodable == "replace", policy.long_value == "error"
        walk.conforming = policy.nonconforming == "error"
    put(&walk.sink, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
    walk.origin = <Span>dataset.origin if dataset.origin is not None else None
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
