//! Carries messages of DNS between sockets and whoever answers them: over UDP one a datagram, over TCP each after its length.
//!
//! RFC 1035 section 4.2. What a message says, and what is answered, is for the caller.
//!
//! **Left out**: several questions of one connection are answered one after the other, in their order.

use std::{fmt, io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};

use super::{probe::Protocol, serve::accept_each};

/// How long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest datagram.
const MESSAGE_BYTES: usize = 65_535;

/// What is answered to a message, which came over TCP or UDP; nothing if it is not worth an answer.
type Answering = dyn Fn(&[u8], Protocol) -> Option<Vec<u8>> + Send + Sync;

/// Somebody who answers messages of DNS.
#[derive(Clone)]
pub struct NameServer(Arc<Answering>);

impl NameServer {
    /// A name server that answers so.
    pub fn new(
        answer: impl Fn(&[u8], Protocol) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(answer))
    }
}

impl fmt::Debug for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameServer")
    }
}

pub(super) async fn over_udp(socket: UdpSocket, server: NameServer) {
    let mut message = vec![0; MESSAGE_BYTES];
    loop {
        // An error here is an ICMP answer to an earlier reply: the client is gone.
        if let Ok((n_bytes, peer)) = socket.recv_from(&mut message).await
            && let Some(answer) = (server.0)(&message[..n_bytes], Protocol::Udp)
        {
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}

pub(super) async fn over_tcp(listener: TcpListener, server: NameServer) {
    accept_each(listener, |stream, _| {
        let server = server.clone();
        async move {
            // A client that goes away is no failure.
            let _ = converse(stream, &server).await;
        }
    })
    .await;
}

async fn converse(mut stream: TcpStream, server: &NameServer) -> io::Result<()> {
    loop {
        let length = timeout(PATIENCE, stream.read_u16()).await??;
        let mut message = vec![0; usize::from(length)];
        timeout(PATIENCE, stream.read_exact(&mut message)).await??;
        let Some(answer) = (server.0)(&message, Protocol::Tcp) else {
            return Ok(());
        };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes(), answer.as_slice()].concat();
        stream.write_all(&framed).await?;
    }
}
