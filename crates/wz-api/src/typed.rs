//! Rust types as WebAssembly types: what typed calls and typed host closures accept.
//! Sealed in effect: the set of types is fixed by the value types.

use std::sync::Arc;

use crate::context::Context;
use crate::direct::{self, DirectBody, DirectResult, Typed, is_direct};
use crate::error::{Error, Result};
use crate::function::Function;
use crate::host::{Caller, HostBody};
use crate::sealed::References;
use crate::types::{FunctionType, ValueType};
use crate::value::{ExternRef, V128};

/// The largest number of parameters or results of typed functions and closures.
pub const MAX_ARITY: usize = 16;

/// A Rust type that stands for one value type.
pub trait WasmType: Sized + 'static {
    /// The value type.
    const TYPE: ValueType;

    /// Writes the value to the start of `slots`.
    ///
    /// # Errors
    /// If a reference is of another runtime.
    #[doc(hidden)]
    fn store<C: References + ?Sized>(self, slots: &mut [u64], cx: &C) -> Result<()>;

    /// Reads a value from the start of `slots`.
    ///
    /// # Errors
    /// If a reference's word is none of the runtime's.
    #[doc(hidden)]
    fn load<C: References + ?Sized>(slots: &[u64], cx: &C) -> Result<Self>;
}

macro_rules! numbers {
    ($($rust:ty => $ty:ident, $encode:expr, $decode:expr;)*) => {$(
        impl WasmType for $rust {
            const TYPE: ValueType = ValueType::$ty;
            #[inline]
            fn store<C: References + ?Sized>(self, slots: &mut [u64], _: &C) -> Result<()> {
                slots[0] = $encode(self);
                Ok(())
            }
            #[inline]
            fn load<C: References + ?Sized>(slots: &[u64], _: &C) -> Result<Self> {
                Ok($decode(slots[0]))
            }
        }
    )*};
}
numbers! {
    i32 => I32, crate::encode_i32, crate::decode_i32;
    u32 => I32, crate::encode_u32, crate::decode_u32;
    i64 => I64, crate::encode_i64, crate::decode_i64;
    u64 => I64, std::convert::identity, std::convert::identity;
    f32 => F32, crate::encode_f32, crate::decode_f32;
    f64 => F64, crate::encode_f64, crate::decode_f64;
}

impl WasmType for V128 {
    const TYPE: ValueType = ValueType::V128;
    fn store<C: References + ?Sized>(self, slots: &mut [u64], _: &C) -> Result<()> {
        slots[..2].copy_from_slice(&crate::encode_v128(self.0));
        Ok(())
    }
    fn load<C: References + ?Sized>(slots: &[u64], _: &C) -> Result<Self> {
        Ok(Self(crate::decode_v128([slots[0], slots[1]])))
    }
}

impl WasmType for Option<Function> {
    const TYPE: ValueType = ValueType::FuncRef;
    fn store<C: References + ?Sized>(self, slots: &mut [u64], cx: &C) -> Result<()> {
        slots[0] = self.map_or(Ok(0), |function| cx.function_to_word(&function))?;
        Ok(())
    }
    fn load<C: References + ?Sized>(slots: &[u64], cx: &C) -> Result<Self> {
        cx.word_to_function(slots[0])
    }
}

impl WasmType for Option<ExternRef> {
    const TYPE: ValueType = ValueType::ExternRef;
    fn store<C: References + ?Sized>(self, slots: &mut [u64], cx: &C) -> Result<()> {
        slots[0] = self.map_or(Ok(0), |value| cx.extern_to_word(&value))?;
        Ok(())
    }
    fn load<C: References + ?Sized>(slots: &[u64], cx: &C) -> Result<Self> {
        cx.word_to_extern(slots[0])
    }
}

/// The parameters of a typed function: a tuple of up to 16 [`WasmType`]s, or one of them bare.
pub trait WasmParams: WasmResults {}
impl<T: WasmResults> WasmParams for T {}

/// The results of a typed function: `()`, one [`WasmType`] or a tuple of up to 16.
pub trait WasmResults: Sized + 'static {
    /// How many `u64` slots the values take.
    #[doc(hidden)]
    const SLOTS: usize;
    /// The value types, in order.
    #[must_use]
    fn types() -> Vec<ValueType>;
    /// Writes the values to `slots`.
    ///
    /// # Errors
    /// If a reference is of another runtime.
    #[doc(hidden)]
    fn store<C: References + ?Sized>(self, slots: &mut [u64], cx: &C) -> Result<()>;
    /// Reads the values from `slots`.
    ///
    /// # Errors
    /// If a reference's word is none of the runtime's.
    #[doc(hidden)]
    fn load<C: References + ?Sized>(slots: &[u64], cx: &C) -> Result<Self>;
}

impl<T: WasmType> WasmResults for T {
    const SLOTS: usize = T::TYPE.slots();
    fn types() -> Vec<ValueType> {
        vec![T::TYPE]
    }
    #[inline]
    fn store<C: References + ?Sized>(self, slots: &mut [u64], cx: &C) -> Result<()> {
        WasmType::store(self, slots, cx)
    }
    #[inline]
    fn load<C: References + ?Sized>(slots: &[u64], cx: &C) -> Result<Self> {
        <T as WasmType>::load(slots, cx)
    }
}

/// What a typed host closure returns: [`WasmResults`], or a `Result` of them.
pub trait HostResults: 'static {
    /// The values.
    type Values: WasmResults;
    /// The values, or the error that ends the guest's call.
    ///
    /// # Errors
    /// The closure's own.
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Values>;
}

impl<T: WasmResults> HostResults for T {
    type Values = T;
    #[inline]
    fn into_result(self) -> Result<T> {
        Ok(self)
    }
}

impl<T: WasmResults, E: Into<Error> + 'static> HostResults for std::result::Result<T, E> {
    type Values = T;
    #[inline]
    fn into_result(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// A closure that can be a host function: up to 16 [`WasmType`] parameters, with
/// `&mut Caller<'_>` before them or without, giving [`HostResults`]. `Marker` only tells the
/// shapes apart.
pub trait IntoHostFunction<Marker>: Send + Sync + 'static {
    /// The function's type and what engines call.
    #[doc(hidden)]
    fn into_parts(self) -> HostParts;
}

/// What a closure becomes.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct HostParts {
    /// The function's type.
    pub ty: FunctionType,
    /// What engines call.
    pub body: HostBody,
    /// The same for calls with the values in registers, if that is possible.
    pub direct: Option<Arc<dyn DirectBody>>,
}

/// Marks closures that take the caller.
#[derive(Debug)]
pub struct WithCaller;
/// Marks closures that do not take the caller.
#[derive(Debug)]
pub struct WithoutCaller;

macro_rules! tuples {
    ($($ty:ident $value:ident),*) => {
        #[allow(unused_assignments, unused_mut, unused_variables, clippy::unused_unit)]
        impl<$($ty: WasmType),*> WasmResults for ($($ty,)*) {
            const SLOTS: usize = 0 $(+ $ty::TYPE.slots())*;
            fn types() -> Vec<ValueType> {
                vec![$($ty::TYPE),*]
            }
            #[inline]
            fn store<Cx: References + ?Sized>(self, slots: &mut [u64], cx: &Cx) -> Result<()> {
                let ($($value,)*) = self;
                let mut at = 0;
                $(
                    WasmType::store($value, &mut slots[at..], cx)?;
                    at += $ty::TYPE.slots();
                )*
                Ok(())
            }
            #[inline]
            fn load<Cx: References + ?Sized>(slots: &[u64], cx: &Cx) -> Result<Self> {
                let mut at = 0;
                $(
                    let $value = <$ty as WasmType>::load(&slots[at..], cx)?;
                    at += $ty::TYPE.slots();
                )*
                Ok(($($value,)*))
            }
        }

        #[allow(unused_parens)]
        impl<Body, Ret, $($ty),*> IntoHostFunction<(WithCaller, Ret, ($($ty,)*))> for Body
        where
            Body: Fn(&mut Caller<'_>, $($ty),*) -> Ret + Send + Sync + 'static,
            Ret: HostResults,
            $($ty: WasmType),*
        {
            fn into_parts(self) -> HostParts {
                let ty = FunctionType::new(<($($ty,)*)>::types(), Ret::Values::types());
                let body: HostBody = Box::new(move |caller, slots| {
                    let ($($value,)*) = <($($ty,)*) as WasmResults>::load(slots, &*caller)?;
                    let results = self(caller, $($value),*).into_result()?;
                    WasmResults::store(results, slots, &*caller)
                });
                HostParts { ty, body, direct: None }
            }
        }

        #[allow(unused_parens)]
        impl<Body, Ret, $($ty),*> IntoHostFunction<(WithoutCaller, Ret, ($($ty,)*))> for Body
        where
            Body: Fn($($ty),*) -> Ret + Send + Sync + 'static,
            Ret: HostResults,
            $($ty: WasmType),*
        {
            fn into_parts(self) -> HostParts {
                let ty = FunctionType::new(<($($ty,)*)>::types(), Ret::Values::types());
                let typed = Arc::new(Typed::<Self, (Ret, ($($ty,)*))>::new(self));
                let direct = is_direct(&ty).then(|| typed.clone() as Arc<dyn DirectBody>);
                let body: HostBody = Box::new(move |caller, slots| {
                    let ($($value,)*) = <($($ty,)*) as WasmResults>::load(slots, &*caller)?;
                    let results = (typed.body)($($value),*).into_result()?;
                    WasmResults::store(results, slots, &*caller)
                });
                HostParts { ty, body, direct }
            }
        }

        #[allow(unused_parens)]
        impl<Body, Ret, $($ty),*> Typed<Body, (Ret, ($($ty,)*))>
        where
            Body: Fn($($ty),*) -> Ret + Send + Sync + 'static,
            Ret: HostResults,
            $($ty: WasmType),*
        {
            extern "C" fn call_direct(&self, v0: u64, v1: u64, v2: u64, v3: u64, v4: u64) -> DirectResult {
                direct::call([v0, v1, v2, v3, v4], |($($value,)*): ($($ty,)*)| (self.body)($($value),*))
            }
        }

        #[allow(unused_parens)]
        impl<Body, Ret, $($ty),*> DirectBody for Typed<Body, (Ret, ($($ty,)*))>
        where
            Body: Fn($($ty),*) -> Ret + Send + Sync + 'static,
            Ret: HostResults,
            $($ty: WasmType),*
        {
            fn address(&self) -> usize {
                Self::call_direct as extern "C" fn(&Self, u64, u64, u64, u64, u64) -> DirectResult as usize
            }
        }
    };
}
tuples!();
tuples!(A a);
tuples!(A a, B b);
tuples!(A a, B b, C c);
tuples!(A a, B b, C c, D d);
tuples!(A a, B b, C c, D d, E e);
tuples!(A a, B b, C c, D d, E e, F f);
tuples!(A a, B b, C c, D d, E e, F f, G g);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l, M m);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l, M m, N n);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l, M m, N n, O o);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l, M m, N n, O o, P p);

const _: fn() = || {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Context>();
};
