//! [`Entry`]: a file with the compiled functions of a module. Its head is read and verified when it
//! is opened; a function's record is read, into memory of its own, and verified when it is wanted.
//!
//! # Format
//! Numbers are little-endian. The head, then the records in the order of the index, nothing after
//! them.
//!
//! | Bytes | Head |
//! |---|---|
//! | 8 | `wz code`, newline |
//! | 4 | version of the format |
//! | 4 | length of the head, hash included |
//! | 32 | key |
//! | 32, 8 | hash and length of the module |
//! | 4, 4, 4 | number of defined functions; of records; length of the settings |
//! | | settings, text |
//! | 24 each | index, by increasing id: id, length of the record, first 16 bytes of its hash |
//! | | zeros, where records were meant to be copied that were damaged |
//! | 32 | hash of all before |

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::origin::{Hash, Key, Origin, VERSIONS};
use super::sys;

const MAGIC: [u8; 8] = *b"wz code\n";
const FORMAT: u32 = 2;

/// The length of what is before the settings.
const FIXED_BYTES: usize = 8 + 4 + 4 + 32 + 32 + 8 + 4 + 4 + 4;
const INDEX_BYTES: usize = 24;
const HASH_BYTES: usize = 32;
const RECORD_HASH_BYTES: usize = 16;

type RecordHash = [u8; RECORD_HASH_BYTES];

/// An open entry.
#[derive(Debug)]
pub(super) struct Entry {
    file: File,
    index: Vec<Place>,
    len_bytes: u64,
}

/// Where a record is.
#[derive(Clone, Copy, Debug)]
struct Place {
    id: u32,
    len: u32,
    offset: u64,
    hash: RecordHash,
}

impl Entry {
    /// The entry in a file. None if it is not a whole one of this origin.
    pub(super) fn open(file: File, origin: &Origin) -> Option<Self> {
        let len_bytes = file.metadata().ok()?.len();
        let mut start = [0; 16];
        sys::read_at(&file, &mut start, 0).ok()?;
        let head_bytes = u32::from_le_bytes(start[12..].try_into().ok()?) as usize;
        // No more records than functions have versions: what is allocated is in proportion to the
        // module, whatever the file says.
        let most_records = origin.function_count as usize * VERSIONS as usize;
        let rest = head_bytes.checked_sub(FIXED_BYTES + HASH_BYTES + origin.settings.len())?;
        if start[..8] != MAGIC || rest > most_records * INDEX_BYTES || head_bytes as u64 > len_bytes {
            return None;
        }
        let mut head = vec![0; head_bytes];
        sys::read_at(&file, &mut head, 0).ok()?;
        let index = parse_head(&head, origin)?;
        let end = index.last().map_or(head_bytes as u64, |place| place.offset + u64::from(place.len));
        (end == len_bytes).then_some(Self { file, index, len_bytes })
    }

    /// The length of the file.
    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The ids of the records, increasing.
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.index.iter().map(|place| place.id)
    }

    /// The ids after this one, and how long their records are.
    pub(super) fn after(&self, id: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let first = self.index.partition_point(|place| place.id <= id);
        self.index[first..].iter().map(|place| (place.id, place.len))
    }

    /// Whether there is a record with this id.
    pub(super) fn has(&self, id: u32) -> bool {
        self.find(id).is_some()
    }

    fn find(&self, id: u32) -> Option<&Place> {
        let position = self.index.binary_search_by_key(&id, |place| place.id).ok()?;
        self.index.get(position)
    }

    /// The record with an id, verified. None if there is none or it is damaged.
    pub(super) fn read(&self, id: u32) -> Option<Vec<u8>> {
        let place = self.find(id)?;
        let mut bytes = vec![0; place.len as usize];
        sys::read_at(&self.file, &mut bytes, place.offset).ok()?;
        (record_hash(&bytes) == place.hash).then_some(bytes)
    }

    /// Notes that the entry was used.
    pub(super) fn touch(&self) {
        sys::touch(&self.file);
    }

    /// Writes an entry into an empty file that can be read too. Records come by increasing id.
    pub(super) fn write(
        file: File,
        origin: &Origin,
        ids: &[u32],
        mut record: impl FnMut(u32) -> Option<Vec<u8>>,
    ) -> io::Result<Self> {
        debug_assert!(ids.is_sorted_by(|one, other| one < other));
        let mut out = BufWriter::with_capacity(1 << 16, file);
        let head_bytes = FIXED_BYTES + origin.settings.len() + ids.len() * INDEX_BYTES + HASH_BYTES;
        let head_len = u32::try_from(head_bytes).map_err(|_| too_large())?;
        out.write_all(&vec![0; head_bytes])?;
        let (mut index, mut offset) = (Vec::with_capacity(ids.len()), head_bytes as u64);
        for id in ids {
            // What turns out to be damaged is left out; the head stays as long.
            let Some(bytes) = record(*id) else { continue };
            let len = u32::try_from(bytes.len()).map_err(|_| too_large())?;
            out.write_all(&bytes)?;
            index.push(Place { id: *id, len, offset, hash: record_hash(&bytes) });
            offset += u64::from(len);
        }
        out.seek(SeekFrom::Start(0))?;
        out.write_all(&head(origin, &index, head_len))?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Self { file, index, len_bytes: offset })
    }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "more than 4 GiB of compiled code")
}

fn record_hash(bytes: &[u8]) -> RecordHash {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("the hash is longer")
}

fn head(origin: &Origin, index: &[Place], head_len: u32) -> Vec<u8> {
    let mut head = Vec::with_capacity(head_len as usize);
    head.extend(MAGIC);
    head.extend(FORMAT.to_le_bytes());
    head.extend(head_len.to_le_bytes());
    head.extend(origin.key.0);
    head.extend(origin.module_hash);
    head.extend(origin.module_len.to_le_bytes());
    head.extend(origin.function_count.to_le_bytes());
    head.extend((index.len() as u32).to_le_bytes());
    head.extend((origin.settings.len() as u32).to_le_bytes());
    head.extend(origin.settings.as_bytes());
    for Place { id, len, offset: _, hash } in index {
        head.extend(id.to_le_bytes());
        head.extend(len.to_le_bytes());
        head.extend(hash);
    }
    head.resize(head_len as usize - HASH_BYTES, 0);
    let hash = blake3::hash(&head);
    head.extend(hash.as_bytes());
    debug_assert_eq!(head.len(), head_len as usize);
    head
}

/// The index, if the head is whole and of this origin.
fn parse_head(head: &[u8], origin: &Origin) -> Option<Vec<Place>> {
    let (content, hash) = head.split_last_chunk::<HASH_BYTES>()?;
    if blake3::hash(content).as_bytes() != hash {
        return None;
    }
    let mut rest = content;
    let mut take = |len: usize| {
        let (bytes, after) = rest.split_at_checked(len)?;
        rest = after;
        Some(bytes)
    };
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
    let is_whole =
        take(8)? == MAGIC && number(take(4)?)? == FORMAT && number(take(4)?)? as usize == head.len();
    let key = Key(Hash::try_from(take(32)?).ok()?);
    let module_hash = Hash::try_from(take(32)?).ok()?;
    let module_len = u64::from_le_bytes(take(8)?.try_into().ok()?);
    let (function_count, record_count) = (number(take(4)?)?, number(take(4)?)?);
    let settings_len = number(take(4)?)? as usize;
    let settings = std::str::from_utf8(take(settings_len)?).ok()?.to_owned();
    let found = Origin { key, module_hash, module_len, function_count, settings };
    if !is_whole || found != *origin {
        return None;
    }
    let places = rest.as_chunks::<INDEX_BYTES>().0.get(..record_count as usize)?;
    let mut index = Vec::with_capacity(places.len());
    let (mut next, mut offset) = (0, head.len() as u64);
    for place in places {
        let (id, len) = (number(&place[..4])?, number(&place[4..8])?);
        if id < next || id >= origin.function_count.checked_mul(VERSIONS)? {
            return None;
        }
        index.push(Place { id, len, offset, hash: *place.last_chunk()? });
        next = id + 1;
        offset += u64::from(len);
    }
    Some(index)
}
