// Base64 encoding and decoding with lookup tables: byte loads, shifts, dependent table reads.
#include "bench.h"

#define LENGTH 98304
#define ENCODED (LENGTH / 3 * 4)

static u8 raw[LENGTH], text[ENCODED], back[LENGTH];
static u8 digit[64], value[256];

static void set_up(void) {
    for (int i = 0; i < 64; i++)
        digit[i] = (u8)(i < 26 ? 'A' + i : i < 52 ? 'a' + i - 26 : i < 62 ? '0' + i - 52 : i == 62 ? '+' : '/');
    for (int i = 0; i < 256; i++) value[i] = 0xff;
    for (int i = 0; i < 64; i++) value[digit[i]] = (u8)i;
}

static NOINLINE void encode(void) {
    for (u32 i = 0, o = 0; i < LENGTH; i += 3, o += 4) {
        u32 v = (u32)raw[i] << 16 | (u32)raw[i + 1] << 8 | raw[i + 2];
        text[o] = digit[v >> 18];
        text[o + 1] = digit[v >> 12 & 63];
        text[o + 2] = digit[v >> 6 & 63];
        text[o + 3] = digit[v & 63];
    }
}

static NOINLINE u32 decode(void) {
    u32 bad = 0;
    for (u32 i = 0, o = 0; i < ENCODED; i += 4, o += 3) {
        u8 a = value[text[i]], b = value[text[i + 1]], c = value[text[i + 2]], d = value[text[i + 3]];
        bad |= (u32)((a | b | c | d) & 0x80);
        u32 v = (u32)a << 18 | (u32)b << 12 | (u32)c << 6 | d;
        back[o] = (u8)(v >> 16);
        back[o + 1] = (u8)(v >> 8);
        back[o + 2] = (u8)v;
    }
    return bad;
}

RUN {
    u64 sum = 0;
    u32 state = 99;
    set_up();
    for (u32 i = 0; i < LENGTH; i++) raw[i] = (u8)next_random(&state);
    for (i32 round = 0; round < n; round++)
        for (int part = 0; part < 40; part++) {
            encode();
            sum = mix(sum, decode());
            for (u32 i = 0; i < LENGTH; i += 4099) sum = mix(sum, (u64)back[i] << 8 | text[i]);
            raw[(u32)(round * 40 + part) % LENGTH] ^= 0x5a;
        }
    return (i64)sum;
}
