/* JPEG Lossless (ITU-T T.81 process 14): the decoder's inner loops, from stuffed bytes to samples.
 *
 * Here: removing the stuffing (B.1.1.5), tables that turn bits into differences (F.2.2.3, H.2), rows from differences (H.1.2.1).
 * No Python, no allocation, no state.
 * Not here: several parts of an interval at once: _jpegll_lanes.h; markers, scans, restart intervals: _jpegll_decode.pyx.
 *
 * The bits of an interval are first copied without their stuffing to a buffer with JLL_PAD bytes behind them, so that the loop over the
 * symbols looks neither for markers nor, within one turn, for the end.  Compiled for AVX2 and BMI2 these loops were no faster.
 */
#ifndef DCMENC_JPEGLL_DECODE_H
#define DCMENC_JPEGLL_DECODE_H

#include "_jpegll_common.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    JLL_WIDE = 12,   /* bits by which the table is indexed; measured best of 10 to 13 */
    JLL_NARROW = 10, /* the same for small frames, for which a wide table would take as long to make as it saves */
    JLL_PAIR = 28,   /* bits of a code and its extra bits of which two are there after one refill */
    JLL_READS = 4,   /* look-ups of at most JLL_WIDE bits for which one refill is enough: 4 * 12 <= 56 */
    JLL_PAD = 128,   /* one turn reads at most 2 * JLL_READS + 1 refills of 7 bytes, and 8 bytes, beyond the end */
    JLL_SLACK = 4    /* samples that may be written beyond the last difference */
};

/* A Huffman table for decoding.  An entry, found by the next `width` bits:
 *     byte 0     bits that it uses: all codes and extra bits, or 0: the code is longer than `width`
 *     byte 1     how many differences it holds, 0 to 3; 0: the code is known, but not all of its extra bits are among the `width`
 *     bytes 2-7  the differences; if there is none, 63 less the category, and in byte 3 the length of the code */
struct jll_codes {
    unsigned width;
    int plain;            /* no entry has differences: see jll_is_plain */
    uint32_t end[17];     /* by length: the code after the last of this length */
    int32_t place[17];    /* by length: where in `categories` the codes of this length are, less the first of them */
    uint8_t categories[256];
    uint64_t entries[1 << JLL_WIDE];
};

struct jll_reader {
    const uint8_t *bytes;
    size_t size;       /* in bytes, without the padding */
    uint64_t position; /* in bits */
    int unknown;       /* bits that are no code were met, at `position` */
};

/* The difference that the first bits stand for, as many as the category, which is `less` than 63 (Table H.2; F.2.2.1, EXTEND). */
JLL_INLINE uint16_t jll_extend(uint64_t bits, unsigned less) {
    uint64_t negative = (bits >> 63) - 1; /* all ones if the first bit is 0: then the other bits are those of the magnitude, inverted */
    uint64_t magnitude = (bits ^ negative) >> 1 >> less;
    return (uint16_t)((magnitude ^ negative) - negative);
}

/* The entries that one code begins: of each, the difference if all of its bits are there and it is wanted. */
static void jll_fill(uint64_t *singles, unsigned width, uint32_t code, unsigned length, unsigned category, int plain) {
    unsigned extra = category < 16 ? category : 0, total = length + extra, free = width - length;
    uint64_t *entry = singles + ((size_t)code << free);
    for (uint64_t rest = 0; rest < UINT64_C(1) << free; rest++) {
        if (total > width || plain)
            entry[rest] = (uint64_t)length << 24 | (uint64_t)(63 - category) << 16 | total;
        else if (category == 16)
            entry[rest] = UINT64_C(0x8000) << 16 | 1 << 8 | total;
        else
            entry[rest] = (uint64_t)jll_extend(rest << 1 << (63 - free), 63 - category) << 16 | 1 << 8 | total;
    }
}

/* As many differences as fit into the bits of one index, at most 3. */
static uint64_t jll_join(const uint64_t *singles, unsigned width, size_t index) {
    uint64_t joined = singles[index];
    unsigned used = joined & 255, mask = (1u << width) - 1;
    if (!(joined & 0xFF00))
        return joined;
    for (unsigned count = 1; count < 3; count++) {
        uint64_t next = singles[index << used & mask];
        if (!(next & 0xFF00) || used + (next & 255) > width)
            break;
        used += next & 255;
        joined = (joined & ~UINT64_C(255)) + (next >> 16 << (16 + 16 * count)) + (1 << 8) + used;
    }
    return joined;
}

/* Makes the entries of all codes that are not longer than the index.  Returns 0 if there are more codes than their lengths allow. */
static int jll_make_entries(struct jll_codes *codes, const uint8_t numbers[16], const uint8_t *categories, uint64_t *table) {
    uint32_t code = 0;
    int place = 0;
    memset(table, 0, sizeof *table << codes->width);
    for (unsigned length = 1; length <= 16; length++, code <<= 1) {
        codes->place[length] = place - (int)code;
        if (code + numbers[length - 1] > 1u << length)
            return 0;
        for (unsigned i = 0; i < numbers[length - 1]; i++, code++, place++) {
            codes->categories[place] = categories[place];
            if (length <= codes->width)
                jll_fill(table, codes->width, code, length, categories[place], codes->plain);
        }
        codes->end[length] = code;
    }
    return 1;
}

/* Whether a table had better be plain: most entries would have no difference, as with noise of 16 bits.  Two plain look-ups are done
 * with one refill, so no code and its extra bits may be too long; and category 16, which has no extra bits, must be rare. */
static int jll_is_plain(const uint8_t numbers[16], const uint8_t *categories, unsigned width) {
    size_t without = 0;
    for (unsigned length = 1; length <= 16; length++)
        for (unsigned i = 0; i < numbers[length - 1]; i++, categories++) {
            if (length + *categories % 16 > JLL_PAIR || (*categories == 16 && length <= width))
                return 0;
            if (length <= width && length + *categories > width)
                without += (size_t)1 << (width - length);
        }
    return without > (size_t)1 << (width - 1);
}

/* Makes the table from the numbers of codes by length and their categories (Annex C).  `several`: look for more than one difference.
 * Returns 0 if there are more codes than their lengths allow. */
static int jll_make_codes(struct jll_codes *codes, const uint8_t numbers[16], const uint8_t *categories, unsigned width, int several) {
    uint64_t singles[1 << JLL_WIDE];
    codes->plain = jll_is_plain(numbers, categories, width);
    codes->width = codes->plain ? JLL_NARROW : width;
    several = several && !codes->plain;
    if (!jll_make_entries(codes, numbers, categories, several ? singles : codes->entries))
        return 0;
    for (size_t i = 0; several && i < (size_t)1 << width; i++)
        codes->entries[i] = jll_join(singles, width, i);
    return 1;
}

/* A code that is longer than the table's index: its length and category, by F.2.2.3; length 0 if there is none. */
static unsigned __attribute__((noinline)) jll_long_code(const struct jll_codes *codes, uint64_t bits, unsigned *category) {
    for (unsigned length = codes->width + 1; length <= 16; length++) {
        uint32_t code = (uint32_t)(bits >> (64 - length));
        if (code < codes->end[length]) {
            *category = codes->categories[(int32_t)code + codes->place[length]];
            return length;
        }
    }
    return 0;
}

/* The first difference in the bits (at least 31 of them) by an entry of one difference or none; returns how many bits it takes, 0 if
 * they are no code. */
JLL_INLINE unsigned jll_one(const struct jll_codes *codes, uint64_t entry, uint64_t bits, uint16_t *difference) {
    unsigned total = entry & 255, category = 63 - (entry >> 16 & 63), length = entry >> 24 & 255;
    if (entry & 0xFF00) { /* only where a table holds no joined entries */
        *difference = (uint16_t)(entry >> 16);
        return total;
    }
    if (!total) {
        length = jll_long_code(codes, bits, &category);
        total = length + (category < 16 ? category : 0);
        if (!length)
            return 0;
    }
    *difference = category == 16 ? 0x8000 : jll_extend(bits << length, 63 - category);
    return total;
}

JLL_INLINE uint64_t jll_bits_at(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return jll_big64(v);
}

/* The differences of an entry that has some: three are written, and one place more, whatever their number. */
JLL_INLINE void jll_put(uint64_t entry, uint16_t *to) {
    uint64_t three = entry >> 16;
    if (JLL_NATIVE)
        memcpy(to, &three, 8);
    else
        for (int k = 0; k < 3; k++)
            to[k] = (uint16_t)(three >> 16 * k);
}

/* One difference by another road, for the last ones of a run and for tables without joined entries; returns 0 where none is. */
static int jll_next(const struct jll_codes *codes, struct jll_reader *in, uint16_t *difference) {
    if (in->position >= (uint64_t)in->size * 8)
        return 0;
    uint64_t bits = jll_bits_at(in->bytes + (in->position >> 3)) << (in->position & 7);
    uint64_t entry = codes->entries[bits >> (64 - codes->width)];
    unsigned total;
    if ((entry & 0xFF00) > 1 << 8) { /* of joined differences only the first: its length is found from the codes */
        uint16_t first = (uint16_t)(entry >> 16);
        int32_t d = (int16_t)first;
        uint32_t magnitude = (uint32_t)(d < 0 ? -d : d);
        unsigned category = 31u - (unsigned)__builtin_clz(2 * magnitude + 1);
        total = 1;
        while ((uint32_t)(bits >> (64 - total)) >= codes->end[total])
            total++;
        total += category < 16 ? category : 0;
        *difference = first;
    } else
        total = jll_one(codes, entry, bits, difference);
    if (!total) {
        in->unknown = 1;
        return 0;
    }
    in->position += total;
    return in->position <= (uint64_t)in->size * 8;
}

/* The main loop: differences from one table until fewer than a turn's are wanted, or the bits end, or are no code. */
JLL_INLINE uint16_t *jll_expand_by(unsigned width, const struct jll_codes *codes, struct jll_reader *in, uint16_t *to, uint16_t *end) {
    const uint8_t *p = in->bytes + (in->position >> 3), *last = in->bytes + in->size;
    uint64_t bits = jll_bits_at(p) << (in->position & 7);
    unsigned have = 56 - (unsigned)(in->position & 7); /* `bits` may hold more than that: a refill repeats them */
    p += 7;
    while (end - to >= 3 * JLL_READS && p <= last) {
        bits |= jll_bits_at(p) >> have;
        p += (63 - have) >> 3;
        have |= 56;
        for (int i = 0; i < JLL_READS; i++) {
            uint64_t entry = codes->entries[bits >> (64 - width)];
            unsigned total = entry & 255;
            if (__builtin_expect((entry & 0xFF00) != 0, 1)) {
                jll_put(entry, to);
                to += entry >> 8 & 255;
            } else {
                bits |= jll_bits_at(p) >> have;
                p += (63 - have) >> 3;
                have |= 56;
                total = jll_one(codes, entry, bits, to);
                if (!total) {
                    in->unknown = 1;
                    goto out;
                }
                to++;
                bits <<= total;
                have -= total;
                bits |= jll_bits_at(p) >> have; /* a long code may leave too little for the other look-ups */
                p += (63 - have) >> 3;
                have |= 56;
                continue;
            }
            bits <<= total;
            have -= total;
        }
    }
out:
    in->position = (uint64_t)(p - in->bytes) * 8 - have;
    return to;
}

static uint16_t *jll_expand_one(const struct jll_codes *codes, struct jll_reader *in, uint16_t *to, uint16_t *end) {
    return codes->width == JLL_WIDE ? jll_expand_by(JLL_WIDE, codes, in, to, end) : jll_expand_by(JLL_NARROW, codes, in, to, end);
}

JLL_INLINE int jll_one_table(const struct jll_codes *const *codes, size_t step) {
    int same = 1;
    for (size_t k = 1; k < step; k++)
        same &= codes[k] == codes[0];
    return same;
}

/* `n` differences, of one table or, by turns, of `step` of them; returns how many there were before the bits ended or made no code. */
static size_t jll_expand(const struct jll_codes *const *codes, size_t step, struct jll_reader *in, uint16_t *to, size_t n) {
    uint16_t *now = to, *end = to + n;
    if (jll_one_table(codes, step) && in->position < (uint64_t)in->size * 8)
        now = jll_expand_one(codes[0], in, now, end);
    if (in->unknown || in->position > (uint64_t)in->size * 8)
        return (size_t)(now - to) < n ? (size_t)(now - to) : n - 1;
    while (now < end && jll_next(codes[(size_t)(now - to) % step], in, now))
        now++;
    return (size_t)(now - to);
}

/* Copies an interval without the zeros that follow an FF, up to a marker or the end; returns what is left of `from`.
 * `to` has room for all of `from`, and 16 bytes. */
static const uint8_t *jll_unstuff(const uint8_t *from, const uint8_t *end, uint8_t *to, size_t *size) {
    const uint8_t *start = to;
    while (from < end) {
        while (end - from >= 16) {
            uint64_t v[2];
            memcpy(v, from, 16);
            memcpy(to, v, 16);
            if (__builtin_expect((jll_marks(v[0]) | jll_marks(v[1])) != 0, 0))
                break;
            from += 16;
            to += 16;
        }
        while (from < end && *from != 0xFF)
            *to++ = *from++;
        if (from == end || end - from < 2 || from[1] != 0)
            break;
        *to++ = 0xFF;
        from += 2;
    }
    *size = (size_t)(to - start);
    return from;
}

/* ---- rows: sample = prediction + difference, modulo 2^16; `above` gives the first pixel's prediction, as in the encoder ---- */

/* Each difference becomes the sum of itself and all before it of the same component; the first pixel is a sum already. */
JLL_INLINE void jll_sum_by(size_t step, uint16_t *row, size_t n) {
    uint16_t sum[4];
    for (size_t k = 0; k < step; k++)
        sum[k] = row[k];
    for (size_t x = step; x < n; x += step)
        for (size_t k = 0; k < step; k++)
            row[x + k] = sum[k] = (uint16_t)(sum[k] + row[x + k]);
}

/* The same for one component: sums of eight are made beside each other, and only their carry is handed on. */
static void jll_sum_one(uint16_t *row, size_t n) {
    size_t x = 1;
#if defined(__SSE2__)
    __m128i carry = _mm_set1_epi16((int16_t)row[0]);
    for (; x + 8 <= n; x += 8) {
        __m128i v = _mm_loadu_si128((const __m128i *)(row + x));
        v = _mm_add_epi16(v, _mm_slli_si128(v, 2));
        v = _mm_add_epi16(v, _mm_slli_si128(v, 4));
        v = _mm_add_epi16(v, _mm_slli_si128(v, 8));
        __m128i last = _mm_shufflehi_epi16(v, 0xFF);
        _mm_storeu_si128((__m128i *)(row + x), _mm_add_epi16(v, carry));
        carry = _mm_add_epi16(carry, _mm_unpackhi_epi64(last, last));
    }
#endif
    jll_sum_by(1, row + x - 1, n - x + 1);
}

static void jll_sum(size_t step, uint16_t *row, size_t n) {
    switch (step) {
    case 1: jll_sum_one(row, n); break;
    case 3: jll_sum_by(3, row, n); break;
    default: jll_sum_by(step, row, n);
    }
}

/* The predictors 6 and 7, which halve a sum with the sample to the left: each sample waits for the one before. */
JLL_INLINE uint16_t jll_halved(int predictor, int32_t a, int32_t b, int32_t c, uint16_t difference) {
    int32_t prediction = predictor == 6 ? b + ((a - c) >> 1) : (a + b) >> 1;
    return (uint16_t)(difference + (uint32_t)prediction);
}

/* From the pixel at `x` to before the one at `end`. */
JLL_INLINE void jll_restore_serial(int p, size_t step, const uint16_t *d, const uint16_t *above, size_t x, size_t end, uint16_t *row) {
    for (; x < end; x++)
        row[x] = jll_halved(p, row[x - step], above[x], above[x - step], d[x]);
}

/* Two rows at once, the second one pixel behind the first, so that two samples can wait beside each other. */
JLL_INLINE void jll_restore_two_by(int p, size_t step, const uint16_t *d, const uint16_t *above, size_t n, uint16_t *row, uint16_t *next) {
    const uint16_t *e = d + n;
    size_t begun = n < 2 * step ? n : 2 * step;
    uint16_t left[4], left_next[4];
    for (size_t k = 0; k < step; k++) {
        row[k] = (uint16_t)(d[k] + above[k]);
        next[k] = left_next[k] = (uint16_t)(e[k] + row[k]);
    }
    jll_restore_serial(p, step, d, above, step, begun, row);
    for (size_t k = 0; k < step; k++)
        left[k] = row[begun - step + k];
    for (size_t x = 2 * step; x < n; x += step)
        for (size_t k = 0, i = x; k < step; k++, i++) {
            next[i - step] = left_next[k] = jll_halved(p, left_next[k], left[k], row[i - 2 * step], e[i - step]);
            row[i] = left[k] = jll_halved(p, left[k], above[i], above[i - step], d[i]);
        }
    jll_restore_serial(p, step, e, row, n > step ? n - step : n, n, next);
}

/* Two rows of which none begins a scan or a restart interval, and whose differences follow each other; predictors 6 and 7 only. */
static void jll_restore_two(int p, size_t step, const uint16_t *d, const uint16_t *above, size_t n, uint16_t *row, uint16_t *next) {
    if (step == 1 && p == 6)
        jll_restore_two_by(6, 1, d, above, n, row, next);
    else if (step == 1)
        jll_restore_two_by(7, 1, d, above, n, row, next);
    else if (step == 3 && p == 6)
        jll_restore_two_by(6, 3, d, above, n, row, next);
    else if (step == 3)
        jll_restore_two_by(7, 3, d, above, n, row, next);
    else
        jll_restore_two_by(p, step, d, above, n, row, next);
}

/* What does not wait for the sample to the left is added in a loop of its own, for vectors. */
JLL_INLINE void jll_add(int p, size_t step, const uint16_t *restrict d, const uint16_t *restrict above, size_t n, uint16_t *restrict row) {
    for (size_t x = step; x < n; x++)
        row[x] = (uint16_t)(d[x] + jll_predict(p, 0, above[x], above[x - step]));
}

static void jll_restore(int predictor, size_t step, const uint16_t *d, const uint16_t *above, size_t n, uint16_t *row) {
    for (size_t k = 0; k < step; k++)
        row[k] = (uint16_t)(d[k] + above[k]);
    switch (predictor) {
    case 1: memcpy(row + step, d + step, 2 * (n - step)); break;
    case 2: jll_add(2, step, d, above, n, row); break;
    case 3: jll_add(3, step, d, above, n, row); break;
    case 4: jll_add(4, step, d, above, n, row); break;
    case 5: jll_add(5, step, d, above, n, row); break;
    case 6: jll_restore_serial(6, step, d, above, step, n, row); break;
    default: jll_restore_serial(7, step, d, above, step, n, row);
    }
    if (predictor == 1 || predictor == 4 || predictor == 5)
        jll_sum(step, row, n);
}

/* Samples of `step` components to their places in pixels of `pixel` samples of `bytes` bytes each. */
static void jll_place(const uint16_t *row, size_t n, size_t step, unsigned shift, const uint8_t *component, uint8_t *to, size_t pixel,
                      int bytes) {
    for (size_t k = 0; k < step; k++)
        for (size_t x = k, place = component[k]; x < n; x += step, place += pixel) {
            uint16_t sample = (uint16_t)(row[x] << shift);
            if (bytes == 1)
                to[place] = (uint8_t)sample;
            else {
                to[2 * place] = (uint8_t)sample;
                to[2 * place + 1] = (uint8_t)(sample >> 8);
            }
        }
}

JLL_INLINE void jll_narrow(const uint16_t *restrict row, size_t n, uint8_t *restrict to) {
    for (size_t x = 0; x < n; x++)
        to[x] = (uint8_t)row[x];
}

#endif
