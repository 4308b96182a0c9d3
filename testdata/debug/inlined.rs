// Reads outside of the memory in a function that is inlined twice. Built with DWARF, freestanding:
// rustc --edition 2024 --target wasm32-wasip1 -C panic=abort -O -g --crate-type cdylib -C strip=none \
//     --remap-path-prefix "$PWD"=/src inlined.rs
// Nothing of the standard library is inlined, whose path would be that of the machine.
// The lines of the calls and of the access are what a stack trace has to show.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

mod shapes {
    pub(crate) struct Square(pub(crate) *const u32);

    impl Square {
        #[inline(always)]
        pub(crate) fn side(&self) -> u32 {
            unsafe { *self.0 }
        }
    }

    #[inline(always)]
    pub(crate) fn sum(first: &Square, second: &Square) -> u32 {
        first.side()
            + second.side()
    }

    #[inline(never)]
    pub(crate) fn measure(address: u32) -> u32 {
        sum(&Square(64 as *const u32), &Square(address as *const u32))
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(address: u32) -> u32 {
    shapes::measure(address) + 1
}
