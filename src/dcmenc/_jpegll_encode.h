/* JPEG Lossless (ITU-T T.81 process 14): the encoder's inner loops, from samples to stuffed bytes.
 *
 * Here: differences (H.1.2.1), how many of them fall into each category SSSS (Table H.2), Huffman codes with their extra bits as one
 * string of bits (H.1.2.2), byte stuffing (B.1.1.5).  No Python, no allocation, no state.  Included by _jpegll.pyx only.
 * Not here: markers, Huffman tables, the order of the rows: _jpegll.pyx.
 *
 * Each loop is written once; on x86-64 most of them are compiled a second time for AVX2, and `fast` says at run time which one to take.
 * Samples and differences are uint16_t: T.81 H.1.2.1 wants the differences modulo 2^16, and so every predictor is computed modulo 2^16.
 */
#ifndef DCMENC_JPEGLL_ENCODE_H
#define DCMENC_JPEGLL_ENCODE_H

#include "_jpegll_common.h"

enum {
    JLL_BLOCK = 4096,   /* differences that are counted at once: their number fits 16 bits */
    JLL_TABLED = 12,    /* greatest category for which the table of differences is worth its place in the cache */
    JLL_OVERHANG = 64,  /* bytes beyond their end that the packers, and samples that the loops of differences, may touch */
    JLL_FLUSH = 56      /* bits that can be put at once beside 7 that wait */
};

/* ---- differences of one row; `step` samples make a pixel, and the first pixel is predicted from `above` whatever the predictor ---- */

JLL_INLINE void jll_differ_by(int predictor, const uint16_t *row, const uint16_t *above, size_t n, size_t step, uint16_t *restrict to) {
    for (size_t x = 0; x < step; x++)
        to[x] = (uint16_t)(row[x] - above[x]);
    for (size_t x = step; x < n; x++)
        to[x] = (uint16_t)(row[x] - jll_predict(predictor, row[x - step], above[x], above[x - step]));
}

JLL_INLINE void jll_differ_any(int predictor, const uint16_t *row, const uint16_t *above, size_t n, size_t step, uint16_t *to) {
    switch (predictor) {
    case 1: jll_differ_by(1, row, above, n, step, to); break;
    case 2: jll_differ_by(2, row, above, n, step, to); break;
    case 3: jll_differ_by(3, row, above, n, step, to); break;
    case 4: jll_differ_by(4, row, above, n, step, to); break;
    case 5: jll_differ_by(5, row, above, n, step, to); break;
    case 6: jll_differ_by(6, row, above, n, step, to); break;
    default: jll_differ_by(7, row, above, n, step, to);
    }
}

JLL_INLINE void jll_widen_any(const uint8_t *row, size_t n, uint16_t *restrict to) {
    for (size_t x = 0; x < n; x++)
        to[x] = row[x];
}

/* All the bits that any of the samples has. */
JLL_INLINE uint16_t jll_union_any(const uint16_t *row, size_t n) {
    uint16_t all = 0;
    for (size_t x = 0; x < n; x++)
        all |= row[x];
    return all;
}

/* ---- categories: reach[k] grows by the number of differences with a magnitude of at least 2^k ---- */

JLL_INLINE void jll_count_block(const uint16_t *differences, size_t n, uint64_t reach[16]) {
    int16_t magnitude[JLL_BLOCK];
    uint16_t all = 0, extreme = 0;
    for (size_t x = 0; x < n; x++) {
        int16_t d = (int16_t)differences[x], m = (int16_t)(d < 0 ? 0u - differences[x] : differences[x]);
        magnitude[x] = m;
        all |= (uint16_t)m;
        extreme = (uint16_t)(extreme + (d == INT16_MIN)); /* 32768 is its own negative: below all thresholds, so counted here */
    }
    for (unsigned k = 0; all >> k; k += 4) {
        const int16_t t0 = (int16_t)((1 << k) - 1), t1 = (int16_t)((2 << k) - 1);
        const int16_t t2 = (int16_t)((4 << k) - 1), t3 = (int16_t)((8 << k) - 1);
        uint16_t c0 = 0, c1 = 0, c2 = 0, c3 = 0;
        for (size_t x = 0; x < n; x++) {
            c0 = (uint16_t)(c0 + (magnitude[x] > t0));
            c1 = (uint16_t)(c1 + (magnitude[x] > t1));
            c2 = (uint16_t)(c2 + (magnitude[x] > t2));
            c3 = (uint16_t)(c3 + (magnitude[x] > t3));
        }
        reach[k] += c0;
        reach[k + 1] += c1;
        reach[k + 2] += c2;
        reach[k + 3] += c3;
    }
    for (unsigned k = 0; extreme && k < 16; k++)
        reach[k] += extreme;
}

JLL_INLINE void jll_count_any(const uint16_t *differences, size_t n, uint64_t reach[16]) {
    for (; n > JLL_BLOCK; n -= JLL_BLOCK, differences += JLL_BLOCK)
        jll_count_block(differences, JLL_BLOCK, reach);
    jll_count_block(differences, n, reach);
}

/* ---- codes: the string of bits ---- */

/* A Huffman table as the packers want it, and, if `differences` is not NULL, an entry (bits << 8 | length) for every difference from
 * -2^reach to 2^reach - 1. */
struct jll_coder {
    uint32_t code[17];           /* by category: the code, already shifted to leave room for the extra bits */
    uint8_t length[17];          /* of the code and its extra bits; category 16 has none (H.1.2.2) */
    const uint64_t *differences; /* the entry of difference -2^reach */
    unsigned reach;
    int complete; /* no other differences will come */
};

/* Where bits are put: fewer than 8 wait, at the low end of `held`; what is above them is garbage. */
struct jll_bits {
    uint64_t held;
    unsigned waiting;
    uint8_t *to;
};

JLL_INLINE void jll_put(struct jll_bits *bits, uint64_t value, unsigned length) { /* 1 <= length <= JLL_FLUSH */
    bits->held = bits->held << length | value;
    bits->waiting += length;
    uint64_t out = jll_big64(bits->held << (64 - bits->waiting));
    memcpy(bits->to, &out, 8);
    bits->to += bits->waiting >> 3;
    bits->waiting &= 7;
}

/* Code and extra bits of one difference: bits << 8 | length.  A negative difference is sent as itself less one (H.1.2.2). */
JLL_INLINE uint64_t jll_code_of(const struct jll_coder *coder, uint16_t difference) {
    int32_t d = (int16_t)difference;
    uint32_t magnitude = (uint32_t)(d < 0 ? -d : d);
    unsigned category = 31u - (unsigned)__builtin_clz(2 * magnitude + 1);
    uint32_t extra = category == 16 ? 0 : (uint32_t)(d + (d >> 31)) & ((1u << category) - 1);
    return (uint64_t)(coder->code[category] | extra) << 8 | coder->length[category];
}

enum jll_way { JLL_COMPUTED, JLL_FROM_TABLE, JLL_FROM_COMPLETE_TABLE };

/* The entries of four differences: from the table, or, if one of them is not there, computed. */
JLL_INLINE void jll_entries(enum jll_way way, const struct jll_coder *coder, const uint16_t d[4], uint64_t entry[4]) {
    const uint32_t span = 1u << coder->reach;
    uint32_t all = 0;
    for (int i = 0; i < 4; i++)
        all |= span + (uint32_t)(int16_t)d[i];
    if (way == JLL_FROM_COMPLETE_TABLE || (way == JLL_FROM_TABLE && __builtin_expect(all < 2 * span, 1)))
        for (int i = 0; i < 4; i++)
            entry[i] = coder->differences[(span + (uint32_t)(int16_t)d[i]) & (2 * span - 1)]; /* in the table, even if samples change */
    else
        for (int i = 0; i < 4; i++)
            entry[i] = jll_code_of(coder, d[i]);
}

/* Four differences that are longer than one flush takes, each alone: one has at most 31 bits. */
static inline void jll_put_long(struct jll_bits *bits, const uint64_t entry[4]) {
    for (int i = 0; i < 4; i++)
        jll_put(bits, entry[i] >> 8, entry[i] & 255);
}

/* Four differences become one string before it is flushed: the flush is a chain from each to the next, the joining is not. */
JLL_INLINE void jll_pack_by(enum jll_way way, struct jll_bits *bits, const uint16_t *d, size_t n, const struct jll_coder *coder) {
    struct jll_bits now = *bits;
    size_t x = 0;
    for (; x + 4 <= n; x += 4) {
        uint64_t entry[4];
        jll_entries(way, coder, d + x, entry);
        unsigned second = entry[1] & 255, fourth = entry[3] & 255;
        unsigned front = (entry[0] & 255) + second, back = (entry[2] & 255) + fourth;
        uint64_t head = (entry[0] >> 8) << second | entry[1] >> 8, tail = (entry[2] >> 8) << fourth | entry[3] >> 8;
        if (__builtin_expect(front + back <= JLL_FLUSH, 1))
            jll_put(&now, head << back | tail, front + back);
        else
            jll_put_long(&now, entry);
    }
    for (; x < n; x++) {
        uint64_t entry = jll_code_of(coder, d[x]);
        jll_put(&now, entry >> 8, entry & 255);
    }
    *bits = now;
}

static void jll_pack_portable(struct jll_bits *bits, const uint16_t *d, size_t n, const struct jll_coder *coder) {
    if (!coder->differences)
        jll_pack_by(JLL_COMPUTED, bits, d, n, coder);
    else if (!coder->complete)
        jll_pack_by(JLL_FROM_TABLE, bits, d, n, coder);
    else
        jll_pack_by(JLL_FROM_COMPLETE_TABLE, bits, d, n, coder);
}

#if defined(__x86_64__)
/* Eight differences, sign-extended to 32 bits: four pairs of codes with extra bits (64 bits each), and the pairs' lengths. */
JLL_AVX2 JLL_INLINE void jll_pairs(__m256i d, const struct jll_coder *coder, __m256i lengths, __m256i *pairs, __m256i *sizes) {
    const __m256i ones = _mm256_set1_epi32(-1), zero = _mm256_setzero_si256();
    const __m256i low = _mm256_loadu_si256((const __m256i *)coder->code), high = _mm256_loadu_si256((const __m256i *)(coder->code + 8));
    /* the category is the exponent of the magnitude as a float, less the bias; saturation makes 0 of that of 0 */
    __m256i exponent = _mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(_mm256_abs_epi32(d))), 23);
    __m256i category = _mm256_subs_epu16(exponent, _mm256_set1_epi32(126));
    /* two halves of the table, and bit 3 of the category, moved to the sign, says which */
    __m256 code = _mm256_blendv_ps(_mm256_castsi256_ps(_mm256_permutevar8x32_epi32(low, category)),
                                   _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(high, category)),
                                   _mm256_castsi256_ps(_mm256_slli_epi32(category, 28)));
    __m256i extra = _mm256_andnot_si256(_mm256_sllv_epi32(ones, category), _mm256_add_epi32(d, _mm256_srai_epi32(d, 31)));
    __m256i value = _mm256_or_si256(_mm256_castps_si256(code), extra);
    __m256i length = _mm256_shuffle_epi8(lengths, _mm256_or_si256(category, _mm256_set1_epi32((int)0x80808000u)));
    __m256i later = _mm256_srli_epi64(length, 32);
    *pairs = _mm256_or_si256(_mm256_sllv_epi64(_mm256_blend_epi32(value, zero, 0xAA), later), _mm256_srli_epi64(value, 32));
    *sizes = _mm256_blend_epi32(_mm256_add_epi32(length, later), zero, 0xAA);
}

/* Sixteen differences at a time, without a table of differences: 16-bit samples cost no more than others. */
JLL_AVX2 static void jll_pack_avx2(struct jll_bits *bits, const uint16_t *d, size_t n, const struct jll_coder *coder) {
    const __m256i lengths = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)coder->length));
    const __m256i extreme = _mm256_set1_epi16(INT16_MIN), limit = _mm256_set1_epi64x(JLL_FLUSH);
    struct jll_bits now = *bits;
    size_t x = 0;
    for (; x + 16 <= n; x += 16) {
        __m256i all = _mm256_loadu_si256((const __m256i *)(d + x)), front, back, front_size, back_size;
        jll_pairs(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(all)), coder, lengths, &front, &front_size);
        jll_pairs(_mm256_cvtepi16_epi32(_mm256_extracti128_si256(all, 1)), coder, lengths, &back, &back_size);
        __m256i second = _mm256_unpackhi_epi64(front_size, back_size);
        __m256i four = _mm256_or_si256(_mm256_sllv_epi64(_mm256_unpacklo_epi64(front, back), second), _mm256_unpackhi_epi64(front, back));
        __m256i size = _mm256_add_epi64(_mm256_unpacklo_epi64(front_size, back_size), second);
        __m256i rare = _mm256_or_si256(_mm256_cmpgt_epi64(size, limit), _mm256_cmpeq_epi16(all, extreme));
        if (__builtin_expect(_mm256_testz_si256(rare, rare), 1)) {
            uint64_t value[4], length[4];
            _mm256_storeu_si256((__m256i *)value, four);
            _mm256_storeu_si256((__m256i *)length, size);
            jll_put(&now, value[0], (unsigned)length[0]);
            jll_put(&now, value[2], (unsigned)length[2]); /* unpacking went by halves of 128 bits */
            jll_put(&now, value[1], (unsigned)length[1]);
            jll_put(&now, value[3], (unsigned)length[3]);
        } else
            jll_pack_by(JLL_COMPUTED, &now, d + x, 16, coder);
    }
    jll_pack_by(JLL_COMPUTED, &now, d + x, n - x, coder);
    *bits = now;
}
#endif

/* ---- byte stuffing: a zero behind every FF ---- */

/* From `from` to `to`, which do not overlap and may be touched 8 bytes beyond the result; returns the end of the result. */
static uint8_t *jll_stuff(uint8_t *to, const uint8_t *from, size_t n) {
    const uint8_t *end = from + n;
    while (end - from >= 16) {
        uint64_t v[2];
        memcpy(v, from, 16);
        memcpy(to, v, 16);
        if (__builtin_expect(!(jll_marks(v[0]) | jll_marks(v[1])), 1)) {
            from += 16;
            to += 16;
            continue;
        }
        size_t good = 0;
        while (from[good] != 0xFF)
            good++;
        from += good + 1;
        to += good + 1;
        *to++ = 0;
    }
    while (from < end) {
        *to++ = *from;
        if (*from++ == 0xFF)
            *to++ = 0;
    }
    return to;
}

/* ---- the same loops, compiled twice, chosen at run time ---- */

#if defined(__x86_64__)
JLL_AVX2 static void jll_differ_avx2(int p, const uint16_t *row, const uint16_t *above, size_t n, size_t step, uint16_t *to) {
    jll_differ_any(p, row, above, n, step, to);
}
JLL_AVX2 static void jll_widen_avx2(const uint8_t *row, size_t n, uint16_t *to) { jll_widen_any(row, n, to); }
JLL_AVX2 static uint16_t jll_union_avx2(const uint16_t *row, size_t n) { return jll_union_any(row, n); }
JLL_AVX2 static void jll_count_avx2(const uint16_t *d, size_t n, uint64_t *reach) { jll_count_any(d, n, reach); }
#define JLL_CHOOSE(fast, name, ...) if (fast) { name##_avx2(__VA_ARGS__); return; }
#else
#define JLL_CHOOSE(fast, name, ...) (void)(fast);
#endif

static void jll_differ(int fast, int predictor, const uint16_t *row, const uint16_t *above, size_t n, size_t step, uint16_t *to) {
    JLL_CHOOSE(fast, jll_differ, predictor, row, above, n, step, to)
    jll_differ_any(predictor, row, above, n, step, to);
}

static void jll_widen(int fast, const uint8_t *row, size_t n, uint16_t *to) {
    JLL_CHOOSE(fast, jll_widen, row, n, to)
    jll_widen_any(row, n, to);
}

static uint16_t jll_union(int fast, const uint16_t *row, size_t n) {
#if defined(__x86_64__)
    if (fast)
        return jll_union_avx2(row, n);
#endif
    (void)fast;
    return jll_union_any(row, n);
}

static void jll_count(int fast, const uint16_t *differences, size_t n, uint64_t reach[16]) {
    JLL_CHOOSE(fast, jll_count, differences, n, reach)
    jll_count_any(differences, n, reach);
}

static void jll_pack(int fast, struct jll_bits *bits, const uint16_t *differences, size_t n, const struct jll_coder *coder) {
    JLL_CHOOSE(fast, jll_pack, bits, differences, n, coder)
    jll_pack_portable(bits, differences, n, coder);
}

#endif
