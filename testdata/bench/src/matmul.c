// Product of two f64 matrices, row by column: scaled addressing, multiply-add chains.
#include "bench.h"

#define SIZE 240

static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static NOINLINE void multiply(void) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            double total = 0;
            for (int k = 0; k < SIZE; k++) total += a[i][k] * b[k][j];
            c[i][j] = total;
        }
}

RUN {
    u64 sum = 0;
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (double)((i * 7 + j * 3) % 17) / 16.0;
            b[i][j] = (double)((i * 5 + j * 11) % 23) / 32.0 - 0.25;
        }
    for (i32 round = 0; round < n; round++) {
        multiply();
        for (int i = 0; i < SIZE; i++) sum = mix(sum, bits_of(c[i][(i * 31) % SIZE]));
        a[round % SIZE][(round * 13) % SIZE] += 0.5;
    }
    return (i64)sum;
}
