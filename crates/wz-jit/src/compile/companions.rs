//! [`companions`]: what is compiled along with a function that is called first.
//!
//! A batch has pages of its own. Where the code of a function leaves much of its last page empty,
//! that takes small functions that it calls: likely to be called next, quick to compile, and near.

use wz_decode::{ModuleInfo, calls};

use crate::runtime::page_size;

/// About how much code a byte of a body becomes.
const CODE_PER_BYTE: usize = 6;

/// The longest body that is compiled along.
const LARGEST_BYTES: usize = 96;

/// How many are compiled along at most.
const MOST: usize = 8;

/// The companions of a defined function whose code is so long.
pub(super) fn companions(info: &ModuleInfo, function: u32, code_bytes: usize) -> Vec<u32> {
    let mut room = code_bytes.next_multiple_of(page_size()) - code_bytes;
    let imported = info.imported.functions;
    let mut found: Vec<u32> = Vec::new();
    for call in calls(info, imported + function) {
        if room < CODE_PER_BYTE * 8 || found.len() >= MOST {
            break;
        }
        let Some(callee) = call.function.and_then(|callee| callee.checked_sub(imported)) else { continue };
        let body_bytes = info.bodies[callee as usize].range.len();
        let needed = body_bytes * CODE_PER_BYTE;
        if callee != function && body_bytes <= LARGEST_BYTES && needed <= room && !found.contains(&callee) {
            room -= needed;
            found.push(callee);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::decoded;

    #[test]
    fn small_callees_fill_the_page() {
        let large = "(drop (i32.const 1000000))".repeat(100);
        let text = format!(
            "(module (import \"\" \"\" (func $i))
                (func $f (call $i) (call $g) (call $large) (call $h) (call $g) (call $f))
                (func $g) (func $large {large}) (func $h))"
        );
        let info = decoded(&wat::parse_str(text).expect("a module"));
        assert_eq!(companions(&info, 0, 100), [1, 3]);
        assert_eq!(companions(&info, 0, page_size()), []);
        assert_eq!(companions(&info, 1, 100), []);
    }
}
