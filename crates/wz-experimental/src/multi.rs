//! [`MultiFunctionListenerFactory`]: several factories as one.

use std::fmt;
use std::sync::Arc;

use wz_api::{Context, Error, FunctionDefinition, Module};

use crate::listener::{FunctionListener, FunctionListenerFactory};
use crate::stack::StackIterator;

/// Combines the listeners that several factories make: a context carries only one factory.
///
/// They fire in the order of the factories, for `before` as for the ends. Each gets the stack
/// iterator rewound, and in `before` the context that the one before it derived.
pub struct MultiFunctionListenerFactory(Vec<Arc<dyn FunctionListenerFactory>>);

impl MultiFunctionListenerFactory {
    /// A factory that asks each of these.
    pub fn new(factories: impl IntoIterator<Item = Arc<dyn FunctionListenerFactory>>) -> Self {
        Self(factories.into_iter().collect())
    }
}

impl FunctionListenerFactory for MultiFunctionListenerFactory {
    fn new_function_listener(&self, definition: &FunctionDefinition) -> Option<Arc<dyn FunctionListener>> {
        let mut made: Vec<_> =
            self.0.iter().filter_map(|factory| factory.new_function_listener(definition)).collect();
        match made.len() {
            0 | 1 => made.pop(),
            _ => Some(Arc::new(Multi(made))),
        }
    }
}

impl fmt::Debug for MultiFunctionListenerFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiFunctionListenerFactory").field("factories", &self.0.len()).finish()
    }
}

/// At least two listeners.
struct Multi(Vec<Arc<dyn FunctionListener>>);

impl FunctionListener for Multi {
    fn before(
        &self,
        cx: &Context,
        module: &Module,
        definition: &FunctionDefinition,
        params: &[u64],
        stack: &mut dyn StackIterator,
    ) -> Option<Context> {
        let mut derived: Option<Context> = None;
        for listener in &self.0 {
            stack.reset();
            let cx = derived.as_ref().unwrap_or(cx);
            derived = listener.before(cx, module, definition, params, stack).or(derived);
        }
        derived
    }

    fn after(&self, cx: &Context, module: &Module, definition: &FunctionDefinition, results: &[u64]) {
        for listener in &self.0 {
            listener.after(cx, module, definition, results);
        }
    }

    fn abort(&self, cx: &Context, module: &Module, definition: &FunctionDefinition, error: &Error) {
        for listener in &self.0 {
            listener.abort(cx, module, definition, error);
        }
    }

    fn tail_call(&self, cx: &Context, module: &Module, definition: &FunctionDefinition) {
        for listener in &self.0 {
            listener.tail_call(cx, module, definition);
        }
    }
}
