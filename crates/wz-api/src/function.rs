//! The [`Function`] handle and its typed variant.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::context::Context;
use crate::definition::FunctionDefinition;
use crate::error::{Error, Result};
use crate::module::Module;
use crate::sealed::{FunctionInner, References};
use crate::typed::{WasmParams, WasmResults};
use crate::types::FunctionType;
use crate::value::{V128, Value};

/// A function of an instance. Cheap to clone, `Send + Sync`, may be called by several threads
/// at once.
#[derive(Clone)]
pub struct Function {
    inner: Arc<dyn FunctionInner>,
}

impl Function {
    /// Wraps what an engine provides.
    #[doc(hidden)]
    pub fn from_inner(inner: Arc<dyn FunctionInner>) -> Self {
        Self { inner }
    }

    /// What is behind the handle.
    #[doc(hidden)]
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn FunctionInner> {
        &self.inner
    }

    /// What the defining module says of this function.
    #[must_use]
    pub fn definition(&self) -> &FunctionDefinition {
        self.inner.definition()
    }

    /// The function's type.
    #[must_use]
    pub fn ty(&self) -> &FunctionType {
        self.definition().ty()
    }

    /// The instance that defines the function, none for host functions.
    #[must_use]
    pub fn module(&self) -> Option<Module> {
        self.inner.module()
    }

    /// Calls with words as parameters and gives the results as words. Parameters and results of
    /// type `v128` are two words, low half first. References are opaque words: those that a
    /// listener or raw host function saw of the same runtime, or 0 for null.
    ///
    /// # Errors
    /// A wrong number of words, a trap, an error of a host function, or the module's exit.
    pub fn call(&self, params: &[u64]) -> Result<Vec<u64>> {
        self.call_with(&Context::background(), params)
    }

    /// As [`call`](Self::call), in a context.
    ///
    /// # Errors
    /// See [`call`](Self::call).
    pub fn call_with(&self, cx: &Context, params: &[u64]) -> Result<Vec<u64>> {
        let ty = self.ty();
        if params.len() != ty.param_slots() {
            return Err(arity_error(ty.param_slots(), params.len()));
        }
        let mut stack = vec![0; ty.stack_slots()];
        stack[..params.len()].copy_from_slice(params);
        let results = ty.result_slots();
        self.inner.call(cx, &mut stack)?;
        stack.truncate(results);
        Ok(stack)
    }

    /// Calls without allocating: the parameters are taken from the start of `stack`, the results
    /// are left there.
    ///
    /// # Errors
    /// A stack shorter than the parameters or the results, and see [`call`](Self::call). After
    /// an error the stack's content is unspecified.
    pub fn call_with_stack(&self, stack: &mut [u64]) -> Result<()> {
        self.call_with_stack_with(&Context::background(), stack)
    }

    /// As [`call_with_stack`](Self::call_with_stack), in a context.
    ///
    /// # Errors
    /// See [`call_with_stack`](Self::call_with_stack).
    pub fn call_with_stack_with(&self, cx: &Context, stack: &mut [u64]) -> Result<()> {
        let ty = self.ty();
        let (params, needed) = (ty.param_slots(), ty.stack_slots());
        if stack.len() < needed {
            let what = if params >= needed { "params" } else { "results" };
            return Err(Error::argument(format!("need {needed} {what}, but stack size is {}", stack.len())));
        }
        self.inner.call(cx, &mut stack[..needed])
    }

    /// Calls with typed values.
    ///
    /// # Errors
    /// A wrong number or type of values, a reference of another runtime, and see
    /// [`call`](Self::call).
    pub fn call_values(&self, params: &[Value]) -> Result<Vec<Value>> {
        self.call_values_with(&Context::background(), params)
    }

    /// As [`call_values`](Self::call_values), in a context.
    ///
    /// # Errors
    /// See [`call_values`](Self::call_values).
    pub fn call_values_with(&self, cx: &Context, params: &[Value]) -> Result<Vec<Value>> {
        let ty = self.ty();
        if params.len() != ty.params().len() {
            return Err(arity_error(ty.params().len(), params.len()));
        }
        let mut stack = vec![0; ty.stack_slots()];
        let mut at = 0;
        for (position, (value, expected)) in params.iter().zip(ty.params()).enumerate() {
            if value.ty() != *expected {
                return Err(Error::argument(format!(
                    "param {position}: expected {expected}, but passed {}",
                    value.ty()
                )));
            }
            at += encode_value(value, &mut stack[at..], &*self.inner)?;
        }
        self.inner.call(cx, &mut stack)?;
        let mut at = 0;
        ty.results()
            .iter()
            .map(|ty| {
                let value = decode_value(*ty, &stack[at..], &*self.inner)?;
                at += ty.slots();
                Ok(value)
            })
            .collect()
    }

    /// A handle whose types are checked now instead of at every call.
    ///
    /// # Errors
    /// If the function's type is another one.
    pub fn typed<P: WasmParams, R: WasmResults>(&self) -> Result<TypedFunction<P, R>> {
        let given = FunctionType::new(P::types(), R::types());
        if given != *self.ty() {
            return Err(Error::argument(format!(
                "func[{}]: signature mismatch: {given} != {}",
                self.definition().debug_name(),
                self.ty()
            )));
        }
        Ok(TypedFunction { function: self.clone(), types: PhantomData })
    }

    /// Whether both handles are of one function.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.inner.identity() == other.inner.identity()
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function[{:?}]", self.definition())
    }
}

/// A [`Function`] whose parameter and result types were checked once.
pub struct TypedFunction<P, R> {
    function: Function,
    types: PhantomData<fn(P) -> R>,
}

impl<P: WasmParams, R: WasmResults> TypedFunction<P, R> {
    /// Calls.
    ///
    /// # Errors
    /// A trap, an error of a host function, the module's exit, or a reference of another runtime.
    pub fn call(&self, params: P) -> Result<R> {
        self.call_with(&Context::background(), params)
    }

    /// As [`call`](Self::call), in a context.
    ///
    /// # Errors
    /// See [`call`](Self::call).
    pub fn call_with(&self, cx: &Context, params: P) -> Result<R> {
        let slots = const { if P::SLOTS > R::SLOTS { P::SLOTS } else { R::SLOTS } };
        if slots <= 4 {
            self.call_on(cx, params, &mut [0; 4][..slots])
        } else {
            self.call_on(cx, params, &mut [0; 2 * crate::typed::MAX_ARITY][..slots])
        }
    }

    fn call_on(&self, cx: &Context, params: P, stack: &mut [u64]) -> Result<R> {
        let inner = &*self.function.inner;
        params.store(stack, inner)?;
        inner.call(cx, stack)?;
        R::load(stack, inner)
    }

    /// The untyped handle.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.function
    }
}

impl<P, R> Clone for TypedFunction<P, R> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), types: PhantomData }
    }
}

impl<P, R> fmt::Debug for TypedFunction<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.function.fmt(f)
    }
}

#[cold]
fn arity_error(expected: usize, passed: usize) -> Error {
    Error::argument(format!("expected {expected} params, but passed {passed}"))
}

/// Writes `value` to the start of `slots` and gives how many it took.
///
/// # Errors
/// If a reference is of another runtime.
#[doc(hidden)]
pub fn encode_value<C: References + ?Sized>(value: &Value, slots: &mut [u64], cx: &C) -> Result<usize> {
    match value {
        Value::I32(value) => slots[0] = crate::encode_i32(*value),
        Value::I64(value) => slots[0] = crate::encode_i64(*value),
        Value::F32(value) => slots[0] = crate::encode_f32(*value),
        Value::F64(value) => slots[0] = crate::encode_f64(*value),
        Value::V128(V128(value)) => slots[..2].copy_from_slice(&crate::encode_v128(*value)),
        Value::FuncRef(None) | Value::ExternRef(None) => slots[0] = 0,
        Value::FuncRef(Some(function)) => slots[0] = cx.function_to_word(function)?,
        Value::ExternRef(Some(value)) => slots[0] = cx.extern_to_word(value)?,
    }
    Ok(value.ty().slots())
}

/// Reads a value of type `ty` from the start of `slots`.
///
/// # Errors
/// If a reference's word is none of the runtime's.
#[doc(hidden)]
pub fn decode_value<C: References + ?Sized>(ty: crate::ValueType, slots: &[u64], cx: &C) -> Result<Value> {
    use crate::ValueType;
    Ok(match ty {
        ValueType::I32 => Value::I32(crate::decode_i32(slots[0])),
        ValueType::I64 => Value::I64(crate::decode_i64(slots[0])),
        ValueType::F32 => Value::F32(crate::decode_f32(slots[0])),
        ValueType::F64 => Value::F64(crate::decode_f64(slots[0])),
        ValueType::V128 => Value::V128(V128(crate::decode_v128([slots[0], slots[1]]))),
        ValueType::FuncRef => Value::FuncRef(cx.word_to_function(slots[0])?),
        ValueType::ExternRef => Value::ExternRef(cx.word_to_extern(slots[0])?),
    })
}
