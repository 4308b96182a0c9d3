// memory.copy and memory.fill with run-time lengths: many small ones, some medium, a few large and overlapping.
#include "bench.h"

#define SIZE (1 << 20)

static u8 a[SIZE], b[SIZE];

static u64 sample(u32 from) {
    u64 sum = 0;
    for (u32 i = from % 61; i < SIZE; i += 8191) sum = mix(sum, (u64)a[i] << 8 | b[i]);
    return sum;
}

RUN {
    u64 sum = 0;
    u32 state = 777;
    for (u32 i = 0; i < SIZE; i++) a[i] = (u8)(i * 13 >> 3);
    for (i32 round = 0; round < n; round++) {
        for (u32 i = 0; i < 2400000; i++) {
            u32 r = next_random(&state), length = r & 63, from = r >> 6 & 0x7ffff, to = r >> 9 & 0x7ffff;
            if (i & 3) __builtin_memmove(b + to, a + from, length);
            else __builtin_memset(a + to, (int)(r >> 24), length);
        }
        for (u32 i = 0; i < 16000; i++) {
            u32 r = next_random(&state), length = 256 + (r & 2047), from = r >> 6 & 0x7ffff, to = r >> 9 & 0x7ffff;
            if (i & 3) __builtin_memmove(a + to, b + from, length);
            else __builtin_memset(b + to, (int)(r >> 24), length);
        }
        for (u32 i = 0; i < 160; i++) {
            u32 shift = next_random(&state) & 4095;
            __builtin_memmove(a + shift, a, SIZE - shift);
            __builtin_memmove(b, b + shift, SIZE - shift);
        }
        sum = mix(sum, sample(state));
    }
    return (i64)sum;
}
