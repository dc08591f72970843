//! What somebody asks for: from where, to what, over which protocol.
//!
//! The written forms are those of the command line: `pod/client`, `http://api`, `10.96.0.10:80`.
//!
//! **Left out**: paths of URLs, which no packet header shows.

use super::network::HostId;
use crate::ip::{IpAddr, parse_sloppy};
use crate::net::Protocol;
use serde::Serialize;
use std::fmt;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Who asks.
    pub from: Source,
    /// Whom.
    pub to: Destination,
    /// The client's port; chosen from the seed if none is given.
    pub source_port: Option<u16>,
    /// The node at whose uplink the packet comes in, instead of setting out where its source is.
    pub enter_at: Option<HostId>,
}

impl Request {
    /// A request with nothing but its two ends.
    #[must_use]
    pub fn new(from: Source, to: Destination) -> Self {
        Request {
            from,
            to,
            source_port: None,
            enter_at: None,
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A host of the world.
    Host(HostId),
    /// An address: whoever has it, or else somebody outside.
    Address(IpAddr),
}

/// Whom somebody asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Destination {
    /// The name or address, as it was written.
    pub name: String,
    /// The port; none for ICMP.
    pub port: Option<u16>,
    /// The protocol.
    pub protocol: Protocol,
    /// How it was written, where it was a URL.
    pub url: Option<String>,
}

/// Why a written request cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The source has a form nobody knows.
    #[error(
        "{0:?} is no source: write pod/NAME, pod/NAMESPACE/NAME, node/NAME, external or an address"
    )]
    Source(String),
    /// The destination has a form nobody knows.
    #[error("{0:?} is no destination: write a URL, a name or an address, with a port where needed")]
    Destination(String),
    /// The port is no number from 1 to 65535.
    #[error("{0:?} is no port: write a number from 1 to 65535")]
    Port(String),
    /// A protocol with ports was asked for without one.
    #[error("{0} needs a port: write {1}:PORT")]
    PortMissing(Protocol, String),
}

impl Source {
    /// Reads `pod/NAME`, `pod/NS/NAME`, `node/NAME`, `external` or an address.
    ///
    /// # Errors
    /// If the text is none of these.
    pub fn parse(text: &str) -> Result<Source, RequestError> {
        let parts: Vec<&str> = text.trim().split('/').collect();
        let host = match parts.as_slice() {
            ["external"] => HostId::Outside,
            ["pod", name] if !name.is_empty() => HostId::Pod("default".into(), (*name).into()),
            ["pod", namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                HostId::Pod((*namespace).into(), (*name).into())
            }
            ["node", name] if !name.is_empty() => HostId::Node((*name).into()),
            [address] => {
                return parse_sloppy(address)
                    .map(Source::Address)
                    .ok_or_else(|| RequestError::Source(text.into()));
            }
            _ => return Err(RequestError::Source(text.into())),
        };
        Ok(Source::Host(host))
    }
}

impl Destination {
    /// Reads a URL, a name or an address, with a port or without. Without one, the scheme of a
    /// URL says which; a bare name or address over TCP means 80.
    ///
    /// # Errors
    /// If the text is none of these, or the protocol needs a port and none is there.
    pub fn parse(text: &str, protocol: Protocol) -> Result<Destination, RequestError> {
        let text = text.trim();
        let (default_port, rest, is_url) = match text.split_once("://") {
            Some(("http", rest)) => (Some(80), rest, true),
            Some(("https", rest)) => (Some(443), rest, true),
            Some(_) => return Err(RequestError::Destination(text.into())),
            None => ((protocol == Protocol::Tcp).then_some(80), text, false),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (name, port) = split_port(authority)?;
        if name.is_empty() || name.chars().any(char::is_whitespace) {
            return Err(RequestError::Destination(text.into()));
        }
        let has_ports = !matches!(protocol, Protocol::Icmp | Protocol::Icmpv6);
        let port = port.or(default_port).filter(|_| has_ports);
        if has_ports && port.is_none() {
            return Err(RequestError::PortMissing(protocol, name));
        }
        Ok(Destination {
            name,
            port,
            protocol,
            url: is_url.then(|| text.to_owned()),
        })
    }
}

/// `name`, `name:port`, `address`, `address:port`, `[v6]`, `[v6]:port`, `v6`
fn split_port(authority: &str) -> Result<(String, Option<u16>), RequestError> {
    let read = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|it| *it != 0)
            .map(Some)
            .ok_or_else(|| RequestError::Port(text.into()))
    };
    if let Some((name, rest)) = authority
        .strip_prefix('[')
        .and_then(|it| it.split_once(']'))
    {
        let port = match rest.strip_prefix(':') {
            Some(text) => read(text)?,
            None => None,
        };
        return Ok((name.to_owned(), port));
    }
    match authority.split_once(':') {
        Some((name, text)) if !text.contains(':') => Ok((name.to_owned(), read(text)?)),
        _ => Ok((authority.to_owned(), None)),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Host(it) => write!(f, "{it}"),
            Source::Address(it) => write!(f, "{it}"),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.url, self.port) {
            (Some(url), _) => f.write_str(url),
            (None, Some(port)) if self.name.contains(':') => write!(f, "[{}]:{port}", self.name),
            (None, Some(port)) => write!(f, "{}:{port}", self.name),
            (None, None) => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(text: &str, protocol: Protocol) -> Result<(String, Option<u16>), String> {
        Destination::parse(text, protocol)
            .map(|it| (it.name, it.port))
            .map_err(|it| it.to_string())
    }

    #[test]
    fn destinations_are_read_as_people_write_them() {
        use Protocol::{Icmp, Tcp, Udp};
        let ok = |name: &str, port| Ok((name.to_owned(), port));
        assert_eq!(to("http://api", Tcp), ok("api", Some(80)));
        assert_eq!(to("https://api:8443/x?y", Tcp), ok("api", Some(8443)));
        assert_eq!(to("api", Tcp), ok("api", Some(80)));
        assert_eq!(to("10.96.0.10:80", Tcp), ok("10.96.0.10", Some(80)));
        assert_eq!(to("[fd00::1]:53", Udp), ok("fd00::1", Some(53)));
        assert_eq!(to("fd00::1", Icmp), ok("fd00::1", None));
        assert!(to("api", Udp).is_err());
        assert!(to("api:0", Tcp).is_err());
        assert!(to("ftp://api", Tcp).is_err());
        assert!(to("", Tcp).is_err());
    }

    #[test]
    fn sources_are_read_as_people_write_them() {
        let read = |text| Source::parse(text).map(|it| it.to_string());
        assert_eq!(read("pod/client"), Ok("pod/default/client".into()));
        assert_eq!(read("node/node-1"), Ok("node/node-1".into()));
        assert_eq!(read("external"), Ok("external".into()));
        assert_eq!(read("10.0.0.1"), Ok("10.0.0.1".into()));
        assert!(read("pod/").is_err());
        assert!(read("service/api").is_err());
    }
}
