//! Tests with a compiler that makes up functions: what comes back is what was put in, or nothing.

mod damage;
mod sharing;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use wz_api::{Error, Result, Trap};
use wz_decode::{DecodeOptions, ModuleInfo, decode};

use super::record::{Record, Shape};
use super::{CachedCompiler, CodeCache};
use crate::runtime::body::FunctionCode;
use crate::runtime::builtins::Builtin;
use crate::runtime::call_sites::{CallSite, CallSites};
use crate::runtime::module::{CompiledFunction, FunctionCompiler, Version};
use crate::runtime::pc_map::PcMapBuilder;
use crate::runtime::slots::SlotRef;
use crate::runtime::stubs::Relocation;
use crate::runtime::trap_table::TrapTable;

/// A small generator of numbers, for reproducible cases.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(bound)) as u32
    }
}

fn decoded(text: &str) -> ModuleInfo {
    decode(wat::parse_str(text).unwrap(), &DecodeOptions::default()).unwrap()
}

/// A module with an imported function, some types and a memory, and so many functions.
fn module(functions: usize) -> Arc<ModuleInfo> {
    let body = |number: usize| format!("(func (result i32) (i32.const {number}))");
    let bodies: String = (0..functions).map(body).collect();
    let text = format!(
        r#"(module (type (func)) (type (func (param i32))) (import "a" "b" (func)) (memory 1) {bodies})"#
    );
    Arc::new(decoded(&text))
}

/// A function with some of everything, that nobody could run.
fn made_up(info: &ModuleInfo, function: u32, seed: u64) -> CompiledFunction {
    let mut random = Random(seed * 1000 + u64::from(function));
    let code_len = 40 + random.below(400);
    let code: Vec<_> = (0..code_len).map(|_| random.below(256) as u8).collect();
    let functions = info.bodies.len() as u32;
    let mut relocations = Vec::new();
    for _ in 0..random.below(12) {
        let target = match random.below(6) {
            0 => SlotRef::Function(random.below(functions)),
            1 => SlotRef::Plain(random.below(functions)),
            2 => SlotRef::RecordCall(random.below(info.types.len() as u32)),
            3 => SlotRef::TrapExit,
            4 => SlotRef::Lazy,
            _ => SlotRef::Builtin(Builtin::ALL[random.below(Builtin::ALL.len() as u32) as usize]),
        };
        // Not in order.
        let (offset, addend) = (random.below(code_len - 3), random.below(1 << 20) as i32 - (1 << 19));
        relocations.push(Relocation { offset, kind: random.below(KINDS) as u8, addend, target });
    }
    let mut places: Vec<_> = (0..random.below(20)).map(|_| random.below(code_len)).collect();
    places.sort_unstable();
    places.dedup();
    let mut pc_map = PcMapBuilder::new(random.below(50));
    places.iter().for_each(|place| pc_map.record(*place, random.below(info.bytes.len() as u32)));
    let traps = TrapTable::new(places.iter().map(|place| (*place, Trap::ALL[*place as usize % 14])));
    let sites = places.iter().map(|place| CallSite {
        return_pc: *place,
        landing_pad: place.is_multiple_of(3).then(|| code_len - 1 - place),
    });
    let info = FunctionCode {
        function: info.imported.functions + function,
        is_leaf: random.below(2) == 0,
        prologue_bytes: random.below(20),
        params_below: 0,
        memory_count: info.memories.len() as u32,
        pc_map: pc_map.finish(),
        calls: CallSites::new(sites),
        traps,
        unwalkable: places.as_chunks::<2>().0.iter().map(|[start, end]| (*start, *end)).collect(),
    };
    CompiledFunction { code, relocations, counters: Vec::new(), info }
}

/// Makes up functions, and counts how often each was asked for.
#[derive(Debug, Default)]
struct MakesUp {
    compiled: Mutex<HashMap<(u32, Version), usize>>,
    total: AtomicUsize,
}

/// A function that is always refused, one that fails as the system does, one that panics the first
/// time, one that takes long.
const REFUSED: u32 = 3;
const FAILING: u32 = 5;
const PANICKING: u32 = 7;
const SLOW: u32 = 11;

impl FunctionCompiler for MakesUp {
    fn compile(&self, info: &Arc<ModuleInfo>, function: u32, version: Version) -> Result<CompiledFunction> {
        self.total.fetch_add(1, Ordering::SeqCst);
        *self.compiled.lock().entry((function, version)).or_default() += 1;
        if function == SLOW {
            std::thread::sleep(Duration::from_millis(50));
        }
        match function {
            REFUSED => Err(Error::limit("too complex, it is")),
            FAILING => Err(Error::system("reading tea leaves", std::io::Error::other("no tea"))),
            PANICKING if self.compiled.lock()[&(function, version)] == 1 => panic!("the first time"),
            _ => Ok(made_up(info, function, version as u64)),
        }
    }

    fn tells_listeners(&self, _: &Arc<ModuleInfo>, function: u32) -> bool {
        function.is_multiple_of(2)
    }
}

/// How many kinds of relocations there are.
const KINDS: u32 = 3;

/// Whether a relocation is of one of these kinds, and in the code.
fn relocates(code: &mut [u8], relocation: &Relocation) -> bool {
    let Some(place) = code.get_mut(relocation.offset as usize..relocation.offset as usize + 4) else {
        return false;
    };
    place.fill(0);
    u32::from(relocation.kind) < KINDS
}

/// A compiler with a cache, and what it asks.
struct Cached {
    info: Arc<ModuleInfo>,
    inner: Arc<MakesUp>,
    compiler: CachedCompiler,
}

impl Cached {
    fn new(cache: &Arc<CodeCache>, info: &Arc<ModuleInfo>, settings: &str) -> Self {
        let inner = Arc::new(MakesUp::default());
        let compiler = CachedCompiler::new(inner.clone(), relocates, cache, info, settings);
        Self { info: info.clone(), inner, compiler }
    }

    /// Compiles functions, checks what comes back, and gives how many were not in the cache.
    #[track_caller]
    fn compile(&self, functions: impl IntoIterator<Item = u32>) -> usize {
        let before = self.inner.total.load(Ordering::SeqCst);
        for function in functions {
            let found = self.compiler.compile(&self.info, function, Version::Plain);
            match function {
                REFUSED => assert_eq!(found.unwrap_err().to_string(), "too complex, it is"),
                FAILING => assert_eq!(found.unwrap_err().to_string(), "reading tea leaves: no tea"),
                _ => assert_eq!(found.unwrap(), made_up(&self.info, function, 0), "function {function}"),
            }
        }
        self.inner.total.load(Ordering::SeqCst) - before
    }
}

fn on_disk(path: &Path) -> Arc<CodeCache> {
    CodeCache::in_directory("1.0", path).unwrap()
}

/// The only entry in a directory.
fn entry_in(path: &Path) -> std::path::PathBuf {
    let mut entries = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    let mut is_entry = |path: &std::path::PathBuf| path.extension().is_some_and(|name| name == "wzcode");
    let entry = entries.find(&mut is_entry).expect("an entry");
    assert!(!entries.any(|path| is_entry(&path)), "one entry");
    entry
}

fn shape(info: &ModuleInfo, function: u32) -> Shape<'_> {
    Shape { info, function, relocates: &relocates }
}

#[test]
fn functions_come_back_as_they_were() {
    let info = module(20);
    for seed in 0..50 {
        for function in 0..20 {
            let record = Record::Code(made_up(&info, function, seed));
            let bytes = record.encode();
            assert_eq!(Record::decode(&bytes, &shape(&info, function)), Some(record.clone()));
            assert_eq!(record.encode(), bytes);
            // Of another function, or of a module without its memory, it is not.
            assert_eq!(Record::decode(&bytes, &shape(&info, (function + 1) % 20)), None);
            let other = decoded("(module (import \"a\" \"b\" (func)) (func))");
            assert_eq!(Record::decode(&bytes, &shape(&other, 0)), None);
        }
    }
    for text in ["", "a reason", &"é".repeat(5000)] {
        let refused = Record::Refused(text.to_owned());
        let found = Record::decode(&refused.encode(), &shape(&info, 0));
        assert!(
            matches!(found, Some(Record::Refused(found)) if text.starts_with(&found) && found.len() >= text.len().min(4000))
        );
    }
}
