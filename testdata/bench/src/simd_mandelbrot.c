// SIMD: the Mandelbrot set four points at a time in f32x4, with lane masks and select.
#include "bench.h"
#include <wasm_simd128.h>

#define WIDTH 480
#define HEIGHT 400
#define DEPTH 300

static NOINLINE v128_t four_points(v128_t cx, v128_t cy) {
    v128_t zx = wasm_f32x4_splat(0), zy = zx, count = wasm_i32x4_splat(0);
    const v128_t four = wasm_f32x4_splat(4.0f);
    for (int i = 0; i < DEPTH; i++) {
        v128_t xx = wasm_f32x4_mul(zx, zx), yy = wasm_f32x4_mul(zy, zy);
        v128_t inside = wasm_f32x4_le(wasm_f32x4_add(xx, yy), four);
        if (!wasm_v128_any_true(inside)) break;
        count = wasm_i32x4_sub(count, inside);
        v128_t xy = wasm_f32x4_mul(zx, zy);
        zx = wasm_v128_bitselect(wasm_f32x4_add(wasm_f32x4_sub(xx, yy), cx), zx, inside);
        zy = wasm_v128_bitselect(wasm_f32x4_add(wasm_f32x4_add(xy, xy), cy), zy, inside);
    }
    return count;
}

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++) {
        float left = -2.0f + 0.001f * (float)(round % 64);
        for (int row = 0; row < HEIGHT; row++) {
            v128_t cy = wasm_f32x4_splat((float)row * (2.4f / HEIGHT) - 1.2f);
            v128_t total = wasm_i32x4_splat(0);
            for (int column = 0; column < WIDTH; column += 4) {
                v128_t at = wasm_f32x4_convert_i32x4(wasm_i32x4_make(column, column + 1, column + 2, column + 3));
                v128_t cx = wasm_f32x4_add(wasm_f32x4_mul(at, wasm_f32x4_splat(2.6f / WIDTH)), wasm_f32x4_splat(left));
                total = wasm_i32x4_add(total, four_points(cx, cy));
            }
            sum = mix(sum, (u64)wasm_i64x2_extract_lane(total, 0) ^ (u64)wasm_i64x2_extract_lane(total, 1) << 1);
        }
    }
    return (i64)sum;
}
