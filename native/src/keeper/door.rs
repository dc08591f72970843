//! Who comes to a keeper: commands over the lab's socket, and signals that ask it to end.
//!
//! **Left out**: a command that goes away before it is answered is answered nevertheless, and nobody hears it.

use super::home::{Claim, Home, failed};
use super::talk::{Reply, Wish};
use crate::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The longest wish that is read: a manifest may be piped into kubectl.
const MAX_WISH: u64 = 64 << 20;

/// Somebody at the door.
#[derive(Debug)]
pub(super) enum Visit {
    /// A command, and where its answer goes.
    Wish(Wish, oneshot::Sender<Reply>),
    /// The keeper is asked to end.
    End,
    /// The lab's folder is gone, and with it the keeper's claim: somebody else clears up, or has.
    Disowned,
}

/// How often a keeper looks whether its lab is still its own.
const GLANCE: Duration = Duration::from_secs(1);

/// Opens the door: signals are heard and the socket is there when this returns.
///
/// # Errors
/// When the socket cannot be made.
pub(super) fn open(home: &Home, claim: &Claim) -> Result<Receiver<Visit>, Error> {
    let tried = || format!("listen on {}", home.socket().display());
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|it| failed(tried(), it))?;
    let here = runtime.enter();
    let listener = UnixListener::bind(home.socket()).map_err(|it| failed(tried(), it))?;
    let heard = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [terminate, interrupt] = heard;
    let mut terminate = terminate.map_err(|it| failed(tried(), it))?;
    let mut interrupt = interrupt.map_err(|it| failed(tried(), it))?;
    let (door, visitors) = channel();
    let mut glance = tokio::time::interval(GLANCE);
    drop(here);
    let (home, token) = (home.clone(), claim.token());
    let serve = async move {
        loop {
            tokio::select! {
                _ = glance.tick() => if !home.is_claimed_by(token) {
                    let _ = door.send(Visit::Disowned);
                },
                _ = terminate.recv() => {
                    // A keeper that is gone needs no message.
                    let _ = door.send(Visit::End);
                }
                _ = interrupt.recv() => {
                    let _ = door.send(Visit::End);
                }
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    tokio::spawn(attend(stream, door.clone()));
                }
            }
        }
    };
    thread::Builder::new()
        .name("door".to_owned())
        .spawn(move || runtime.block_on(serve))
        .map_err(|it| failed("start a thread".to_owned(), it))?;
    Ok(visitors)
}

/// Reads a wish and brings back the answer. Whoever sends nothing sensible, or goes away, gets nothing.
async fn attend(stream: UnixStream, door: Sender<Visit>) {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let reader = tokio::io::AsyncReadExt::take(reader, MAX_WISH);
    if BufReader::new(reader).read_line(&mut line).await.is_err() {
        return;
    }
    let Ok(wish) = serde_json::from_str(&line) else {
        return;
    };
    let (answer, answered) = oneshot::channel();
    if door.send(Visit::Wish(wish, answer)).is_err() {
        return;
    }
    if let Ok(reply) = answered.await
        && let Ok(text) = serde_json::to_string(&reply)
    {
        let _ = writer.write_all(format!("{text}\n").as_bytes()).await;
    }
}
