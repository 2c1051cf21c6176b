# cython: language_level=3

# What an object of pydicom's is to the walk.
cdef enum Shape:
    OTHER = 1
    ELEMENT
    DATASET
    SEVERAL
    DECIMAL_NUMBER
    INTEGER_NUMBER
    NAME
    RAW
    # as above, with ways of its own
    OWN_ELEMENT
    OWN_DATASET

cdef int shape_of_class(object kind) except -1
cdef int check_raw(object element) except -1

# The value of a raw element, None where there is none.
cdef bytes raw_bytes(object element)
cdef bint has_undefined_length(object element) except -1
cdef bint is_odd_sequence(object element) except -1
