// SIMD: dot products of f32 and i16 vectors, with a byte shuffle and a saturating sum in between.
#include "bench.h"
#include <wasm_simd128.h>

#define LENGTH 4096
#define REPEAT 3000

static float x[LENGTH] __attribute__((aligned(16))), y[LENGTH] __attribute__((aligned(16)));
static int16_t p[LENGTH] __attribute__((aligned(16))), q[LENGTH] __attribute__((aligned(16)));
static u8 bytes[LENGTH] __attribute__((aligned(16)));

static NOINLINE float dot_f32(void) {
    v128_t t0 = wasm_f32x4_splat(0), t1 = t0;
    for (int i = 0; i < LENGTH; i += 8) {
        t0 = wasm_f32x4_add(t0, wasm_f32x4_mul(wasm_v128_load(x + i), wasm_v128_load(y + i)));
        t1 = wasm_f32x4_add(t1, wasm_f32x4_mul(wasm_v128_load(x + i + 4), wasm_v128_load(y + i + 4)));
    }
    v128_t t = wasm_f32x4_add(t0, t1);
    return wasm_f32x4_extract_lane(t, 0) + wasm_f32x4_extract_lane(t, 1) + wasm_f32x4_extract_lane(t, 2) +
           wasm_f32x4_extract_lane(t, 3);
}

static NOINLINE i32 dot_i16(void) {
    v128_t t = wasm_i32x4_splat(0);
    for (int i = 0; i < LENGTH; i += 8)
        t = wasm_i32x4_add(t, wasm_i32x4_dot_i16x8(wasm_v128_load(p + i), wasm_v128_load(q + i)));
    return wasm_i32x4_extract_lane(t, 0) + wasm_i32x4_extract_lane(t, 1) + wasm_i32x4_extract_lane(t, 2) +
           wasm_i32x4_extract_lane(t, 3);
}

static NOINLINE u32 stir(v128_t key) {
    v128_t t = wasm_i8x16_splat(0);
    for (int i = 0; i < LENGTH; i += 16) {
        v128_t v = wasm_i8x16_swizzle(wasm_v128_load(bytes + i), key);
        v = wasm_i8x16_shuffle(v, t, 0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31);
        wasm_v128_store(bytes + i, v);
        t = wasm_u8x16_add_sat(wasm_u8x16_min(t, v), wasm_u16x8_shr(v, 3));
    }
    return (u32)wasm_i8x16_bitmask(t) ^ wasm_u32x4_extract_lane(t, 1);
}

RUN {
    u64 sum = 0;
    u32 state = 12345;
    for (int i = 0; i < LENGTH; i++) {
        x[i] = (float)(next_random(&state) % 1000) / 64.0f;
        y[i] = (float)(next_random(&state) % 1000) / 128.0f - 3.0f;
        p[i] = (int16_t)next_random(&state);
        q[i] = (int16_t)next_random(&state);
        bytes[i] = (u8)next_random(&state);
    }
    v128_t key = wasm_u8x16_make(3, 1, 4, 15, 9, 2, 6, 5, 8, 0, 7, 11, 10, 13, 12, 14);
    for (i32 round = 0; round < n; round++)
        for (int r = 0; r < REPEAT; r++) {
            sum = mix(sum, bits_of((double)dot_f32()));
            sum = mix(sum, (u32)dot_i16());
            sum = mix(sum, stir(key));
            x[r % LENGTH] += 0.5f;
            p[r % LENGTH] = (int16_t)(p[r % LENGTH] + 3);
        }
    return (i64)sum;
}
