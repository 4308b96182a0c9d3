// Counting primes by trial division in 64 bits: i64 division and remainder, signed and unsigned.
#include "bench.h"

#define SPAN 8000

static NOINLINE int is_prime(u64 v) {
    if (v % 2 == 0) return v == 2;
    for (u64 d = 3; d * d <= v; d += 2)
        if (v % d == 0) return 0;
    return v > 1;
}

static NOINLINE i64 digit_sum(i64 v) {
    i64 sum = 0;
    for (; v; v /= 10) sum += v % 10;
    return sum;
}

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++) {
        u32 count = 0;
        i64 digits = 0;
        u64 from = 4000000000ull + (u64)(round % 1000) * SPAN;
        for (u64 v = from; v < from + SPAN; v++)
            if (is_prime(v)) {
                count++;
                digits += digit_sum(-(i64)v * 1000003);
            }
        sum = mix(sum, count + ((u64)digits << 32));
    }
    return (i64)sum;
}
