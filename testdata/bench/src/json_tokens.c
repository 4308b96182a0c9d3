// A JSON tokenizer over a generated document: UTF-8 decoding, escapes, numbers, nesting; branches on bytes.
#include "bench.h"

#define CAPACITY 262144

static u8 document[CAPACITY];
static u32 length;

static void put(const char *s) {
    while (*s) document[length++] = (u8)*s++;
}

static void put_number(u32 v) {
    u8 digits[10];
    int count = 0;
    do digits[count++] = (u8)('0' + v % 10);
    while (v /= 10);
    while (count) document[length++] = digits[--count];
}

static void write_document(void) {
    static const char *const words[] = {"alpha", "b\\u00eata", "\xce\xb3\xce\xac\xce\xbc\xce\xbc\xce\xb1", "del\\nta",
                                        "\xe6\xbc\xa2\xe5\xad\x97", "\xf0\x9f\xa6\x80 crab", "say \\\"eta\\\"", ""};
    u32 state = 31337;
    length = 0;
    put("[\n");
    while (length < CAPACITY - 512) {
        u32 r = next_random(&state);
        put("  {\"id\": ");
        put_number(r >> 8);
        put(", \"name\": \"");
        put(words[r & 7]);
        put("\", \"ratio\": -");
        put_number(r >> 20);
        put(".");
        put_number(r & 0xffff);
        put(r & 8 ? "e-3" : "E+2");
        put(r & 16 ? ", \"tags\": [true, false, [null, \"x\", []]]" : ", \"empty\": {}");
        put("},\n");
    }
    put("  null\n]\n");
}

typedef struct {
    u32 strings, characters, numbers, words, depth, deepest, errors;
    u64 sum;
} Counts;

// Reads one UTF-8 character; errors give U+FFFD and consume one byte.
static u32 character(const u8 **at, const u8 *end, Counts *c) {
    const u8 *s = *at;
    u32 first = *s++, need, value, least;
    if (first < 0x80) {
        *at = s;
        return first;
    }
    if (first >= 0xc2 && first < 0xe0) need = 1, value = first & 0x1f, least = 0x80;
    else if (first >= 0xe0 && first < 0xf0) need = 2, value = first & 0x0f, least = 0x800;
    else if (first >= 0xf0 && first < 0xf5) need = 3, value = first & 0x07, least = 0x10000;
    else goto bad;
    while (need--) {
        if (s == end || (*s & 0xc0) != 0x80) goto bad;
        value = value << 6 | (*s++ & 0x3f);
    }
    if (value < least || value > 0x10ffff || (value & 0xfffff800) == 0xd800) goto bad;
    *at = s;
    return value;
bad:
    c->errors++;
    *at += 1;
    return 0xfffd;
}

static const u8 *string(const u8 *s, const u8 *end, Counts *c) {
    c->strings++;
    while (s < end) {
        u32 ch = character(&s, end, c);
        if (ch == '"') return s;
        if (ch == '\\' && s < end) {
            u8 kind = *s++;
            if (kind == 'u') {
                u32 value = 0;
                for (int i = 0; i < 4 && s < end; i++, s++) {
                    u32 d = *s;
                    value = value << 4 | (d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
                }
                ch = value;
            } else {
                ch = kind == 'n' ? '\n' : kind == 't' ? '\t' : kind;
            }
        } else if (ch < 0x20) {
            c->errors++;
        }
        c->characters++;
        c->sum = mix(c->sum, ch);
    }
    c->errors++;
    return s;
}

static const u8 *number(const u8 *s, const u8 *end, Counts *c) {
    double value = 0, scale = 1;
    int negative = *s == '-', exponent = 0, down = 0;
    s += negative;
    for (; s < end && *s >= '0' && *s <= '9'; s++) value = value * 10 + (*s - '0');
    if (s < end && *s == '.')
        for (s++; s < end && *s >= '0' && *s <= '9'; s++) value = value * 10 + (*s - '0'), scale *= 10;
    if (s < end && (*s | 32) == 'e') {
        s++;
        down = *s == '-';
        s += *s == '-' || *s == '+';
        for (; s < end && *s >= '0' && *s <= '9'; s++) exponent = exponent * 10 + (*s - '0');
    }
    value /= scale;
    for (; exponent; exponent--) value = down ? value / 10 : value * 10;
    c->numbers++;
    c->sum = mix(c->sum, bits_of(negative ? -value : value));
    return s;
}

static NOINLINE void tokenize(const u8 *s, const u8 *end, Counts *c) {
    while (s < end) {
        switch (*s) {
        case ' ': case '\n': case '\t': case '\r': case ',': case ':': s++; break;
        case '{': case '[':
            if (++c->depth > c->deepest) c->deepest = c->depth;
            s++;
            break;
        case '}': case ']': c->depth--, s++; break;
        case '"': s = string(s + 1, end, c); break;
        case '-': case '0': case '1': case '2': case '3': case '4':
        case '5': case '6': case '7': case '8': case '9': s = number(s, end, c); break;
        case 't': case 'n': s += 4, c->words++; break;
        case 'f': s += 5, c->words++; break;
        default: c->errors++, s++;
        }
    }
}

RUN {
    u64 sum = 0;
    write_document();
    for (i32 round = 0; round < n; round++)
        for (int part = 0; part < 24; part++) {
            Counts c = {0};
            tokenize(document, document + length, &c);
            sum = mix(sum, c.sum);
            sum = mix(sum, c.strings + ((u64)c.characters << 32));
            sum = mix(sum, c.numbers + ((u64)c.words << 32));
            sum = mix(sum, c.depth + ((u64)c.deepest << 16) + ((u64)c.errors << 32));
            // A lone continuation byte now and then, so that the error path is not dead.
            document[2 + (u32)(round * 24 + part) * 97 % (length - 4)] = 0x80;
        }
    return (i64)sum;
}
