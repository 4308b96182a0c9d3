//! Loads and stores of numbers.
//!
//! The fast forms are for memory 0 with 32-bit addresses and offsets. Everything else (another
//! memory, 64-bit addresses, larger offsets) has one form that takes the address from a slot.

use std::marker::PhantomData;
use std::sync::atomic::Ordering::Acquire;

use wz_api::Trap;
use wz_core::guest::{self, GuestNumber};
use wz_core::records::MemoryRecord;
use wz_decode::ops::{LoadOp, StoreOp};

use super::op::{Field, Op, fields};
use super::operand::{Acc, Scalar, Sink, Slot, Small, Source, ToAcc, ToSlot};
use super::{Instruction, Regs, Stop};

/// The variants of a load, each first with the result in the accumulator, then in a slot too;
/// for vectors both are the same.
pub(crate) struct LoadOps {
    /// By [`Address`].
    pub(crate) forms: [[Op; 2]; 7],
    /// For what the fast forms are not for.
    pub(crate) any: Op,
}

/// Where the address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Address {
    /// The slot in field 1, and an offset of 32 bits.
    Slot,
    /// The accumulator, and an offset of 32 bits.
    Acc,
    /// The sum of the slots in fields 1 and 2, and an offset of 16 bits.
    SlotSlot,
    /// The sum of the accumulator and the slot in field 1, and an offset of 32 bits.
    AccSlot,
    /// A constant of 32 bits.
    Fixed,
    /// The sum, modulo 2^32, of the slot in field 1 and a constant of 32 bits.
    SlotPlus,
    /// The same of the accumulator.
    AccPlus,
}

/// The variants of a store.
pub(crate) struct StoreOps {
    /// By [`Address`] and [`Stored`]. With address and value both in accumulators, only for
    /// floating-point numbers.
    pub(crate) forms: [[Op; 3]; 7],
    /// For what the fast forms are not for: the value comes from a slot.
    pub(crate) any: Op,
}

/// Where a stored value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stored {
    /// The slot in field 0.
    Slot,
    /// The accumulator.
    Acc,
    /// A constant of 16 bits, extended with its sign.
    Small,
}

/// How an instruction finds where to access memory 0.
pub(super) trait Place {
    /// The operands.
    const FIELDS: [Field; 3];
    /// The index and the offset added to it; the sum does not overflow.
    ///
    /// # Safety
    /// The instruction has the operands.
    unsafe fn address(regs: &Regs) -> u64;
}

pub(super) struct Plain<A>(PhantomData<A>);
pub(super) struct SlotSlot;
pub(super) struct AccSlot;
pub(super) struct Fixed;
pub(super) struct Plus<A>(PhantomData<A>);

impl<A: Source<i32>> Place for Plus<A> {
    const FIELDS: [Field; 3] = [A::FIELD, Field::Number(3), Field::None];
    #[inline(always)]
    unsafe fn address(regs: &Regs) -> u64 {
        // SAFETY: the instruction has the operands.
        unsafe { u64::from((A::get(regs) as u32).wrapping_add(regs.u32::<3>())) }
    }
}

impl<A: Source<i32>> Place for Plain<A> {
    const FIELDS: [Field; 3] = [A::FIELD, Field::Number(3), Field::None];
    #[inline(always)]
    unsafe fn address(regs: &Regs) -> u64 {
        // SAFETY: the instruction has the operands.
        unsafe { u64::from(A::get(regs) as u32) + u64::from(regs.u32::<3>()) }
    }
}

impl Place for SlotSlot {
    const FIELDS: [Field; 3] = [Field::Slot(1), Field::Slot(2), Field::Small(3)];
    #[inline(always)]
    unsafe fn address(regs: &Regs) -> u64 {
        // SAFETY: the instruction has the operands.
        unsafe {
            let (a, b): (i32, i32) = (Slot::<1>::get(regs), Slot::<2>::get(regs));
            u64::from(a.wrapping_add(b) as u32) + u64::from(regs.u16::<3>())
        }
    }
}

impl Place for AccSlot {
    const FIELDS: [Field; 3] = [Field::Acc, Field::Slot(1), Field::Number(3)];
    #[inline(always)]
    unsafe fn address(regs: &Regs) -> u64 {
        // SAFETY: the instruction has the operands.
        unsafe {
            let (a, b): (i32, i32) = (Acc::get(regs), Slot::<1>::get(regs));
            u64::from(a.wrapping_add(b) as u32) + u64::from(regs.u32::<3>())
        }
    }
}

impl Place for Fixed {
    const FIELDS: [Field; 3] = [Field::Number(3), Field::None, Field::None];
    #[inline(always)]
    unsafe fn address(regs: &Regs) -> u64 {
        // SAFETY: the instruction has the operand.
        unsafe { u64::from(regs.u32::<3>()) }
    }
}

/// Loads from memory 0.
///
/// # Safety
/// `address` is far from overflowing.
#[inline(always)]
pub(super) unsafe fn load0<T: GuestNumber>(regs: &Regs, address: u64) -> Result<T, Stop> {
    if address + size_of::<T>() as u64 > regs.len as u64 {
        return Err(Trap::OutOfBoundsMemoryAccess.into());
    }
    // SAFETY: it is within the length, which was published after the bytes were committed.
    Ok(unsafe { guest::load(regs.base, address as usize) })
}

/// Stores to memory 0.
///
/// # Safety
/// `address` is far from overflowing.
#[inline(always)]
pub(super) unsafe fn store0<T: GuestNumber>(regs: &Regs, address: u64, value: T) -> Result<(), Stop> {
    if address + size_of::<T>() as u64 > regs.len as u64 {
        return Err(Trap::OutOfBoundsMemoryAccess.into());
    }
    // SAFETY: it is within the length, which was published after the bytes were committed.
    unsafe { guest::store(regs.base, address as usize, value) };
    Ok(())
}

/// The memory of the general form, and the place in it.
///
/// # Safety
/// The instruction is of the general form: address in field 1, memory in 32 bits, offset in the
/// third word.
#[inline(always)]
pub(super) unsafe fn place_any(regs: &Regs, size: usize) -> Result<(*mut u8, usize), Stop> {
    // SAFETY: the caller says so; the memory exists, the module is valid.
    unsafe {
        let memory = regs.u32::<3>();
        let record: *const MemoryRecord = (*regs.cx).memories.add((memory & !NARROW) as usize).read();
        let len = (*record).len_bytes.load(Acquire);
        let address = regs.slot(regs.u16::<1>()).read();
        let address = if memory & NARROW != 0 { u64::from(address as u32) } else { address };
        match guest::check(address, regs.word::<2>(), size as u64, len) {
            Some(at) => Ok(((*record).base, at)),
            None => Err(Trap::OutOfBoundsMemoryAccess.into()),
        }
    }
}

/// Set in the memory's index of the general form if its addresses are `i32`s.
pub(crate) const NARROW: u32 = 1 << 31;

/// The operands of the general form after the result or the value.
pub(super) const ANY: [Field; 3] = [Field::Slot(1), Field::Number(3), Field::Word(2)];

/// A load of a number.
trait Load {
    type Raw: GuestNumber;
    type R: Scalar;
    const NAME: &'static str;
    fn extend(raw: Self::Raw) -> Self::R;
}

/// A store of a number.
trait Store {
    type Raw: GuestNumber;
    type V: Scalar;
    const NAME: &'static str;
    fn wrap(value: Self::V) -> Self::Raw;
}

struct Loading<L, P, R>(PhantomData<(L, P, R)>);
impl<L: Load, P: Place, R: Sink> Instruction for Loading<L, P, R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            let raw = load0::<L::Raw>(regs, P::address(regs))?;
            R::put(regs, L::extend(raw));
            regs.advance(2);
        }
        Ok(())
    }
}

struct LoadingAny<L>(PhantomData<L>);
impl<L: Load> Instruction for LoadingAny<L> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands; what was checked is in the memory.
        unsafe {
            let (base, at) = place_any(regs, size_of::<L::Raw>())?;
            ToSlot::put(regs, L::extend(guest::load(base, at)));
            regs.advance(3);
        }
        Ok(())
    }
}

struct Storing<S, P, V>(PhantomData<(S, P, V)>);
impl<S: Store, P: Place, V: Source<S::V>> Instruction for Storing<S, P, V> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            store0(regs, P::address(regs), S::wrap(V::get(regs)))?;
            regs.advance(2);
        }
        Ok(())
    }
}

struct StoringAny<S>(PhantomData<S>);
impl<S: Store> Instruction for StoringAny<S> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands; what was checked is in the memory.
        unsafe {
            let (base, at) = place_any(regs, size_of::<S::Raw>())?;
            guest::store(base, at, S::wrap(Slot::<0>::get(regs)));
            regs.advance(3);
        }
        Ok(())
    }
}

const fn after(first: Field, rest: [Field; 3]) -> [Field; 6] {
    fields([first, rest[0], rest[1], rest[2]])
}

const fn load_ops<L: Load>() -> LoadOps {
    const fn pair<L: Load, P: Place>() -> [Op; 2] {
        [
            Op::new::<Loading<L, P, ToAcc>>(L::NAME, 2, after(Field::ToAcc, P::FIELDS)),
            Op::new::<Loading<L, P, ToSlot>>(L::NAME, 2, after(Field::ToSlot(0), P::FIELDS)),
        ]
    }
    LoadOps {
        forms: [
            pair::<L, Plain<Slot<1>>>(),
            pair::<L, Plain<Acc>>(),
            pair::<L, SlotSlot>(),
            pair::<L, AccSlot>(),
            pair::<L, Fixed>(),
            pair::<L, Plus<Slot<1>>>(),
            pair::<L, Plus<Acc>>(),
        ],
        any: Op::new::<LoadingAny<L>>(L::NAME, 3, after(Field::ToSlot(0), ANY)),
    }
}

const fn store_ops<S: Store>() -> StoreOps {
    const fn op<S: Store, P: Place, V: Source<S::V>>() -> Op {
        Op::new::<Storing<S, P, V>>(S::NAME, 2, fields([P::FIELDS[0], P::FIELDS[1], P::FIELDS[2], V::FIELD]))
    }
    const fn three<S: Store, P: Place>() -> [Op; 3] {
        [op::<S, P, Slot<0>>(), op::<S, P, Acc>(), op::<S, P, Small>()]
    }
    StoreOps {
        forms: [
            three::<S, Plain<Slot<1>>>(),
            three::<S, Plain<Acc>>(),
            three::<S, SlotSlot>(),
            three::<S, AccSlot>(),
            three::<S, Fixed>(),
            three::<S, Plus<Slot<1>>>(),
            three::<S, Plus<Acc>>(),
        ],
        any: Op::new::<StoringAny<S>>(S::NAME, 3, fields([ANY[0], ANY[1], ANY[2], Field::Slot(0)])),
    }
}

/// Lists the loads of numbers. A row reads: variant, bytes in memory, result, how one becomes
/// the other.
macro_rules! loads {
    ($($Op:ident: $Raw:ident -> $R:ident = $extend:expr;)* => vectors $($Vector:ident)*) => {
        $(
            struct $Op;
            impl Load for $Op {
                type Raw = $Raw;
                type R = $R;
                const NAME: &'static str = LoadOp::$Op.name();
                #[inline(always)]
                fn extend(raw: $Raw) -> $R {
                    let extend: fn($Raw) -> $R = $extend;
                    extend(raw)
                }
            }
        )*
        /// The instructions for a load.
        pub(crate) fn load(op: LoadOp) -> &'static LoadOps {
            match op {
                $(LoadOp::$Op => const { &load_ops::<$Op>() },)*
                $(LoadOp::$Vector)|* => super::vector_memory::load(op),
            }
        }
    };
}

loads! {
    I32Load: i32 -> i32 = |raw| raw;
    I64Load: i64 -> i64 = |raw| raw;
    F32Load: u32 -> f32 = f32::from_bits;
    F64Load: u64 -> f64 = f64::from_bits;
    I32Load8S: i8 -> i32 = i32::from;
    I32Load8U: u8 -> i32 = i32::from;
    I32Load16S: i16 -> i32 = i32::from;
    I32Load16U: u16 -> i32 = i32::from;
    I64Load8S: i8 -> i64 = i64::from;
    I64Load8U: u8 -> i64 = i64::from;
    I64Load16S: i16 -> i64 = i64::from;
    I64Load16U: u16 -> i64 = i64::from;
    I64Load32S: i32 -> i64 = i64::from;
    I64Load32U: u32 -> i64 = i64::from;
    => vectors
    V128Load V128Load8x8S V128Load8x8U V128Load16x4S V128Load16x4U V128Load32x2S V128Load32x2U
    V128Load8Splat V128Load16Splat V128Load32Splat V128Load64Splat V128Load32Zero V128Load64Zero
}

/// Lists the stores of numbers. A row reads: variant, value, bytes in memory, how one becomes
/// the other.
macro_rules! stores {
    ($($Op:ident: $V:ident -> $Raw:ident = $wrap:expr;)* => vectors $($Vector:ident)*) => {
        /// The stores as types: some have the names of loads.
        mod stored {
            $(pub(super) struct $Op;)*
        }
        $(
            impl Store for stored::$Op {
                type Raw = $Raw;
                type V = $V;
                const NAME: &'static str = StoreOp::$Op.name();
                #[inline(always)]
                fn wrap(value: $V) -> $Raw {
                    let wrap: fn($V) -> $Raw = $wrap;
                    wrap(value)
                }
            }
        )*
        /// The instructions for a store.
        pub(crate) fn store(op: StoreOp) -> &'static StoreOps {
            match op {
                $(StoreOp::$Op => const { &store_ops::<stored::$Op>() },)*
                $(StoreOp::$Vector)|* => &super::vector_memory::STORE,
            }
        }
    };
}

stores! {
    I32Store: i32 -> i32 = |value| value;
    I64Store: i64 -> i64 = |value| value;
    F32Store: f32 -> u32 = f32::to_bits;
    F64Store: f64 -> u64 = f64::to_bits;
    I32Store8: i32 -> u8 = |value| value as u8;
    I32Store16: i32 -> u16 = |value| value as u16;
    I64Store8: i64 -> u8 = |value| value as u8;
    I64Store16: i64 -> u16 = |value| value as u16;
    I64Store32: i64 -> u32 = |value| value as u32;
    => vectors
    V128Store
}
