//! The custom sections of a module, as ranges of its bytes.

use std::ops::Range;

/// Every custom section's name and the range of its data, in order. What is malformed ends it.
pub(crate) fn custom_sections(bytes: &[u8]) -> Vec<(&str, Range<usize>)> {
    let mut list = Vec::new();
    let mut at = 8;
    while let Some((name, range, end)) = section(bytes, at) {
        if let Some(name) = name {
            list.push((name, range));
        }
        at = end;
    }
    list
}

/// The section at a position: its name if it is a custom one, its data, and where the next begins.
fn section(bytes: &[u8], mut at: usize) -> Option<(Option<&str>, Range<usize>, usize)> {
    let id = *bytes.get(at)?;
    at += 1;
    let len = number(bytes, &mut at)?;
    let end = at.checked_add(len).filter(|end| *end <= bytes.len())?;
    if id != 0 {
        return Some((None, at..end, end));
    }
    let name_len = number(bytes, &mut at)?;
    let data = at.checked_add(name_len).filter(|data| *data <= end)?;
    Some((Some(std::str::from_utf8(&bytes[at..data]).ok()?), data..end, end))
}

/// An unsigned LEB128 number of 32 bits.
fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0_u32;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return usize::try_from(value).ok();
        }
    }
    None
}
