// SHA-256 of a chained buffer: 32-bit rotates, many live values, big-endian loads. The constants are computed.
#include "bench.h"

#define LENGTH 65536

static u32 k[64], start[8];
static u8 buffer[LENGTH];

static u32 rotate(u32 x, int by) { return x >> by | x << (32 - by); }

// The first 32 bits of the fractional part of a root (FIPS 180-4); f64 is exact enough for 35 bits of a small one.
static u32 root_fraction(double number, int power) {
    double root = __builtin_sqrt(number);
    if (power == 3)
        for (int i = 0; i < 60; i++) root -= (root * root * root - number) / (3 * root * root);
    return (u32)((root - __builtin_floor(root)) * 0x1p32);
}

static void set_up(void) {
    int found = 0;
    for (u32 candidate = 2; found < 64; candidate++) {
        int prime = 1;
        for (u32 d = 2; d * d <= candidate; d++)
            if (candidate % d == 0) prime = 0;
        if (!prime) continue;
        k[found] = root_fraction(candidate, 3);
        if (found < 8) start[found] = root_fraction(candidate, 2);
        found++;
    }
}

static NOINLINE void block(u32 h[8], const u8 *in) {
    u32 w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (u32)in[4 * i] << 24 | (u32)in[4 * i + 1] << 16 | (u32)in[4 * i + 2] << 8 | in[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        u32 s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        u32 s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    u32 v[8];
    for (int i = 0; i < 8; i++) v[i] = h[i];
    for (int i = 0; i < 64; i++) {
        u32 s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        u32 t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        u32 s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        u32 t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + t1;
        v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

static void hash(u32 h[8], const u8 *in, u32 length) {
    u8 tail[128];
    u32 done = 0, rest;
    for (int i = 0; i < 8; i++) h[i] = start[i];
    for (; done + 64 <= length; done += 64) block(h, in + done);
    rest = length - done;
    u32 padded = rest < 56 ? 64 : 128;
    for (u32 i = 0; i < padded; i++) tail[i] = i < rest ? in[done + i] : i == rest ? 0x80 : 0;
    for (u32 i = 0; i < 8; i++) tail[padded - 1 - i] = (u8)((u64)length * 8 >> (8 * i));
    for (u32 at = 0; at < padded; at += 64) block(h, tail + at);
}

// The first four bytes of SHA-256("abc"); ba7816bf if all is well.
__attribute__((export_name("self_test"))) u32 self_test(void) {
    u32 h[8];
    set_up();
    hash(h, (const u8 *)"abc", 3);
    return h[0];
}

RUN {
    u64 sum = 0;
    u32 h[8];
    set_up();
    for (u32 i = 0; i < LENGTH; i++) buffer[i] = (u8)(i * 7 + (i >> 8));
    for (i32 round = 0; round < n; round++)
        for (int part = 0; part < 20; part++) {
            hash(h, buffer, LENGTH - (u32)part);
            for (int i = 0; i < 8; i++) {
                sum = mix(sum, h[i]);
                for (int b = 0; b < 4; b++) buffer[i * 4 + b] = (u8)(h[i] >> (24 - 8 * b));
            }
        }
    return (i64)sum;
}
