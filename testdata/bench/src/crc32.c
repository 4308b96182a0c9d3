// CRC-32 bit by bit, by one table and by eight tables: xor, shifts, table loads, one long dependency chain.
#include "bench.h"

#define LENGTH 65536

static u32 table[8][256];
static u8 buffer[LENGTH];

static void set_up(void) {
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int bit = 0; bit < 8; bit++) c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        table[0][i] = c;
    }
    for (u32 i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++) table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 255];
    for (u32 i = 0; i < LENGTH; i++) buffer[i] = (u8)(i * i >> 5);
}

static NOINLINE u32 bitwise(const u8 *s, u32 length) {
    u32 c = ~0u;
    while (length--) {
        c ^= *s++;
        for (int bit = 0; bit < 8; bit++) c = c >> 1 ^ (0xedb88320u & (0u - (c & 1)));
    }
    return ~c;
}

static NOINLINE u32 bytewise(const u8 *s, u32 length) {
    u32 c = ~0u;
    while (length--) c = c >> 8 ^ table[0][(c ^ *s++) & 255];
    return ~c;
}

static NOINLINE u32 by_eight(const u8 *s, u32 length) {
    u32 c = ~0u;
    for (; length >= 8; length -= 8, s += 8) {
        u64 v;
        __builtin_memcpy(&v, s, 8);
        v ^= c;
        c = table[7][v & 255] ^ table[6][v >> 8 & 255] ^ table[5][v >> 16 & 255] ^ table[4][v >> 24 & 255] ^
            table[3][v >> 32 & 255] ^ table[2][v >> 40 & 255] ^ table[1][v >> 48 & 255] ^ table[0][v >> 56];
    }
    while (length--) c = c >> 8 ^ table[0][(c ^ *s++) & 255];
    return ~c;
}

RUN {
    u64 sum = 0;
    set_up();
    for (i32 round = 0; round < n; round++) {
        for (int part = 0; part < 80; part++) {
            u32 one = bytewise(buffer, LENGTH - (u32)part), eight = by_eight(buffer, LENGTH - (u32)part);
            if (one != eight) __builtin_trap();
            sum = mix(sum, one);
            buffer[one % LENGTH] ^= (u8)part + 1;
        }
        u32 slow = bitwise(buffer, LENGTH);
        if (slow != by_eight(buffer, LENGTH)) __builtin_trap();
        sum = mix(sum, slow);
    }
    return (i64)sum;
}
