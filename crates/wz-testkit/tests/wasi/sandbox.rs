//! A directory that guests cannot leave: a program that tries everything, and one that tries while
//! somebody else renames what it goes through.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use wz_testkit::engines::for_each_engine;

use crate::support::run;

/// What is in a file outside. No path or name has it.
const SECRET: &str = "47-sandpiper-8c";

/// Names, types, modes, sizes, times, link counts and contents below a folder.
fn snapshot(folder: &Path) -> String {
    let mut text = String::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut paths: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.push(folder);
        for path in &paths {
            let metadata = path.symlink_metadata().unwrap();
            let (modified, changed) = (metadata.modified().unwrap(), metadata.ctime_nsec());
            text += &format!(
                "{} {:o} {modified:?} {changed} {}",
                path.display(),
                metadata.mode(),
                metadata.nlink()
            );
            if metadata.is_file() {
                text += &std::fs::read_to_string(path).unwrap();
            }
            text.push('\n');
        }
        folders.extend(
            paths[..paths.len() - 1].iter().filter(|path| path.is_dir() && !path.is_symlink()).cloned(),
        );
    }
    text
}

/// `mount` and `outside` beside each other, the latter with a secret.
fn grounds() -> tempfile::TempDir {
    let grounds = tempfile::tempdir().unwrap();
    for folder in ["mount", "outside", "outside/full"] {
        std::fs::create_dir(grounds.path().join(folder)).unwrap();
    }
    for file in ["outside/secret", "outside/full/secret"] {
        std::fs::write(grounds.path().join(file), SECRET).unwrap();
    }
    grounds
}

#[test]
fn no_attempt_leaves_the_mount() {
    for_each_engine(|engine| {
        let grounds = grounds();
        let (mount, outside) = (grounds.path().join("mount"), grounds.path().join("outside"));
        std::fs::write(mount.join("inside"), "inside").unwrap();
        std::fs::create_dir(mount.join("dir")).unwrap();
        for (link, target) in [
            ("absolute", outside.as_path()),
            ("absolute-file", &outside.join("secret")),
            ("relative", Path::new("../outside")),
            ("relative-file", Path::new("../outside/secret")),
            ("up", Path::new("..")),
            ("dot-up", Path::new("./..")),
            ("first", Path::new("second")),
            ("second", Path::new("absolute")),
            ("dir/deep", Path::new("../../outside")),
            ("self", Path::new(".")),
            ("proc", Path::new("/proc/self/root")),
            ("descriptors", Path::new("/proc/self/fd")),
        ] {
            symlink(target, mount.join(link)).unwrap();
        }
        let before = (snapshot(&outside), std::fs::read_dir(grounds.path()).unwrap().count());
        let ended = run(engine, "wasi-tests/attacks.wasm", &[outside.to_str().unwrap(), SECRET], |config| {
            config.with_dir(&mount, "/")
        });
        ended.is_fine();
        assert!(!ended.output.contains(SECRET));
        let attempts: usize = ended.output.split(' ').next().unwrap().parse().unwrap();
        assert!(attempts > 1000, "{}", ended.output);
        let after = (snapshot(&outside), std::fs::read_dir(grounds.path()).unwrap().count());
        assert_eq!(before, after);
        assert_eq!(std::fs::read_dir(&mount).unwrap().count(), 13, "nothing is left inside either");
    });
}

#[test]
fn renaming_what_paths_lead_through_opens_no_way_out() {
    for_each_engine(|engine| {
        let grounds = grounds();
        let (mount, outside) = (grounds.path().join("mount"), grounds.path().join("outside"));
        std::fs::create_dir(mount.join("swap")).unwrap();
        std::fs::write(mount.join("swap/file"), "inside").unwrap();
        std::fs::write(mount.join("ball"), "ball").unwrap();
        // The name that the guest asks for is there on both sides.
        std::fs::write(outside.join("file"), SECRET).unwrap();
        symlink(&outside, grounds.path().join("absolute")).unwrap();
        symlink("../outside", grounds.path().join("relative")).unwrap();
        let before = snapshot(&outside);
        let done = AtomicBool::new(false);
        let ended = std::thread::scope(|scope| {
            let renamer = scope.spawn(|| {
                let (swap, real) = (mount.join("swap"), grounds.path().join("real"));
                let mut rounds = 0_u32;
                while !done.load(Ordering::Relaxed) {
                    let link =
                        grounds.path().join(if rounds.is_multiple_of(2) { "absolute" } else { "relative" });
                    std::fs::rename(&swap, &real).unwrap();
                    std::fs::rename(&link, &swap).unwrap();
                    std::fs::rename(&swap, &link).unwrap();
                    std::fs::rename(&real, &swap).unwrap();
                    rounds += 1;
                }
                rounds
            });
            let ended = run(engine, "wasi-tests/race.wasm", &["4000"], |config| config.with_dir(&mount, "/"));
            done.store(true, Ordering::Relaxed);
            (ended, renamer.join().unwrap())
        });
        let (ended, rounds) = ended;
        ended.is_fine();
        assert_eq!(before, snapshot(&outside));
        // Both had their turns.
        let through: u32 = ended.output.split(' ').next().unwrap().parse().unwrap();
        assert!(through > 0 && rounds > 0, "{through} times through, {rounds} renames");
    });
}
