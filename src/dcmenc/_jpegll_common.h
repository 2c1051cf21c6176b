/* JPEG Lossless (ITU-T T.81 process 14): what the encoder's and the decoder's inner loops share. */
#ifndef DCMENC_JPEGLL_COMMON_H
#define DCMENC_JPEGLL_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define JLL_AVX2 __attribute__((target("avx2,bmi,bmi2")))
#endif

#define JLL_INLINE static inline __attribute__((always_inline))

/* Whether this machine has what JLL_AVX2 compiles for. */
static inline int jll_fast(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { JLL_NATIVE = 1 }; /* samples in memory are as the caller has them */
#else
enum { JLL_NATIVE = 0 };
#endif

JLL_INLINE uint64_t jll_big64(uint64_t v) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap64(v);
#else
    return v;
#endif
}

/* The sample that Table H.1 predicts from a, b, c: its neighbours to the left, above, and above the left one.  Halves are rounded down,
 * by forms that 16 bits can hold: (b - c) / 2 = b/2 - c/2 - (b even and c odd), (a + b) / 2 = common bits + half of the others. */
JLL_INLINE uint16_t jll_predict(int predictor, uint16_t a, uint16_t b, uint16_t c) {
    switch (predictor) {
    case 1: return a;
    case 2: return b;
    case 3: return c;
    case 4: return (uint16_t)(a + b - c);
    case 5: return (uint16_t)(a + (b >> 1) - (c >> 1) - (~b & c & 1));
    case 6: return (uint16_t)(b + (a >> 1) - (c >> 1) - (~a & c & 1));
    default: return (uint16_t)((a & b) + ((a ^ b) >> 1));
    }
}

/* Samples of 16 bits, little-endian and at any address, to or from those that the loops take; `from` and `to` do not overlap. */
static inline void jll_copy16(void *to, const void *from, size_t n) {
    if (JLL_NATIVE) {
        memcpy(to, from, 2 * n);
        return;
    }
    for (size_t i = 0; i < 2 * n; i += 2) {
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i + 1];
        ((uint8_t *)to)[i + 1] = ((const uint8_t *)from)[i];
    }
}

/* The high bit of the lowest byte that is FF is set; which of the bytes above that one are FF is not said. */
JLL_INLINE uint64_t jll_marks(uint64_t v) {
    return (~v - UINT64_C(0x0101010101010101)) & v & UINT64_C(0x8080808080808080);
}

#endif
