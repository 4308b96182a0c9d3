// Traps three calls deep: _start -> outer -> middle -> inner, which divides by zero. Freestanding, built with DWARF.
// The lines of the calls and of the division are what a stack trace has to show.
#define NOINLINE __attribute__((noinline))

volatile int divisor = 0;
volatile int depth = 0;

NOINLINE int inner(int value) {
    depth = 3;
    return value / divisor; // traps: integer divide by zero
}

NOINLINE int middle(int value) {
    depth = 2;
    return inner(value + 1) + depth;
}

NOINLINE int outer(int value) {
    depth = 1;
    return middle(value * 2) + depth;
}

__attribute__((export_name("_start"))) void _start(void) { depth = outer(20); }
