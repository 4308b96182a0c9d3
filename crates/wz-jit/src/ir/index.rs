//! The indices of everything that a function owns.

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// Stands for the absence of one.
            pub const NONE: Self = Self(u32::MAX);

            /// As an index into a vector.
            #[inline]
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )*};
}

index! {
    /// A value: a result of an instruction, a block parameter or a constant.
    Value "v";
    /// A basic block.
    Block "b";
    /// An instruction.
    Inst "i";
    /// An edge from a terminator to a block, with its arguments.
    Edge "e";
    /// An entry of [`Function::accesses`](super::Function::accesses).
    AccessId "access";
    /// An entry of [`Function::calls`](super::Function::calls).
    CallId "call";
    /// An entry of [`Function::builtins`](super::Function::builtins).
    BuiltinId "builtin";
    /// An entry of [`Function::switches`](super::Function::switches).
    SwitchId "switch";
    /// An entry of [`Function::shuffles`](super::Function::shuffles).
    ShuffleId "shuffle";
    /// An entry of [`Function::probes`](super::Function::probes).
    ProbeId "probe";
}

impl Edge {
    /// The edge after this one: of a branch, the one taken if the condition is zero.
    #[inline]
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
