//! [`CallSites`]: where calls of a body return to. Walks that begin anywhere use it to tell return
//! addresses from other words; exceptions will find their landing pads in it.

use super::leb::{read_signed, read_unsigned, write_signed, write_unsigned};

/// A call in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSite {
    /// Where it returns to, counted from the start of the body.
    pub return_pc: u32,
    /// Where an exception that passes through the call continues, if the body handles any.
    pub landing_pad: Option<u32>,
}

/// The calls of a body, by where they return to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallSites(Box<[u8]>);

impl CallSites {
    /// A table from calls in increasing order.
    #[must_use]
    pub fn new(sites: impl IntoIterator<Item = CallSite>) -> Self {
        let (mut bytes, mut last) = (Vec::new(), 0);
        for CallSite { return_pc, landing_pad } in sites {
            debug_assert!(return_pc >= last, "places increase");
            write_unsigned(&mut bytes, u64::from(return_pc - last) << 1 | u64::from(landing_pad.is_some()));
            if let Some(pad) = landing_pad {
                write_signed(&mut bytes, i64::from(pad) - i64::from(return_pc));
            }
            last = return_pc;
        }
        Self(bytes.into())
    }

    /// The call that returns to a place. Neither allocates nor panics.
    #[must_use]
    pub fn lookup(&self, return_pc: u32) -> Option<CallSite> {
        let (mut position, mut at) = (0, 0_u64);
        while at <= u64::from(return_pc) {
            let entry = read_unsigned(&self.0, &mut position)?;
            at += entry >> 1;
            let landing_pad = match entry & 1 {
                0 => None,
                _ => Some(read_signed(&self.0, &mut position)?.wrapping_add(at as i64) as u32),
            };
            if at == u64::from(return_pc) {
                return Some(CallSite { return_pc, landing_pad });
            }
        }
        None
    }

    /// Whether every entry can be read, and its places are in code of this length.
    #[must_use]
    pub fn is_sound(&self, code_len: u32) -> bool {
        let (mut position, mut at) = (0, 0_u64);
        while position < self.0.len() {
            let Some(entry) = read_unsigned(&self.0, &mut position) else { return false };
            at += entry >> 1;
            if at > u64::from(code_len) {
                return false;
            }
            if entry & 1 != 0 {
                let pad = read_signed(&self.0, &mut position).and_then(|pad| pad.checked_add(at as i64));
                if !pad.is_some_and(|pad| (0..i64::from(code_len)).contains(&pad)) {
                    return false;
                }
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
    fn calls_are_found_where_they_return_to() {
        let pad = |number: u32| number.is_multiple_of(3).then_some(5000 - number);
        let sites: Vec<_> =
            (1..500).map(|number| CallSite { return_pc: number * 9, landing_pad: pad(number) }).collect();
        let table = CallSites::from_bytes(CallSites::new(sites.iter().copied()).as_bytes());
        assert!(table.is_sound(4998) && !table.is_sound(4997));
        assert!(!CallSites::from_bytes([0x80]).is_sound(100));
        let pad = |landing_pad| CallSites::new([CallSite { return_pc: 7, landing_pad: Some(landing_pad) }]);
        assert!(pad(9).is_sound(10) && !pad(10).is_sound(10));
        for site in &sites {
            assert_eq!(table.lookup(site.return_pc), Some(*site));
            assert_eq!(table.lookup(site.return_pc + 1), None);
        }
        assert_eq!(table.lookup(0), None);
    }
}
