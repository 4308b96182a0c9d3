// N queens by bit masks, with clz, ctz and popcnt on 32 and 64 bits: recursion with several live values.
#include "bench.h"

#define SIZE 11

static u64 trail;

static NOINLINE u32 place(u32 columns, u32 left, u32 right, u32 row) {
    if (row == SIZE) return 1;
    u32 solutions = 0;
    u32 open = ((1u << SIZE) - 1) & ~(columns | left | right);
    trail += (u32)__builtin_popcount(open);
    while (open) {
        u32 bit = 1u << __builtin_ctz(open);
        open &= open - 1;
        trail = trail << 1 ^ (trail >> 61) ^ (u32)__builtin_clz(bit);
        solutions += place(columns | bit, (left | bit) << 1, (right | bit) >> 1, row + 1);
    }
    return solutions;
}

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++)
        for (int part = 0; part < 8; part++) {
            trail = (u64)round;
            sum = mix(sum, place(0, 0, 0, 0));
            sum = mix(sum, trail + (u64)__builtin_popcountll(trail) + (u64)__builtin_clzll(trail | 1));
        }
    return (i64)sum;
}
