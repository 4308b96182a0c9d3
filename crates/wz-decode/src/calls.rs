//! [`calls`]: the operators of a body that call, without building anything.

use crate::info::ModuleInfo;
use crate::opcode::Opcode;
use crate::walker::{Reader, read_locals};

/// A call in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function that is called, by its index, imports included; none if it is found in a table.
    pub function: Option<u32>,
    /// Whether it ends the caller.
    pub is_tail: bool,
}

/// The calls in a function that has a body, given by its index, imports included, in the order of
/// the operators; those that cannot be reached are among them.
///
/// # Panics
/// If the function is imported or does not exist. If `info` was not made by
/// [`decode`](crate::decode), so that its bodies are not valid.
pub fn calls(info: &ModuleInfo, function: u32) -> impl Iterator<Item = Call> {
    let body = &info.bodies[(function - info.imported.functions) as usize];
    let bytes = &info.bytes[body.range.clone()];
    let mut reader = Reader::new(bytes);
    read_locals(info.function_type(function), &mut reader);
    std::iter::from_fn(move || {
        while reader.position() < bytes.len() {
            match reader.opcode() {
                Opcode::Call => return Some(Call { function: Some(reader.u32()), is_tail: false }),
                Opcode::ReturnCall => return Some(Call { function: Some(reader.u32()), is_tail: true }),
                opcode => {
                    reader.skip_immediates(opcode);
                    let is_tail = opcode == Opcode::ReturnCallIndirect;
                    if is_tail || opcode == Opcode::CallIndirect {
                        return Some(Call { function: None, is_tail });
                    }
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeOptions, decode};

    #[test]
    fn calls_are_found_among_everything_else() {
        let text = r#"(module
            (import "env" "i" (func $i))
            (table 1 funcref)
            (memory 1)
            (func $plain (param i32) (result i64) (local i32 f64 v128)
                (block (loop (br_table 0 1 0 (local.get 0))))
                (drop (i32.const 0x12))
                (drop (v128.const i8x16 0x10 0x11 0x12 0x13 0x10 0x11 0x12 0x13 0 0 0 0 0 0 0 0))
                (drop (f64.const 0x1.2131012131012p+2))
                (memory.copy (i32.const 1) (i32.const 2) (i32.const 3))
                (select (result i64) (i64.load offset=18 (local.get 0)) (i64.const 19) (local.get 0)))
            (func $calls (param i32)
                (call $i)
                (drop (call $plain (local.get 0)))
                (call_indirect (local.get 0))
                (return)
                (call $calls (local.get 0)))
            (func $tail (param i32)
                (if (local.get 0) (then (return_call_indirect (local.get 0))))
                (return_call $calls (local.get 0))))"#;
        let info = decode(wat::parse_str(text).unwrap(), &DecodeOptions::default()).unwrap();
        let found =
            |function| calls(&info, function).map(|call| (call.function, call.is_tail)).collect::<Vec<_>>();
        assert_eq!(found(1), []);
        assert_eq!(found(2), [(Some(0), false), (Some(1), false), (None, false), (Some(2), false)]);
        assert_eq!(found(3), [(None, true), (Some(2), true)]);
        let tells = [0, 1, 2].map(|body: usize| info.bodies[body].makes_tail_calls);
        assert_eq!((tells, info.has_tail_calls), ([false, false, true], true));
    }
}
