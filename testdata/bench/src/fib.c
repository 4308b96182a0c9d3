// Naive recursive Fibonacci: the cost of a direct call.
#include "bench.h"

#define FIB_N 32

// Both calls stay calls: without the attribute, the compiler makes the second one a loop.
__attribute__((noinline, disable_tail_calls)) static u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

RUN {
    u64 sum = 0;
    for (i32 i = 0; i < n; i++) {
        u32 argument = FIB_N;
        __asm__ volatile("" : "+r"(argument)); // not to be hoisted out of the loop
        sum = mix(sum, fib(argument));
    }
    return (i64)sum;
}
