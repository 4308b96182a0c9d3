//! [`WordRegistry`]: which addresses are functions. Words that come from safe code as function
//! references are looked up here before anything trusts them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use crate::host::HostRecord;
use crate::instance::Instance;
use crate::records::FunctionRecord;

/// The ranges of addresses at which the store's function records are.
#[derive(Debug, Default)]
pub(crate) struct WordRegistry {
    ranges: RwLock<BTreeMap<usize, (usize, Owner)>>,
}

#[derive(Debug)]
enum Owner {
    Guest(Weak<Instance>),
    Host(Weak<HostRecord>),
}

/// The function of a word.
#[derive(Debug)]
pub(crate) enum Found {
    /// A function that this instance defines, by its index.
    Guest(Arc<Instance>, u32),
    /// A host function.
    Host(Arc<HostRecord>),
}

impl WordRegistry {
    /// Adds an instance whose records are these.
    pub(crate) fn add_instance(&self, records: &[FunctionRecord], instance: Weak<Instance>) {
        let range = records.as_ptr_range();
        let entry = (range.end as usize, Owner::Guest(instance));
        self.ranges.write().insert(range.start as usize, entry);
    }

    pub(crate) fn add_host(&self, host: &Arc<HostRecord>) {
        let start = &raw const *host.record() as usize;
        let entry = (start + size_of::<FunctionRecord>(), Owner::Host(Arc::downgrade(host)));
        self.ranges.write().insert(start, entry);
    }

    /// Removes what begins at `first`.
    pub(crate) fn remove(&self, first: *const FunctionRecord) {
        let removed = self.ranges.write().remove(&(first as usize));
        drop(removed);
    }

    /// The function at an address, if there is one that is alive and in use.
    pub(crate) fn find(&self, word: u64) -> Option<Found> {
        let address = usize::try_from(word).ok()?;
        // What is upgraded is dropped after the lock is released.
        let (start, found) = {
            let ranges = self.ranges.read();
            let (start, (end, owner)) = ranges.range(..=address).next_back()?;
            if address >= *end {
                return None;
            }
            let found = match owner {
                Owner::Guest(instance) => Found::Guest(instance.upgrade()?, 0),
                Owner::Host(host) => Found::Host(host.upgrade()?),
            };
            (*start, found)
        };
        let offset = address - start;
        if offset % size_of::<FunctionRecord>() != 0 {
            return None;
        }
        match found {
            Found::Guest(instance, _) => {
                let index = instance.published_index(offset / size_of::<FunctionRecord>())?;
                Some(Found::Guest(instance, index))
            }
            host => Some(host),
        }
    }
}
