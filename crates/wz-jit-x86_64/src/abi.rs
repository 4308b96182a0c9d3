//! Which register is what, and where calls pass values. `docs/jit.md`, section "ABI", explains it.
//!
//! | Register | Job |
//! |---|---|
//! | `r14` | the instance's context, in every body and at every call |
//! | `r15` | the base of memory 0 of that instance |
//! | `rbp` | the frame pointer: every body begins with `push rbp; mov rbp, rsp` |
//! | `rsp` | the guest's stack, 16-byte aligned at calls |
//! | `r11`, `xmm15` | scratch: never allocated, clobbered anywhere |
//! | `r10` | at calls with results in memory: the address of the area for them; else free |
//! | [`INT_ARGS`], `xmm0`–`xmm7` | parameters and results |
//! | the others | free; nothing but `rbp` and `rsp` survives a call |
//!
//! ```text
//!          ┌──────────────────────────┐
//! rbp + 16 │ parameters on the stack  │ popped by the callee
//!          ├──────────────────────────┤
//! rbp + 8  │ return address           │
//! rbp      │ caller's rbp             │
//! rbp - 8  │ context                  │ in frames that call; not in leaves
//!          │ what it was called with  │ with probes that call
//!          │ spill slots              │
//!          │ areas for results        │
//! rsp      │ parameters of callees    │
//!          └──────────────────────────┘
//! ```

use wz_api::{FunctionType, ValueType};

/// The instance's context.
pub const CONTEXT: u8 = 14;
/// The base of memory 0.
pub const MEMORY0_BASE: u8 = 15;
/// The frame pointer.
pub const FRAME_POINTER: u8 = 5;
/// The stack pointer.
pub const STACK_POINTER: u8 = 4;
/// The scratch register.
pub const SCRATCH: u8 = 11;
/// The scratch register for floats and vectors.
pub const VECTOR_SCRATCH: u8 = 15;
/// The area for results that do not fit into registers.
pub const RESULT_AREA: u8 = 10;
/// Integers and references, in this order: `rax rcx rdx rbx rsi rdi r8 r9`.
pub const INT_ARGS: [u8; 8] = [0, 1, 2, 3, 6, 7, 8, 9];
/// Floats and vectors are in `xmm0` and so on, this many.
pub const VECTOR_ARGS: u8 = 8;
/// Where tail calls through a register have what they jump to: nothing else is in it then.
pub const TAIL_TARGET: u8 = 12;

/// Where a frame that calls keeps its context, from `rbp`.
pub const CONTEXT_SLOT: i32 = -8;
/// How far from `rbp` down there is nothing but the context.
pub const CONTEXT_BYTES: u32 = 8;
/// Where parameters on the stack begin, from `rbp`.
pub const INCOMING: i32 = 16;

/// Where a value is at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a general-purpose register.
    Int(u8),
    /// In a vector register.
    Vector(u8),
    /// In memory, so many bytes into the parameters on the stack or the area for results.
    Memory(u32),
}

/// A value at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its type. The upper half of the register or word of an `i32` is zero, of an `f32` undefined.
    pub ty: ValueType,
    /// Where it is.
    pub place: Place,
}

/// Where a call passes its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLayout {
    /// The parameters.
    pub params: Vec<Passed>,
    /// The results.
    pub results: Vec<Passed>,
    /// The length of the parameters on the stack, a multiple of 16. The callee pops them.
    pub stack_bytes: u32,
    /// The length of the area for results, a multiple of 16. 0: there is none.
    pub result_area_bytes: u32,
}

impl CallLayout {
    /// The layout for functions of a type.
    #[must_use]
    pub fn new(ty: &FunctionType) -> Self {
        let (params, stack_bytes) = assign(ty.params());
        let (results, result_area_bytes) = assign(ty.results());
        Self { params, results, stack_bytes, result_area_bytes }
    }

    /// How many slots parameters or results take, whichever are more.
    pub(crate) fn slots(&self) -> u32 {
        let count = |values: &[Passed]| values.iter().map(|value| value.ty.slots() as u32).sum::<u32>();
        count(&self.params).max(count(&self.results))
    }
}

/// Whether values of a type are in general-purpose registers.
#[must_use]
pub fn is_int(ty: ValueType) -> bool {
    !matches!(ty, ValueType::F32 | ValueType::F64 | ValueType::V128)
}

/// Places for values, and how much memory they take.
fn assign(types: &[ValueType]) -> (Vec<Passed>, u32) {
    let (mut ints, mut vectors, mut bytes) = (0, 0, 0_u32);
    let mut assign = |ty: &ValueType| {
        let place = match is_int(*ty) {
            true if ints < INT_ARGS.len() => {
                ints += 1;
                Place::Int(INT_ARGS[ints - 1])
            }
            false if vectors < VECTOR_ARGS => {
                vectors += 1;
                Place::Vector(vectors - 1)
            }
            _ => {
                let size = ty.slots() as u32 * 8;
                let offset = bytes.next_multiple_of(size);
                bytes = offset + size;
                Place::Memory(offset)
            }
        };
        Passed { ty: *ty, place }
    };
    let values = types.iter().map(&mut assign).collect();
    (values, bytes.next_multiple_of(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_where_the_document_says() {
        use ValueType::{F32, F64, I32, I64, V128};
        let params = [vec![I32; 9], vec![F64; 9], vec![V128, F32, I64]].concat();
        let layout = CallLayout::new(&FunctionType::new(params, [I64, F32]));
        let places: Vec<_> = layout.params.iter().map(|param| param.place).collect();
        assert_eq!(places[..8], INT_ARGS.map(Place::Int));
        assert_eq!(places[8], Place::Memory(0));
        assert_eq!(places[9], Place::Vector(0));
        assert_eq!(places[17], Place::Memory(8));
        assert_eq!(places[18..], [Place::Memory(16), Place::Memory(32), Place::Memory(40)]);
        assert_eq!((layout.stack_bytes, layout.result_area_bytes), (48, 0));
        assert_eq!(layout.results[1].place, Place::Vector(0));
        assert_eq!(layout.slots(), 9 + 9 + 2 + 1 + 1);
    }
}
