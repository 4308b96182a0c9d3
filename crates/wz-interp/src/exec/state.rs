//! Globals, `select`, sizes of memories and tables, fuel, interruption, traps.

use std::marker::PhantomData;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use wz_api::Trap;
use wz_core::records::GlobalCell;
use wz_decode::fuel::{BYTES_PER_UNIT, ELEMENTS_PER_UNIT, bulk_units};

use super::host;
use super::op::{Field, Op, fields};
use super::operand::{Acc, Scalar, Sink, Slot, Source, ToAcc, ToSlot};
use super::vector::{read, write};
use super::{Instruction, Regs, Stop};

/// The cell of the global in the upper half of the second word.
#[inline(always)]
unsafe fn global(regs: &Regs) -> *const GlobalCell {
    // SAFETY: the module is valid, so the instance has that global.
    unsafe { (*regs.cx).globals.add(regs.u32::<3>() as usize).read() }
}

struct GlobalGet<T, R>(PhantomData<(T, R)>);
impl<T: Scalar, R: Sink> Instruction for GlobalGet<T, R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let bits = (*global(regs)).words[0].load(Relaxed);
            R::put(regs, T::from_slot(bits));
            regs.advance(2);
        }
        Ok(())
    }
}

struct GlobalSet<T, V>(PhantomData<(T, V)>);
impl<T: Scalar, V: Source<T>> Instruction for GlobalSet<T, V> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            (*global(regs)).words[0].store(V::get(regs).to_slot(), Relaxed);
            regs.advance(2);
        }
        Ok(())
    }
}

struct GlobalGetVector;
impl Instruction for GlobalGetVector {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let cell = global(regs);
            let low = (*cell).words[0].load(Relaxed);
            let high = (*cell).words[1].load(Relaxed);
            regs.slot(regs.u16::<0>()).cast::<[u64; 2]>().write([low, high]);
            regs.advance(2);
        }
        Ok(())
    }
}

struct GlobalSetVector;
impl Instruction for GlobalSetVector {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let cell = global(regs);
            let [low, high] = regs.slot(regs.u16::<1>()).cast::<[u64; 2]>().read();
            (*cell).words[0].store(low, Relaxed);
            (*cell).words[1].store(high, Relaxed);
            regs.advance(2);
        }
        Ok(())
    }
}

/// `global.get` by class of accumulator: to it, to a slot too.
pub(crate) static GLOBAL_GET: [[Op; 2]; 3] = {
    const fn pair<T: Scalar>(name: &'static str) -> [Op; 2] {
        [
            Op::new::<GlobalGet<T, ToAcc>>(name, 2, fields([Field::ToAcc, Field::Number(3)])),
            Op::new::<GlobalGet<T, ToSlot>>(name, 2, fields([Field::ToSlot(0), Field::Number(3)])),
        ]
    }
    [pair::<u64>("global.get"), pair::<f32>("global.get_f32"), pair::<f64>("global.get_f64")]
};
/// `global.set` by class of accumulator: from a slot, from the accumulator.
pub(crate) static GLOBAL_SET: [[Op; 2]; 3] = {
    const fn pair<T: Scalar>(name: &'static str) -> [Op; 2] {
        [
            Op::new::<GlobalSet<T, Slot<1>>>(name, 2, fields([Field::Number(3), Field::Slot(1)])),
            Op::new::<GlobalSet<T, Acc>>(name, 2, fields([Field::Number(3), Field::Acc])),
        ]
    }
    [pair::<u64>("global.set"), pair::<f32>("global.set_f32"), pair::<f64>("global.set_f64")]
};
/// `global.get` of a vector.
pub(crate) static GLOBAL_GET_VECTOR: Op =
    Op::new::<GlobalGetVector>("global.get_v128", 2, fields([Field::ToVector(0), Field::Number(3)]));
/// `global.set` of a vector.
pub(crate) static GLOBAL_SET_VECTOR: Op =
    Op::new::<GlobalSetVector>("global.set_v128", 2, fields([Field::Number(3), Field::Vector(1)]));

/// The operands in fields 1 and 2, the condition in field 3.
struct Select<T, A, B, C, R>(PhantomData<(T, A, B, C, R)>);
impl<T: Scalar, A: Source<T>, B: Source<T>, C: Source<i32>, R: Sink> Instruction for Select<T, A, B, C, R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let (a, b) = (A::get(regs), B::get(regs));
            R::put(regs, if C::get(regs) != 0 { a } else { b });
            regs.advance(2);
        }
        Ok(())
    }
}

struct SelectVector<C>(PhantomData<C>);
impl<C: Source<i32>> Instruction for SelectVector<C> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let (a, b) = (read::<1>(regs), read::<2>(regs));
            write::<0>(regs, if C::get(regs) != 0 { a } else { b });
            regs.advance(2);
        }
        Ok(())
    }
}

/// `select` of one class of accumulator: by where the operands come from (slots, accumulator and
/// slot, slot and accumulator), whether the condition is in the accumulator, and whether the
/// result goes to a slot too.
pub(crate) type SelectOps = [[[Op; 2]; 2]; 3];

/// `select`, by class of accumulator.
pub(crate) static SELECT: [SelectOps; 3] = {
    const fn op<T: Scalar, A: Source<T>, B: Source<T>, C: Source<i32>, R: Sink>(name: &'static str) -> Op {
        Op::new::<Select<T, A, B, C, R>>(name, 2, fields([R::FIELD, C::FIELD, A::FIELD, B::FIELD]))
    }
    const fn pair<T: Scalar, A: Source<T>, B: Source<T>, C: Source<i32>>(name: &'static str) -> [Op; 2] {
        [op::<T, A, B, C, ToAcc>(name), op::<T, A, B, C, ToSlot>(name)]
    }
    const fn four<T: Scalar, A: Source<T>, B: Source<T>>(name: &'static str) -> [[Op; 2]; 2] {
        [pair::<T, A, B, Slot<3>>(name), pair::<T, A, B, Acc>(name)]
    }
    const fn all<T: Scalar>(name: &'static str) -> SelectOps {
        [four::<T, Slot<1>, Slot<2>>(name), four::<T, Acc, Slot<2>>(name), four::<T, Slot<1>, Acc>(name)]
    }
    [all::<u64>("select"), all::<f32>("select_f32"), all::<f64>("select_f64")]
};
/// `select` of vectors: by whether the condition is in the accumulator.
pub(crate) static SELECT_VECTOR: [Op; 2] = {
    const fn op<C: Source<i32>>() -> Op {
        Op::new::<SelectVector<C>>(
            "select_v128",
            2,
            fields([Field::ToVector(0), C::FIELD, Field::Vector(1), Field::Vector(2)]),
        )
    }
    [op::<Slot<3>>(), op::<Acc>()]
};

struct MemorySize<R>(PhantomData<R>);
impl<R: Sink> Instruction for MemorySize<R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the module is valid, so the instance has that memory.
        unsafe {
            let record = (*regs.cx).memories.add(regs.u32::<3>() as usize).read();
            let pages = ((*record).len_bytes.load(Acquire) >> 16) as u64;
            R::put(regs, pages);
            regs.advance(2);
        }
        Ok(())
    }
}

struct TableSize<R>(PhantomData<R>);
impl<R: Sink> Instruction for TableSize<R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the module is valid, so the instance has that table.
        unsafe {
            let record = (*regs.cx).tables.add(regs.u32::<3>() as usize).read();
            let len = (*record).len.load(Acquire) as u64;
            R::put(regs, len);
            regs.advance(2);
        }
        Ok(())
    }
}

/// Whether the reference in the accumulator or in the slot in field 1 is null.
struct IsNull<A, R>(PhantomData<(A, R)>);
impl<A: Source<u64>, R: Sink> Instruction for IsNull<A, R> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let value = i32::from(A::get(regs) == 0);
            R::put(regs, value);
            regs.advance(2);
        }
        Ok(())
    }
}

/// `memory.size`.
pub(crate) static MEMORY_SIZE: [Op; 2] = [
    Op::new::<MemorySize<ToAcc>>("memory.size", 2, fields([Field::ToAcc, Field::Number(3)])),
    Op::new::<MemorySize<ToSlot>>("memory.size", 2, fields([Field::ToSlot(0), Field::Number(3)])),
];
/// `table.size`.
pub(crate) static TABLE_SIZE: [Op; 2] = [
    Op::new::<TableSize<ToAcc>>("table.size", 2, fields([Field::ToAcc, Field::Number(3)])),
    Op::new::<TableSize<ToSlot>>("table.size", 2, fields([Field::ToSlot(0), Field::Number(3)])),
];
/// `ref.is_null`: from a slot, from the accumulator.
pub(crate) static IS_NULL: [[Op; 2]; 2] = {
    const fn op<A: Source<u64>, R: Sink>() -> Op {
        Op::new::<IsNull<A, R>>("ref.is_null", 2, fields([R::FIELD, A::FIELD]))
    }
    [[op::<Slot<1>, ToAcc>(), op::<Slot<1>, ToSlot>()], [op::<Acc, ToAcc>(), op::<Acc, ToSlot>()]]
};

/// Takes units from the activation's fuel.
///
/// # Safety
/// `regs` are valid.
#[inline(always)]
unsafe fn charge(regs: &Regs, units: u64) -> Result<(), Stop> {
    // SAFETY: the machine and its activation outlive the execution.
    let fuel = unsafe { &(*(*regs.machine).activation).fuel };
    match fuel.get().checked_sub(units) {
        Some(left) => {
            fuel.set(left);
            Ok(())
        }
        None => {
            fuel.set(0);
            Err(Trap::OutOfFuel.into())
        }
    }
}

/// Consumes as much fuel as the operand says.
struct Fuel;
impl Instruction for Fuel {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operand.
        unsafe {
            charge(regs, u64::from(regs.u32::<3>()))?;
            regs.advance(2);
        }
        Ok(())
    }
}

/// Consumes fuel for a run of as many things as the slot in field 1 says, each of the size in
/// 32 bits, of which `PER` cost a unit.
struct FuelRun<T, const PER: u64>(PhantomData<T>);
impl<T: Scalar, const PER: u64> Instruction for FuelRun<T, PER> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            let len = T::from_slot(regs.slot(regs.u16::<1>()).read()).to_slot();
            charge(regs, bulk_units(len.saturating_mul(u64::from(regs.u32::<3>())), PER))?;
            regs.advance(2);
        }
        Ok(())
    }
}

/// Looks whether the activation is to be interrupted. The operand is the length of the frame.
struct Interruption;
impl Instruction for Interruption {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the machine and its activation outlive the execution; the flag is never null.
        unsafe {
            let flag = (*(*regs.machine).activation).interrupt.get();
            if (*flag).load(Relaxed) != 0 {
                return Err(Stop::SLOW);
            }
            regs.advance(2);
        }
        Ok(())
    }

    const SLOW: bool = true;

    unsafe fn run_slow(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the machine's, at this instruction.
        unsafe {
            host::interrupted(regs.machine, regs.at(), regs.u32::<3>())?;
            // What runs then may have grown the memory.
            regs.reload_len();
            regs.advance(2);
        }
        Ok(())
    }
}

struct Unreachable;
impl Instruction for Unreachable {
    #[inline(always)]
    unsafe fn run(_: &mut Regs) -> Result<(), Stop> {
        Err(Trap::Unreachable.into())
    }
}

/// Consumes fuel.
pub(crate) static FUEL: Op = Op::new::<Fuel>("fuel", 2, fields([Field::Number(3)]));
/// Consumes fuel for bytes whose number is an `i64`, or an `i32`.
pub(crate) static FUEL_BYTES: [Op; 2] = [
    Op::new::<FuelRun<i64, BYTES_PER_UNIT>>("fuel_bytes", 2, fields([Field::Slot(1), Field::Number(3)])),
    Op::new::<FuelRun<i32, BYTES_PER_UNIT>>("fuel_bytes", 2, fields([Field::Slot(1), Field::Number(3)])),
];
/// Consumes fuel for elements whose number is an `i64`, or an `i32`.
pub(crate) static FUEL_ELEMENTS: [Op; 2] = [
    Op::new::<FuelRun<i64, ELEMENTS_PER_UNIT>>(
        "fuel_elements",
        2,
        fields([Field::Slot(1), Field::Number(3)]),
    ),
    Op::new::<FuelRun<i32, ELEMENTS_PER_UNIT>>(
        "fuel_elements",
        2,
        fields([Field::Slot(1), Field::Number(3)]),
    ),
];
/// Looks at the interrupt flag.
pub(crate) static INTERRUPTION: Op = Op::new::<Interruption>("interruption", 2, fields([Field::Number(3)]));
/// `unreachable`.
pub(crate) static UNREACHABLE: Op = Op::new::<Unreachable>("unreachable", 2, fields([]));
