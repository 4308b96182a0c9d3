//! The listeners that are measured.

use std::hint::black_box;
use std::sync::Arc;

use wz::experimental::{
    FunctionListener, FunctionListenerFactory, MultiFunctionListenerFactory, StackIterator,
};
use wz::{Context, Error, FunctionDefinition, Module};

/// Makes a factory; none to attach nothing.
pub(crate) type Make = fn() -> Option<Arc<dyn FunctionListenerFactory>>;

/// All of them, with their names.
pub(crate) const LISTENERS: &[(&str, Make)] = &[
    ("none", || None),
    ("other", || Some(on("other", Arc::new(Empty)))),
    ("before", || Some(on("f", Arc::new(before)))),
    ("before+after", || Some(on("f", Arc::new(Empty)))),
    ("multi x4", || {
        let factories = (0..4).map(|_| on("f", Arc::new(Empty)));
        Some(Arc::new(MultiFunctionListenerFactory::new(factories)))
    }),
    ("walk 10", || Some(on("f", Arc::new(walk)))),
];

/// Listens to the function of that name only.
fn on(name: &'static str, listener: Arc<dyn FunctionListener>) -> Arc<dyn FunctionListenerFactory> {
    Arc::new(move |definition: &FunctionDefinition| (definition.name() == name).then(|| listener.clone()))
}

fn before(_: &Context, _: &Module, _: &FunctionDefinition, params: &[u64], _: &mut dyn StackIterator) {
    black_box(params);
}

fn walk(_: &Context, _: &Module, _: &FunctionDefinition, _: &[u64], stack: &mut dyn StackIterator) {
    for _ in 0..10 {
        if !stack.next() {
            break;
        }
        black_box((stack.function().definition().index(), stack.program_counter()));
    }
}

struct Empty;

impl FunctionListener for Empty {
    fn before(
        &self,
        _: &Context,
        _: &Module,
        _: &FunctionDefinition,
        params: &[u64],
        _: &mut dyn StackIterator,
    ) -> Option<Context> {
        black_box(params);
        None
    }

    fn after(&self, _: &Context, _: &Module, _: &FunctionDefinition, results: &[u64]) {
        black_box(results);
    }

    fn abort(&self, _: &Context, _: &Module, _: &FunctionDefinition, _: &Error) {}
}
