//! [`TableInstance`]: a table, and [`TableHandle`], the API's view of one. Elements are atomic
//! words at a base that never moves.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use wz_api::sealed::{Keep, TableInner};
use wz_api::{Error, Result, TableDefinition, TableType, Trap, Value, ValueType};
use wz_decode::ModuleInfo;

use crate::config::StoreConfig;
use crate::instance::Instance;
use crate::pool;
use crate::records::TableRecord;
use crate::references;
use crate::sys::Mapping;

const ELEMENT_BYTES: usize = size_of::<AtomicUsize>();

/// Tables of up to this many elements are allocated, larger ones reserved.
const SMALL: u64 = 4096;

/// A table.
#[derive(Debug)]
pub struct TableInstance {
    record: TableRecord,
    storage: Storage,
    ty: TableType,
    /// What it may grow to: the declared maximum, the configured limit, the reservation.
    max: u64,
    growing: Mutex<()>,
    info: Arc<ModuleInfo>,
    index: u32,
    runtime_tag: u64,
}

#[derive(Debug)]
enum Storage {
    Allocated(#[allow(dead_code, reason = "owns what the record points to")] Arc<[AtomicUsize]>),
    Mapped {
        mapping: Mapping,
        /// Whether it is of an earlier table.
        reused: bool,
    },
}

impl TableInstance {
    /// The table with this index of a module, of which it is a defined one. All null.
    ///
    /// # Errors
    /// If its minimum exceeds the configured limit, or the host has no room.
    pub(crate) fn new(
        info: &Arc<ModuleInfo>,
        index: u32,
        config: &StoreConfig,
        runtime_tag: u64,
    ) -> Result<Self> {
        let ty = info.tables[index as usize];
        let limit = config.table_limit_elements;
        if ty.min > limit {
            let message = format!("table[{index}]: {} elements over limit of {limit} elements", ty.min);
            return Err(Error::limit(message));
        }
        let max = ty.max.unwrap_or(u64::MAX).min(limit);
        let (storage, base, max) = if max <= SMALL {
            // SAFETY: zeros are valid atomics.
            let elements: Arc<[AtomicUsize]> = unsafe { Arc::new_zeroed_slice(max as usize).assume_init() };
            let base = elements.as_ptr();
            (Storage::Allocated(elements), base, max)
        } else {
            let (mapping, committed, reused) = reserve(ty.min, max)?;
            let needed = ty.min as usize * ELEMENT_BYTES;
            mapping.commit(committed.min(needed), needed).map_err(no_room(ty.min))?;
            let (base, room) = (mapping.base().cast::<AtomicUsize>(), mapping.len() / ELEMENT_BYTES);
            (Storage::Mapped { mapping, reused }, base.cast_const(), max.min(room as u64))
        };
        let record = TableRecord { base, len: AtomicUsize::new(ty.min as usize) };
        let info = Arc::clone(info);
        Ok(Self { record, storage, ty, max, growing: Mutex::new(()), info, index, runtime_tag })
    }

    /// What code sees of the table.
    #[must_use]
    pub fn record(&self) -> &TableRecord {
        &self.record
    }

    /// The type it was declared with.
    #[must_use]
    pub fn ty(&self) -> &TableType {
        &self.ty
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.record.len.load(Ordering::Acquire)
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn elements(&self) -> &[AtomicUsize] {
        // SAFETY: elements up to the length are there for as long as the table.
        unsafe { std::slice::from_raw_parts(self.record.base, self.len()) }
    }

    fn range(&self, at: u64, len: u64) -> Result<&[AtomicUsize], Trap> {
        let elements = self.elements();
        let end = at.checked_add(len).filter(|end| *end <= elements.len() as u64);
        end.map(|end| &elements[at as usize..end as usize]).ok_or(Trap::InvalidTableAccess)
    }

    pub(crate) fn element(&self, index: u64) -> Result<usize, Trap> {
        Ok(self.range(index, 1)?[0].load(Ordering::Acquire))
    }

    pub(crate) fn set_element(&self, index: u64, word: usize) -> Result<(), Trap> {
        self.range(index, 1)?[0].store(word, Ordering::Release);
        Ok(())
    }

    pub(crate) fn fill(&self, to: u64, word: usize, len: u64) -> Result<(), Trap> {
        for element in self.range(to, len)? {
            element.store(word, Ordering::Release);
        }
        Ok(())
    }

    /// Copies between tables, or within one.
    pub(crate) fn copy_from(&self, to: u64, other: &Self, from: u64, len: u64) -> Result<(), Trap> {
        let (source, target) = (other.range(from, len)?, self.range(to, len)?);
        let copy = |(target, source): (&AtomicUsize, &AtomicUsize)| {
            target.store(source.load(Ordering::Acquire), Ordering::Release);
        };
        if target.as_ptr() <= source.as_ptr() {
            target.iter().zip(source).for_each(copy);
        } else {
            target.iter().zip(source).rev().for_each(copy);
        }
        Ok(())
    }

    /// Copies words, part of an element segment, to `to`.
    pub(crate) fn init(
        &self,
        to: u64,
        words: impl ExactSizeIterator<Item = Result<usize, Trap>>,
    ) -> Result<(), Trap> {
        for (target, word) in self.range(to, words.len() as u64)?.iter().zip(words) {
            target.store(word?, Ordering::Release);
        }
        Ok(())
    }

    /// Grows by elements that are `word`; gives the size before.
    pub(crate) fn grow_by(&self, delta: u64, word: usize) -> Option<u64> {
        let _growing = self.growing.lock();
        let old = self.len();
        let new = (old as u64).checked_add(delta).filter(|new| *new <= self.max)? as usize;
        if let Storage::Mapped { mapping, .. } = &self.storage {
            mapping.commit(old * ELEMENT_BYTES, new * ELEMENT_BYTES).ok()?;
        }
        if word != 0 {
            // SAFETY: there is room up to the maximum, committed just now.
            let added = unsafe { std::slice::from_raw_parts(self.record.base.add(old), new - old) };
            for element in added {
                element.store(word, Ordering::Relaxed);
            }
        }
        self.record.len.store(new, Ordering::Release);
        Some(old as u64)
    }
}

fn no_room(elements: u64) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::system(format!("making room for {elements} table elements"), source)
}

impl Drop for TableInstance {
    fn drop(&mut self) {
        let committed = self.len() * ELEMENT_BYTES;
        if let Storage::Mapped { mapping, reused } = &mut self.storage {
            pool::give(std::mem::replace(mapping, Mapping::none()), committed, *reused);
        }
    }
}

/// Reserves the most useful amount that the host grants. Gives how much of it is committed, and
/// whether it was used before.
fn reserve(min: u64, max: u64) -> Result<(Mapping, usize, bool)> {
    let bytes = |elements: u64| usize::try_from(elements).ok()?.checked_mul(ELEMENT_BYTES);
    let min_bytes = bytes(min).ok_or_else(|| no_room(min)(std::io::ErrorKind::OutOfMemory.into()))?;
    let max = bytes(max).unwrap_or(isize::MAX as usize);
    if let Some((mapping, committed)) = pool::take(Mapping::rounded(max), min_bytes) {
        return Ok((mapping, committed, true));
    }
    let mut size = max;
    loop {
        match Mapping::reserve(size) {
            Ok(mapping) => return Ok((mapping, 0, false)),
            Err(error) if size == min_bytes => return Err(no_room(min)(error)),
            Err(_) => size = (size / 2).max(min_bytes),
        }
    }
}

/// A table as the API holds it: with what its elements need to live.
#[derive(Debug)]
pub(crate) struct TableHandle {
    pub(crate) table: Arc<TableInstance>,
    /// The instance that it was got from.
    pub(crate) instance: Arc<Instance>,
    pub(crate) keep: Keep,
}

impl TableHandle {
    fn word(&self, value: &Value) -> Result<usize> {
        Ok(match value {
            Value::FuncRef(Some(function)) => references::function_to_word(&self.instance, function)?,
            Value::ExternRef(Some(value)) => self.instance.store().externs().word(value)?,
            _ => 0,
        } as usize)
    }
}

impl TableInner for TableHandle {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn definition(&self) -> TableDefinition {
        self.table.info.table_definition(self.table.index)
    }

    fn runtime_tag(&self) -> u64 {
        self.table.runtime_tag
    }

    fn size(&self) -> u64 {
        self.table.len() as u64
    }

    fn get(&self, index: u64) -> Option<Value> {
        let word = self.table.element(index).ok()? as u64;
        let via = references::Via { instance: &self.instance, keep: &self.keep };
        Some(match self.table.ty.element {
            ValueType::ExternRef => Value::ExternRef(self.instance.store().externs().value(word).ok()?),
            // What is in a table is in its island, so that there is a function.
            _ => Value::FuncRef(references::word_to_function(via, word).ok()?),
        })
    }

    fn set(&self, index: u64, value: &Value) -> Result<bool> {
        let word = self.word(value)?;
        Ok(self.table.set_element(index, word).is_ok())
    }

    fn grow(&self, delta: u64, init: &Value) -> Result<Option<u64>> {
        let word = self.word(init)?;
        Ok(self.table.grow_by(delta, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, module};

    fn table(text: &str, config: &StoreConfig) -> Result<TableInstance> {
        TableInstance::new(&module(&format!("(module (table {text} externref))")), 0, config, 1)
    }

    #[test]
    fn grows_within_limits() {
        for text in ["2 5", "2 i64 5"] {
            let text = if text.contains("i64") { "i64 2 5" } else { text };
            let table = table(text, &config()).unwrap();
            assert_eq!(table.grow_by(4, 0), None);
            assert_eq!(table.grow_by(u64::MAX, 0), None);
            assert_eq!(table.grow_by(2, 9), Some(2));
            let elements: Vec<_> = (0..4).map(|index| table.element(index).unwrap()).collect();
            assert_eq!(elements, [0, 0, 9, 9]);
            assert_eq!(table.element(4), Err(Trap::InvalidTableAccess));
        }
    }

    #[test]
    fn unlimited_tables_grow_to_the_configured_limit() {
        let config = StoreConfig { table_limit_elements: 100_000, ..config() };
        let table = table("0", &config).unwrap();
        let base = table.record.base;
        assert_eq!(table.grow_by(100_001, 0), None);
        assert_eq!(table.grow_by(99_999, 7), Some(0));
        assert_eq!(table.grow_by(1, 8), Some(99_999));
        assert_eq!((table.element(99_998), table.element(99_999)), (Ok(7), Ok(8)));
        assert_eq!(table.record.base, base);
        let error = super::TableInstance::new(&module("(module (table 100001 funcref))"), 0, &config, 1);
        let message = "table[0]: 100001 elements over limit of 100000 elements";
        assert_eq!(error.unwrap_err().to_string(), message);
    }

    #[test]
    fn copies_overlap_correctly() {
        let table = table("6 6", &config()).unwrap();
        let words = |table: &TableInstance| (0..6).map(|at| table.element(at).unwrap()).collect::<Vec<_>>();
        table.init(0, [1, 2, 3, 4, 5, 6].into_iter().map(Ok)).unwrap();
        table.copy_from(1, &table, 0, 4).unwrap();
        assert_eq!(words(&table), [1, 1, 2, 3, 4, 6]);
        table.copy_from(0, &table, 2, 4).unwrap();
        assert_eq!(words(&table), [2, 3, 4, 6, 4, 6]);
        assert_eq!(table.copy_from(3, &table, 0, 4), Err(Trap::InvalidTableAccess));
        assert_eq!(table.copy_from(6, &table, 6, 0), Ok(()));
        assert_eq!(table.copy_from(7, &table, 0, 0), Err(Trap::InvalidTableAccess));
        table.fill(4, 0, 2).unwrap();
        assert_eq!(words(&table), [2, 3, 4, 6, 0, 0]);
    }
}
