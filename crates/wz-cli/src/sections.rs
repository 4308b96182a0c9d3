//! [`Section`]: where the sections of a module in the binary format are.

use std::ops::Range;

use serde::Serialize;

/// A section of a module.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Section {
    /// The number of its kind, 0 for custom sections.
    pub(crate) id: u8,
    /// The name of its kind.
    pub(crate) kind: &'static str,
    /// A custom section's name.
    pub(crate) name: Option<String>,
    /// Where its content begins: after kind and size.
    pub(crate) offset: usize,
    /// How many bytes the content is, a custom section's name included.
    pub(crate) bytes: usize,
    /// How many entries it says that it has, if it is a list.
    pub(crate) entries: Option<u32>,
}

/// The names of the kinds, in order of their numbers.
const KINDS: [&str; 14] = [
    "custom",
    "type",
    "import",
    "function",
    "table",
    "memory",
    "global",
    "export",
    "start",
    "element",
    "code",
    "data",
    "data count",
    "tag",
];
const CUSTOM: u8 = 0;
const START: u8 = 8;

/// The bytes before the first section.
const PREAMBLE_BYTES: usize = 8;

/// The sections of a valid module, in order.
pub(crate) fn sections(module: &[u8]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut at = PREAMBLE_BYTES;
    while let Some((section, end)) = section(module, at) {
        sections.push(section);
        at = end;
    }
    sections
}

/// The section that begins at `at`, and where it ends.
fn section(module: &[u8], at: usize) -> Option<(Section, usize)> {
    let id = *module.get(at)?;
    let (bytes, offset) = read_u32(module, at + 1)?;
    let bytes = bytes as usize;
    let end = offset.checked_add(bytes).filter(|end| *end <= module.len())?;
    let content = &module[..end];
    let name = (id == CUSTOM).then(|| read_name(content, offset)).flatten();
    let entries = (id != CUSTOM && id != START).then(|| read_u32(content, offset)).flatten();
    let kind = KINDS.get(usize::from(id)).copied().unwrap_or("unknown");
    Some((Section { id, kind, name, offset, bytes, entries: entries.map(|(count, _)| count) }, end))
}

fn read_name(bytes: &[u8], at: usize) -> Option<String> {
    let (len, start) = read_u32(bytes, at)?;
    let range = Range { start, end: start.checked_add(len as usize)? };
    Some(String::from_utf8_lossy(bytes.get(range)?).into_owned())
}

/// A number in LEB128, and where it ends.
fn read_u32(bytes: &[u8], mut at: usize) -> Option<(u32, usize)> {
    let mut value: u64 = 0;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, name, offset, size, entries.
    type Shown<'a> = (&'a str, Option<&'a str>, usize, usize, Option<u32>);

    #[track_caller]
    fn check(bytes: &[u8], expected: &[Shown<'_>]) {
        let module = [b"\0asm\x01\0\0\0", bytes].concat();
        let given = sections(&module);
        let given: Vec<_> = given
            .iter()
            .map(|section| {
                (section.kind, section.name.as_deref(), section.offset, section.bytes, section.entries)
            })
            .collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn layouts() {
        check(b"", &[]);
        check(b"\x05\x03\x01\x00\x01", &[("memory", None, 10, 3, Some(1))]);
        check(
            b"\x00\x85\x80\x00\x03abcZ\x08\x01\x00\x00\x01\x00",
            &[
                ("custom", Some("abc"), 12, 5, None),
                ("start", None, 19, 1, None),
                ("custom", Some(""), 22, 1, None),
            ],
        );
        // What is cut off or too long is left out.
        check(b"\x05\x03\x01\x00", &[]);
        check(b"\x05\xff\xff\xff\xff\x0f\x00", &[]);
        check(b"\x05\xff\xff\xff\xff\xff\x00", &[]);
    }
}
