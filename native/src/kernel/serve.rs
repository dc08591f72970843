//! Real servers for the pods of a lab, which answer with their name and with whom they saw.
//!
//! Linux: sockets opened inside each namespace and then served by one thread outside: a socket stays in
//! the namespace it was opened in, and so does a connection accepted from it. The answer is one line,
//! `name=api-1 seen=10.244.1.9:41234`, wrapped in HTTP if the request was. A client whose line is `stay` is answered line by
//! line until it leaves. A server that hangs listens and does nothing: the kernel opens connections, and that is all.
//!
//! **Left out**: HTTP is recognised by its first word and nothing else of it is read. A UDP server on
//! all addresses answers from the address that the route prefers. SCTP is not served.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::fd::OwnedFd,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net, runtime,
    sync::oneshot,
    time::timeout,
};

use super::{error::Error, netns::Place, probe::Protocol};

/// How long a client may hesitate before its first byte.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one that stays may be silent.
const STAYING_TIMEOUT: Duration = Duration::from_secs(60);
/// What a client says that wants to stay.
pub const STAY: &[u8] = b"stay\n";
/// A pause after a failed accept, so that a lack of file descriptors is not made worse.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const REQUEST_BYTES: usize = 4096;
const HTTP_METHODS: [&[u8]; 4] = [b"GET ", b"HEAD ", b"POST ", b"PUT "];

/// One server to start.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// Where it listens.
    pub place: Place<'a>,
    /// The name it answers with.
    pub name: &'a str,
    /// TCP or UDP; a host answers to ICMP by itself.
    pub protocol: Protocol,
    /// The address and port. `[::]` takes IPv4 as well.
    pub listen: SocketAddr,
    /// How it serves.
    pub manner: Manner,
}

/// How a server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It answers.
    Answers,
    /// It holds its socket and does nothing with it.
    Hangs,
}

/// Running servers. They stop when this is dropped.
#[derive(Debug)]
pub struct Servers {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Servers {
    /// Starts servers. They listen when this returns.
    ///
    /// # Errors
    /// When one cannot listen, for instance because the host has no such address.
    pub fn start(services: &[Service<'_>]) -> Result<Self, Error> {
        let sockets = services
            .iter()
            .map(open)
            .collect::<Result<Vec<_>, Error>>()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|it| Error::system("start the servers", it))?;
        let (stop, stopped) = oneshot::channel();
        let (report, failure) = std::sync::mpsc::channel();
        let serve = async move {
            let started: io::Result<()> = sockets.into_iter().try_for_each(spawn);
            let failed = started.is_err();
            // The receiver waits for this one message.
            let _ = report.send(started);
            if !failed {
                // Both a message and a dropped sender mean to stop.
                let _ = stopped.await;
            }
        };
        let thread = thread::Builder::new()
            .name("servers".to_owned())
            .spawn(move || runtime.block_on(serve))
            .map_err(|it| Error::system("start a thread for the servers", it))?;
        let servers = Self {
            stop: Some(stop),
            thread: Some(thread),
        };
        let started = failure
            .recv()
            .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        started.map_err(|it| Error::system("start the servers", it))?;
        Ok(servers)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was shown when it happened.
            let _ = thread.join();
        }
    }
}

struct Open {
    name: String,
    socket: Socket,
}

enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
    /// Nobody looks at what comes.
    Left(OwnedFd),
}

fn open(service: &Service<'_>) -> Result<Open, Error> {
    let Service {
        place,
        name,
        protocol,
        listen,
        manner,
    } = *service;
    let bind = || -> io::Result<Socket> {
        let socket = match protocol {
            Protocol::Tcp => {
                let listener = TcpListener::bind(listen)?;
                listener.set_nonblocking(true)?;
                Socket::Tcp(listener)
            }
            Protocol::Udp => {
                let socket = UdpSocket::bind(listen)?;
                socket.set_nonblocking(true)?;
                Socket::Udp(socket)
            }
            Protocol::Icmp => return Err(io::Error::other("a host answers to ICMP by itself")),
        };
        Ok(match (manner, socket) {
            (Manner::Answers, socket) => socket,
            (Manner::Hangs, Socket::Tcp(it)) => Socket::Left(it.into()),
            (Manner::Hangs, Socket::Udp(it)) => Socket::Left(it.into()),
            (Manner::Hangs, left) => left,
        })
    };
    let socket = place
        .run(bind)?
        .map_err(|it| Error::system(format!("listen on {listen} for {name} {place}"), it))?;
    Ok(Open {
        name: name.to_owned(),
        socket,
    })
}

fn spawn(open: Open) -> io::Result<()> {
    let Open { name, socket } = open;
    match socket {
        Socket::Tcp(it) => {
            let listener = net::TcpListener::from_std(it)?;
            tokio::spawn(accept(listener, name));
        }
        Socket::Udp(it) => {
            let socket = net::UdpSocket::from_std(it)?;
            tokio::spawn(echo(socket, name));
        }
        Socket::Left(it) => {
            tokio::spawn(async move {
                let _held = it;
                std::future::pending::<()>().await;
            });
        }
    }
    Ok(())
}

async fn accept(listener: net::TcpListener, name: String) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let line = line(&name, peer);
                tokio::spawn(answer(stream, line));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Closes first, so that the client's port is free at once for the next probe.
async fn answer(mut stream: net::TcpStream, line: String) -> io::Result<()> {
    let mut request = [0; REQUEST_BYTES];
    let mut n_bytes = timeout(REQUEST_TIMEOUT, stream.read(&mut request)).await??;
    while &request[..n_bytes] == STAY {
        stream.write_all(line.as_bytes()).await?;
        n_bytes = timeout(STAYING_TIMEOUT, stream.read(&mut request)).await??;
    }
    let request = &request[..n_bytes];
    let is_http = HTTP_METHODS.iter().any(|it| request.starts_with(it));
    let text = if is_http {
        let length = line.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{line}"
        )
    } else {
        line
    };
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

async fn echo(socket: net::UdpSocket, name: String) {
    let mut request = [0; REQUEST_BYTES];
    loop {
        // An error here is an ICMP answer to an earlier reply: the client is gone.
        if let Ok((_, peer)) = socket.recv_from(&mut request).await {
            let _ = socket.send_to(line(&name, peer).as_bytes(), peer).await;
        }
    }
}

fn line(name: &str, peer: SocketAddr) -> String {
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    format!("name={name} seen={peer}\n")
}

/// What a server's line says: its name, and whom it saw.
#[must_use]
pub fn read_line(reply: &str) -> Option<(&str, SocketAddr)> {
    let line = reply.lines().rfind(|it| it.starts_with("name="))?;
    let (name, seen) = line.strip_prefix("name=")?.split_once(" seen=")?;
    Some((name, seen.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_reads_back() {
        let peer = SocketAddr::from(([10, 244, 1, 9], 41234));
        assert_eq!(read_line(&line("api-1", peer)), Some(("api-1", peer)));
        assert_eq!(
            read_line("HTTP/1.1 200 OK\r\n\r\nname=a seen=[::1]:5\n").map(|it| it.0),
            Some("a")
        );
        assert_eq!(read_line("nonsense"), None);
    }

    #[test]
    fn mapped_address_is_shown_as_ipv4() {
        let peer: SocketAddr = "[::ffff:10.0.0.1]:5".parse().expect("is an address");
        assert_eq!(line("a", peer), "name=a seen=10.0.0.1:5\n");
    }
}
