# cython: language_level=3
"""A file's bytes as memory, read-only. Unlike Python's ``mmap`` it keeps no descriptor open: a thousand datasets may be held at once."""

from cpython.buffer cimport PyBuffer_FillInfo

cdef extern from *:
    """
    #include <stddef.h>
    #if defined(_WIN32)
    static void *dcmenc_map(int fd, size_t size) { (void)fd; (void)size; return NULL; }
    static void dcmenc_unmap(void *data, size_t size) { (void)data; (void)size; }
    #else
    #include <sys/mman.h>
    static void *dcmenc_map(int fd, size_t size) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        return data == MAP_FAILED ? NULL : data;
    }
    static void dcmenc_unmap(void *data, size_t size) { munmap(data, size); }
    #endif
    """
    void *map_file "dcmenc_map"(int, size_t) noexcept nogil
    void unmap_file "dcmenc_unmap"(void *, size_t) noexcept nogil


cdef class Mapping:
    """``size`` bytes of an open file, from its start; the file may be closed, renamed or removed afterwards."""

    cdef void *data
    cdef Py_ssize_t size

    def __cinit__(self, int fd, Py_ssize_t size):
        if size <= 0:
            raise ValueError("there is nothing to map")
        self.data, self.size = map_file(fd, size), size
        if self.data == NULL:
            raise OSError("the file cannot be mapped into memory")

    def __dealloc__(self):
        if self.data != NULL:
            unmap_file(self.data, self.size)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.size, True, flags)
