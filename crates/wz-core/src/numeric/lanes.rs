//! Vectors as lanes.
//!
//! Operators take vectors as anything that is a [`Vector`]: a [`V128`] or its bytes. For values
//! in memory that become values in memory, as an interpreter's are, bytes are the better choice:
//! the compiler then sees arrays, which it makes vector instructions of, whereas a `V128` that
//! is passed between functions is a 128-bit integer to it, to be taken apart with shifts.

use wz_api::V128;

/// The bytes of a vector, lane 0 first, each lane little-endian.
pub type Bytes = [u8; 16];

/// What holds a vector.
pub trait Vector: Copy {
    /// The vector with these bytes.
    fn from_bytes(bytes: Bytes) -> Self;
    /// The bytes.
    fn to_bytes(self) -> Bytes;
}

impl Vector for Bytes {
    #[inline(always)]
    fn from_bytes(bytes: Bytes) -> Self {
        bytes
    }

    #[inline(always)]
    fn to_bytes(self) -> Bytes {
        self
    }
}

impl Vector for V128 {
    #[inline(always)]
    fn from_bytes(bytes: Bytes) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    #[inline(always)]
    fn to_bytes(self) -> Bytes {
        self.0.to_le_bytes()
    }
}

/// A vector's lanes: an array of 16 bytes in all.
pub(super) trait Lanes: Copy {
    /// One lane.
    type Lane: Copy;
    /// Integers of the same width, for the results of comparisons.
    type Masks: Lanes;
    /// All bits one, for true, or zero.
    fn mask(is: bool) -> <Self::Masks as Lanes>::Lane;
    /// The lanes of a vector.
    fn of(vector: impl Vector) -> Self;
    /// The lanes as a vector.
    fn to<V: Vector>(self) -> V;
    /// The lanes that a function gives for their indices.
    fn by(lane: impl FnMut(usize) -> Self::Lane) -> Self;
    /// One lane.
    fn at(&self, index: usize) -> Self::Lane;
}

macro_rules! lanes {
    ($($Lanes:ident = [$Lane:ident; $count:literal], masks of $Masks:ident = [$Mask:ident; _];)+) => {$(
        #[doc = concat!($count, " lanes of `", stringify!($Lane), "`.")]
        pub(super) type $Lanes = [$Lane; $count];

        impl Lanes for $Lanes {
            type Lane = $Lane;
            type Masks = $Masks;

            #[inline(always)]
            fn mask(is: bool) -> $Mask {
                -$Mask::from(is)
            }

            #[inline(always)]
            fn of(vector: impl Vector) -> Self {
                let bytes = vector.to_bytes();
                let (lanes, _) = bytes.as_chunks::<{ 16 / $count }>();
                Self::by(|index| $Lane::from_le_bytes(lanes[index]))
            }

            #[inline(always)]
            fn to<V: Vector>(self) -> V {
                let mut bytes = [0; 16];
                let (lanes, _) = bytes.as_chunks_mut::<{ 16 / $count }>();
                for (bytes, lane) in lanes.iter_mut().zip(self) {
                    *bytes = lane.to_le_bytes();
                }
                V::from_bytes(bytes)
            }

            #[inline(always)]
            fn by(mut lane: impl FnMut(usize) -> $Lane) -> Self {
                // Not `array::from_fn`, of which calls may stay.
                let mut lanes = [0 as $Lane; $count];
                let mut index = 0;
                while index < $count {
                    lanes[index] = lane(index);
                    index += 1;
                }
                lanes
            }

            #[inline(always)]
            fn at(&self, index: usize) -> $Lane {
                self[index]
            }
        }
    )+};
}

lanes! {
    I8x16 = [i8; 16], masks of I8x16 = [i8; _];
    U8x16 = [u8; 16], masks of I8x16 = [i8; _];
    I16x8 = [i16; 8], masks of I16x8 = [i16; _];
    U16x8 = [u16; 8], masks of I16x8 = [i16; _];
    I32x4 = [i32; 4], masks of I32x4 = [i32; _];
    U32x4 = [u32; 4], masks of I32x4 = [i32; _];
    I64x2 = [i64; 2], masks of I64x2 = [i64; _];
    U64x2 = [u64; 2], masks of I64x2 = [i64; _];
    F32x4 = [f32; 4], masks of I32x4 = [i32; _];
    F64x2 = [f64; 2], masks of I64x2 = [i64; _];
}

/// Makes lanes of the lanes of one vector at the same places.
#[inline(always)]
pub(super) fn map<A: Lanes, R: Lanes, V: Vector>(a: V, lane: impl Fn(A::Lane) -> R::Lane) -> V {
    let a = A::of(a);
    R::by(|index| lane(a.at(index))).to()
}

/// Makes lanes of the lanes of two vectors at the same places.
#[inline(always)]
pub(super) fn zip<A: Lanes, V: Vector>(a: V, b: V, lane: impl Fn(A::Lane, A::Lane) -> A::Lane) -> V {
    let (a, b) = (A::of(a), A::of(b));
    A::by(|index| lane(a.at(index), b.at(index))).to()
}

/// Compares the lanes of two vectors at the same places.
#[inline(always)]
pub(super) fn compare<A: Lanes, V: Vector>(a: V, b: V, is: impl Fn(A::Lane, A::Lane) -> bool) -> V {
    let (a, b) = (A::of(a), A::of(b));
    A::Masks::by(|index| A::mask(is(a.at(index), b.at(index)))).to()
}

/// Defines operators that make each lane of the lanes at the same place. A row reads: names and
/// lanes of each, operands (those after a semicolon are not vectors), kind of result (`lanes` or
/// `masks`), definition.
macro_rules! lanewise_operators {
    ($($(#[$doc:meta])* $($name:ident[$Lanes:ident]),+ ($($x:ident),+ $(; $y:ident: $Y:ident)?)
        -> $kind:ident = $body:expr;)+) => {
        $(lanewise_operators!(@ each $kind [$($name[$Lanes])+] [$(#[$doc])*] ($($x),+ $(; $y: $Y)?) $body);)+
    };
    (@ each $kind:ident [$($name:ident[$Lanes:ident])+] $doc:tt $operands:tt $body:expr) => {
        $(lanewise_operators!(@ $kind $name $Lanes $doc $operands $body);)+
    };
    (@ lanes $name:ident $Lanes:ident [$(#[$doc:meta])*] ($a:ident $(; $y:ident: $Y:ident)?) $body:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($a: V $(, $y: $Y)?) -> V { map::<$Lanes, $Lanes, V>($a, |$a| $body) }
    };
    (@ lanes $name:ident $Lanes:ident [$(#[$doc:meta])*] ($a:ident, $b:ident) $body:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($a: V, $b: V) -> V { zip::<$Lanes, V>($a, $b, |$a, $b| $body) }
    };
    (@ masks $name:ident $Lanes:ident [$(#[$doc:meta])*] ($a:ident, $b:ident) $body:expr) => {
        $(#[$doc])*
        #[inline(always)]
        #[must_use]
        pub fn $name<V: Vector>($a: V, $b: V) -> V { compare::<$Lanes, V>($a, $b, |$a, $b| $body) }
    };
}

pub(super) use lanewise_operators;
