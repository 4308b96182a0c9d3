//! [`Reg`]: a register of an instruction, virtual or allocated; [`OperandVisitor`]: how
//! instructions show them.

use std::fmt;

use regalloc2::{
    Allocation, AllocationKind, OperandConstraint, OperandKind, OperandPos, PReg, SpillSlot, VReg,
};

/// A register as an operand: virtual before allocation, physical or on the stack after it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reg(u32);

/// What a [`Reg`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegKind {
    /// To be allocated.
    Virtual(VReg),
    /// A register of the machine.
    Physical(PReg),
    /// A slot of the frame.
    Stack(SpillSlot),
}

const VIRTUAL: u32 = 1 << 31;
const STACK: u32 = 1 << 30;

impl Reg {
    /// How many virtual registers there may be.
    pub const MAX_VIRTUAL: usize = 1 << 29;

    /// A virtual register.
    ///
    /// # Panics
    /// If there are too many.
    #[must_use]
    pub fn new_virtual(reg: VReg) -> Self {
        assert!(reg.vreg() < Self::MAX_VIRTUAL, "too many virtual registers");
        Self(VIRTUAL | reg.bits() as u32)
    }

    /// A register of the machine.
    #[must_use]
    pub fn physical(reg: PReg) -> Self {
        Self(reg.index() as u32)
    }

    /// What was allocated.
    ///
    /// # Panics
    /// If nothing was.
    #[must_use]
    pub fn allocated(allocation: Allocation) -> Self {
        match allocation.kind() {
            AllocationKind::Reg => Self(allocation.index() as u32),
            AllocationKind::Stack => Self(STACK | allocation.index() as u32),
            AllocationKind::None => panic!("an operand without allocation"),
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> RegKind {
        if self.0 & VIRTUAL != 0 {
            let bits = self.0 & !VIRTUAL;
            let class = match bits & 3 {
                0 => regalloc2::RegClass::Int,
                1 => regalloc2::RegClass::Float,
                _ => regalloc2::RegClass::Vector,
            };
            RegKind::Virtual(VReg::new((bits >> 2) as usize, class))
        } else if self.0 & STACK != 0 {
            RegKind::Stack(SpillSlot::new((self.0 & !STACK) as usize))
        } else {
            RegKind::Physical(PReg::from_index(self.0 as usize))
        }
    }

    /// The virtual register.
    ///
    /// # Panics
    /// If it is allocated.
    #[must_use]
    pub fn vreg(self) -> VReg {
        match self.kind() {
            RegKind::Virtual(reg) => reg,
            other => panic!("{other:?} is not virtual"),
        }
    }

    /// The physical register.
    ///
    /// # Panics
    /// If it is not one.
    #[must_use]
    pub fn preg(self) -> PReg {
        match self.kind() {
            RegKind::Physical(reg) => reg,
            other => panic!("{other:?} is not a register of the machine"),
        }
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            RegKind::Virtual(reg) => write!(f, "{reg}"),
            RegKind::Physical(reg) => write!(f, "{reg}"),
            RegKind::Stack(slot) => write!(f, "{slot}"),
        }
    }
}

/// What looks at the registers of an instruction: the collector before allocation, and what puts
/// the allocations in their place after it.
pub trait OperandVisitor {
    /// A register with everything that can be said of it.
    fn operand(&mut self, reg: &mut Reg, constraint: OperandConstraint, kind: OperandKind, pos: OperandPos);

    /// A register that is read before anything is written.
    fn reg_use(&mut self, reg: &mut Reg) {
        self.operand(reg, OperandConstraint::Reg, OperandKind::Use, OperandPos::Early);
    }

    /// A register that is still read when results are written: it is none of theirs.
    fn reg_late_use(&mut self, reg: &mut Reg) {
        self.operand(reg, OperandConstraint::Reg, OperandKind::Use, OperandPos::Late);
    }

    /// A register that is written after everything was read.
    fn reg_def(&mut self, reg: &mut Reg) {
        self.operand(reg, OperandConstraint::Reg, OperandKind::Def, OperandPos::Late);
    }

    /// A register that is written while others are still to be read: it is none of theirs.
    /// Temporaries are such.
    fn reg_early_def(&mut self, reg: &mut Reg) {
        self.operand(reg, OperandConstraint::Reg, OperandKind::Def, OperandPos::Early);
    }

    /// A result in the register of the operand with this number, which is a use.
    fn reg_reuse_def(&mut self, reg: &mut Reg, operand: usize) {
        self.operand(reg, OperandConstraint::Reuse(operand), OperandKind::Def, OperandPos::Late);
    }

    /// A use that may be in a register or on the stack.
    fn any_use(&mut self, reg: &mut Reg) {
        self.operand(reg, OperandConstraint::Any, OperandKind::Use, OperandPos::Early);
    }

    /// A result that may be in a register or on the stack.
    fn any_def(&mut self, reg: &mut Reg) {
        self.operand(reg, OperandConstraint::Any, OperandKind::Def, OperandPos::Late);
    }

    /// A use in a certain register.
    fn fixed_use(&mut self, reg: &mut Reg, preg: PReg) {
        self.operand(reg, OperandConstraint::FixedReg(preg), OperandKind::Use, OperandPos::Early);
    }

    /// A result in a certain register.
    fn fixed_def(&mut self, reg: &mut Reg, preg: PReg) {
        self.operand(reg, OperandConstraint::FixedReg(preg), OperandKind::Def, OperandPos::Late);
    }
}
