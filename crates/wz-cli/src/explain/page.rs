//! [`Page`]: what `wz explain` prints.

use std::fmt;
use std::ops::Range;

use wz::{CodeLine, CodeListing};

use super::source_lines::{SourceLine, SourceLines};
use super::text::Operator;
use crate::escape::escape;

/// The widest that the column of operators gets; longer ones go beyond it.
const MAX_OPERATOR_WIDTH: usize = 44;

/// A function.
pub(super) struct Page<'a> {
    /// Its name and type; escaped.
    pub(super) title: String,
    /// Where its body is in the module.
    pub(super) body: Range<usize>,
    /// Where the body of the Code section begins.
    pub(super) code_start: usize,
    /// Its operators, in order.
    pub(super) operators: Vec<Operator>,
    /// Where they come from.
    pub(super) source: Option<SourceLines<'a>>,
    /// What they became.
    pub(super) code: Option<CodeListing>,
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        write!(f, "body at {:#x}, {} bytes", self.body.start, self.body.len())?;
        match &self.code {
            Some(code) => writeln!(f, "; {}: {}", code.language, escape(&code.summary))?,
            None => writeln!(f)?,
        }
        let width = self.operators.iter().map(|operator| operator.text.chars().count()).max();
        let width = width.unwrap_or(0).min(MAX_OPERATOR_WIDTH);
        let digits = format!("{:x}", self.body.end).len();
        let mut code = self.code_by_operator();
        // What belongs to no operator, or to the function's beginning, comes first.
        let first = self.operators.first().map_or(u32::MAX, |operator| self.code_offset(operator));
        let mut line = None;
        for entry in take_before(&mut code, first) {
            writeln!(f, "  {:digits$}  {:width$} | {}", "", "", instruction(entry))?;
        }
        for (index, operator) in self.operators.iter().enumerate() {
            self.write_source(f, self.code_offset(operator), &mut line)?;
            let next = self.operators.get(index + 1).map_or(u32::MAX, |next| self.code_offset(next));
            let row = format!("  {:0digits$x}  {:width$}", operator.offset, operator.text);
            let mut entries = take_before(&mut code, next).into_iter();
            match entries.next() {
                Some(entry) => writeln!(f, "{row} | {}", instruction(entry))?,
                None => writeln!(f, "{}", row.trim_end())?,
            }
            for entry in entries {
                writeln!(f, "  {:digits$}  {:width$} | {}", "", "", instruction(entry))?;
            }
        }
        Ok(())
    }
}

impl Page<'_> {
    fn code_offset(&self, operator: &Operator) -> u32 {
        u32::try_from(operator.offset - self.code_start).unwrap_or(u32::MAX)
    }

    /// The instructions by the operators they come from, each operator's by address.
    fn code_by_operator(&self) -> Vec<&CodeLine> {
        let lines = self.code.iter().flat_map(|code| &code.lines);
        let mut lines: Vec<&CodeLine> = lines.collect();
        lines.sort_by_key(|line| (line.code_offset, line.address));
        lines.reverse();
        lines
    }

    /// Writes where an operator comes from, if that is another line than the one before.
    fn write_source(
        &self,
        f: &mut fmt::Formatter<'_>,
        code_offset: u32,
        last: &mut Option<SourceLine>,
    ) -> fmt::Result {
        let Some(source) = &self.source else { return Ok(()) };
        let Some(line) = source.at(code_offset) else { return Ok(()) };
        if last.as_ref() != Some(&line) {
            write!(f, "{}:{}", escape(&line.file), line.line)?;
            match source.text(&line) {
                Some(text) => writeln!(f, ":  {}", escape(text.trim()))?,
                None => writeln!(f)?,
            }
            *last = Some(line);
        }
        Ok(())
    }
}

/// Takes the instructions of operators before `end` off the back.
fn take_before<'c>(code: &mut Vec<&'c CodeLine>, end: u32) -> Vec<&'c CodeLine> {
    let mut taken = Vec::new();
    while let Some(line) = code.pop_if(|line| line.code_offset.is_none_or(|offset| offset < end)) {
        taken.push(line);
    }
    taken
}

/// An instruction: where it is, its bytes if it is machine code, and its text.
fn instruction(line: &CodeLine) -> String {
    let mark = if line.is_target { ':' } else { ' ' };
    if line.bytes.is_empty() {
        return format!("{:5}{mark} {}", line.address, escape(&line.text));
    }
    let bytes: Vec<_> = line.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{:5x}{mark} {:<30} {}", line.address, bytes.join(" "), escape(&line.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(address: u64, code_offset: Option<u32>, bytes: &[u8], text: &str) -> CodeLine {
        CodeLine { address, code_offset, is_target: address == 4, bytes: bytes.to_vec(), text: text.into() }
    }

    #[test]
    fn machine_code_stands_beside_its_operator() {
        let operator = |offset, text: &str| Operator { offset, text: text.into() };
        let lines = vec![
            line(0, None, &[0x55], "push rbp"),
            line(1, Some(12), &[0x48, 0x01, 0xf7], "add rdi, rsi"),
            line(4, Some(13), &[0xc3], "ret"),
            line(5, Some(12), &[0x0f, 0x0b], "ud2"),
        ];
        let page = Page {
            title: "func[0] m.f()".into(),
            body: 110..114,
            code_start: 100,
            operators: vec![operator(111, "local.get 0"), operator(112, "i32.add"), operator(113, "end")],
            source: None,
            code: Some(CodeListing { language: "x86-64", summary: "6 bytes".into(), lines }),
        };
        assert_eq!(
            page.to_string(),
            "func[0] m.f()\nbody at 0x6e, 4 bytes; x86-64: 6 bytes\n                  |     0  55                             push rbp\n  6f  local.get 0\n  70  i32.add     |     1  48 01 f7                       add rdi, rsi\n                  |     5  0f 0b                          ud2\n  71  end         |     4: c3                             ret\n"
        );
    }
}
