# cython: language_level=3
"""Header-only: items of dicts and lists as references of our own, in every build of CPython, free-threaded ones included."""

from libc.stdint cimport uint32_t

cdef extern from *:
    """
    /* The value of a key, or None where there is none; a new reference either way, NULL with an error set. */
    static inline PyObject *dcmenc_dict_item(PyObject *dict, PyObject *key) {
        PyObject *value;
    #if PY_VERSION_HEX >= 0x030D0000
        int found = PyDict_GetItemRef(dict, key, &value);
        if (found < 0) return NULL;
        return found ? value : Py_NewRef(Py_None);
    #else
        value = PyDict_GetItemWithError(dict, key);
        if (value == NULL && PyErr_Occurred()) return NULL;
        return Py_NewRef(value == NULL ? Py_None : value);
    #endif
    }
    /* The item at an index that was in range a moment ago; IndexError if it no longer is. */
    static inline PyObject *dcmenc_list_item(PyObject *list, Py_ssize_t at) {
    #if PY_VERSION_HEX >= 0x030D0000
        return PyList_GetItemRef(list, at);
    #else
        return Py_XNewRef(PyList_GetItem(list, at));
    #endif
    }
    /* A tag as a number of 32 bits; 0xFFFFFFFF, too, with an error set. */
    static inline uint32_t dcmenc_tag_number(PyObject *number) {
        unsigned long value = PyLong_AsUnsignedLong(number);
        if (value > 0xFFFFFFFFUL && !PyErr_Occurred())
            PyErr_SetString(PyExc_OverflowError, "a tag has 32 bits");
        return value > 0xFFFFFFFFUL ? 0xFFFFFFFFU : (uint32_t)value;
    }
    /* An attribute of an instance, past the __getattr__ of its class, which costs a call each time. */
    static inline PyObject *dcmenc_attribute(PyObject *thing, PyObject *name, PyObject *missing) {
        PyObject *value = PyObject_GenericGetAttr(thing, name);
        if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
            value = Py_NewRef(missing);
        }
        return value;
    }
    """
    object dict_item "dcmenc_dict_item"(object, object)
    object list_item "dcmenc_list_item"(object, Py_ssize_t)
    uint32_t tag_number "dcmenc_tag_number"(object) except? 0xFFFFFFFF
    object attribute "dcmenc_attribute"(object, str, object)
