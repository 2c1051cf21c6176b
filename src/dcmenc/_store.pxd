# cython: language_level=3
cimport cython

# An Element, without a look at what it is made of.
cdef object bare_element(object tag, object vr, object value)

# New, empty instances of model.Dataset and model.Sequence; the last two for what is read (see Deferred).
cdef ElementStore new_dataset()
cdef ElementStore new_item()
cdef ItemList new_sequence()

# What stands in a dataset for an element whose value has not been asked for: see _parse.pyx.
@cython.no_gc
cdef class Deferred:
    # the Element, if somebody asked for it and it is worth keeping: a sequence always is, since its user may change it
    cdef object known
    # the Element that it stands for; ``elements`` are those of the dataset in which it stands
    cdef object element(self, dict elements)

# The items of a sequence, and whether it is closed by a delimiter; model.Sequence is built on it.
cdef class ItemList(list):
    cdef public bint undefined_length

# What C reads of a dataset; model.Dataset is built on it.
cdef class ElementStore:
    cdef public dict _elements
    cdef object _policy
    cdef public object preamble
    cdef public bint undefined_length
    cdef public object _file_meta
    # where the dataset was read from (a Span of _parse.pyx), and what was wrong there
    cdef object origin
    cdef object faults_found
    cdef object __weakref__
    cdef object stored(self, object tag)
    cdef list in_order(self)
