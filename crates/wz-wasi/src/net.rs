//! TCP listeners that the embedder opened, and the connections that come in through them. Both are
//! in non-blocking mode; whoever waits, waits in a way that can be interrupted.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use crate::fs::{File, FileType, Interest, Metadata, Readiness, Socket};
use crate::{Errno, FsResult, sys};

/// A listener.
#[derive(Debug)]
pub(crate) struct Listener(pub(crate) Arc<TcpListener>);

impl File for Listener {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(Metadata::of_type(FileType::SocketStream))
    }
    fn read(&self, _: &mut [u8]) -> FsResult<usize> {
        Err(Errno::NotConnected)
    }
    fn write(&self, _: &[u8]) -> FsResult<usize> {
        Err(Errno::NotConnected)
    }
    fn readiness(&self, interest: Interest) -> Readiness {
        sys::stream_readiness(&*self.0, interest)
    }
    #[cfg(unix)]
    fn host_stream(&self) -> Option<crate::fs::HostStream<'_>> {
        use std::os::fd::AsFd;
        Some(crate::fs::HostStream { fd: self.0.as_fd(), may_block: false, can_wait: true })
    }
    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl Socket for Listener {
    fn accept(&self) -> FsResult<Arc<dyn File>> {
        let (stream, _) = self.0.accept()?;
        stream.set_nonblocking(true)?;
        Ok(Arc::new(Connection(stream)))
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection(TcpStream);

impl File for Connection {
    fn metadata(&self) -> FsResult<Metadata> {
        Ok(Metadata::of_type(FileType::SocketStream))
    }
    fn read(&self, target: &mut [u8]) -> FsResult<usize> {
        Ok((&self.0).read(target)?)
    }
    fn write(&self, source: &[u8]) -> FsResult<usize> {
        Ok((&self.0).write(source)?)
    }
    fn readiness(&self, interest: Interest) -> Readiness {
        sys::stream_readiness(&self.0, interest)
    }
    #[cfg(unix)]
    fn host_stream(&self) -> Option<crate::fs::HostStream<'_>> {
        use std::os::fd::AsFd;
        Some(crate::fs::HostStream { fd: self.0.as_fd(), may_block: false, can_wait: true })
    }
    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl Socket for Connection {
    fn receive(&self, target: &mut [u8], peek: bool) -> FsResult<usize> {
        Ok(if peek { self.0.peek(target)? } else { (&self.0).read(target)? })
    }
    fn shutdown(&self, how: Shutdown) -> FsResult<()> {
        Ok(self.0.shutdown(how)?)
    }
}
