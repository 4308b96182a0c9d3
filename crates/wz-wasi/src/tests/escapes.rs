//! Attempts to leave a mount: by `..`, absolute paths, symbolic links made by the host and by the
//! guest, trailing slashes, every operation, and a thread that renames while paths are resolved.

use std::sync::atomic::AtomicBool;

use super::*;

/// A mount `inside` with links that lead to `outside`, which must neither be read nor changed.
struct Jail {
    directory: TempDir,
    guest: Guest,
}

const SECRET: &[u8] = b"the secret";

impl Jail {
    fn new() -> Self {
        let directory = TempDir::new();
        let root = directory.path();
        for name in ["outside", "outside/dir", "inside", "inside/sub", "inside/sub/deep"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        std::fs::write(root.join("outside/secret"), SECRET).unwrap();
        std::fs::write(root.join("outside/dir/secret"), SECRET).unwrap();
        std::fs::write(root.join("inside/file"), b"inside").unwrap();
        let outside = root.join("outside");
        for (target, link) in [
            ("../outside", "rel"),
            (outside.to_str().unwrap(), "abs"),
            ("../outside/secret", "relfile"),
            (outside.join("secret").to_str().unwrap(), "absfile"),
            ("rel", "chain"),
            ("chain/dir", "chain2"),
            ("..", "up"),
            ("../..", "sub/up2"),
            ("../../outside", "sub/rel"),
            ("../sub/../../outside", "sub/winding"),
            ("/", "slash"),
            ("../outside/new", "dangling"),
            ("sub/../../outside/", "slashed"),
            (".", "self"),
        ] {
            std::os::unix::fs::symlink(target, root.join("inside").join(link)).unwrap();
        }
        let guest = Guest::new(&WasiConfig::new().with_dir(root.join("inside"), "/"));
        Self { directory, guest }
    }

    /// Everything outside: names, contents, links, sizes and times.
    fn outside(&self) -> String {
        let mut text = String::new();
        let mut todo = vec![self.directory.path().join("outside")];
        while let Some(path) = todo.pop() {
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            use std::os::unix::fs::MetadataExt;
            let modified = metadata.modified().unwrap();
            text += &format!("{} {:?} {modified:?} {}\n", path.display(), metadata.mode(), metadata.nlink());
            if metadata.is_dir() {
                todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                text += &String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
            }
        }
        let around = std::fs::read_dir(self.directory.path()).unwrap().count();
        text + &around.to_string()
    }
}

/// Paths that lead out to a directory.
const DIRECTORIES_OUTSIDE: &[&str] = &[
    "..",
    "../outside",
    "sub/../..",
    "sub/../../outside",
    "rel",
    "abs",
    "chain",
    "chain2",
    "up",
    "up/outside",
    "sub/up2",
    "sub/up2/outside",
    "sub/rel",
    "sub/winding",
    "slash",
    "slashed",
    "self/..",
    "self/rel",
    "sub/deep/../../..",
    "rel/",
    "abs/",
    "rel/.",
    "rel/dir",
    "rel/../inside",
    "rel//dir/",
    "./../inside",
    "self/up",
];

/// Operations that must not get anywhere with a path to something outside, by name.
type Attempt = (&'static str, fn(&Guest, &str) -> FsResult<()>);

const ATTEMPTS: &[Attempt] = &[
    ("read", |guest, path| drop_ok(guest.open_read(3, path))),
    ("write", |guest, path| drop_ok(guest.open(3, path, 0))),
    ("create", |guest, path| drop_ok(guest.open(3, path, CREAT))),
    ("create new", |guest, path| drop_ok(guest.open(3, path, CREAT | EXCL))),
    ("truncate", |guest, path| drop_ok(guest.open(3, path, TRUNC))),
    ("create and truncate", |guest, path| drop_ok(guest.open(3, path, CREAT | TRUNC))),
    ("append", |guest, path| drop_ok(guest.open_with(3, path, true, CREAT, (ALL, ALL), APPEND))),
    ("open directory", |guest, path| drop_ok(guest.open_dir(3, path))),
    ("stat", |guest, path| drop_ok(guest.stat(3, path, true))),
    ("set times", |guest, path| guest.set_times(3, path, true, (1, 1), 5)),
];

/// Operations on a name below a path to a directory outside.
const ATTEMPTS_BELOW: &[Attempt] = &[
    ("read without following", |guest, path| drop_ok(guest.open_with(3, path, false, 0, (FD_READ, 0), 0))),
    ("create without following", |guest, path| drop_ok(guest.open_with(3, path, false, CREAT, (ALL, 0), 0))),
    ("stat without following", |guest, path| drop_ok(guest.stat(3, path, false))),
    ("set times without following", |guest, path| guest.set_times(3, path, false, (1, 1), 5)),
    ("make directory", |guest, path| guest.mkdir(3, path)),
    ("make directory with slash", |guest, path| guest.mkdir(3, &format!("{path}/"))),
    ("remove directory", |guest, path| guest.rmdir(3, path)),
    ("remove directory with slash", |guest, path| guest.rmdir(3, &format!("{path}/"))),
    ("unlink", |guest, path| guest.unlink(3, path)),
    ("unlink with slash", |guest, path| guest.unlink(3, &format!("{path}/"))),
    ("link from", |guest, path| guest.link((3, path), (3, "stolen"))),
    ("link from with slash", |guest, path| guest.link((3, &format!("{path}/")), (3, "stolen"))),
    ("link to", |guest, path| guest.link((3, "file"), (3, path))),
    ("rename from", |guest, path| guest.rename((3, path), (3, "stolen"))),
    ("rename from with slash", |guest, path| guest.rename((3, &format!("{path}/")), (3, "stolen"))),
    ("rename to", |guest, path| guest.rename((3, "file"), (3, path))),
    ("rename directory to", |guest, path| guest.rename((3, "sub/deep"), (3, &format!("{path}/")))),
    ("symlink at", |guest, path| guest.symlink("file", 3, path)),
    ("read link", |guest, path| drop_ok(guest.readlink(3, path, 100))),
];

fn drop_ok<T>(result: FsResult<T>) -> FsResult<()> {
    result.map(drop)
}

#[test]
fn no_operation_on_any_path_leaves_the_mount() {
    let jail = Jail::new();
    let before = jail.outside();
    let mut count = 0;
    let mut check = |name: &str, attempt: fn(&Guest, &str) -> FsResult<()>, path: &str, allowed: &[Errno]| {
        let result = attempt(&jail.guest, path);
        count += 1;
        let errno = result.expect_err(&format!("{name} {path} succeeded"));
        assert!(allowed.contains(&errno), "{name} {path}: {errno}");
        assert_eq!(jail.outside(), before, "{name} {path}");
    };
    let absolute = jail.directory.path().join("outside").to_str().unwrap().to_owned();
    for path in DIRECTORIES_OUTSIDE.iter().copied().chain([&*absolute, "/", "//", "/."]) {
        // What is wrong besides leaving may be said instead: a created path cannot end in a slash,
        // a new file cannot be where a link is.
        let allowed = [Errno::Permission, Errno::IsDirectory, Errno::Exist];
        for (name, attempt) in ATTEMPTS {
            let is_lookup = !name.contains("create") && !name.contains("append");
            check(name, *attempt, path, if is_lookup { &allowed[..1] } else { &allowed });
        }
        for below in ["secret", "new", "dir"] {
            let path = format!("{}/{below}", path.trim_end_matches('/'));
            for (name, attempt) in ATTEMPTS.iter().chain(ATTEMPTS_BELOW) {
                check(name, *attempt, &path, &[Errno::Permission]);
            }
        }
    }
    for path in ["relfile", "absfile", "dangling", "self/relfile", "sub/../absfile"] {
        for (name, attempt) in ATTEMPTS {
            check(name, *attempt, path, &[Errno::Permission, Errno::Exist]);
        }
    }
    assert!(count > 1000, "{count}");
    assert_eq!(jail.guest.contents(3, "file").unwrap(), b"inside");
}

#[test]
fn links_that_the_guest_makes_lead_nowhere_either() {
    let jail = Jail::new();
    let before = jail.outside();
    let guest = &jail.guest;
    let absolute = jail.directory.path().join("outside").to_str().unwrap().to_owned();
    for target in [&*absolute, "/", "/etc/passwd", "//"] {
        assert_eq!(guest.symlink(target, 3, "mine"), Err(Errno::Permission), "{target}");
    }
    for (number, target) in [
        "../outside",
        "sub/../../outside",
        "rel",
        "up/outside",
        ".././outside/",
        "./sub/deep/../../../outside",
    ]
    .into_iter()
    .enumerate()
    {
        let link = format!("mine{number}");
        guest.symlink(target, 3, &link).unwrap();
        assert_eq!(guest.open_dir(3, &link), Err(Errno::Permission), "{target}");
        assert_eq!(guest.open_read(3, &format!("{link}/secret")), Err(Errno::Permission));
        assert_eq!(guest.open(3, &format!("{link}/new"), CREAT), Err(Errno::Permission));
        assert_eq!(guest.mkdir(3, &format!("{link}/new")), Err(Errno::Permission));
        assert_eq!(guest.unlink(3, &format!("{link}/secret")), Err(Errno::Permission));
        // A hard link to the link is the link, and a renamed one leads elsewhere.
        guest.link((3, &link), (3, &format!("sub/{link}"))).unwrap();
        assert!(guest.contents(3, &format!("sub/{link}/secret")).is_err());
    }
    // Moving a link so that it leads out later, and a directory from below a link.
    guest.symlink("../file", 3, "sub/fine").unwrap();
    assert_eq!(guest.contents(3, "sub/fine").unwrap(), b"inside");
    guest.rename((3, "sub/fine"), (3, "fine")).unwrap();
    assert_eq!(guest.open_read(3, "fine"), Err(Errno::Permission));
    assert_eq!(jail.outside(), before);
}

#[test]
fn a_directory_cannot_be_left_through_its_own_descriptor() {
    let jail = Jail::new();
    let guest = &jail.guest;
    let sub = guest.open_dir(3, "sub").unwrap();
    let deep = guest.open_dir(3, "sub/deep").unwrap();
    for (fd, path) in
        [(sub, "../file"), (sub, "deep/../../file"), (deep, ".."), (deep, "../../file"), (sub, "rel/secret")]
    {
        assert_eq!(guest.open_read(fd, path), Err(Errno::Permission), "{path}");
        assert_eq!(guest.stat(fd, path, true), Err(Errno::Permission), "{path}");
    }
    assert_eq!(guest.rename((deep, "../x"), (3, "y")), Err(Errno::Permission));
    // Also not after the host has moved it out.
    std::fs::rename(
        jail.directory.path().join("inside/sub/deep"),
        jail.directory.path().join("outside/deep"),
    )
    .unwrap();
    assert_eq!(guest.open_read(deep, "../secret"), Err(Errno::Permission));
    assert_eq!(guest.stat(deep, "../secret", false), Err(Errno::Permission));
    assert_eq!(guest.open(deep, "new", CREAT).map(drop), Ok(()), "it is still the guest's directory");
}

#[test]
fn memory_trees_cannot_be_left() {
    let tree = crate::fs::MemoryFs::new();
    tree.write("sub/deep/file", *b"x").unwrap();
    let guest = Guest::new(&WasiConfig::new().with_mount(tree, "/"));
    let sub = guest.open_dir(3, "sub").unwrap();
    guest.symlink("..", sub, "up").unwrap();
    guest.symlink("../..", 3, "sub/deep/up2").unwrap();
    for path in
        ["..", "../sub", "deep/../..", "up", "up/sub", "deep/up2", "deep/up2/sub", "up/", "./../sub/deep"]
    {
        for (fd, path) in [(sub, path.to_owned()), (3, format!("../{path}"))] {
            assert_eq!(guest.stat(fd, &path, true), Err(Errno::Permission), "{path}");
            assert_eq!(guest.open_dir(fd, &path), Err(Errno::Permission), "{path}");
            assert_eq!(guest.mkdir(fd, &format!("{path}/new")), Err(Errno::Permission), "{path}");
        }
    }
    // The same links are fine where they stay inside.
    assert_eq!(guest.contents(3, "sub/up/sub/deep/up2/sub/deep/file").unwrap(), b"x");
}

#[test]
fn renaming_while_paths_are_resolved_opens_no_way_out() {
    let jail = Jail::new();
    let root = jail.directory.path().join("inside");
    std::fs::create_dir(root.join("swap")).unwrap();
    std::fs::write(root.join("swap/secret"), b"decoy").unwrap();
    std::os::unix::fs::symlink("../outside", root.join("evil")).unwrap();
    let before = jail.outside();
    let done = AtomicBool::new(false);
    let mut seen = [0_u32; 2];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let rename = |from: &str, to: &str| std::fs::rename(root.join(from), root.join(to)).unwrap();
            // Leaves the processor now in one state, now in the other.
            let pause = |now: bool| {
                if now {
                    std::thread::yield_now()
                }
            };
            for round in 0_u32.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                rename("swap", "hidden");
                rename("evil", "swap");
                pause(round % 2 == 0);
                rename("swap", "evil");
                rename("hidden", "swap");
                pause(round % 2 == 1);
                rename("swap", "sub/deep/swap");
                rename("sub/deep/swap", "swap");
            }
        });
        let started = Instant::now();
        let guest = &jail.guest;
        let is_enough = |seen: [u32; 2]| match started.elapsed().as_millis() {
            0..700 => false,
            700..8000 => seen.iter().all(|count| *count > 0),
            _ => true,
        };
        while !is_enough(seen) {
            match guest.contents(3, "swap/secret") {
                Ok(contents) => {
                    assert_eq!(contents, b"decoy");
                    seen[0] += 1;
                }
                Err(_) => seen[1] += 1,
            }
            for path in
                ["swap/../../outside/secret", "sub/deep/swap/../../../swap/secret", "swap/./../swap/secret"]
            {
                if let Ok(contents) = guest.contents(3, path) {
                    assert_eq!(contents, b"decoy", "{path}");
                }
            }
            for (_, attempt) in ATTEMPTS_BELOW
                .iter()
                .filter(|(name, _)| name.contains("make") || name.contains("unlink with"))
            {
                let _ = attempt(guest, "swap/new");
            }
            let _ = guest.rmdir(3, "swap/new");
            let _ = guest.open(3, "swap/created", CREAT).map(|fd| guest.close(fd));
            let _ = guest.set_times(3, "swap/secret", true, (1, 1), 5);
            let _ = guest.unlink(3, "swap/created");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(jail.outside(), before);
    assert!(seen[0] > 0 && seen[1] > 0, "both states were met: {seen:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn links_of_the_proc_file_system_are_not_magic() {
    // Mounted as a whole, its links to open files and roots would lead anywhere.
    let guest = Guest::new(&WasiConfig::new().with_read_only_dir("/proc", "/"));
    for path in ["self/root", "self/root/etc", "self/cwd", "self/exe", "thread-self/root/etc/passwd"] {
        assert!(matches!(guest.open_read(3, path), Err(Errno::Loop | Errno::Permission)), "{path}");
        assert!(guest.stat(3, path, true).is_err(), "{path}");
    }
}
