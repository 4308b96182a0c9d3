//! [`Store`]: what modules are compiled and instantiated in, and where they find each other by
//! name. [`StoreInner`] is what everything of a store shares.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wz_api::{CompileProgress, Context, Error, HostModule, Module, Result};
use wz_decode::{DecodeOptions, decode};

use crate::close::Closing;
use crate::compiled::CompiledModule;
use crate::config::{InstanceOptions, StoreConfig};
use crate::externs::ExternTable;
use crate::host::HostInstance;
use crate::instance::Instance;
use crate::instantiate;
use crate::interrupt::WakeList;
use crate::island::Links;
use crate::memory::effective_max;
use crate::types::TypeRegistry;
use crate::words::WordRegistry;

/// A store. Cheap to clone. When the last clone is gone, named modules are let go: what no other
/// handle reaches is freed.
#[derive(Clone)]
pub struct Store {
    owner: Arc<Owner>,
}

struct Owner(Arc<StoreInner>);

/// What everything of a store shares.
#[derive(Debug)]
pub(crate) struct StoreInner {
    tag: u64,
    config: StoreConfig,
    types: TypeRegistry,
    externs: ExternTable,
    words: WordRegistry,
    links: Links,
    wakes: WakeList,
    registry: Mutex<Registry>,
    /// How many instances were closed that calls may be in which entered another one.
    shared_closes: AtomicU64,
    /// 0, or `CLOSED` and the exit code.
    closed: AtomicU64,
}

const CLOSED: u64 = 1 << 32;

/// The instances of a store.
#[derive(Debug, Default)]
struct Registry {
    /// Named instances, by name. Without a module while it is being instantiated.
    names: HashMap<Arc<str>, Option<Module>>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    live: usize,
}

#[derive(Debug, Default)]
struct Slot {
    name: Option<Arc<str>>,
    instance: Listed,
}

#[derive(Debug, Default)]
enum Listed {
    #[default]
    Nothing,
    Guest(Weak<Instance>),
    Host(Weak<HostInstance>),
}

impl Store {
    /// A store.
    ///
    /// # Errors
    /// If a limit of the configuration is beyond what WebAssembly allows.
    pub fn new(config: StoreConfig) -> Result<Self> {
        if config.memory_limit_pages > 65_536 {
            let pages = config.memory_limit_pages;
            return Err(Error::argument(format!("memory limit of {pages} pages is over 65536 pages")));
        }
        static NEXT_TAG: AtomicU64 = AtomicU64::new(1);
        let inner = StoreInner {
            tag: NEXT_TAG.fetch_add(1, Ordering::Relaxed),
            config,
            types: TypeRegistry::default(),
            externs: ExternTable::default(),
            words: WordRegistry::default(),
            links: Links::default(),
            wakes: WakeList::default(),
            registry: Mutex::default(),
            shared_closes: AtomicU64::new(0),
            closed: AtomicU64::new(0),
        };
        Ok(Self { owner: Arc::new(Owner(Arc::new(inner))) })
    }

    fn inner(&self) -> &Arc<StoreInner> {
        &self.owner.0
    }

    /// What the store was made with.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        self.inner().config()
    }

    /// What the handles of this store's things carry.
    #[must_use]
    pub fn runtime_tag(&self) -> u64 {
        self.inner().tag
    }

    /// Decodes, validates and compiles a module. A listener factory in the context makes the
    /// listeners for every instance.
    ///
    /// # Errors
    /// If the module is malformed, invalid or exceeds a limit, or the store is closed.
    pub fn compile(&self, cx: &Context, bytes: impl Into<Arc<[u8]>>) -> Result<CompiledModule> {
        let store = self.inner();
        store.check_open()?;
        let config = store.config();
        let options = DecodeOptions {
            features: config.features,
            keep_custom_sections: config.custom_sections,
            threads: config.threads,
            limits: config.decode_limits.clone(),
            progress: CompileProgress::of_context(cx).cloned(),
        };
        let info = decode(bytes, &options)?;
        for memory in &info.memories[info.imported.memories as usize..] {
            effective_max(memory, config)?;
        }
        CompiledModule::new(store, cx, Arc::new(info))
    }

    /// Instantiates a module: links its imports, runs its active segments and its start function,
    /// and registers its name. The context carries listener factories and close notifiers.
    ///
    /// # Errors
    /// A [`LinkError`](wz_api::LinkError) with all imports that do not fit, a limit, a trap, what
    /// the start function failed with, or a name that is taken.
    pub fn instantiate(
        &self,
        cx: &Context,
        module: &CompiledModule,
        options: InstanceOptions,
    ) -> Result<Module> {
        instantiate::instantiate(self.inner(), cx, module, options)
    }

    /// Instantiates a host module under its name.
    ///
    /// # Errors
    /// An empty or taken name, inconsistent definitions, or a limit.
    pub fn instantiate_host(&self, cx: &Context, module: &HostModule) -> Result<Module> {
        let store = self.inner();
        // The definitions are checked before the name is taken.
        module.definitions()?;
        let name: Arc<str> = module.name().into();
        let reservation = store.reserve(&name)?;
        let slot = reservation.slot();
        let closing = Closing::new(slot, cx, Vec::new());
        let instance = HostInstance::new(store, module, closing, cx)?;
        reservation.keep();
        let handle = Module::from_parts(instance.clone(), instance.clone());
        store.list(slot, Listed::Host(Arc::downgrade(&instance)));
        store.register(&name, &handle)?;
        Ok(handle)
    }

    /// The named instance.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<Module> {
        self.inner().module(name)
    }

    /// Closes the store: every instance, named or not, with this exit code. Compiling and
    /// instantiating fail from now on. Only the first close counts.
    ///
    /// # Errors
    /// If releasing a resource failed. The store is closed nevertheless.
    pub fn close(&self, cx: &Context, exit_code: u32) -> Result<()> {
        let store = self.inner();
        let state = CLOSED | u64::from(exit_code);
        if store.closed.compare_exchange(0, state, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return Ok(());
        }
        let (guests, hosts) = store.listed();
        for guest in guests {
            guest.closing().close(store, cx, exit_code);
        }
        for host in hosts {
            host.closing().close(store, cx, exit_code);
        }
        Ok(())
    }

    /// Whether the store was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.exit_code().is_some()
    }

    /// The exit code, once closed.
    #[must_use]
    pub fn exit_code(&self) -> Option<u32> {
        self.inner().exit_code()
    }
}

impl StoreInner {
    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.config
    }

    pub(crate) fn types(&self) -> &TypeRegistry {
        &self.types
    }

    pub(crate) fn externs(&self) -> &ExternTable {
        &self.externs
    }

    pub(crate) fn words(&self) -> &WordRegistry {
        &self.words
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    pub(crate) fn wakes(&self) -> &WakeList {
        &self.wakes
    }

    fn exit_code(&self) -> Option<u32> {
        match self.closed.load(Ordering::SeqCst) {
            0 => None,
            state => Some(state as u32),
        }
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        match self.exit_code() {
            None => Ok(()),
            Some(code) => Err(Error::argument(format!("runtime closed with exit_code({code})"))),
        }
    }

    /// The named instance.
    pub(crate) fn module(&self, name: &str) -> Option<Module> {
        self.registry.lock().names.get(name).cloned().flatten()
    }

    /// Takes a place for a new instance, and its name unless that is empty.
    pub(crate) fn reserve(&self, name: &Arc<str>) -> Result<Reservation<'_>> {
        self.check_open()?;
        let mut registry = self.registry.lock();
        if registry.live >= self.config.max_instances {
            let limit = self.config.max_instances;
            return Err(Error::limit(format!("there are {limit} instances already, the limit is {limit}")));
        }
        let named = !name.is_empty();
        if named {
            if registry.names.contains_key(name) {
                return Err(Error::argument(format!("module[{name}] has already been instantiated")));
            }
            registry.names.insert(name.clone(), None);
        }
        let slot = Slot { name: named.then(|| name.clone()), instance: Listed::Nothing };
        registry.live += 1;
        let position = match registry.free.pop() {
            Some(position) => {
                registry.slots[position] = slot;
                position
            }
            None => {
                registry.slots.push(slot);
                registry.slots.len() - 1
            }
        };
        Ok(Reservation { store: self, slot: position })
    }

    fn list(&self, slot: usize, instance: Listed) {
        self.registry.lock().slots[slot].instance = instance;
    }

    pub(crate) fn list_guest(&self, slot: usize, instance: &Arc<Instance>) {
        self.list(slot, Listed::Guest(Arc::downgrade(instance)));
    }

    /// Makes an instance known by its name, unless it was closed meanwhile. If the store was, the
    /// instance is closed.
    pub(crate) fn register(&self, name: &str, module: &Module) -> Result<()> {
        if !name.is_empty() {
            let mut registry = self.registry.lock();
            // Closing frees the name, and does it after the exit code is set.
            if !module.is_closed()
                && let Some(entry) = registry.names.get_mut(name)
            {
                *entry = Some(module.clone());
            }
        }
        if let Some(code) = self.exit_code() {
            module.close_with_exit_code(code)?;
            self.check_open()?;
        }
        Ok(())
    }

    /// How often calls had a reason to look whether an instance is closed that they did not enter
    /// but may be in.
    pub(crate) fn shared_closes(&self) -> u64 {
        self.shared_closes.load(Ordering::SeqCst)
    }

    /// An instance was closed: its name is free, and those who wait because of it wake up.
    pub(crate) fn closed_instance(&self, slot: usize, shared: bool) {
        let removed = {
            let mut registry = self.registry.lock();
            let name = registry.slots[slot].name.take();
            name.and_then(|name| registry.names.remove(&name))
        };
        if shared {
            self.shared_closes.fetch_add(1, Ordering::SeqCst);
        }
        if self.config.close_on_context_done {
            crate::thread::poke_all();
        }
        self.wakes.wake(slot);
        drop(removed);
    }

    /// An instance was freed, or was not made after all.
    pub(crate) fn forget(&self, slot: usize) {
        let mut registry = self.registry.lock();
        let Slot { name, .. } = std::mem::take(&mut registry.slots[slot]);
        registry.free.push(slot);
        registry.live -= 1;
        let removed = name.and_then(|name| registry.names.remove(&name));
        drop(registry);
        drop(removed);
    }

    fn listed(&self) -> (Vec<Arc<Instance>>, Vec<Arc<HostInstance>>) {
        let (mut guests, mut hosts) = (Vec::new(), Vec::new());
        for slot in &self.registry.lock().slots {
            match &slot.instance {
                Listed::Nothing => {}
                Listed::Guest(instance) => guests.extend(instance.upgrade()),
                Listed::Host(instance) => hosts.extend(instance.upgrade()),
            }
        }
        (guests, hosts)
    }
}

/// The place of an instance that is being made. Given back unless kept.
pub(crate) struct Reservation<'a> {
    store: &'a StoreInner,
    slot: usize,
}

impl Reservation<'_> {
    pub(crate) fn slot(&self) -> usize {
        self.slot
    }

    /// The instance exists now: it gives the place back when it is freed.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.store.forget(self.slot);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Named modules hold the store's insides: letting them go ends the circle.
        let names = std::mem::take(&mut self.0.registry.lock().names);
        drop(names);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("tag", &self.runtime_tag()).field("closed", &self.is_closed()).finish()
    }
}
