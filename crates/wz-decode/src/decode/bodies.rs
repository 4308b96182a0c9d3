//! Validates the bodies of functions, on several threads if there is much to do. The outcome does
//! not depend on how many: of several errors, that with the lowest offset is reported.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wasmparser::{BinaryReader, FuncToValidate, FuncValidatorAllocations, ValidatorResources, WasmFeatures};

use wz_api::CompileProgress;

use super::DecodeOptions;
use super::failure::Outcome;
use crate::info::FunctionBody;

/// The bodies of a module and what their validation needs.
pub(super) struct Bodies<'a> {
    pub(super) resources: &'a ValidatorResources,
    pub(super) ranges: &'a [FunctionBody],
    /// The type indices of all functions, imported ones first.
    pub(super) types: &'a [u32],
    pub(super) imported: u32,
}

/// Below this many bytes of code, starting a thread takes longer than it saves.
const BYTES_PER_THREAD: usize = 64 << 10;

/// About so many bytes of code are validated at a time.
const BYTES_PER_BATCH: usize = 16 << 10;

/// Enough for the validator, which does not recurse.
const STACK_BYTES: usize = 256 << 10;

/// Validates all bodies; gives the positions of those that make tail calls, in order.
pub(super) fn validate(
    bytes: &[u8],
    bodies: Option<Bodies<'_>>,
    features: WasmFeatures,
    options: &DecodeOptions,
) -> Outcome<Vec<usize>> {
    let Some(bodies) = bodies else { return Ok(Vec::new()) };
    let batches = Batches::new(&bodies);
    let progress = options.progress.as_ref();
    if let Some(progress) = progress {
        progress.announce(batches.len_bytes as u64);
    }
    let work = || batches.run(bytes, &bodies, features, progress);
    let threads = match options.threads {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    };
    let helpers = threads.min(batches.len_bytes / BYTES_PER_THREAD).saturating_sub(1);
    thread::scope(|scope| {
        for _ in 0..helpers {
            // Without helpers this thread does everything.
            let builder = thread::Builder::new().name("wz-validate".into()).stack_size(STACK_BYTES);
            if builder.spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    match batches.error.into_inner() {
        Ok(Some((_, error))) => Err(error.into()),
        Ok(None) | Err(_) => {
            let mut found = batches.tail_calls.into_inner().unwrap_or_default();
            found.sort_unstable();
            Ok(found)
        }
    }
}

/// The bodies cut into batches, which threads take in order.
struct Batches {
    /// The first body of each batch, and the end.
    starts: Vec<usize>,
    len_bytes: usize,
    next: AtomicUsize,
    /// The first error so far, with its body.
    error: Mutex<Option<(usize, wasmparser::Error)>>,
    /// The bodies that make tail calls.
    tail_calls: Mutex<Vec<usize>>,
}

impl Batches {
    fn new(bodies: &Bodies<'_>) -> Self {
        let mut starts = vec![0];
        let (mut len_bytes, mut batch_bytes) = (0, 0);
        for (position, body) in bodies.ranges.iter().enumerate() {
            if batch_bytes >= BYTES_PER_BATCH {
                starts.push(position);
                batch_bytes = 0;
            }
            batch_bytes += body.range.len();
            len_bytes += body.range.len();
        }
        starts.push(bodies.ranges.len());
        Self {
            starts,
            len_bytes,
            next: AtomicUsize::new(0),
            error: Mutex::new(None),
            tail_calls: Mutex::default(),
        }
    }

    /// Validates batches until there are none left, or all that are left come after an error.
    fn run(
        &self,
        bytes: &[u8],
        bodies: &Bodies<'_>,
        features: WasmFeatures,
        progress: Option<&CompileProgress>,
    ) {
        let mut allocations = FuncValidatorAllocations::default();
        loop {
            let batch = self.next.fetch_add(1, Ordering::Relaxed);
            let (Some(start), Some(end)) = (self.starts.get(batch), self.starts.get(batch + 1)) else {
                return;
            };
            let mut validated = 0;
            for position in *start..*end {
                let mut validate = |features| {
                    let index = bodies.imported + position as u32;
                    let ty = bodies.types[index as usize];
                    let function = FuncToValidate { resources: bodies.resources, index, ty, features };
                    let range = bodies.ranges[position].range.clone();
                    let reader =
                        BinaryReader::new_features(&bytes[range.clone()], range.start as u64, features);
                    let mut validator = function.into_validator(std::mem::take(&mut allocations));
                    let result = validator.validate(&wasmparser::FunctionBody::new(reader));
                    allocations = validator.into_allocations();
                    result
                };
                validated += bodies.ranges[position].range.len() as u64;
                // What is valid only with tail calls makes some.
                let without = features.difference(WasmFeatures::TAIL_CALL);
                let mut result = validate(without);
                if result.is_err() && without != features {
                    result = validate(features);
                    if result.is_ok()
                        && let Ok(mut found) = self.tail_calls.lock()
                    {
                        found.push(position);
                    }
                }
                if let Err(error) = result {
                    self.fail(position, error);
                    return;
                }
            }
            if let Some(progress) = progress {
                progress.advance(validated);
            }
        }
    }

    /// Notes an error and ends the work: batches are taken in order, so that everything before
    /// this one is being validated by some thread.
    fn fail(&self, position: usize, error: wasmparser::Error) {
        self.next.store(self.starts.len(), Ordering::Relaxed);
        if let Ok(mut first) = self.error.lock()
            && first.as_ref().is_none_or(|(earlier, _)| position < *earlier)
        {
            *first = Some((position, error));
        }
    }
}
