//! [`TrapTable`]: the places in a body that trap on purpose, and why. Accesses to memory whose
//! bounds the host checks are not in it: any instruction of a body may be one.
//!
//! An entry is one number of variable length: the distance from the entry before times 16 plus
//! the trap's code.

use wz_api::Trap;

use super::leb::{read_unsigned, write_unsigned};

/// Return addresses of calls to the trap stub, counted from the start of the body → why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrapTable(Box<[u8]>);

const CODE_BITS: u32 = 4;
const _: () = assert!(Trap::ALL.len() < 1 << CODE_BITS);

impl TrapTable {
    /// A table from entries in increasing order.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = (u32, Trap)>) -> Self {
        let (mut bytes, mut last) = (Vec::new(), 0);
        for (pc, trap) in entries {
            debug_assert!(pc >= last, "places increase");
            write_unsigned(&mut bytes, u64::from(pc - last) << CODE_BITS | u64::from(trap as u8));
            last = pc;
        }
        Self(bytes.into())
    }

    /// The trap at a place. Neither allocates nor panics.
    #[must_use]
    pub fn lookup(&self, pc: u32) -> Option<Trap> {
        let (mut position, mut at) = (0, 0_u64);
        while at <= u64::from(pc) {
            let entry = read_unsigned(&self.0, &mut position)?;
            at += entry >> CODE_BITS;
            if at == u64::from(pc) {
                return Trap::from_code(entry as u8 & ((1 << CODE_BITS) - 1));
            }
        }
        None
    }

    /// Whether every entry can be read, is in code of this length, and is a trap.
    #[must_use]
    pub fn is_sound(&self, code_len: u32) -> bool {
        let (mut position, mut at) = (0, 0_u64);
        while position < self.0.len() {
            let Some(entry) = read_unsigned(&self.0, &mut position) else { return false };
            at += entry >> CODE_BITS;
            let is_trap = Trap::from_code(entry as u8 & ((1 << CODE_BITS) - 1)).is_some();
            if at > u64::from(code_len) || !is_trap {
                return false;
            }
        }
        true
    }

    /// The table as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A table from what [`as_bytes`](Self::as_bytes) gave.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traps_are_found_where_they_are() {
        let entries: Vec<_> =
            (0..1000).map(|number| (number * number, Trap::ALL[number as usize % 14])).collect();
        let table = TrapTable::new(entries.iter().copied());
        let table = TrapTable::from_bytes(table.as_bytes());
        assert!(table.is_sound(999 * 999) && !table.is_sound(999 * 999 - 1));
        assert!(!TrapTable::from_bytes([0x80]).is_sound(100));
        assert!(!TrapTable::from_bytes([0x1f]).is_sound(100), "15 is no trap");
        for (pc, trap) in &entries {
            assert_eq!(table.lookup(*pc), Some(*trap));
            assert!(*pc < 2 || table.lookup(*pc + 2).is_none());
        }
        assert_eq!(table.lookup(u32::MAX), None);
        assert_eq!(TrapTable::default().lookup(0), None);
    }
}
