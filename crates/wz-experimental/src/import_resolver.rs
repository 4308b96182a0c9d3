//! Import resolvers: which module another one imports from.

use std::sync::Arc;

use wz_api::{Context, Module};

/// Gives the module that imports from a name are taken from, before the runtime looks among its
/// named modules; `None` leaves it to those. So several instances can be given different modules
/// under one name, anonymous ones too.
pub type ImportResolver = Arc<dyn Fn(&str) -> Option<Module> + Send + Sync>;

#[derive(Clone)]
struct ResolverValue(ImportResolver);

/// Derives a context with which modules that are instantiated look for their imports with
/// `resolver` first.
#[must_use]
pub fn with_import_resolver(
    cx: &Context,
    resolver: impl Fn(&str) -> Option<Module> + Send + Sync + 'static,
) -> Context {
    cx.with_value(ResolverValue(Arc::new(resolver)))
}

/// The innermost import resolver of a context.
#[must_use]
pub fn import_resolver(cx: &Context) -> Option<&ImportResolver> {
    cx.value::<ResolverValue>().map(|value| &value.0)
}
