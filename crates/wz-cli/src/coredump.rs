//! `--coredump`: what the program held when it trapped, in the format of the tool conventions
//! (`Coredump.md`): a module that is not for instantiating, whose custom sections name the process,
//! the instances and the frames, and whose memories, data and globals are those of the instances.
//!
//! Locals and operands are left out. References in globals are null.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use wasm_encoder::{
    ConstExpr, CoreDumpInstancesSection, CoreDumpModulesSection, CoreDumpSection, CoreDumpStackSection,
    DataSection, GlobalSection, GlobalType, HeapType, Ieee32, Ieee64, MemorySection, MemoryType, Module,
    RefType, Section, ValType,
};
use wz::{Backtrace, BacktraceFrame, CompiledModule, Memory, Value, ValueType};

/// The bytes in a page of memory.
const PAGE_BYTES: u64 = 65_536;

/// An instance that may be in a core dump.
#[derive(Debug)]
pub(crate) struct DumpedInstance {
    /// The file that it came from.
    pub(crate) name: String,
    /// Its module.
    pub(crate) compiled: CompiledModule,
    /// Its memories and globals; none if it did not come to be.
    pub(crate) module: Option<wz::Module>,
}

/// Writes a core dump of the program that came from the file `program`.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(
    path: &Path,
    program: &Path,
    backtrace: &Backtrace,
    instances: &[DumpedInstance],
) -> std::io::Result<()> {
    let mut modules = CoreDumpModulesSection::new();
    let mut instances_section = CoreDumpInstancesSection::new();
    let mut state = State::default();
    for (index, instance) in (0..).zip(instances) {
        modules.module(&instance.name);
        let (memories, globals) = state.add(instance);
        instances_section.instance(index, memories, globals);
    }
    let mut stack = CoreDumpStackSection::new("main");
    for frame in backtrace.frames() {
        if let Some((instance, offset)) = locate(frame, instances) {
            stack.frame(instance, frame.definition.index(), offset, [], []);
        }
    }
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&Module::HEADER)?;
    let State { memories, globals, data, .. } = state;
    let sections: [&dyn Section; 7] = [
        &CoreDumpSection::new(program.to_string_lossy()),
        &modules,
        &instances_section,
        &stack,
        &memories,
        &globals,
        &data,
    ];
    // One after the other: memories may be large.
    for section in sections {
        let mut bytes = Vec::new();
        section.append_to(&mut bytes);
        file.write_all(&bytes)?;
    }
    file.into_inner()?.sync_all()
}

/// The place of the instance that a frame belongs to, and the offset of its operator from the
/// beginning of the function's body. `None` for functions of the host.
fn locate(frame: &BacktraceFrame, instances: &[DumpedInstance]) -> Option<(u32, u32)> {
    let offset = frame.code_offset?;
    let index = frame.definition.index();
    // Every module has definitions of its own, so that they tell which one it is.
    let (place, instance) = (0..).zip(instances).find(|(_, instance)| {
        let info = instance.compiled.info();
        (index as usize) < info.functions.len()
            && std::ptr::eq(info.function_definition(index).debug_name(), frame.definition.debug_name())
    })?;
    let info = instance.compiled.info();
    let defined = index.checked_sub(info.imported.functions)?;
    let start = info.bodies[defined as usize].range.start - info.code_start;
    Some((place, offset.saturating_sub(u32::try_from(start).ok()?)))
}

/// The memories and globals of all instances.
#[derive(Default)]
struct State {
    memories: MemorySection,
    globals: GlobalSection,
    data: DataSection,
    /// Where the memories so far begin: one that several instances have is written once.
    known: Vec<*const u8>,
}

impl State {
    /// Adds what an instance has, and gives the numbers of its memories and globals.
    fn add(&mut self, instance: &DumpedInstance) -> (Vec<u32>, Vec<u32>) {
        let Some(module) = &instance.module else { return (Vec::new(), Vec::new()) };
        let (inner, keep) = (module.inner(), module.keep());
        let info = instance.compiled.info();
        let memories = (0..info.memories.len() as u32).filter_map(|index| inner.memory(keep, index));
        let memories = memories.map(|memory| self.add_memory(&memory)).collect();
        let globals = (0..info.globals.len() as u32).filter_map(|index| inner.global(keep, index));
        let globals = globals.map(|global| self.add_global(&global.get())).collect();
        (memories, globals)
    }

    fn add_memory(&mut self, memory: &Memory) -> u32 {
        let base = memory.view(0_u32, 1_u32).map(|view| view.as_ptr().cast());
        if let Some(known) = base.and_then(|base| self.known.iter().position(|known| *known == base)) {
            return known as u32;
        }
        let index = self.memories.len();
        self.known.push(base.unwrap_or(std::ptr::null()));
        let memory64 = memory.definition().ty.memory64;
        let pages = memory.pages();
        self.memories.memory(MemoryType {
            minimum: pages,
            maximum: None,
            memory64,
            shared: false,
            page_size_log2: None,
        });
        let mut run = Run { start: 0, bytes: Vec::new() };
        for page in 0..pages {
            // A page that is gone or zero ends a run.
            let bytes = memory.read_vec(page * PAGE_BYTES, PAGE_BYTES).unwrap_or_default();
            if bytes.iter().any(|byte| *byte != 0) {
                if run.bytes.is_empty() {
                    run.start = page * PAGE_BYTES;
                }
                run.bytes.extend_from_slice(&bytes);
            } else {
                run.finish(&mut self.data, index, memory64);
            }
        }
        run.finish(&mut self.data, index, memory64);
        index
    }

    fn add_global(&mut self, value: &Value) -> u32 {
        let (val_type, init) = match value {
            Value::I32(value) => (ValType::I32, ConstExpr::i32_const(*value)),
            Value::I64(value) => (ValType::I64, ConstExpr::i64_const(*value)),
            Value::F32(value) => (ValType::F32, ConstExpr::f32_const(Ieee32::new(value.to_bits()))),
            Value::F64(value) => (ValType::F64, ConstExpr::f64_const(Ieee64::new(value.to_bits()))),
            Value::V128(value) => (ValType::V128, ConstExpr::v128_const(value.0 as i128)),
            _ if value.ty() == ValueType::FuncRef => {
                (ValType::Ref(RefType::FUNCREF), ConstExpr::ref_null(HeapType::FUNC))
            }
            _ => (ValType::Ref(RefType::EXTERNREF), ConstExpr::ref_null(HeapType::EXTERN)),
        };
        self.globals.global(GlobalType { val_type, mutable: false, shared: false }, &init);
        self.globals.len() - 1
    }
}

/// Pages that are not zero.
struct Run {
    start: u64,
    bytes: Vec<u8>,
}

impl Run {
    /// Writes what there is, without zeros around it, and starts over.
    fn finish(&mut self, data: &mut DataSection, memory: u32, memory64: bool) {
        let Some(first) = self.bytes.iter().position(|byte| *byte != 0) else { return };
        let end = self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let at = self.start + first as u64;
        let offset =
            if memory64 { ConstExpr::i64_const(at as i64) } else { ConstExpr::i32_const(at as u32 as i32) };
        data.active(memory, &offset, self.bytes[first..end].iter().copied());
        self.bytes.clear();
    }
}
