//! [`StubAssembler`], what the run time needs of an instruction set, and [`Stubs`], the stubs that
//! all modules share. Stubs connect guests with Rust; they are in executable memory like any
//! code, and found through slots.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use wz_api::FunctionType;

use super::body::{BodyKind, Stub, StubKind};
use super::builtins::Builtin;
use super::code_memory::{CodeArena, CodeError, CodeMemory, Limit, NewBody};
use super::slots::SlotRef;
use super::{fault, native};

/// How long a thunk is.
pub const THUNK_BYTES: usize = 8;

/// How long the thunk of a listened function is.
pub const LISTENED_THUNK_BYTES: usize = 16;

/// Where a body refers to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// The place in the code, as the instruction set counts it.
    pub offset: u32,
    /// What the instruction set wants to know again.
    pub kind: u8,
    /// Added to the slot's address.
    pub addend: i32,
    /// The slot.
    pub target: SlotRef,
}

/// Where a body refers to a counter, in the only way that the instruction set has for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterReference {
    /// The place in the code, as the instruction set counts it.
    pub offset: u32,
    /// The counter.
    pub address: usize,
}

/// A stub as an instruction set assembles it. It may be placed anywhere.
#[derive(Clone, Debug)]
pub struct AssembledStub {
    /// The code.
    pub code: Vec<u8>,
    /// What walks need to know.
    pub stub: Stub,
    /// How many bytes of the guest's stack it takes, for stubs that the host calls.
    pub stack_bytes: u32,
}

/// Assembles stubs. `docs/jit.md` says what each has to do; addresses are of functions with the
/// platform's C convention, whose types are in [`native`].
pub trait StubAssembler: Sync + std::fmt::Debug {
    /// A name that differs between instruction sets.
    fn name(&self) -> &'static str;

    /// What is between bodies: an instruction that traps, repeated.
    fn padding(&self) -> u8;

    /// The host calls a guest function of this type: [`native::EntryStub`].
    fn entry(&self, ty: &FunctionType) -> AssembledStub;

    /// Guests call a record of this type: switches to a guest's instance and goes on to its slot,
    /// or calls a host's. Where the frame begins is called directly for those that are known to be a host's.
    fn record_call(&self, ty: &FunctionType, host: &HostCalls) -> AssembledStub;

    /// Guests call [`native::NativeCall`] with the values of the scratch register and of the
    /// parameters.
    fn native_call(&self, ty: &FunctionType, function: usize) -> AssembledStub;

    /// Guests call functions that run elsewhere: makes a frame with the words that
    /// [`ELSEWHERE_RUN`](super::state::ELSEWHERE_RUN) and the others tell, calls `begin` as
    /// [`native_call`](Self::native_call) does, and then does what the status says. After
    /// [`CALL`](native::CALL) it calls [`CallState::next_stub`], which is one of
    /// [`guest_call`](Self::guest_call), and then `resume`. After [`TAIL_CALL`](native::TAIL_CALL) it
    /// goes on to that, which is one of [`tail_call`](Self::tail_call).
    ///
    /// [`CallState::next_stub`]: super::state::CallState::next_stub
    fn elsewhere_call(&self, ty: &FunctionType, begin: usize, resume: usize) -> AssembledStub;

    /// Calls [`CallState::next_record`], which is of this type, with
    /// [`CallState::next_values`].
    ///
    /// [`CallState::next_record`]: super::state::CallState::next_record
    /// [`CallState::next_values`]: super::state::CallState::next_values
    fn guest_call(&self, ty: &FunctionType) -> AssembledStub;

    /// The same in place of the function that ran elsewhere, whose frame goes.
    fn tail_call(&self, ty: &FunctionType) -> AssembledStub;

    /// A native call without parameters and results, preserving every register but the scratch ones.
    fn preserving_call(&self, function: usize) -> AssembledStub;

    /// Called where guests trap: calls [`native::RaiseCall`] and leaves the guest.
    fn trap_exit(&self, function: usize) -> AssembledStub;

    /// Where the fault handler continues with a [`CallState`](super::state::CallState) as the
    /// first argument: calls [`native::RaiseCall`] and leaves the guest.
    fn fault_exit(&self, function: usize) -> AssembledStub;

    /// The host has a guest go on whose frames were left: [`native::ResumeStub`].
    fn resume(&self) -> AssembledStub;

    /// Where thunks of slots without code lead: calls [`native::ResolveCall`], preserving
    /// arguments, and goes on to what that gives.
    fn lazy(&self, function: usize) -> AssembledStub;

    /// The wrapper of listened functions of this type, with the functions to call before and
    /// after it ([`native::BeforeCall`] and [`native::AfterCall`]). The scratch register has the
    /// function's index with imports, by which it finds the slot of the plain body from `plain`.
    fn listener(&self, ty: &FunctionType, plain: usize, before: usize, after: usize) -> AssembledStub;

    /// A thunk at `address` that goes to `target`, telling it where it came from.
    fn thunk(&self, address: usize, target: usize) -> [u8; THUNK_BYTES];

    /// A thunk at `address` that goes to the wrapper at `target` with a function's index in the scratch
    /// register. None if that is out of reach. It keeps calls and returns paired, unlike
    /// [`thunk`](Self::thunk), because processors predict returns by that.
    fn listened_thunk(
        &self,
        address: usize,
        target: usize,
        function: u32,
    ) -> Option<[u8; LISTENED_THUNK_BYTES]>;

    /// Code at `address` that goes on to what the slot at `slot` holds.
    fn jump_through(&self, address: usize, slot: usize) -> Vec<u8>;

    /// Writes the distance of a slot into code that is at `address`. False if it is out of reach.
    fn relocate(&self, code: &mut [u8], relocation: &Relocation, address: usize, target: usize) -> bool;

    /// Writes the distance of a counter into code that is at `address`. False if it is out of reach.
    fn refer(&self, code: &mut [u8], counter: &CounterReference, address: usize) -> bool;
}

/// What stubs call for host functions.
#[derive(Clone, Copy, Debug)]
pub struct HostCalls {
    /// [`native::NativeCall`], with the record. Works for all.
    pub call: usize,
    /// [`native::DirectFailed`], after a function that was called
    /// [directly](wz_core::HostRecord::DIRECT_ENTRY), which only stubs whose types are
    /// [of a few numbers](wz_api::direct::is_direct) do.
    pub failed: usize,
    /// [`native::DirectReturned`], if [`CLOSES`](wz_core::CLOSES) is another number than when the
    /// guest was called.
    pub returned_late: usize,
}

/// The stubs of a type.
#[derive(Clone, Copy, Debug)]
pub struct TypeStubs {
    /// [`StubAssembler::entry`].
    pub entry: usize,
    /// How much of the guest's stack that takes.
    pub entry_stack_bytes: u32,
    /// [`StubAssembler::record_call`].
    pub record_call: usize,
    /// The part of that which calls host functions: where its frame begins.
    pub host_call: usize,
}

/// The stubs of a type that functions elsewhere need.
#[derive(Clone, Copy, Debug)]
pub struct ElsewhereStubs {
    /// [`StubAssembler::elsewhere_call`].
    pub call: usize,
    /// [`StubAssembler::guest_call`].
    pub guest_call: usize,
    /// [`StubAssembler::tail_call`].
    pub tail_call: usize,
    /// How much of the guest's stack that takes.
    pub tail_call_stack_bytes: u32,
}

/// The stubs that all modules of a process share. Never freed.
#[derive(Debug)]
pub struct Stubs {
    assembler: &'static dyn StubAssembler,
    arena: Arc<CodeArena>,
    types: RwLock<HashMap<FunctionType, TypeStubs>>,
    elsewhere: RwLock<HashMap<FunctionType, ElsewhereStubs>>,
    /// The addresses of [`StubAssembler::trap_exit`], [`StubAssembler::fault_exit`],
    /// [`StubAssembler::lazy`] and [`StubAssembler::resume`].
    pub(super) trap_exit: usize,
    pub(super) fault_exit: usize,
    pub(super) lazy: usize,
    pub(super) resume: usize,
    builtins: [usize; Builtin::ALL.len()],
}

/// How much code shared stubs may be.
const SHARED_BYTES: usize = 64 << 20;

/// How many types have shared stubs, and how many values such a type may have: others are a
/// module's own, so that no guest uses up what all share.
const SHARED_TYPES: usize = 8192;
const SHARED_VALUES: usize = 32;

/// The stubs of a type, as many as [`TypeStubs`] has addresses.
const STUBS_PER_TYPE: usize = 2;

/// Whether a type's stubs may be shared.
fn is_small(ty: &FunctionType) -> bool {
    ty.params().len() + ty.results().len() <= SHARED_VALUES
}

impl Stubs {
    /// The stubs of an instruction set, assembled when first asked for. From then on faults of
    /// guests are handled.
    ///
    /// # Errors
    /// If the system refuses executable memory.
    pub fn get(assembler: &'static dyn StubAssembler) -> Result<&'static Self, CodeError> {
        static ALL: Mutex<Vec<&'static Stubs>> = Mutex::new(Vec::new());
        let mut all = ALL.lock();
        if let Some(stubs) = all.iter().find(|stubs| stubs.assembler.name() == assembler.name()) {
            return Ok(stubs);
        }
        let stubs: &'static Self = Box::leak(Box::new(Self::assemble(assembler)?));
        fault::install().map_err(CodeError::Refused)?;
        all.push(stubs);
        Ok(stubs)
    }

    fn assemble(assembler: &'static dyn StubAssembler) -> Result<Self, CodeError> {
        let arena = CodeArena::new(&CodeMemory::unlimited(), 0, SHARED_BYTES, assembler.padding())?;
        let mut assembled = vec![
            assembler.trap_exit(native::address_of_raise_trap()),
            assembler.fault_exit(native::address_of_raise_fault()),
            assembler.lazy(native::address_of_resolve()),
            assembler.resume(),
        ];
        for builtin in Builtin::ALL {
            assembled.push(match builtin.ty() {
                Some(ty) => assembler.native_call(&ty, builtin.function()),
                None => assembler.preserving_call(builtin.function()),
            });
        }
        let addresses = install(&arena, &assembled)?;
        let (types, elsewhere) = Default::default();
        let builtins = std::array::from_fn(|index| addresses[4 + index]);
        let [trap_exit, fault_exit, lazy, resume] = [addresses[0], addresses[1], addresses[2], addresses[3]];
        Ok(Self { assembler, arena, types, elsewhere, trap_exit, fault_exit, lazy, resume, builtins })
    }

    /// What assembles stubs.
    #[must_use]
    pub fn assembler(&self) -> &'static dyn StubAssembler {
        self.assembler
    }

    /// The address of a builtin's stub.
    #[must_use]
    pub fn builtin(&self, builtin: Builtin) -> usize {
        self.builtins[builtin as usize]
    }

    /// The stubs of types: shared ones, or in the arena of the module that asks.
    ///
    /// # Errors
    /// If executable memory is refused or used up.
    pub fn of_types(
        &self,
        types: &[Arc<FunctionType>],
        own: &CodeArena,
    ) -> Result<Vec<TypeStubs>, CodeError> {
        let mut found: Vec<_> = {
            let known = self.types.read();
            types.iter().map(|ty| known.get(&**ty).copied()).collect()
        };
        let shared_left = SHARED_TYPES.saturating_sub(self.types.read().len());
        let missing: Vec<_> = (0..types.len()).filter(|index| found[*index].is_none()).collect();
        let (mut shared, mut private): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|index| is_small(&types[*index]));
        private.extend(shared.split_off(shared.len().min(shared_left)));
        for (group, arena) in [(&shared, &*self.arena), (&private, own)] {
            let assembled: Vec<_> =
                group.iter().flat_map(|index| self.assemble_type(&types[*index])).collect();
            let addresses = install(arena, &assembled)?;
            for (position, index) in group.iter().enumerate() {
                let first = position * STUBS_PER_TYPE;
                found[*index] = Some(TypeStubs {
                    entry: addresses[first],
                    entry_stack_bytes: assembled[first].stack_bytes,
                    record_call: addresses[first + 1],
                    host_call: addresses[first + 1] + assembled[first + 1].stub.frame_at as usize,
                });
            }
        }
        if !shared.is_empty() {
            let mut known = self.types.write();
            for index in shared {
                known.extend(found[index].map(|stubs| (FunctionType::clone(&types[index]), stubs)));
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn assemble_type(&self, ty: &FunctionType) -> [AssembledStub; STUBS_PER_TYPE] {
        [self.assembler.entry(ty), self.assembler.record_call(ty, &native::host_calls())]
    }

    /// The stubs of a type for functions elsewhere: shared ones, or in the arena of the module that
    /// asks.
    ///
    /// # Errors
    /// If executable memory is refused or used up.
    pub fn elsewhere_of(&self, ty: &FunctionType, own: &CodeArena) -> Result<ElsewhereStubs, CodeError> {
        let shared_left = {
            let known = self.elsewhere.read();
            if let Some(stubs) = known.get(ty) {
                return Ok(*stubs);
            }
            SHARED_TYPES.saturating_sub(known.len())
        };
        let shared = is_small(ty) && shared_left > 0;
        let (begin, resume) = (native::address_of_begin_elsewhere(), native::address_of_resume_elsewhere());
        let assembled = [
            self.assembler.elsewhere_call(ty, begin, resume),
            self.assembler.guest_call(ty),
            self.assembler.tail_call(ty),
        ];
        let addresses = install(if shared { &self.arena } else { own }, &assembled)?;
        let stubs = ElsewhereStubs {
            call: addresses[0],
            guest_call: addresses[1],
            tail_call: addresses[2],
            tail_call_stack_bytes: assembled[2].stack_bytes,
        };
        // If somebody else was faster, these are there for nothing.
        Ok(if shared { *self.elsewhere.write().entry(ty.clone()).or_insert(stubs) } else { stubs })
    }
}

/// Installs stubs that may be placed anywhere.
pub(super) fn install(arena: &CodeArena, stubs: &[AssembledStub]) -> Result<Vec<usize>, CodeError> {
    let bodies = stubs.iter().map(|stub| NewBody { code: &stub.code, kind: Some(BodyKind::Stub(stub.stub)) });
    arena.install_with(Limit::Ignored, bodies.collect(), |_, _, _| Ok(()))
}

/// What a row of thunks is.
pub(super) fn thunks_kind() -> BodyKind {
    BodyKind::Stub(Stub { kind: StubKind::Thunks, frame_at: u32::MAX })
}

/// Whether the stubs of some instruction set can be had: whether the JIT works here.
#[must_use]
pub fn available(assembler: &'static dyn StubAssembler) -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| Stubs::get(assembler).is_ok())
}
