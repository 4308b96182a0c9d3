//! [`Address`]: a memory operand, and `with_memory!`, which encodes instructions with one.

use wz_jit::mach::{OperandVisitor, Reg};

use crate::abi;

/// A memory operand: base + index × 2^scale + offset.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// What it starts from.
    pub base: Base,
    /// Added, scaled. It has 64 significant bits.
    pub index: Option<Reg>,
    /// The exponent of the scale, up to 3.
    pub scale_log2: u8,
    /// Added, sign-extended.
    pub offset: i32,
}

/// What an address starts from.
#[derive(Clone, Copy, Debug)]
pub enum Base {
    /// A register that is allocated, all 64 bits of it.
    Reg(Reg),
    /// A register with a job of its own, by its number: see [`abi`].
    Pinned(u8),
}

impl Address {
    /// A field of the instance's context.
    #[must_use]
    pub const fn context(offset: i32) -> Self {
        Self::pinned(abi::CONTEXT, offset)
    }

    /// A place counted from a register with a job of its own.
    #[must_use]
    pub const fn pinned(register: u8, offset: i32) -> Self {
        Self { base: Base::Pinned(register), index: None, scale_log2: 0, offset }
    }

    /// A place counted from a register.
    #[must_use]
    pub const fn reg(base: Reg, offset: i32) -> Self {
        Self { base: Base::Reg(base), index: None, scale_log2: 0, offset }
    }

    /// Shows the registers, all read early.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        if let Base::Reg(base) = &mut self.base {
            visitor.reg_use(base);
        }
        if let Some(index) = &mut self.index {
            visitor.reg_use(index);
        }
    }

    /// Shows the registers, all still needed when results are written.
    pub fn late_operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        if let Base::Reg(base) = &mut self.base {
            visitor.reg_late_use(base);
        }
        if let Some(index) = &mut self.index {
            visitor.reg_late_use(index);
        }
    }

    /// The numbers of the registers, once they are allocated.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let base = match self.base {
            Base::Reg(reg) => reg.preg().hw_enc() as u8,
            Base::Pinned(register) => register,
        };
        let offset = self.offset;
        match (self.index.map(|index| index.preg().hw_enc() as u8), self.scale_log2) {
            (None, _) => match i8::try_from(offset) {
                Ok(offset) => Parts::BaseShort(base, offset),
                Err(_) => Parts::Base(base, offset),
            },
            (Some(index), 0) => match i8::try_from(offset) {
                Ok(offset) => Parts::Scale1Short(base, index, offset),
                Err(_) => Parts::Scale1(base, index, offset),
            },
            (Some(index), 1) => Parts::Scale2(base, index, offset),
            (Some(index), 2) => Parts::Scale4(base, index, offset),
            (Some(index), _) => Parts::Scale8(base, index, offset),
        }
    }
}

/// A register or a memory operand.
#[derive(Clone, Copy, Debug)]
pub enum Rm {
    /// A register.
    Reg(Reg),
    /// Memory.
    Memory(Address),
}

impl Rm {
    /// Shows the registers, all read early.
    pub fn operands<V: OperandVisitor>(&mut self, visitor: &mut V) {
        match self {
            Self::Reg(reg) => visitor.reg_use(reg),
            Self::Memory(address) => address.operands(visitor),
        }
    }
}

/// An [`Address`] with allocated registers: one variant for each form that `dynasm!` writes.
#[derive(Clone, Copy, Debug)]
pub enum Parts {
    /// `[base + offset]`
    Base(u8, i32),
    /// The same with a short offset.
    BaseShort(u8, i8),
    /// `[base + index + offset]`
    Scale1(u8, u8, i32),
    /// The same with a short offset.
    Scale1Short(u8, u8, i8),
    /// `[base + index * 2 + offset]`
    Scale2(u8, u8, i32),
    /// `[base + index * 4 + offset]`
    Scale4(u8, u8, i32),
    /// `[base + index * 8 + offset]`
    Scale8(u8, u8, i32),
}

/// Encodes an instruction with a memory operand, which is written as `@` in its place, in its shortest
/// form: `with_memory!(ops, address, mov Rq(to), QWORD @)`.
macro_rules! with_memory {
    ($ops:expr, $address:expr, $($rest:tt)*) => {{
        let start = $crate::assembler::len_bytes(&$ops);
        $crate::address::with_address!($ops, $address, $($rest)*);
        $ops.shorten(start);
    }};
}

/// The same in the form that `dynasm!` gives it.
macro_rules! with_address {
    ($ops:expr, $address:expr, $($rest:tt)*) => {
        $crate::address::with_address!(@split [$ops] [$address] [] $($rest)*)
    };
    (@split [$ops:expr] [$address:expr] [$($before:tt)*] @ $($after:tt)*) => {{
        use $crate::address::Parts;
        match $address.parts() {
            Parts::Base(b, d) => ::dynasm::dynasm!($ops; .arch x64; $($before)* [Rq(b) + d] $($after)*),
            Parts::BaseShort(b, d) => ::dynasm::dynasm!($ops; .arch x64; $($before)* [BYTE Rq(b) + d] $($after)*),
            Parts::Scale1(b, i, d) => ::dynasm::dynasm!($ops; .arch x64; $($before)* [Rq(b) + Rq(i) + d] $($after)*),
            Parts::Scale1Short(b, i, d) => ::dynasm::dynasm!($ops; .arch x64; $($before)* [BYTE Rq(b) + Rq(i) + d] $($after)*),
            Parts::Scale2(b, i, d) => ::dynasm::dynasm!($ops; .arch x64; $($before)* [Rq(b) + Rq(i) * 2 + d] $($after)*),
            Parts::Scale4(b, i, d) => ::dynasm::dynasm!($ops; .arch x64; $($before)* [Rq(b) + Rq(i) * 4 + d] $($after)*),
            Parts::Scale8(b, i, d) => ::dynasm::dynasm!($ops; .arch x64; $($before)* [Rq(b) + Rq(i) * 8 + d] $($after)*),
        }
    }};
    (@split [$ops:expr] [$address:expr] [$($before:tt)*] $next:tt $($rest:tt)*) => {
        $crate::address::with_address!(@split [$ops] [$address] [$($before)* $next] $($rest)*)
    };
}

pub(crate) use {with_address, with_memory};

#[cfg(test)]
mod tests {
    use dynasmrt::DynasmApi;

    use super::*;

    #[test]
    fn forms() {
        let mut ops = crate::assembler::new();
        let address = Address::context(8);
        with_memory!(ops, address, mov Rq(3), QWORD @);
        with_memory!(ops, Address { offset: 4096, ..address }, movups @, Rx(9));
        // mov rbx, [r14 + 8]; movups [r14 + 4096], xmm9
        let expected = [0x49, 0x8b, 0x5e, 8, 0x45, 0x0f, 0x11, 0x8e, 0, 0x10, 0, 0];
        assert_eq!(crate::assembler::finish(ops), expected);
    }
}
