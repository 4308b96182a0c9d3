// Fannkuch: permutations and prefix reversals of a short array; i32 loads and stores with data-dependent loops.
#include "bench.h"

#define SIZE 8

static i32 permutation[SIZE], work[SIZE], count[SIZE];

static NOINLINE i64 all_flips(void) {
    i32 most = 0, sign = 1, checksum = 0, r = SIZE;
    for (i32 i = 0; i < SIZE; i++) permutation[i] = i;
    for (;;) {
        for (; r != 1; r--) count[r - 1] = r;
        if (permutation[0]) {
            i32 flips = 0;
            for (i32 i = 0; i < SIZE; i++) work[i] = permutation[i];
            while (work[0]) {
                for (i32 low = 0, high = work[0]; low < high; low++, high--) {
                    i32 t = work[low];
                    work[low] = work[high];
                    work[high] = t;
                }
                flips++;
            }
            if (flips > most) most = flips;
            checksum += sign * flips;
        }
        sign = -sign;
        for (;; r++) {
            if (r == SIZE) return (i64)most << 32 | (u32)checksum;
            i32 first = permutation[0];
            for (i32 i = 0; i < r; i++) permutation[i] = permutation[i + 1];
            permutation[r] = first;
            if (--count[r] > 0) break;
        }
    }
}

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++)
        for (int part = 0; part < 12; part++) sum = mix(sum, (u64)all_flips() + (u64)round);
    return (i64)sum;
}
