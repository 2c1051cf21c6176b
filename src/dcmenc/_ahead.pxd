# cython: language_level=3
"""Header-only: memory that will be wanted soon begins to be loaded. It changes nothing but the time that is waited."""

from cpython.object cimport PyObject

cdef extern from *:
    """
    /* What stands in memory far apart takes long to come: to begin to load it some elements ahead halves the time that many
       values take. Every line here is a hint, and nothing that it guesses is looked at. An attribute of an instance is
       three loads away: its values or its dict, in CPython 3.11, are named before the instance itself. */
    #if defined(__GNUC__)
    #define dcmenc_load(address) __builtin_prefetch(address)
    #else
    #define dcmenc_load(address)
    #endif
    #if PY_VERSION_HEX < 0x030C0000
    #define dcmenc_keeps_attributes(thing) (Py_TYPE(thing)->tp_flags & Py_TPFLAGS_MANAGED_DICT)
    static inline Py_ALWAYS_INLINE void dcmenc_load_attributes(PyObject *thing) {
        if (!dcmenc_keeps_attributes(thing)) return;
        dcmenc_load(((void **)thing)[-4]);
        dcmenc_load(((void **)thing)[-3]);
    }
    static inline Py_ALWAYS_INLINE void dcmenc_load_dict(PyObject *thing) {
        PyDictObject *dict = dcmenc_keeps_attributes(thing) ? ((PyDictObject **)thing)[-3] : NULL;
        if (dict == NULL) return;
        dcmenc_load(dict->ma_keys);
        dcmenc_load(dict->ma_values);
    }
    #else
    #define dcmenc_load_attributes(thing)
    #define dcmenc_load_dict(thing)
    #endif
    static inline Py_ALWAYS_INLINE void dcmenc_load_elements(PyObject *dict) {
        Py_ssize_t at = 0;
        PyObject *key, *element;
        while (PyDict_Next(dict, &at, &key, &element)) {
            dcmenc_load(key);
            dcmenc_load(element);
        }
    }
    static inline Py_ALWAYS_INLINE void dcmenc_load_ahead(PyObject *list, Py_ssize_t at) {
        if (at + 16 >= PyList_GET_SIZE(list)) return;
        dcmenc_load((char *)PyList_GET_ITEM(list, at + 16) - 32);
        dcmenc_load((char *)PyList_GET_ITEM(list, at + 16) + 16);
        dcmenc_load_attributes(PyList_GET_ITEM(list, at + 11));
        dcmenc_load_dict(PyList_GET_ITEM(list, at + 6));
    }
    """
    void load_elements "dcmenc_load_elements"(object) noexcept
    void load_attributes "dcmenc_load_attributes"(PyObject *) noexcept
    void load_ahead "dcmenc_load_ahead"(object, Py_ssize_t) noexcept
