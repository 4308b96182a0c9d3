//! Entries that are damaged, cut, of somebody else or made by somebody who knows the format.

use std::fs;

use super::super::entry::Entry;
use super::super::origin::{Key, Origin};
use super::super::sys;
use super::*;

/// Records that were changed are records that fit, or none: they never bring about a panic.
#[test]
fn changed_records_are_refused_or_fit() {
    let info = module(9);
    let (mut random, mut fitting) = (Random(1), 0);
    for seed in 0..6 {
        let function = seed as u32;
        let bytes = Record::Code(made_up(&info, function, seed)).encode();
        for len in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..len], &shape(&info, function)), None, "cut to {len}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Record::decode(&longer, &shape(&info, function)), None);
        for position in 0..bytes.len() {
            for flip in [1, 0x80, 0xff, 1 << random.below(8)] {
                let mut changed = bytes.clone();
                changed[position] ^= flip;
                if let Some(Record::Code(found)) = Record::decode(&changed, &shape(&info, function)) {
                    check_fits(&found, &info, function);
                    fitting += 1;
                }
            }
        }
    }
    assert!(fitting > 0, "code may have any bytes");
}

#[track_caller]
fn check_fits(found: &CompiledFunction, info: &ModuleInfo, function: u32) {
    let len = found.code.len() as u32;
    assert_eq!(found.info.function, info.imported.functions + function);
    assert!(found.info.prologue_bytes <= len);
    for Relocation { offset, kind, target, .. } in &found.relocations {
        assert!(offset + 4 <= len && u32::from(*kind) < KINDS);
        match target {
            SlotRef::Function(index) | SlotRef::Plain(index) => assert!(*index < info.bodies.len() as u32),
            SlotRef::RecordCall(index) | SlotRef::HostCall(index) => {
                assert!(*index < info.types.len() as u32)
            }
            _ => {}
        }
    }
    assert!(found.info.unwalkable.iter().all(|(start, end)| start <= end && *end <= len));
    assert!(found.info.traps.is_sound(len) && found.info.calls.is_sound(len));
    for pc in 0..=len {
        let _ = found.info.traps.lookup(pc);
        let pad = found.info.calls.lookup(pc).and_then(|site| site.landing_pad);
        assert!(pad.is_none_or(|pad| pad < len));
        let offset = found.info.pc_map.lookup(pc);
        assert!(offset.is_none_or(|offset| offset as usize <= info.bytes.len()));
    }
}

/// Numbers that promise more than there is.
#[test]
fn promises_are_not_believed() {
    let info = module(9);
    for position in 5..13 {
        let mut bytes = vec![0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0x90];
        assert!(Record::decode(&bytes, &shape(&info, 0)).is_some(), "a byte of code");
        bytes.splice(position..position, [0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(Record::decode(&bytes, &shape(&info, 0)), None, "at {position}");
    }
}

fn origin(info: &ModuleInfo) -> Origin {
    Origin::new(info, "1.0", "here")
}

/// An entry with some functions.
fn entry_bytes(info: &ModuleInfo, ids: &[u32]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let record = |id: u32| Some(Record::Code(made_up(info, id / 2, 0)).encode());
    let written = fs::OpenOptions::new().read(true).write(true).open(file.path()).unwrap();
    let entry = Entry::write(written, &origin(info), ids, record).unwrap();
    assert_eq!(entry.len_bytes(), file.as_file().metadata().unwrap().len());
    check_entry(&entry, info, ids);
    fs::read(file.path()).unwrap()
}

fn open(bytes: &[u8], origin: &Origin) -> Option<Entry> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    Entry::open(file, origin)
}

#[track_caller]
fn check_entry(entry: &Entry, info: &ModuleInfo, ids: &[u32]) {
    assert_eq!(entry.ids().collect::<Vec<_>>(), ids);
    for id in 0..info.bodies.len() as u32 * 2 {
        let expected = ids.contains(&id).then(|| Record::Code(made_up(info, id / 2, 0)).encode());
        assert_eq!(entry.read(id), expected);
    }
}

#[test]
fn entries_with_any_byte_changed_or_missing_give_nothing_wrong() {
    let info = module(6);
    let (origin, ids) = (origin(&info), [0, 2, 3, 8]);
    let bytes = entry_bytes(&info, &ids);
    check_entry(&open(&bytes, &origin).unwrap(), &info, &ids);
    for len in 0..bytes.len() {
        assert!(open(&bytes[..len], &origin).is_none(), "cut to {len}");
    }
    assert!(open(&[&*bytes, &[0]].concat(), &origin).is_none(), "something follows");
    let mut random = Random(2);
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1 << random.below(8);
        let Some(entry) = open(&changed, &origin) else { continue };
        let good = ids.iter().filter(|id| {
            let expected = Record::Code(made_up(&info, **id / 2, 0)).encode();
            entry.read(**id).inspect(|found| assert_eq!(*found, expected)).is_some()
        });
        assert_eq!(good.count(), 3, "one record is damaged by byte {position}");
    }
}

/// A file that shrinks while it is open.
#[test]
fn entries_that_become_shorter_give_nothing_wrong() {
    let info = module(6);
    let bytes = entry_bytes(&info, &[0, 2, 4]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let entry = Entry::open(sys::open(file.path()).unwrap(), &origin(&info)).unwrap();
    assert!(entry.read(4).is_some());
    file.as_file().set_len(bytes.len() as u64 - 1).unwrap();
    assert!(entry.read(0).is_some() && entry.read(4).is_none());
    file.as_file().set_len(0).unwrap();
    assert!(entry.read(0).is_none());
}

/// Heads whose hash is right and whose content is not.
#[test]
fn heads_that_lie_are_refused() {
    let info = module(6);
    let bytes = entry_bytes(&info, &[0, 2, 4]);
    let origin = origin(&info);
    let head_len = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let index = head_len - 32 - 3 * 24;
    type Change = Box<dyn Fn(&mut Vec<u8>)>;
    let set = |position: usize, value: u32| -> Change {
        Box::new(move |bytes| bytes[position..position + 4].copy_from_slice(&value.to_le_bytes()))
    };
    let changes: Vec<(&str, Change)> = vec![
        ("another format", set(8, u32::MAX)),
        ("no head", set(12, 0)),
        ("a short head", set(12, 140)),
        ("a head that is not there", set(12, u32::MAX)),
        ("a head longer than its hash says", set(12, head_len as u32 + 24)),
        ("another key", set(16, 0)),
        ("another module", set(48, 0)),
        ("another length", set(80, 0)),
        ("fewer functions", set(88, 5)),
        ("more records", set(92, 4)),
        ("any number of records", set(92, u32::MAX)),
        ("fewer records, so that something follows", set(92, 2)),
        ("settings to the end", set(96, u32::MAX)),
        ("no settings", set(96, 0)),
        ("an id twice", set(index + 24, 0)),
        ("ids in no order", set(index, 3)),
        ("an id of no function", set(index + 48, 12)),
        ("a long record", set(index + 4, u32::MAX)),
        ("a short record", set(index + 4, 0)),
    ];
    for (what, change) in changes {
        let mut changed = bytes.clone();
        change(&mut changed);
        let hash = blake3::hash(&changed[..head_len - 32]);
        changed[head_len - 32..head_len].copy_from_slice(hash.as_bytes());
        assert!(open(&changed, &origin).is_none(), "{what}");
    }
    // Shifted places are found by the records' own hashes.
    let mut changed = bytes.clone();
    let lens = [4, 28].map(|at| u32::from_le_bytes(bytes[index + at..index + at + 4].try_into().unwrap()));
    set(index + 4, lens[0] - 1)(&mut changed);
    set(index + 28, lens[1] + 1)(&mut changed);
    let hash = blake3::hash(&changed[..head_len - 32]);
    changed[head_len - 32..head_len].copy_from_slice(hash.as_bytes());
    let entry = open(&changed, &origin).unwrap();
    assert!(entry.read(0).is_none() && entry.read(2).is_none() && entry.read(4).is_some());
}

#[test]
fn origins_differ_in_everything_that_code_depends_on() {
    let info = module(4);
    let base = Origin::new(&info, "1.0", "x86_64 avx2");
    assert_eq!(base, Origin::new(&module(4), "1.0", "x86_64 avx2"));
    let others = [
        Origin::new(&module(5), "1.0", "x86_64 avx2"),
        Origin::new(&info, "1.1", "x86_64 avx2"),
        Origin::new(&info, "1.0", "x86_64 avx"),
        Origin::new(&info, "1.0", "x86_64 avx2 "),
    ];
    for (number, other) in others.iter().enumerate() {
        assert!(base.key != other.key && others[..number].iter().all(|earlier| earlier.key != other.key));
    }
}

/// What a second process makes of an entry that somebody changed, and a third one after that.
#[track_caller]
fn check_replaced(change: impl FnOnce(&mut Vec<u8>), expected: impl Fn(usize) -> bool) {
    let (folder, info) = (tempfile::tempdir().unwrap(), module(20));
    let functions = || (0..20).filter(|function| ![FAILING, PANICKING].contains(function));
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile(functions()), 18);
    let path = entry_in(folder.path());
    let good = fs::read(&path).unwrap();
    let mut bytes = good.clone();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let compiled = Cached::new(&on_disk(folder.path()), &info, "s").compile(functions());
    assert!(expected(compiled), "{compiled} were compiled");
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile(functions()), 0);
    assert!(fs::read(&path).unwrap() == good, "the same again");
}

#[test]
fn damaged_entries_are_replaced() {
    check_replaced(|_| {}, |compiled| compiled == 0);
    check_replaced(|bytes| bytes[20] ^= 1, |compiled| compiled == 18);
    check_replaced(|bytes| *bytes.last_mut().unwrap() ^= 1, |compiled| compiled == 1);
    check_replaced(|bytes| bytes.truncate(bytes.len() - 1), |compiled| compiled == 18);
    check_replaced(|bytes| bytes.truncate(10), |compiled| compiled == 18);
    check_replaced(Vec::clear, |compiled| compiled == 18);
    check_replaced(|bytes| bytes.push(1), |compiled| compiled == 18);
    check_replaced(|bytes| bytes[2000..].fill(0), |compiled| (1..=18).contains(&compiled));
}

/// Entries under each other's names, and entries whose records are of other modules.
#[test]
fn foreign_entries_are_replaced() {
    let (folder, one, other) = (tempfile::tempdir().unwrap(), module(3), module(2));
    Cached::new(&on_disk(folder.path()), &one, "s").compile(0..3);
    let of_one = entry_in(folder.path());
    let bytes = fs::read(&of_one).unwrap();
    fs::remove_file(&of_one).unwrap();
    Cached::new(&on_disk(folder.path()), &other, "s").compile(0..2);
    let of_other = entry_in(folder.path());
    fs::write(&of_other, &bytes).unwrap();
    assert_eq!(Cached::new(&on_disk(folder.path()), &other, "s").compile(0..2), 2);
    assert_eq!(Cached::new(&on_disk(folder.path()), &other, "s").compile(0..2), 0);

    // A whole entry with the right head, whose record is of a larger module.
    let origin = Origin::new(&other, "1.0", "s");
    let mut refers = made_up(&other, 0, 0);
    refers.relocations.push(Relocation { offset: 0, kind: 0, addend: 0, target: SlotRef::Function(2) });
    let record = |_| Some(Record::Code(refers.clone()).encode());
    let file = fs::File::options().read(true).write(true).truncate(true).open(&of_other).unwrap();
    Entry::write(file, &origin, &[0], record).unwrap();
    assert_eq!(Cached::new(&on_disk(folder.path()), &other, "s").compile(0..2), 2);
    assert_eq!(Cached::new(&on_disk(folder.path()), &other, "s").compile(0..2), 0);
}

/// A copied record that turns out to be damaged is left out.
#[test]
fn damage_is_not_copied() {
    let (folder, info) = (tempfile::tempdir().unwrap(), module(3));
    Cached::new(&on_disk(folder.path()), &info, "s").compile(0..2);
    let path = entry_in(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    // Function 1, which is damaged, is not asked for; function 2 is new.
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile([2]), 1);
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile([0, 2]), 0);
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile([0, 1, 2]), 1);
    assert_eq!(Cached::new(&on_disk(folder.path()), &info, "s").compile([0, 1, 2]), 0);
}

#[test]
fn keys_are_printed_whole() {
    let key = Key(std::array::from_fn(|index| index as u8 * 7));
    assert_eq!(key.to_string().len(), 64);
    assert!(key.to_string().starts_with("00070e15"), "{key}");
    assert_eq!(format!("{key:?}"), format!("#{key}"));
}
