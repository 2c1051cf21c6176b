/* JPEG Lossless (ITU-T T.81 process 14): four parts of an interval decoded beside each other.
 *
 * One look-up must wait for the length that the look-up before it found, so that a machine that could do four does one.  Here the next
 * bits are cut into JLL_LANES parts, of which only the first begins where a code is known to begin; the others begin anywhere.  Huffman
 * codes synchronise themselves: after a few wrong codes a lane nearly always meets a place where a code does begin, and all that follows
 * is right.  Each lane notes its first places.  Where the lane before it, which is right, comes to one of them, they join: equal places
 * mean equal differences from there on.  What does not join is not used, and is decoded again; so nothing depends on luck but the time.
 *
 * Lanes report no fault.  Where one meets bits that are no code, or the end comes near, the loops of _jpegll_decode.h go on.
 */
#ifndef DCMENC_JPEGLL_LANES_H
#define DCMENC_JPEGLL_LANES_H

#include "_jpegll_decode.h"

enum {
    JLL_LANES = 4,
    JLL_TURNS = 512,   /* of JLL_READS look-ups, that a lane does at most beside others */
    JLL_FULL = JLL_TURNS - JLL_TURNS / 8, /* turns for which its bits are meant */
    JLL_NOTES = 32,    /* turns after which a lane notes its place */
    JLL_PROBE = 4,     /* differences that a lane looks at before it begins */
    JLL_WALK = 256,    /* differences that are decoded one by one to come to such a place, at most */
    JLL_SPARE = 64,    /* bytes before the end that are left to the loops that look for it */
    JLL_LEAST = 1024,  /* bytes, and differences, for which lanes are begun */
    JLL_LEAST_PART = JLL_LEAST / JLL_LANES * 8, /* bits of a lane; more than twice what probing moves it, so that each lane does a turn */
    JLL_BATCH = 8192,  /* differences that are decoded together without lanes, unless one row has more */
    JLL_DOUBT = 8,     /* what a lane that does not join adds to the doubts; one that does takes 2, a batch without lanes 1 */
    JLL_DOUBTS = 16,   /* with more, no lanes are begun */
    JLL_LANE = JLL_WALK + 3 * JLL_READS * 2 * JLL_TURNS + JLL_SLACK, /* differences for which each lane has room */
    JLL_AHEAD = JLL_LANES * JLL_LANE
};

/* Differences that were decoded and not yet taken, and what was learned of the lanes. */
struct jll_ahead {
    uint16_t *room; /* for one row and JLL_AHEAD */
    uint16_t *next; /* the first of `ready` in `room` */
    size_t ready;
    uint64_t part;  /* bits of a lane that take its turns */
    unsigned doubts;
};

struct jll_lane {
    uint64_t position, limit; /* in bits; beyond the limit the next lane has begun */
    uint16_t *to, *end;        /* of its room */
    uint64_t places[JLL_NOTES];
    uint16_t *made[JLL_NOTES]; /* by place: where its difference is */
    unsigned notes;
};

/* JLL_READS look-ups; where bits are no code, the place does not move. */
JLL_INLINE void jll_turn(unsigned width, const struct jll_codes *codes, const uint8_t *bytes, uint64_t *position, uint16_t **to) {
    uint64_t at = *position, bits = jll_bits_at(bytes + (at >> 3)) << (at & 7);
    uint16_t *now = *to;
    for (int i = 0; i < JLL_READS; i++) {
        uint64_t entry = codes->entries[bits >> (64 - width)];
        unsigned total = entry & 255;
        if (__builtin_expect((entry & 0xFF00) != 0, 1)) {
            jll_put(entry, now);
            now += entry >> 8 & 255;
            bits <<= total;
            at += total;
        } else {
            bits = jll_bits_at(bytes + (at >> 3)) << (at & 7);
            total = jll_one(codes, entry, bits, now);
            if (!total)
                break;
            now++;
            at += total;
            bits = jll_bits_at(bytes + (at >> 3)) << (at & 7);
        }
    }
    *position = at;
    *to = now;
}

/* Two look-ups in a plain table.  They have no branch to guess, and lanes take turns so often that all of them are under way. */
JLL_INLINE void jll_plain_turn(unsigned width, const struct jll_codes *codes, const uint8_t *bytes, uint64_t *position, uint16_t **to) {
    uint64_t bits = jll_bits_at(bytes + (*position >> 3)) << (*position & 7);
    for (int i = 0; i < 2; i++) {
        uint64_t entry = codes->entries[bits >> (64 - width)];
        unsigned total = entry & 255;
        **to = jll_extend(bits << (entry >> 24 & 63), entry >> 16 & 63);
        if (__builtin_expect(!total, 0)) {
            total = jll_one(codes, entry, bits, *to);
            *to -= !total;
        }
        ++*to;
        bits <<= total;
        *position += total;
    }
}

JLL_INLINE void jll_note(struct jll_lane *lane, uint64_t position, uint16_t *to) {
    lane->places[lane->notes] = position;
    lane->made[lane->notes++] = to;
}

/* Turns of all lanes, until one is beyond its limit.  Returns how many turns are left. */
JLL_INLINE unsigned jll_turns(unsigned width, int plain, int noting, const struct jll_codes *codes, const uint8_t *bytes,
                              struct jll_lane *lane, unsigned turns) {
    uint64_t a = lane[0].position, b = lane[1].position, c = lane[2].position, d = lane[3].position;
    uint16_t *to_a = lane[0].to, *to_b = lane[1].to, *to_c = lane[2].to, *to_d = lane[3].to;
    for (; turns && a < lane[0].limit && b < lane[1].limit && c < lane[2].limit && d < lane[3].limit; turns--) {
        if (noting) {
            jll_note(&lane[1], b, to_b);
            jll_note(&lane[2], c, to_c);
            jll_note(&lane[3], d, to_d);
        }
        if (!plain) {
            jll_turn(width, codes, bytes, &a, &to_a);
            jll_turn(width, codes, bytes, &b, &to_b);
            jll_turn(width, codes, bytes, &c, &to_c);
            jll_turn(width, codes, bytes, &d, &to_d);
        }
        for (int i = 0; plain && i < JLL_READS / 2; i++) {
            jll_plain_turn(width, codes, bytes, &a, &to_a);
            jll_plain_turn(width, codes, bytes, &b, &to_b);
            jll_plain_turn(width, codes, bytes, &c, &to_c);
            jll_plain_turn(width, codes, bytes, &d, &to_d);
        }
    }
    lane[0].position = a, lane[1].position = b, lane[2].position = c, lane[3].position = d;
    lane[0].to = to_a, lane[1].to = to_b, lane[2].to = to_c, lane[3].to = to_d;
    return turns;
}

/* All turns with the same table.  Returns how many are left. */
JLL_INLINE unsigned jll_all_turns(unsigned width, int plain, const struct jll_codes *codes, const uint8_t *bytes, struct jll_lane *lane) {
    unsigned left = jll_turns(width, plain, 1, codes, bytes, lane, JLL_NOTES);
    return jll_turns(width, plain, 0, codes, bytes, lane, left + JLL_TURNS - JLL_NOTES);
}

/* Decodes all lanes until one is at its limit.  Returns the turns that it took. */
static unsigned jll_run(const struct jll_codes *codes, const uint8_t *bytes, struct jll_lane *lane) {
    if (codes->plain)
        return JLL_TURNS - jll_all_turns(JLL_NARROW, 1, codes, bytes, lane);
    if (codes->width == JLL_WIDE)
        return JLL_TURNS - jll_all_turns(JLL_WIDE, 0, codes, bytes, lane);
    return JLL_TURNS - jll_all_turns(JLL_NARROW, 0, codes, bytes, lane);
}

/* One lane on its own, to its limit or a little beyond, or until its room is full. */
static void jll_alone(const struct jll_codes *codes, const uint8_t *bytes, struct jll_lane *lane) {
    struct jll_reader in = {bytes, (size_t)(lane->limit >> 3) + 8, lane->position, 0};
    if (lane->position >= lane->limit)
        return;
    lane->to = jll_expand_one(codes, &in, lane->to, lane->end);
    lane->position = in.position;
}

/* Goes on from `in` by single differences to a place that `lane` has noted.  Returns which, or -1. */
static int jll_meet(const struct jll_codes *codes, struct jll_reader *in, const struct jll_lane *lane, uint16_t **to) {
    unsigned note = 0;
    for (int walked = 0; walked <= JLL_WALK; walked++) {
        while (note < lane->notes && lane->places[note] < in->position)
            note++;
        if (note == lane->notes)
            return -1;
        if (lane->places[note] == in->position)
            return (int)note;
        if (walked < JLL_WALK) {
            if (!jll_next(codes, in, *to))
                return -1;
            ++*to;
        }
    }
    return -1;
}

/* A place near `position` from which some differences can be decoded: bits that are no code would stop a lane at once. */
static uint64_t jll_probe(const struct jll_codes *codes, const struct jll_reader *in, uint64_t position) {
    struct jll_reader probe = {in->bytes, in->size, position, 0};
    uint16_t difference;
    for (int i = 0; i < JLL_PROBE; i++)
        if (!jll_next(codes, &probe, &difference))
            probe.position++;
    return probe.position;
}

/* Where the lanes begin and end, and their room. */
static void jll_lay_out(const struct jll_codes *codes, const struct jll_reader *in, uint64_t part, uint16_t *to, struct jll_lane *lane) {
    for (unsigned k = 0; k < JLL_LANES; k++) {
        uint64_t begin = in->position + k * part;
        lane[k].position = k ? jll_probe(codes, in, begin) : begin;
        lane[k].limit = begin + part;
        lane[k].to = to + k * JLL_LANE + (k ? JLL_WALK : 0);
        lane[k].end = to + (k + 1) * JLL_LANE - JLL_SLACK;
        lane[k].notes = 0;
    }
}

/* How many bits are left for each lane. */
JLL_INLINE uint64_t jll_part(const struct jll_reader *in) {
    uint64_t end = in->size > JLL_SPARE ? ((uint64_t)in->size - JLL_SPARE) * 8 : 0;
    return end > in->position ? (end - in->position) / JLL_LANES : 0;
}

/* The bits that JLL_FULL turns take where all bits are as likely, which a good table makes them. */
static uint64_t jll_guess(const struct jll_codes *codes) {
    uint64_t sum = 0;
    for (size_t i = 0; i < (size_t)1 << codes->width; i += 16)
        sum += codes->entries[i] & 255 ? codes->entries[i] & 255 : codes->width + 4;
    return (sum * 16 * JLL_FULL >> codes->width) * JLL_READS;
}

/* Moves the differences of the lanes to `to`, behind each other, as many as join.  Returns the end of them. */
static uint16_t *jll_gather(const struct jll_codes *codes, struct jll_reader *in, struct jll_ahead *ahead, const struct jll_lane *lane) {
    uint16_t *to = lane[0].to;
    in->position = lane[0].position;
    for (int k = 1; k < JLL_LANES; k++) {
        int late = lane[k - 1].position >= lane[k].places[0], note = jll_meet(codes, in, &lane[k], &to);
        if (note < 0) {
            ahead->doubts += late ? JLL_DOUBT : 0; /* else the lane before was stopped by its turns, which says nothing */
            break;
        }
        ahead->doubts -= ahead->doubts > 1 ? 2 : ahead->doubts;
        size_t n = (size_t)(lane[k].to - lane[k].made[note]);
        memmove(to, lane[k].made[note], 2 * n);
        to += n;
        in->position = lane[k].position;
    }
    return to;
}

/* Differences from lanes; `to` has room for JLL_AHEAD.  Returns the end of them. */
static uint16_t *jll_expand_lanes(const struct jll_codes *codes, struct jll_reader *in, struct jll_ahead *ahead, uint16_t *to) {
    struct jll_lane lane[JLL_LANES];
    uint64_t left = jll_part(in), part = left / (left / ahead->part + 1), done = 0;
    if (codes->plain)
        part -= part % (codes->entries[0] & 255); /* noise of 16 bits: nearly all differences take as many bits, and would not meet */
    jll_lay_out(codes, in, part, to, lane);
    unsigned turns = jll_run(codes, in->bytes, lane);
    for (unsigned k = 0; k < JLL_LANES; k++) {
        done += lane[k].position - (in->position + k * part);
        jll_alone(codes, in->bytes, &lane[k]);
    }
    ahead->part = done / (JLL_LANES * turns) * JLL_FULL;
    if (ahead->part < JLL_LEAST_PART)
        ahead->part = JLL_LEAST_PART;
    return jll_gather(codes, in, ahead, lane);
}

/* Whether lanes are worth their beginning. */
static int jll_by_lanes(const struct jll_reader *in, const struct jll_ahead *ahead, size_t n) {
    return n > JLL_LEAST && jll_part(in) > JLL_LEAST_PART && ahead->doubts <= JLL_DOUBTS;
}

/* Makes at least `least` differences ready, of `n` that are still to come.  Returns how many are; fewer if the bits end or make no code. */
static size_t jll_make_ready(const struct jll_codes *const *codes, size_t step, struct jll_reader *in, struct jll_ahead *ahead,
                             size_t least, size_t n) {
    size_t wanted = least > JLL_BATCH ? least : JLL_BATCH / least * least;
    uint64_t before = UINT64_MAX;
    memmove(ahead->room, ahead->next, 2 * ahead->ready);
    ahead->next = ahead->room;
    if (!ahead->part)
        ahead->part = jll_guess(codes[0]);
    while (ahead->ready < least && before != in->position && jll_one_table(codes, step) && jll_by_lanes(in, ahead, n)) {
        before = in->position;
        ahead->ready = (size_t)(jll_expand_lanes(codes[0], in, ahead, ahead->room + ahead->ready) - ahead->room);
    }
    if (ahead->ready < least) {
        ahead->doubts -= ahead->doubts > 0;
        ahead->ready += jll_expand(codes, step, in, ahead->room + ahead->ready, (wanted < n ? wanted : n) - ahead->ready);
    }
    return ahead->ready < n ? ahead->ready : n;
}
#endif
