// Traps in a method. Built with DWARF, freestanding:
// zig c++ -target wasm32-freestanding -nostdlib -O1 -g -fno-sanitize=undefined -Wl,--no-entry \
//     -ffile-prefix-map="$PWD"=/src classes.cpp -o classes.wasm
namespace shapes {
struct Square {
    int side;
    __attribute__((noinline)) int check(int limit) const {
        if (side > limit) __builtin_trap();
        return side;
    }
};
} // namespace shapes

extern "C" __attribute__((export_name("run"))) int run(int limit) {
    volatile int side = limit + 1;
    shapes::Square square{side};
    return square.check(limit) + 1;
}
