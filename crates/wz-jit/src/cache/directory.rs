//! [`Directory`]: where entries are on disk. Its files are whole or absent, because they are
//! renamed into place; who may write to it is checked; what is old or too much is removed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use wz_api::{Error, Result};

use super::origin::Key;
use super::sys;

/// How entries' names end: after the key.
const ENTRY_SUFFIX: &str = ".wzcode";
/// How the names of files begin that are being written.
const NEW_PREFIX: &str = "new-";
/// The length of a key in a name.
const KEY_DIGITS: usize = 64;

/// How long entries stay that nobody uses.
pub const UNUSED_LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long files stay whose writer did not finish.
const UNFINISHED_LIMIT: Duration = Duration::from_secs(3600);

/// Tells programs that make backups what this is, as <https://bford.info/cachedir/> has it.
const TAG_NAME: &str = "CACHEDIR.TAG";
const TAG: &str =
    "Signature: 8a477f597d28d172789f06886806bc55\n# Compiled code of wz. May be deleted at any time.\n";

/// A directory of entries.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The directory at a path, made if there is none.
    ///
    /// # Errors
    /// If it cannot be made, or others than the user may write to it.
    pub(super) fn new(path: &Path) -> Result<Self> {
        if path.as_os_str().is_empty() {
            return Err(Error::argument("the cache directory has no name"));
        }
        let shown = path.display();
        let failed = |what: &str| {
            let what = format!("cannot {what} the cache directory {shown}");
            move |error: io::Error| Error::system(what, error)
        };
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                sys::create_private_dir(path).map_err(failed("make"))?;
                // A comfort, nothing more.
                let _ = fs::write(path.join(TAG_NAME), TAG);
            }
            Err(error) => return Err(failed("open")(error)),
            Ok(_) => {}
        }
        let metadata = fs::metadata(path).map_err(failed("open"))?;
        if !metadata.is_dir() {
            return Err(Error::argument(format!("the cache directory {shown} is not a directory")));
        }
        if let Some(problem) = sys::problem(&metadata) {
            let message = format!(
                "the cache directory {shown} {problem}, who could put code there for you to run: \
                 use one that only you can write to"
            );
            return Err(Error::argument(message));
        }
        // A process may change to another directory.
        let path = std::path::absolute(path).map_err(failed("open"))?;
        Ok(Self { path })
    }

    /// The path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the entry with a key is.
    pub(super) fn entry_path(&self, key: &Key) -> PathBuf {
        self.path.join(format!("{key}{ENTRY_SUFFIX}"))
    }

    /// Opens the file of the entry with a key, if nobody else may have written it.
    pub(super) fn open(&self, key: &Key) -> Option<File> {
        let file = sys::open(&self.entry_path(key)).ok()?;
        let metadata = file.metadata().ok()?;
        (metadata.is_file() && sys::problem(&metadata).is_none()).then_some(file)
    }

    /// Writes the entry with a key and puts it in place of the one before, if there is one.
    pub(super) fn write<T>(&self, key: &Key, write: impl FnOnce(File) -> io::Result<T>) -> io::Result<T> {
        let (unfinished, file) = self.create()?;
        let written = write(file)?;
        fs::rename(&unfinished.0, self.entry_path(key))?;
        std::mem::forget(unfinished);
        Ok(written)
    }

    fn create(&self) -> io::Result<(Unfinished, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            // Processes that share the directory may have the same number in their own systems.
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let name = format!("{NEW_PREFIX}{}-{count}-{}", std::process::id(), now.subsec_nanos());
            let path = self.path.join(name);
            match sys::create_private(&path) {
                Ok(file) => return Ok((Unfinished(path), file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes what nobody used for long, then what was not used for longest until the rest is at
    /// most `limit_bytes` long. The entry with this key stays.
    pub(super) fn clean(&self, limit_bytes: u64, keep: &Key) {
        let (now, keep) = (SystemTime::now(), self.entry_path(keep));
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let Some(kind) = kind_of(&file.file_name()) else { continue };
            let Ok(metadata) = file.metadata() else { continue };
            let Ok(used) = metadata.modified() else { continue };
            if !metadata.is_file() {
                continue;
            }
            if file.path() == keep {
                entries.push((now, metadata.len(), None));
                continue;
            }
            // What is of the future was just used.
            let age = now.duration_since(used).unwrap_or_default();
            match kind {
                Kind::Unfinished if age > UNFINISHED_LIMIT => remove(&file.path()),
                Kind::Unfinished => {}
                Kind::Entry if age > UNUSED_LIMIT => remove(&file.path()),
                Kind::Entry => entries.push((used, metadata.len(), Some(file.path()))),
            }
        }
        let mut total: u64 = entries.iter().map(|(_, len, _)| len).sum();
        entries.sort_by_key(|(used, ..)| *used);
        for (_, len, path) in entries {
            if total <= limit_bytes {
                break;
            }
            if let Some(path) = path {
                remove(&path);
                total = total.saturating_sub(len);
            }
        }
    }
}

/// Somebody else may be faster; what cannot be removed stays.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Whose name a file has. Others are left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Entry,
    Unfinished,
}

fn kind_of(name: &OsStr) -> Option<Kind> {
    let name = name.to_str()?;
    let is_key = |key: &str| {
        key.len() == KEY_DIGITS && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    if name.strip_suffix(ENTRY_SUFFIX).is_some_and(is_key) {
        Some(Kind::Entry)
    } else if name.strip_prefix(NEW_PREFIX).is_some_and(|rest| rest.bytes().all(is_number)) {
        Some(Kind::Unfinished)
    } else {
        None
    }
}

/// A file that is removed unless it is finished.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key([number; 32])
    }

    fn names(directory: &Directory) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != TAG_NAME)
            .collect();
        names.sort();
        names
    }

    fn write(directory: &Directory, number: u8, bytes: &[u8]) {
        directory.write(&key(number), |mut file| io::Write::write_all(&mut file, bytes)).unwrap();
    }

    fn age(path: &Path, by: Duration) {
        File::open(path).unwrap().set_modified(SystemTime::now() - by).unwrap();
    }

    #[test]
    fn what_is_written_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::new(&folder.path().join("a/b")).unwrap();
        assert!(directory.open(&key(1)).is_none());
        write(&directory, 1, b"one");
        write(&directory, 1, b"another");
        let text = io::read_to_string(directory.open(&key(1)).unwrap()).unwrap();
        assert_eq!(text, "another");
        let failed = directory.write(&key(1), |mut file| -> io::Result<()> {
            io::Write::write_all(&mut file, b"half")?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(io::read_to_string(directory.open(&key(1)).unwrap()).unwrap(), "another");
        assert_eq!(names(&directory).len(), 1, "{:?}", names(&directory));
    }

    #[test]
    fn what_is_old_or_too_much_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::new(folder.path()).unwrap();
        for number in 1..=6 {
            write(&directory, number, &[0; 100]);
            age(&directory.entry_path(&key(number)), Duration::from_secs(u64::from(10 - number) * 60));
        }
        age(&directory.entry_path(&key(2)), UNUSED_LIMIT + Duration::from_secs(60));
        fs::write(folder.path().join("new-1-2-3"), "").unwrap();
        fs::write(folder.path().join("new-4-5-6"), "").unwrap();
        age(&folder.path().join("new-1-2-3"), UNFINISHED_LIMIT + Duration::from_secs(60));
        for other in ["new-address.txt", "notes.wzcode", "f.wasm"] {
            fs::write(folder.path().join(other), "mine").unwrap();
            age(&folder.path().join(other), UNUSED_LIMIT * 2);
        }
        let expected = |numbers: &[u8]| {
            let mut names: Vec<_> = numbers.iter().map(|number| format!("{}.wzcode", key(*number))).collect();
            names.extend(["f.wasm", "new-4-5-6", "new-address.txt", "notes.wzcode"].map(str::to_owned));
            names.sort();
            names
        };
        directory.clean(u64::MAX, &key(6));
        assert_eq!(names(&directory), expected(&[1, 3, 4, 5, 6]));
        directory.clean(400, &key(6));
        assert_eq!(names(&directory), expected(&[3, 4, 5, 6]));
        // The one that is kept is the oldest.
        directory.clean(150, &key(3));
        assert_eq!(names(&directory), expected(&[3]));
        directory.clean(10, &key(3));
        assert_eq!(names(&directory), expected(&[3]));
    }

    #[test]
    fn a_directory_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Directory::new(&file).unwrap_err().to_string();
        assert_eq!(error, format!("the cache directory {} is not a directory", file.display()));
        assert_eq!(Directory::new(Path::new("")).unwrap_err().to_string(), "the cache directory has no name");
        let error = Directory::new(&file.join("below")).unwrap_err().to_string();
        assert!(error.starts_with("cannot ") && error.contains(&*file.to_string_lossy()), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_others_can_write_to_is_refused() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let directory = Directory::new(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let set_mode =
            |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(mode(&path), 0o700);
        write(&directory, 1, b"one");
        let entry = directory.entry_path(&key(1));
        assert_eq!(mode(&entry), 0o600);
        for (mode, is_private) in [(0o620, false), (0o602, false), (0o644, true), (0o400, true)] {
            set_mode(&entry, mode);
            assert_eq!(directory.open(&key(1)).is_some(), is_private, "{mode:o}");
        }
        // Neither links nor pipes nor directories are entries.
        symlink(&entry, directory.entry_path(&key(2))).unwrap();
        assert!(directory.open(&key(2)).is_none());
        fs::create_dir(directory.entry_path(&key(3))).unwrap();
        assert!(directory.open(&key(3)).is_none());
        let made = std::process::Command::new("mkfifo").arg(directory.entry_path(&key(4))).status();
        if made.is_ok_and(|status| status.success()) {
            assert!(directory.open(&key(4)).is_none());
        }
        for (mode, is_private) in [(0o770, false), (0o702, false), (0o1777, false), (0o755, true)] {
            set_mode(&path, mode);
            let opened = Directory::new(&path);
            assert_eq!(opened.is_ok(), is_private, "{mode:o}");
            if let Err(error) = opened {
                let error = error.to_string();
                assert!(error.contains(&*path.to_string_lossy()) && error.contains("other users"), "{error}");
            }
        }
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
            assert!(Directory::new(&path).unwrap_err().to_string().contains("belongs to another user"));
            std::os::unix::fs::chown(&entry, Some(12_345), None).unwrap();
            assert!(directory.open(&key(1)).is_none());
        }
    }
}
