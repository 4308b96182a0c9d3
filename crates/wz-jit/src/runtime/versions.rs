//! [`Versions`]: the bodies of a function, and which of them calls go to: plain or telling listeners, without
//! probes or with those that it has now.
//!
//! Counters that have reached their limit are spent: code with them does nothing for them any more. It stays for some
//! calls, because a counter that is spent is seldom the last one, and every new body has to be compiled.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wz_core::probes::{FunctionProbes, ProbeCode, ProbeRecord};

/// Which body of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The function.
    Plain,
    /// The function, telling listeners itself: only for those that
    /// [`FunctionCompiler`](super::module::FunctionCompiler) says need it.
    Listened,
}

impl Version {
    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Listened => "listened",
        }
    }
}

/// The addresses of bodies; 0 if there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Bodies {
    plain: usize,
    /// What tells listeners.
    listened: usize,
    /// Whether calls run elsewhere where there is no body.
    is_elsewhere: bool,
}

impl Bodies {
    fn any(&self) -> bool {
        self.plain != 0 || self.listened != 0
    }

    fn of(&self, version: Version) -> usize {
        match version {
            Version::Plain => self.plain,
            Version::Listened => self.listened,
        }
    }
}

/// A function's versions.
#[derive(Debug, Default)]
pub(super) struct Versions {
    bodies: Bodies,
    pub(super) is_listened: bool,
    /// Whether that is by a wrapper around the plain body.
    pub(super) is_wrapped: bool,
    /// What has probes instead, if there are any.
    probed: Option<Probed>,
}

/// The bodies of a function that has probes.
#[derive(Debug)]
pub(super) struct Probed {
    probes: Arc<FunctionProbes>,
    bodies: Bodies,
    /// Those that the bodies have, if some of them are spent.
    stale: Option<Arc<FunctionProbes>>,
    /// How many calls still go to bodies with spent probes,
    calls_left: u32,
    /// and how many from the time when one was spent.
    patience: u32,
}

/// The first number of calls that go to bodies with spent probes, for which there is a new body then. It doubles
/// each time.
const PATIENCE: u32 = 8;

/// Whether all probes that the code has are wanted or spent.
fn are_spent(in_code: &FunctionProbes, wanted: &FunctionProbes) -> bool {
    let is_spent = |record: &ProbeRecord| match record.code() {
        ProbeCode::CountUpTo { removed, .. } => removed.load(Ordering::Relaxed),
        ProbeCode::Count { .. } | ProbeCode::Call => false,
    };
    let mut wanted = wanted.records().iter().peekable();
    let is_good = |record: &Arc<ProbeRecord>| {
        wanted.next_if(|next| Arc::ptr_eq(next, record)).is_some() || is_spent(record)
    };
    in_code.records().iter().all(is_good) && wanted.next().is_none()
}

/// A body that is wanted of a function.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) version: Version,
    pub(super) probes: Option<Arc<FunctionProbes>>,
}

impl Wanted {
    /// The function without probes.
    pub(super) const PLAIN: Self = Self { version: Version::Plain, probes: None };
}

/// What a call of a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Body(usize),
    Elsewhere,
}

impl Versions {
    /// The bodies that calls go to.
    fn current(&self) -> &Bodies {
        self.probed.as_ref().map_or(&self.bodies, |probed| &probed.bodies)
    }

    /// The body that the slot of a version leads to; 0 if that has to be told for each call.
    pub(super) fn slot(&self, version: Version) -> usize {
        match &self.probed {
            Some(Probed { stale: Some(_), .. }) => 0,
            _ => self.current().of(version),
        }
    }

    /// What is wanted of a version now.
    pub(super) fn wanted(&self, version: Version) -> Wanted {
        Wanted { version, probes: self.probes().cloned() }
    }

    /// The version that calls go to which do not go to a wrapper.
    pub(super) fn version(&self) -> Version {
        if self.is_listened && !self.is_wrapped { Version::Listened } else { Version::Plain }
    }

    /// What calls of a version do; none if that takes a body that is not there yet.
    pub(super) fn known(&self, version: Version) -> Option<Known> {
        match self.current().of(version) {
            0 => (self.bodies.is_elsewhere || self.current().is_elsewhere).then_some(Known::Elsewhere),
            body => Some(Known::Body(body)),
        }
    }

    /// The probes that the function has.
    pub(super) fn probes(&self) -> Option<&Arc<FunctionProbes>> {
        self.probed.as_ref().map(|probed| &probed.probes)
    }

    /// Changes the probes, and gives the bodies that were for the old ones.
    pub(super) fn set_probes(&mut self, probes: Option<Arc<FunctionProbes>>) -> Option<Probed> {
        if let (Some(old), Some(new)) = (&mut self.probed, &probes)
            && old.bodies.any()
            && are_spent(old.stale.as_ref().unwrap_or(&old.probes), new)
        {
            let before = std::mem::replace(&mut old.probes, new.clone());
            old.stale.get_or_insert(before);
            old.calls_left = old.patience;
            return None;
        }
        let new = probes.map(|probes| Probed {
            probes,
            bodies: Bodies::default(),
            stale: None,
            calls_left: 0,
            patience: PATIENCE,
        });
        std::mem::replace(&mut self.probed, new)
    }

    /// A call has to be told where to go. If that was often enough to a body with spent probes, gives
    /// such bodies: there are to be others.
    pub(super) fn tell(&mut self) -> Option<Probed> {
        let probed = self.probed.as_mut().filter(|probed| probed.stale.is_some())?;
        if let Some(left) = probed.calls_left.checked_sub(1) {
            probed.calls_left = left;
            return None;
        }
        let new = Probed {
            probes: probed.probes.clone(),
            bodies: Bodies::default(),
            stale: None,
            calls_left: 0,
            patience: probed.patience.saturating_mul(2),
        };
        self.probed.replace(new)
    }

    /// The bodies for certain probes, if the function still has them.
    fn bodies_with(&mut self, probes: Option<&Arc<FunctionProbes>>) -> Option<&mut Bodies> {
        match probes {
            None => Some(&mut self.bodies),
            Some(probes) => {
                let probed = self.probed.as_mut().filter(|probed| Arc::ptr_eq(&probed.probes, probes));
                probed.map(|probed| &mut probed.bodies)
            }
        }
    }

    /// Notes a body. False if there is one already, or its probes are gone.
    pub(super) fn note(&mut self, wanted: &Wanted, address: usize) -> bool {
        let Some(bodies) = self.bodies_with(wanted.probes.as_ref()) else { return false };
        let body = match wanted.version {
            Version::Plain => &mut bodies.plain,
            Version::Listened => &mut bodies.listened,
        };
        if *body != 0 {
            return false;
        }
        *body = address;
        true
    }

    /// Notes that a body cannot be had.
    pub(super) fn send_elsewhere(&mut self, wanted: &Wanted) {
        if let Some(bodies) = self.bodies_with(wanted.probes.as_ref()) {
            bodies.is_elsewhere = true;
        }
    }
}

impl Probed {
    /// The addresses of the bodies, and the probes that they have.
    pub(super) fn into_parts(self) -> (impl Iterator<Item = usize>, Arc<FunctionProbes>) {
        let Bodies { plain, listened, .. } = self.bodies;
        let probes = self.stale.unwrap_or(self.probes);
        ([plain, listened].into_iter().filter(|body| *body != 0), probes)
    }
}
