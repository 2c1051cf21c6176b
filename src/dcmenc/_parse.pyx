# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The inverse of the walk: one scan over bytes proves their structure, and elements stand for their place in them (PS3.5 7, A.1 to A.4).

The scan goes through everything, sequences included, and makes no object. Objects are made for the level that somebody looks
at: a sequence is opened, and a value decoded, when it is asked for, and the bytes stay what the element *is* until a new value
is set. No length is believed before it was held against what is left.
"""

from cpython.dict cimport PyDict_Next, PyDict_SetItem, PyDict_Size
from cpython.list cimport PyList_Check, PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint32_t
cimport cython

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object)

from ._bytes cimport load16, load32
from ._decode cimport UNREADABLE, decode_value
from ._references cimport dict_item, list_item
from ._scan cimport (
    DEEPEST, Form, Found, IMPLICIT_VR, ITEM, SEQUENCE_END, SHORT_HEADER, Scan, UNDEFINED, UNDEFINED_LENGTH, load_tag,
)
from ._source cimport Coding, Source
from ._quick cimport BUFFER, NO_VR, SEQUENCE, SIGNED, TAG, TEXT, VRInfo, vr_info, vr_row
from ._store cimport ElementStore, ItemList, bare_element, new_dataset, new_item, new_sequence

from ._swap import swapped
from .charset import DEFAULT, read_character_set
from .dictionary import lookup, private_vrs
from .errors import ReadError
from .values import MAX_DEPTH, Fragments
from .vr import DESCRIPTORS

cdef enum:
    META_LENGTH = 0x00020000
    CHARACTER_SET = 0x00080005
    PIXEL_REPRESENTATION = 0x00280103
    PIXEL_DATA = 0x7FE00010
    # the size from which on an element is kept once it was decoded
    KEPT = 80

# The attributes that say how many bytes native pixels have.
PIXEL_SIZE = (0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280100)


cdef Scan new_scan(Coding coding, Py_ssize_t elements, int depth, bint mute):
    """A scan that collects the elements at a depth, 0 being the root; ``mute`` if the bytes were scanned before."""
    cdef Source source = coding.source
    cdef Scan scan
    with cython.critical_section(source):
        # a scan is large, and one is made for each sequence that is opened
        scan, source.spare = source.spare, None
    if scan is None:
        scan = Scan.__new__(Scan)
    scan.data = source.data
    scan.lenient, scan.mute, scan.sound, scan.left = coding.lenient, mute, coding.sound, elements
    scan.base, scan.deepest, scan.no_zero, scan.before_pixels = depth, DEEPEST, 0, False
    scan.faults = []
    if coding.implicit and not scan.sequence_count:
        scan.know_sequences()
    return scan


# ------------------------------------------------------------------ what was found

@cython.final
@cython.no_gc
cdef class RawElement(Deferred):
    """An element as it was read. Its bytes are what it is; ``element`` shows them as a value (PS3.5 7.1)."""

    def __init__(self):
        raise TypeError("raw elements come from a file")

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
        return bool(self.found.flags & UNDEFINED_LENGTH)

    @property
    def value(self):
        """The bytes of the value as they stand, delimiters left out."""
        return self.coding.source.window(self.found.start + self.found.header, self.found.stop)

    @property
    def as_read(self):
        """Whether nothing in its items was changed; any other raw element cannot change."""
        return sequence_as_read(self)

    def holding(self, element):
        """The same element for another dataset; of a sequence that was changed, ``element`` is what it has become."""
        cdef RawElement raw = RawElement.__new__(RawElement)
        raw.coding, raw.tag_object, raw.found, raw.level, raw.depth = self.coding, self.tag_object, self.found, self.level, self.depth
        raw.known = element
        return raw

    cdef const VRInfo *own_row(self) noexcept:
        """The VR that the file gives; one of no kind where it gives none."""
        return vr_row(self.found.first, self.found.second)

    cdef object own_vr(self, dict elements):
        """The VR: the file's, or the dictionary's as it spells it, or UN (PS3.5 6.2.2, 7.1.3)."""
        cdef const VRInfo *info = self.own_row()
        if not self.coding.implicit:
            return <object>info.name if info.kind != NO_VR else "UN"
        entry = lookup(self.tag_object)
        if entry is not None:
            return entry.vr or "UN"
        return (<PrivateBlock>PrivateBlock.__new__(PrivateBlock)).vr(self.found.tag, elements)

    cdef object element(self, dict elements):
        if self.known is not None:
            return self.known
        made = self.made(elements)
        if not PyList_Check(<object>PyTuple_GET_ITEM(made, 2)):
            if self.found.stop - self.found.start < KEPT:
                # to make it again takes less than to keep it: a file has very many of them
                return made
            if self.coding.implicit and self.found.tag & 0x10000:
                # a creator may still be set that knows another VR
                return made
        with cython.critical_section(self):
            # somebody else may have been quicker: there is one sequence only, which its user may change
            if self.known is None:
                self.known = made
        return self.known

    cdef object made(self, dict elements):
        """The Element. What the VR cannot hold is shown as UN: nothing is hidden, nothing guessed."""
        cdef const VRInfo *info = self.own_row()
        cdef bint undefined = self.found.flags & UNDEFINED_LENGTH
        if info.kind == NO_VR or self.coding.implicit or undefined:
            return self.made_of_open(self.own_vr(elements), undefined)
        if info.kind == SIGNED and info.unit == 2 and self.tag_object in DESCRIPTORS:
            return self.made_of_signed(True)
        value = self.opened() if info.kind == SEQUENCE else self.shown(info, False)
        if value is UNREADABLE:
            return bare_element(self.tag_object, "UN", self.readable())
        return bare_element(self.tag_object, <object>info.name, value)

    cdef object made_of_open(self, object vr, bint undefined):
        """The Element where the file does not say the VR, or its length."""
        if undefined and self.found.tag == PIXEL_DATA:
            # fragments are bytes wherever they stand (PS3.5 A.4)
            return bare_element(self.tag_object, "OW" if vr == "OW" else "OB", self.fragments())
        if vr == "OB/OW" or vr == "US/OW" or vr == "US/SS/OW":
            # in Implicit VR these are words (PS3.5 A.1)
            vr = "OB" if undefined else "OW"
        elif vr == "US/SS":
            return self.made_of_signed(self.coding.sign == 1)
        if undefined and vr != "SQ" and (self.coding.implicit or vr == "UN"):
            vr = "UN"
        value = self.opened() if vr == "SQ" or (undefined and vr == "UN") else self.shown(vr_info(vr), False)
        if value is UNREADABLE:
            vr, value = "UN", self.readable()
        return bare_element(self.tag_object, vr, value)

    cdef object made_of_signed(self, bint sign):
        """Numbers whose sign PixelRepresentation decides; the counts in a lookup table's descriptor have none (PS3.3 C.7.6.3.1.5)."""
        vr = "SS" if sign else "US"
        value = self.shown(vr_info(vr), False)
        if value is UNREADABLE:
            return bare_element(self.tag_object, "UN", self.readable())
        if vr == "SS" and self.tag_object in DESCRIPTORS and isinstance(value, tuple):
            value = tuple([number & 0xFFFF if at != 1 else number for at, number in enumerate(value)])
            vr = "US/SS"
        return bare_element(self.tag_object, vr, value)

    cdef object shown(self, const VRInfo *info, bint strict):
        """The value of anything but a sequence; ``strict`` as in ``decode_value``."""
        cdef Py_ssize_t begin = self.found.start + self.found.header, size = self.found.stop - begin
        cdef Source source = self.coding.source
        if self.found.flags & UNDEFINED_LENGTH:
            return self.fragments() if info.kind == BUFFER else UNREADABLE
        if info.kind == BUFFER:
            return self.buffer(info)
        charset = self.coding.charset
        if self.coding.assumed is not None and not charset.declared:
            charset = self.coding.assumed
        source.check()
        return decode_value(info, source.data + begin, size, self.coding.big, charset, strict)

    cdef object buffer(self, const VRInfo *info):
        """Bytes in little endian units."""
        cdef Py_ssize_t begin = self.found.start + self.found.header
        if self.found.stop == begin:
            return None
        data = self.coding.source.window(begin, self.found.stop)
        if self.coding.big and info.unit > 1:
            return UNREADABLE if (self.found.stop - begin) % info.unit else swapped(data, info.unit)
        return data

    cdef object fragments(self):
        """The fragments and the Basic Offset Table of encapsulated pixels (PS3.5 A.4)."""
        cdef Source source = self.coding.source
        cdef Py_ssize_t at = self.found.start + self.found.header, end
        found = []
        source.check()
        while self.found.stop - at >= 8:
            end = min(self.found.stop, at + 8 + <Py_ssize_t>load32(source.data + at + 4, self.coding.big))
            found.append(source.window(at + 8, end))
            at = end
        return Fragments(tuple(found[1:]), bytes(found[0]) if found else b"")

    cdef object readable(self):
        """The bytes as they stand."""
        cdef Py_ssize_t begin = self.found.start + self.found.header
        return self.coding.source.window(begin, self.found.stop) if self.found.stop > begin else None

    cdef object opened(self):
        """The items as datasets, made anew."""
        cdef Coding coding = self.coding
        cdef bint implicit = coding.implicit or self.own_row().kind != SEQUENCE
        if implicit and not coding.implicit:
            coding = coding.turned(True, False, coding.charset, coding.sign)
        coding.source.check()
        try:
            return open_items(coding, self.found.start + self.found.header, self.found.stop, self.found.flags & UNDEFINED_LENGTH,
                              self.depth + 1)
        except ReadError:
            if not (self.coding.implicit and self.found.tag & 0x10000):
                raise
            # a private sequence, which the scan could not know for one, and which is none
            return UNREADABLE

    def __reduce__(self):
        found = self.found
        data = self.coding.source.window(found.start, found.end)
        return restored_element, (self.coding, bytes(data), self.coding.source.identity, found.tag, found.header, found.first,
                                  found.second, found.flags, found.stop - found.start, self.level, self.depth)


def restored_element(Coding coding not None, bytes data not None, identity, uint32_t tag, header, first, second, flags, stop, level, depth):
    """An element that was pickled: on bytes of its own."""
    cdef RawElement raw = RawElement.__new__(RawElement)
    raw.coding = coding.on(Source(data, None, identity))
    raw.tag_object = raw.coding.source.tag(tag)
    raw.found = Found(tag, header, first, second, flags, 0, stop, len(data))
    raw.level, raw.depth = level, depth
    if not raw.found.header <= raw.found.stop <= raw.found.end or not 0 <= raw.depth <= DEEPEST:
        raise ReadError("this is no pickled element")
    return raw


@cython.final
@cython.no_gc
cdef class PrivateBlock:
    """The VRs of the block of private elements that was met last: its elements mostly come one after another."""

    cdef object vr(self, uint32_t tag, dict elements):
        """The VR of an element that Implicit VR does not give: that of a private one, if its creator is known (PS3.5 7.8.1)."""
        cdef uint32_t first = tag & 0xFFFFFF00
        if not tag & 0x10000:
            return "UN"
        if tag & 0xFFFF < 0x100:
            return "LO" if tag & 0xFFFF >= 0x10 else "UN"
        if elements is None:
            return "UN"
        if elements is not self.elements or first != self.first:
            self.elements, self.first, self.vrs = elements, first, vrs_of_block(elements, first)
        return dict_item(self.vrs, tag & 0xFF) or "UN"


cdef dict vrs_of_block(dict elements, uint32_t first):
    creator = dict_item(elements, first >> 16 << 16 | first >> 8 & 0xFF)
    if isinstance(creator, Deferred):
        creator = (<Deferred>creator).element(elements)
    name = None if creator is None else creator[2]
    return private_vrs(name, first) if PyUnicode_Check(name) else {}


@cython.final
@cython.no_gc
cdef class Span:
    """Where a dataset stood in its source."""

    cdef Py_ssize_t end(self) noexcept:
        """Where the bytes of the dataset end; zeros behind the last element of a file belong to it, the delimiter of an item does not."""
        return self.stop if self.outer_start < self.start else self.outer_end

    def frozen(self, ElementStore store not None):
        """For pickle: (what makes the dataset again, its arguments) if nothing in it changed since it was read, else None."""
        if span_as_read(store) is None:
            return None
        data = bytes(self.coding.source.window(self.start, self.end()))
        return restored_dataset, (data, self.coding.source.identity, self.coding, self.depth, self.undefined, self.encapsulated)

    def __reduce__(self):
        return restored_span, (self.coding, self.identity, self.start, self.depth, self.described, self.encapsulated)


def restored_dataset(bytes data not None, identity, Coding coding not None, int depth, bint undefined, bint encapsulated):
    """A dataset that was pickled as the bytes it was read from."""
    cdef ElementStore store = new_dataset()
    cdef Coding own = coding.on(Source(data, None, identity))
    if not 0 <= depth <= DEEPEST:
        raise ReadError("this is no pickled dataset")
    read_level(store, new_scan(own, len(data), depth, True), own, 0, len(data), False, None)
    (<Span>store.origin).undefined, (<Span>store.origin).encapsulated = undefined, encapsulated
    store.undefined_length = undefined
    return store


def restored_span(Coding coding not None, identity, Py_ssize_t start, int depth, int described, bint encapsulated):
    """What is left to say of where a dataset came from, once it has changed: its encoding, and what belongs to it."""
    cdef Span span = Span.__new__(Span)
    span.coding, span.identity, span.start, span.depth = coding, identity, start, depth
    span.described, span.encapsulated, span.exact = described, encapsulated, False
    return span


cdef int fill(ElementStore store, Scan scan, Coding coding, Py_ssize_t level, object wanted) except -1:
    """Put the elements that a scan has found into a dataset, as they stand."""
    cdef Py_ssize_t i
    cdef const Found *charset = NULL
    cdef const Found *sign = NULL
    cdef Coding other
    cdef RawElement raw
    for i in range(scan.count):
        if scan.found[i].tag == CHARACTER_SET:
            charset = &scan.found[i]
        elif scan.found[i].tag == PIXEL_REPRESENTATION:
            sign = &scan.found[i]
    coding = coding.turned(scan.implicit, coding.big, declared(coding, charset), sign_of(coding, sign))
    for i in range(scan.count):
        if wanted is not None and scan.found[i].tag != CHARACTER_SET and scan.found[i].tag not in wanted:
            continue
        other = coding
        if bool(scan.found[i].flags & IMPLICIT_VR) != coding.implicit:
            other = coding.turned(not coding.implicit, coding.big, coding.charset, coding.sign)
        raw = RawElement.__new__(RawElement)
        raw.coding, raw.tag_object, raw.found = other, coding.source.tag(scan.found[i].tag), scan.found[i]
        raw.level, raw.depth = level, scan.base
        PyDict_SetItem(store._elements, raw.tag_object, raw)
    PyObject_GC_UnTrack(store._elements)
    return 0


cdef bint holds_fragments(Scan scan) noexcept:
    """Whether the pixels are encapsulated, where no transfer syntax says it."""
    cdef Py_ssize_t i
    for i in range(scan.count):
        if scan.found[i].tag == PIXEL_DATA:
            return scan.found[i].flags & UNDEFINED_LENGTH
    return False


cdef int described(Scan scan) except -1:
    """A bit for each attribute of PIXEL_SIZE that is there."""
    cdef Py_ssize_t i
    cdef int bits = 0
    for i in range(scan.count):
        if scan.found[i].tag >> 16 == 0x0028 and scan.found[i].tag in PIXEL_SIZE:
            bits |= 1 << <int>PIXEL_SIZE.index(scan.found[i].tag)
    return bits


cdef bint may_be_text(const Found *found) noexcept:
    """Whether an element is shown as text or as UN, which may be text."""
    cdef const VRInfo *info = vr_row(found.first, found.second)
    cdef int unit = 4 if info.kind == TAG else info.unit
    return info.kind == NO_VR or info.kind == TEXT or (info.kind == BUFFER and unit == 1) or (found.stop - found.start - found.header) % unit


cdef object declared(Coding coding, const Found *found):
    """The character set of a data set: its own, or else that around it (PS3.3 C.12.1.1.2)."""
    own = None if found == NULL else charset_of(coding, found)
    return coding.charset if own is None else own


cdef object charset_of(Coding coding, const Found *found):
    """What a Specific Character Set declares: None if it is empty; one without sense declares the default."""
    cdef Py_ssize_t begin = found.start + found.header
    if not may_be_text(found):
        return None
    value = decode_value(vr_info("CS"), coding.source.data + begin, found.stop - begin, coding.big, DEFAULT, False)
    try:
        charset = read_character_set(value)
    except ReadError:
        return DEFAULT
    return charset if charset.declared else None


cdef object own_charset(RawElement raw):
    return charset_of(raw.coding, &raw.found)


cdef int sign_of(Coding coding, const Found *found) noexcept:
    if found == NULL or found.stop - found.start - found.header != 2:
        return coding.sign
    return load16(coding.source.data + found.start + found.header, coding.big) == 1


cdef ItemList open_items(Coding coding, Py_ssize_t at, Py_ssize_t end, bint undefined, int depth):
    """The items between two places, which a scan has found sound before; it is checked all the same."""
    cdef ItemList items = new_sequence()
    cdef Source source = coding.source
    cdef Scan scan
    cdef ElementStore store
    cdef uint32_t length
    cdef Py_ssize_t item_end, behind
    if depth > DEEPEST:
        raise ReadError(f"data sets nest deeper than {DEEPEST} levels", at)
    scan = new_scan(coding, end - at, depth, True)
    items.undefined_length = undefined
    while end - at >= 8:
        if load_tag(source.data + at, coding.big) != ITEM:
            if coding.lenient or (at + 8 == end and load_tag(source.data + at, coding.big) == SEQUENCE_END):
                # counted, and closed all the same
                at = end
                break
            raise ReadError("an item (FFFE,E000) is wanted", at)
        length = load32(source.data + at + 4, coding.big)
        item_end = end if length == UNDEFINED else at + 8 + <Py_ssize_t>length
        if item_end > end:
            if not coding.lenient:
                raise ReadError("the item is longer than its sequence", at)
            item_end = end
        store = new_item()
        store.undefined_length = length == UNDEFINED
        behind = read_level(store, scan, coding, at + 8, item_end, length == UNDEFINED, None)
        (<Span>store.origin).outer_start, (<Span>store.origin).outer_end = at, behind
        list.append(items, store)
        at = behind
    if at != end and not coding.lenient:
        raise ReadError("an item (FFFE,E000) is wanted", at)
    source.spare = scan
    return items


cdef Py_ssize_t read_level(ElementStore store, Scan scan, Coding coding, Py_ssize_t at, Py_ssize_t end, bint closed,
                           object wanted) except -1:
    """Fill a dataset with the elements between two places; the place behind its delimiter."""
    cdef Py_ssize_t behind, left = scan.left
    cdef Form form = Form(coding.implicit, coding.big, scan.base > 0)
    cdef Span span = Span.__new__(Span)
    scan.mended, scan.depth, scan.count = False, scan.base, 0
    with nogil:
        behind = scan.level(at, end, form, closed)
    if scan.unsure and not scan.sequence_count:
        # elements in Implicit VR amidst explicit ones: only now is the dictionary needed
        scan.know_sequences()
        scan.faults.clear()
        scan.left = left
        return read_level(store, scan, coding, at, end, closed, wanted)
    if behind < 0:
        raise scan.error()
    if scan.base == 0:
        coding.sound = not scan.mended
    if coding.fragments < 0:
        coding.fragments = holds_fragments(scan)
    span.encapsulated, span.described = coding.fragments == 1, described(scan)
    span.coding = coding.turned(scan.implicit, coding.big, coding.charset, coding.sign)
    span.identity, span.undefined, span.depth = coding.source.identity, closed, scan.base
    span.start, span.stop, span.outer_start, span.outer_end = at, scan.stop, at, behind
    fill(store, scan, coding, at, wanted)
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
            same = raw.coding.source is span.coding.source and raw.level == span.start
            if same and raw.known is not None and isinstance(raw.known[2], ItemList):
                opened.append(raw)
    if same:
        for raw in opened:
            if not sequence_as_read(raw):
                return False
    return same


cdef bint is_furnished(ElementStore item) noexcept:
    """Whether a dataset has something of its own besides its elements."""
    return item._policy is not None or item.preamble is not None or item._file_meta is not None


cdef bint sequence_as_read(RawElement raw) except -1:
    cdef Py_ssize_t at = raw.found.start + raw.found.header, i
    cdef ItemList items
    cdef Span span
    if raw.known is None or not isinstance(raw.known[2], ItemList):
        return True
    items = <ItemList>raw.known[2]
    if items.undefined_length != bool(raw.found.flags & UNDEFINED_LENGTH):
        return False
    for i in range(PyList_GET_SIZE(items)):
        item = list_item(items, i)
        span = <Span>(<ElementStore>item).origin if isinstance(item, ElementStore) else None
        if span is None or span.coding.source is not raw.coding.source or span.outer_start != at or is_furnished(item):
            return False
        if span_as_read(item) is None:
            return False
        at = span.outer_end
    return at == raw.found.stop


# ------------------------------------------------------------------ for the reader

def parse_dataset(ElementStore store not None, Source source not None, Py_ssize_t start, Py_ssize_t stop, *, bint implicit=False, bint big_endian=False,
                  encapsulated=None, bint lenient=False, bint before_pixels=False, assumed=None, wanted=None,
                  Py_ssize_t elements=10_000_000, int depth=DEEPEST):
    """Fill a dataset with the elements between two places of a source.

    Parameters
    ----------
    store : Dataset
    source : Source
    start, stop : int
        Where its first element stands, and where its bytes end.
    implicit, big_endian, encapsulated
        The transfer syntax: Implicit VR, big endian, Pixel Data in fragments; None for what the pixels themselves show.
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
    depth : int
        How many levels of items there may be, 128 at most.

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
    coding.fragments = -1 if encapsulated is None else bool(encapsulated)
    scan = new_scan(coding, elements, 0, False)
    scan.before_pixels, scan.deepest = before_pixels, min(max(depth, 0), DEEPEST)
    read_level(store, scan, coding, start, stop, False, wanted)
    return scan.faults


def parse_meta(ElementStore store not None, Source source not None, Py_ssize_t start, *, bint lenient=False):
    """Fill a dataset with the elements of group 0002 that begin at a place; (the place behind them, faults) (PS3.10 7.1).

    It ends with the first element of another group: its Group Length is not believed, but where it says that the group ends,
    what comes next must look like a part of it, too. (A big endian data set may begin with the bytes 02 00.)
    """
    cdef Coding coding = Coding.__new__(Coding)
    cdef Scan scan
    cdef Py_ssize_t stop = start, declared_end = -1
    cdef Form form
    cdef uint32_t length, previous = 0
    cdef Found found
    cdef bint fits
    coding.source, coding.lenient, coding.charset, coding.sign = source, lenient, DEFAULT, -1
    scan = new_scan(coding, source.size, 0, False)
    form = Form(scan.lacks_vr(start, source.size, False), False, False)
    while source.size - stop >= 8 and load16(source.data + stop, False) == 2:
        scan.steps[0].tag, scan.steps[0].item = load_tag(source.data + stop, False), -1
        if not scan.header(stop, source.size, form, &found, &length):
            scan.fail(SHORT_HEADER, stop, source.size - stop, 0)
            raise scan.error()
        fits = <size_t>length <= <size_t>(source.size - stop - found.header)
        if not fits or (stop == declared_end and found.tag <= previous):
            # what is wrong with it is said when the data set is read
            break
        stop += found.header + <Py_ssize_t>length
        previous = found.tag
        if found.tag == META_LENGTH and length == 4:
            declared_end = stop + <Py_ssize_t>load32(source.data + stop - 4, False)
    read_level(store, scan, coding, start, stop, False, None)
    return stop, scan.faults


def bytes_as_read(ElementStore store not None, bint implicit, bint big_endian):
    """The bytes that a dataset was read from, or None if anything in it changed or another encoding is asked for."""
    cdef Span span = span_as_read(store)
    if span is None or span.coding.implicit != implicit or span.coding.big != big_endian:
        return None
    return span.coding.source.window(span.start, span.end())


def read_together(ElementStore store not None, ElementStore meta not None, tag):
    """Whether an element of a dataset and a file meta stand as they were read from one file."""
    cdef Span span = <Span>store.origin if store.origin is not None else None
    cdef Span head = <Span>meta.origin if meta.origin is not None else None
    raw = dict_item(store._elements, tag)
    if span is None or head is None or span.depth or type(raw) is not RawElement or (<RawElement>raw).level != span.start:
        return False
    return (<RawElement>raw).coding.source.identity is span.identity and span.identity is head.identity


def encoding_as_read(ElementStore store not None):
    """(implicit, big endian, encapsulated) of the file that a dataset was read from, None for any other dataset."""
    cdef Span span = <Span>store.origin if store.origin is not None else None
    return None if span is None else (span.coding.implicit, span.coding.big, span.encapsulated)


if DEEPEST != MAX_DEPTH:
    raise SystemError("the depth of the scan is not that of the model")
