// A 64-bit multiply-rotate hash in four lanes (the xxHash64 recurrence): i64 multiplies, rotates, wide loads.
#include "bench.h"

#define LENGTH 262144

static u8 buffer[LENGTH];
static const u64 P1 = 0x9e3779b185ebca87ull, P2 = 0xc2b2ae3d27d4eb4full, P3 = 0x165667b19e3779f9ull,
                 P4 = 0x85ebca77c2b2ae63ull, P5 = 0x27d4eb2f165667c5ull;

static u64 rotate(u64 x, int by) { return x << by | x >> (64 - by); }
static u64 load64(const u8 *s) {
    u64 v;
    __builtin_memcpy(&v, s, 8);
    return v;
}
static u64 turn(u64 lane, u64 in) { return rotate(lane + in * P2, 31) * P1; }
static u64 join(u64 h, u64 lane) { return (h ^ turn(0, lane)) * P1 + P4; }

static NOINLINE u64 hash(const u8 *s, u32 length, u64 seed) {
    const u8 *end = s + length;
    u64 h = seed + P5;
    if (length >= 32) {
        u64 a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
        for (; end - s >= 32; s += 32) {
            a = turn(a, load64(s));
            b = turn(b, load64(s + 8));
            c = turn(c, load64(s + 16));
            d = turn(d, load64(s + 24));
        }
        h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        h = join(join(join(join(h, a), b), c), d);
    }
    h += length;
    for (; end - s >= 8; s += 8) h = rotate(h ^ turn(0, load64(s)), 27) * P1 + P4;
    for (; s < end; s++) h = rotate(h ^ *s * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

RUN {
    u64 sum = 0;
    for (u32 i = 0; i < LENGTH; i++) buffer[i] = (u8)(i * 2654435761u >> 13);
    for (i32 round = 0; round < n; round++) {
        for (u32 part = 0; part < 240; part++) sum = mix(sum, hash(buffer + part, LENGTH - 2 * part, sum));
        for (u32 part = 0; part < 200000; part++) sum = mix(sum, hash(buffer + part, part & 63, sum));
    }
    return (i64)sum;
}
