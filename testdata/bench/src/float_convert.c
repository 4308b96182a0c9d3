// Conversions between integers and floats, rounding, min/max, copysign, saturation: the less common float operators.
#include "bench.h"

RUN {
    u64 sum = 0;
    u32 state = 555;
    for (i32 round = 0; round < n; round++)
        for (int i = 0; i < 1600000; i++) {
            u32 r = next_random(&state);
            double d = (double)(i32)r * 1.00048828125 + (double)(u64)sum * 0x1p-40;
            float f = (float)d;
            d = __builtin_floor(d * 0.25) + __builtin_ceil((double)f) - __builtin_trunc(d) + __builtin_rint(d * 0.5);
            f = __builtin_copysignf(__builtin_sqrtf(__builtin_fabsf(f)), (float)d);
            double low = d < (double)f ? d : (double)f;
            i64 whole = __builtin_wasm_trunc_saturate_s_i64_f64(d);
            u32 clipped = (u32)__builtin_wasm_trunc_saturate_u_i32_f64(low);
            sum = mix(sum, (u64)whole ^ clipped ^ (u64)__builtin_wasm_trunc_saturate_s_i32_f32(f) << 32);
        }
    return (i64)sum;
}
