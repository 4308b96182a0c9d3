//! [`Machine`]: what execution needs of an activation, and the stacks that frames are on.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use wz_api::{Error, Trap};
use wz_core::activation::Activation;
use wz_core::engine::Raised;
use wz_core::records::{FunctionRecord, InstanceContext};

use crate::exec::note::Note;
use crate::exec::{Regs, Stop};
use crate::module::InterpreterModule;

/// What execution needs of an activation. Lives on the native stack of `invoke`.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Where the stack ends: frames end before.
    pub(crate) limit: *mut u64,
    /// The activation.
    pub(crate) activation: *const Activation,
    /// Where its frames begin.
    pub(crate) base: *mut u64,
    /// Where the stack is free, while the core is called.
    pub(crate) top: *mut u64,
    /// Where execution is, while the core is called and after it stopped.
    pub(crate) ip: *const u64,
    /// The innermost frame, at those times.
    pub(crate) sp: *mut u64,
    /// Its instance.
    pub(crate) cx: *const InstanceContext,
    /// Where execution was last noted to be.
    pub(crate) note: Note,
    /// Why execution stopped.
    stop: Stop,
    /// The code that the outermost frame returns to: one instruction.
    pub(crate) exit: [u64; 1],
    /// The module whose functions run, if its instances are of another engine; null otherwise. Then
    /// calls that leave the instance leave the machine.
    mixed: *const InterpreterModule,
    /// What another engine is to call, after [`Stop::LEAVE`].
    pub(crate) left: Left,
    /// What the slow variant of an instruction left to its handler: the registers, and why
    /// execution stops, if it does.
    #[cfg_attr(not(wz_tail_dispatch), expect(dead_code, reason = "the loop has no such handlers"))]
    pub(crate) outcome: MaybeUninit<(Regs, Option<Stop>)>,
    /// The size of the stack that frames are on.
    stack_bytes: usize,
}

/// A call that leaves a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) record: *const FunctionRecord,
    /// Where the parameters are, and where results go.
    pub(crate) values: *mut u64,
    /// The header of the frame that the function would have here.
    pub(crate) header: *mut u64,
}

thread_local! {
    /// The machine that runs on this thread.
    static CURRENT: Cell<*const Machine> = const { Cell::new(ptr::null()) };
    /// Stacks that are not in use.
    static STACKS: RefCell<Vec<Arc<Stack>>> = const { RefCell::new(Vec::new()) };
}

impl Machine {
    /// Execution left the instructions.
    ///
    /// # Safety
    /// After [`Stop::OVERFLOW`], `ip` is at a call and `sp` the frame of what it calls.
    pub(crate) unsafe fn stopped(
        &mut self,
        ip: *const u64,
        mut sp: *mut u64,
        cx: *const InstanceContext,
        mut stop: Stop,
    ) {
        if stop == Stop::OVERFLOW {
            // SAFETY: as the caller says; the distance of the frames is the call's first operand.
            sp = unsafe { sp.sub(ip.cast::<u32>().add(2).read() as usize) };
            stop = Trap::StackOverflow.into();
        }
        self.called_out(ip, sp, cx);
        self.stop = stop;
    }

    /// Why execution stopped.
    pub(crate) fn stop(&self) -> Stop {
        self.stop
    }

    /// The module of an instance that runs here.
    ///
    /// # Safety
    /// The instance is alive, and code of it has run or is about to run here.
    #[inline]
    pub(crate) unsafe fn module_of(&self, cx: *const InstanceContext) -> &InterpreterModule {
        // SAFETY: as the caller says; a machine has to do with instances of another engine only if
        // it has their module, which is held while it runs.
        unsafe {
            match self.mixed.as_ref() {
                Some(module) => module,
                None => InterpreterModule::of_context(cx),
            }
        }
    }

    /// Notes where execution is, for walks over the frames. The stack counts as used up until the
    /// caller sets `top`, because frames may be anywhere in it.
    pub(crate) fn called_out(&mut self, ip: *const u64, sp: *mut u64, cx: *const InstanceContext) {
        self.ip = ip;
        self.sp = sp;
        self.cx = cx;
        self.top = self.limit;
    }

    /// The size of the stack that frames are on.
    pub(crate) fn stack_bytes(&self) -> usize {
        self.stack_bytes
    }

    /// Whether a frame fits.
    pub(crate) fn fits(&self, sp: *mut u64, len_bytes: u64) -> bool {
        (sp.addr() as u64).saturating_add(len_bytes) <= self.limit.addr() as u64
    }
}

/// A machine that is ready to run, and what is given back afterwards.
pub(crate) struct Entry {
    outer: *const Machine,
    /// The stack, if it is not that of the machine around. Snapshots hold it, too.
    stack: Option<Arc<Stack>>,
    /// Where the first frame begins.
    pub(crate) sp: *mut u64,
    limit: *mut u64,
    stack_bytes: usize,
}

impl Entry {
    /// Finds a stack: that of the machine around, above its frames, if it is of the right size.
    ///
    /// # Errors
    /// If there is none and the host has no memory for one.
    pub(crate) fn new(activation: &Activation) -> Result<Self, Raised> {
        let outer = CURRENT.get();
        let stack_bytes = activation.max_stack_bytes();
        // SAFETY: a machine is current only as long as it runs.
        if let Some(machine) = unsafe { outer.as_ref() }
            && machine.stack_bytes == stack_bytes
        {
            return Ok(Self { outer, stack: None, sp: machine.top, limit: machine.limit, stack_bytes });
        }
        let pooled = STACKS.try_with(|stacks| {
            let mut stacks = stacks.borrow_mut();
            let index = stacks.iter().rposition(|stack| stack.is_of(stack_bytes))?;
            Some(stacks.swap_remove(index))
        });
        let stack = pooled.ok().flatten().or_else(|| Stack::new(stack_bytes).map(Arc::new));
        let Some(stack) = stack else {
            let message = format!("no memory for a guest stack of {stack_bytes} bytes");
            return Err(activation.raise(Error::limit(message)));
        };
        let (sp, limit) = stack.bounds();
        Ok(Self { outer, stack: Some(stack), sp, limit, stack_bytes })
    }

    /// The machine. It is to be made current before it runs. `mixed` as in [`Machine`].
    pub(crate) fn machine(
        &self,
        activation: &Activation,
        exit: u64,
        mixed: *const InterpreterModule,
    ) -> Machine {
        Machine {
            limit: self.limit,
            activation,
            base: self.sp,
            top: self.sp,
            ip: ptr::null(),
            sp: self.sp,
            cx: ptr::null(),
            note: Note::default(),
            stop: Stop::RAISED,
            exit: [exit],
            mixed,
            left: Left { record: ptr::null(), values: ptr::null_mut(), header: ptr::null_mut() },
            outcome: MaybeUninit::uninit(),
            stack_bytes: self.stack_bytes,
        }
    }

    /// The machine that runs on this thread, or null.
    pub(crate) fn current() -> *const Machine {
        CURRENT.get()
    }

    /// The machine around.
    pub(crate) fn outer(&self) -> *const Machine {
        self.outer
    }

    /// The stack, if it is not that of the machine around.
    pub(crate) fn stack(&self) -> Option<&Arc<Stack>> {
        self.stack.as_ref()
    }

    /// Makes a machine the one that runs on this thread, until the entry is dropped.
    ///
    /// # Safety
    /// The machine outlives the entry.
    pub(crate) unsafe fn make_current(&self, machine: *const Machine) {
        CURRENT.set(machine);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        if let Some(mut stack) = self.stack.take()
            && Arc::get_mut(&mut stack).is_some()
        {
            // The pool is gone when the thread ends, then the stack is freed.
            let _ = STACKS.try_with(|stacks| {
                let mut stacks = stacks.borrow_mut();
                if stacks.len() < POOLED {
                    stacks.push(stack);
                }
            });
        }
    }
}

/// How many stacks a thread keeps.
const POOLED: usize = 4;

/// A stack. Large allocations are of pages that the system commits when they are touched.
#[derive(Debug)]
pub(crate) struct Stack {
    base: NonNull<u64>,
    layout: Layout,
}

// SAFETY: it is memory that its holders make use of one at a time.
unsafe impl Send for Stack {}
// SAFETY: as above.
unsafe impl Sync for Stack {}

impl Stack {
    /// A stack, unless the host has no memory for it.
    fn new(len_bytes: usize) -> Option<Self> {
        let layout = Self::layout(len_bytes);
        // SAFETY: the size is not zero.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) }.cast::<u64>())?;
        Some(Self { base, layout })
    }

    fn layout(len_bytes: usize) -> Layout {
        let size = len_bytes.clamp(size_of::<u64>(), isize::MAX as usize & !15);
        Layout::from_size_align(size, 16).unwrap_or_else(|_| Layout::new::<u128>())
    }

    /// Whether it was made with this length.
    fn is_of(&self, len_bytes: usize) -> bool {
        self.layout == Self::layout(len_bytes)
    }

    /// Where frames begin, and where they end: a little earlier than the stack does, because
    /// headers and operands of calls may reach beyond the end of a frame that fits.
    fn bounds(&self) -> (*mut u64, *mut u64) {
        let base = self.base.as_ptr();
        let slots = (self.layout.size() / size_of::<u64>()).saturating_sub(MARGIN_SLOTS);
        // SAFETY: within the allocation.
        (base, unsafe { base.add(slots) })
    }
}

/// See [`Stack::bounds`].
const MARGIN_SLOTS: usize = 8;

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.base.as_ptr().cast(), self.layout) }
    }
}
