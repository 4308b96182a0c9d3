//! [`Record`]: a compiled function as bytes, and back. What is read is checked against the module,
//! so that no bytes give code that refers to what the module does not have.
//!
//! # Format
//! A byte that says what follows: the text of a refusal, or a function. A function is numbers of
//! variable length (its index, properties, then how long each part is) followed by the parts: code,
//! relocations, ranges that cannot be walked, pc map, traps, call sites.

use wz_decode::ModuleInfo;

use crate::runtime::body::FunctionCode;
use crate::runtime::call_sites::CallSites;
use crate::runtime::leb::{read_signed, read_unsigned, write_signed, write_unsigned};
use crate::runtime::module::CompiledFunction;
use crate::runtime::pc_map::PcMap;
use crate::runtime::slots::SlotRef;
use crate::runtime::stubs::Relocation;
use crate::runtime::trap_table::TrapTable;

/// What became of compiling a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// Its code.
    Code(CompiledFunction),
    /// It exceeds a limit: which.
    Refused(String),
}

/// What the bytes of a function have to fit.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    /// The module.
    pub(super) info: &'a ModuleInfo,
    /// The function, among the defined ones.
    pub(super) function: u32,
    /// Whether the instruction set knows a relocation of this code. It may change the code.
    pub(super) relocates: &'a dyn Fn(&mut [u8], &Relocation) -> bool,
}

const CODE: u8 = 0;
const REFUSED: u8 = 1;

/// The least bytes that a relocation and a range take, by which their numbers are limited.
const RELOCATION_BYTES: usize = 4;
const RANGE_BYTES: usize = 2;

/// How many bytes of code a relocation changes at least.
const RELOCATED_BYTES: usize = 4;

/// The longest text of a refusal.
const REFUSAL_BYTES: usize = 4096;

impl Record {
    /// About how much memory it takes.
    pub(super) fn len_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Refused(text) => text.len(),
                Self::Code(CompiledFunction { code, relocations, info, counters: _ }) => {
                    let tables = info.pc_map.as_bytes().len()
                        + info.traps.as_bytes().len()
                        + info.calls.as_bytes().len();
                    code.len() + size_of_val(&**relocations) + size_of_val(&*info.unwalkable) + tables
                }
            }
    }

    /// The bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Code(function) => encode_function(function),
            Self::Refused(text) => {
                let mut end = text.len().min(REFUSAL_BYTES);
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                [&[REFUSED], &text.as_bytes()[..end]].concat()
            }
        }
    }

    /// What [`encode`](Self::encode) made bytes of. None if these are not such bytes, or do not fit.
    /// Takes no more memory than a small multiple of their length.
    pub(super) fn decode(bytes: &[u8], shape: &Shape<'_>) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match *kind {
            CODE => decode_function(rest, shape).map(Self::Code),
            REFUSED if rest.len() <= REFUSAL_BYTES => {
                Some(Self::Refused(std::str::from_utf8(rest).ok()?.to_owned()))
            }
            _ => None,
        }
    }
}

fn encode_function(compiled: &CompiledFunction) -> Vec<u8> {
    let CompiledFunction { code, relocations, counters, info } = compiled;
    let FunctionCode { function, is_leaf, prologue_bytes, params_below, memory_count, .. } = info;
    let FunctionCode { pc_map, traps, calls, unwalkable, .. } = info;
    debug_assert!(*params_below == 0 && counters.is_empty(), "code with probes is not kept");
    let tables = [pc_map.as_bytes(), traps.as_bytes(), calls.as_bytes()];
    let table_bytes: usize = tables.iter().map(|table| table.len()).sum();
    let mut bytes = Vec::with_capacity(64 + code.len() + relocations.len() * 8 + table_bytes);
    bytes.push(CODE);
    for number in [*function, u32::from(*is_leaf), *prologue_bytes, *memory_count] {
        write_unsigned(&mut bytes, u64::from(number));
    }
    let lens = [code.len(), relocations.len(), unwalkable.len()];
    for len in lens.into_iter().chain(tables.map(<[u8]>::len)) {
        write_unsigned(&mut bytes, len as u64);
    }
    bytes.extend(code);
    let mut last = 0;
    for Relocation { offset, kind, addend, target } in relocations {
        write_signed(&mut bytes, i64::from(*offset) - last);
        last = i64::from(*offset);
        bytes.push(*kind);
        write_signed(&mut bytes, i64::from(*addend));
        write_unsigned(&mut bytes, slot_number(*target));
    }
    for (start, end) in unwalkable {
        write_unsigned(&mut bytes, u64::from(*start));
        write_unsigned(&mut bytes, u64::from(*end));
    }
    for table in tables {
        bytes.extend(table);
    }
    bytes
}

fn decode_function(bytes: &[u8], shape: &Shape<'_>) -> Option<CompiledFunction> {
    let info = shape.info;
    let mut reader = Reader { bytes, position: 0 };
    let function = reader.u32()?;
    let is_leaf = reader.unsigned()?;
    let [prologue_bytes, memory_count] = [reader.u32()?, reader.u32()?];
    let code_len = reader.u32()?;
    let relocation_count = reader.count(RELOCATION_BYTES)?;
    let range_count = reader.count(RANGE_BYTES)?;
    let table_lens = [reader.count(1)?, reader.count(1)?, reader.count(1)?];
    let is_expected = function == info.imported.functions.checked_add(shape.function)?
        && is_leaf <= 1
        && prologue_bytes <= code_len
        && memory_count as usize == info.memories.len();
    if !is_expected || code_len == 0 {
        return None;
    }
    let code = reader.take(code_len as usize)?.to_vec();
    let mut relocations = Vec::with_capacity(relocation_count);
    let mut offset = 0;
    for _ in 0..relocation_count {
        offset = reader.signed()?.checked_add(offset)?;
        let kind = *reader.take(1)?.first()?;
        let addend = i32::try_from(reader.signed()?).ok()?;
        let target = slot(reader.unsigned()?, info)?;
        let relocation = Relocation { offset: u32::try_from(offset).ok()?, kind, addend, target };
        code.get(relocation.offset as usize..)?.get(..RELOCATED_BYTES)?;
        relocations.push(relocation);
    }
    if !relocations.is_empty() {
        let mut scratch = code.clone();
        relocations.iter().all(|relocation| (shape.relocates)(&mut scratch, relocation)).then_some(())?;
    }
    let mut unwalkable = Vec::with_capacity(range_count);
    let mut last = 0;
    for _ in 0..range_count {
        let (start, end) = (reader.u32()?, reader.u32()?);
        (last <= start && start <= end && end <= code_len).then_some(())?;
        unwalkable.push((start, end));
        last = end;
    }
    let [pc_map, traps, calls] = table_lens.map(|len| reader.take(len));
    let (pc_map, traps, calls) =
        (PcMap::from_bytes(pc_map?), TrapTable::from_bytes(traps?), CallSites::from_bytes(calls?));
    let last_offset = u32::try_from(info.bytes.len()).unwrap_or(u32::MAX);
    let is_sound =
        pc_map.is_sound(code_len, last_offset) && traps.is_sound(code_len) && calls.is_sound(code_len);
    if !is_sound || reader.position != bytes.len() {
        return None;
    }
    let info = FunctionCode {
        function,
        is_leaf: is_leaf == 1,
        prologue_bytes,
        params_below: 0,
        memory_count,
        pc_map,
        traps,
        calls,
        unwalkable: unwalkable.into(),
    };
    Some(CompiledFunction { code, relocations, counters: Vec::new(), info })
}

/// The number of a slot: functions, their plain versions and stubs take turns.
fn slot_number(slot: SlotRef) -> u64 {
    match (slot, slot.stub_number()) {
        (SlotRef::Function(index), _) => u64::from(index) * 3,
        (SlotRef::Plain(index), _) => u64::from(index) * 3 + 1,
        (_, number) => u64::from(number.unwrap_or(u32::MAX)) * 3 + 2,
    }
}

/// The slot with a number, if the module has it.
fn slot(number: u64, info: &ModuleInfo) -> Option<SlotRef> {
    let index = u32::try_from(number / 3).ok()?;
    let slot = match number % 3 {
        0 => SlotRef::Function(index),
        1 => SlotRef::Plain(index),
        _ => SlotRef::of_stub(index)?,
    };
    let exists = match slot {
        SlotRef::Function(index) | SlotRef::Plain(index) => (index as usize) < info.bodies.len(),
        SlotRef::RecordCall(index) | SlotRef::HostCall(index) => (index as usize) < info.types.len(),
        SlotRef::Builtin(_) | SlotRef::TrapExit | SlotRef::Lazy => true,
    };
    exists.then_some(slot)
}

/// Bytes from front to back.
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn unsigned(&mut self) -> Option<u64> {
        read_unsigned(self.bytes, &mut self.position)
    }

    fn signed(&mut self) -> Option<i64> {
        read_signed(self.bytes, &mut self.position)
    }

    fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.unsigned()?).ok()
    }

    /// A number of things that take at least `each` bytes of what is left.
    fn count(&mut self, each: usize) -> Option<usize> {
        let count = usize::try_from(self.unsigned()?).ok()?;
        (count <= (self.bytes.len() - self.position) / each).then_some(count)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.position..)?.get(..len)?;
        self.position += len;
        Some(bytes)
    }
}
