//! Random bytes: a fixed sequence unless configured.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Errno, FsResult};

/// A source that the embedder gave, shared by all instances that are configured with it.
type Shared = Arc<Mutex<dyn Read + Send>>;

/// What is configured; each instance gets its own [`Random`] from it.
#[derive(Clone, Default)]
pub(crate) enum RandomConfig {
    /// The fixed sequence, from its start for each instance.
    #[default]
    Fixed,
    System,
    Custom(Shared),
}

impl RandomConfig {
    pub(crate) fn custom(reader: impl Read + Send + 'static) -> Self {
        Self::Custom(Arc::new(Mutex::new(reader)))
    }

    pub(crate) fn build(&self) -> Random {
        match self {
            Self::Fixed => Random::Fixed(Mutex::new(Generator(42))),
            Self::System => Random::System,
            Self::Custom(shared) => Random::Custom(shared.clone()),
        }
    }
}

impl fmt::Debug for RandomConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed => "Fixed",
            Self::System => "System",
            Self::Custom(_) => "Custom",
        })
    }
}

/// The random bytes of one instance.
pub(crate) enum Random {
    Fixed(Mutex<Generator>),
    System,
    Custom(Shared),
}

impl Random {
    /// Fills `target`.
    ///
    /// # Errors
    /// `EIO` if the source fails or ends.
    pub(crate) fn fill(&self, target: &mut [u8]) -> FsResult<()> {
        match self {
            Self::Fixed(generator) => {
                generator.lock().unwrap_or_else(PoisonError::into_inner).fill(target);
                Ok(())
            }
            Self::System => getrandom::fill(target).map_err(|_| Errno::Io),
            Self::Custom(reader) => {
                let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                reader.read_exact(target).map_err(|_| Errno::Io)
            }
        }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Random").finish_non_exhaustive()
    }
}

/// SplitMix64: small, and the same on every host. Not for secrets, as no fixed sequence is.
pub(crate) struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fill(&mut self, target: &mut [u8]) {
        for chunk in target.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_sequence_starts_anew_for_each_instance() {
        let bytes = |random: Random| {
            let mut bytes = [0; 13];
            random.fill(&mut bytes).unwrap();
            bytes
        };
        let config = RandomConfig::Fixed;
        assert_eq!(bytes(config.build()), bytes(config.build()));
        assert_ne!(bytes(config.build()), [0; 13]);
    }

    #[test]
    fn a_source_that_ends_is_an_input_output_error() {
        let random = RandomConfig::custom(&b"abc"[..]).build();
        assert_eq!(random.fill(&mut [0; 2]), Ok(()));
        assert_eq!(random.fill(&mut [0; 2]), Err(Errno::Io));
        let mut bytes = [0; 32];
        Random::System.fill(&mut bytes).unwrap();
        assert_ne!(bytes, [0; 32]);
    }
}
