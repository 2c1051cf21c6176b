# cython: language_level=3
from libc.stdint cimport uint8_t

from ._quick cimport VRInfo

# Stands for a value that its VR cannot hold, such as a US of three bytes.
cdef object UNREADABLE

# The value of a VR that is neither buffer nor sequence, as the model keeps it; ``strict`` refuses text that the character
# set does not hold, instead of marking it.
cdef object decode_value(const VRInfo *info, const uint8_t *data, Py_ssize_t size, bint big, object charset, bint strict)

# Whether every character is ASCII and no escape sequence begins: then most character sets agree on the text.
cdef bint plain_ascii(const uint8_t *data, Py_ssize_t size) noexcept nogil
