//! Function listeners: told before and after calls of the functions they were made for.
//! `docs/listeners.md` is the contract.

use std::sync::Arc;

use wz_api::{Context, Error, FunctionDefinition, Module};

use crate::stack::StackIterator;

/// Is notified of calls to the functions it was made for by a [`FunctionListenerFactory`].
///
/// For each call of [`before`](Self::before) there is exactly one of [`after`](Self::after) or
/// [`abort`](Self::abort), so a listener may keep a stack of its own. Calls may come from several
/// threads at once; on one thread they nest.
pub trait FunctionListener: Send + Sync {
    /// The function is about to be called.
    ///
    /// - `cx`: the context of the caller. What is returned becomes the context *of this call*:
    ///   nested calls, their listeners and host functions see it, and `after` or `abort` get it
    ///   back. `None` derives nothing and costs nothing.
    /// - `module`: the instance whose function is called; for host functions the calling instance.
    /// - `params`: the parameters as words (see `wz_api::encode_i32` and its siblings).
    /// - `stack`: an iterator over the call stack. Its first entry is the called function, with
    ///   equal parameters. Nothing is walked until it is asked.
    fn before(
        &self,
        cx: &Context,
        module: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context>;

    /// The function returned. `cx` is the context of the call.
    fn after(&self, cx: &Context, module: &Module, definition: &FunctionDefinition, results: &[u64]);

    /// The function did not return: it or something it called trapped, panicked, failed or was
    /// ended. `cx` is the context of the call.
    fn abort(&self, cx: &Context, module: &Module, definition: &FunctionDefinition, error: &Error);

    /// The function ended with a tail call, so that it has no results of its own; the callee's
    /// `before`, if it is listened to, comes next. Unless implemented, this is
    /// [`after`](Self::after) without results. It counts as the `after` of the call.
    fn tail_call(&self, cx: &Context, module: &Module, definition: &FunctionDefinition) {
        self.after(cx, module, definition, &[]);
    }
}

/// A closure is a listener that is only told before calls.
impl<F> FunctionListener for F
where
    F: Fn(&Context, &Module, &FunctionDefinition, &[u64], &mut dyn StackIterator) + Send + Sync,
{
    fn before(
        &self,
        cx: &Context,
        module: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        self(cx, module, definition, params, stack);
        None
    }

    fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &[u64]) {}

    fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {}
}

/// Decides for each function whether it is listened to.
pub trait FunctionListenerFactory: Send + Sync {
    /// The listener of this function; several functions may share one. `None`: the function
    /// carries no trace of listening.
    fn new_function_listener(&self, definition: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>>;
}

/// A closure is a factory.
impl<F> FunctionListenerFactory for F
where
    F: Fn(&FunctionDefinition) -> Option<Arc<dyn FunctionListener>> + Send + Sync,
{
    fn new_function_listener(&self, definition: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        self(definition)
    }
}

/// Carries a factory in a [`Context`].
#[derive(Clone)]
struct FactoryValue(Arc<dyn FunctionListenerFactory>);

/// Derives a context with which compiling or instantiating a module makes listeners for its
/// functions: compiling for every instance, instantiating for that instance. Host modules
/// instantiated with it make listeners for theirs.
#[must_use]
pub fn with_function_listener_factory(cx: &Context, factory: Arc<dyn FunctionListenerFactory>) -> Context {
    cx.with_value(FactoryValue(factory))
}

/// The innermost factory of a context.
#[must_use]
pub fn function_listener_factory(cx: &Context) -> Option<&Arc<dyn FunctionListenerFactory>> {
    cx.value::<FactoryValue>().map(|value| &value.0)
}
