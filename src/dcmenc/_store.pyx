# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Elements and where they are kept: setting a value by keyword, compiled, and what C reads of datasets and sequences.

What ``_quick.pyx`` does not recognise goes to the rules of ``values.py``.
"""

from cpython.dict cimport PyDict_GetItemWithError, PyDict_Keys, PyDict_Next, PyDict_Values
from cpython.object cimport PyObject, PyObject_GenericSetAttr
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.stdint cimport int64_t, uint32_t
cimport cython

from ._quick cimport BUFFER, SEQUENCE, UNSURE, VRInfo, quick_value, vr_info
from ._references cimport dict_item, list_item

from .dictionary import Tag, keyword_like, keyword_table, nearest_keywords
from .errors import EncodeError
from .values import Element, check_policy, describe, normalise

cdef extern from "Python.h":
    int PyUnicode_KIND(object)
    const void *PyUnicode_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    uint32_t PyUnicode_READ(int, const void *, Py_ssize_t)
    bint PyList_CheckExact(object)
    Py_ssize_t PyList_GET_SIZE(object)
    int PyList_SetSlice(object, Py_ssize_t, Py_ssize_t, object) except -1
    int64_t PyLong_AsLongLong(object) except? -1
    void PyObject_GC_UnTrack(object)
    int delete_attribute "PyObject_GenericSetAttr"(object, object, PyObject *) except -1

cdef extern from *:
    """
    /* Whether a value is surely part of no reference cycle: the garbage collector need not look at it, nor at a tuple of such
       values, as it finds out itself for plain tuples, at some cost. */
    static inline int dcmenc_is_atom(PyObject *value) {
        return !PyObject_IS_GC(value) || !PyObject_GC_IsTracked(value);
    }
    static inline int dcmenc_holds_no_cycle(PyObject *value) {
        if (dcmenc_is_atom(value)) return 1;
        if (!PyTuple_CheckExact(value)) return 0;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
            if (!dcmenc_is_atom(PyTuple_GET_ITEM(value, i))) return 0;
        PyObject_GC_UnTrack(value);
        return 1;
    }
    /* An instance of a tuple subclass with three items, without calling its __new__. */
    static PyObject *dcmenc_named_triple(PyObject *cls, PyObject *a, PyObject *b, PyObject *c) {
        PyTypeObject *type = (PyTypeObject *)cls;
        PyTupleObject *made = (PyTupleObject *)type->tp_alloc(type, 3);
        if (made == NULL) return NULL;
    #if PY_VERSION_HEX >= 0x030E0000
        made->ob_hash = -1;
    #endif
        Py_INCREF(a); Py_INCREF(b); Py_INCREF(c);
        made->ob_item[0] = a; made->ob_item[1] = b; made->ob_item[2] = c;
        if (dcmenc_holds_no_cycle(c)) PyObject_GC_UnTrack(made);
        return (PyObject *)made;
    }
    /* An instance by the type's own tp_new, without its __init__. */
    static PyObject *dcmenc_new(PyObject *cls, PyObject *arguments) {
        return ((PyTypeObject *)cls)->tp_new((PyTypeObject *)cls, arguments, NULL);
    }
    """
    object named_triple "dcmenc_named_triple"(object, object, object, object)
    object new_instance "dcmenc_new"(object, object)

cdef dict KEYWORDS = {}
cdef bytes ZERO_PREAMBLE = bytes(128)
cdef object ELEMENT_TYPE = Element
cdef object TAG_TYPE = Tag
cdef object SEQUENCE_TYPE = None
cdef object DATASET_TYPE = None


cdef object bare_element(object tag, object vr, object value):
    return named_triple(ELEMENT_TYPE, tag, vr, value)


cdef ElementStore new_dataset():
    return <ElementStore>new_instance(DATASET_TYPE, ())


cdef ElementStore new_item():
    cdef ElementStore made = new_dataset()
    made.preamble = None
    PyObject_GC_UnTrack(made)
    return made


cdef ItemList new_sequence():
    cdef ItemList made = <ItemList>new_instance(SEQUENCE_TYPE, ())
    PyObject_GC_UnTrack(made)
    return made


def adopt(sequence, dataset):
    """The model hands over its types of sequences and datasets once, when it is imported."""
    global SEQUENCE_TYPE, DATASET_TYPE
    SEQUENCE_TYPE, DATASET_TYPE = sequence, dataset


cdef object quick_sequence(object value):
    cdef Py_ssize_t at
    if type(value) is SEQUENCE_TYPE:
        items = value
    elif PyList_CheckExact(value):
        items = new_instance(SEQUENCE_TYPE, ())
        PyList_SetSlice(items, 0, 0, value)
    else:
        return UNSURE
    for at in range(PyList_GET_SIZE(items)):
        if not isinstance(list_item(items, at), ElementStore):
            return UNSURE
    return items


cdef object as_sequence(object value):
    """The Sequence that a value stands for, or an error that names the item that is no dataset."""
    if value is None:
        return SEQUENCE_TYPE()
    if isinstance(value, ElementStore):
        raise EncodeError("a sequence takes a list of datasets, not one dataset; put it in a list")
    if isinstance(value, (str, bytes, bytearray, memoryview, dict)):
        raise EncodeError(f"a sequence takes a list of datasets, not {type(value).__name__}")
    try:
        return value if isinstance(value, SEQUENCE_TYPE) else SEQUENCE_TYPE(value)
    except EncodeError:
        raise
    except (TypeError, ValueError):
        raise EncodeError(f"a sequence takes a list of datasets, not {describe(value)}") from None


cdef object settled(object tag, object vr, object vm, object keyword, object value, object policy):
    """The normalised value, by the quick path or by the rules; errors say the tag and the keyword."""
    cdef const VRInfo *info = vr_info(vr)
    if info.kind == BUFFER and type(value) is SEQUENCE_TYPE and vr == "UN":
        # of undefined length, with items in Implicit VR (PS3.5 6.2.2)
        return value
    found = quick_sequence(value) if info.kind == SEQUENCE else quick_value(info, vm, value)
    if found is not UNSURE:
        return found
    try:
        if info.kind == SEQUENCE:
            return as_sequence(value)
        return normalise(vr, value, vm, policy)
    except EncodeError as error:
        raise type(error)(error.reason, f"{tag} {keyword}".rstrip(), int(tag)) from None


def make_element(tag, str vr, vm, str keyword, value, policy):
    """An Element with its value normalised; ``vm`` is the dictionary's, or None where there is no rule."""
    return named_triple(ELEMENT_TYPE, tag, vr, settled(tag, vr, vm, keyword, value, policy))


cdef PyObject *keyword_entry(object name) except? NULL:
    """The dictionary's entry of a keyword, borrowed from a table that lives for ever; NULL without an error if there is none."""
    global KEYWORDS
    if not KEYWORDS:
        KEYWORDS = keyword_table()
    return PyDict_GetItemWithError(KEYWORDS, name)


cdef inline bint capital(object name) noexcept:
    """Whether a name begins as every keyword does."""
    return PyUnicode_GET_LENGTH(name) > 0 and c"A" <= PyUnicode_READ(PyUnicode_KIND(name), PyUnicode_DATA(name), 0) <= c"Z"


cdef object unknown_keyword(object dataset, object name):
    if not capital(name):
        meant = keyword_like(name)
        hint = f"; did you mean {meant}?" if meant else ""
        return AttributeError(f"{type(dataset).__name__!r} object has no attribute {name!r}{hint}")
    near = nearest_keywords(name)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return AttributeError(f"{name} is no DICOM keyword{hint} (private and new attributes are set by .add(tag, vr, value))")


cdef class ItemList(list):
    """The part of a sequence that C reads: its items, and whether it is closed by a delimiter (see ``model.Sequence``)."""

    def __init__(self, items=(), undefined_length=False):
        list.__init__(self, items)
        self.undefined_length = undefined_length


cdef bint is_ascending(dict elements) except -1:
    """Whether the keys stand in ascending order, as they mostly do."""
    cdef Py_ssize_t at = 0
    cdef PyObject *key
    cdef int64_t tag, previous = -1
    while PyDict_Next(elements, &at, &key, NULL):
        tag = PyLong_AsLongLong(<object>key)
        if tag < previous:
            return False
        previous = tag
    return True


cdef list ordered_tags(dict elements):
    """The keys in ascending order."""
    with cython.critical_section(elements):
        return PyDict_Keys(elements) if is_ascending(elements) else sorted(elements)


cdef list ordered_values(dict elements):
    """The values, by ascending keys."""
    with cython.critical_section(elements):
        return PyDict_Values(elements) if is_ascending(elements) else [elements[tag] for tag in sorted(elements)]


@cython.no_gc
cdef class Deferred:
    """An element of which only the place is known yet; ``_parse.pyx`` says how its value is read.

    A file has very many of them, so the garbage collector does not look at them, nor at the items and sequences that they
    become. It would find a cycle only where a dataset had been put into one of its own sequences, and such a dataset cannot
    be written.
    """

    cdef object element(self, dict elements):
        return self.known

    @property
    def as_read(self):
        return True

    def holding(self, element):
        return self


cdef class ElementStore:
    """The part of a dataset that C reads: its elements and flags, and attribute access by keyword (see ``model.Dataset``)."""

    def __cinit__(self):
        self._elements = {}
        self.preamble = ZERO_PREAMBLE

    def __init__(self, source=None, /, *, policy=None, **attributes):
        if policy is not None:
            check_policy(policy)
            self._policy = policy
        if source is not None:
            self.update(source)
        if attributes:
            self.update(**attributes)

    @property
    def policy(self):
        return self._policy

    @policy.setter
    def policy(self, policy):
        if policy is not None:
            check_policy(policy)
        self._policy = policy

    def __setattr__(self, name, value):
        cdef PyObject *found
        if not capital(name) and hasattr(type(self), name):
            # file_meta and the like need no dictionary
            PyObject_GenericSetAttr(self, name, value)
            return
        found = keyword_entry(name)
        if found == NULL:
            if (capital(name) or keyword_like(name)) and not hasattr(type(self), name):
                raise unknown_keyword(self, name)
            PyObject_GenericSetAttr(self, name, value)
            return
        tag = <object>PyTuple_GET_ITEM(<object>found, 0)
        vr = <object>PyTuple_GET_ITEM(<object>found, 1)
        value = settled(tag, vr, <object>PyTuple_GET_ITEM(<object>found, 3), name, value, self._policy)
        self._elements[tag] = named_triple(ELEMENT_TYPE, tag, vr, value)

    def __getattr__(self, name):
        cdef PyObject *found = keyword_entry(name)
        if found == NULL:
            raise unknown_keyword(self, name)
        element = self.stored(<object>PyTuple_GET_ITEM(<object>found, 0))
        if element is None:
            raise AttributeError(f"the dataset has no {name}")
        return <object>PyTuple_GET_ITEM(element, 2)

    cdef object stored(self, object tag):
        """The Element of a tag, None where there is none."""
        found = dict_item(self._elements, tag)
        return (<Deferred>found).element(self._elements) if isinstance(found, Deferred) else found

    def _stored(self, tag):
        return self.stored(tag)

    @property
    def faults(self):
        return self.faults_found or ()

    def _frozen(self):
        """How the dataset is made again from the bytes that it was read from; None if they no longer say what it is."""
        return None if self.origin is None or self.faults_found else self.origin.frozen(self)

    def _keep_faults(self, tuple faults):
        self.faults_found = faults

    def _past(self):
        """Where the dataset was read from, and the faults found there; for a copy to take over."""
        return self.origin, self.faults_found

    def _take_past(self, past):
        self.origin, self.faults_found = past

    def __iter__(self):
        """The tags, in ascending order (PS3.5 7.1)."""
        return iter(ordered_tags(self._elements))

    cdef list in_order(self):
        """The elements by ascending tag."""
        cdef list found = ordered_values(self._elements)
        cdef Py_ssize_t at
        for at in range(PyList_GET_SIZE(found)):
            if isinstance(found[at], Deferred):
                found[at] = (<Deferred>found[at]).element(self._elements)
        return found

    def values(self):
        """The elements, by ascending tag."""
        return Elements(self)

    def __getitem__(self, key):
        """The element of a tag or keyword."""
        element = self.stored(key if type(key) is TAG_TYPE else TAG_TYPE(key))
        if element is None:
            tag = TAG_TYPE(key)
            raise KeyError(f"the dataset has no {tag} {tag.keyword}".rstrip())
        return element

    def __delattr__(self, name):
        cdef PyObject *found = keyword_entry(name)
        if found == NULL:
            if capital(name) and not hasattr(self, name):
                raise unknown_keyword(self, name)
            delete_attribute(self, name, NULL)
            return
        try:
            del self._elements[<object>PyTuple_GET_ITEM(<object>found, 0)]
        except KeyError:
            raise AttributeError(f"the dataset has no {name}") from None


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class Elements:
    """What ``Dataset.values`` gives: a view of the elements, made in one go each time that it is iterated."""

    cdef ElementStore dataset

    def __cinit__(self, ElementStore dataset not None):
        self.dataset = dataset

    def __iter__(self):
        return iter(self.dataset.in_order())

    def __len__(self):
        return len(self.dataset._elements)

    def __contains__(self, element):
        return element in self.dataset.in_order()

    def __repr__(self):
        return f"Elements({self.dataset.in_order()})"
