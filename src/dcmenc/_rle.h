/* The inner loops of DICOM's RLE (PS3.5 Annex G): PackBits of one row, its inverse, and pixels <-> rows of one byte each.
 *
 * Here: loops over bytes.  No Python, no allocation, no state.  Included by _rle.pyx only.
 * Not here: the header, segments, the order of byte planes, and what is an error.
 *
 * Copies are of fixed size and may read and write up to RLE_SLACK bytes too far: whoever calls provides the room. What is written stays
 * within bounds even if another thread changes the input meanwhile: the equal neighbours of a row are found once, each code is read once.
 * Each loop is written once, in portable C, and compiled twice where that pays: for any machine, and for one with AVX2.
 */
#ifndef DCMENC_RLE_H
#define DCMENC_RLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(DCMENC_NO_VECTORS)
#define RLE_X86 1
#define RLE_AVX2 __attribute__((target("avx2,bmi")))
#include <immintrin.h>
#endif

#define RLE_INLINE static inline __attribute__((always_inline))

enum {
    RLE_SLACK = 160,  /* the most bytes of one packet, 129, and a step */
    RLE_PACKET = 128, /* the most bytes that one packet stands for: PS3.5 G.3 */
    RLE_STEP = 32,
    RLE_BLOCK = 768   /* of three streams */
};

/* Where the decoding of one segment stands. */
struct rle_segment {
    const uint8_t *at;
    const uint8_t *end;
};

struct rle_loops {
    /* Byte j of each of `count` pixels of `stride` bytes goes to rows[j * pitch ...]. */
    void (*split)(const uint8_t *pixels, size_t count, size_t stride, uint8_t *rows, size_t pitch);
    /* The inverse. */
    void (*join)(uint8_t *pixels, size_t count, size_t stride, const uint8_t *rows, size_t pitch);
    /* PackBits of one row of `count` > 0 bytes; `equal` has room for count / 64 + 2 words.  Gives the end of what was written. */
    uint8_t *(*pack)(uint8_t *to, const uint8_t *row, size_t count, uint64_t *equal);
    /* Decodes packets behind the `have` bytes that are in `to` until there are `want`; `room` >= want is what `to` holds.
     * Gives how many are there: less than `want` where the segment's end comes first or cuts a packet, then `at` is the place. */
    size_t (*unpack)(struct rle_segment *segment, uint8_t *to, size_t have, size_t want, size_t room);
};

/* ---- Pixels <-> rows. The literal strides let the compiler make shuffles of the loops. */

RLE_INLINE void split_pixels(const uint8_t *restrict pixels, size_t count, size_t stride, uint8_t *restrict rows, size_t pitch) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < stride; j++)
            rows[j * pitch + i] = pixels[i * stride + j];
}

RLE_INLINE void join_pixels(uint8_t *restrict pixels, size_t count, size_t stride, const uint8_t *restrict rows, size_t pitch) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < stride; j++)
            pixels[i * stride + j] = rows[j * pitch + i];
}

/* No machine shuffles six streams; but three samples of two bytes are two streams of three. */
RLE_INLINE void split_six(const uint8_t *pixels, size_t count, uint8_t *rows, size_t pitch) {
    uint8_t halves[2 * RLE_BLOCK];
    for (size_t done = 0, some; done < count; done += some) {
        some = count - done < RLE_BLOCK / 3 ? count - done : RLE_BLOCK / 3;
        split_pixels(pixels + 6 * done, 3 * some, 2, halves, RLE_BLOCK);
        split_pixels(halves, some, 3, rows + done, 2 * pitch);
        split_pixels(halves + RLE_BLOCK, some, 3, rows + pitch + done, 2 * pitch);
    }
}

RLE_INLINE void join_six(uint8_t *pixels, size_t count, const uint8_t *rows, size_t pitch) {
    uint8_t halves[2 * RLE_BLOCK];
    for (size_t done = 0, some; done < count; done += some) {
        some = count - done < RLE_BLOCK / 3 ? count - done : RLE_BLOCK / 3;
        join_pixels(halves, some, 3, rows + done, 2 * pitch);
        join_pixels(halves + RLE_BLOCK, some, 3, rows + pitch + done, 2 * pitch);
        join_pixels(pixels + 6 * done, 3 * some, 2, halves, RLE_BLOCK);
    }
}

RLE_INLINE void split_any(const uint8_t *pixels, size_t count, size_t stride, uint8_t *rows, size_t pitch) {
    switch (stride) {
    case 2: split_pixels(pixels, count, 2, rows, pitch); break;
    case 3: split_pixels(pixels, count, 3, rows, pitch); break;
    case 4: split_pixels(pixels, count, 4, rows, pitch); break;
    case 6: split_six(pixels, count, rows, pitch); break;
    default: split_pixels(pixels, count, stride, rows, pitch);
    }
}

RLE_INLINE void join_any(uint8_t *pixels, size_t count, size_t stride, const uint8_t *rows, size_t pitch) {
    switch (stride) {
    case 2: join_pixels(pixels, count, 2, rows, pitch); break;
    case 3: join_pixels(pixels, count, 3, rows, pitch); break;
    case 4: join_pixels(pixels, count, 4, rows, pitch); break;
    case 6: join_six(pixels, count, rows, pitch); break;
    default: join_pixels(pixels, count, stride, rows, pitch);
    }
}

/* ---- Which bytes equal their right neighbour: bit i of the words says row[i] == row[i + 1]. */

RLE_INLINE uint64_t load64(const uint8_t *from) {
    uint64_t v;
    memcpy(&v, from, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

RLE_INLINE uint64_t equal64(const uint8_t *row) {
    uint64_t bits = 0;
#ifdef RLE_X86 /* all of them have SSE2 */
    for (int i = 0; i < 64; i += 16) {
        __m128i left = _mm_loadu_si128((const __m128i *)(row + i)), right = _mm_loadu_si128((const __m128i *)(row + i + 1));
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(left, right)) << i;
    }
#else
    const uint64_t low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
    for (int i = 0; i < 64; i += 8) {
        uint64_t differ = load64(row + i) ^ load64(row + i + 1);
        uint64_t same = ~(((differ & low7) + low7) | differ | low7); /* 0x80 in every byte that is zero, and no carries */
        bits |= ((same >> 7) * UINT64_C(0x0102040810204080) >> 56) << i;
    }
#endif
    return bits;
}

RLE_INLINE int is_equal(const uint64_t *equal, size_t at) {
    return equal[at / 64] >> (at % 64) & 1;
}

/* Beyond the row there are no equals: nor in the one word more that a search looks into. */
RLE_INLINE void end_equals(uint64_t *equal, size_t count) {
    size_t last = count - 1;
    equal[last / 64] &= ~(~UINT64_C(0) << (last % 64));
    equal[last / 64 + 1] = 0;
}

RLE_INLINE void find_equals(uint64_t *equal, const uint8_t *row, size_t count) {
    for (size_t i = 0; i < count; i += 64)
        equal[i / 64] = equal64(row + i);
    end_equals(equal, count);
}

/* The first of three equal bytes, from `at` on; `count` if there are none. */
RLE_INLINE size_t find_run(const uint64_t *equal, size_t at, size_t count) {
    size_t word = at / 64, words = (count + 63) / 64;
    uint64_t runs = equal[word] & (equal[word] >> 1 | equal[word + 1] << 63) & (~UINT64_C(0) << (at % 64));
    while (!runs) {
        if (++word >= words)
            return count;
        runs = equal[word] & (equal[word] >> 1 | equal[word + 1] << 63);
    }
    return word * 64 + (size_t)__builtin_ctzll(runs);
}

/* Behind the last of the equal bytes that begin at `at`. */
RLE_INLINE size_t end_of_run(const uint64_t *equal, size_t at) {
    size_t word = at / 64;
    uint64_t ends = ~equal[word] & (~UINT64_C(0) << (at % 64));
    while (!ends)
        ends = ~equal[++word];
    return word * 64 + (size_t)__builtin_ctzll(ends) + 1;
}

/* ---- PackBits (PS3.5 G.3): n < 128 is followed by n + 1 literal bytes, n > 128 by one byte that stands 257 - n times. */

RLE_INLINE uint8_t *put_replicate(uint8_t *to, uint8_t byte, size_t count) {
    to[0] = (uint8_t)(257 - count);
    to[1] = byte;
    return to + 2;
}

RLE_INLINE void copy_packet(uint8_t *to, const uint8_t *from, size_t count) {
    memcpy(to, from, RLE_STEP);
    if (count > RLE_STEP) {
        memcpy(to + RLE_STEP, from + RLE_STEP, RLE_STEP);
        memcpy(to + 2 * RLE_STEP, from + 2 * RLE_STEP, RLE_STEP);
        memcpy(to + 3 * RLE_STEP, from + 3 * RLE_STEP, RLE_STEP);
    }
}

/* Bytes without three equal ones in a row. A pair costs the same two bytes as two literals, and one packet less where it stands at a
 * packet's start; a packet that would end inside a pair ends before it, so that the pair stands at a start. */
RLE_INLINE uint8_t *put_literals(uint8_t *to, const uint8_t *row, size_t at, size_t end, const uint64_t *equal) {
    while (at < end) {
        size_t count = end - at;
        if (is_equal(equal, at) && count > 1) {
            to = put_replicate(to, row[at], 2);
            at += 2;
            continue;
        }
        if (count > RLE_PACKET)
            count = RLE_PACKET - (size_t)is_equal(equal, at + RLE_PACKET - 1);
        *to = (uint8_t)(count - 1);
        copy_packet(to + 1, row + at, count);
        to += count + 1;
        at += count;
    }
    return to;
}

/* Three equal bytes and more are worth a packet of their own: they never cost more so, wherever they stand. */
RLE_INLINE uint8_t *pack_row(uint8_t *to, const uint8_t *row, size_t count, const uint64_t *equal) {
    size_t literals = 0, run = 0;
    while ((run = find_run(equal, run, count)) < count) {
        size_t end = end_of_run(equal, run), left = end - run;
        to = put_literals(to, row, literals, run, equal);
        for (; left >= RLE_PACKET; left -= RLE_PACKET)
            to = put_replicate(to, row[run], RLE_PACKET);
        if (left > 1)
            to = put_replicate(to, row[run], left);
        literals = end - (left == 1); /* a single one left over is cheaper as the first of the literals to come */
        run = end;
        if (run == count)
            break;
    }
    return put_literals(to, row, literals, count, equal);
}

/* ---- The inverse. */

/* While neither end is near: no test for each byte. */
RLE_INLINE uint8_t *unpack_quickly(struct rle_segment *segment, uint8_t *to, const uint8_t *enough) {
    const uint8_t *at = segment->at, *near = segment->end - RLE_SLACK;
    while (to < enough && at < near) {
        size_t code = *at++;
        if (code < 128) {
            copy_packet(to, at, code + 1);
            at += code + 1;
            to += code + 1;
        } else if (code > 128) {
            uint8_t many[RLE_STEP];
            memset(many, *at++, RLE_STEP);
            memcpy(to, many, RLE_STEP);
            if (257 - code > RLE_STEP) {
                memcpy(to + RLE_STEP, many, RLE_STEP);
                memcpy(to + 2 * RLE_STEP, many, RLE_STEP);
                memcpy(to + 3 * RLE_STEP, many, RLE_STEP);
            }
            to += 257 - code;
        }
    }
    segment->at = at;
    return to;
}

/* Near an end: every packet is measured, and what it says beyond `end` is dropped. */
static uint8_t *unpack_carefully(struct rle_segment *segment, uint8_t *to, const uint8_t *enough, const uint8_t *end) {
    while (to < enough && segment->at < segment->end) {
        const uint8_t *at = segment->at;
        size_t code = *at++, left = (size_t)(segment->end - at), room = (size_t)(end - to);
        size_t count = code < 128 ? code + 1 : code > 128 ? 257 - code : 0, taken = code < 128 ? count : count > 0;
        if (taken > left)
            break;
        if (count > room)
            count = room;
        if (code < 128)
            memcpy(to, at, count);
        else if (count)
            memset(to, *at, count);
        to += count;
        segment->at = at + taken;
    }
    return to;
}

RLE_INLINE size_t unpack_segment(struct rle_segment *segment, uint8_t *to, size_t have, size_t want, size_t room) {
    size_t quick = want + RLE_SLACK <= room ? want : room > RLE_SLACK ? room - RLE_SLACK : 0;
    uint8_t *at = to + have;
    if (segment->end - segment->at > RLE_SLACK && have < quick)
        at = unpack_quickly(segment, at, to + quick);
    return (size_t)(unpack_carefully(segment, at, to + want, to + room) - to);
}

/* ---- The loops for any machine, the loops for AVX2, and the choice. */

static void split_portable(const uint8_t *pixels, size_t count, size_t stride, uint8_t *rows, size_t pitch) {
    split_any(pixels, count, stride, rows, pitch);
}

static void join_portable(uint8_t *pixels, size_t count, size_t stride, const uint8_t *rows, size_t pitch) {
    join_any(pixels, count, stride, rows, pitch);
}

static uint8_t *pack_portable(uint8_t *to, const uint8_t *row, size_t count, uint64_t *equal) {
    find_equals(equal, row, count);
    return pack_row(to, row, count, equal);
}

static size_t unpack_portable(struct rle_segment *segment, uint8_t *to, size_t have, size_t want, size_t room) {
    return unpack_segment(segment, to, have, want, room);
}

static const struct rle_loops RLE_PORTABLE_LOOPS = {split_portable, join_portable, pack_portable, unpack_portable};

#ifdef RLE_X86
RLE_AVX2 static void split_avx2(const uint8_t *pixels, size_t count, size_t stride, uint8_t *rows, size_t pitch) {
    split_any(pixels, count, stride, rows, pitch);
}

RLE_AVX2 static void join_avx2(uint8_t *pixels, size_t count, size_t stride, const uint8_t *rows, size_t pitch) {
    join_any(pixels, count, stride, rows, pitch);
}

RLE_AVX2 static inline uint32_t equal32_avx2(const uint8_t *row) {
    __m256i left = _mm256_loadu_si256((const __m256i *)row), right = _mm256_loadu_si256((const __m256i *)(row + 1));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(left, right));
}

RLE_AVX2 static uint8_t *pack_avx2(uint8_t *to, const uint8_t *row, size_t count, uint64_t *equal) {
    for (size_t i = 0; i < count; i += 64)
        equal[i / 64] = equal32_avx2(row + i) | (uint64_t)equal32_avx2(row + i + 32) << 32;
    end_equals(equal, count);
    return pack_row(to, row, count, equal);
}

RLE_AVX2 static size_t unpack_avx2(struct rle_segment *segment, uint8_t *to, size_t have, size_t want, size_t room) {
    return unpack_segment(segment, to, have, want, room);
}

static const struct rle_loops RLE_AVX2_LOOPS = {split_avx2, join_avx2, pack_avx2, unpack_avx2};
#endif

static const struct rle_loops *rle_choose(int portable) {
#ifdef RLE_X86
    if (!portable && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
        return &RLE_AVX2_LOOPS;
#endif
    (void)portable;
    return &RLE_PORTABLE_LOOPS;
}

#endif
