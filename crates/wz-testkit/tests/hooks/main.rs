//! The hooks: listeners, probes, events, snapshots, allocators, positions in the source.

mod events;
mod experimental;
mod listeners;
mod memory_allocator;
mod probes;
mod snapshots;
mod source_positions;
mod transcripts;
