//! Operators on memories, tables and segments as a whole.

use std::ops::Range;

use wz_api::Trap;
use wz_decode::fuel;

use super::{MAX_ELEMENTS, MAX_PAGES, Machine, PAGE, Stop};

/// The range of `len` from `start` on, if it is within `limit`.
fn range(start: u64, len: u64, limit: usize, trap: Trap) -> Result<Range<usize>, Trap> {
    match start.checked_add(len) {
        Some(end) if end <= limit as u64 => Ok(start as usize..end as usize),
        _ => Err(trap),
    }
}

impl Machine<'_> {
    fn charge(&mut self, units: u64) {
        if self.options.fuel {
            self.fuel_used += units;
        }
    }

    pub(super) fn memory_grow(&mut self, memory: u32, delta: u64) -> Result<u64, Stop> {
        let ty = &self.info.memories[memory as usize];
        let before = self.memories[memory as usize].len() as u64 / PAGE;
        let failed = if ty.memory64 { u64::MAX } else { u64::from(u32::MAX) };
        self.charge(fuel::byte_units(delta.saturating_mul(PAGE)));
        let most = ty.max_pages.unwrap_or(if ty.memory64 { u64::MAX / PAGE } else { PAGE });
        match before.checked_add(delta) {
            Some(pages) if pages <= most => {
                if pages > MAX_PAGES {
                    return Err(Stop::Limit("memory"));
                }
                self.memories[memory as usize].resize((pages * PAGE) as usize, 0);
                Ok(before)
            }
            _ => Ok(failed),
        }
    }

    pub(super) fn memory_fill(&mut self, memory: u32, to: u64, value: u8, len: u64) -> Result<(), Stop> {
        self.charge(fuel::byte_units(len));
        let memory = &mut self.memories[memory as usize];
        let to = range(to, len, memory.len(), Trap::OutOfBoundsMemoryAccess)?;
        memory[to].fill(value);
        Ok(())
    }

    pub(super) fn memory_copy(&mut self, to: u32, from: u32, at: [u64; 2], len: u64) -> Result<(), Stop> {
        self.charge(fuel::byte_units(len));
        let trap = Trap::OutOfBoundsMemoryAccess;
        let source = range(at[1], len, self.memories[from as usize].len(), trap)?;
        let target = range(at[0], len, self.memories[to as usize].len(), trap)?;
        let bytes = self.memories[from as usize][source].to_vec();
        self.memories[to as usize][target].copy_from_slice(&bytes);
        Ok(())
    }

    pub(super) fn memory_init(
        &mut self,
        memory: u32,
        data: u32,
        to: u64,
        from: u64,
        len: u64,
    ) -> Result<(), Stop> {
        self.charge(fuel::byte_units(len));
        let info = self.info;
        let dropped = self.data_dropped[data as usize];
        let bytes = if dropped { &[] } else { info.data_bytes(data) };
        let source = range(from, len, bytes.len(), Trap::OutOfBoundsMemoryAccess)?;
        let memory = &mut self.memories[memory as usize];
        let target = range(to, len, memory.len(), Trap::OutOfBoundsMemoryAccess)?;
        memory[target].copy_from_slice(&bytes[source]);
        Ok(())
    }

    pub(super) fn table_grow(&mut self, table: u32, init: u64, delta: u64) -> Result<u64, Stop> {
        let ty = &self.info.tables[table as usize];
        let before = self.tables[table as usize].len() as u64;
        let failed = if ty.table64 { u64::MAX } else { u64::from(u32::MAX) };
        self.charge(fuel::element_units(delta));
        let most = ty.max.unwrap_or(u64::MAX).min(failed);
        match before.checked_add(delta) {
            Some(len) if len <= most => {
                if len > MAX_ELEMENTS {
                    return Err(Stop::Limit("table"));
                }
                self.tables[table as usize].resize(len as usize, init);
                Ok(before)
            }
            _ => Ok(failed),
        }
    }

    pub(super) fn table_fill(&mut self, table: u32, to: u64, value: u64, len: u64) -> Result<(), Stop> {
        self.charge(fuel::element_units(len));
        let table = &mut self.tables[table as usize];
        let to = range(to, len, table.len(), Trap::InvalidTableAccess)?;
        table[to].fill(value);
        Ok(())
    }

    pub(super) fn table_copy(&mut self, to: u32, from: u32, at: [u64; 2], len: u64) -> Result<(), Stop> {
        self.charge(fuel::element_units(len));
        let trap = Trap::InvalidTableAccess;
        let source = range(at[1], len, self.tables[from as usize].len(), trap)?;
        let target = range(at[0], len, self.tables[to as usize].len(), trap)?;
        let elements = self.tables[from as usize][source].to_vec();
        self.tables[to as usize][target].copy_from_slice(&elements);
        Ok(())
    }

    pub(super) fn table_init(
        &mut self,
        table: u32,
        element: u32,
        to: u64,
        from: u64,
        len: u64,
    ) -> Result<(), Stop> {
        self.charge(fuel::element_units(len));
        let trap = Trap::InvalidTableAccess;
        let dropped = self.elements_dropped[element as usize];
        let count = if dropped { 0 } else { self.info.elements[element as usize].items.len() };
        let source = range(from, len, count, trap)?;
        let target = range(to, len, self.tables[table as usize].len(), trap)?;
        for (from, to) in source.zip(target) {
            self.tables[table as usize][to] = self.element(element, from);
        }
        Ok(())
    }
}
