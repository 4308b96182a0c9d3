//! [`Stdio`]: what stands behind a guest's standard streams.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use crate::fs::{File, Interest, RealFile};
use crate::stream::{InputBytes, MemoryPipe, NullStream, OutputBuffer, ReaderStream, WriterStream};

/// Where a standard stream comes from or goes to. Cheap to clone; instances configured with clones
/// share the stream.
#[derive(Clone, Debug)]
pub struct Stdio(Kind);

#[derive(Clone)]
enum Kind {
    Inherit,
    Stream(Arc<dyn File>),
}

impl Stdio {
    /// No input, and output is discarded. The default.
    #[must_use]
    pub fn null() -> Self {
        Self::stream(NullStream)
    }

    /// The process's own stream, with its terminal, pipe or file.
    #[must_use]
    pub fn inherit() -> Self {
        Self(Kind::Inherit)
    }

    /// A real file, pipe or device; large transfers go straight between it and guest memory.
    /// Where others share it, they do not notice: it stays in blocking mode for them. It is open
    /// until the last configuration and instance with it is gone.
    #[must_use]
    pub fn file(file: std::fs::File) -> Self {
        Self::stream(RealFile::foreign(file))
    }

    /// Input from memory.
    #[must_use]
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::stream(InputBytes::new(bytes.into().into()))
    }

    /// Input from, or output to, a pipe in memory.
    #[must_use]
    pub fn pipe(pipe: &MemoryPipe) -> Self {
        Self::stream(pipe.clone())
    }

    /// Output to memory.
    #[must_use]
    pub fn buffer(buffer: &OutputBuffer) -> Self {
        Self::stream(buffer.clone())
    }

    /// Input from a reader. It is read on a thread of its own, so that it may block.
    #[must_use]
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::stream(ReaderStream::new(Box::new(reader)))
    }

    /// Output to a writer, which is flushed after each write.
    #[must_use]
    pub fn writer(writer: impl Write + Send + 'static) -> Self {
        Self::stream(WriterStream::new(Box::new(writer)))
    }

    /// A custom stream.
    #[must_use]
    pub fn stream(stream: impl File + 'static) -> Self {
        Self(Kind::Stream(Arc::new(stream)))
    }

    /// Opens it as the guest's descriptor 0, 1 or 2.
    ///
    /// # Errors
    /// If the process cannot have another descriptor for it.
    pub(crate) fn open(&self, descriptor: u32) -> std::io::Result<Arc<dyn File>> {
        let interest = if descriptor == 0 { Interest::Read } else { Interest::Write };
        Ok(match &self.0 {
            Kind::Stream(stream) => stream.clone(),
            Kind::Inherit => match crate::sys::inherited(interest, descriptor == 2)? {
                Some((file, may_block)) => Arc::new(RealFile::inherited(file, may_block)),
                None => Arc::new(NullStream),
            },
        })
    }
}

impl Default for Stdio {
    fn default() -> Self {
        Self::null()
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherit => f.write_str("Inherit"),
            Self::Stream(stream) => stream.fmt(f),
        }
    }
}
