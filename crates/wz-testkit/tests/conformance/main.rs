//! wz beside what says how it should be: the specification's scripts, wasmi on generated modules, and the
//! modules that it was wrong on before.

mod differential;
mod regress;
mod spec;
