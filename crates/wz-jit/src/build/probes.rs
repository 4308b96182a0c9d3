//! Probes: instructions without operands that stay where the builder puts them.

use crate::ir::{Op, Probe, ProbeId};

use super::Builder;

impl Builder<'_> {
    /// Puts the probes of the entry, or those of the operator that comes next.
    #[cold]
    pub(super) fn put_probes(&mut self, offset: Option<u32>) {
        if self.dead() {
            return;
        }
        let probes = self.probes;
        for probe in probes.at(offset) {
            let id = ProbeId(self.f.probes.len() as u32);
            self.f.probes.push(probe);
            self.push_inst(Op::Probe(id), &[]);
            // The embedder may write globals.
            if matches!(probe, Probe::Call { .. }) {
                self.new_epoch();
            }
        }
    }
}
