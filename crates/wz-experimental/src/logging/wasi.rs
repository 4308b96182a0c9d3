//! What is known of `wasi_snapshot_preview1`: what its numbers, flags and structures mean.

use std::fmt::Write;

use wz_api::{FunctionDefinition, Memory};

use super::push_escaped;

/// The names that it is imported by.
pub(super) const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// The most bytes of a path that are shown.
const MAX_PATH_BYTES: u64 = 4096;

/// How many flags are shown by name: of rights there may be thirty.
const MAX_FLAG_NAMES: u32 = 8;

const ERRNOS: [&str; 77] = [
    "ESUCCESS",
    "E2BIG",
    "EACCES",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "EAFNOSUPPORT",
    "EAGAIN",
    "EALREADY",
    "EBADF",
    "EBADMSG",
    "EBUSY",
    "ECANCELED",
    "ECHILD",
    "ECONNABORTED",
    "ECONNREFUSED",
    "ECONNRESET",
    "EDEADLK",
    "EDESTADDRREQ",
    "EDOM",
    "EDQUOT",
    "EEXIST",
    "EFAULT",
    "EFBIG",
    "EHOSTUNREACH",
    "EIDRM",
    "EILSEQ",
    "EINPROGRESS",
    "EINTR",
    "EINVAL",
    "EIO",
    "EISCONN",
    "EISDIR",
    "ELOOP",
    "EMFILE",
    "EMLINK",
    "EMSGSIZE",
    "EMULTIHOP",
    "ENAMETOOLONG",
    "ENETDOWN",
    "ENETRESET",
    "ENETUNREACH",
    "ENFILE",
    "ENOBUFS",
    "ENODEV",
    "ENOENT",
    "ENOEXEC",
    "ENOLCK",
    "ENOLINK",
    "ENOMEM",
    "ENOMSG",
    "ENOPROTOOPT",
    "ENOSPC",
    "ENOSYS",
    "ENOTCONN",
    "ENOTDIR",
    "ENOTEMPTY",
    "ENOTRECOVERABLE",
    "ENOTSOCK",
    "ENOTSUP",
    "ENOTTY",
    "ENXIO",
    "EOVERFLOW",
    "EOWNERDEAD",
    "EPERM",
    "EPIPE",
    "EPROTO",
    "EPROTONOSUPPORT",
    "EPROTOTYPE",
    "ERANGE",
    "EROFS",
    "ESPIPE",
    "ESRCH",
    "ESTALE",
    "ETIMEDOUT",
    "ETXTBSY",
    "EXDEV",
    "ENOTCAPABLE",
];
const CLOCKS: &[&str] = &["realtime", "monotonic", "process_cputime", "thread_cputime"];
const ADVICE: &[&str] = &["NORMAL", "SEQUENTIAL", "RANDOM", "WILLNEED", "DONTNEED", "NOREUSE"];
const WHENCE: &[&str] = &["SET", "CUR", "END"];
const FILE_TYPES: &[&str] = &[
    "UNKNOWN",
    "BLOCK_DEVICE",
    "CHARACTER_DEVICE",
    "DIRECTORY",
    "REGULAR_FILE",
    "SOCKET_DGRAM",
    "SOCKET_STREAM",
    "SYMBOLIC_LINK",
];
const LOOKUP_FLAGS: &[&str] = &["SYMLINK_FOLLOW"];
const OPEN_FLAGS: &[&str] = &["CREAT", "DIRECTORY", "EXCL", "TRUNC"];
const FD_FLAGS: &[&str] = &["APPEND", "DSYNC", "NONBLOCK", "RSYNC", "SYNC"];
const TIME_FLAGS: &[&str] = &["ATIM", "ATIM_NOW", "MTIM", "MTIM_NOW"];
const SHUTDOWN_FLAGS: &[&str] = &["RD", "WR"];
const RECEIVE_FLAGS: &[&str] = &["RECV_PEEK", "RECV_WAITALL"];
const RECEIVED_FLAGS: &[&str] = &["RECV_DATA_TRUNCATED"];
const RIGHTS: &[&str] = &[
    "FD_DATASYNC",
    "FD_READ",
    "FD_SEEK",
    "FD_FDSTAT_SET_FLAGS",
    "FD_SYNC",
    "FD_TELL",
    "FD_WRITE",
    "FD_ADVISE",
    "FD_ALLOCATE",
    "PATH_CREATE_DIRECTORY",
    "PATH_CREATE_FILE",
    "PATH_LINK_SOURCE",
    "PATH_LINK_TARGET",
    "PATH_OPEN",
    "FD_READDIR",
    "PATH_READLINK",
    "PATH_RENAME_SOURCE",
    "PATH_RENAME_TARGET",
    "PATH_FILESTAT_GET",
    "PATH_FILESTAT_SET_SIZE",
    "PATH_FILESTAT_SET_TIMES",
    "FD_FILESTAT_GET",
    "FD_FILESTAT_SET_SIZE",
    "FD_FILESTAT_SET_TIMES",
    "PATH_SYMLINK",
    "PATH_REMOVE_DIRECTORY",
    "PATH_UNLINK_FILE",
    "POLL_FD_READWRITE",
    "SOCK_SHUTDOWN",
    "SOCK_ACCEPT",
];

/// Whether the function is one of WASI.
pub(super) fn is_wasi(definition: &FunctionDefinition) -> bool {
    definition.is_host_function() && MODULES.contains(&definition.module_name())
}

/// What a parameter or result means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A number as it is.
    Number,
    /// An unsigned number as it is.
    Unsigned,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Any of these, by bit.
    Flags(&'static [&'static str]),
    /// The pointer to a text whose length is the next parameter.
    Text,
    /// The length of the text before.
    TextLength,
    /// A pointer to where a result goes.
    Out(Out),
}

/// What is where a pointer points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Out {
    Number32,
    Number64,
    Flags16(&'static [&'static str]),
    FdStat,
    FileStat,
    PreStat,
    /// A text whose length is the next parameter, which is not shown either.
    Text,
    TextLength,
}

/// What the parameter of that name means in a function of WASI.
pub(super) fn param(function: &str, name: &str) -> Meaning {
    use Meaning::{Choice, Flags, Number, Out as Result, Text, TextLength, Unsigned};
    if let Some(result) = name.strip_prefix("result.") {
        return Result(match result {
            "resolution" | "timestamp" | "newoffset" | "offset" => Out::Number64,
            "ro_flags" => Out::Flags16(RECEIVED_FLAGS),
            "stat" => Out::FdStat,
            "filestat" => Out::FileStat,
            "prestat" => Out::PreStat,
            "path" => Out::Text,
            "path_len" => Out::TextLength,
            _ => Out::Number32,
        });
    }
    match (function, name) {
        (_, "path" | "old_path" | "new_path") => Text,
        (_, "path_len" | "old_path_len" | "new_path_len") => TextLength,
        ("fd_fdstat_set_flags" | "sock_accept", "flags") | (_, "fdflags") => Flags(FD_FLAGS),
        (_, "flags" | "dirflags" | "old_flags") => Flags(LOOKUP_FLAGS),
        (_, "oflags") => Flags(OPEN_FLAGS),
        (_, "fst_flags") => Flags(TIME_FLAGS),
        (_, "fs_rights_base" | "fs_rights_inheriting") => Flags(RIGHTS),
        (_, "how") => Flags(SHUTDOWN_FLAGS),
        (_, "ri_flags") => Flags(RECEIVE_FLAGS),
        ("clock_res_get" | "clock_time_get", "id") => Choice(CLOCKS),
        (_, "advice") => Choice(ADVICE),
        (_, "whence") => Choice(WHENCE),
        ("fd_seek", "offset") => Number,
        ("proc_exit", _) => Number,
        _ => Unsigned,
    }
}

/// What the result of that name means.
pub(super) fn result(name: &str) -> Meaning {
    if name == "errno" { Meaning::Choice(&ERRNOS) } else { Meaning::Number }
}

/// Writes one of `names`, or the number if there is none of it.
pub(super) fn write_choice(text: &mut String, names: &[&str], number: u64) {
    match usize::try_from(number).ok().and_then(|number| names.get(number)) {
        Some(name) => text.push_str(name),
        None => _ = write!(text, "{number}"),
    }
}

/// Writes the names of the bits, and what has no name in hexadecimal; so also what has too many.
pub(super) fn write_flags(text: &mut String, names: &[&str], bits: u64) {
    if bits.count_ones() > MAX_FLAG_NAMES {
        let _ = write!(text, "0x{bits:x}");
        return;
    }
    let mut separator = "";
    let mut rest = bits;
    for (position, name) in names.iter().enumerate() {
        if bits & (1 << position) != 0 {
            let _ = write!(text, "{separator}{name}");
            separator = "|";
            rest &= !(1 << position);
        }
    }
    if rest != 0 {
        let _ = write!(text, "{separator}0x{rest:x}");
    }
}

/// Writes the text that is in the memory, or what is wrong with it.
pub(super) fn write_text(text: &mut String, memory: Option<&Memory>, at: u64, len: u64) {
    let Some(bytes) = memory.and_then(|memory| memory.read_vec(at, len.min(MAX_PATH_BYTES))) else {
        text.push_str("OOM");
        return;
    };
    push_escaped(text, &String::from_utf8_lossy(&bytes));
    if len > MAX_PATH_BYTES {
        text.push_str("...");
    }
}

/// Writes what the host left at `at`; nothing if that is not in the memory.
pub(super) fn write_out(text: &mut String, out: Out, memory: Option<&Memory>, at: u64, len: u64) {
    let _: Option<()> = memory.and_then(|memory| {
        match out {
            Out::Number32 => _ = write!(text, "{}", memory.read_u32(at)?),
            Out::Number64 => _ = write!(text, "{}", memory.read_u64(at)?),
            Out::Flags16(names) => write_flags(text, names, memory.read_u16(at)?.into()),
            Out::Text => write_text(text, Some(memory), at, len),
            Out::TextLength => {}
            Out::PreStat => _ = write!(text, "{{pr_name_len={}}}", memory.read_u32(at + 4)?),
            Out::FdStat => {
                let (base, inheriting) = (memory.read_u64(at + 8)?, memory.read_u64(at + 16)?);
                text.push_str("{filetype=");
                write_choice(text, FILE_TYPES, memory.read_u8(at)?.into());
                text.push_str(",fdflags=");
                write_flags(text, FD_FLAGS, memory.read_u16(at + 2)?.into());
                text.push_str(",fs_rights_base=");
                write_flags(text, RIGHTS, base);
                text.push_str(",fs_rights_inheriting=");
                write_flags(text, RIGHTS, inheriting);
                text.push('}');
            }
            Out::FileStat => {
                let (size, modified) = (memory.read_u64(at + 32)?, memory.read_u64(at + 48)?);
                text.push_str("{filetype=");
                write_choice(text, FILE_TYPES, memory.read_u8(at + 16)?.into());
                let _ = write!(text, ",size={size},mtim={modified}}}");
            }
        }
        Some(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_names() {
        let choice = |names, number| {
            let mut text = String::new();
            write_choice(&mut text, names, number);
            text
        };
        for (number, name) in
            [(0, "ESUCCESS"), (8, "EBADF"), (28, "EINVAL"), (44, "ENOENT"), (76, "ENOTCAPABLE")]
        {
            assert_eq!(choice(&ERRNOS, number), name);
        }
        assert_eq!(choice(&ERRNOS, 77), "77");
        assert_eq!(choice(CLOCKS, u64::MAX), "18446744073709551615");
    }

    #[test]
    fn flags_have_their_names() {
        let check = |names, bits, expected: &str| {
            let mut text = String::new();
            write_flags(&mut text, names, bits);
            assert_eq!(text, expected);
        };
        check(OPEN_FLAGS, 0, "");
        check(OPEN_FLAGS, 9, "CREAT|TRUNC");
        check(OPEN_FLAGS, 0x31, "CREAT|0x30");
        check(RIGHTS, 1 << 29 | 1, "FD_DATASYNC|SOCK_ACCEPT");
        check(RIGHTS, 0x1ff, "0x1ff");
    }
}
