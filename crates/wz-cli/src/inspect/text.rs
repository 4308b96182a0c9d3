//! An [`Inspection`] for people. Whatever the module has a say in is escaped.

use std::fmt::Write as _;
use std::io::IsTerminal;

use super::model::{Export, Function, Import, Inspection, Mode, Place, Signature};
use crate::escape::escape;

/// How many of the largest functions are shown.
const LARGEST_FUNCTIONS: usize = 10;

/// The text.
pub(super) fn of(inspection: &Inspection) -> String {
    let mut printer = Printer { text: String::new(), bold: is_bold() };
    printer.head(inspection);
    printer.list("Types", inspection.types.iter().enumerate(), |(index, ty)| {
        format!("{index:>5}  {}", signature(ty))
    });
    printer.list("Imports", inspection.imports.iter(), |import| import_line(inspection, import));
    printer.list("Exports", inspection.exports.iter(), |export| export_line(inspection, export));
    printer.list("Tables", inspection.tables.iter(), |table| {
        let ty = table_type(table);
        format!("{:>5}  {ty}{}", table.index, place(&table.place))
    });
    printer.list("Memories", inspection.memories.iter(), |memory| {
        let ty = memory_type(memory);
        format!("{:>5}  {ty}{}", memory.index, place(&memory.place))
    });
    printer.list("Globals", inspection.globals.iter(), |global| {
        let ty = global_type(global);
        format!("{:>5}  {ty}{}", global.index, place(&global.place))
    });
    printer.list("Element segments", inspection.elements.iter().enumerate(), |(index, segment)| {
        let mode = mode("table", &segment.mode);
        format!("{index:>5}  {mode}: {} {}", segment.count, segment.element)
    });
    printer.list("Data segments", inspection.data.iter().enumerate(), |(index, segment)| {
        let mode = mode("memory", &segment.mode);
        format!("{index:>5}  {mode}: {} bytes at 0x{:x}", segment.bytes, segment.offset)
    });
    printer.list("Sections", inspection.sections.iter(), |section| {
        let name = section.name.as_ref().map(|name| format!(" \"{}\"", escape(name))).unwrap_or_default();
        let entries = match section.entries {
            None => String::new(),
            Some(1) => ", 1 entry".into(),
            Some(count) => format!(", {count} entries"),
        };
        format!("0x{:<8x} {:>10} bytes  {}{name}{entries}", section.offset, section.bytes, section.kind)
    });
    printer.largest_functions(inspection);
    printer.text
}

fn is_bold() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

struct Printer {
    text: String,
    bold: bool,
}

impl Printer {
    fn heading(&mut self, heading: &str) {
        let _ = if self.bold {
            writeln!(self.text, "\n\x1b[1m{heading}\x1b[0m")
        } else {
            writeln!(self.text, "\n{heading}")
        };
    }

    /// A list with its heading; nothing if it is empty.
    fn list<T>(
        &mut self,
        heading: &str,
        items: impl ExactSizeIterator<Item = T>,
        line: impl Fn(T) -> String,
    ) {
        if items.len() == 0 {
            return;
        }
        self.heading(&format!("{heading} ({})", items.len()));
        for item in items {
            let _ = writeln!(self.text, "  {}", line(item));
        }
    }

    fn head(&mut self, inspection: &Inspection) {
        let file = escape(&inspection.file);
        let name = inspection.name.as_ref().map(|name| format!(" \"{}\"", escape(name))).unwrap_or_default();
        let _ = writeln!(self.text, "{file}: module{name}, {} bytes", inspection.bytes);
        let code = &inspection.code;
        let _ = writeln!(
            self.text,
            "{} functions: {} imported, {} defined with {} bytes of code; {} have names",
            inspection.functions.len(),
            code.imported_functions,
            code.defined_functions,
            code.body_bytes,
            code.named_functions
        );
        if let Some(start) = inspection.start {
            let _ = writeln!(self.text, "Starts with {}", function_name(inspection, start));
        }
    }

    fn largest_functions(&mut self, inspection: &Inspection) {
        let mut largest: Vec<_> =
            inspection.functions.iter().filter_map(|function| Some((function, function.body?))).collect();
        if largest.is_empty() {
            return;
        }
        // Those of one size stay in order.
        largest.sort_by_key(|(_, body)| std::cmp::Reverse(body.bytes));
        largest.truncate(LARGEST_FUNCTIONS);
        self.heading("Largest functions");
        for (function, body) in largest {
            let share = 100.0 * body.bytes as f64 / inspection.code.body_bytes.max(1) as f64;
            let name = function_name(inspection, function.index);
            let _ = writeln!(self.text, "  {:>10} bytes {share:>5.1}%  {name}", body.bytes);
        }
    }
}

fn import_line(inspection: &Inspection, import: &Import) -> String {
    let ty = item_type(inspection, &import.kind, import.index);
    let item = format!("{} {}", import.kind, import.index);
    format!("{item:<10} \"{}\" \"{}\"  {ty}", escape(&import.module), escape(&import.name))
}

fn export_line(inspection: &Inspection, export: &Export) -> String {
    let ty = item_type(inspection, &export.kind, export.index);
    let item = format!("{} {}", export.kind, export.index);
    format!("{item:<10} \"{}\"  {ty}", escape(&export.name))
}

fn item_type(inspection: &Inspection, kind: &str, index: u32) -> String {
    let index = index as usize;
    match kind {
        "func" => signature(&inspection.types[inspection.functions[index].ty as usize]),
        "table" => table_type(&inspection.tables[index]),
        "memory" => memory_type(&inspection.memories[index]),
        _ => global_type(&inspection.globals[index]),
    }
}

fn signature(ty: &Signature) -> String {
    let results = match &ty.results[..] {
        [] => String::new(),
        [one] => format!(" -> {one}"),
        several => format!(" -> ({})", several.join(", ")),
    };
    format!("({}){results}", ty.params.join(", "))
}

fn table_type(table: &super::model::Table) -> String {
    let wide = if table.address == "i64" { ", 64-bit indices" } else { "" };
    format!("{} {}{wide}", table.element, limits(table.min, table.max))
}

fn memory_type(memory: &super::model::Memory) -> String {
    let wide = if memory.address == "i64" { ", 64-bit addresses" } else { "" };
    let shared = if memory.shared { ", shared" } else { "" };
    format!("{} pages{wide}{shared}", limits(memory.min_pages, memory.max_pages))
}

fn global_type(global: &super::model::Global) -> String {
    let mutable = if global.mutable { "mut " } else { "" };
    format!("{mutable}{}", global.ty)
}

fn limits(min: u64, max: Option<u64>) -> String {
    match max {
        Some(max) if max == min => min.to_string(),
        Some(max) => format!("{min} to {max}"),
        None => format!("{min} or more"),
    }
}

fn mode(target: &str, mode: &Mode) -> String {
    match (mode.target, mode.at) {
        (Some(index), Some(at)) => format!("{} {target} {index} at {at}", mode.mode),
        (Some(index), None) => format!("{} {target} {index}", mode.mode),
        (None, _) => mode.mode.to_owned(),
    }
}

fn place(place: &Place) -> String {
    let mut text = String::new();
    if let Some(import) = &place.import {
        let _ = write!(text, "  from \"{}\" \"{}\"", escape(&import.module), escape(&import.name));
    }
    for name in &place.exports {
        let _ = write!(text, "  as \"{}\"", escape(name));
    }
    text
}

/// `func 3 "name"`; functions without a name are known by their import or export.
fn function_name(inspection: &Inspection, index: u32) -> String {
    let function: &Function = &inspection.functions[index as usize];
    match &function.name {
        Some(name) => format!("func {index} \"{}\"", escape(name)),
        None => format!("func {index}{}", place(&function.place)),
    }
}
