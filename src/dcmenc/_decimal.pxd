"""Decimal String text of binary floats, for other compiled modules (PS3.5 6.2, DS); see ``_decimal.pyx``."""

# Writes 1 to 16 characters and returns how many; 0 for NaN and the infinities. ``out`` needs 32 bytes of room, whatever the length.
cdef int format_decimal(double value, char *out) noexcept nogil

# The double that the written text reads back as: the value itself where 16 characters can tell it. NaN and the infinities stay.
cdef double round_decimal(double value) noexcept nogil
