//! What differs between hosts: one file per host family, chosen here and nowhere else. Whatever
//! one family has, the other has too, under the same name.

#[cfg(not(unix))]
mod other;
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod space;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod space_portable;
#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod waker_condvar;
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod waker_eventfd;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_os = "freebsd"))))]
mod waker_pipe;

#[cfg(not(unix))]
pub(crate) use other::*;
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(crate) use space::*;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(crate) use space_portable::*;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(not(unix))]
pub(crate) use waker_condvar::Waker;
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(crate) use waker_eventfd::Waker;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_os = "freebsd"))))]
pub(crate) use waker_pipe::Waker;
