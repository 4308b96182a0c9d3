//! [`Builtin`]: what guest code calls for operators that it does not do itself. Each is a function
//! over slots behind a stub; the operators' work is the core's.
//!
//! Operands that vary come as parameters of type `i64`, zero-extended where the operator's is an
//! `i32`; indices that the code knows come in the scratch register. Results are whole words.

use wz_api::{FunctionType, Trap, ValueType};
use wz_core::engine::Raised;
use wz_core::records::InstanceContext;
use wz_core::{PAGE_BYTES, builtins};
use wz_decode::fuel::{byte_units, element_units};

use super::native::{OK, RAISED, enter_core};
use super::state::CallState;

/// Something that guest code calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Builtin {
    /// `(delta) -> before`; the scratch register has the memory's index. -1 on failure.
    MemoryGrow,
    /// `(to, value, len)`; the memory's index.
    MemoryFill,
    /// `(to, from, len)`; the target's index, and in the upper half the source's.
    MemoryCopy,
    /// `(to, from, len)`; the memory's index, and in the upper half the segment's.
    MemoryInit,
    /// `()`; the segment's index.
    DataDrop,
    /// `(index) -> word`; the table's index.
    TableGet,
    /// `(index, word)`; the table's index.
    TableSet,
    /// `(word, delta) -> before`; the table's index. -1 on failure.
    TableGrow,
    /// `(to, word, len)`; the table's index.
    TableFill,
    /// `(to, from, len)`; the target's index, and in the upper half the source's.
    TableCopy,
    /// `(to, from, len)`; the table's index, and in the upper half the segment's.
    TableInit,
    /// `()`; the segment's index.
    ElemDrop,
    /// `() -> word`; the function's index.
    RefFunc,
    /// Preserves all registers. Called when the header's interrupt flag is not 0.
    Interrupted,
    /// `(params)`: the address of the parameters' slots; the function's index. For bodies that
    /// tell listeners themselves.
    ListenBefore,
    /// `(results)`: the address of the results' slots; the function's index.
    ListenAfter,
    /// `()`; the function's index. Before its frame goes.
    ListenTailCall,
    /// Preserves all registers. The address of a probe's record, of the code that calls.
    Probe,
}

use Builtin as B;

type Outcome = Result<(), Failure>;

/// Why a builtin does not return.
enum Failure {
    Trap(Trap),
    Raised,
}

impl From<Trap> for Failure {
    fn from(trap: Trap) -> Self {
        Self::Trap(trap)
    }
}

impl From<Raised> for Failure {
    fn from(_: Raised) -> Self {
        Self::Raised
    }
}

impl Builtin {
    /// Every builtin, in order of discriminant.
    pub const ALL: [Self; 18] = [
        B::MemoryGrow,
        B::MemoryFill,
        B::MemoryCopy,
        B::MemoryInit,
        B::DataDrop,
        B::TableGet,
        B::TableSet,
        B::TableGrow,
        B::TableFill,
        B::TableCopy,
        B::TableInit,
        B::ElemDrop,
        B::RefFunc,
        B::Interrupted,
        B::ListenBefore,
        B::ListenAfter,
        B::ListenTailCall,
        B::Probe,
    ];

    /// Its parameters and results; none if it preserves all registers.
    #[must_use]
    pub fn ty(self) -> Option<FunctionType> {
        let (params, results) = match self {
            B::MemoryGrow | B::TableGet => (1, 1),
            B::MemoryFill | B::MemoryCopy | B::MemoryInit => (3, 0),
            B::TableFill | B::TableCopy | B::TableInit => (3, 0),
            B::DataDrop | B::ElemDrop | B::ListenTailCall => (0, 0),
            B::TableSet => (2, 0),
            B::TableGrow => (2, 1),
            B::RefFunc => (0, 1),
            B::ListenBefore | B::ListenAfter => (1, 0),
            B::Interrupted | B::Probe => return None,
        };
        Some(FunctionType::new(vec![ValueType::I64; params], vec![ValueType::I64; results]))
    }

    /// The address of its function, a [`NativeCall`](super::native::NativeCall).
    pub(super) fn function(self) -> usize {
        let function: super::native::NativeCall = match self {
            B::MemoryGrow => call::<{ B::MemoryGrow as u8 }>,
            B::MemoryFill => call::<{ B::MemoryFill as u8 }>,
            B::MemoryCopy => call::<{ B::MemoryCopy as u8 }>,
            B::MemoryInit => call::<{ B::MemoryInit as u8 }>,
            B::DataDrop => call::<{ B::DataDrop as u8 }>,
            B::TableGet => call::<{ B::TableGet as u8 }>,
            B::TableSet => call::<{ B::TableSet as u8 }>,
            B::TableGrow => call::<{ B::TableGrow as u8 }>,
            B::TableFill => call::<{ B::TableFill as u8 }>,
            B::TableCopy => call::<{ B::TableCopy as u8 }>,
            B::TableInit => call::<{ B::TableInit as u8 }>,
            B::ElemDrop => call::<{ B::ElemDrop as u8 }>,
            B::RefFunc => call::<{ B::RefFunc as u8 }>,
            B::Interrupted => call::<{ B::Interrupted as u8 }>,
            B::ListenBefore => call::<{ B::ListenBefore as u8 }>,
            B::ListenAfter => call::<{ B::ListenAfter as u8 }>,
            B::ListenTailCall => call::<{ B::ListenTailCall as u8 }>,
            B::Probe => call::<{ B::Probe as u8 }>,
        };
        function as usize
    }
}

/// A builtin as stubs call it.
///
/// # Safety
/// See [`NativeCall`](super::native::NativeCall).
unsafe extern "C" fn call<const BUILTIN: u8>(
    state: *const CallState,
    extra: usize,
    slots: *mut u64,
    context: *const InstanceContext,
) -> u32 {
    // SAFETY: stubs pass what is described; the index is one of a builtin.
    unsafe {
        match run(Builtin::ALL[BUILTIN as usize], &*state, extra as u64, slots, context) {
            Ok(()) => OK,
            Err(Failure::Trap(trap)) => {
                enter_core(&*state).raise_trap(trap);
                RAISED
            }
            Err(Failure::Raised) => RAISED,
        }
    }
}

/// # Safety
/// See [`NativeCall`](super::native::NativeCall).
#[inline(always)]
unsafe fn run(
    builtin: Builtin,
    state: &CallState,
    extra: u64,
    slots: *mut u64,
    cx: *const InstanceContext,
) -> Outcome {
    let (low, high) = (extra as u32, (extra >> 32) as u32);
    // SAFETY: there are as many slots as the type of the builtin says, and at least one word; code
    // was validated.
    unsafe {
        let slot = |index: usize| *slots.add(index);
        let give = |word: u64| *slots = word;
        charge(state, builtin, slots)?;
        match builtin {
            B::MemoryGrow => give(builtins::memory_grow(cx, low, slot(0))),
            B::MemoryFill => builtins::memory_fill(cx, low, slot(0), slot(1) as u8, slot(2))?,
            B::MemoryCopy => builtins::memory_copy(cx, low, high, slot(0), slot(1), slot(2))?,
            B::MemoryInit => builtins::memory_init(cx, low, high, slot(0), slot(1), slot(2))?,
            B::DataDrop => builtins::data_drop(cx, low),
            B::TableGet => give(builtins::table_get(cx, low, slot(0))?),
            B::TableSet => builtins::table_set(cx, low, slot(0), slot(1))?,
            B::TableGrow => give(builtins::table_grow(cx, low, slot(0), slot(1))),
            B::TableFill => builtins::table_fill(cx, low, slot(0), slot(1), slot(2))?,
            B::TableCopy => builtins::table_copy(cx, low, high, slot(0), slot(1), slot(2))?,
            B::TableInit => builtins::table_init(cx, low, high, slot(0), slot(1), slot(2))?,
            B::ElemDrop => builtins::elem_drop(cx, low),
            B::RefFunc => give(builtins::ref_func(cx, low).expose_provenance() as u64),
            B::Interrupted => enter_core(state).interrupted()?,
            B::ListenBefore => {
                let params = std::ptr::with_exposed_provenance(slot(0) as usize);
                enter_core(state).listen_before(cx, low, params)?;
            }
            B::ListenAfter => {
                let results = std::ptr::with_exposed_provenance(slot(0) as usize);
                enter_core(state).listen_after(results)?;
            }
            B::ListenTailCall => enter_core(state).listen_tail_call()?,
            B::Probe => enter_core(state).probe(cx, std::ptr::with_exposed_provenance(extra as usize))?,
        }
    }
    Ok(())
}

/// Consumes the fuel that an operator on a run costs for its length, if the call is metered. What
/// does not suffice is used up.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn charge(state: &CallState, builtin: Builtin, slots: *mut u64) -> Result<(), Trap> {
    let len = |index: usize| {
        // SAFETY: the operand exists.
        unsafe { *slots.add(index) }
    };
    let units = match builtin {
        B::MemoryGrow => byte_units(len(0).saturating_mul(PAGE_BYTES)),
        B::MemoryFill | B::MemoryCopy | B::MemoryInit => byte_units(len(2)),
        B::TableGrow => element_units(len(1)),
        B::TableFill | B::TableCopy | B::TableInit => element_units(len(2)),
        B::DataDrop
        | B::TableGet
        | B::TableSet
        | B::ElemDrop
        | B::RefFunc
        | B::Interrupted
        | B::ListenBefore
        | B::ListenAfter
        | B::ListenTailCall
        | B::Probe => 0,
    };
    if units == 0 {
        return Ok(());
    }
    // SAFETY: the call is running, on this thread.
    let fuel = unsafe { &state.activation().fuel };
    match fuel.get() {
        // Code that is not metered never takes any.
        u64::MAX => Ok(()),
        left => match left.checked_sub(units) {
            Some(left) => {
                fuel.set(left);
                Ok(())
            }
            None => {
                fuel.set(0);
                Err(Trap::OutOfFuel)
            }
        },
    }
}

const _: () = {
    let mut index = 0;
    while index < Builtin::ALL.len() {
        assert!(Builtin::ALL[index] as usize == index);
        index += 1;
    }
};
