// A bytecode machine in one switch: br_table dispatch over a small stack program (sums of Collatz lengths).
#include "bench.h"

enum { PUSH, LOAD, STORE, ADD, MULTIPLY, SUBTRACT, AND, SHIFT_RIGHT, LESS, JUMP, JUMP_IF_ZERO, DUPLICATE, DROP, XOR, HALT };

static i32 locals[8];

static NOINLINE i32 interpret(const i32 *code) {
    i32 stack[32], *sp = stack;
    const i32 *pc = code;
    for (;;) {
        switch (*pc++) {
        case PUSH: *sp++ = *pc++; break;
        case LOAD: *sp++ = locals[*pc++]; break;
        case STORE: locals[*pc++] = *--sp; break;
        case ADD: sp--, sp[-1] = (i32)((u32)sp[-1] + (u32)sp[0]); break;
        case MULTIPLY: sp--, sp[-1] = (i32)((u32)sp[-1] * (u32)sp[0]); break;
        case SUBTRACT: sp--, sp[-1] = (i32)((u32)sp[-1] - (u32)sp[0]); break;
        case AND: sp--, sp[-1] &= sp[0]; break;
        case SHIFT_RIGHT: sp--, sp[-1] = (i32)((u32)sp[-1] >> (sp[0] & 31)); break;
        case LESS: sp--, sp[-1] = (u32)sp[-1] < (u32)sp[0]; break;
        case JUMP: pc = code + *pc; break;
        case JUMP_IF_ZERO: pc = *--sp ? pc + 1 : code + *pc; break;
        case DUPLICATE: *sp = sp[-1], sp++; break;
        case DROP: sp--; break;
        case XOR: sp--, sp[-1] ^= sp[0]; break;
        case HALT: return sp[-1];
        default: __builtin_trap();
        }
    }
}

// locals: 0 = limit, 1 = number, 2 = x, 3 = steps in all
static const i32 program[] = {
    /*  0 */ PUSH, 1, STORE, 1, PUSH, 0, STORE, 3,
    /*  8 */ LOAD, 1, LOAD, 0, LESS, JUMP_IF_ZERO, 57,
    /* 15 */ LOAD, 1, STORE, 2,
    /* 19 */ LOAD, 2, PUSH, 1, SUBTRACT, JUMP_IF_ZERO, 48,
    /* 26 */ LOAD, 3, PUSH, 1, ADD, STORE, 3,
    /* 33 */ LOAD, 2, PUSH, 1, AND, JUMP_IF_ZERO, 61,
    /* 40 */ LOAD, 2, DUPLICATE, DUPLICATE, ADD, ADD, JUMP, 69,
    /* 48 */ LOAD, 1, PUSH, 1, ADD, STORE, 1, JUMP, 8,
    /* 57 */ LOAD, 3, HALT, HALT,
    /* 61 */ LOAD, 2, PUSH, 1, SHIFT_RIGHT, JUMP, 72, HALT,
    /* 69 */ PUSH, 1, ADD,
    /* 72 */ STORE, 2, JUMP, 19,
};

RUN {
    u64 sum = 0;
    for (i32 round = 0; round < n; round++) {
        locals[0] = 4000;
        sum = mix(sum, (u32)interpret(program) + (u64)round);
    }
    return (i64)sum;
}
