// setjmp and longjmp over WebAssembly exceptions: the three functions and the tag that LLVM's lowering
// (-mllvm -wasm-enable-sjlj) expects. A longjmp throws the address of a pair; the catching function asks
// setjmp_test whether the buffer was set by this very invocation, and where.
#include <stdint.h>

typedef struct {
    void *invocation;
    uint32_t label;
    struct {
        void *buffer;
        int value;
    } thrown;
} Buffer;

__asm__(".globl __c_longjmp\n"
        ".tagtype __c_longjmp i32\n"
        "__c_longjmp:\n");

void __wasm_setjmp(void *buffer, uint32_t label, void *invocation) {
    ((Buffer *)buffer)->invocation = invocation;
    ((Buffer *)buffer)->label = label;
}

uint32_t __wasm_setjmp_test(void *buffer, void *invocation) {
    return ((Buffer *)buffer)->invocation == invocation ? ((Buffer *)buffer)->label : 0;
}

void __wasm_longjmp(void *buffer, int value) {
    Buffer *target = buffer;
    target->thrown.buffer = buffer;
    target->thrown.value = value ? value : 1;
    __builtin_wasm_throw(1, &target->thrown);
}
