# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The walk over pydicom's datasets, as they are: the bytes that pydicom writes, without a DICOM toolkit imported (PS3.5 7, A.1 to A.4).

Its objects are known by their shape: a dataset keeps its elements in ``_dict``, raw ones (as read) and converted ones mixed.
What only pydicom can know, such as how to decode a raw sequence, is asked of the objects themselves; the caller's dataset is
left as it was. Classes of the caller's own that change how elements or values are reached are walked by their public side.
"""

import sys
import warnings

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport qsort
cimport cython

from ._ahead cimport load_attributes, load_elements
from ._bytes cimport load16, load32, position, put, put_byte, store32
from ._elements cimport LONGEST_16, UNDEFINED, header_size, put_header, put_item_tag
from ._foreign_values cimport ForeignValues, LATIN, SHIFTED, converted_names, is_described
from ._quick cimport BUFFER, DECIMAL, INTEGER, NO_VR, SEQUENCE, TAG, TEXT, VRInfo, vr_info, vr_row
from ._references cimport attribute, list_item, tag_number
from ._scan cimport DEEPEST, ITEM, SEQUENCE_END, load_tag
from ._shapes cimport (
    DATASET, ELEMENT, OWN_DATASET, OWN_ELEMENT, RAW, SEVERAL, check_raw, has_undefined_length, is_odd_sequence, raw_bytes,
)
from ._walk cimport Entry, Level, PIXEL_DATA

from .charset import DEFAULT
from .errors import EncodeError, foreign_error
from .values import check_policy

cdef extern from "Python.h":
    Py_ssize_t PyUnicode_GET_LENGTH(object)

cdef enum:
    CHARACTER_SET = 0x00080005


cdef int by_tag(const void *one, const void *other) noexcept nogil:
    cdef uint32_t a = (<const Entry *>one).tag, b = (<const Entry *>other).tag
    return (a > b) - (a < b)


@cython.final
cdef class ForeignWalk(ForeignValues):
    """The walk over one of pydicom's datasets."""

    # what the root is to have besides its elements
    cdef dict added
    # datasets from the root to here
    cdef list path_of_datasets
    # what pydicom was asked to decode, it has kept in these: id of a dataset -> (the dataset, its shadow)
    cdef dict shadows
    # whether raw elements of the present dataset may pass as they are, or by their bytes at least, once one was met
    cdef bint looked, passing, recoding
    # whether the present dataset has ways of its own
    cdef bint own
    # what the transfer syntax says of Pixel Data: -1 nothing, 0 native, 1 encapsulated
    cdef int pixels
    cdef bint is_meta
    # ---------------------------------------------------------------- datasets

    cdef int foreign_dataset(self, object source) except -1:
        """All elements of a dataset, in ascending order; group lengths above group 6 are left out, as pydicom does."""
        cdef Py_ssize_t first = self.entry_count, last, i
        cdef Level *level = &self.levels[self.depth]
        cdef list names = self.names
        cdef bint own = self.own, looked = self.looked, passing = self.passing, recoding = self.recoding
        cdef uint32_t tag
        level.tag, level.item = 0, -1
        self.path_of_datasets.append(source)
        last = self.collect(source)
        self.names = self.names_for(source, first, last)
        self.looked, self.own = False, self.shape(source) == OWN_DATASET
        for i in range(first, last):
            tag = self.entries[i].tag
            level.tag = tag
            self.foreign_element(source, tag, <object>self.entries[i].element)
        while self.entry_count > first:
            self.entry_count -= 1
            Py_DECREF(<object>self.entries[self.entry_count].element)
        self.path_of_datasets.pop()
        self.names, self.own, self.looked, self.passing, self.recoding = names, own, looked, passing, recoding
        return 0

    cdef Py_ssize_t collect(self, object source) except -1:
        """References to all elements, in order: what is called meanwhile may change the dataset."""
        cdef Py_ssize_t first = self.entry_count, at = 0, i
        cdef PyObject *key
        cdef PyObject *element
        cdef uint32_t tag, previous = 0
        cdef bint ordered = True
        cdef int shape = self.shape(source)
        inner = attribute(source, "_dict", None) if shape == DATASET else None
        if type(inner) is not dict:
            inner = self.elements_of(source, shape)
        elements = {**<dict>inner, **self.added} if self.added and self.depth == 0 else <dict>inner
        with cython.critical_section(elements):
            self.make_room(PyDict_Size(elements))
            if self.depth:
                # a data set with items is larger than the caches, and its items lie scattered
                load_elements(elements)
            while PyDict_Next(elements, &at, &key, &element):
                tag = tag_number(<object>key)
                if tag & 0xFFFF == 0 and tag >> 16 > 6:
                    continue
                ordered = ordered and tag >= previous
                previous = tag
                Py_INCREF(<object>element)
                self.entries[self.entry_count].tag, self.entries[self.entry_count].element = tag, element
                self.entry_count += 1
        if self.depth:
            for i in range(first, self.entry_count):
                load_attributes(self.entries[i].element)
        if not ordered:
            qsort(self.entries + first, self.entry_count - first, sizeof(Entry), by_tag)
        return self.entry_count

    cdef dict elements_of(self, object source, int shape):
        """The elements of a dataset with ways of its own, as it gives them; raw ones stay raw."""
        if source is None and self.depth == 0:
            return {}
        if shape != DATASET and shape != OWN_DATASET:
            raise EncodeError(f"an item is a Dataset, not {type(source).__name__}")
        return {int(tag): source.get_item(tag) for tag in list(source.keys())}

    cdef list names_for(self, object source, Py_ssize_t first, Py_ssize_t last):
        """The codecs of the character sets that a dataset declares, or else of those around it."""
        cdef Py_ssize_t i
        for i in range(first, last):
            if self.entries[i].tag == CHARACTER_SET:
                self.levels[self.depth].tag = CHARACTER_SET
                return self.declared(<object>self.entries[i].element)
        return self.names

    cdef list declared(self, object element):
        """The codecs that a Specific Character Set stands for; pydicom need not decode one that is raw."""
        if self.shape(element) == RAW:
            terms = [term.strip(" \0") for term in (raw_bytes(element) or b"").decode("latin-1").split("\\")]
            value = terms if len(terms) > 1 else terms[0]
        else:
            value = element.value
            value = list(value) if self.shape(value) == SEVERAL else value
        return converted_names(value) if value else LATIN

    cdef int look_at_encoding(self, object source) except -1:
        """Whether raw elements are in the encoding and the character set that are written, or in Explicit VR where Implicit is."""
        cdef bint same_order = getattr(source, "_read_little", None) is (False if self.syntax.big else True)
        implicit = getattr(source, "_read_implicit", None)
        self.looked = True
        self.passing = self.recoding = False
        if same_order and implicit is not None:
            read = getattr(source, "_read_charset", None)
            if ([read] if isinstance(read, str) else read) == self.names:
                self.passing = implicit is (True if self.syntax.implicit else False)
                self.recoding = not self.passing and self.syntax.implicit and not self.syntax.big and decodes_plainly()
        return 0

    # ---------------------------------------------------------------- elements

    cdef int foreign_element(self, object source, uint32_t tag, object element) except -1:
        cdef const VRInfo *info
        cdef int shape = self.shape(element)
        if shape == RAW or self.own:
            if not self.looked:
                self.look_at_encoding(source)
            if shape == RAW and self.as_it_is(tag, element):
                return 0
        if shape == RAW or self.own and not self.passing:
            element = self.converted(source, tag)
            shape = self.shape(element)
        if shape != ELEMENT and shape != OWN_ELEMENT:
            raise EncodeError(f"what stands here is no DataElement, but {type(element).__name__}")
        vr = attribute(element, "VR", "") if shape == ELEMENT else element.VR
        if not PyUnicode_Check(vr) or PyUnicode_GET_LENGTH(vr) != 2:
            element = self.settled(element)
            vr = element.VR
        if type(vr) is not str:
            vr = str.__str__(vr)
        if PyUnicode_GET_LENGTH(vr) != 2:
            if not self.syntax.implicit:
                raise EncodeError(f"the VR {vr} is ambiguous, and nothing around it says which one it is")
            vr = "OB" if vr == "OB or OW" else "OW"
        info = vr_info(vr)
        if info.kind == NO_VR:
            # the type that pydicom raises for it
            raise foreign_error(NotImplementedError, f"{vr!r} is no VR")
        # only a length of 32 bits can be undefined
        undefined = header_size(info, self.syntax) == 12 or self.syntax.implicit
        if shape == ELEMENT:
            undefined = undefined and bool(attribute(element, "is_undefined_length", False))
            return self.converted_element(tag, info, attribute(element, "_value", None), undefined)
        return self.converted_element(tag, info, element.value, undefined and bool(element.is_undefined_length))

    cdef bint as_it_is(self, uint32_t tag, object element) except -1:
        """Write a raw element by its bytes, if they are right here."""
        check_raw(element)
        if self.passing and <object>PyTuple_GET_ITEM(element, 3) is not None and not is_odd_sequence(element):
            self.raw_element(tag, element)
            return True
        return self.recoding and not self.own and self.recoded(tag, element)

    cdef object converted(self, object source, uint32_t tag):
        """An element as pydicom decodes it."""
        try:
            return self.shadow(source)[tag]
        except (MemoryError, Warning, EncodeError):
            raise
        except Exception as error:
            raise foreign_error(type(error), f"pydicom cannot decode it: {error}") from error

    cdef object shadow(self, object source):
        """The same elements in a dataset of their own: pydicom keeps what it decodes, and the caller's dataset must not change."""
        known = self.shadows.get(id(source))
        if known is not None:
            return known[1]
        inner = getattr(source, "_dict", None)
        if type(inner) is not dict:
            return source
        made = object.__new__(type(source))
        made.__dict__.update(source.__dict__)
        made.__dict__["_dict"] = dict(inner)
        self.shadows[id(source)] = source, made
        return made

    cdef object settled(self, object element):
        """The element with a VR that its context decides, as pydicom decides it; a copy, for it would change the caller's."""
        from copy import copy

        writer = sys.modules.get("pydicom.filewriter")
        if writer is None:
            raise EncodeError("pydicom.filewriter is not imported, and only it decides ambiguous VRs of its own datasets")
        try:
            around = [self.shadow(each) for each in reversed(self.path_of_datasets)]
            return writer.correct_ambiguous_vr_element(copy(element), around[0], not self.syntax.big, around)
        except AttributeError as error:
            raise foreign_error(AttributeError, str(error).split(" '")[0] or str(error)) from None

    cdef int raw_element(self, uint32_t tag, object element) except -1:
        """The bytes as they were read, under a new header."""
        cdef const VRInfo *info
        cdef Py_ssize_t start = self.sink.used, begin = position(&self.sink)
        cdef bint undefined = has_undefined_length(element)
        value = <object>PyTuple_GET_ITEM(element, 3)
        vr = <object>PyTuple_GET_ITEM(element, 1)
        if tag == PIXEL_DATA and self.depth == 0 and self.pixels >= 0:
            self.check_form_of_pixels(value)
            undefined = self.pixels
        info = vr_info("UN" if vr is None else vr if type(vr) is str else str.__str__(vr))
        if info.kind == NO_VR:
            # the type that pydicom raises for it
            raise foreign_error(NotImplementedError, f"{vr!r} is no VR")
        if undefined and info.header == 8 and not self.syntax.implicit:
            info = vr_info("UN")
        put_header(&self.sink, tag, info, self.syntax, UNDEFINED if undefined else 0)
        self.octets(value)
        return self.close(info, start, begin, undefined)

    cdef bint recoded(self, uint32_t tag, object element) except -1:
        """An explicit element in Implicit VR, where decoding and encoding it anew could change its padding only; False elsewhere."""
        cdef Py_ssize_t start = self.sink.used
        value, vr = <object>PyTuple_GET_ITEM(element, 3), <object>PyTuple_GET_ITEM(element, 1)
        if vr is None or not PyBytes_Check(value) or has_undefined_length(element):
            return False
        if self.names[0] in SHIFTED:
            return False
        if self.recoded_value(tag, vr_info(vr), <const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), self.depth, value):
            return True
        self.sink.used = start
        return False

    cdef bint recoded_value(self, uint32_t tag, const VRInfo *info, const uint8_t *data, Py_ssize_t size, int depth, object whole) except -1:
        """``whole`` is the value as an object, None in an item."""
        cdef Py_ssize_t start = self.sink.used, begin = position(&self.sink)
        if tag == PIXEL_DATA or is_described(tag) or info.kind == NO_VR or info.code[0] == c"U" and info.code[1] == c"N":
            return False
        if info.kind == TEXT or info.kind == DECIMAL or info.kind == INTEGER:
            size = settled_text(info, data, size)
        elif info.kind != BUFFER and info.kind != SEQUENCE and size % (4 if info.kind == TAG else info.unit):
            return False
        if size < 0:
            return False
        put_header(&self.sink, tag, info, self.syntax, 0)
        if info.kind != SEQUENCE:
            if info.kind == BUFFER and whole is not None:
                self.octets(whole)
            else:
                put(&self.sink, data, size)
            self.finish(info, start, begin)
            return True
        if depth == DEEPEST or not self.recoded_items(data, size, depth):
            return False
        store32(self.sink.data + start + 4, <uint32_t>(self.sink.used - start - 8), False)
        return True

    cdef bint recoded_items(self, const uint8_t *data, Py_ssize_t size, int depth) except -1:
        """Explicit items of defined length in Implicit VR; False where they are none, or where pydicom would change them."""
        cdef Py_ssize_t at = 0, start
        cdef uint32_t length
        while at < size:
            if size - at < 8 or load_tag(data + at, False) != ITEM:
                return False
            length = load32(data + at + 4, False)
            at += 8
            if <Py_ssize_t>length > size - at:
                return False
            start = self.sink.used
            put_item_tag(&self.sink, 0xE000, 0, False)
            if not self.recoded_elements(data + at, length, depth + 1):
                return False
            store32(self.sink.data + start + 4, <uint32_t>(self.sink.used - start - 8), False)
            at += length
        return True

    cdef bint recoded_elements(self, const uint8_t *data, Py_ssize_t size, int depth) except -1:
        cdef Py_ssize_t at = 0
        cdef int64_t previous = -1
        cdef const VRInfo *info
        cdef uint32_t tag, length
        while at < size:
            if size - at < 8:
                return False
            tag, info = load_tag(data + at, False), vr_row(data[at + 4], data[at + 5])
            if tag <= previous or tag == CHARACTER_SET or tag & 0xFFFF == 0 or size - at < info.header:
                return False
            previous = tag
            length = load16(data + at + 6, False) if info.header == 8 else load32(data + at + 8, False)
            at += info.header
            if <Py_ssize_t>length > size - at or not self.recoded_value(tag, info, data + at, length, depth, None):
                return False
            at += length
        return True

    cdef int close(self, const VRInfo *info, Py_ssize_t start, Py_ssize_t begin, bint undefined) except -1:
        """The padding and the length, or the delimiter."""
        cdef Py_ssize_t length = position(&self.sink) - begin - header_size(info, self.syntax)
        if not undefined:
            if length > LONGEST_16 and info.header == 8 and not self.syntax.implicit:
                warnings.warn(f"the value of {self.path()} exceeds 64 kByte, and cannot be written in an explicit transfer syntax with "
                              f"its VR; the VR is changed from '{<str>info.name}' to 'UN' to allow saving the data", stacklevel=2)
            return self.finish(info, start, begin)
        if length & 1:
            put_byte(&self.sink, info.pad)
        return put_item_tag(&self.sink, 0xE0DD, 0, self.syntax.big)

    cdef int converted_element(self, uint32_t tag, const VRInfo *info, object value, bint undefined) except -1:
        cdef Py_ssize_t start = self.sink.used, begin = position(&self.sink)
        if tag == PIXEL_DATA and self.depth == 0 and self.pixels >= 0:
            self.check_form_of_pixels(value)
            undefined = self.pixels
        put_header(&self.sink, tag, info, self.syntax, UNDEFINED if undefined else 0)
        if value is None or (PyUnicode_Check(value) and PyUnicode_GET_LENGTH(value) == 0):
            return self.close(info, start, begin, undefined)
        if info.kind == SEQUENCE:
            self.items(value)
            if not undefined:
                store32(self.sink.data + start + header_size(info, self.syntax) - 4,
                        <uint32_t>(position(&self.sink) - begin - header_size(info, self.syntax)), self.syntax.big)
                return 0
        elif info.kind == BUFFER:
            self.octets(value)
        elif info.kind == TEXT:
            self.foreign_texts(info, value)
        elif info.kind == DECIMAL or info.kind == INTEGER:
            self.number_texts(value)
        else:
            self.binary_numbers(tag, info, value)
        return self.close(info, start, begin, undefined)

    cdef int check_form_of_pixels(self, object value) except -1:
        """Under a compressed transfer syntax the value is a row of items, under any other it is none (PS3.5 A.4)."""
        if not PyBytes_Check(value) or PyBytes_GET_SIZE(value) == 0:
            return 0
        if self.pixels and bytes(value[:4]) not in (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"):
            raise EncodeError("The (7FE0,0010) 'Pixel Data' element value hasn't been encapsulated as required for a compressed transfer "
                              "syntax - see pydicom.encaps.encapsulate() for more information")
        if not self.pixels and is_row_of_items(<const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)):
            raise EncodeError("the pixels are encapsulated, and the transfer syntax is not a compressed one; decompress them, or name the "
                              "transfer syntax that they are in")
        return 0

    cdef int items(self, object value) except -1:
        cdef Py_ssize_t at = 0, start, begin, length
        items = self.listed(value)
        if self.depth == DEEPEST:
            raise EncodeError(f"datasets nest deeper than {DEEPEST} levels")
        while at < PyList_GET_SIZE(items):
            self.levels[self.depth].item = at
            item = list_item(items, at)
            start, begin = self.sink.used, position(&self.sink)
            undefined = bool(attribute(item, "is_undefined_length_sequence_item", False))
            put_item_tag(&self.sink, 0xE000, UNDEFINED, self.syntax.big)
            self.depth += 1
            self.foreign_dataset(item)
            self.depth -= 1
            if undefined:
                put_item_tag(&self.sink, 0xE00D, 0, self.syntax.big)
            else:
                length = position(&self.sink) - begin - 8
                store32(self.sink.data + start + 4, <uint32_t>length, self.syntax.big)
            at += 1
        self.levels[self.depth].item = -1
        return 0
cdef bint decodes_plainly() except -1:
    """Whether pydicom decodes values as it does by itself: no hook and no setting makes something else of them."""
    hooks, config = sys.modules["pydicom.hooks"], sys.modules["pydicom.config"]
    if config.use_DS_numpy or config.use_IS_numpy or config.use_DS_decimal or config.datetime_conversion:
        return False
    return hooks.hooks.raw_element_value is hooks.raw_element_value and hooks.hooks.raw_element_vr is hooks.raw_element_vr


cdef bint is_row_of_items(const uint8_t *data, Py_ssize_t size) noexcept:
    """Whether bytes are two items at least, and nothing else but the delimiter."""
    cdef Py_ssize_t at = 0
    cdef int count = 0
    while size - at >= 8 and load_tag(data + at, False) == ITEM and <Py_ssize_t>load32(data + at + 4, False) <= size - at - 8:
        at += 8 + <Py_ssize_t>load32(data + at + 4, False)
        count += count < 2
    return count == 2 and (at == size or (size - at == 8 and load_tag(data + at, False) == SEQUENCE_END))


cdef Py_ssize_t settled_text(const VRInfo *info, const uint8_t *data, Py_ssize_t size) noexcept:
    """The length of text without its padding, if decoding and encoding it could change nothing else; -1 if it could."""
    cdef Py_ssize_t i
    cdef uint8_t c
    cdef bint number = info.kind != TEXT, name = info.code[0] == c"P"
    # AE, UI and UR, whose blanks pydicom treats in ways of their own
    cdef bint strict = (info.code[0] == c"A" and info.code[1] == c"E") or (info.code[0] == c"U" and (info.code[1] == c"I" or info.code[1] == c"R"))
    if strict and info.code[1] != c"I" and size and data[size - 1] == 0:
        return -1
    while size and (data[size - 1] == c" " or data[size - 1] == 0):
        size -= 1
    for i in range(size):
        c = data[i]
        if c >= 0x80 or c == 0x1B or c == 0:
            return -1
        if number and not (c"0" <= c <= c"9" or c == c"-" or c == c"+" or c == c"\\"
                           or info.kind == DECIMAL and (c == c"." or c == c"E" or c == c"e")):
            return -1
        if strict and c <= c" " or (c == c"\\" and i and data[i - 1] == c" "):
            return -1
        if name and c == c"=" and (i + 1 == size or data[i + 1] == c"\\" or data[i + 1] == c"="):
            return -1
    return size


# Codecs in which an ASCII character may be another byte, or an escape sequence has to come first.


def encode_foreign(source, *, bint implicit=False, bint big_endian=False, pixels=None, bint file_meta=False, dict added=None, policy=None,
                   bytes head not None=b""):
    """The bytes of a pydicom dataset, after ``head``, as a list of ``bytes`` and byte views.

    Parameters
    ----------
    source : pydicom.Dataset or None
        None for one without elements.
    implicit, big_endian
        The encoding.
    pixels : bool, optional
        Whether the transfer syntax has Pixel Data in fragments; None leaves it to the element.
    file_meta : bool
        A group length that is there is made right (PS3.10 7.1).
    added : dict of int to AddedElement, optional
        Elements to be written besides, or instead of, those of the dataset.
    policy : Policy, optional
    head : bytes

    Raises
    ------
    EncodeError
        With the path; it is also of the type that pydicom raises for the same fault.
    """
    cdef ForeignWalk walk = ForeignWalk.__new__(ForeignWalk)
    cdef Py_ssize_t begin
    walk.syntax.implicit, walk.syntax.big = implicit, big_endian
    walk.splices, walk.kept, walk.path_of_datasets, walk.shadows = [], [], [], {}
    walk.names, walk.charset, walk.conforming = LATIN, DEFAULT, True
    walk.added = added
    walk.pixels = -1 if pixels is None else pixels
    if policy is not None:
        check_policy(policy)
        walk.replace_text, walk.refuse_long = policy.unencodable == "replace", policy.long_value == "error"
    put(&walk.sink, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
    begin = walk.sink.used
    try:
        walk.foreign_dataset(source)
    except EncodeError as error:
        raise type(error)(error.reason, error.path or walk.path(), error.tag or walk.levels[walk.depth].tag) from None
    except (MemoryError, Warning):
        raise
    except Exception as error:
        raise foreign_error(type(error), str(error), walk.path(), walk.levels[walk.depth].tag) from error
    if file_meta and walk.sink.used - begin >= 12 and not walk.sink.data[begin + 2] | walk.sink.data[begin + 3]:
        store32(walk.sink.data + begin + 8, <uint32_t>(position(&walk.sink) - begin - 12), False)
    return walk.pieces()
