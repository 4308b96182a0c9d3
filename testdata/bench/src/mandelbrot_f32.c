// The Mandelbrot set one point at a time in f32: a scalar float loop that ends on a comparison.
#include "bench.h"

#define WIDTH 320
#define HEIGHT 240
#define DEPTH 300

static NOINLINE i32 escape(float cx, float cy) {
    float zx = 0, zy = 0;
    i32 i = 0;
    for (; i < DEPTH; i++) {
        float xx = zx * zx, yy = zy * zy;
        if (xx + yy > 4.0f) break;
        zy = 2.0f * zx * zy + cy;
        zx = xx - yy + cx;
    }
    return i;
}

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++) {
        float left = -2.0f + 0.001f * (float)(round % 64);
        for (int row = 0; row < HEIGHT; row++) {
            u32 total = 0;
            for (int column = 0; column < WIDTH; column++)
                total = total * 3 + (u32)escape((float)column * (2.6f / WIDTH) + left, (float)row * (2.4f / HEIGHT) - 1.2f);
            sum = mix(sum, total);
        }
    }
    return (i64)sum;
}
