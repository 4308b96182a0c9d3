//! Calls and returns.
//!
//! The caller has put the arguments where the callee's frame begins. A frame's header is in the
//! three slots after its parameters and results: where to return to, the caller's frame and the
//! caller's instance. Results are at the start of the callee's frame; the result of a function that
//! has only one, a number or a reference, is in the accumulator of its type too.

use std::marker::PhantomData;
use std::sync::atomic::Ordering::{Acquire, SeqCst};
use std::sync::atomic::compiler_fence;

use wz_api::Trap;
use wz_core::builtins;
use wz_core::records::{FunctionKind, FunctionRecord, TableRecord};

use super::host::{self, At};
use super::op::{Field, Op, fields};
use super::operand::{Acc, Imm, Scalar, Slot, Source};
use super::{Instruction, Regs, Stop};
use crate::code::FunctionSlot;
use crate::machine::{Left, Machine};

impl Regs {
    /// Where execution is.
    #[inline(always)]
    pub(super) fn at(&self) -> At {
        At { ip: self.ip, sp: self.sp, cx: self.cx }
    }

    /// Writes the header of a frame that returns to `return_ip` in this frame.
    ///
    /// # Safety
    /// `header` is in the stack.
    #[inline(always)]
    unsafe fn write_header(&self, header: *mut u64, return_ip: *const u64) {
        // SAFETY: the caller says so; there always is room for a header behind a frame.
        unsafe {
            header.write(return_ip.expose_provenance() as u64);
            header.add(1).write(self.sp.expose_provenance() as u64);
            header.add(2).write(self.cx.expose_provenance() as u64);
        }
    }

    /// Returns to the frame that a header names.
    ///
    /// # Safety
    /// `header` is that of the current frame.
    #[inline(always)]
    unsafe fn pop_frame(&mut self, header: *mut u64) {
        // SAFETY: headers are written by calls.
        unsafe {
            self.ip = std::ptr::with_exposed_provenance(header.read() as usize);
            self.sp = std::ptr::with_exposed_provenance_mut(header.add(1).read() as usize);
            self.cx = std::ptr::with_exposed_provenance(header.add(2).read() as usize);
        }
    }

    /// Where the call is that the frame of a header returns to.
    ///
    /// # Safety
    /// `header` is that of the current frame.
    #[inline(always)]
    unsafe fn caller_at(&self, header: *const u64) -> At {
        // SAFETY: headers are written by calls; the call comes before what it returns to.
        unsafe {
            let [ip, sp, cx] = header.cast::<[u64; 3]>().read().map(|word| word as usize);
            let exit = (&raw const (*self.machine).exit).addr();
            At {
                ip: std::ptr::with_exposed_provenance(if ip == exit { exit } else { ip - size_of::<u64>() }),
                sp: std::ptr::with_exposed_provenance_mut(sp),
                cx: std::ptr::with_exposed_provenance(cx),
            }
        }
    }

    /// Has the accumulators have the result of a function that did not run here, which is at `slots`.
    ///
    /// # Safety
    /// `slots` is in the stack.
    #[inline(always)]
    unsafe fn take_result(&mut self, slots: *mut u64) {
        // SAFETY: the caller says so.
        let bits = unsafe { slots.read() };
        self.acc = bits;
        self.f = f32::from_bits(bits as u32);
        self.d = f64::from_bits(bits);
    }

    /// The slot of a function of the instance whose code runs, by its record, where the instance is
    /// another engine's.
    ///
    /// # Safety
    /// The machine has the instance's module; the record is published, and of a guest function.
    #[inline(always)]
    unsafe fn mixed_slot(&self, record: *const FunctionRecord) -> *const FunctionSlot {
        // SAFETY: the caller says so.
        unsafe { (*self.machine).module_of(self.cx).slot((*record).index.get().read()) }
    }

    /// Leaves the machine, so that another engine calls the function of a record. The stack is as if
    /// the function had been entered here: the arguments are at `sp`, and `header` is written.
    ///
    /// # Safety
    /// The stack is as described.
    #[inline(always)]
    unsafe fn leave(&mut self, record: *const FunctionRecord, header: *mut u64) -> Result<(), Stop> {
        // SAFETY: the machine outlives the execution.
        unsafe { (*self.machine).left = Left { record, values: self.sp, header } };
        Err(Stop::LEAVE)
    }

    /// The registers after another engine called a function, and it returned.
    ///
    /// # Safety
    /// The machine's last stop was [`Stop::LEAVE`], and its header is that of a frame.
    pub(crate) unsafe fn after(machine: *mut Machine) -> Self {
        // SAFETY: the machine lives; the header names the caller's frame, whose instance lives.
        unsafe {
            let Left { values, header, .. } = (*machine).left;
            let (ip, base, cx) = (std::ptr::null(), std::ptr::null_mut(), std::ptr::null());
            let mut regs = Self { ip, sp: values, acc: 0, base, len: 0, cx, f: 0.0, d: 0.0, machine };
            regs.take_result(values);
            regs.pop_frame(header);
            regs.reload_memory();
            regs
        }
    }

    /// The registers after the call of a host function at `ip`, of `words`, whose results these are.
    ///
    /// # Safety
    /// The instruction has the operands of calls; the frame is in the machine's stack, and its
    /// instance lives.
    pub(crate) unsafe fn after_host(machine: *mut Machine, at: At, words: usize, results: &[u64]) -> Self {
        let At { ip, sp, cx } = at;
        let base = std::ptr::null_mut();
        let mut regs = Self { ip, sp, acc: 0, base, len: 0, cx, f: 0.0, d: 0.0, machine };
        // SAFETY: the caller says so.
        unsafe {
            let slots = regs.slot(regs.u32::<2>());
            slots.copy_from_nonoverlapping(results.as_ptr(), results.len());
            regs.take_result(slots);
            regs.advance(words);
            regs.reload_memory();
        }
        regs
    }

    /// Calls the function of a record from an instruction of `words`. A host function is left to
    /// the slow variant.
    ///
    /// # Safety
    /// The instruction has the operands of calls; the record is published.
    #[inline(always)]
    unsafe fn call_record<const MIXED: bool, const SLOW: bool>(
        &mut self,
        record: *const FunctionRecord,
        words: usize,
    ) -> Result<(), Stop> {
        // SAFETY: the caller says so.
        unsafe {
            if (*record).kind.get().read() == FunctionKind::Host {
                if !SLOW {
                    return Err(Stop::SLOW);
                }
                let (slots, header) = (self.slot(self.u32::<2>()), self.slot(self.u32::<3>()));
                host::call_host(self.machine, self.at(), self.cx, record, slots, header)?;
                self.take_result(slots);
                self.reload_len();
                self.advance(words);
                return Ok(());
            }
            if MIXED {
                if (*record).context.load(Acquire).cast_const() == self.cx {
                    return self.enter(|this| this.mixed_slot(record), words);
                }
                let header = self.slot(self.u32::<3>());
                self.write_header(header, self.ip.add(words));
                self.sp = self.slot(self.u32::<2>());
                return self.leave(record, header);
            }
            self.enter(|_| (*record).target.get().read().cast(), words)?;
            let context = (*record).context.load(Acquire).cast_const();
            if context != self.cx {
                self.cx = context;
                self.reload_memory();
            }
        }
        Ok(())
    }

    /// Enters a guest's function from a call instruction of `words`.
    ///
    /// # Safety
    /// The instruction has the operands of calls; `slot` gives one of a live module.
    #[inline(always)]
    unsafe fn enter(
        &mut self,
        slot: impl FnOnce(&Self) -> *const FunctionSlot,
        words: usize,
    ) -> Result<(), Stop> {
        // SAFETY: the caller says so; a frame has room for the headers of those it calls.
        unsafe {
            let header = self.slot(self.u32::<3>());
            self.write_header(header, self.ip.add(words));
            // There are three machine registers to spare: loads that the compiler moves up from
            // below would need more.
            compiler_fence(SeqCst);
            self.sp = self.slot(self.u32::<2>());
            let code = (*slot(self)).code();
            let end = self.sp.addr().wrapping_add(code.read() as usize);
            if end > (*self.machine).limit.addr() {
                // The caller's frame is found by whoever handles it.
                return Err(Stop::OVERFLOW);
            }
            self.ip = code.add(1);
            Ok(())
        }
    }

    /// Leaves the function by calling that of a record: the arguments and their number are the
    /// second word, the old and the new header the third, the number of results the last.
    ///
    /// # Safety
    /// The instruction has the operands of tail calls; the record is published.
    #[inline(always)]
    unsafe fn tail_call_record<const MIXED: bool, const SLOW: bool>(
        &mut self,
        record: *const FunctionRecord,
    ) -> Result<(), Stop> {
        // SAFETY: the caller says so.
        unsafe {
            if (*record).kind.get().read() == FunctionKind::Host {
                if !SLOW {
                    return Err(Stop::SLOW);
                }
                let arguments = self.slot(self.u32::<2>());
                let top = arguments.add(self.u32::<8>() as usize);
                let header = self.slot(self.u32::<4>());
                // The function has ended: its caller is the innermost frame.
                let at = self.caller_at(header);
                host::call_host(self.machine, at, self.cx, record, arguments, top)?;
                self.take_result(arguments);
                std::ptr::copy(arguments, self.sp, self.u32::<9>() as usize);
                self.pop_frame(header);
                self.reload_memory();
                return Ok(());
            }
            if MIXED {
                if (*record).context.load(Acquire).cast_const() == self.cx {
                    return self.tail_call(self.mixed_slot(record));
                }
                let header = self.replace_frame();
                return self.leave(record, header);
            }
            self.tail_call((*record).target.get().read().cast())?;
            self.cx = (*record).context.load(Acquire);
            self.reload_memory();
        }
        Ok(())
    }

    /// Leaves the function by calling a guest's: moves the arguments and the header.
    ///
    /// # Safety
    /// The instruction has the operands of tail calls; the slot is of a live module.
    #[inline(always)]
    unsafe fn tail_call(&mut self, slot: *const FunctionSlot) -> Result<(), Stop> {
        // SAFETY: the caller says so.
        unsafe {
            let code = (*slot).code();
            let end = self.sp.addr().wrapping_add(code.read() as usize);
            if end > (*self.machine).limit.addr() {
                return Err(Trap::StackOverflow.into());
            }
            self.replace_frame();
            self.ip = code.add(1);
        }
        Ok(())
    }

    /// Moves the arguments of a tail call and the header to where the callee has them. Gives the
    /// header's new place.
    ///
    /// # Safety
    /// The instruction has the operands of tail calls.
    #[inline(always)]
    unsafe fn replace_frame(&mut self) -> *mut u64 {
        // SAFETY: the caller says so; the callee's header is within the frame, which had the
        // arguments behind its own.
        unsafe {
            let header = self.slot(self.u32::<4>()).cast::<[u64; 3]>().read();
            std::ptr::copy(self.slot(self.u32::<2>()), self.sp, self.u32::<3>() as usize);
            let to = self.slot(self.u32::<5>());
            to.cast::<[u64; 3]>().write(header);
            to
        }
    }

    /// The record in a table, of the right type.
    ///
    /// # Safety
    /// The module is valid.
    #[inline(always)]
    unsafe fn table_record(
        &self,
        index: impl Into<u64>,
        table: u32,
        ty: u32,
    ) -> Result<*const FunctionRecord, Stop> {
        let index = index.into();
        // SAFETY: the instance has that table and that type.
        unsafe {
            let table: *const TableRecord = (*self.cx).tables.add(table as usize).read();
            if index >= (*table).len.load(Acquire) as u64 {
                return Err(Trap::InvalidTableAccess.into());
            }
            let element = (*(*table).base.add(index as usize)).load(Acquire);
            if element == 0 {
                return Err(Trap::InvalidTableAccess.into());
            }
            let record: *const FunctionRecord = std::ptr::with_exposed_provenance(element);
            if (*record).type_id.get().read() != (*self.cx).type_ids.add(ty as usize).read() {
                return Err(Trap::IndirectCallTypeMismatch.into());
            }
            Ok(record)
        }
    }
}

/// Defines instructions that go elsewhere. A row reads: type, what it does.
macro_rules! transfers {
    ($($(#[$doc:meta])* $Name:ident |$r:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        struct $Name;
        impl Instruction for $Name {
            #[inline(always)]
            unsafe fn run($r: &mut Regs) -> Result<(), Stop> {
                // SAFETY: the instruction has these operands.
                unsafe { $body }
            }
        }
    )*};
}

transfers! {
    /// Calls a function of the module, whose slot is the third word.
    Call |r| r.enter(|r| std::ptr::with_exposed_provenance(r.word::<2>() as usize), 3);
    /// Leaves by calling a function of the module, whose slot is the fourth word.
    TailCall |r| r.tail_call(std::ptr::with_exposed_provenance(r.word::<3>() as usize));
    /// Returns; the results are at the start of the frame.
    Return |r| {
        r.pop_frame(r.slot(r.u16::<0>()));
        r.reload_memory();
        Ok(())
    };
    /// Calls a function of the module that another engine runs: its index and the slot of the header
    /// are the second word. Its frame has been pushed.
    Leave |r| r.leave(builtins::ref_func(r.cx, r.u32::<2>()), r.slot(r.u32::<3>()));
    /// Traps as the call of a function from a table would: in the third word the slot of the index,
    /// and the table, in the fourth the type.
    CheckIndirect |r| {
        r.table_record(r.slot(r.u32::<4>()).read() as u32, r.u32::<5>(), r.u32::<6>())?;
        r.advance(4);
        Ok(())
    };
    /// The same with an index of 64 bits.
    CheckIndirect64 |r| {
        r.table_record(r.slot(r.u32::<4>()).read(), r.u32::<5>(), r.u32::<6>())?;
        r.advance(4);
        Ok(())
    };
    /// Translates the function whose index is the second word, and begins it.
    Translate |r| {
        r.ip = host::translate(r.machine, r.word::<1>() as u32, r.sp, r.cx)?;
        Ok(())
    };
}

/// Defines instructions that go to a function that may be a host's: these are left to the slow
/// variant. With `MIXED`, functions of other instances are called by another engine. A row reads:
/// type, the function's record, which of the methods goes there.
macro_rules! record_transfers {
    ($($(#[$doc:meta])* $Name:ident |$r:ident| $record:expr, $go:ident($($words:literal)?);)*) => {$(
        $(#[$doc])*
        struct $Name<const MIXED: bool>;
        impl<const MIXED: bool> $Name<MIXED> {
            #[inline(always)]
            unsafe fn go<const SLOW: bool>($r: &mut Regs) -> Result<(), Stop> {
                // SAFETY: the instruction has these operands.
                unsafe {
                    let record = $record;
                    $r.$go::<MIXED, SLOW>(record $(, $words)?)
                }
            }
        }
        impl<const MIXED: bool> Instruction for $Name<MIXED> {
            #[inline(always)]
            unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
                // SAFETY: as for this function.
                unsafe { Self::go::<false>(regs) }
            }
            const SLOW: bool = true;
            unsafe fn run_slow(regs: &mut Regs) -> Result<(), Stop> {
                // SAFETY: as for this function.
                unsafe { Self::go::<true>(regs) }
            }
        }
    )*};
}

record_transfers! {
    /// Calls an imported function, whose index is the third word.
    CallImport |r| (*r.cx).imported_functions.add(r.word::<2>() as usize).read(), call_record(3);
    /// Calls a function from a table: in the third word the slot of the index, and the table, in
    /// the fourth the type.
    CallIndirect |r| r.table_record(r.slot(r.u32::<4>()).read() as u32, r.u32::<5>(), r.u32::<6>())?, call_record(4);
    /// The same with the index in the accumulator.
    CallIndirectAcc |r| r.table_record(r.acc as u32, r.u32::<5>(), r.u32::<6>())?, call_record(4);
    /// The same with an index of 64 bits in a slot.
    CallIndirect64 |r| r.table_record(r.slot(r.u32::<4>()).read(), r.u32::<5>(), r.u32::<6>())?, call_record(4);
    /// Leaves by calling an imported function, whose index is the fourth word.
    TailCallImport |r| (*r.cx).imported_functions.add(r.word::<3>() as usize).read(), tail_call_record();
    /// Leaves by calling a function from a table: in the fourth word the slot of the index and
    /// the table; the type is the sixth.
    TailCallIndirect |r| r.table_record(r.slot(r.u32::<6>()).read() as u32, r.u32::<7>(), r.u32::<10>())?, tail_call_record();
    /// The same with an index of 64 bits.
    TailCallIndirect64 |r| r.table_record(r.slot(r.u32::<6>()).read(), r.u32::<7>(), r.u32::<10>())?, tail_call_record();
}

/// Returns a number or reference: in its accumulator, and in the first slot, which is the home of
/// the call's result. So the caller never has to save it.
struct ReturnValue<T, A>(PhantomData<(T, A)>);
impl<T: Scalar, A: Source<T>> Instruction for ReturnValue<T, A> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands; the frame has a header.
        unsafe {
            let value = A::get(regs);
            value.set_acc(regs);
            let header = regs.slot(regs.u16::<0>());
            regs.sp.write(value.to_slot());
            regs.pop_frame(header);
            regs.reload_memory();
        }
        Ok(())
    }
}

/// The outermost function returned. All results are in the first slots.
struct Exit;
impl Instruction for Exit {
    #[inline(always)]
    unsafe fn run(_: &mut Regs) -> Result<(), Stop> {
        Err(Stop::RETURNED)
    }
}

/// Tells listeners: the function's index and the length of the frame are the second word.
struct Listen<const EVENT: u8>;
impl<const EVENT: u8> Instruction for Listen<EVENT> {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the instruction has the operands.
        unsafe {
            host::listen::<EVENT>(regs.machine, regs.at(), regs.u32::<2>(), regs.u32::<3>())?;
            regs.reload_len();
            regs.advance(2);
        }
        Ok(())
    }
}

const BASE: Field = Field::FarSlot(2);
const HEADER: Field = Field::Number(3);
const COUNT: Field = Field::Number(3);

/// Calls a function of the module.
pub(crate) static CALL: Op = Op::new::<Call>("call", 3, fields([BASE, HEADER]));
/// The variants of an instruction that may go to a function of another engine's: for code of this
/// engine's instances, for code of others'.
type Mixable<T> = [T; 2];

/// Calls an imported function.
pub(crate) static CALL_IMPORT: Mixable<Op> = {
    const FIELDS: [Field; 6] = fields([BASE, HEADER, Field::Word(2)]);
    [
        Op::new::<CallImport<false>>("call_import", 3, FIELDS),
        Op::new::<CallImport<true>>("call_import", 3, FIELDS),
    ]
};
/// Calls a function from a table: index in a slot, in the accumulator; with 64 bits in a slot.
pub(crate) static CALL_INDIRECT: Mixable<[Op; 3]> = {
    const fn three<const MIXED: bool>() -> [Op; 3] {
        let by_slot = fields([BASE, HEADER, Field::FarSlot(4), Field::Number(5), Field::Number(6)]);
        let by_acc = fields([BASE, HEADER, Field::Acc, Field::Number(5), Field::Number(6)]);
        [
            Op::new::<CallIndirect<MIXED>>("call_indirect", 4, by_slot),
            Op::new::<CallIndirectAcc<MIXED>>("call_indirect", 4, by_acc),
            Op::new::<CallIndirect64<MIXED>>("call_indirect", 4, by_slot),
        ]
    }
    [three::<false>(), three::<true>()]
};
/// How many words the call at an address has, if it may be one of a host function and no tail call.
///
/// # Safety
/// There is an instruction.
pub(crate) unsafe fn host_call_words(ip: *const u64) -> Option<usize> {
    // SAFETY: as the caller says.
    let word = unsafe { ip.read() };
    let mut calls = CALL_IMPORT.iter().chain(CALL_INDIRECT.iter().flatten());
    calls.find(|op| op.word() == word).map(|op| usize::from(op.words))
}

/// Leaves by calling a function of the module.
pub(crate) static TAIL_CALL: Op =
    Op::new::<TailCall>("return_call", 4, fields([BASE, COUNT, Field::Number(4), Field::Number(5)]));
/// Leaves by calling an imported function.
pub(crate) static TAIL_CALL_IMPORT: Mixable<Op> = {
    const FIELDS: [Field; 6] = fields([BASE, COUNT, Field::Number(4), Field::Number(5), Field::Word(3)]);
    [
        Op::new::<TailCallImport<false>>("return_call_import", 5, FIELDS),
        Op::new::<TailCallImport<true>>("return_call_import", 5, FIELDS),
    ]
};
/// Leaves by calling a function from a table; with an index of 64 bits.
pub(crate) static TAIL_CALL_INDIRECT: Mixable<[Op; 2]> = {
    const FIELDS: [Field; 6] =
        fields([BASE, COUNT, Field::Number(4), Field::FarSlot(6), Field::Number(7), Field::Number(10)]);
    const fn two<const MIXED: bool>() -> [Op; 2] {
        [
            Op::new::<TailCallIndirect<MIXED>>("return_call_indirect", 6, FIELDS),
            Op::new::<TailCallIndirect64<MIXED>>("return_call_indirect", 6, FIELDS),
        ]
    }
    [two::<false>(), two::<true>()]
};
/// Traps where calling a function from a table would; the second one with an index of 64 bits.
pub(crate) static CHECK_INDIRECT: [Op; 2] = {
    const FIELDS: [Field; 6] = fields([Field::FarSlot(4), Field::Number(5), Field::Number(6)]);
    [
        Op::new::<CheckIndirect>("check_indirect", 4, FIELDS),
        Op::new::<CheckIndirect64>("check_indirect", 4, FIELDS),
    ]
};
/// Returns with all results in their slots.
pub(crate) static RETURN: Op = Op::new::<Return>("return", 2, fields([]));
/// Returns what is in an accumulator, by class.
pub(crate) static RETURN_ACC: [Op; 3] = [
    Op::new::<ReturnValue<u64, Acc>>("return", 2, fields([Field::Acc])),
    Op::new::<ReturnValue<f32, Acc>>("return_f32", 2, fields([Field::Acc])),
    Op::new::<ReturnValue<f64, Acc>>("return_f64", 2, fields([Field::Acc])),
];
/// Returns a slot, by class of accumulator.
pub(crate) static RETURN_SLOT: [Op; 3] = [
    Op::new::<ReturnValue<u64, Slot<1>>>("return", 2, fields([Field::Slot(1)])),
    Op::new::<ReturnValue<f32, Slot<1>>>("return_f32", 2, fields([Field::Slot(1)])),
    Op::new::<ReturnValue<f64, Slot<1>>>("return_f64", 2, fields([Field::Slot(1)])),
];
/// Returns a constant, by class of accumulator.
pub(crate) static RETURN_CONST: [Op; 3] = [
    Op::new::<ReturnValue<u64, Imm>>("return", 3, fields([Field::Word(2)])),
    Op::new::<ReturnValue<f32, Imm>>("return_f32", 2, fields([Field::Number(3)])),
    Op::new::<ReturnValue<f64, Imm>>("return_f64", 3, fields([Field::Word(2)])),
];
/// Leaves the execution.
pub(crate) static EXIT: Op = Op::new::<Exit>("exit", 1, fields([]));
/// Calls a function that another engine runs.
pub(crate) static LEAVE: Op = Op::new::<Leave>("leave", 2, fields([Field::Number(2), Field::Number(3)]));
/// Translates a function.
pub(crate) static TRANSLATE: Op = Op::new::<Translate>("translate", 2, fields([Field::Word(1)]));
/// Tells listeners that the function begins.
pub(crate) static LISTEN_BEFORE: Op =
    Op::new::<Listen<{ host::BEFORE }>>("listen_before", 2, fields([Field::Number(2), Field::Number(3)]));
/// Tells listeners that the function returns.
pub(crate) static LISTEN_AFTER: Op =
    Op::new::<Listen<{ host::AFTER }>>("listen_after", 2, fields([Field::Number(2), Field::Number(3)]));
/// Tells listeners that the function ends with a tail call.
pub(crate) static LISTEN_TAIL_CALL: Op = Op::new::<Listen<{ host::TAIL_CALL }>>(
    "listen_tail_call",
    2,
    fields([Field::Number(2), Field::Number(3)]),
);
