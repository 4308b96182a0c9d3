//! What guests do and what happens to them, on every engine: operators, calls, traps, memories' ends, fuel,
//! linking. What has to be alone in its process is a test of its own.

mod addresses;
mod calls;
mod direct;
mod fuel;
mod index_spaces;
mod instructions;
mod large_code;
mod linking;
mod mixed;
mod traps;
