//! `Memory`: what compiling a function takes, from its body to a [`CompiledFunction`], kept for
//! the next one.

use std::fmt::Write;
use std::sync::Arc;

use regalloc2::{Edit, InstOrEdit, Output};
use wz_decode::ModuleInfo;

use crate::build::BuildError;
use crate::context::{Context, Dump};
use crate::ir::ProbeList;
use crate::mach::{Allocator, EmissionNote, Emitter, FrameShape, Isa, Lowering, MachineFunction, Metadata};
use crate::options::Options;
use crate::runtime::body::FunctionCode;
use crate::runtime::call_sites::{CallSite, CallSites};
use crate::runtime::module::CompiledFunction;
use crate::runtime::pc_map::{PcMap, PcMapBuilder};
use crate::runtime::trap_table::TrapTable;
use crate::target::Target;

/// See the module's documentation.
pub(super) struct Memory<I: Isa> {
    context: Context,
    lowering: Lowering<I>,
    machine: MachineFunction<I::Inst>,
    allocator: Allocator,
    emitter: Emitter,
    metadata: Metadata,
}

impl<I: Isa> Default for Memory<I> {
    fn default() -> Self {
        Self {
            context: Context::default(),
            lowering: Lowering::default(),
            machine: MachineFunction::default(),
            allocator: Allocator::default(),
            emitter: Emitter::default(),
            metadata: Metadata::default(),
        }
    }
}

impl<I: Isa> Memory<I> {
    /// Compiles a function, given by its index, imports included, with probes.
    ///
    /// # Errors
    /// If the function is too complex.
    #[expect(clippy::too_many_arguments, reason = "what the function is compiled with")]
    pub(super) fn compile<T: Target<Isa = I>>(
        &mut self,
        target: &T,
        isa: &I,
        info: &Arc<ModuleInfo>,
        function: u32,
        options: &Options,
        probes: &ProbeList,
        mut dumps: Option<&mut Vec<Dump>>,
    ) -> Result<CompiledFunction, BuildError> {
        match dumps.as_deref_mut() {
            Some(dumps) => *dumps = self.context.compile_with_dumps(info, function, options, probes)?,
            None => _ = self.context.compile_probed(info, function, options, probes)?,
        }
        let Self { context, lowering, machine, allocator, emitter, metadata } = self;
        let frame = lowering.run(isa, &context.function, machine);
        if let Some(dumps) = dumps.as_deref_mut() {
            dumps.push(Dump { stage: "select", text: machine.to_string() });
        }
        let output = allocator.run(machine, isa.env(), options.verify);
        let mut assembler = target.assembler();
        emitter.notes = dumps.is_some().then(Vec::new);
        emitter.run(isa, &context.function, machine, output, frame, &mut assembler, metadata);
        if let Some(dumps) = dumps {
            dumps.push(Dump { stage: "allocate", text: allocated(machine, output) });
        }
        let code = target.finish(assembler);
        Ok(compiled(info, function, frame, metadata, code))
    }

    /// What was emitted where, if there were dumps.
    pub(super) fn take_notes(&mut self) -> Vec<EmissionNote> {
        self.emitter.notes.take().unwrap_or_default()
    }

    /// What is known of the code that was made last.
    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// A function as the run time wants it.
fn compiled(
    info: &ModuleInfo,
    function: u32,
    frame: FrameShape,
    metadata: &Metadata,
    code: Vec<u8>,
) -> CompiledFunction {
    debug_assert_eq!(metadata.len_bytes as usize, code.len(), "the code is what was emitted");
    debug_assert!(metadata.calls.is_sorted() && metadata.traps.is_sorted_by_key(|(at, _)| *at));
    debug_assert!(metadata.unwalkable.is_sorted());
    let call = |return_pc: &u32| CallSite { return_pc: *return_pc, landing_pad: None };
    let mut relocations = metadata.relocations.clone();
    // Those of constants come at the end, whatever the order in which they were noted.
    relocations.sort_unstable_by_key(|relocation| relocation.offset);
    CompiledFunction {
        code,
        relocations,
        counters: metadata.counters.clone(),
        info: FunctionCode {
            function,
            is_leaf: !frame.makes_calls,
            prologue_bytes: metadata.prologue_bytes,
            params_below: frame.params_below,
            memory_count: info.memories.len() as u32,
            pc_map: pc_map(metadata),
            traps: TrapTable::new(metadata.traps.iter().copied()),
            calls: CallSites::new(metadata.calls.iter().map(call)),
            unwalkable: metadata.unwalkable.as_slice().into(),
        },
    }
}

fn pc_map(metadata: &Metadata) -> PcMap {
    let mut builder = PcMapBuilder::new(metadata.operators.first().map_or(0, |(_, offset)| *offset));
    for (at, offset) in &metadata.operators {
        builder.record(*at, *offset);
    }
    builder.finish()
}

/// The text of a function after allocation, with the moves that it brought, in the order of the
/// code.
fn allocated<I: std::fmt::Debug>(machine: &MachineFunction<I>, output: &Output) -> String {
    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{arguments}");
    };
    for block in &machine.layout {
        line(format_args!("block{}: ; {}", block.index(), machine.blocks[block.index()].block));
        for step in output.block_insts_and_edits(machine, *block) {
            match step {
                InstOrEdit::Edit(Edit::Move { from, to }) if from == to => {}
                InstOrEdit::Edit(Edit::Move { from, to }) => line(format_args!("  {to} = move {from}")),
                InstOrEdit::Inst(inst) => line(format_args!("  {:?}", machine.insts[inst.index()])),
            }
        }
    }
    text
}
