//! Memories between pages with a pattern: no access of a guest changes a byte of them, whatever the
//! address, the offset, the operator and the way of compiling.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use wz::experimental::{LinearMemory, MemoryAllocator, MemoryRequest, with_memory_allocator};
use wz::{Context, ModuleConfig};
use wz_api::ValueType;
use wz_decode::ops::{LoadOp, StoreLaneOp, StoreOp};
use wz_testkit::engines::for_each_variant;
use wz_testkit::fixture::Fixture;

const CANARY_BYTES: usize = 1 << 20;
const CANARY: u8 = 0xc7;

/// Counts its memories, and notes whether one was left through its ends.
#[derive(Clone, Default)]
struct Canaries {
    broken: Arc<AtomicBool>,
    freed: Arc<AtomicUsize>,
}

struct Guarded {
    bytes: Vec<u8>,
    canaries: Canaries,
}

impl AsMut<[u8]> for Guarded {
    fn as_mut(&mut self) -> &mut [u8] {
        let end = self.bytes.len() - CANARY_BYTES;
        &mut self.bytes[CANARY_BYTES..end]
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let end = self.bytes.len() - CANARY_BYTES;
        let mut around = self.bytes[..CANARY_BYTES].iter().chain(&self.bytes[end..]);
        if around.any(|byte| *byte != CANARY) {
            self.canaries.broken.store(true, Ordering::Relaxed);
        }
        self.canaries.freed.fetch_add(1, Ordering::Relaxed);
    }
}

impl MemoryAllocator for Canaries {
    fn allocate(&self, request: &MemoryRequest) -> wz::Result<LinearMemory> {
        let bytes = vec![CANARY; request.min_bytes + 2 * CANARY_BYTES];
        Ok(LinearMemory::new(Guarded { bytes, canaries: self.clone() }))
    }
}

fn constant(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "(i32.const 0x5a5a5a5a)",
        ValueType::I64 => "(i64.const 0x5a5a5a5a5a5a5a5a)",
        ValueType::F32 => "(f32.const 1.5)",
        ValueType::F64 => "(f64.const 1.5)",
        _ => "(v128.const i64x2 0x5a5a5a5a5a5a5a5a 0x5a5a5a5a5a5a5a5a)",
    }
}

/// Functions of an address and a length, one for each way to get at memory. Addresses of 64-bit
/// memories are the same, with the sign.
fn text(wide: bool) -> (String, usize) {
    let address = if wide { "(i64.extend_i32_s (local.get 0))" } else { "(local.get 0)" };
    let len = if wide { "(i64.extend_i32_s (local.get 1))" } else { "(local.get 1)" };
    let add = if wide { "i64.add" } else { "i32.add" };
    let mut bodies = Vec::new();
    for offset in ["0", "1", "15", "4096", "65528", "65535", "0x7fffffff", "0xffffffff"] {
        for op in StoreOp::ALL {
            bodies.push(format!("({op} offset={offset} {address} {})", constant(op.value())));
        }
        for op in StoreLaneOp::ALL {
            let vector = constant(ValueType::V128);
            bodies.push(format!("({op} offset={offset} 1 {address} {vector})"));
        }
        for op in LoadOp::ALL {
            bodies.push(format!("(drop ({op} offset={offset} {address}))"));
        }
    }
    for op in StoreOp::ALL {
        let constant = constant(op.value());
        // Folded addresses, and a check that another one makes needless.
        bodies.push(format!("({op} ({add} {address} {len}) {constant})"));
        bodies.push(format!("({op} offset=64 {address} {constant}) ({op} {address} {constant}) ({op} offset=72 {address} {constant})"));
        bodies.push(format!(
            "(loop $l ({op} {address} {constant}) (local.set 0 (i32.add (local.get 0) (i32.const 7)))
            (br_if $l (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))"
        ));
    }
    bodies.push(format!("(memory.fill {address} (i32.const 1) {len})"));
    bodies.push(format!("(memory.copy {address} {len} {len})"));
    bodies.push(format!("(memory.copy {len} {address} {len})"));
    bodies.push(format!("(memory.init $data {address} (i32.const 0) (i32.and (local.get 1) (i32.const 7)))"));
    bodies.push(if wide {
        "(drop (memory.grow (i64.extend_i32_u (local.get 1))))".into()
    } else {
        "(drop (memory.grow (local.get 1)))".into()
    });
    let functions: String = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| format!("(func (export \"{number}\") (param i32 i32) {body})\n"))
        .collect();
    let ty = if wide { "i64" } else { "" };
    (format!("(module (memory {ty} 2) (data $data \"12345678\") {functions})"), bodies.len())
}

#[test]
fn guests_stay_within_their_memories() {
    const ADDRESSES: [u32; 17] = [
        0,
        1,
        65_528,
        65_535,
        65_536,
        131_056,
        131_057,
        131_064,
        131_068,
        131_071,
        131_072,
        131_080,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fff0,
        0xffff_fff8,
        0xffff_ffff,
    ];
    for_each_variant(|engine| {
        for wide in [false, true] {
            let canaries = Canaries::default();
            let (text, functions) = text(wide);
            let fixture = Fixture::new((engine.config)());
            let cx = with_memory_allocator(&Context::background(), Arc::new(canaries.clone()));
            let compiled = fixture.compile(&text);
            let module = fixture
                .runtime
                .instantiate_module_with(&cx, &compiled, ModuleConfig::new().with_name(""))
                .expect("an instance");
            let mut outcomes = [0; 2];
            for function in 0..functions {
                let function = module.exported_function(&function.to_string()).expect("an export");
                for address in ADDRESSES {
                    for len in [1_u32, 16, 200, 0xffff_fff1] {
                        // A loop of so many steps ends with a trap, or it would go around.
                        let result = function.call(&[address.into(), len.into()]);
                        outcomes[usize::from(result.is_ok())] += 1;
                    }
                }
            }
            assert!(outcomes.iter().all(|count| *count > 1000), "{outcomes:?}");
            module.close().expect("it closes");
            drop((module, compiled, fixture));
            assert_eq!(canaries.freed.load(Ordering::Relaxed), 1);
            assert!(!canaries.broken.load(Ordering::Relaxed), "bytes around the memory were changed");
        }
    });
}
