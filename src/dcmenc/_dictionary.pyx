# cython: language_level=3, boundscheck=False, wraparound=False
"""The built-in dictionary, read quickly: five thousand rows, which every process needs that sets or looks up a keyword.

``dictionary.py`` says what a row is; what is not plainly one is left to it, and a test holds the two against each other.
"""

from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport uint32_t
from libc.string cimport memchr, memcmp

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object, Py_ssize_t *) except NULL

cdef extern from *:
    """
    /* An instance of a tuple subclass with five items, without calling its __new__; they can be part of no cycle. */
    static PyObject *dcmenc_named_five(PyObject *cls, PyObject *a, PyObject *b, PyObject *c, PyObject *d, PyObject *e) {
        PyTypeObject *type = (PyTypeObject *)cls;
        PyTupleObject *made = (PyTupleObject *)type->tp_alloc(type, 5);
        PyObject *items[5] = {a, b, c, d, e};
        if (made == NULL) return NULL;
    #if PY_VERSION_HEX >= 0x030E0000
        made->ob_hash = -1;
    #endif
        for (int i = 0; i < 5; i++) {
            Py_INCREF(items[i]);
            made->ob_item[i] = items[i];
        }
        PyObject_GC_UnTrack(made);
        return (PyObject *)made;
    }
    """
    object named_five "dcmenc_named_five"(object, object, object, object, object, object)


cdef inline int digit(char c) noexcept:
    return c - 48 if 48 <= c <= 57 else c - 55 if 65 <= c <= 70 else -1


cdef bint tag_of(const char *text, uint32_t *tag) noexcept:
    """The number of "(GGGG,EEEE)" in capital hexadecimal digits."""
    cdef int at, value
    tag[0] = 0
    if text[0] != c"(" or text[5] != c"," or text[10] != c")":
        return False
    for at in (1, 2, 3, 4, 6, 7, 8, 9):
        value = digit(text[at])
        if value < 0:
            return False
        tag[0] = tag[0] << 4 | <uint32_t>value
    return True


def read_rows(str text not None, dict tags not None, dict keywords not None, dict spellings not None, parsed_vm, tag_type, entry_type):
    """Put the plain rows of a dictionary's text into the two tables; the other lines, comments left out.

    A plain row is one tag, a VR that ``spellings`` has, a keyword and a VM, divided by single tabs, and perhaps RET.
    """
    cdef Py_ssize_t size, length
    cdef const char *at = PyUnicode_AsUTF8AndSize(text, &size)
    cdef const char *end = at + size
    cdef const char *line_end
    cdef const char *fields[5]
    cdef Py_ssize_t lengths[5]
    cdef uint32_t number
    cdef int count
    cdef dict vms = {}
    cdef list others = []
    new_int = int.__new__
    while at < end:
        line_end = <const char *>memchr(at, c"\n", end - at)
        if line_end == NULL:
            line_end = end
        count = split_tabs(at, line_end, fields, lengths)
        if (count == 4 or (count == 5 and lengths[4] == 3 and not memcmp(fields[4], b"RET", 3))) and lengths[0] == 11 and tag_of(at, &number):
            vr = PyUnicode_DecodeASCII(fields[1], lengths[1], NULL)
            keyword = PyUnicode_DecodeASCII(fields[2], lengths[2], NULL)
            vm = PyUnicode_DecodeASCII(fields[3], lengths[3], NULL)
            if vm not in vms:
                vms[vm] = parsed_vm(vm)
            if vr in spellings:
                tag = new_int(tag_type, number)
                entry = named_five(entry_type, tag, spellings[vr], "" if keyword == "-" else keyword, vms[vm], count == 5)
                tags[tag] = entry
                if keyword != "-":
                    keywords[keyword] = entry
                at = line_end + 1
                continue
        length = line_end - at
        if length and at[0] != c"#":
            others.append(PyUnicode_DecodeASCII(at, length, NULL))
        at = line_end + 1
    return others


cdef int split_tabs(const char *at, const char *end, const char **fields, Py_ssize_t *lengths) noexcept:
    """The fields of a line that tabs divide; 0 if there are more than five."""
    cdef const char *tab
    cdef int count = 0
    while count < 5:
        tab = <const char *>memchr(at, c"\t", end - at)
        fields[count], lengths[count] = at, (end if tab == NULL else tab) - at
        count += 1
        if tab == NULL:
            return count
        at = tab + 1
    return 0
