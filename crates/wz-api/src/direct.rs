//! Host closures over a few numbers, which engines can call with the values in registers: no slots,
//! no [`Caller`](crate::Caller). What is called is an address, because engines call it from machine
//! code; nothing here calls it.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};
use crate::function::Function;
use crate::sealed::References;
use crate::typed::{HostResults, WasmParams, WasmResults};
use crate::types::{FunctionType, ValueType};
use crate::value::ExternRef;

/// How many parameters such a closure may have. It has one result or none.
pub const DIRECT_PARAMS: usize = 5;

/// A closure that can be called so.
pub trait DirectBody: Send + Sync {
    /// The address of a function with the platform's C convention, which takes the address of this
    /// body and [`DIRECT_PARAMS`] words, and gives a [`DirectResult`]. Words are as in slots.
    fn address(&self) -> usize;
}

/// What a direct call gives.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DirectResult {
    /// 0, or the address of a boxed [`DirectFailure`], which is the caller's.
    pub failure: usize,
    /// The result.
    pub word: u64,
}

/// How a direct call failed.
#[derive(Debug)]
pub enum DirectFailure {
    /// The closure returned an error.
    Error(Error),
    /// It panicked with this.
    Panic(Box<dyn Any + Send>),
}

/// A closure, and the types that it is called with.
pub(crate) struct Typed<Body, Types> {
    pub(crate) body: Body,
    types: PhantomData<fn() -> Types>,
}

impl<Body, Types> Typed<Body, Types> {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, types: PhantomData }
    }
}

/// Whether closures of this type can be called directly.
#[must_use]
pub fn is_direct(ty: &FunctionType) -> bool {
    let is_number =
        |ty: &ValueType| matches!(ty, ValueType::I32 | ValueType::I64 | ValueType::F32 | ValueType::F64);
    let (params, results) = (ty.params(), ty.results());
    params.len() <= DIRECT_PARAMS && results.len() <= 1 && params.iter().chain(results).all(is_number)
}

/// Calls a closure with values from words.
pub(crate) fn call<Params: WasmParams, Results: HostResults>(
    words: [u64; DIRECT_PARAMS],
    body: impl FnOnce(Params) -> Results,
) -> DirectResult {
    let run = || -> Result<u64> {
        let params = Params::load(&words, &Numbers)?;
        let results = body(params).into_result()?;
        let mut word = [0];
        results.store(&mut word, &Numbers)?;
        Ok(word[0])
    };
    let failure = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(word)) => return DirectResult { failure: 0, word },
        Ok(Err(error)) => DirectFailure::Error(error),
        Err(payload) => DirectFailure::Panic(payload),
    };
    DirectResult { failure: Box::into_raw(Box::new(failure)).expose_provenance(), word: 0 }
}

/// Where there are numbers alone, there are no references.
struct Numbers;

fn none<T>() -> Result<T> {
    Err(Error::argument("a reference among numbers"))
}

impl References for Numbers {
    fn function_to_word(&self, _: &Function) -> Result<u64> {
        none()
    }
    fn word_to_function(&self, _: u64) -> Result<Option<Function>> {
        none()
    }
    fn extern_to_word(&self, _: &ExternRef) -> Result<u64> {
        none()
    }
    fn word_to_extern(&self, _: u64) -> Result<Option<ExternRef>> {
        none()
    }
}
