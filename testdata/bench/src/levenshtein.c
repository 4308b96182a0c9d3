// Edit distance of two strings by rows: i32 minimum with selects, two arrays, a tight inner loop.
#include "bench.h"

#define LENGTH 700

static u8 a[LENGTH], b[LENGTH];
static i32 row[LENGTH + 1];

static NOINLINE i32 distance(void) {
    for (i32 j = 0; j <= LENGTH; j++) row[j] = j;
    for (i32 i = 1; i <= LENGTH; i++) {
        i32 diagonal = row[0];
        row[0] = i;
        for (i32 j = 1; j <= LENGTH; j++) {
            i32 above = row[j];
            i32 best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[LENGTH];
}

RUN {
    u64 sum = 0;
    u32 state = 2024;
    for (int i = 0; i < LENGTH; i++) {
        a[i] = (u8)('a' + next_random(&state) % 6);
        b[i] = (u8)('a' + next_random(&state) % 6);
    }
    for (i32 round = 0; round < n; round++)
        for (int part = 0; part < 12; part++) {
            sum = mix(sum, (u32)distance());
            u32 r = next_random(&state);
            a[r % LENGTH] = (u8)('a' + (r >> 16) % 6);
        }
    return (i64)sum;
}
