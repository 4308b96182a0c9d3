// Quicksort with comparators called through function pointers: call_indirect in the inner loop.
#include "bench.h"

#define COUNT 32000

typedef struct {
    i32 key;
    u32 tag;
} Item;
typedef int (*Compare)(const Item *, const Item *);

static Item items[COUNT];

static int ascending(const Item *a, const Item *b) { return a->key < b->key ? -1 : a->key > b->key; }
static int descending(const Item *a, const Item *b) { return -ascending(a, b); }
static int by_low_byte(const Item *a, const Item *b) {
    int order = (a->key & 255) - (b->key & 255);
    return order ? order : ascending(a, b);
}
static int by_tag(const Item *a, const Item *b) { return a->tag < b->tag ? -1 : a->tag > b->tag; }

// Not const, so that the compiler cannot know what is called.
static Compare volatile comparators[4] = {ascending, by_low_byte, descending, by_tag};

static void swap(Item *a, Item *b) {
    Item t = *a;
    *a = *b;
    *b = t;
}

static NOINLINE void sort(Item *low, Item *high, Compare compare) {
    while (high - low > 12) {
        Item *middle = low + (high - low) / 2;
        if (compare(middle, low) < 0) swap(middle, low);
        if (compare(high, low) < 0) swap(high, low);
        if (compare(high, middle) < 0) swap(high, middle);
        Item pivot = *middle;
        Item *i = low, *j = high;
        while (i <= j) {
            while (compare(i, &pivot) < 0) i++;
            while (compare(&pivot, j) < 0) j--;
            if (i <= j) swap(i++, j--);
        }
        if (j - low < high - i) {
            sort(low, j, compare);
            low = i;
        } else {
            sort(i, high, compare);
            high = j;
        }
    }
    for (Item *i = low + 1; i <= high; i++)
        for (Item *j = i; j > low && compare(j, j - 1) < 0; j--) swap(j, j - 1);
}

RUN {
    u64 sum = 0;
    u32 state = 4242;
    for (i32 round = 0; round < n; round++) {
        for (u32 i = 0; i < COUNT; i++) items[i] = (Item){(i32)next_random(&state) >> 4, state ^ i};
        for (int c = 0; c < 4; c++) {
            Compare compare = comparators[c];
            sort(items, items + COUNT - 1, compare);
            for (u32 i = 1; i < COUNT; i++)
                if (compare(&items[i - 1], &items[i]) > 0) __builtin_trap();
            sum = mix(sum, (u32)items[COUNT / 3].key + ((u64)items[COUNT / 2].tag << 32));
        }
    }
    return (i64)sum;
}
