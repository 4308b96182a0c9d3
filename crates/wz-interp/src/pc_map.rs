//! [`PcMap`]: where in the Code section an instruction comes from.
//!
//! Only instructions that can trap, call or call out are in it. Entries are differences in
//! variable-length numbers; every 64th is absolute and found by bisection.

/// Positions of instructions and their offsets in the body of the Code section.
#[derive(Debug, Default)]
pub(crate) struct PcMap {
    bytes: Box<[u8]>,
    marks: Box<[Mark]>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    position: u32,
    code_offset: u32,
    /// Where the differences after this entry begin.
    bytes: u32,
}

const PER_MARK: usize = 64;

impl PcMap {
    /// The map of entries in order of position.
    pub(crate) fn new(entries: &[(u32, u32)]) -> Self {
        let mut bytes = Vec::with_capacity(entries.len() * 3);
        let mut marks = Vec::with_capacity(entries.len().div_ceil(PER_MARK));
        let mut last = (0, 0);
        for (index, &(position, code_offset)) in entries.iter().enumerate() {
            if index % PER_MARK == 0 {
                marks.push(Mark { position, code_offset, bytes: bytes.len() as u32 });
            } else {
                debug_assert!(position > last.0, "entries are in order");
                write(&mut bytes, position.wrapping_sub(last.0));
                let difference = code_offset.wrapping_sub(last.1) as i32;
                write(&mut bytes, ((difference << 1) ^ (difference >> 31)) as u32);
            }
            last = (position, code_offset);
        }
        Self { bytes: bytes.into(), marks: marks.into() }
    }

    /// The offset of the last entry that is not after `position`.
    pub(crate) fn code_offset(&self, position: u32) -> Option<u32> {
        let after = self.marks.partition_point(|mark| mark.position <= position);
        let mark = self.marks[after.checked_sub(1)?];
        let end = self.marks.get(after).map_or(self.bytes.len(), |next| next.bytes as usize);
        let mut bytes = self.bytes[mark.bytes as usize..end].iter();
        let (mut at, mut code_offset) = (mark.position, mark.code_offset);
        while let Some(step) = read(&mut bytes) {
            at = at.wrapping_add(step);
            if at > position {
                break;
            }
            let difference = read(&mut bytes).unwrap_or(0);
            code_offset = code_offset.wrapping_add((difference >> 1) ^ (difference & 1).wrapping_neg());
        }
        Some(code_offset)
    }

    /// How many bytes it takes.
    pub(crate) fn len_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.marks)
    }
}

fn write(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> Option<u32> {
    let mut value = 0;
    let mut shift = 0;
    loop {
        let byte = u32::from(*bytes.next()?);
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_last_entry_before() {
        let entries: Vec<_> = (0..1000_u32).map(|index| (3 + index * 5, (index * 7919) % 100_000)).collect();
        let map = PcMap::new(&entries);
        assert_eq!(map.code_offset(2), None);
        for &(position, code_offset) in &entries {
            for inside in 0..5 {
                assert_eq!(map.code_offset(position + inside), Some(code_offset));
            }
        }
        assert_eq!(PcMap::new(&[]).code_offset(7), None);
    }
}
