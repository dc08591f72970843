//! Real servers for the pods of a lab, which answer with their name, with whom they saw, and with what was said.
//!
//! Linux: sockets opened inside each namespace and then served by one thread outside: a socket stays in
//! the namespace it was opened in, and so does a connection accepted from it. The answer is a line,
//! `name=api-1 seen=10.244.1.9:41234`, and then what the client said; a request of HTTP is told from anything else by its
//! first word, and answered by `kernel::http`. A client whose line is `stay` is answered line by
//! line until it leaves. A server that hangs listens and does nothing: the kernel opens connections, and that is all.
//!
//! **Left out**: a UDP server on all addresses answers from the address that the route prefers. SCTP is not served.

use std::{
    collections::BTreeMap,
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
    task::{self, JoinSet},
    time::timeout,
};

use super::{
    error::Error,
    http,
    name_server::{self, NameServer},
    netns::Place,
    probe::Protocol,
};

/// How long a client may hesitate before its first byte.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one that stays may be silent.
const STAYING_TIMEOUT: Duration = Duration::from_secs(60);
/// What a client says that wants to stay.
pub const STAY: &[u8] = b"stay\n";
/// A pause after a failed accept, so that a lack of file descriptors is not made worse.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const REQUEST_BYTES: usize = 4096;

/// One server to start.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub enum Manner {
    /// It answers.
    Answers,
    /// It holds its socket and does nothing with it.
    Hangs,
    /// It answers questions of DNS.
    Resolves(NameServer),
}

/// A server that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerId(usize);

/// Running servers. They stop when this is dropped.
#[derive(Debug)]
pub struct Servers {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    handle: runtime::Handle,
    running: BTreeMap<ServerId, task::JoinHandle<()>>,
    n_started: usize,
}

impl Servers {
    /// Starts servers. They listen when this returns.
    ///
    /// # Errors
    /// When one cannot listen, for instance because the host has no such address.
    pub fn start(services: &[Service<'_>]) -> Result<Self, Error> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|it| Error::system("start the servers", it))?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("servers".to_owned())
            .spawn(move || {
                // Both a message and a dropped sender mean to stop.
                let _ = runtime.block_on(stopped);
            })
            .map_err(|it| Error::system("start a thread for the servers", it))?;
        let mut servers = Self {
            stop: Some(stop),
            thread: Some(thread),
            handle,
            running: BTreeMap::new(),
            n_started: 0,
        };
        servers.add(services)?;
        Ok(servers)
    }

    /// Starts more servers, all or none. They listen when this returns.
    ///
    /// # Errors
    /// As [`Servers::start`].
    pub fn add(&mut self, services: &[Service<'_>]) -> Result<Vec<ServerId>, Error> {
        let sockets = services
            .iter()
            .map(open)
            .collect::<Result<Vec<_>, Error>>()?;
        let _here = self.handle.enter();
        let started = sockets.into_iter().map(spawn);
        let tasks = started
            .collect::<io::Result<Vec<_>>>()
            .map_err(|it| Error::system("start the servers", it))?;
        let mut ids = Vec::new();
        for task in tasks {
            let id = ServerId(self.n_started);
            self.n_started += 1;
            self.running.insert(id, task);
            ids.push(id);
        }
        Ok(ids)
    }

    /// Stops a server and closes its connections. Its socket is free when this returns.
    pub fn stop(&mut self, id: ServerId) {
        if let Some(task) = self.running.remove(&id) {
            task.abort();
            // It was stopped, or had panicked, which was shown when it happened.
            let _ = self.handle.block_on(task);
        }
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
    manner: Manner,
}

enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

fn open(service: &Service<'_>) -> Result<Open, Error> {
    let Service {
        place,
        name,
        protocol,
        listen,
        manner,
    } = service;
    let bind = || -> io::Result<Socket> {
        Ok(match protocol {
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
        })
    };
    let socket = place
        .run(bind)?
        .map_err(|it| Error::system(format!("listen on {listen} for {name} {place}"), it))?;
    Ok(Open {
        name: (*name).to_owned(),
        socket,
        manner: manner.clone(),
    })
}

fn spawn(open: Open) -> io::Result<task::JoinHandle<()>> {
    let Open {
        name,
        socket,
        manner,
    } = open;
    Ok(match (manner, socket) {
        (Manner::Answers, Socket::Tcp(it)) => {
            tokio::spawn(accept(net::TcpListener::from_std(it)?, name))
        }
        (Manner::Answers, Socket::Udp(it)) => {
            tokio::spawn(echo(net::UdpSocket::from_std(it)?, name))
        }
        (Manner::Resolves(server), Socket::Tcp(it)) => {
            let listener = net::TcpListener::from_std(it)?;
            tokio::spawn(name_server::over_tcp(listener, server))
        }
        (Manner::Resolves(server), Socket::Udp(it)) => {
            let socket = net::UdpSocket::from_std(it)?;
            tokio::spawn(name_server::over_udp(socket, server))
        }
        (Manner::Hangs, Socket::Tcp(it)) => tokio::spawn(hold(it.into())),
        (Manner::Hangs, Socket::Udp(it)) => tokio::spawn(hold(it.into())),
    })
}

/// Nobody looks at what comes.
async fn hold(_held: OwnedFd) {
    std::future::pending::<()>().await;
}

async fn accept(listener: net::TcpListener, name: String) {
    accept_each(listener, |stream, peer| {
        let line = line(&name, peer);
        async move {
            // A client that goes away is no failure.
            let _ = answer(stream, line).await;
        }
    })
    .await;
}

/// Serves every connection. Those that are open are closed when this is dropped.
pub(super) async fn accept_each<F>(
    listener: net::TcpListener,
    serve: impl Fn(net::TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Closes first, so that the client's port is free at once for the next probe.
async fn answer(mut stream: net::TcpStream, line: String) -> io::Result<()> {
    let mut request = [0; REQUEST_BYTES];
    let n_bytes = timeout(REQUEST_TIMEOUT, stream.peek(&mut request)).await??;
    if http::is_spoken(&request[..n_bytes]) {
        return http::answer(stream, line).await;
    }
    let mut n_bytes = stream.read(&mut request).await?;
    while &request[..n_bytes] == STAY {
        stream.write_all(line.as_bytes()).await?;
        n_bytes = timeout(STAYING_TIMEOUT, stream.read(&mut request)).await??;
    }
    let text = [line.as_bytes(), &request[..n_bytes]].concat();
    stream.write_all(&text).await?;
    stream.shutdown().await
}

async fn echo(socket: net::UdpSocket, name: String) {
    let mut request = [0; REQUEST_BYTES];
    loop {
        // An error here is an ICMP answer to an earlier reply: the client is gone.
        if let Ok((n_bytes, peer)) = socket.recv_from(&mut request).await {
            let text = [line(&name, peer).as_bytes(), &request[..n_bytes]].concat();
            let _ = socket.send_to(&text, peer).await;
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
    let line = reply.lines().find(|it| it.starts_with("name="))?;
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
