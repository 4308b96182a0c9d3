//! [`CallContext`]: what selecting calls keeps between functions and between the instructions of one.

use std::cell::{Cell, OnceCell};

use regalloc2::RegClass;
use wz_decode::ModuleInfo;
use wz_jit::mach::{Lower, Reg};

use crate::abi::CallLayout;
use crate::isa::X64Isa;

/// What selecting calls keeps.
#[derive(Debug)]
pub(crate) struct CallContext {
    /// The layout of each type of the module.
    layouts: Box<[OnceCell<CallLayout>]>,
    /// Registers that the entry sets and others use, if any has asked for them: selection goes
    /// backward.
    from_entry: [Cell<Option<Reg>>; FromEntry::COUNT],
}

/// What the entry puts into a register for the whole function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FromEntry {
    /// The address of the area for results in memory.
    ResultArea,
    /// The address of the interrupt flag.
    InterruptFlag,
    /// The address of the activation.
    Activation,
}

impl FromEntry {
    const COUNT: usize = 3;
    const ALL: [Self; Self::COUNT] = [Self::ResultArea, Self::InterruptFlag, Self::Activation];
}

impl CallContext {
    pub(crate) fn new(info: &ModuleInfo) -> Self {
        Self { layouts: info.types.iter().map(|_| OnceCell::new()).collect(), from_entry: Default::default() }
    }

    /// The register that the entry sets.
    pub(crate) fn at_entry(&self, what: FromEntry, cx: &mut Lower<'_, X64Isa>) -> Reg {
        let cell = &self.from_entry[what as usize];
        let reg = cell.get().unwrap_or_else(|| cx.temp(RegClass::Int));
        cell.set(Some(reg));
        reg
    }

    /// The registers that were asked for, for the entry. The next function starts without.
    pub(crate) fn take_entry(&self) -> impl Iterator<Item = (FromEntry, Reg)> {
        FromEntry::ALL.into_iter().filter_map(|what| Some((what, self.from_entry[what as usize].take()?)))
    }
}

impl X64Isa {
    /// Where calls of functions of a type pass values.
    pub(crate) fn layout(&self, ty: u32) -> &CallLayout {
        self.calls.layouts[ty as usize].get_or_init(|| CallLayout::new(&self.info.types[ty as usize]))
    }
}
