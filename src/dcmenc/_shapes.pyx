# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""pydicom's objects, known by their shape: what a class is to the walk, raw elements, and a look at a whole dataset.

pydicom is never imported here. Classes of the caller's own that change how elements or values are reached are told apart.
"""

from functools import lru_cache
from typing import NamedTuple

from cpython.bytes cimport PyBytes_Check, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport uint32_t
cimport cython

from ._elements cimport UNDEFINED
from ._references cimport attribute, tag_number

from .errors import EncodeError, foreign_error

# What a subclass must not change, to be walked as its base is: base -> (shape, shape with ways of its own, names).
_SHAPES = {
    "DataElement": (ELEMENT, OWN_ELEMENT, ("value", "VR", "tag", "is_undefined_length", "__getattribute__")),
    "Dataset": (DATASET, OWN_DATASET, ("get_item", "__getitem__", "__iter__", "keys", "elements", "__getattribute__")),
    "ConstrainedList": (SEVERAL, OTHER, ("__iter__", "__len__", "__getitem__")),
    "MultiValue": (SEVERAL, OTHER, ("__iter__", "__len__", "__getitem__")),
    "DSfloat": (DECIMAL_NUMBER, OTHER, ("__str__", "__repr__")),
    "IS": (INTEGER_NUMBER, OTHER, ("__str__", "__repr__")),
    "PersonName": (NAME, OTHER, ("encode", "__str__")),
}


class AddedElement(NamedTuple):
    """An element that is to be written with those of a dataset, which stays as it was."""

    VR: str
    value: object
    is_undefined_length: bool = False


@lru_cache(maxsize=1024)
def shape_of(kind):
    """What instances of a class are to the walk."""
    if kind is AddedElement:
        return OWN_ELEMENT
    if issubclass(kind, tuple) and getattr(kind, "_fields", ())[:4] == ("tag", "VR", "length", "value"):
        return RAW
    for base in kind.__mro__:
        if comes_from_pydicom(base) and base.__name__ in _SHAPES:
            shape, own, names = _SHAPES[base.__name__]
            return own if any(changes(kind, base, name) for name in names) else shape
    return OTHER


def changes(kind, base, name):
    """Whether a class below ``base`` that is not pydicom's has a way of its own for a name."""
    for each in kind.__mro__[:kind.__mro__.index(base)]:
        if name in vars(each):
            return not comes_from_pydicom(each)
    return False


def comes_from_pydicom(kind):
    return str(kind.__module__).partition(".")[0] == "pydicom"


cdef int shape_of_class(object kind) except -1:
    return shape_of(kind)


cdef int check_raw(object element) except -1:
    if PyTuple_GET_SIZE(element) < 4:
        raise EncodeError("a raw element has a tag, a VR, a length and a value; this one is shorter")
    return 0


cdef bytes raw_bytes(object element):
    """The value of a raw element, None where there is none."""
    check_raw(element)
    value = <object>PyTuple_GET_ITEM(element, 3)
    if value is not None and not isinstance(value, (bytes, bytearray, memoryview)):
        raise foreign_error(TypeError, f"the value of a raw element is bytes, not {type(value).__name__}")
    return None if value is None else bytes(value)


cdef bint has_undefined_length(object element) except -1:
    return <object>PyTuple_GET_ITEM(element, 2) == UNDEFINED


cdef bint is_odd_sequence(object element) except -1:
    """A byte behind the last item of a raw sequence would be an item cut short: its items are written anew."""
    value = <object>PyTuple_GET_ITEM(element, 3)
    return PyBytes_Check(value) and PyBytes_GET_SIZE(value) & 1 and <object>PyTuple_GET_ITEM(element, 1) == "SQ"


def is_foreign(thing):
    """Whether a thing is one of pydicom's datasets, or of a class built on them."""
    return shape_of(type(thing)) in (DATASET, OWN_DATASET)


def survey(source, tuple tags):
    """(The groups of a dataset's elements, {tag: value} of at most eight elements that are asked for); None for an empty value."""
    cdef Py_ssize_t at = 0, i, count = len(tags)
    cdef PyObject *key
    cdef PyObject *element
    cdef uint32_t tag, previous = 0xFFFFFFFF
    cdef uint32_t wanted[8]
    cdef set groups = set()
    cdef dict found = {}
    if count > 8:
        raise ValueError("eight elements at most")
    for i in range(count):
        wanted[i] = tags[i]
    inner = getattr(source, "_dict", None)
    elements = <dict>inner if type(inner) is dict else {int(each.tag): each for each in source}
    try:
        with cython.critical_section(elements):
            while PyDict_Next(elements, &at, &key, &element):
                tag = tag_number(<object>key)
                if tag >> 16 != previous:
                    previous = tag >> 16
                    groups.add(previous)
                for i in range(count):
                    if tag == wanted[i]:
                        found[tag] = <object>element
    except (TypeError, OverflowError) as error:
        raise EncodeError(f"a key of the dataset is no tag: {error}") from None
    return groups, {each: short_value(one) for each, one in found.items()}


cdef object short_value(object element):
    """The value of an element of one value; of a raw one as text."""
    cdef int shape = shape_of(type(element))
    if shape == RAW:
        return (raw_bytes(element) or b"").rstrip(b"\0 ").decode("latin-1") or None
    if shape != ELEMENT and shape != OWN_ELEMENT:
        raise EncodeError(f"what stands among the elements is no DataElement, but {type(element).__name__}")
    value = attribute(element, "_value", None) if shape == ELEMENT else element.value
    return (str(value) if isinstance(value, str) else value) or None
