/* The inner loops that give pixels another place and no other value: planes <-> pixels, bits inside cells, bytes <-> bits.
 *
 * Here: loops over bytes.  No Python, no allocation, no state.  Included by _swap.pyx only.
 * Not here: what the sizes must be, and what is an error.
 *
 * A cell is 8, 16, 32 or 64 bits in the byte order of the machine. Cells are taken eight bytes at a time, whatever their width: what a
 * shift brings in from a neighbour falls on bits that a mask takes away. Nothing is read or written beyond the sizes given.
 * Each loop is written once, in portable C, and compiled or written again for AVX2 where that pays.
 */
#ifndef DCMENC_SWAP_H
#define DCMENC_SWAP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(DCMENC_NO_VECTORS)
#define SWAP_X86 1
#define SWAP_AVX2 __attribute__((target("avx2")))
#include <immintrin.h>
#endif

#define SWAP_INLINE static inline __attribute__((always_inline))

enum {
    SWAP_WORD = 8,
    SWAP_BLOCK = 4096, /* bytes that are tested together: an eighth of the nearest cache */
    SWAP_SAMPLES = 4,
    SWAP_LANE = 16     /* bytes that one shuffle reaches */
};

/* The stored bits of cells, for all the cells of a word at once. */
struct swap_field {
    uint64_t keep; /* the stored bits, from bit 0 of each cell on */
    uint64_t sign; /* the highest of them, or none */
    uint64_t over; /* what must be zero where a value fits: see `excess` */
    int low;       /* where the stored bits are */
    int above;     /* bits above them once they are at bit 0 */
    int width;     /* bytes of a cell */
};

struct swap_loops {
    /* `count` pixels of `samples` units of 1, 2 or 4 bytes, from one plane a sample to pixels with their samples together; and back. */
    void (*join)(uint8_t *pixels, const uint8_t *planes, size_t count, size_t samples, size_t unit);
    void (*split)(uint8_t *planes, const uint8_t *pixels, size_t count, size_t samples, size_t unit);
    /* Every cell becomes the value of its stored bits; `to` may be `from`. */
    void (*mask)(uint8_t *to, const uint8_t *from, size_t size, const struct swap_field *field);
    /* Where the first block begins that has a cell whose value does not fit; `size` if there is none. */
    size_t (*outside)(const uint8_t *from, size_t size, const struct swap_field *field);
    /* One bit for each of `count` bytes that is not zero, the first in the lowest bit; and bytes of 0 or 1 for bits `first`, ... */
    void (*pack)(uint8_t *to, const uint8_t *from, size_t count);
    void (*unpack)(uint8_t *to, const uint8_t *from, size_t size, size_t first, size_t count);
};

/* ---- Planes <-> pixels. The literal numbers let the compiler make shuffles of the loops, where the machine has them. */

SWAP_INLINE void join_cells(uint8_t *restrict pixels, const uint8_t *restrict planes, size_t begin, size_t count, size_t samples,
                            size_t unit) {
    for (size_t i = begin; i < count; i++)
        for (size_t j = 0; j < samples; j++)
            memcpy(pixels + (i * samples + j) * unit, planes + (j * count + i) * unit, unit);
}

SWAP_INLINE void split_cells(uint8_t *restrict planes, const uint8_t *restrict pixels, size_t begin, size_t count, size_t samples,
                             size_t unit) {
    for (size_t i = begin; i < count; i++)
        for (size_t j = 0; j < samples; j++)
            memcpy(planes + (j * count + i) * unit, pixels + (i * samples + j) * unit, unit);
}

SWAP_INLINE void join_units(uint8_t *pixels, const uint8_t *planes, size_t begin, size_t count, size_t samples, size_t unit) {
    switch (unit) {
    case 1: join_cells(pixels, planes, begin, count, samples, 1); break;
    case 2: join_cells(pixels, planes, begin, count, samples, 2); break;
    default: join_cells(pixels, planes, begin, count, samples, 4);
    }
}

SWAP_INLINE void split_units(uint8_t *planes, const uint8_t *pixels, size_t begin, size_t count, size_t samples, size_t unit) {
    switch (unit) {
    case 1: split_cells(planes, pixels, begin, count, samples, 1); break;
    case 2: split_cells(planes, pixels, begin, count, samples, 2); break;
    default: split_cells(planes, pixels, begin, count, samples, 4);
    }
}

static void join_rest(uint8_t *pixels, const uint8_t *planes, size_t begin, size_t count, size_t samples, size_t unit) {
    if (samples == 3)
        join_units(pixels, planes, begin, count, 3, unit);
    else
        join_units(pixels, planes, begin, count, samples, unit);
}

static void split_rest(uint8_t *planes, const uint8_t *pixels, size_t begin, size_t count, size_t samples, size_t unit) {
    if (samples == 3)
        split_units(planes, pixels, begin, count, 3, unit);
    else
        split_units(planes, pixels, begin, count, samples, unit);
}

/* ---- Bits inside cells. */

SWAP_INLINE uint64_t word_at(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, SWAP_WORD);
    return word;
}

/* Fewer bytes than a word, where they would be in one; zeros are their neighbours. */
SWAP_INLINE uint64_t part_at(const uint8_t *from, size_t size) {
    uint64_t word = 0;
    memcpy(&word, from, size);
    return word;
}

static uint64_t in_every_cell(uint64_t bits, int allocated) {
    for (; allocated < 64; allocated *= 2)
        bits |= bits << allocated;
    return bits;
}

SWAP_INLINE uint64_t low_bits(int count) {
    return count ? ~UINT64_C(0) >> (64 - count) : 0;
}

static struct swap_field swap_field_of(int allocated, int stored, int low, int is_signed) {
    struct swap_field field = {.low = low, .above = allocated - stored, .width = allocated / 8};
    field.keep = in_every_cell(low_bits(stored), allocated);
    field.sign = is_signed ? in_every_cell(UINT64_C(1) << (stored - 1), allocated) : 0;
    field.over = in_every_cell(low_bits(allocated - is_signed) ^ low_bits(stored - is_signed), allocated);
    return field;
}

/* A sign of 2^(stored - 1) stands for 2^allocated - 2^stored above the value. Both powers are written for all the cells of a word and
 * subtracted at once: each difference stays inside its cell. */
SWAP_INLINE uint64_t value_of(uint64_t word, struct swap_field field, int is_signed) {
    uint64_t value = word >> field.low & field.keep, sign = value & field.sign;
    return is_signed ? value | ((sign << field.above << 1) - (sign << 1)) : value;
}

SWAP_INLINE void mask_words(uint8_t *to, const uint8_t *from, size_t size, struct swap_field field, int is_signed) {
    size_t i = 0, whole = size & ~(size_t)(SWAP_WORD - 1);
#pragma GCC ivdep     /* the two are the same or apart */
#pragma GCC unroll 8 /* these loops are so short that their own counting would cost as much as they do */
    for (i = 0; i < whole; i += SWAP_WORD) {
        uint64_t word = value_of(word_at(from + i), field, is_signed);
        memcpy(to + i, &word, SWAP_WORD);
    }
    if (i < size) {
        uint64_t word = value_of(part_at(from + i, size - i), field, is_signed);
        memcpy(to + i, &word, size - i);
    }
}

SWAP_INLINE void mask_cells(uint8_t *to, const uint8_t *from, size_t size, const struct swap_field *field) {
    if (field->sign)
        mask_words(to, from, size, *field, 1);
    else
        mask_words(to, from, size, *field, 0);
}

/* Not zero, at the bits `over`, where a value does not fit: unsigned, the bits above the stored ones; signed, whether each bit from the
 * sign on differs from the next. */
SWAP_INLINE uint64_t excess(uint64_t word, int is_signed) {
    return is_signed ? word ^ word >> 1 : word;
}

SWAP_INLINE uint64_t excess_of_all(const uint8_t *from, size_t size, int is_signed) {
    uint64_t all = 0;
    size_t i = 0, whole = size & ~(size_t)(SWAP_WORD - 1);
#pragma GCC unroll 16
    for (i = 0; i < whole; i += SWAP_WORD)
        all |= excess(word_at(from + i), is_signed);
    return i < size ? all | excess(part_at(from + i, size - i), is_signed) : all;
}

SWAP_INLINE size_t find_block(const uint8_t *from, size_t size, uint64_t over, int is_signed) {
    for (size_t i = 0; i < size; i += SWAP_BLOCK)
        if (excess_of_all(from + i, size - i < SWAP_BLOCK ? size - i : SWAP_BLOCK, is_signed) & over)
            return i;
    return size;
}

SWAP_INLINE size_t find_outside(const uint8_t *from, size_t size, const struct swap_field *field) {
    return field->sign ? find_block(from, size, field->over, 1) : find_block(from, size, field->over, 0);
}

/* The index of the first cell from byte `at` on whose value does not fit; the last cell where there is none any more, because another
 * thread has changed it. */
static size_t swap_search(const uint8_t *from, size_t size, size_t at, const struct swap_field *field) {
    size_t width = (size_t)field->width;
    while (size - at > SWAP_WORD && !(excess(word_at(from + at), field->sign != 0) & field->over))
        at += SWAP_WORD;
    while (size - at > width && !(excess(part_at(from + at, width), field->sign != 0) & field->over))
        at += width;
    return at / width;
}

/* ---- Bytes <-> bits (PS3.5 8.1.1: the first pixel in the lowest bit). */

SWAP_INLINE uint64_t little(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

SWAP_INLINE uint8_t bits_of(uint64_t bytes) {
    const uint64_t low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t set = (((bytes & low7) + low7) | bytes) & ~low7; /* 0x80 in every byte that is not zero, and no carries */
    return (uint8_t)((set >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

SWAP_INLINE void pack_rest(uint8_t *to, const uint8_t *from, size_t begin, size_t count) {
    size_t i = begin;
    for (; count - i >= 8; i += 8)
        to[i / 8] = bits_of(little(word_at(from + i)));
    if (i < count)
        to[i / 8] = bits_of(little(part_at(from + i, count - i)));
}

/* Bit i of `bits` as byte i. */
SWAP_INLINE uint64_t bytes_of_bits(uint8_t bits) {
    uint64_t each = bits * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
    return (each + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & UINT64_C(0x0101010101010101);
}

/* Eight bits that begin inside a byte end inside the next. */
SWAP_INLINE void unpack_rest(uint8_t *to, const uint8_t *from, size_t first, size_t begin, size_t count) {
    const uint8_t *at = from + first / 8;
    unsigned shift = first % 8;
    size_t i = begin;
    for (; count - i >= 8; i += 8) {
        unsigned pair = at[i / 8] | (shift ? (unsigned)at[i / 8 + 1] << 8 : 0);
        uint64_t bytes = little(bytes_of_bits((uint8_t)(pair >> shift)));
        memcpy(to + i, &bytes, 8);
    }
    for (; i < count; i++)
        to[i] = at[(shift + i) / 8] >> (shift + i) % 8 & 1;
}

/* ---- The loops for any machine, the loops for AVX2, and the choice. */

static void join_portable(uint8_t *pixels, const uint8_t *planes, size_t count, size_t samples, size_t unit) {
    join_rest(pixels, planes, 0, count, samples, unit);
}

static void split_portable(uint8_t *planes, const uint8_t *pixels, size_t count, size_t samples, size_t unit) {
    split_rest(planes, pixels, 0, count, samples, unit);
}

static void mask_portable(uint8_t *to, const uint8_t *from, size_t size, const struct swap_field *field) {
    mask_cells(to, from, size, field);
}

static size_t outside_portable(const uint8_t *from, size_t size, const struct swap_field *field) {
    return find_outside(from, size, field);
}

static void pack_portable(uint8_t *to, const uint8_t *from, size_t count) {
    pack_rest(to, from, 0, count);
}

static void unpack_portable(uint8_t *to, const uint8_t *from, size_t size, size_t first, size_t count) {
    (void)size;
    unpack_rest(to, from, first, 0, count);
}

static const struct swap_loops SWAP_PORTABLE_LOOPS = {join_portable,    split_portable, mask_portable,
                                                      outside_portable, pack_portable,  unpack_portable};

#ifdef SWAP_X86
/* How 32 bytes of each plane, or as many pixels, are taken as vectors of two lanes; the first lanes make a whole on their own, and so do
 * the second ones. */
struct swap_side {
    size_t step; /* from one vector to the next */
    size_t lane; /* from the first lane to the second */
    size_t move; /* from one turn to the next */
};

typedef uint8_t swap_shuffles[SWAP_SAMPLES][SWAP_SAMPLES][SWAP_LANE];

/* shuffles[to][from]: for each byte of a lane, which byte of the other one it is, or 0x80 for none. */
static void plan_shuffles(swap_shuffles shuffles, size_t samples, size_t unit, int join) {
    memset(shuffles, 0x80, sizeof(swap_shuffles));
    for (size_t pixel = 0; pixel < samples * SWAP_LANE; pixel++) {
        size_t sample = pixel / unit % samples, plane = pixel / unit / samples * unit + pixel % unit;
        if (join)
            shuffles[pixel / SWAP_LANE][sample][pixel % SWAP_LANE] = (uint8_t)plane;
        else
            shuffles[sample][pixel / SWAP_LANE][plane] = (uint8_t)(pixel % SWAP_LANE);
    }
}

/* Both directions, all units. `samples` is a literal. */
SWAP_AVX2 SWAP_INLINE void shuffle_lanes(uint8_t *to, struct swap_side target, const uint8_t *from, struct swap_side source, size_t turns,
                                         const swap_shuffles shuffles, size_t samples) {
    __m256i table[SWAP_SAMPLES][SWAP_SAMPLES], in[SWAP_SAMPLES];
    for (size_t k = 0; k < samples; k++)
        for (size_t j = 0; j < samples; j++)
            table[k][j] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)shuffles[k][j]));
    for (; turns; turns--, to += target.move, from += source.move) {
        for (size_t j = 0; j < samples; j++)
            in[j] = _mm256_loadu2_m128i((const __m128i *)(from + j * source.step + source.lane), (const __m128i *)(from + j * source.step));
        for (size_t k = 0; k < samples; k++) {
            __m256i out = _mm256_shuffle_epi8(in[0], table[k][0]);
            for (size_t j = 1; j < samples; j++)
                out = _mm256_or_si256(out, _mm256_shuffle_epi8(in[j], table[k][j]));
            _mm256_storeu2_m128i((__m128i *)(to + k * target.step + target.lane), (__m128i *)(to + k * target.step), out);
        }
    }
}

SWAP_AVX2 static void shuffle_any(uint8_t *to, struct swap_side target, const uint8_t *from, struct swap_side source, size_t turns,
                                  const swap_shuffles shuffles, size_t samples) {
    switch (samples) {
    case 2: shuffle_lanes(to, target, from, source, turns, shuffles, 2); break;
    case 3: shuffle_lanes(to, target, from, source, turns, shuffles, 3); break;
    default: shuffle_lanes(to, target, from, source, turns, shuffles, 4);
    }
}

/* Gives how many pixels are done: all but the last few. */
static size_t shuffle_most(uint8_t *to, const uint8_t *from, size_t count, size_t samples, size_t unit, int join) {
    const struct swap_side planes = {count * unit, SWAP_LANE, 2 * SWAP_LANE};
    const struct swap_side pixels = {SWAP_LANE, samples * SWAP_LANE, 2 * samples * SWAP_LANE};
    size_t turns = samples > 1 ? count * unit / (2 * SWAP_LANE) : 0;
    swap_shuffles shuffles;
    plan_shuffles(shuffles, samples, unit, join);
    if (turns)
        shuffle_any(to, join ? pixels : planes, from, join ? planes : pixels, turns, shuffles, samples);
    return turns * 2 * SWAP_LANE / unit;
}

static void join_avx2(uint8_t *pixels, const uint8_t *planes, size_t count, size_t samples, size_t unit) {
    join_rest(pixels, planes, shuffle_most(pixels, planes, count, samples, unit, 1), count, samples, unit);
}

static void split_avx2(uint8_t *planes, const uint8_t *pixels, size_t count, size_t samples, size_t unit) {
    split_rest(planes, pixels, shuffle_most(planes, pixels, count, samples, unit, 0), count, samples, unit);
}

SWAP_AVX2 static void mask_avx2(uint8_t *to, const uint8_t *from, size_t size, const struct swap_field *field) {
    mask_cells(to, from, size, field);
}

SWAP_AVX2 static size_t outside_avx2(const uint8_t *from, size_t size, const struct swap_field *field) {
    return find_outside(from, size, field);
}

SWAP_AVX2 static void pack_avx2(uint8_t *to, const uint8_t *from, size_t count) {
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        __m256i zero = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(from + i)), _mm256_setzero_si256());
        uint32_t bits = ~(uint32_t)_mm256_movemask_epi8(zero);
        memcpy(to + i / 8, &bits, 4);
    }
    pack_rest(to, from, i, count);
}

/* 32 bits that begin inside a byte are among eight bytes, which must all be there. */
SWAP_AVX2 static void unpack_avx2(uint8_t *to, const uint8_t *from, size_t size, size_t first, size_t count) {
    const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i each = _mm256_set1_epi64x((long long)0x8040201008040201), one = _mm256_set1_epi8(1);
    size_t i = 0, at = first / 8;
    for (; count - i >= 32 && size - at >= 8; i += 32, at += 4) {
        __m256i bits = _mm256_set1_epi32((int)(uint32_t)(word_at(from + at) >> first % 8));
        __m256i bytes = _mm256_min_epu8(_mm256_and_si256(_mm256_shuffle_epi8(bits, spread), each), one);
        _mm256_storeu_si256((__m256i *)(to + i), bytes);
    }
    unpack_rest(to, from, first, i, count);
}

static const struct swap_loops SWAP_AVX2_LOOPS = {join_avx2, split_avx2, mask_avx2, outside_avx2, pack_avx2, unpack_avx2};
#endif

static const struct swap_loops *swap_choose(int portable) {
#ifdef SWAP_X86
    if (!portable && __builtin_cpu_supports("avx2"))
        return &SWAP_AVX2_LOOPS;
#endif
    (void)portable;
    return &SWAP_PORTABLE_LOOPS;
}

#endif
