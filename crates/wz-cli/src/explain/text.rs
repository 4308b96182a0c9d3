//! A function's operators in the text format, with their offsets.

use std::ops::Range;

use crate::escape::escape;

/// A line of the text format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    /// The offset in the module.
    pub(super) offset: usize,
    /// The operator and its immediates, indented by nesting; escaped.
    pub(super) text: String,
}

/// The operators of the body at `body` of a valid module.
///
/// # Errors
/// If the printer does not know something in the module.
pub(super) fn operators(module: &[u8], body: &Range<usize>) -> Result<Vec<Operator>, String> {
    let mut storage = String::new();
    let mut config = wasmprinter::Config::new();
    let lines = config.name_unnamed(false).offsets_and_lines(module, &mut storage);
    let lines = lines.map_err(|error| escape(&error.to_string()))?;
    let mut operators: Vec<Operator> = lines
        .filter_map(|(offset, line)| {
            let offset = usize::try_from(offset?).ok()?;
            // The body begins with the locals, which are no operators.
            let line = line.trim_end();
            let is_operator = body.contains(&offset) && !line.trim_start().starts_with('(');
            is_operator.then(|| Operator { offset, text: line.to_owned() })
        })
        .collect();
    // The last `end` closes the function; the printer writes a parenthesis instead.
    if let Some(last) = operators.last_mut() {
        let own = last.text.trim_end_matches(')').len();
        last.text.truncate(own);
        if last.text.trim().is_empty() {
            operators.pop();
        }
    }
    let indent = operators.iter().map(|line| line.text.len() - line.text.trim_start().len()).min();
    for operator in &mut operators {
        operator.text = escape(&operator.text[indent.unwrap_or(0)..]);
    }
    Ok(operators)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_offsets_and_keep_their_nesting() {
        let module = wat::parse_str(
            "(module (func) (func (param i32) (local i64)
               block local.get 0 br_if 0 unreachable end) (func nop))",
        )
        .unwrap();
        let info = wz_decode::decode(&module[..], &wz_decode::DecodeOptions::default()).unwrap();
        let operators = operators(&module, &info.bodies[1].range).unwrap();
        let texts: Vec<_> = operators.iter().map(|operator| operator.text.as_str()).collect();
        assert_eq!(texts[0].split(' ').next(), Some("block"), "{texts:?}");
        assert_eq!(&texts[1..], ["  local.get 0", texts[2], "  unreachable", "end"], "{texts:?}");
        assert!(texts[2].starts_with("  br_if 0"), "{texts:?}");
        for (operator, opcode) in operators.iter().zip([0x02, 0x20, 0x0d, 0x00, 0x0b]) {
            assert_eq!(module[operator.offset], opcode, "{operator:?}");
        }
    }
}
