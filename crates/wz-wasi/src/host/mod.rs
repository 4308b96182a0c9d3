//! The host functions: one file per family, and the table that makes a module of them. A function
//! returns nothing or a [`Failure`]; the table turns that into the errno that guests see.

mod args;
mod clock;
mod fd;
mod path;
mod poll;
mod process;
mod random;
mod readdir;
mod sock;
mod transfer;

use wz_api::{Caller, Error, HostFunction, HostModule};

use crate::Errno;

/// Why a host function did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The guest is told.
    Errno(Errno),
    /// The guest ends.
    Stop(Error),
}

/// What host functions return.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

fn answer(outcome: Outcome) -> wz_api::Result<u32> {
    match outcome {
        Ok(()) => Ok(u32::from(Errno::Success.raw())),
        Err(Failure::Errno(errno)) => Ok(u32::from(errno.raw())),
        Err(Failure::Stop(error)) => Err(error),
    }
}

/// A row: the function's name, its parameters with their types and the names that listeners see
/// (those that begin with `result.` point to where a result goes), and what implements it.
macro_rules! functions {
    ($($name:literal ($($param:ident: $ty:ty = $text:literal),*) => $body:path;)*) => {
        fn with_functions(module: HostModule) -> HostModule {
            module
            $(.with_host_function(
                $name,
                HostFunction::new(|caller: &mut Caller<'_>, $($param: $ty),*| -> wz_api::Result<u32> {
                    answer($body(caller, $($param),*))
                })
                .with_parameter_names([$($text),*] as [&str; _])
                .with_result_names(["errno"]),
            ))*
        }
    };
}

functions! {
    "args_get"(argv: u32 = "argv", buf: u32 = "argv_buf") => args::args_get;
    "args_sizes_get"(count: u32 = "result.argc", len: u32 = "result.argv_len") => args::args_sizes_get;
    "environ_get"(environ: u32 = "environ", buf: u32 = "environ_buf") => args::environ_get;
    "environ_sizes_get"(count: u32 = "result.environc", len: u32 = "result.environv_len")
        => args::environ_sizes_get;
    "clock_res_get"(id: u32 = "id", resolution: u32 = "result.resolution") => clock::clock_res_get;
    "clock_time_get"(id: u32 = "id", precision: u64 = "precision", timestamp: u32 = "result.timestamp")
        => clock::clock_time_get;
    "fd_advise"(fd: u32 = "fd", offset: u64 = "offset", len: u64 = "len", advice: u32 = "advice")
        => fd::fd_advise;
    "fd_allocate"(fd: u32 = "fd", offset: u64 = "offset", len: u64 = "len") => fd::fd_allocate;
    "fd_close"(fd: u32 = "fd") => fd::fd_close;
    "fd_datasync"(fd: u32 = "fd") => fd::fd_datasync;
    "fd_fdstat_get"(fd: u32 = "fd", stat: u32 = "result.stat") => fd::fd_fdstat_get;
    "fd_fdstat_set_flags"(fd: u32 = "fd", flags: u32 = "flags") => fd::fd_fdstat_set_flags;
    "fd_fdstat_set_rights"(fd: u32 = "fd", base: u64 = "fs_rights_base", inheriting: u64 = "fs_rights_inheriting")
        => fd::fd_fdstat_set_rights;
    "fd_filestat_get"(fd: u32 = "fd", stat: u32 = "result.filestat") => fd::fd_filestat_get;
    "fd_filestat_set_size"(fd: u32 = "fd", size: u64 = "size") => fd::fd_filestat_set_size;
    "fd_filestat_set_times"(fd: u32 = "fd", atim: u64 = "atim", mtim: u64 = "mtim", flags: u32 = "fst_flags")
        => fd::fd_filestat_set_times;
    "fd_pread"(fd: u32 = "fd", iovs: u32 = "iovs", count: u32 = "iovs_len", offset: u64 = "offset", nread: u32 = "result.nread")
        => fd::fd_pread;
    "fd_prestat_get"(fd: u32 = "fd", prestat: u32 = "result.prestat") => fd::fd_prestat_get;
    "fd_prestat_dir_name"(fd: u32 = "fd", path: u32 = "result.path", len: u32 = "result.path_len")
        => fd::fd_prestat_dir_name;
    "fd_pwrite"(fd: u32 = "fd", iovs: u32 = "iovs", count: u32 = "iovs_len", offset: u64 = "offset", nwritten: u32 = "result.nwritten")
        => fd::fd_pwrite;
    "fd_read"(fd: u32 = "fd", iovs: u32 = "iovs", count: u32 = "iovs_len", nread: u32 = "result.nread")
        => fd::fd_read;
    "fd_readdir"(fd: u32 = "fd", buf: u32 = "buf", len: u32 = "buf_len", cookie: u64 = "cookie", used: u32 = "result.bufused")
        => readdir::fd_readdir;
    "fd_renumber"(fd: u32 = "fd", to: u32 = "to") => fd::fd_renumber;
    "fd_seek"(fd: u32 = "fd", offset: i64 = "offset", whence: u32 = "whence", position: u32 = "result.newoffset")
        => fd::fd_seek;
    "fd_sync"(fd: u32 = "fd") => fd::fd_sync;
    "fd_tell"(fd: u32 = "fd", position: u32 = "result.offset") => fd::fd_tell;
    "fd_write"(fd: u32 = "fd", iovs: u32 = "iovs", count: u32 = "iovs_len", nwritten: u32 = "result.nwritten")
        => fd::fd_write;
    "path_create_directory"(fd: u32 = "fd", path: u32 = "path", len: u32 = "path_len")
        => path::path_create_directory;
    "path_filestat_get"(fd: u32 = "fd", flags: u32 = "flags", path: u32 = "path", len: u32 = "path_len", stat: u32 = "result.filestat")
        => path::path_filestat_get;
    "path_filestat_set_times"(fd: u32 = "fd", flags: u32 = "flags", path: u32 = "path", len: u32 = "path_len", atim: u64 = "atim", mtim: u64 = "mtim", fst_flags: u32 = "fst_flags")
        => path::path_filestat_set_times;
    "path_link"(old_fd: u32 = "old_fd", flags: u32 = "old_flags", old_path: u32 = "old_path", old_len: u32 = "old_path_len", new_fd: u32 = "new_fd", new_path: u32 = "new_path", new_len: u32 = "new_path_len")
        => path::path_link;
    "path_open"(fd: u32 = "fd", dirflags: u32 = "dirflags", path: u32 = "path", len: u32 = "path_len", oflags: u32 = "oflags", base: u64 = "fs_rights_base", inheriting: u64 = "fs_rights_inheriting", fdflags: u32 = "fdflags", opened: u32 = "result.opened_fd")
        => path::path_open;
    "path_readlink"(fd: u32 = "fd", path: u32 = "path", len: u32 = "path_len", buf: u32 = "buf", buf_len: u32 = "buf_len", used: u32 = "result.bufused")
        => path::path_readlink;
    "path_remove_directory"(fd: u32 = "fd", path: u32 = "path", len: u32 = "path_len")
        => path::path_remove_directory;
    "path_rename"(fd: u32 = "fd", old_path: u32 = "old_path", old_len: u32 = "old_path_len", new_fd: u32 = "new_fd", new_path: u32 = "new_path", new_len: u32 = "new_path_len")
        => path::path_rename;
    "path_symlink"(old_path: u32 = "old_path", old_len: u32 = "old_path_len", fd: u32 = "fd", new_path: u32 = "new_path", new_len: u32 = "new_path_len")
        => path::path_symlink;
    "path_unlink_file"(fd: u32 = "fd", path: u32 = "path", len: u32 = "path_len") => path::path_unlink_file;
    "poll_oneoff"(subscriptions: u32 = "in", events: u32 = "out", count: u32 = "nsubscriptions", nevents: u32 = "result.nevents")
        => poll::poll_oneoff;
    "proc_raise"(signal: u32 = "sig") => process::proc_raise;
    "sched_yield"() => process::sched_yield;
    "random_get"(buf: u32 = "buf", len: u32 = "buf_len") => random::random_get;
    "sock_accept"(fd: u32 = "fd", flags: u32 = "flags", accepted: u32 = "result.fd") => sock::sock_accept;
    "sock_recv"(fd: u32 = "fd", data: u32 = "ri_data", count: u32 = "ri_data_len", flags: u32 = "ri_flags", len: u32 = "result.ro_datalen", out_flags: u32 = "result.ro_flags")
        => sock::sock_recv;
    "sock_send"(fd: u32 = "fd", data: u32 = "si_data", count: u32 = "si_data_len", flags: u32 = "si_flags", len: u32 = "result.so_datalen")
        => sock::sock_send;
    "sock_shutdown"(fd: u32 = "fd", how: u32 = "how") => sock::sock_shutdown;
}

/// The 46 functions of `wasi_snapshot_preview1`, ready to be instantiated. What they do for an
/// instance is configured by the [`WasiState`](crate::WasiState) that is its extension.
///
/// Modules of before 2020 import `wasi_unstable`: `snapshot_preview1().with_name("wasi_unstable")`
/// serves them as wazero does, with the same functions (the old `fd_seek` counted its `whence`
/// differently, and the old `filestat` had a shorter link count).
#[must_use]
pub fn snapshot_preview1() -> HostModule {
    // It alone has no result: it never returns.
    let exit = HostFunction::new(process::proc_exit).with_parameter_names(["rval"]);
    with_functions(HostModule::new("wasi_snapshot_preview1")).with_host_function("proc_exit", exit)
}
