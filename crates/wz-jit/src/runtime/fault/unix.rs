//! Signal handlers and their stacks with POSIX.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::arch;
use super::super::sys::{Access, Reservation, page_size};
use super::recognize;

/// The signals that faults arrive as, and who handled them before.
static PREVIOUS: [Previous; 2] = [Previous::new(libc::SIGSEGV), Previous::new(libc::SIGBUS)];

struct Previous {
    signal: libc::c_int,
    known: AtomicBool,
    action: UnsafeCell<MaybeUninit<libc::sigaction>>,
}

// SAFETY: the action is written before `known` is set, and only read afterwards.
unsafe impl Sync for Previous {}

impl Previous {
    const fn new(signal: libc::c_int) -> Self {
        Self { signal, known: AtomicBool::new(false), action: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    fn action(&self) -> Option<&libc::sigaction> {
        // SAFETY: written before `known` was set.
        self.known.load(Ordering::Acquire).then(|| unsafe { (*self.action.get()).assume_init_ref() })
    }
}

/// Handles faults from now on. The first call counts.
pub(crate) fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let result = INSTALLED.get_or_init(|| PREVIOUS.iter().try_for_each(install_one));
    result.map_err(io::Error::from_raw_os_error)
}

fn install_one(previous: &Previous) -> Result<(), i32> {
    // SAFETY: the action is initialized as the system wants it, the handler lives forever, and
    // what was there before is written to a place that nobody reads yet.
    let result = unsafe {
        // Read before ours is in place, so that a fault of another thread finds it.
        libc::sigaction(previous.signal, ptr::null(), (*previous.action.get()).as_mut_ptr());
        previous.known.store(true, Ordering::Release);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        action.sa_sigaction = handle as extern "C" fn(_, _, _) as usize;
        // A signal that is sent meanwhile comes when the guest's trap is known, so that its handler can
        // walk the stack: otherwise it would often come at the first instruction here.
        libc::sigfillset(&raw mut action.sa_mask);
        libc::sigaction(previous.signal, &raw const action, ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error().raw_os_error().unwrap_or_default()) }
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system calls this with the interrupted registers of this thread.
    unsafe {
        // Sent by a process, not by a fault: there is no address.
        let sent = (*info).si_code <= 0;
        if !sent {
            let registers = arch::registers(context);
            if let Some(to) = recognize(&registers, (*info).si_addr().addr()) {
                arch::redirect(context, to.pc, to.sp, to.argument);
                return;
            }
        }
        forward(signal, info, context, sent);
    }
}

/// No signal has a higher number, on any system.
const LAST_SIGNAL: libc::c_int = 64;

/// Lets whoever handled the signal before have it.
///
/// # Safety
/// The arguments are those of the handler.
unsafe fn forward(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void, sent: bool) {
    let previous = PREVIOUS.iter().find(|previous| previous.signal == signal);
    let previous = previous.and_then(Previous::action);
    let handler = previous.map_or(libc::SIG_DFL, |action| action.sa_sigaction);
    match (handler, previous) {
        (libc::SIG_IGN, _) if sent => {}
        // The default: the instruction faults again, or the signal is sent again, and nobody is
        // there to handle it.
        (libc::SIG_DFL | libc::SIG_IGN, _) | (_, None) => {
            // SAFETY: an action of zeros is the default.
            unsafe {
                let default: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, &raw const default, ptr::null_mut());
                if sent {
                    libc::raise(signal);
                }
            }
        }
        (handler, Some(action)) => {
            // SAFETY: the handler was installed for such calls. It finds those signals blocked that it
            // would find without this one.
            unsafe {
                let mut blocked = (*context.cast::<libc::ucontext_t>()).uc_sigmask;
                for number in 1..=LAST_SIGNAL {
                    if number == signal || libc::sigismember(&raw const action.sa_mask, number) == 1 {
                        libc::sigaddset(&raw mut blocked, number);
                    }
                }
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const blocked, ptr::null_mut());
                if action.sa_flags & libc::SA_SIGINFO != 0 {
                    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void) =
                        std::mem::transmute(handler);
                    handler(signal, info, context);
                } else {
                    let handler: extern "C" fn(libc::c_int) = std::mem::transmute(handler);
                    handler(signal);
                }
            }
        }
    }
}

/// What handlers run on, so that they can when the guest's stack is used up. Given back when
/// dropped.
pub(crate) struct AlternateStack {
    reservation: Reservation,
}

/// Enough for this handler and those that it passes signals on to.
const ALTERNATE_BYTES: usize = 64 * 1024;

impl AlternateStack {
    /// Gives the calling thread an alternate stack; none if the one it has is large enough.
    pub(crate) fn install() -> io::Result<Option<Self>> {
        // SAFETY: asks for the thread's alternate stack.
        let previous = unsafe {
            let mut previous: libc::stack_t = std::mem::zeroed();
            if libc::sigaltstack(ptr::null(), &raw mut previous) != 0 {
                return Err(io::Error::last_os_error());
            }
            previous
        };
        let enabled = previous.ss_flags & libc::SS_DISABLE == 0;
        if enabled && previous.ss_size >= ALTERNATE_BYTES {
            return Ok(None);
        }
        let guard = page_size();
        let reservation = Reservation::new(guard + ALTERNATE_BYTES, page_size())?;
        reservation.protect(guard, ALTERNATE_BYTES, Access::ReadWrite)?;
        let stack = libc::stack_t {
            ss_sp: ptr::with_exposed_provenance_mut(reservation.start() + guard),
            ss_flags: 0,
            ss_size: ALTERNATE_BYTES,
        };
        // SAFETY: the stack stays until the thread does not use it any more.
        if unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Some(Self { reservation }))
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        // The thread is ending: the stack that the standard library gave it is gone already.
        // SAFETY: disables the stack, unless somebody else has changed it since.
        unsafe {
            let mut current: libc::stack_t = std::mem::zeroed();
            libc::sigaltstack(ptr::null(), &raw mut current);
            let (start, end) =
                (self.reservation.start(), self.reservation.start() + self.reservation.len_bytes());
            if (start..end).contains(&current.ss_sp.addr()) {
                let none = libc::stack_t {
                    ss_sp: ptr::null_mut(),
                    ss_flags: libc::SS_DISABLE,
                    ss_size: ALTERNATE_BYTES,
                };
                libc::sigaltstack(&raw const none, ptr::null_mut());
            }
        }
    }
}
