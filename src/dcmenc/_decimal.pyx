# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Binary floats as Decimal String text (PS3.5 6.2, DS): the shortest text that reads back, or the nearest of 16 characters.

The arithmetic is in ``_decimal.h``; here are its table of powers of ten, the entrances for other compiled modules
(``_decimal.pxd``) and the Python functions. Text and ``Decimal`` values never come here: they are kept as they are (``values.py``).
"""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.math cimport isfinite
from libc.stdint cimport uint64_t
from libc.string cimport strcmp

from dcmenc.errors import EncodeError


cdef extern from "_decimal.h" nogil:
    enum:
        DS_LONGEST
        DS_ROOM
        FIRST_POWER
        LAST_POWER

    struct power:
        uint64_t high
        uint64_t low

    power POWERS[]
    int write_decimal(double value, char *out)
    double round_to_text(double value)


cdef int format_decimal(double value, char *out) noexcept nogil:
    return write_decimal(value, out)


cdef double round_decimal(double value) noexcept nogil:
    return round_to_text(value)


cdef int fill_powers() except -1:
    """Fill POWERS with 10^k * 2^-r in [2^127, 2^128), rounded up: exact where 10^k has no more than 128 significant bits."""
    cdef int k
    cdef object ten = 10, mask = (1 << 64) - 1, power_of_ten = 1, scaled
    for k in range(max(-FIRST_POWER, LAST_POWER) + 1):
        bits = power_of_ten.bit_length()
        if k <= LAST_POWER:
            scaled = power_of_ten << 128 - bits if bits <= 128 else -(-power_of_ten >> bits - 128)
            POWERS[k - FIRST_POWER] = power(scaled >> 64, scaled & mask)
        if 0 < k <= -FIRST_POWER:
            scaled = -(-(1 << 127 + bits) // power_of_ten)
            POWERS[-k - FIRST_POWER] = power(scaled >> 64, scaled & mask)
        power_of_ten *= ten
    return 0


fill_powers()


def format_ds(double value) -> str:
    """Write a number as one value of VR DS (PS3.5 6.2).

    The shortest decimal that reads back as the same double, if it fits 16 characters; else the nearest decimal that fits (half to
    even on the exact binary value, never beyond the largest double). Fixed point where that fits, else scientific.

    Parameters
    ----------
    value : float
        Any finite number; the sign of zero is kept.

    Returns
    -------
    str
        1 to 16 characters, without padding.

    Raises
    ------
    EncodeError
        For NaN and the infinities, which DS cannot express. It is a ``ValueError``.

    Examples
    --------
    >>> from dcmenc._decimal import format_ds
    >>> format_ds(0.1 + 0.2), format_ds(1.0), format_ds(-1 / 3), format_ds(1.5e-300)
    ('0.3', '1', '-0.3333333333333', '1.5e-300')
    """
    cdef char text[DS_ROOM]
    cdef int length = write_decimal(value, text)
    if length == 0:
        raise EncodeError(f"DS has no text for {value} (PS3.5 6.2); leave the value empty or give a finite number")
    return text[:length].decode("ascii")


def round_ds(double value) -> float:
    """Return the double that ``format_ds(value)`` reads back as (PS3.5 6.2).

    Parameters
    ----------
    value : float
        Any number; NaN and the infinities come back as they are.

    Returns
    -------
    float
        ``value`` itself if 16 characters can express it.

    Examples
    --------
    >>> from dcmenc._decimal import round_ds
    >>> round_ds(0.25), round_ds(1 / 3)
    (0.25, 0.33333333333333)
    """
    return round_to_text(value)


def round_array(double[::1] values) -> int:
    """Round every number in place to what its DS text reads back as (PS3.5 6.2).

    Parameters
    ----------
    values : writable buffer of float64
        One-dimensional and contiguous.

    Returns
    -------
    int
        How many numbers changed.

    Raises
    ------
    EncodeError
        For NaN and the infinities; names the index of the first. Numbers before it are rounded already.

    Examples
    --------
    >>> from array import array
    >>> from dcmenc._decimal import round_array
    >>> values = array("d", [0.5, 1 / 3])
    >>> round_array(values), values[1]
    (1, 0.33333333333333)
    """
    cdef Py_ssize_t i = 0, changed = 0, count = values.shape[0]
    cdef double rounded
    with nogil:
        while i < count and isfinite(values[i]):
            rounded = round_to_text(values[i])
            changed += rounded != values[i]
            values[i] = rounded
            i += 1
    if i < count:
        raise EncodeError(f"value {i} is {values[i]}, for which DS has no text (PS3.5 6.2); give finite numbers")
    return changed


cdef Py_ssize_t write_joined(const double *values, Py_ssize_t count, char *out, Py_ssize_t *refused) noexcept nogil:
    """Write the texts and the backslashes between them; the length, or -1 and the index of the value that has no text."""
    cdef char *end = out
    cdef Py_ssize_t i
    cdef int length
    for i in range(count):
        length = write_decimal(values[i], end)
        if length == 0:
            refused[0] = i
            return -1
        end += length
        end[0] = c"\\"
        end += 1
    return end - out - 1


def join_ds(values) -> bytes:
    """Write numbers as the values of one DS element, separated by backslashes (PS3.5 6.2, 6.4).

    Parameters
    ----------
    values : buffer of float64
        C-contiguous, in the machine's byte order, of any shape (taken in C order): an ``array.array("d")`` or a NumPy array.

    Returns
    -------
    bytes
        Each value as ``format_ds`` writes it; not padded. Empty for no values.

    Raises
    ------
    EncodeError
        For NaN and the infinities; names the index of the first in C order. It is a ``ValueError``.
    TypeError
        If the values are not a buffer of float64.

    Examples
    --------
    >>> from array import array
    >>> from dcmenc._decimal import join_ds
    >>> join_ds(array("d", [-12.5, 0.0, 1e-9]))
    b'-12.5\\\\0\\\\0.000000001'
    """
    cdef Py_buffer view
    cdef Py_ssize_t count, length, refused = 0
    cdef char *text = NULL
    if not PyObject_CheckBuffer(values):
        raise TypeError(f"join_ds needs a buffer of float64, not {type(values).__name__}; make it one with array('d', values)")
    PyObject_GetBuffer(values, &view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
    try:
        if view.format == NULL or strcmp(view.format, b"d") != 0:
            found = "bytes" if view.format == NULL else view.format.decode("ascii")
            raise TypeError(f"join_ds needs float64 in the machine's byte order (format 'd'), not '{found}'; convert the values first")
        count = view.len // <Py_ssize_t>sizeof(double)
        if count == 0:
            return b""
        text = <char *>PyMem_RawMalloc(<size_t>count * (DS_LONGEST + 1) + DS_ROOM)
        if text == NULL:
            raise MemoryError()
        with nogil:
            length = write_joined(<const double *>view.buf, count, text, &refused)
        if length < 0:
            value = (<const double *>view.buf)[refused]
            raise EncodeError(f"value {refused} is {value}, for which DS has no text (PS3.5 6.2); give finite numbers")
        return PyBytes_FromStringAndSize(text, length)
    finally:
        PyMem_RawFree(text)
        PyBuffer_Release(&view)
