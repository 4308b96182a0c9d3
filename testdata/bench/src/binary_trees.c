// Building and walking binary trees over a small free-list allocator on grown memory: pointers, recursion, memory.grow.
#include "bench.h"

#define LARGEST 16

typedef struct Node {
    struct Node *left, *right;
} Node;

// One size class: freed nodes form a list; new ones come from the pages behind the program's data.
static Node *free_list;
static uintptr_t next_fresh, fresh_end;

static NOINLINE Node *allocate(void) {
    if (free_list) {
        Node *node = free_list;
        free_list = node->left;
        return node;
    }
    if (next_fresh + sizeof(Node) > fresh_end) {
        size_t page = __builtin_wasm_memory_grow(0, 1);
        if (page == (size_t)-1) __builtin_trap();
        if (page * 65536 != fresh_end) next_fresh = page * 65536;
        fresh_end = (page + 1) * 65536;
    }
    Node *node = (Node *)next_fresh;
    next_fresh += sizeof(Node);
    return node;
}

static NOINLINE Node *grow_tree(int depth) {
    Node *node = allocate();
    node->left = depth ? grow_tree(depth - 1) : NULL;
    node->right = depth ? grow_tree(depth - 1) : NULL;
    return node;
}

static NOINLINE u32 count(const Node *node) { return node->left ? 1 + count(node->left) + count(node->right) : 1; }

static NOINLINE void release(Node *node) {
    if (node->left) release(node->left);
    if (node->right) release(node->right);
    node->left = free_list;
    free_list = node;
}

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++) {
        Node *long_lived = grow_tree(LARGEST);
        for (int depth = 4; depth <= LARGEST; depth += 2)
            for (int i = 0; i < 1 << (LARGEST - depth); i++) {
                Node *tree = grow_tree(depth);
                sum = mix(sum, count(tree));
                release(tree);
            }
        sum = mix(sum, count(long_lived));
        release(long_lived);
    }
    return (i64)mix(sum, fresh_end / 65536 > 0);
}
