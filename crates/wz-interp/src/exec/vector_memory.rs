//! Loads and stores of vectors and of their lanes.

use std::marker::PhantomData;

use wz_core::guest::{self, GuestNumber};
use wz_core::numeric::{self, Bytes};
use wz_decode::ops::{LoadLaneOp, LoadOp, StoreLaneOp};

use super::memory::{
    ANY, AccSlot, Fixed, LoadOps, Place, Plain, Plus, SlotSlot, StoreOps, load0, place_any, store0,
};
use super::op::{Field, Op, fields};
use super::operand::{Acc, Slot};
use super::vector::{read, write};
use super::{Instruction, Regs, Stop};

/// A load that gives a vector.
trait VectorLoad {
    type Raw: GuestNumber;
    const NAME: &'static str;
    fn make(raw: Self::Raw) -> Bytes;
}

struct Loading<L, P>(PhantomData<(L, P)>);
impl<L: VectorLoad, P: Place> Instruction for Loading<L, P> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            let raw = load0::<L::Raw>(regs, P::address(regs))?;
            write::<0>(regs, L::make(raw));
            regs.advance(2);
        }
        Ok(())
    }
}

struct LoadingAny<L>(PhantomData<L>);
impl<L: VectorLoad> Instruction for LoadingAny<L> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands; what was checked is in the memory.
        unsafe {
            let (base, at) = place_any(regs, size_of::<L::Raw>())?;
            write::<0>(regs, L::make(guest::load(base, at)));
            regs.advance(3);
        }
        Ok(())
    }
}

struct Storing<P>(PhantomData<P>);
impl<P: Place> Instruction for Storing<P> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands that its type says.
        unsafe {
            store0(regs, P::address(regs), u128::from_le_bytes(read::<0>(regs)))?;
            regs.advance(2);
        }
        Ok(())
    }
}

struct StoringAny;
impl Instruction for StoringAny {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands; what was checked is in the memory.
        unsafe {
            let (base, at) = place_any(regs, 16)?;
            guest::store(base, at, u128::from_le_bytes(read::<0>(regs)));
            regs.advance(3);
        }
        Ok(())
    }
}

const fn after(first: Field, rest: [Field; 3]) -> [Field; 6] {
    fields([first, rest[0], rest[1], rest[2]])
}

const fn load_ops<L: VectorLoad>() -> LoadOps {
    const fn pair<L: VectorLoad, P: Place>() -> [Op; 2] {
        let op = Op::new::<Loading<L, P>>(L::NAME, 2, after(Field::ToVector(0), P::FIELDS));
        [op, op]
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
        any: Op::new::<LoadingAny<L>>(L::NAME, 3, after(Field::ToVector(0), ANY)),
    }
}

/// `v128.store`. The value always is in a slot.
pub(super) static STORE: StoreOps = {
    const fn three<P: Place>() -> [Op; 3] {
        let op = Op::new::<Storing<P>>(
            "v128.store",
            2,
            fields([P::FIELDS[0], P::FIELDS[1], P::FIELDS[2], Field::Vector(0)]),
        );
        [op, op, op]
    }
    StoreOps {
        forms: [
            three::<Plain<Slot<1>>>(),
            three::<Plain<Acc>>(),
            three::<SlotSlot>(),
            three::<AccSlot>(),
            three::<Fixed>(),
            three::<Plus<Slot<1>>>(),
            three::<Plus<Acc>>(),
        ],
        any: Op::new::<StoringAny>("v128.store", 3, fields([ANY[0], ANY[1], ANY[2], Field::Vector(0)])),
    }
};

/// Extends eight, four or two numbers: the low half of a vector.
macro_rules! low_half {
    ($extend:ident) => {
        |raw| {
            let bytes: Bytes = u128::from(raw).to_le_bytes();
            numeric::$extend(bytes)
        }
    };
}

/// Lists the loads. A row reads: variant, bytes in memory, how they become a vector.
macro_rules! loads {
    ($($Op:ident: $Raw:ident = $make:expr;)* => numbers $($Number:ident)*) => {
        $(
            struct $Op;
            impl VectorLoad for $Op {
                type Raw = $Raw;
                const NAME: &'static str = LoadOp::$Op.name();
                #[inline(always)]
                fn make(raw: $Raw) -> Bytes {
                    let make: fn($Raw) -> Bytes = $make;
                    make(raw)
                }
            }
        )*
        /// The instructions for a load that gives a vector.
        pub(super) fn load(op: LoadOp) -> &'static LoadOps {
            match op {
                $(LoadOp::$Op => const { &load_ops::<$Op>() },)*
                $(LoadOp::$Number)|* => super::memory::load(op),
            }
        }
    };
}

loads! {
    V128Load: u128 = u128::to_le_bytes;
    V128Load8x8S: u64 = low_half!(i16x8_extend_low_i8x16_s);
    V128Load8x8U: u64 = low_half!(i16x8_extend_low_i8x16_u);
    V128Load16x4S: u64 = low_half!(i32x4_extend_low_i16x8_s);
    V128Load16x4U: u64 = low_half!(i32x4_extend_low_i16x8_u);
    V128Load32x2S: u64 = low_half!(i64x2_extend_low_i32x4_s);
    V128Load32x2U: u64 = low_half!(i64x2_extend_low_i32x4_u);
    V128Load8Splat: u8 = |raw| [raw; 16];
    V128Load16Splat: i16 = |raw| numeric::i16x8_splat(raw.into());
    V128Load32Splat: i32 = |raw| numeric::i32x4_splat(raw);
    V128Load64Splat: i64 = |raw| numeric::i64x2_splat(raw);
    V128Load32Zero: u32 = |raw| u128::from(raw).to_le_bytes();
    V128Load64Zero: u64 = |raw| u128::from(raw).to_le_bytes();
    => numbers
    I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U
    I64Load8S I64Load8U I64Load16S I64Load16U I64Load32S I64Load32U
}

/// A load of one lane of `N` bytes: the general form, and in the fourth word the vector's slot
/// and in its upper half the lane.
struct LoadLane<T>(PhantomData<T>);
/// A store of one lane: the same, without a result.
struct StoreLane<T>(PhantomData<T>);

/// The vector operand in the fourth word, and the lane as an offset in bytes.
#[inline(always)]
unsafe fn lane_operands<T>(regs: &Regs) -> (Bytes, usize) {
    // SAFETY: the instruction has the operands.
    unsafe {
        let vector = regs.slot(regs.u32::<6>()).cast::<Bytes>().read();
        (vector, (regs.u32::<7>() as usize * size_of::<T>()) & 15)
    }
}

impl<T: GuestNumber + Lane> Instruction for LoadLane<T> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands; what was checked is in the memory.
        unsafe {
            let (base, at) = place_any(regs, size_of::<T>())?;
            let (vector, shift) = lane_operands::<T>(regs);
            let lane: T = guest::load(base, at);
            write::<0>(regs, lane.put(vector, shift));
            regs.advance(4);
        }
        Ok(())
    }
}

impl<T: GuestNumber + Lane> Instruction for StoreLane<T> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands; what was checked is in the memory.
        unsafe {
            let (base, at) = place_any(regs, size_of::<T>())?;
            let (vector, shift) = lane_operands::<T>(regs);
            guest::store(base, at, T::take(vector, shift));
            regs.advance(4);
        }
        Ok(())
    }
}

/// A lane that is moved as bits.
trait Lane: Sized {
    /// Puts it where it begins at byte `at`.
    fn put(self, vector: Bytes, at: usize) -> Bytes;
    /// Takes it from there.
    fn take(vector: Bytes, at: usize) -> Self;
}

macro_rules! lanes {
    ($($T:ident)*) => {$(
        impl Lane for $T {
            #[inline(always)]
            fn put(self, mut vector: Bytes, at: usize) -> Bytes {
                const SIZE: usize = size_of::<$T>();
                let (lanes, _) = vector.as_chunks_mut::<SIZE>();
                lanes[at / SIZE % (16 / SIZE)] = self.to_le_bytes();
                vector
            }
            #[inline(always)]
            fn take(vector: Bytes, at: usize) -> Self {
                (u128::from_le_bytes(vector) >> (8 * at)) as $T
            }
        }
    )*};
}
lanes!(u8 u16 u32 u64);

const fn load_lane_op<T: GuestNumber + Lane>(op: LoadLaneOp) -> Op {
    Op::new::<LoadLane<T>>(
        op.name(),
        4,
        fields([Field::ToVector(0), ANY[0], ANY[1], ANY[2], Field::FarSlot(6), Field::Number(7)]),
    )
}

const fn store_lane_op<T: GuestNumber + Lane>(op: StoreLaneOp) -> Op {
    Op::new::<StoreLane<T>>(
        op.name(),
        4,
        fields([ANY[0], ANY[1], ANY[2], Field::FarSlot(6), Field::Number(7)]),
    )
}

/// The instruction for a load of a lane.
pub(crate) fn load_lane(op: LoadLaneOp) -> &'static Op {
    match op {
        LoadLaneOp::V128Load8Lane => const { &load_lane_op::<u8>(LoadLaneOp::V128Load8Lane) },
        LoadLaneOp::V128Load16Lane => const { &load_lane_op::<u16>(LoadLaneOp::V128Load16Lane) },
        LoadLaneOp::V128Load32Lane => const { &load_lane_op::<u32>(LoadLaneOp::V128Load32Lane) },
        LoadLaneOp::V128Load64Lane => const { &load_lane_op::<u64>(LoadLaneOp::V128Load64Lane) },
    }
}

/// The instruction for a store of a lane.
pub(crate) fn store_lane(op: StoreLaneOp) -> &'static Op {
    match op {
        StoreLaneOp::V128Store8Lane => const { &store_lane_op::<u8>(StoreLaneOp::V128Store8Lane) },
        StoreLaneOp::V128Store16Lane => const { &store_lane_op::<u16>(StoreLaneOp::V128Store16Lane) },
        StoreLaneOp::V128Store32Lane => const { &store_lane_op::<u32>(StoreLaneOp::V128Store32Lane) },
        StoreLaneOp::V128Store64Lane => const { &store_lane_op::<u64>(StoreLaneOp::V128Store64Lane) },
    }
}
