//! Notes of where execution is, for walks that a signal interrupts it for. They leave the
//! accumulators as they are.

use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, compiler_fence};

use wz_core::records::InstanceContext;

use super::op::{Field, Op, fields};
use super::{Instruction, Regs, Stop};

/// Where execution was at the last note. Signal handlers read it on the thread that writes it: there
/// are two places, so that one is whole while the other is written.
#[derive(Debug, Default)]
pub(crate) struct Note {
    places: [Place; 2],
    /// Which place counts.
    current: AtomicUsize,
}

#[derive(Debug, Default)]
struct Place {
    /// The note's instruction; null before the first one, and [`NOWHERE`].
    ip: AtomicPtr<u64>,
    sp: AtomicPtr<u64>,
    cx: AtomicPtr<InstanceContext>,
}

impl Note {
    #[inline(always)]
    fn set(&self, ip: *const u64, regs: &Regs) {
        let next = (self.current.load(Relaxed) ^ 1) & 1;
        let place = &self.places[next];
        place.sp.store(regs.sp, Relaxed);
        place.cx.store(regs.cx.cast_mut(), Relaxed);
        place.ip.store(ip.cast_mut(), Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.current.store(next, Relaxed);
    }

    /// What was noted last.
    pub(crate) fn get(&self) -> LastNote {
        let Place { ip, sp, cx } = &self.places[self.current.load(Relaxed) & 1];
        let ip = ip.load(Relaxed).cast_const();
        match ip {
            _ if ip.is_null() => LastNote::None,
            NOWHERE => LastNote::Nowhere,
            ip => LastNote::At(ip, sp.load(Relaxed).cast_const(), cx.load(Relaxed).cast_const()),
        }
    }
}

/// What was noted last.
pub(crate) enum LastNote {
    /// Nothing: no function has begun.
    None,
    /// That the frame is being replaced.
    Nowhere,
    /// The instruction, the frame and the instance.
    At(*const u64, *const u64, *const InstanceContext),
}

/// What is noted while a frame is being replaced.
const NOWHERE: *const u64 = ptr::without_provenance(1);

/// What a note's instruction says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    /// The function's index, imports included.
    pub(crate) function: u32,
    /// The slot of the frame's header.
    pub(crate) header: u32,
    /// Where it is in the body of the Code section.
    pub(crate) code_offset: u32,
}

impl Noted {
    /// What the instruction at an address says, if it is a note.
    ///
    /// # Safety
    /// There is an instruction.
    pub(crate) unsafe fn at(ip: *const u64) -> Option<Self> {
        // SAFETY: as the caller says, and a note has these words.
        unsafe {
            if ip.read() != NOTE.word() {
                return None;
            }
            let (halves, function) = (ip.add(1).cast::<u32>(), ip.add(2).read() as u32);
            Some(Self { code_offset: halves.read(), header: halves.add(1).read(), function })
        }
    }
}

/// Notes where execution is: the offset and the slot of the header are in the second word, the
/// function in the third.
struct Here;
impl Instruction for Here {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the machine outlives the execution; the instruction has these words.
        unsafe {
            (*regs.machine).note.set(regs.ip, regs);
            regs.advance(3);
        }
        Ok(())
    }
}

/// The frame is about to be replaced: notes that it cannot be walked.
struct Nowhere;
impl Instruction for Nowhere {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the machine outlives the execution; the instruction has these words.
        unsafe {
            (*regs.machine).note.set(NOWHERE, regs);
            regs.advance(2);
        }
        Ok(())
    }
}

/// Notes where execution is.
pub(crate) static NOTE: Op =
    Op::new::<Here>("note", 3, fields([Field::Number(2), Field::Number(3), Field::Word(2)]));
/// Notes that execution is nowhere.
pub(crate) static NOTE_NOTHING: Op = Op::new::<Nowhere>("note_nothing", 2, fields([]));
