//! `--listen`: where a guest may accept connections.

use std::net::TcpListener;

use crate::escape::escape;
use crate::report::{Failure, note};

/// An address to listen at: `[HOST]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddress {
    host: String,
    port: u16,
}

impl ListenAddress {
    /// Reads `HOST:PORT`, `:PORT` or `[IPV6]:PORT`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("the form is [HOST]:PORT, such as :{text} or localhost:8080"));
        };
        let port = port.parse().map_err(|_| format!("\"{port}\" is not a port: 0 to 65535"))?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(host) => host,
            None if host.contains(':') => {
                return Err("an IPv6 address is written in brackets: [::1]:8080".into());
            }
            None if host.is_empty() => "localhost",
            None => host,
        };
        Ok(Self { host: host.to_owned(), port })
    }

    /// Begins to listen. Where the system chooses the port, it is told.
    ///
    /// # Errors
    /// If the address is taken, not this machine's, or not known.
    pub(crate) fn listen(&self) -> Result<TcpListener, Failure> {
        let fail = |error: std::io::Error| {
            Failure::setup(format!("cannot listen at {}:{}: {error}", escape(&self.host), self.port))
        };
        let listener = TcpListener::bind((&*self.host, self.port)).map_err(fail)?;
        if self.port == 0 {
            note(&format!("listening at {}", listener.local_addr().map_err(fail)?));
        }
        Ok(listener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, u16), &str>) {
        let expected = expected.map(|(host, port)| ListenAddress { host: host.into(), port });
        assert_eq!(ListenAddress::parse(text), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn addresses() {
        check("0.0.0.0:80", Ok(("0.0.0.0", 80)));
        check(":8080", Ok(("localhost", 8080)));
        check("example.org:0", Ok(("example.org", 0)));
        check("[::1]:8080", Ok(("::1", 8080)));
        check("8080", Err("the form is [HOST]:PORT, such as :8080 or localhost:8080"));
        check("::1:8080", Err("an IPv6 address is written in brackets: [::1]:8080"));
        check(":65536", Err("\"65536\" is not a port: 0 to 65535"));
        check("localhost:", Err("\"\" is not a port: 0 to 65535"));
    }
}
