//! Real clients: one connection, datagram or ping from inside a host, and what became of it.
//!
//! Linux: ordinary sockets. `IP_RECVERR` (ip(7)) keeps the ICMP error that ended an attempt, so that a
//! reset is told from a "port unreachable" and the sender of the error is known. Pings use datagram
//! sockets of ICMP, whose port is the echo's identifier.
//!
//! **Left out**: SCTP. After a time-out a TCP connection attempt is closed silently, within the first
//! second before anything was sent a second time. A silent drop and a lost packet look the same here.

use std::{
    io::{self, IoSliceMut, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, UdpSocket},
    os::fd::{AsRawFd, OwnedFd},
    time::Duration,
};

use nix::{
    cmsg_space,
    errno::Errno,
    libc,
    sys::{
        socket::{
            AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType,
            SockaddrStorage, bind, connect, getsockname, recvmsg, setsockopt, socket, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
};

use super::{error::Error, netns::Place};

/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6`.
const ICMP_ORIGINS: [u8; 2] = [2, 3];
const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_IPV6: u8 = 128;
const REPLY_BYTES: usize = 4096;
const REPLY_BYTES_LIMIT: u64 = 1 << 20;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// A connection, over which a line is asked for and read.
    Tcp,
    /// A datagram, for which an answer is awaited.
    Udp,
    /// An echo request, of ICMP or ICMPv6.
    Icmp,
}

/// One attempt to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is sent.
    pub protocol: Protocol,
    /// The source address, where the host has several.
    pub source_ip: Option<IpAddr>,
    /// The source port, or the identifier of a ping. None lets Linux choose.
    pub source_port: Option<u16>,
    /// Whom to reach; the port means nothing for a ping.
    pub destination: SocketAddr,
    /// What is said to a server.
    pub payload: Vec<u8>,
    /// How long to wait, for a connection and again for an answer.
    pub timeout: Duration,
}

impl Probe {
    /// An attempt with a short payload and half a second of patience.
    #[must_use]
    pub fn new(protocol: Protocol, destination: SocketAddr) -> Self {
        Self {
            protocol,
            source_ip: None,
            source_port: None,
            destination,
            payload: b"who are you?\n".to_vec(),
            timeout: Duration::from_millis(500),
        }
    }

    /// The same from a fixed port.
    #[must_use]
    pub fn from_port(self, port: u16) -> Self {
        Self {
            source_port: Some(port),
            ..self
        }
    }
}

/// What became of an attempt. All of these are sound answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody answered.
    Connected {
        /// The client's own address.
        local: SocketAddr,
        /// Whom the client believes to have reached.
        peer: SocketAddr,
        /// What was answered; `serve::read_line` reads it.
        reply: String,
    },
    /// Somebody refused.
    Refused {
        /// The client's own address.
        local: SocketAddr,
        /// In which way.
        by: Refusal,
    },
    /// Nothing came back.
    TimedOut {
        /// The client's own address.
        local: SocketAddr,
        /// What was waited for.
        stage: Stage,
    },
    /// There is no way, or none that is allowed.
    Unreachable {
        /// The client's own address.
        local: SocketAddr,
        /// What the system said.
        said: String,
        /// The ICMP error that said so; none when the client's own host did.
        icmp: Option<IcmpError>,
    },
    /// The client's own host dropped the packet on its way out (`EPERM`).
    Blocked {
        /// The client's own address.
        local: SocketAddr,
    },
}

/// How an attempt was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// By a TCP reset: a closed port, or `reject with tcp reset`.
    Reset,
    /// By an ICMP error: a closed UDP port, or `reject`.
    Icmp(IcmpError),
}

/// An ICMP error that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    /// Who sent it.
    pub sender: Option<IpAddr>,
    /// The type: 3 is "destination unreachable"; for ICMPv6 it is 1.
    pub kind: u8,
    /// The code: 3 is "port unreachable"; for ICMPv6 it is 4.
    pub code: u8,
}

impl IcmpError {
    /// Whether it says that the host is there but nobody listens: port or protocol unreachable.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self.sender {
            Some(IpAddr::V6(_)) => (self.kind, self.code) == (1, 4),
            _ => self.kind == 3 && matches!(self.code, 2 | 3),
        }
    }
}

/// What a client waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The connection.
    Connecting,
    /// The answer over a connection, or to a datagram or ping.
    Answering,
}

/// Sends a probe and waits for what becomes of it.
///
/// # Errors
/// When there can be no attempt: the source port is taken, the source address is not the host's.
pub fn send<'a>(place: impl Into<Place<'a>>, probe: &Probe) -> Result<Outcome, Error> {
    let place = place.into();
    place.run(|| attempt(probe))?.map_err(|it| {
        let tried = format!("probe {} {place}", probe.destination);
        Error::system(tried, it)
    })
}

/// A client's end of a connection that stays open.
#[derive(Debug)]
pub struct Held {
    stream: TcpStream,
}

/// Opens a connection that stays open; or what became of the attempt.
///
/// # Errors
/// When there can be no attempt.
pub fn hold<'a>(
    place: impl Into<Place<'a>>,
    probe: &Probe,
) -> Result<Result<Held, Outcome>, Error> {
    let place = place.into();
    let open = || -> io::Result<Result<Held, Outcome>> {
        let socket = open(probe)?;
        match establish(&socket, probe.destination)? {
            Ok(()) => Ok(Ok(Held {
                stream: TcpStream::from(socket),
            })),
            Err(it) => fail(&socket, it).map(Err),
        }
    };
    place.run(open)?.map_err(|it| {
        let tried = format!("connect to {} {place}", probe.destination);
        Error::system(tried, it)
    })
}

impl Held {
    /// Says something over the connection, and waits for what is answered.
    ///
    /// # Errors
    /// When the socket fails in a way that tells nothing of the network.
    pub fn say(&mut self, payload: &[u8]) -> Result<Outcome, Error> {
        self.ask(payload)
            .map_err(|it| Error::system("speak over an open connection", it))
    }

    fn ask(&mut self, payload: &[u8]) -> io::Result<Outcome> {
        let (local, peer) = (self.stream.local_addr()?, self.stream.peer_addr()?);
        let mut reply = [0; REPLY_BYTES];
        let said = self.stream.write_all(payload);
        match said.and_then(|()| self.stream.read(&mut reply)) {
            Ok(n_bytes) => Ok(Outcome::Connected {
                local,
                peer,
                reply: String::from_utf8_lossy(&reply[..n_bytes]).into_owned(),
            }),
            Err(it) => fail(&self.stream, Failure::new(Stage::Answering, it)),
        }
    }
}

fn attempt(probe: &Probe) -> io::Result<Outcome> {
    let socket = open(probe)?;
    let connected = match probe.protocol {
        Protocol::Tcp => establish(&socket, probe.destination)?,
        Protocol::Udp | Protocol::Icmp => reach(&socket, probe.destination),
    };
    if let Err(it) = connected {
        return fail(&socket, it);
    }
    let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
    match probe.protocol {
        Protocol::Tcp => converse(socket, &probe.payload),
        Protocol::Udp => exchange(socket, probe.destination, &probe.payload, text),
        Protocol::Icmp => exchange(
            socket,
            probe.destination,
            &echo_request(probe),
            describe_echo,
        ),
    }
}

/// What went wrong, before it is decided what that means.
struct Failure {
    stage: Stage,
    said: io::Error,
    icmp: Option<IcmpError>,
}

impl Failure {
    fn new(stage: Stage, said: io::Error) -> Self {
        Self {
            stage,
            said,
            icmp: None,
        }
    }
}

fn reach(socket: &OwnedFd, destination: SocketAddr) -> Result<(), Failure> {
    let address = SockaddrStorage::from(destination);
    connect(socket.as_raw_fd(), &address).map_err(|it| Failure::new(Stage::Connecting, it.into()))
}

/// Connects in two steps. On a virtual cable the answer to a SYN arrives while the call that sent it
/// still holds the socket, and Linux then only notes an ICMP error and tries again after a second.
/// So the note is looked for before waiting.
fn establish(socket: &OwnedFd, destination: SocketAddr) -> io::Result<Result<(), Failure>> {
    let stream = TcpStream::from(socket.try_clone()?);
    stream.set_nonblocking(true)?;
    let mut connected = reach(socket, destination);
    stream.set_nonblocking(false)?;
    if let Err(failure) = &mut connected
        && failure.said.raw_os_error() == Some(Errno::EINPROGRESS as i32)
    {
        failure.icmp = pending_icmp_error(socket);
        if failure.icmp.is_none() {
            return Ok(reach(socket, destination));
        }
    }
    Ok(connected)
}

fn describe_echo(reply: &[u8]) -> String {
    let byte = |at| reply.get(at).copied().unwrap_or_default();
    format!("type={} code={}\n", byte(0), byte(1))
}

fn open(probe: &Probe) -> io::Result<OwnedFd> {
    let is_ipv4 = probe.destination.is_ipv4();
    let family = if is_ipv4 {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let (kind, protocol) = match probe.protocol {
        Protocol::Tcp => (SockType::Stream, SockProtocol::Tcp),
        Protocol::Udp => (SockType::Datagram, SockProtocol::Udp),
        Protocol::Icmp if is_ipv4 => (SockType::Datagram, SockProtocol::Icmp),
        Protocol::Icmp => (SockType::Datagram, SockProtocol::IcmpV6),
    };
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol)?;
    let micros = i64::try_from(probe.timeout.as_micros())
        .unwrap_or(i64::MAX)
        .max(1);
    let patience = TimeVal::microseconds(micros);
    setsockopt(&socket, sockopt::SendTimeout, &patience)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    if is_ipv4 {
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
    }
    if probe.source_ip.is_some() || probe.source_port.is_some() {
        let ip = probe.source_ip.unwrap_or_else(|| unspecified(is_ipv4));
        let source = SocketAddr::new(ip, probe.source_port.unwrap_or(0));
        bind(socket.as_raw_fd(), &SockaddrStorage::from(source))?;
    }
    Ok(socket)
}

fn unspecified(is_ipv4: bool) -> IpAddr {
    if is_ipv4 {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    }
}

fn converse(socket: OwnedFd, payload: &[u8]) -> io::Result<Outcome> {
    let mut stream = TcpStream::from(socket);
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    let mut reply = Vec::new();
    let read = stream
        .write_all(payload)
        .and_then(|()| (&stream).take(REPLY_BYTES_LIMIT).read_to_end(&mut reply));
    match read {
        Err(it) if reply.is_empty() => return fail(&stream, Failure::new(Stage::Answering, it)),
        _ => {}
    }
    // The server has closed before; there is nobody left to be told.
    let _ = stream.shutdown(Shutdown::Both);
    let reply = String::from_utf8_lossy(&reply).into_owned();
    Ok(Outcome::Connected { local, peer, reply })
}

fn exchange(
    socket: OwnedFd,
    destination: SocketAddr,
    payload: &[u8],
    read: impl Fn(&[u8]) -> String,
) -> io::Result<Outcome> {
    let socket = UdpSocket::from(socket);
    let mut reply = [0; REPLY_BYTES];
    let received = socket.send(payload).and_then(|_| socket.recv(&mut reply));
    match received {
        Ok(n_bytes) => Ok(Outcome::Connected {
            local: socket.local_addr()?,
            peer: destination,
            reply: read(&reply[..n_bytes]),
        }),
        Err(it) => fail(&socket, Failure::new(Stage::Answering, it)),
    }
}

/// Type, code, checksum, identifier (both set by Linux), and the sequence number 1.
fn echo_request(probe: &Probe) -> Vec<u8> {
    let kind = if probe.destination.is_ipv4() {
        ECHO_REQUEST
    } else {
        ECHO_REQUEST_IPV6
    };
    let mut bytes = vec![kind, 0, 0, 0, 0, 0, 0, 1];
    bytes.extend_from_slice(&probe.payload);
    bytes
}

/// Tells an outcome from an error of our own.
fn fail(socket: &impl AsRawFd, failure: Failure) -> io::Result<Outcome> {
    let Failure { stage, said, icmp } = failure;
    let local = getsockname::<SockaddrStorage>(socket.as_raw_fd())?;
    let local = socket_address(&local).unwrap_or_else(|| SocketAddr::new(unspecified(true), 0));
    // An ICMP error says more than the number that the call returned.
    if let Some(icmp) = icmp.or_else(|| pending_icmp_error(socket)) {
        return Ok(match icmp.is_refusal() {
            true => Outcome::Refused {
                local,
                by: Refusal::Icmp(icmp),
            },
            false => Outcome::Unreachable {
                local,
                said: said.to_string(),
                icmp: Some(icmp),
            },
        });
    }
    let is_connecting = stage == Stage::Connecting;
    Ok(match Errno::from_raw(said.raw_os_error().unwrap_or(0)) {
        Errno::ECONNREFUSED | Errno::ECONNRESET | Errno::EPIPE => Outcome::Refused {
            local,
            by: Refusal::Reset,
        },
        Errno::EPERM => Outcome::Blocked { local },
        Errno::EINPROGRESS | Errno::EALREADY | Errno::EAGAIN | Errno::ETIMEDOUT => {
            Outcome::TimedOut { local, stage }
        }
        Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::ENETDOWN | Errno::EHOSTDOWN => {
            Outcome::Unreachable {
                local,
                said: said.to_string(),
                icmp: None,
            }
        }
        // A route of kind "prohibit", and one of kind "blackhole".
        Errno::EACCES | Errno::EINVAL if is_connecting => Outcome::Unreachable {
            local,
            said: said.to_string(),
            icmp: None,
        },
        _ => return Err(said),
    })
}

/// Takes the ICMP error that waits for the socket.
fn pending_icmp_error(socket: &impl AsRawFd) -> Option<IcmpError> {
    let mut quoted = [0; 256];
    let mut parts = [IoSliceMut::new(&mut quoted)];
    // Room for either kind, with the sender's address.
    let mut space = cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags).ok()?;
    message.cmsgs().ok()?.find_map(|it| match it {
        ControlMessageOwned::Ipv4RecvErr(error, sender) => {
            let sender =
                sender.map(|it| Ipv4Addr::from_bits(u32::from_be(it.sin_addr.s_addr)).into());
            from_icmp(&error, sender)
        }
        ControlMessageOwned::Ipv6RecvErr(error, sender) => {
            let sender = sender.map(|it| Ipv6Addr::from(it.sin6_addr.s6_addr).into());
            from_icmp(&error, sender)
        }
        _ => None,
    })
}

fn from_icmp(error: &libc::sock_extended_err, sender: Option<IpAddr>) -> Option<IcmpError> {
    ICMP_ORIGINS
        .contains(&error.ee_origin)
        .then_some(IcmpError {
            sender,
            kind: error.ee_type,
            code: error.ee_code,
        })
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv4 = storage
        .as_sockaddr_in()
        .map(|it| SocketAddr::new(it.ip().into(), it.port()));
    let ipv6 = storage
        .as_sockaddr_in6()
        .map(|it| SocketAddr::new(it.ip().into(), it.port()));
    ipv4.or(ipv6)
}
