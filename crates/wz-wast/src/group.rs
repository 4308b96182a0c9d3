//! [`Group`]: the part of WebAssembly that a script tests, from its path; and which groups belong
//! to proposals that wz does not have.

use crate::unsupported::Unsupported;

/// A part of the specification's test suite, by the name of the proposal that it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(&'static str);

/// Every group with what it needs that wz does not have, in the order in which tables print them.
const GROUPS: &[(&str, Option<Unsupported>)] = &[
    ("core", None),
    ("core-1.0", None),
    ("core-2.0", None),
    ("mutable-global", None),
    ("sign-extension-ops", None),
    ("multi-value", None),
    ("nontrapping-float-to-int-conversions", None),
    ("reference-types", None),
    ("bulk-memory", None),
    ("simd", None),
    ("extended-const", None),
    ("tail-call", None),
    ("multi-memory", None),
    ("memory64", None),
    ("relaxed-simd", None),
    ("annotations", None),
    ("custom", Some(Unsupported::Custom)),
    ("function-references", Some(Unsupported::FunctionReferences)),
    ("gc", Some(Unsupported::Gc)),
    ("exceptions", Some(Unsupported::Exceptions)),
    ("threads", Some(Unsupported::Threads)),
    ("custom-page-sizes", Some(Unsupported::CustomPageSizes)),
    ("wide-arithmetic", Some(Unsupported::WideArithmetic)),
    ("custom-descriptors", Some(Unsupported::CustomDescriptors)),
    ("legacy", Some(Unsupported::Legacy)),
];

/// The scripts of proposals that the official repository keeps next to those of the core.
const FLAT: &[(&str, &[&str])] = &[
    ("tail-call", &["return_call", "return_call_indirect"]),
    (
        "bulk-memory",
        &[
            "bulk",
            "memory_copy",
            "memory_fill",
            "memory_init",
            "table-sub",
            "table_copy",
            "table_fill",
            "table_init",
        ],
    ),
    (
        "memory64",
        &[
            "address64",
            "align64",
            "binary_leb128_64",
            "bulk64",
            "call_indirect64",
            "endianness64",
            "float_memory64",
            "load64",
            "memory64",
            "memory64-imports",
            "memory_copy64",
            "memory_fill64",
            "memory_grow64",
            "memory_init64",
            "memory_redundancy64",
            "memory_trap64",
            "table64",
            "table_copy64",
            "table_copy_mixed",
            "table_fill64",
            "table_get64",
            "table_grow64",
            "table_init64",
            "table_set64",
            "table_size64",
        ],
    ),
    (
        "multi-memory",
        &[
            "address0",
            "address1",
            "align0",
            "binary0",
            "data0",
            "data1",
            "data_drop0",
            "exports0",
            "float_exprs0",
            "float_exprs1",
            "float_memory0",
            "imports0",
            "imports1",
            "imports2",
            "imports3",
            "imports4",
            "linking0",
            "linking1",
            "linking2",
            "linking3",
            "load0",
            "load1",
            "load2",
            "memory-multi",
            "memory_copy0",
            "memory_copy1",
            "memory_fill0",
            "memory_init0",
            "memory_size0",
            "memory_size1",
            "memory_size2",
            "memory_size3",
            "memory_size_import",
            "memory_trap0",
            "memory_trap1",
            "start0",
            "store0",
            "store1",
            "store2",
            "traps0",
        ],
    ),
    (
        "relaxed-simd",
        &[
            "i16x8_relaxed_q15mulr_s",
            "i32x4_relaxed_trunc",
            "i8x16_relaxed_swizzle",
            "relaxed_dot_product",
            "relaxed_laneselect",
            "relaxed_madd_nmadd",
            "relaxed_min_max",
        ],
    ),
    ("annotations", &["annotations"]),
    (
        "function-references",
        &[
            "br_on_non_null",
            "br_on_null",
            "call_ref",
            "local_init",
            "ref",
            "ref_as_non_null",
            "return_call_ref",
            "type-canon",
            "type-equivalence",
            "type-rec",
        ],
    ),
    (
        "gc",
        &[
            "array",
            "array_copy",
            "array_fill",
            "array_init_data",
            "array_init_elem",
            "array_new_data",
            "array_new_elem",
            "binary-gc",
            "br_on_cast",
            "br_on_cast_fail",
            "extern",
            "i31",
            "ref_cast",
            "ref_eq",
            "ref_test",
            "struct",
            "type-subtyping",
        ],
    ),
    ("exceptions", &["tag", "throw", "throw_ref", "try_table"]),
];

impl Group {
    /// Every group, in the order in which tables print them.
    pub fn all() -> impl Iterator<Item = Self> {
        GROUPS.iter().map(|(name, _)| Self(name))
    }

    /// The group of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|group| group.0 == name)
    }

    /// The group of a script, from its path with `/` between the parts: the innermost folder that
    /// is named as a group, else the name of the file.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        let mut parts = path.rsplit('/');
        let file = parts.next().unwrap_or(path);
        let stem = file.strip_suffix(".wast").unwrap_or(file);
        let folder = parts.find_map(|folder| match folder {
            "wasm-v1" => Self::from_name("core-1.0"),
            "wasm-v2" => Self::from_name("core-2.0"),
            "exception-handling" => Self::from_name("exceptions"),
            // The specification's own repository calls the folder of everything `core`.
            "core" => None,
            folder => Self::from_name(folder),
        });
        folder.unwrap_or_else(|| Self::of_flat_name(stem))
    }

    fn of_flat_name(stem: &str) -> Self {
        if stem.starts_with("simd_") {
            return Self("simd");
        }
        let proposal = FLAT.iter().find(|(_, stems)| stems.contains(&stem));
        Self(proposal.map_or("core", |(name, _)| name))
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }

    /// What the whole group needs that wz does not have.
    #[must_use]
    pub fn unsupported(self) -> Option<Unsupported> {
        GROUPS.iter().find(|(name, _)| *name == self.0)?.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_groups() {
        for (path, group) in [
            ("i32.wast", "core"),
            ("simd_lane.wast", "simd"),
            ("test/core/simd/simd_lane.wast", "simd"),
            ("test/core/i32.wast", "core"),
            ("proposals/threads/atomic.wast", "threads"),
            ("proposals/exception-handling/core/i32.wast", "exceptions"),
            ("wasm-latest/table_init.wast", "bulk-memory"),
            ("wasm-v2/table_init.wast", "core-2.0"),
            ("return_call.wast", "tail-call"),
            ("return_call_ref.wast", "function-references"),
            ("memory_size_import.wast", "multi-memory"),
            ("table_copy_mixed.wast", "memory64"),
        ] {
            assert_eq!(Group::of_path(path).name(), group, "{path}");
        }
    }

    #[test]
    fn every_listed_name_is_a_group() {
        for (name, _) in FLAT {
            assert!(Group::from_name(name).is_some(), "{name}");
        }
    }
}
