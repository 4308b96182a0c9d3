// Compresses a generated text at several levels, decompresses it, compares, and prints sizes and a checksum.
// The first argument is the size of the text in KiB (2048 if there is none).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zstd.h"

static uint64_t checksum(const unsigned char *bytes, size_t length) {
    uint64_t sum = 14695981039346656037ull;
    for (size_t i = 0; i < length; i++) sum = (sum ^ bytes[i]) * 1099511628211ull;
    return sum;
}

static void fill(char *text, size_t length) {
    static const char *const words[] = {"wasm ", "module ", "a ", "function ", "the ", "call ", "of ", "memory ", "trap\n", "0x", "stack ", "table "};
    uint32_t state = 1;
    for (size_t at = 0; at < length;) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        char number[16];
        const char *word = words[state % 12];
        if (state % 29 == 0) {
            snprintf(number, sizeof number, "%u ", (unsigned)(state >> 7));
            word = number;
        }
        size_t step = strlen(word);
        if (step > length - at) step = length - at;
        memcpy(text + at, word, step);
        at += step;
    }
}

int main(int argc, char **argv) {
    size_t length = (size_t)(argc > 1 ? atoi(argv[1]) : 2048) * 1024, room = ZSTD_compressBound(length);
    char *text = malloc(length), *packed = malloc(room), *back = malloc(length);
    if (!text || !packed || !back) return 2;
    fill(text, length);
    printf("zstd %s\n%zu bytes, checksum %016llx\n", ZSTD_versionString(), length, (unsigned long long)checksum((unsigned char *)text, length));
    static const int levels[] = {-5, 1, 3, 9, 15, 19};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        // The high levels are slow: a part of the text is enough for them.
        size_t part = levels[i] > 9 ? length / 4 : length;
        size_t size = ZSTD_compress(packed, room, text, part, levels[i]);
        if (ZSTD_isError(size)) {
            printf("level %d: %s\n", levels[i], ZSTD_getErrorName(size));
            return 1;
        }
        memset(back, 0, length);
        size_t result = ZSTD_decompress(back, length, packed, size);
        int same = result == part && !memcmp(back, text, part);
        printf("level %d: %zu -> %zu, checksum %016llx, %s\n", levels[i], part, size, (unsigned long long)checksum((unsigned char *)packed, size), same ? "same" : "DIFFERENT");
        if (!same) return 1;
    }
    packed[20] ^= 0x40;
    packed[200] ^= 0x40;
    printf("damaged: %s\n", ZSTD_isError(ZSTD_decompress(back, length, packed, room / 2)) ? "refused" : "accepted");
    return 0;
}
