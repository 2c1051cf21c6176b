/* Binary floats as Decimal String text (PS3.5 6.2, DS: at most 16 characters out of 0-9 + - E e .).
 *
 * Here: double -> shortest decimal -> at most 16 characters, and the double that those characters mean.  No Python, no locale, no
 * allocation, no state but the table of powers, which _decimal.pyx fills at import.  Included by _decimal.pyx only: others cimport it.
 * Not here: text that the caller already has as text, padding, joining, value multiplicity.
 *
 * The shortest decimal is found by Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles", 2020).
 */
#ifndef DCMENC_DECIMAL_H
#define DCMENC_DECIMAL_H

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DS_LONGEST = 16, /* characters of one value, PS3.5 6.2 */
    DS_ROOM = 32,    /* what the caller provides: copies are of fixed size and may write beyond the text */
    FIRST_POWER = -292,
    LAST_POWER = 324
};

/* The value digits * 10^exponent; side is the sign of (the exact double - this value). */
struct decimal {
    uint64_t digits;
    int exponent;
    int side;
};

/* 10^k for k = FIRST_POWER..LAST_POWER, scaled by a power of two into [2^127, 2^128) and rounded up. */
struct power {
    uint64_t high;
    uint64_t low;
};

static struct power POWERS[LAST_POWER - FIRST_POWER + 1];

static const uint64_t TENS[] = {
    UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000), UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000),
    UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000), UINT64_C(10000000000), UINT64_C(100000000000),
    UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
    UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000),
};

/* The powers of ten that a double holds exactly. */
static const double EXACT_TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const char PAIRS[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static inline int count_digits(uint64_t v) {
    int bits = 64 - __builtin_clzll(v | 1);
    int least = bits * 1233 >> 12; /* 1233 / 2^12 is just above log10(2): right, or one too high */
    return least + (v >= TENS[least]);
}

static inline void write_pair(uint32_t v, char *out) { memcpy(out, PAIRS + 2 * v, 2); }

static inline void write_eight(uint32_t v, char *out) {
    uint32_t high = v / 10000, low = v % 10000;
    write_pair(high / 100, out);
    write_pair(high % 100, out + 2);
    write_pair(low / 100, out + 4);
    write_pair(low % 100, out + 6);
}

/* v < 10^16, with leading zeros. */
static inline void write_sixteen(uint64_t v, char *out) {
    write_eight((uint32_t)(v / 100000000), out);
    write_eight((uint32_t)(v % 100000000), out + 8);
}

static inline void strip_zeros(struct decimal *d) {
    while (d->digits % 100000000 == 0) {
        d->digits /= 100000000;
        d->exponent += 8;
    }
    for (int step = 4; step; step >>= 1) {
        uint64_t ten = TENS[step];
        if (d->digits % ten == 0) {
            d->digits /= ten;
            d->exponent += step;
        }
    }
}

/* If v / 10^4, correctly rounded, is the value, then v / 10^4 reads back as it; v has at most 13 digits, and two decimals of up to
   15 digits never read back as the same double: it is the shortest. */
static inline int scales(double magnitude, uint64_t *v) {
    if (!(magnitude < 1e9))
        return 0;
    *v = (uint64_t)(magnitude * 10000.0 + 0.5);
    return (double)*v / 10000.0 == magnitude;
}

static inline int write_scaled(uint64_t v, char *out) {
    char digits[24]; /* the copy of the whole part is of fixed size and runs on behind the sixteen */
    int whole = v < 100000 ? 1 : count_digits(v) - 4, length;
    write_sixteen(v, digits);
    memset(digits + 16, '0', 8);
    memcpy(out, digits + 12 - whole, 12);
    if (v % 10000 == 0)
        return whole;
    out[whole] = '.';
    memcpy(out + whole + 1, digits + 12, 4);
    for (length = whole + 5; out[length - 1] == '0'; length--)
        ;
    return length;
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Four digits as a word whose lowest byte is the first character. */
static inline uint32_t four_digits(uint32_t v) {
    uint16_t high, low;
    memcpy(&high, PAIRS + 2 * (v / 100), 2);
    memcpy(&low, PAIRS + 2 * (v % 100), 2);
    return high | (uint32_t)low << 16;
}

/* v < 10^8, so that whole part and fraction are a word each: the leading and the trailing zeros are counted in its bits. */
static inline int write_scaled_short(uint32_t v, char *out) {
    const uint32_t zeros = 0x30303030;
    uint32_t whole = four_digits(v / 10000), fraction = four_digits(v % 10000);
    int leading = __builtin_ctz((whole ^ zeros) | UINT32_C(0x80000000)) >> 3, length = 4 - leading;
    whole >>= 8 * leading;
    memcpy(out, &whole, 4);
    if (fraction == zeros)
        return length;
    out[length] = '.';
    memcpy(out + length + 1, &fraction, 4);
    return length + 5 - (__builtin_clz(fraction ^ zeros) >> 3);
}
#else
#define write_scaled_short write_scaled
#endif

static inline int floor_log2_of_ten_to(int e) { return e * 1741647 >> 19; }

/* floor(log10(2^e)), and the same for three quarters of 2^e. */
static inline int floor_log10_of_two_to(int e, int three_quarters) { return (e * 1262611 - (three_quarters ? 524031 : 0)) >> 22; }

/* floor(x * g / 2^128), made odd if anything was cut off: it then compares with every even integer as the exact product does.
   g is less than 1 too large, hence a last word of 1 is still an exact product. */
static inline uint64_t scale_to_odd(struct power g, uint64_t x) {
    unsigned __int128 carry = (unsigned __int128)g.low * x >> 64;
    unsigned __int128 product = (unsigned __int128)g.high * x + carry;
    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* The decimal with the fewest digits among those that read back as the magnitude (finite, not zero), and of these the nearest.

   The double is c * 2^q; everything nearer to it than to its neighbours reads back as it.  10^k is the largest power of ten not above the
   width of that interval, so that at most one multiple of 10^(k+1) lies inside: if one does, it is the answer, else one of the two
   multiples of 10^k around the double.  All in quarters of 10^k, where the ends of the interval are integers before scaling. */
static inline struct decimal shorten(double magnitude) {
    uint64_t bits, fraction, c, at, low, high, s, tens;
    int biased, q, k, shift, narrow, odd, under, over;
    memcpy(&bits, &magnitude, sizeof bits);
    fraction = bits & ((UINT64_C(1) << 52) - 1);
    biased = (int)(bits >> 52);
    c = biased ? fraction | UINT64_C(1) << 52 : fraction;
    q = (biased ? biased : 1) - 1075;
    narrow = fraction == 0 && biased > 1; /* below a power of two the neighbour is half as far away */
    odd = (int)(c & 1);                   /* a tie reads back as the even neighbour: the ends belong to an even c only */
    k = floor_log10_of_two_to(q, narrow);
    shift = q + floor_log2_of_ten_to(-k) + 1;

    struct power g = POWERS[-k - FIRST_POWER];
    at = scale_to_odd(g, c << 2 << shift);
    low = scale_to_odd(g, ((c << 2) - 2 + (uint64_t)narrow) << shift) + (uint64_t)odd;
    high = scale_to_odd(g, ((c << 2) + 2) << shift) - (uint64_t)odd;

    s = at / 4;
    tens = s / 10 * 10;
    under = low <= 4 * tens;
    over = 4 * tens + 40 <= high;
    if (s >= 10 && under != over) {
        s = over ? tens + 10 : tens;
    } else {
        under = low <= 4 * s;
        over = 4 * s + 4 <= high;
        if (under != over)
            s += (uint64_t)over;
        else
            s += at > 4 * s + 2 || (at == 4 * s + 2 && (s & 1));
    }
    struct decimal shortest = {s, k, (at > 4 * s) - (at < 4 * s)};
    strip_zeros(&shortest);
    return shortest;
}

/* point: where the decimal point stands, counted from the first of the n digits: 0.d1d2..dn * 10^point. */
static inline int fixed_length(int n, int point) {
    if (point <= 0)
        return 2 - point + n;
    return point >= n ? point : n + 1;
}

/* "e" and the exponent of d1.d2..dn. */
static inline int exponent_length(int point) {
    int x = point - 1, size = abs(x);
    return 1 + (x < 0) + (size >= 100 ? 3 : size >= 10 ? 2 : 1);
}

static inline int scientific_length(int n, int point) { return n + (n > 1) + exponent_length(point); }

/* How many digits a text of that many characters can hold, in the layout that holds more; with all its digits it does not fit. */
static inline int most_digits(int room, int point) {
    int scientific = room - 1 - exponent_length(point), fixed = 0;
    if (point <= 0)
        fixed = room - 2 + point;
    else if (point <= room)
        fixed = point == room ? room : room - 1; /* an integer has no point */
    return fixed > scientific ? fixed : scientific;
}

/* Round to that many digits, half to even, as the exact double would be.  Rounding the shortest decimal gives the same, except where it
   ends in the very tie: any other midpoint between it and the double would itself read back as the double and be shorter or nearer.
   At a tie, side knows. */
static inline void keep_digits(struct decimal *d, int n, int kept) {
    uint64_t unit = TENS[n - kept], rest = d->digits % unit, half = unit / 2, digits = d->digits / unit;
    if (rest > half || (rest == half && (d->side > 0 || (d->side == 0 && (digits & 1)))))
        digits++;
    if (d->exponent + n == 309) { /* as large as DBL_MAX, 1.7976931348623157e308: beyond it the text would mean infinity */
        uint64_t largest = UINT64_C(17976931348623157) / TENS[17 - kept];
        digits = digits > largest ? largest : digits;
    }
    d->digits = digits;
    d->exponent += n - kept;
    strip_zeros(d);
}

/* Fit the decimal into the characters that are there; 0 if it did already. */
static inline int fit(struct decimal *d, int negative) {
    int n = count_digits(d->digits), point = d->exponent + n, room = DS_LONGEST - negative;
    if (fixed_length(n, point) <= room || scientific_length(n, point) <= room)
        return 0;
    keep_digits(d, n, most_digits(room, point));
    return 1;
}

static inline char *write_exponent(int x, char *out) {
    uint32_t size = (uint32_t)abs(x);
    *out++ = 'e';
    if (x < 0)
        *out++ = '-';
    if (size >= 100) {
        *out++ = (char)('0' + size / 100);
        write_pair(size % 100, out);
        return out + 2;
    }
    if (size >= 10) {
        write_pair(size, out);
        return out + 2;
    }
    *out++ = (char)('0' + size);
    return out;
}

/* Fixed where that fits, else scientific; one of them does. */
static inline int lay_out(struct decimal d, int room, char *out) {
    char padded[DS_ROOM + 16], *digits;
    int n = count_digits(d.digits), point = d.exponent + n, fixed = fixed_length(n, point);
    write_sixteen(d.digits, padded);
    memset(padded + 16, '0', sizeof padded - 16); /* an integer's trailing zeros */
    digits = padded + 16 - n;
    if (fixed > room) {
        out[0] = digits[0];
        out[1] = '.';
        memcpy(out + 2, digits + 1, 16);
        return (int)(write_exponent(point - 1, out + (n > 1 ? n + 1 : 1)) - out);
    }
    if (point <= 0) {
        memcpy(out, "0.00000000000000", 16);
        memcpy(out + 2 - point, digits, 16);
        return fixed;
    }
    memcpy(out, digits, 16);
    if (point < n) {
        out[point] = '.';
        memcpy(out + point + 1, digits + point, 16);
    }
    return fixed;
}

/* The text of a value, out having DS_ROOM characters of room; the number of characters, 0 for what DS cannot say (NaN, infinities). */
static inline int write_decimal(double value, char *out) {
    double magnitude = fabs(value);
    int negative = signbit(value) != 0;
    uint64_t v;
    *out = '-';
    if (scales(magnitude, &v))
        return negative + (v < 100000000 ? write_scaled_short((uint32_t)v, out + negative) : write_scaled(v, out + negative));
    if (!isfinite(value))
        return 0;
    struct decimal d = shorten(magnitude);
    fit(&d, negative);
    return negative + lay_out(d, DS_LONGEST - negative, out + negative);
}

/* Up to 2^53 and 10^22 both operands are exact and one rounding remains.  Elsewhere strtod, which reads the locale only for the decimal
   point: there is none. */
static inline double read_decimal(struct decimal d) {
    char text[32];
    if (d.digits <= UINT64_C(1) << 53 && abs(d.exponent) <= 22)
        return d.exponent < 0 ? (double)d.digits / EXACT_TENS[-d.exponent] : (double)d.digits * EXACT_TENS[d.exponent];
    snprintf(text, sizeof text, "%" PRIu64 "e%d", d.digits, d.exponent);
    return strtod(text, NULL);
}

/* What write_decimal's text reads back as; NaN and the infinities, which have none, stay. */
static inline double round_to_text(double value) {
    double magnitude = fabs(value);
    uint64_t v;
    if (scales(magnitude, &v) || !isfinite(value))
        return value;
    struct decimal d = shorten(magnitude);
    return fit(&d, signbit(value) != 0) ? copysign(read_decimal(d), value) : value;
}

#endif
