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
    /// The note's instruction; null before the first one.
    ip: AtomicPtr<u64>,
    sp: AtomicPtr<u64>,
    cx: AtomicPtr<InstanceContext>,
}

impl Note {
    #[inline(always)]
    pub(crate) fn set(&self, ip: *const u64, sp: *mut u64, cx: *const InstanceContext) {
        let next = (self.current.load(Relaxed) ^ 1) & 1;
        let place = &self.places[next];
        place.sp.store(sp, Relaxed);
        place.cx.store(cx.cast_mut(), Relaxed);
        place.ip.store(ip.cast_mut(), Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.current.store(next, Relaxed);
    }

    /// The instruction, the frame and the instance; none before the first note, when no function has
    /// begun.
    pub(crate) fn get(&self) -> Option<(*const u64, *const u64, *const InstanceContext)> {
        let Place { ip, sp, cx } = &self.places[self.current.load(Relaxed) & 1];
        let ip = ip.load(Relaxed).cast_const();
        (!ip.is_null()).then(|| (ip, sp.load(Relaxed).cast_const(), cx.load(Relaxed).cast_const()))
    }
}

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
            (*regs.machine).note.set(regs.ip, regs.sp, regs.cx);
            regs.advance(3);
        }
        Ok(())
    }
}

/// The frame is about to be replaced by that of a tail call: notes where it returns to. The slot of its
/// header is in the second word.
struct Ending;
impl Instruction for Ending {
    #[inline(always)]
    unsafe fn run(regs: &mut Regs) -> Result<(), Stop> {
        // SAFETY: the machine outlives the execution; the instruction has these words, and the frame
        // has a header.
        unsafe {
            let header = regs.slot(regs.u32::<3>()).cast::<[u64; 3]>().read();
            let [ip, sp, cx] = header.map(|word| word as usize);
            (*regs.machine).note.set(
                ptr::with_exposed_provenance(ip),
                ptr::with_exposed_provenance_mut(sp),
                ptr::with_exposed_provenance(cx),
            );
            regs.advance(2);
        }
        Ok(())
    }
}

/// Notes where execution is.
pub(crate) static NOTE: Op =
    Op::new::<Here>("note", 3, fields([Field::Number(2), Field::Number(3), Field::Word(2)]));
/// Notes that the function ends.
pub(crate) static NOTE_ENDING: Op = Op::new::<Ending>("note_ending", 2, fields([Field::Number(3)]));
