// What every benchmark program shares: the export, fixed-width names, a checksum and a random source.
// Freestanding: no libc, no imports. Each program exports `run(i32 n) -> i64`; its work is linear in n.
#ifndef WZ_BENCH_H
#define WZ_BENCH_H
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define RUN __attribute__((export_name("run"))) i64 run(i32 n)
#define NOINLINE __attribute__((noinline))

// Folds a value into a checksum; order matters.
static inline u64 mix(u64 sum, u64 value) {
    sum ^= value;
    sum *= 0x9e3779b97f4a7c15ull;
    return sum ^ (sum >> 29);
}

static inline u64 bits_of(double value) {
    u64 bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

// xorshift32; the state must not be 0.
static inline u32 next_random(u32 *state) {
    u32 x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}
#endif
