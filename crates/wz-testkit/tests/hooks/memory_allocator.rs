//! Linear memories whose bytes an allocator of the embedder's gives.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use wz::experimental::{LinearMemory, MemoryRequest, with_memory_allocator};
use wz::{Context, Error, Module, ModuleConfig, Trap};
use wz_testkit::engines::{EngineUnderTest, for_each_variant};
use wz_testkit::fixture::{Fixture, binary};

const GUEST: &str = r#"(module
  (memory (export "memory") 1 10)
  (data (i32.const 8) "data")
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 255) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;

/// Bytes that note when they are freed. Not zero at first.
struct Bytes(Vec<u8>, Arc<AtomicUsize>);

impl AsMut<[u8]> for Bytes {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

fn instance(engine: EngineUnderTest, text: &str, cx: &Context) -> (Fixture, wz::Result<Module>) {
    let fixture = Fixture::new((engine.config)());
    let config = ModuleConfig::new().with_name("");
    let module = fixture.runtime.instantiate_with(cx, binary(text), config);
    (fixture, module)
}

fn call(module: &Module, name: &str, params: &[u64]) -> wz::Result<u64> {
    module.exported_function(name).unwrap().call(params).map(|results| results.first().copied().unwrap_or(0))
}

fn out_of_bounds(result: wz::Result<u64>) {
    assert_eq!(result.unwrap_err().trap(), Some(Trap::OutOfBoundsMemoryAccess));
}

#[test]
fn memories_are_in_what_the_allocator_gives() {
    for_each_variant(|engine| {
        let (requests, freed, may_grow) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(true)),
        );
        let asked = Arc::new(Mutex::new(Vec::new()));
        let allocate = {
            let (requests, freed, may_grow, asked) =
                (requests.clone(), freed.clone(), may_grow.clone(), asked.clone());
            move |request: &MemoryRequest| {
                requests.lock().unwrap().push(*request);
                let (may_grow, asked) = (may_grow.clone(), asked.clone());
                // Room for three pages and a half, at an odd address.
                let memory = LinearMemory::new(Bytes(vec![0xaa; 7 << 15], freed.clone()));
                Ok(memory.with_growth(move |bytes| {
                    asked.lock().unwrap().push(bytes);
                    may_grow.load(Ordering::SeqCst)
                }))
            }
        };
        let cx = with_memory_allocator(&Context::background(), Arc::new(allocate));
        let (fixture, module) = instance(engine, GUEST, &cx);
        let module = module.unwrap();
        let request = requests.lock().unwrap()[0];
        assert_eq!((request.min_bytes, request.max_bytes), (1 << 16, 10 << 16));
        assert_eq!((request.ty.min_pages, request.ty.max_pages), (1, Some(10)));

        assert_eq!(call(&module, "load", &[0]).unwrap(), 0);
        assert_eq!(call(&module, "load", &[8]).unwrap(), u64::from(u32::from_le_bytes(*b"data")));
        assert_eq!(call(&module, "load", &[65_532]).unwrap(), 0);
        for at in [65_533, 65_536, 7 << 15, u64::from(u32::MAX)] {
            out_of_bounds(call(&module, "load", &[at]));
        }
        out_of_bounds(call(&module, "store", &[65_529, 1]));
        out_of_bounds(call(&module, "fill", &[65_000, 537]));
        call(&module, "fill", &[65_000, 536]).unwrap();
        assert_eq!(call(&module, "grow", &[1]).unwrap(), 1);
        // What is new is zero.
        assert_eq!(call(&module, "load", &[65_534]).unwrap(), 0xffff);
        assert_eq!(call(&module, "load", &[131_068]).unwrap(), 0);
        out_of_bounds(call(&module, "load", &[131_069]));
        let refused = u64::from(u32::MAX);
        may_grow.store(false, Ordering::SeqCst);
        assert_eq!(call(&module, "grow", &[1]).unwrap(), refused);
        assert_eq!(module.exported_memory("memory").unwrap().grow(1_u32), None);
        may_grow.store(true, Ordering::SeqCst);
        // Four pages do not fit, and are not asked for.
        assert_eq!(call(&module, "grow", &[2]).unwrap(), refused);
        assert_eq!(module.exported_memory("memory").unwrap().grow(1_u32), Some(2));
        assert_eq!(call(&module, "load", &[196_604]).unwrap(), 0);
        assert_eq!(*asked.lock().unwrap(), [2 << 16, 3 << 16, 3 << 16, 3 << 16]);

        // Another module imports it, and its code checks too.
        let importer = fixture.runtime.instantiate_module_with(
            &wz::experimental::with_import_resolver(&Context::background(), {
                let module = module.clone();
                move |_| Some(module.clone())
            }),
            &fixture.compile(
                r#"(module (import "m" "memory" (memory 1))
                    (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"#,
            ),
            ModuleConfig::new().with_name(""),
        );
        let importer = importer.unwrap();
        assert_eq!(call(&importer, "load", &[8]).unwrap(), u64::from(u32::from_le_bytes(*b"data")));
        out_of_bounds(call(&importer, "load", &[196_605]));
        drop(module);
        assert_eq!((freed.load(Ordering::SeqCst), call(&importer, "load", &[196_604]).unwrap()), (0, 0));
        drop(importer);
        assert_eq!(freed.load(Ordering::SeqCst), 1, "{}", engine.name);
    });
}

#[test]
fn what_an_allocator_does_not_give_is_an_error() {
    for_each_variant(|engine| {
        let fails = |allocate: fn(&MemoryRequest) -> wz::Result<LinearMemory>, text: &str| {
            let cx = with_memory_allocator(&Context::background(), Arc::new(allocate));
            instance(engine, text, &cx).1.unwrap_err().to_string()
        };
        let error = fails(|_| Err(Error::host("none left")), GUEST);
        assert!(error.contains("none left"), "{error}");
        let error = fails(|_| Ok(LinearMemory::new(vec![0; 65_535])), GUEST);
        assert!(error.contains("the allocator gave 65535 bytes for a memory of 65536"), "{error}");
        // An empty one needs none.
        let cx = with_memory_allocator(
            &Context::background(),
            Arc::new(|_: &MemoryRequest| Ok(LinearMemory::new(Vec::new()))),
        );
        let (_fixture, module) = instance(engine, "(module (memory (export \"memory\") 0))", &cx);
        assert_eq!(module.unwrap().exported_memory("memory").unwrap().grow(1_u32), None);
    });
}

#[test]
fn a_panic_while_growing_refuses_it() {
    for_each_variant(|engine| {
        let cx = with_memory_allocator(
            &Context::background(),
            Arc::new(|request: &MemoryRequest| {
                let memory = LinearMemory::new(vec![0; request.max_bytes]);
                Ok(memory.with_growth(|_| std::panic::panic_any("no")))
            }),
        );
        let (_fixture, module) = instance(engine, GUEST, &cx);
        assert_eq!(call(&module.unwrap(), "grow", &[1]).unwrap(), u64::from(u32::MAX));
    });
}
