//! [`CallFormat`]: how the parameters and results of one function are shown.

use std::fmt::Write;
use std::sync::Arc;

use wz_api::{FunctionDefinition, Memory, Module, ValueType};

use super::wasi::{self, Meaning, Out};

/// Shows the parameters and results of one function: with their names where the module has them,
/// and those of WASI by their meaning (texts, flags, error numbers, what was written to memory).
#[derive(Clone, Debug)]
pub struct CallFormat {
    params: Vec<Item>,
    results: Vec<Item>,
}

#[derive(Clone, Debug)]
struct Item {
    name: Arc<str>,
    ty: ValueType,
    /// The first of its words.
    slot: usize,
    /// None: a plain value.
    meaning: Option<Meaning>,
}

/// A parameter or result of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name; empty if it is unknown.
    pub name: &'a str,
    /// The type of a plain value, `None` if the text says what a value means.
    pub ty: Option<ValueType>,
    /// The value on one line, without anything that drives terminals.
    pub text: String,
}

impl CallFormat {
    /// How calls of this function are shown.
    #[must_use]
    pub fn new(definition: &FunctionDefinition) -> Self {
        let is_wasi = wasi::is_wasi(definition);
        let items = |types: &[ValueType], names: &[Arc<str>], meaning: &dyn Fn(&str) -> Option<Meaning>| {
            let mut slot = 0;
            let item = |(position, ty): (usize, &ValueType)| {
                let name = names.get(position).cloned().unwrap_or_default();
                let meaning = meaning(&name);
                // The names of where results go say so; they are shown without that.
                let name = name.strip_prefix("result.").map_or(name.clone(), Arc::from);
                let item = Item { name, ty: *ty, slot, meaning };
                slot += ty.slots();
                item
            };
            types.iter().enumerate().map(item).collect()
        };
        let function = definition.name();
        Self {
            params: items(definition.param_types(), definition.param_names(), &|name| {
                is_wasi.then(|| wasi::param(function, name))
            }),
            results: items(definition.result_types(), definition.result_names(), &|name| {
                is_wasi.then(|| wasi::result(name))
            }),
        }
    }

    /// The parameters of a call: those that say where results go are left out.
    #[must_use]
    pub fn params<'a>(&'a self, module: &Module, params: &[u64]) -> Vec<Field<'a>> {
        let memory = self.reads_memory().then(|| module.memory()).flatten();
        let shown = self.params.iter().filter_map(|item| {
            let word = *params.get(item.slot)?;
            let mut text = String::new();
            match item.meaning {
                None => write_value(&mut text, item.ty, &params[item.slot..]),
                Some(Meaning::Number) => write_value(&mut text, item.ty, &params[item.slot..]),
                Some(Meaning::Unsigned) => _ = write!(text, "{word}"),
                Some(Meaning::Choice(names)) => wasi::write_choice(&mut text, names, word),
                Some(Meaning::Flags(names)) => wasi::write_flags(&mut text, names, word),
                Some(Meaning::Text) => {
                    let len = params.get(item.slot + 1).copied().unwrap_or(0);
                    wasi::write_text(&mut text, memory.as_ref(), word, len);
                }
                Some(Meaning::TextLength | Meaning::Out(_)) => return None,
            }
            Some(item.field(text))
        });
        shown.collect()
    }

    /// The results of a call, those that were written to memory first. After a call of WASI that
    /// failed, these are empty.
    #[must_use]
    pub fn results<'a>(&'a self, module: &Module, params: &[u64], results: &[u64]) -> Vec<Field<'a>> {
        let memory = self.reads_memory().then(|| module.memory()).flatten();
        let succeeded = results.first() == Some(&0);
        let written = self.params.iter().filter_map(|item| {
            let Some(Meaning::Out(out)) = item.meaning else { return None };
            (out != Out::TextLength)
                .then(|| item.field(self.out(item, out, memory.as_ref(), params, succeeded)))
        });
        let returned = self.results.iter().filter_map(|item| {
            let mut text = String::new();
            let words = results.get(item.slot..item.slot + item.ty.slots())?;
            match item.meaning {
                Some(Meaning::Choice(names)) => wasi::write_choice(&mut text, names, words[0]),
                _ => write_value(&mut text, item.ty, words),
            }
            Some(item.field(text))
        });
        written.chain(returned).collect()
    }

    /// Whether [`results`](Self::results) looks at the parameters.
    #[must_use]
    pub fn results_need_params(&self) -> bool {
        self.params.iter().any(|item| matches!(item.meaning, Some(Meaning::Out(_))))
    }

    fn reads_memory(&self) -> bool {
        self.params.iter().any(|item| matches!(item.meaning, Some(Meaning::Out(_) | Meaning::Text)))
    }

    fn out(&self, item: &Item, out: Out, memory: Option<&Memory>, params: &[u64], succeeded: bool) -> String {
        let mut text = String::new();
        if let Some(at) = params.get(item.slot)
            && succeeded
        {
            let len = params.get(item.slot + 1).copied().unwrap_or(0);
            wasi::write_out(&mut text, out, memory, *at, len);
        }
        text
    }
}

impl Item {
    fn field(&self, text: String) -> Field<'_> {
        let ty = self.meaning.is_none().then_some(self.ty);
        Field { name: &self.name, ty, text }
    }
}

/// Writes a value as the text format has it, references as `null` or their opaque word.
fn write_value(text: &mut String, ty: ValueType, words: &[u64]) {
    let word = words[0];
    let _ = match ty {
        ValueType::I32 => write!(text, "{}", wz_api::decode_i32(word)),
        ValueType::I64 => write!(text, "{}", wz_api::decode_i64(word)),
        ValueType::F32 => write!(text, "{}", wz_api::decode_f32(word)),
        ValueType::F64 => write!(text, "{}", wz_api::decode_f64(word)),
        ValueType::V128 => write!(text, "0x{:016x}{word:016x}", words.get(1).copied().unwrap_or(0)),
        _ if word == 0 => write!(text, "null"),
        _ => write!(text, "0x{word:016x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_their_types() {
        let check = |ty, words: &[u64], expected: &str| {
            let mut text = String::new();
            write_value(&mut text, ty, words);
            assert_eq!(text, expected);
        };
        check(ValueType::I32, &[0xffff_ffff], "-1");
        check(ValueType::I64, &[u64::MAX], "-1");
        check(ValueType::F32, &[u64::from(1.5_f32.to_bits())], "1.5");
        check(ValueType::F64, &[f64::NAN.to_bits()], "NaN");
        check(ValueType::V128, &[1, 2], "0x00000000000000020000000000000001");
        check(ValueType::FuncRef, &[0], "null");
        check(ValueType::ExternRef, &[16], "0x0000000000000010");
    }
}
