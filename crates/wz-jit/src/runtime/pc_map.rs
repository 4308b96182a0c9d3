//! [`PcMap`]: which operator a native program counter belongs to, as an offset in the body of the
//! Code section. Delta-coded, one byte for most entries, with a sparse index.
//!
//! # Format
//! All of it is one block of bytes, which is also what caches store: the offset of the start of
//! the code, the number of index entries, the index (position in the stream and current offset
//! at the start of every `CHUNK_BYTES` of code but the first), then the stream. An entry says how far
//! it is from the entry before, or from the byte before its chunk, and by how much the offset
//! differs:
//!
//! | first byte | entry |
//! |---|---|
//! | `0x00..0xc0` | `pc += b / 12 + 1`, `offset += b % 12 + 1` |
//! | `0xc0..0xf0` | with the next byte `n = (b - 0xc0) * 256 + b2`: `pc += n / 96 + 1`, `offset += n % 96 - 32` |
//! | `0xf0` | `pc +=` unsigned, `offset +=` signed, both of variable length |

use super::leb::{read_signed, read_u32, read_unsigned, write_signed, write_unsigned};

/// How much code an entry of the index covers.
const CHUNK_BYTES: u32 = 1024;

/// The length of what is before the index.
const HEADER_BYTES: usize = 8;

/// Native program counter → offset in the body of the Code section, for one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PcMap(Box<[u8]>);

impl PcMap {
    /// The offset of the operator that the instruction at `pc`, counted from the start of the
    /// body, comes from. For a return address, ask for the byte before it. Neither allocates nor
    /// panics.
    #[must_use]
    pub fn lookup(&self, pc: u32) -> Option<u32> {
        let bytes = &*self.0;
        let chunks = read_u32(bytes, 4)? as usize;
        let chunk = ((pc / CHUNK_BYTES) as usize).min(chunks);
        let stream = HEADER_BYTES + chunks * 8;
        let index = |chunk: usize, word: usize| read_u32(bytes, HEADER_BYTES + (chunk - 1) * 8 + word * 4);
        let (mut position, mut offset) = match chunk {
            0 => (stream, read_u32(bytes, 0)?),
            _ => (stream + index(chunk, 0)? as usize, index(chunk, 1)?),
        };
        let end = if chunk < chunks { stream + index(chunk + 1, 0)? as usize } else { bytes.len() };
        let mut at = i64::from(chunk as u32 * CHUNK_BYTES) - 1;
        while position < end {
            let (pc_delta, offset_delta) = read_entry(bytes, &mut position)?;
            at += pc_delta;
            if at > i64::from(pc) {
                break;
            }
            offset = offset.wrapping_add(offset_delta as u32);
        }
        Some(offset)
    }

    /// Whether every entry can be read, is where code of this length is, in order and as the index
    /// says, and gives an offset up to `last_offset`. An empty block of bytes is a map of nothing.
    #[must_use]
    pub fn is_sound(&self, code_len: u32, last_offset: u32) -> bool {
        self.0.is_empty() || self.check(code_len, last_offset).is_some()
    }

    fn check(&self, code_len: u32, last_offset: u32) -> Option<()> {
        let bytes = &*self.0;
        let (mut offset, chunks) = (read_u32(bytes, 0)?, read_u32(bytes, 4)?);
        let stream = (chunks as usize).checked_mul(8)?.checked_add(HEADER_BYTES)?;
        let mut position = stream;
        let is_good = |offset: u32| (offset <= last_offset).then_some(());
        is_good(offset)?;
        for chunk in 0..=chunks {
            let start = u64::from(chunk) * u64::from(CHUNK_BYTES);
            let (mut end, mut next_start) = (bytes.len(), u64::from(code_len) + 1);
            if chunk < chunks {
                let entry = HEADER_BYTES + chunk as usize * 8;
                end = stream.checked_add(read_u32(bytes, entry)? as usize)?;
                next_start = next_start.min(start + u64::from(CHUNK_BYTES));
            }
            // One before the start of the chunk, so that all can be unsigned: one too much.
            let mut after = start;
            while position < end {
                let (pc_delta, offset_delta) = read_entry(bytes, &mut position)?;
                after = after.checked_add(u64::try_from(pc_delta).ok().filter(|delta| *delta > 0)?)?;
                offset = offset.wrapping_add(offset_delta as u32);
                is_good(offset)?;
                if after > next_start {
                    return None;
                }
            }
            let ends_here = position == end
                && (chunk == chunks || read_u32(bytes, HEADER_BYTES + chunk as usize * 8 + 4)? == offset);
            ends_here.then_some(())?;
        }
        Some(())
    }

    /// The map as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A map from what [`as_bytes`](Self::as_bytes) gave. Bytes of another origin give a map with
    /// wrong answers, never a panic.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }
}

fn read_entry(bytes: &[u8], position: &mut usize) -> Option<(i64, i64)> {
    let first = *bytes.get(*position)?;
    *position += 1;
    Some(match first {
        0..0xc0 => (i64::from(first / 12) + 1, i64::from(first % 12) + 1),
        0xc0..0xf0 => {
            let second = *bytes.get(*position)?;
            *position += 1;
            let number = i64::from(first - 0xc0) * 256 + i64::from(second);
            (number / 96 + 1, number % 96 - 32)
        }
        _ => (read_unsigned(bytes, position)? as i64, read_signed(bytes, position)?),
    })
}

fn write_entry(bytes: &mut Vec<u8>, pc_delta: i64, offset_delta: i64) {
    match (pc_delta, offset_delta) {
        (1..=16, 1..=12) => bytes.push(((pc_delta - 1) * 12 + offset_delta - 1) as u8),
        (1..=128, -32..64) => {
            let number = (pc_delta - 1) * 96 + offset_delta + 32;
            bytes.extend([0xc0 + (number >> 8) as u8, number as u8]);
        }
        _ => {
            bytes.push(0xf0);
            write_unsigned(bytes, pc_delta as u64);
            write_signed(bytes, offset_delta);
        }
    }
}

/// Makes a [`PcMap`] from front to back.
#[derive(Debug)]
pub struct PcMapBuilder {
    first: u32,
    index: Vec<(u32, u32)>,
    stream: Vec<u8>,
    /// Where the last entry is, and the offset that holds from there.
    at: i64,
    offset: u32,
    /// An entry that nothing at the same place has replaced yet.
    pending: Option<(u32, u32)>,
}

impl PcMapBuilder {
    /// A map of a body whose first instructions belong to the operator at `first`.
    #[must_use]
    pub fn new(first: u32) -> Self {
        Self { first, index: Vec::new(), stream: Vec::new(), at: -1, offset: first, pending: None }
    }

    /// What comes from `pc` on belongs to the operator at `offset`. Program counters do not
    /// decrease; the last of several at one place counts.
    pub fn record(&mut self, pc: u32, offset: u32) {
        match self.pending {
            Some((last, _)) if last == pc => {}
            Some((last, _)) => {
                debug_assert!(last < pc, "program counters increase");
                self.flush();
            }
            None => {}
        }
        self.pending = Some((pc, offset));
    }

    fn flush(&mut self) {
        let Some((pc, offset)) = self.pending.take() else { return };
        while pc / CHUNK_BYTES > self.index.len() as u32 {
            self.index.push((self.stream.len() as u32, self.offset));
            self.at = i64::from(self.index.len() as u32 * CHUNK_BYTES) - 1;
        }
        if offset != self.offset {
            write_entry(
                &mut self.stream,
                i64::from(pc) - self.at,
                i64::from(offset) - i64::from(self.offset),
            );
            self.at = i64::from(pc);
            self.offset = offset;
        }
    }

    /// The map.
    #[must_use]
    pub fn finish(mut self) -> PcMap {
        self.flush();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.index.len() * 8 + self.stream.len());
        bytes.extend(self.first.to_le_bytes());
        bytes.extend((self.index.len() as u32).to_le_bytes());
        for (position, offset) in &self.index {
            bytes.extend(position.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        bytes.extend(&self.stream);
        PcMap(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of numbers, for reproducible cases.
    fn random(state: &mut u64, below: u32) -> u32 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 33) % u64::from(below)) as u32
    }

    fn check(first: u32, entries: &[(u32, u32)], code_len: u32) -> usize {
        let mut builder = PcMapBuilder::new(first);
        for (pc, offset) in entries {
            builder.record(*pc, *offset);
        }
        let map = builder.finish();
        let map = PcMap::from_bytes(map.as_bytes());
        assert!(map.is_sound(code_len, u32::MAX));
        let (mut next, mut expected) = (0, first);
        for pc in 0..code_len {
            while entries.get(next).is_some_and(|(at, _)| *at <= pc) {
                expected = entries[next].1;
                next += 1;
            }
            assert_eq!(map.lookup(pc), Some(expected), "at {pc}");
        }
        map.as_bytes().len()
    }

    #[test]
    fn every_place_has_its_operator() {
        check(7, &[], 100);
        check(7, &[(0, 9)], 100);
        check(100, &[(0, 9), (0, 10), (5, 10), (6, 4_000_000_000), (1023, 0), (1024, 1), (1025, 2)], 5000);
        check(0, &[(10_000, 1), (10_240, 2), (70_000, u32::MAX)], 80_000);
        let mut state = 1;
        for round in 0..50 {
            let (mut pc, mut entries) = (0, Vec::new());
            for _ in 0..random(&mut state, 400) {
                pc += random(&mut state, 1 << (round % 12)) + 1;
                entries.push((pc, random(&mut state, 1 << (round % 31 + 1))));
            }
            check(random(&mut state, 1000), &entries, pc + 10);
        }
    }

    /// Code of the usual density: an operator in five makes instructions, about 14 bytes.
    #[test]
    fn usual_code_needs_less_than_an_eighth_of_its_size() {
        let (mut state, mut pc, mut offset, mut entries) = (2, 0, 50, Vec::new());
        while pc < 200_000 {
            entries.push((pc, offset));
            pc += 3 + random(&mut state, 23);
            offset = offset + 2 + random(&mut state, 9) - 3 * u32::from(random(&mut state, 8) == 0);
        }
        let size = check(40, &entries, pc);
        assert!(size * 100 < pc as usize * 12, "{size} bytes for {pc}");
    }

    /// Damage is found, unless what it gives is another sound map: whose offsets are below the limit.
    #[test]
    fn damaged_maps_do_not_panic() {
        let mut builder = PcMapBuilder::new(1);
        for pc in 0..3000 {
            builder.record(pc * 3, pc * 5 % 7000);
        }
        let map = builder.finish();
        assert!(map.is_sound(8997, 6999) && !map.is_sound(8996, 6999) && !map.is_sound(8997, 6990));
        assert!(PcMap::default().is_sound(0, 0));
        let bytes = map.as_bytes().to_vec();
        let mut state = 3;
        for _ in 0..2000 {
            let mut damaged = bytes.clone();
            let position = random(&mut state, damaged.len() as u32) as usize;
            damaged[position] = random(&mut state, 256) as u8;
            damaged.truncate(random(&mut state, damaged.len() as u32 + 1) as usize);
            let map = PcMap::from_bytes(damaged);
            let is_sound = map.is_sound(8997, 6999);
            for pc in (0..9100).step_by(97) {
                let offset = map.lookup(pc);
                assert!(!is_sound || map.as_bytes().is_empty() || offset.is_some_and(|offset| offset < 7000));
            }
        }
    }
}
