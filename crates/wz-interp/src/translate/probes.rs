//! Probes: instructions that count or call, and change nothing else.

use wz_core::probes::{ProbeCode, ProbeRecord};

use super::emitter::pair;
use super::function::Translator;
use crate::exec::probe;

impl Translator<'_> {
    /// Emits the probes of the function's entry.
    pub(super) fn put_entry_probes(&mut self) {
        let Some(probes) = self.request.probes else { return };
        for record in probes.at_entry() {
            self.put_probe(record);
        }
    }

    /// Emits the probes of the operator that comes next.
    #[cold]
    pub(super) fn put_probes(&mut self) {
        let Some(probes) = self.request.probes else { return };
        for record in probes.at(self.at.code_offset) {
            self.put_probe(record);
        }
    }

    /// Accumulators keep what they hold: these instructions write none.
    fn put_probe(&mut self, record: &ProbeRecord) {
        let address = std::ptr::from_ref(record).expose_provenance() as u64;
        match record.code() {
            ProbeCode::Count { counter, atomic } => {
                let counter = std::ptr::from_ref(counter).expose_provenance() as u64;
                self.put(&probe::COUNT[usize::from(atomic)], counter);
            }
            ProbeCode::CountUpTo { counter, limit, atomic, .. } => {
                let counter = std::ptr::from_ref(counter).expose_provenance() as u64;
                let position = self.put_site(&probe::COUNT_UP_TO[usize::from(atomic)], pair(0, 0));
                self.frame_words.push((position + 1, false));
                self.out.word(address);
                self.out.word(counter);
                self.out.word(limit);
            }
            ProbeCode::Call => {
                let position = self.put_site(&probe::CALL, pair(0, 0));
                self.frame_words.push((position + 1, false));
                self.out.word(address);
            }
        }
        self.barrier();
    }
}
