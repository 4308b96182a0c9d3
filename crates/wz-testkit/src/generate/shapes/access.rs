//! Accesses around one address, near the ends of a memory, some of which make the checks of others
//! needless and some of which do not, because they are not always made or do not reach as far.

use super::address::Chain;
use super::{Function, Memory, Shapes};
use crate::generate::programs::Type::{F64, I32, I64, V128};
use crate::generate::programs::{LOADS, STORES, Type};

/// Where accesses are made.
pub(super) struct Site {
    /// The index of the memory.
    memory: usize,
    /// The local with the address.
    local: usize,
    /// How the address is computed.
    chain: Option<Chain>,
    /// Offsets are a little more than this.
    offset: u64,
}

const LANES: [(&str, u64); 8] = [
    ("v128.load8_lane", 16),
    ("v128.load16_lane", 8),
    ("v128.load32_lane", 4),
    ("v128.load64_lane", 2),
    ("v128.store8_lane", 16),
    ("v128.store16_lane", 8),
    ("v128.store32_lane", 4),
    ("v128.store64_lane", 2),
];

impl Site {
    pub(super) fn new(memory: usize, local: usize, offset: u64) -> Self {
        Self { memory, local, chain: None, offset }
    }
}

impl Shapes {
    /// Adds a function that makes accesses around an address.
    pub(super) fn accesses(&mut self) {
        let memory = self.below(self.memories.len() as u64) as usize;
        let Memory { wide, bytes, .. } = self.memories[memory];
        let mut f = Function::new(vec![I32, I32]);
        let local = f.local(if wide { I64 } else { I32 });
        let chain = self.chain(self.memories[memory]);
        let mut offsets = vec![0, 0, 0, 1, 8, 255, 4096, 65_500, bytes.saturating_sub(16), bytes];
        offsets.extend([0x7fff_fff0, 0x8000_0000, 0xffff_ffe0, 0xffff_fff8]);
        if wide {
            offsets.extend([0x1_0000_0000, u64::MAX - 32]);
        }
        let offset = *self.random.pick(&offsets);
        let mut body = format!("(local.set {local} {})\n", chain.text(self.chance(4)));
        let site = Site { memory, local, chain: Some(chain.clone()), offset };
        for _ in 0..2 + self.below(3) {
            body += &self.item(&mut f, &site, 2);
        }
        body += &f.accumulated();
        let mut drivers = Vec::new();
        for _ in 0..2 + self.below(3) {
            let (first, second) = self.arguments_for(&chain, bytes, offset);
            let choices = self.below(64);
            drivers.push(vec![
                format!("(i32.const {})", first as i32),
                format!("(i32.const {})", second as i32),
                format!("(i32.const {choices})"),
            ]);
        }
        self.add(f, &[I64], &body, &drivers);
    }

    /// Arguments with which an access with this offset is about an edge, mostly.
    fn arguments_for(&mut self, chain: &Chain, bytes: u64, offset: u64) -> (u32, u32) {
        let mut arguments = (0, 0);
        for _ in 0..4 {
            let second = *self.random.pick(&[0, 1, 16, 0xffff_ffff, 0x8000_0000, 65_536]);
            // Where the access ends that comes to lie at the end of the memory, or goes around.
            let edge = *self.random.pick(&[bytes, bytes, bytes, 1 << 32, 32, 65_536]);
            let address = edge.wrapping_add(8).wrapping_sub(self.below(56)).wrapping_sub(offset);
            arguments = (chain.argument_for(address, second), second);
            if chain.address(arguments.0, second) == address || self.chance(4) {
                break;
            }
        }
        arguments
    }

    fn items(&mut self, f: &mut Function, site: &Site, depth: u32) -> String {
        (0..1 + self.below(3)).map(|_| self.item(f, site, depth - 1)).collect()
    }

    fn item(&mut self, f: &mut Function, site: &Site, depth: u32) -> String {
        let Site { memory, local, .. } = *site;
        let wide = self.memories[memory].wide;
        let ty = if wide { "i64" } else { "i32" };
        match self.below(if depth == 0 { 13 } else { 19 }) {
            12 => {
                // Loaded before, used behind what may change it.
                let name = if self.chance(2) { "i64.load" } else { "f64.load" };
                let ty = if name == "i64.load" { I64 } else { F64 };
                let (held, place) = (f.local(ty), self.place(site));
                let load = format!("(local.set {held} ({name} {place} (local.get {local})))\n");
                let between = self.item(f, site, 0);
                let accumulator = f.accumulator;
                let op = *self.random.pick(&["add", "xor", "sub", "and", "gt_u"]);
                let used = match (ty, op) {
                    (I64, "gt_u") => {
                        let condition = format!("(i64.gt_u {} (local.get {held}))", f.accumulated());
                        format!("(if {condition} (then\n{}))\n", f.trace())
                    }
                    (I64, op) => format!(
                        "(local.set {accumulator} (i64.{op} (local.get {accumulator}) (local.get {held})))\n"
                    ),
                    _ => f.sink(I32, &format!("(f64.lt (f64.const 1.5) (local.get {held}))")),
                };
                load + &between + &used
            }
            0..=5 => {
                let address = format!("(local.get {local})");
                self.access(f, site, &address)
            }
            6 => match &site.chain {
                Some(chain) => {
                    let address = chain.text(false);
                    self.access(f, site, &address)
                }
                None => f.trace(),
            },
            7 => {
                let by = *self.random.pick(&[1, 4, 8, 16, -1, -8, 4096, 0x7fff_ffff]);
                let address = format!("({ty}.add (local.get {local}) ({ty}.const {by}))");
                self.access(f, site, &address)
            }
            8 => {
                let by = *self.random.pick(&[1, 4, 8, -4, 65_536]);
                format!("(local.set {local} ({ty}.add (local.get {local}) ({ty}.const {by})))\n")
            }
            9 => {
                let pages = if self.memories[memory].grows { self.below(2) } else { 0 };
                let result = if wide { I64 } else { I32 };
                let grown = f.sink(result, &format!("(memory.grow {memory} ({ty}.const {pages}))"));
                grown + &f.sink(result, &format!("(memory.size {memory})"))
            }
            10 => f.trace(),
            11 => {
                let len = self.below(24);
                let len = if wide { format!("(i64.const {len})") } else { format!("(i32.const {len})") };
                let value = self.below(256);
                format!("(memory.fill {memory} (local.get {local}) (i32.const {value}) {len})\n")
            }
            13..=14 => {
                let condition = self.bit(f);
                format!("(if {condition} (then\n{}))\n", self.items(f, site, depth))
            }
            15 => {
                let condition = self.bit(f);
                let (yes, no) = (self.items(f, site, depth), self.items(f, site, depth));
                format!("(if {condition} (then\n{yes}) (else\n{no}))\n")
            }
            16 => {
                let before = self.items(f, site, depth);
                let condition = self.bit(f);
                format!("(block\n{before}(br_if 0 {condition})\n{})\n", self.items(f, site, depth))
            }
            17 => {
                let counter = f.local(I32);
                let rounds = 1 + self.below(3);
                let body = self.items(f, site, depth);
                format!(
                    "(local.set {counter} (i32.const {rounds}))\n(loop\n{body}\
                     (br_if 0 (local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))))\n"
                )
            }
            _ => {
                let call = match self.below(3) {
                    0 => f.sink(I32, "(call $grow)"),
                    1 => format!("(call $store (local.get {}) (i32.const 77))\n", f.choices),
                    _ => f.sink(I32, &format!("(call $first (local.get 0) {})", f.accumulated())),
                };
                call + &self.item(f, site, 0)
            }
        }
    }

    /// An offset around a place.
    fn offset(&mut self, site: &Site) -> u64 {
        let offset = site.offset.wrapping_add(*self.random.pick(&[0, 0, 1, 2, 4, 8, 8, 12, 16, 24]));
        if self.memories[site.memory].wide { offset } else { offset.min(u32::MAX.into()) }
    }

    /// The memory and an offset around a place.
    fn place(&mut self, site: &Site) -> String {
        let offset = self.offset(site);
        format!("{} offset={offset}", site.memory)
    }

    /// A load or a store around a place.
    pub(super) fn access(&mut self, f: &mut Function, site: &Site, address: &str) -> String {
        let memory = site.memory;
        let offset = self.offset(site);
        let place = format!("{memory} offset={offset}");
        if self.chance(12) {
            let (name, lanes) = *self.random.pick(&LANES);
            let lane = self.below(lanes);
            let vector = self.leaf(f, V128);
            let text = format!("({name} {place} {lane} {address} {vector})");
            return if name.contains("load") { f.sink(V128, &text) } else { text + "\n" };
        }
        let ty = self.ty();
        if self.chance(2) {
            let name = self.one_of(LOADS, ty);
            f.sink(ty, &format!("({name} {place} {address})"))
        } else {
            let name = self.one_of(STORES, ty);
            let value = match ty {
                I64 if self.chance(2) => f.accumulated(),
                // wasmi does not compile some stores of a value at the address that it is.
                I32 | I64 if memory > 0 || offset > 0xffff => {
                    let value = self.leaf(f, ty);
                    self.changed(ty, value)
                }
                _ => self.leaf(f, ty),
            };
            format!("({name} {place} {address} {value})\n")
        }
    }

    fn one_of(&mut self, names: &[(Type, &'static str)], ty: Type) -> &'static str {
        let names = names.iter().find(|(of, _)| *of == ty).map_or("", |(_, names)| names);
        let names: Vec<_> = names.split(' ').collect();
        names[self.below(names.len() as u64) as usize]
    }
}
