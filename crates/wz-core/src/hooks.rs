//! What `wz-experimental` attaches to instances.

use std::sync::{Arc, Weak};

use wz_api::sealed::Keep;
use wz_api::{Error, Result};
use wz_experimental::{
    Attachment, CodeId, EventListener, FunctionListenerFactory, Hooks, ModuleHooks, Probes,
};

use crate::compiled::made_by;
use crate::host::HostInstance;
use crate::instance::Instance;
use crate::listen::AttachmentId;

/// What can be attached to an instance.
pub(crate) fn of_instance(instance: Arc<Instance>) -> Keep {
    Arc::new(Hooks(Arc::new(OfInstance(instance))))
}

/// What can be attached to a host module.
pub(crate) fn of_host(instance: Arc<HostInstance>) -> Keep {
    Arc::new(Hooks(Arc::new(OfHost(instance))))
}

/// Detaches from what may be gone by then.
fn attachment<T: Send + Sync + 'static>(
    from: Weak<T>,
    detach: impl FnOnce(&T) + Send + Sync + 'static,
) -> Attachment {
    Attachment::new(move || {
        if let Some(from) = from.upgrade() {
            detach(&from);
        }
    })
}

struct OfInstance(Arc<Instance>);

impl ModuleHooks for OfInstance {
    fn attach_listeners(&self, factory: &dyn FunctionListenerFactory) -> Attachment {
        let id = AttachmentId::new();
        self.0.attach(id, &made_by(factory, self.0.info()));
        attachment(self.0.weak(), move |instance| instance.detach(id))
    }

    fn attach_event_listener(&self, listener: Arc<dyn EventListener>) -> Attachment {
        let id = AttachmentId::new();
        self.0.attach_events(id, listener);
        attachment(self.0.weak(), move |instance| instance.detach_events(id))
    }

    fn attach_probes(&self, probes: &Probes) -> Result<Attachment> {
        self.0.compiled().attach_probes(probes)
    }

    fn code_id(&self) -> CodeId {
        self.0.compiled().code_id()
    }

    fn block_entries(&self, function: u32) -> Result<Vec<u32>> {
        self.0.compiled().block_entries(function)
    }
}

struct OfHost(Arc<HostInstance>);

impl ModuleHooks for OfHost {
    fn attach_listeners(&self, factory: &dyn FunctionListenerFactory) -> Attachment {
        let id = AttachmentId::new();
        self.0.attach(id, &self.0.made_by(factory));
        attachment(Arc::downgrade(&self.0), move |host| host.detach(id))
    }

    fn attach_event_listener(&self, _: Arc<dyn EventListener>) -> Attachment {
        // Nothing happens to host modules, they only are called.
        Attachment::new(|| {})
    }

    fn attach_probes(&self, _: &Probes) -> Result<Attachment> {
        Err(Error::argument("host modules have no code for probes"))
    }

    fn code_id(&self) -> CodeId {
        self.0.code_id()
    }

    fn block_entries(&self, _: u32) -> Result<Vec<u32>> {
        Err(Error::argument("host modules have no code"))
    }
}
