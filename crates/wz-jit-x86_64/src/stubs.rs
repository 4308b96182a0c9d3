//! The stubs: what connects guests with the host. `docs/jit.md` says what each does.

mod direct;
mod elsewhere;
mod entry;
mod exit;
mod lazy;
mod listener;
mod native_call;

use wz_api::FunctionType;
use wz_jit::runtime::body::{Stub, StubKind};
use wz_jit::runtime::stubs::{
    AssembledStub, CounterReference, HostCalls, LISTENED_THUNK_BYTES, Relocation, StubAssembler, THUNK_BYTES,
};

use crate::assembler::{Assembler, finish};

/// Assembles stubs for x86-64.
#[derive(Clone, Copy, Debug)]
pub struct X64Stubs;

/// The stubs' assembler.
pub static X64: X64Stubs = X64Stubs;

/// The kind of relocations: 32 bits that are added to the address after them. Code that has more
/// of its instruction after them says how much less that is in the addend.
pub const PC_RELATIVE: u8 = 0;

/// The instruction `int3`.
const PADDING: u8 = 0xcc;

/// A stub whose frame begins at `frame_at`.
fn stub(ops: Assembler, kind: StubKind, frame_at: u32) -> AssembledStub {
    AssembledStub { code: finish(ops), stub: Stub { kind, frame_at }, stack_bytes: 0 }
}

impl StubAssembler for X64Stubs {
    fn name(&self) -> &'static str {
        "x86-64"
    }

    fn padding(&self) -> u8 {
        PADDING
    }

    fn entry(&self, ty: &FunctionType) -> AssembledStub {
        entry::assemble(ty)
    }

    fn record_call(&self, ty: &FunctionType, host: &HostCalls) -> AssembledStub {
        native_call::record_call(ty, host)
    }

    fn native_call(&self, ty: &FunctionType, function: usize) -> AssembledStub {
        native_call::native_call(ty, function)
    }

    fn elsewhere_call(&self, ty: &FunctionType, begin: usize, resume: usize) -> AssembledStub {
        elsewhere::call(ty, begin, resume)
    }

    fn guest_call(&self, ty: &FunctionType) -> AssembledStub {
        elsewhere::guest_call(ty)
    }

    fn tail_call(&self, ty: &FunctionType) -> AssembledStub {
        elsewhere::tail_call(ty)
    }

    fn preserving_call(&self, function: usize) -> AssembledStub {
        native_call::preserving_call(function)
    }

    fn trap_exit(&self, function: usize) -> AssembledStub {
        exit::trap_exit(function)
    }

    fn fault_exit(&self, function: usize) -> AssembledStub {
        exit::fault_exit(function)
    }

    fn resume(&self) -> AssembledStub {
        entry::resume()
    }

    fn lazy(&self, function: usize) -> AssembledStub {
        lazy::assemble(function)
    }

    fn listener(&self, ty: &FunctionType, plain: usize, before: usize, after: usize) -> AssembledStub {
        listener::assemble(ty, plain, before, after)
    }

    fn thunk(&self, address: usize, target: usize) -> [u8; THUNK_BYTES] {
        let distance = (target as i64 - (address as i64 + 5)) as i32;
        let [a, b, c, d] = distance.to_le_bytes();
        // `call target`
        [0xe8, a, b, c, d, PADDING, PADDING, PADDING]
    }

    fn listened_thunk(
        &self,
        address: usize,
        target: usize,
        function: u32,
    ) -> Option<[u8; LISTENED_THUNK_BYTES]> {
        let distance = i32::try_from(target as i64 - (address + 11) as i64).ok()?;
        let ([a, b, c, d], [e, f, g, h]) = (function.to_le_bytes(), distance.to_le_bytes());
        // `mov r11d, function; jmp target`
        let code = [0x41, 0xbb, a, b, c, d, 0xe9, e, f, g, h];
        let mut thunk = [PADDING; LISTENED_THUNK_BYTES];
        thunk[..code.len()].copy_from_slice(&code);
        Some(thunk)
    }

    fn jump_through(&self, address: usize, slot: usize) -> Vec<u8> {
        let distance = (slot as i64 - (address as i64 + 6)) as i32;
        // `jmp [rip + distance]`
        [&[0xff, 0x25], &distance.to_le_bytes()[..]].concat()
    }

    fn relocate(&self, code: &mut [u8], relocation: &Relocation, address: usize, target: usize) -> bool {
        let target = (target as i64).wrapping_add(i64::from(relocation.addend));
        relocation.kind == PC_RELATIVE && put_distance(code, relocation.offset, address, target)
    }

    fn refer(&self, code: &mut [u8], counter: &CounterReference, address: usize) -> bool {
        put_distance(code, counter.offset, address, counter.address as i64)
    }
}

/// Writes the distance of a target from the end of four bytes into these. False if they do not suffice.
fn put_distance(code: &mut [u8], offset: u32, address: usize, target: i64) -> bool {
    let at = offset as usize;
    let next = address.wrapping_add(at + 4) as i64;
    let Ok(distance) = i32::try_from(target.wrapping_sub(next)) else { return false };
    let Some(bytes) = code.get_mut(at..at + 4) else { return false };
    bytes.copy_from_slice(&distance.to_le_bytes());
    true
}
