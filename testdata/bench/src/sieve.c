// Sieve of Eratosthenes over bytes: short loops of i32 additions and byte stores with a stride.
#include "bench.h"

#define LIMIT 1000000

static u8 composite[LIMIT + 1];

static NOINLINE u64 sieve(void) {
    u32 count = 0, last = 0;
    for (u32 i = 0; i <= LIMIT; i++) composite[i] = 0;
    for (u32 i = 2; i <= LIMIT; i++) {
        if (composite[i]) continue;
        count++;
        last = i;
        if (i <= 1000)
            for (u32 j = i * i; j <= LIMIT; j += i) composite[j] = 1;
    }
    return count + ((u64)last << 32);
}

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++)
        for (int part = 0; part < 5; part++) sum = mix(sum, sieve() + (u64)round);
    return (i64)sum;
}
