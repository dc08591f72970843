//! Netlink messages as bytes, and a socket that sends many requests at once and reads every answer.
//!
//! Linux: `struct nlmsghdr`, `struct nlattr` and extended acknowledgements
//! (<https://docs.kernel.org/userspace-api/netlink/intro.html>). A socket belongs for ever to the
//! namespace it was opened in, so sockets can be opened once and used from any thread.
//!
//! **Left out**: requests are not repeated after an overflow of the receive buffer; batches are so small
//! that their answers fit.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use netlink_sys::{Socket, SocketAddr};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::{TimeVal, TimeValLike},
};

use super::error::Error;

/// The length of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;

const FLAG_REQUEST: u16 = 0x1;
const FLAG_ACK: u16 = 0x4;
const FLAG_DUMP: u16 = 0x300;
const FLAG_DUMP_INTERRUPTED: u16 = 0x10;
const TYPE_ERROR: u16 = 2;
const TYPE_DONE: u16 = 3;
const ATTRIBUTE_MESSAGE: u16 = 1;
const KIND_MASK: u16 = 0x3fff;

/// Enough for any answer the kernel makes in one piece.
const RECEIVE_BYTES: usize = 64 * 1024;
/// A batch is cut here, so that neither the send buffer nor the list of answers overflows.
const BATCH_BYTES: usize = 24 * 1024;
const BATCH_REQUESTS: usize = 96;
/// How often a list is asked for that changes meanwhile (`NLM_F_DUMP_INTR`).
const DUMP_ATTEMPTS: usize = 10;
/// The kernel answers at once; silence for this long is a fault.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether a list was read undisturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dump {
    Whole,
    Interrupted,
}

/// One netlink message within a received buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// `nlmsg_type`.
    pub(crate) kind: u16,
    /// `nlmsg_flags`.
    pub(crate) flags: u16,
    /// `nlmsg_seq`.
    pub(crate) sequence: u32,
    /// What follows the header.
    pub(crate) body: &'a [u8],
}

/// The messages in a received buffer; bytes that are not a whole message end the list.
pub(crate) fn frames(mut bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let length = native_u32(bytes, 0)? as usize;
        if length < HEADER || length > bytes.len() {
            return None;
        }
        let frame = Frame {
            kind: native_u16(bytes, 4)?,
            flags: native_u16(bytes, 6)?,
            sequence: native_u32(bytes, 8)?,
            body: &bytes[HEADER..length],
        };
        bytes = &bytes[align(length).min(bytes.len())..];
        Some(frame)
    })
}

/// The attributes in a message: number without flags, and value.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = native_u16(bytes, 0)? as usize;
        let kind = native_u16(bytes, 2)? & KIND_MASK;
        if length < 4 || length > bytes.len() {
            return None;
        }
        let value = &bytes[4..length];
        bytes = &bytes[align(length).min(bytes.len())..];
        Some((kind, value))
    })
}

/// A number of the machine's own byte order.
pub(crate) fn native_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A number of the machine's own byte order.
pub(crate) fn native_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn align(length: usize) -> usize {
    (length + 3) & !3
}

/// A request: its type, its further flags, its body, and what it tries to do.
#[derive(Debug)]
pub(crate) struct Request {
    /// `nlmsg_type`.
    pub(crate) kind: u16,
    /// Flags beside REQUEST and ACK: create, exclusive, replace.
    pub(crate) flags: u16,
    /// What follows the header.
    pub(crate) body: Vec<u8>,
    /// The rest of a sentence that begins with "could not".
    pub(crate) tried: String,
}

impl Request {
    fn write(&self, sequence: u32, flags: u16, into: &mut Vec<u8>) {
        let length = HEADER + self.body.len();
        into.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        into.extend_from_slice(&self.kind.to_ne_bytes());
        into.extend_from_slice(&(self.flags | FLAG_REQUEST | flags).to_ne_bytes());
        into.extend_from_slice(&sequence.to_ne_bytes());
        into.extend_from_slice(&0_u32.to_ne_bytes());
        into.extend_from_slice(&self.body);
        into.resize(into.len() + align(length) - length, 0);
    }
}

/// A netlink socket of one namespace: the one of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Channel {
    /// Opens a socket in the namespace of the calling thread.
    pub(crate) fn open(protocol: isize) -> Result<Self, Error> {
        let tried = "open a netlink socket";
        let mut socket = Socket::new(protocol).map_err(|it| Error::system(tried, it))?;
        socket.bind_auto().map_err(|it| Error::system(tried, it))?;
        // Only the wording of errors depends on these two.
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        let channel = Self {
            socket,
            sequence: 0,
            buffer: vec![0; RECEIVE_BYTES],
        };
        channel.wait_at_most(ANSWER_TIMEOUT)?;
        Ok(channel)
    }

    /// Sets how long a receive may wait; zero waits for ever.
    pub(crate) fn wait_at_most(&self, duration: Duration) -> Result<(), Error> {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        setsockopt(
            &self.socket,
            sockopt::ReceiveTimeout,
            &TimeVal::microseconds(micros),
        )
        .map_err(|it| Error::system("set the timeout of a netlink socket", it))
    }

    /// Joins a group of events.
    pub(crate) fn join(&self, group: u32) -> io::Result<()> {
        self.socket.add_membership(group)
    }

    /// Receives one buffer of messages.
    pub(crate) fn receive(&mut self) -> io::Result<&[u8]> {
        let n_bytes = self.socket.recv(&mut &mut self.buffer[..], 0)?;
        Ok(&self.buffer[..n_bytes])
    }

    /// Receives one buffer of messages if one is there now.
    pub(crate) fn receive_now(&mut self) -> io::Result<&[u8]> {
        let flags = nix::sys::socket::MsgFlags::MSG_DONTWAIT.bits();
        let n_bytes = self.socket.recv(&mut &mut self.buffer[..], flags)?;
        Ok(&self.buffer[..n_bytes])
    }

    /// Sends all requests, in order, and waits until each is answered.
    ///
    /// The kernel carries out the rest of a batch after a refusal; all refusals are reported.
    pub(crate) fn request(&mut self, requests: &[Request]) -> Result<(), Error> {
        let mut failures = Vec::new();
        let mut rest = requests;
        while !rest.is_empty() {
            let first = self.sequence.wrapping_add(1);
            let mut bytes = Vec::new();
            let mut n_sent = 0;
            while n_sent < rest.len().min(BATCH_REQUESTS) && bytes.len() < BATCH_BYTES {
                self.sequence = self.sequence.wrapping_add(1);
                rest[n_sent].write(self.sequence, FLAG_ACK, &mut bytes);
                n_sent += 1;
            }
            let (batch, later) = rest.split_at(n_sent);
            self.send(&bytes, &batch[0].tried)?;
            self.await_answers(first, batch, &mut failures)?;
            rest = later;
        }
        Error::collect(failures)
    }

    /// Sends one request for a list and hands each message of it to `take`.
    ///
    /// A list that changes while it is read is asked for again, a few times.
    pub(crate) fn dump(
        &mut self,
        request: &Request,
        mut take: impl FnMut(Frame<'_>),
    ) -> Result<(), Error> {
        for _ in 0..DUMP_ATTEMPTS {
            let mut received = Vec::new();
            if self.dump_once(request, &mut received)? == Dump::Whole {
                let messages = received.iter().flat_map(|it| frames(it));
                messages
                    .filter(|it| it.kind != TYPE_DONE)
                    .for_each(&mut take);
                return Ok(());
            }
        }
        let said = io::Error::other("the list changes faster than it can be read");
        Err(Error::system(request.tried.as_str(), said))
    }

    /// Receives the messages of one list, as they come, up to its end.
    fn dump_once(&mut self, request: &Request, received: &mut Vec<Vec<u8>>) -> Result<Dump, Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let mut bytes = Vec::new();
        request.write(sequence, FLAG_DUMP, &mut bytes);
        self.send(&bytes, &request.tried)?;
        let mut dump = Dump::Whole;
        loop {
            let buffer = self
                .receive()
                .map_err(|it| Error::system(request.tried.as_str(), it))?;
            let mut is_end = false;
            let mut n_messages = 0;
            for frame in frames(buffer).filter(|it| it.sequence == sequence) {
                if frame.flags & FLAG_DUMP_INTERRUPTED != 0 {
                    dump = Dump::Interrupted;
                }
                match frame.kind {
                    TYPE_DONE => is_end = true,
                    TYPE_ERROR => {
                        return refusal(&frame, &request.tried).map_or(Ok(dump), Err);
                    }
                    _ => n_messages += 1,
                }
            }
            if n_messages > 0 {
                received.push(buffer.to_vec());
            }
            if is_end {
                return Ok(dump);
            }
        }
    }

    fn send(&mut self, bytes: &[u8], tried: &str) -> Result<(), Error> {
        let kernel = SocketAddr::new(0, 0);
        self.socket
            .send_to(bytes, &kernel, 0)
            .map(|_| ())
            .map_err(|it| Error::system(tried, it))
    }

    fn await_answers(
        &mut self,
        first: u32,
        batch: &[Request],
        failures: &mut Vec<Error>,
    ) -> Result<(), Error> {
        let mut n_waiting = batch.len();
        while n_waiting > 0 {
            let received = self
                .receive()
                .map_err(|it| Error::system(format!("{} (no answer)", batch[0].tried), it))?;
            for frame in frames(received).filter(|it| it.kind == TYPE_ERROR) {
                let index = frame.sequence.wrapping_sub(first) as usize;
                let Some(request) = batch.get(index) else {
                    continue;
                };
                n_waiting -= 1;
                failures.extend(refusal(&frame, &request.tried));
            }
        }
        Ok(())
    }
}

/// The error in an acknowledgement, if it is one.
fn refusal(frame: &Frame<'_>, tried: &str) -> Option<Error> {
    let code = native_u32(frame.body, 0)?.cast_signed();
    if code == 0 {
        return None;
    }
    let explanation = frame
        .body
        .get(4 + HEADER..)
        .and_then(|bytes| attributes(bytes).find(|(kind, _)| *kind == ATTRIBUTE_MESSAGE))
        .map(|(_, text)| {
            String::from_utf8_lossy(text)
                .trim_end_matches('\0')
                .to_owned()
        });
    Some(Error::Netlink {
        tried: tried.to_owned(),
        said: io::Error::from_raw_os_error(-code),
        explanation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_padded_and_read_back() {
        let request = Request {
            kind: 16,
            flags: 0,
            body: vec![1, 2, 3, 4, 5],
            tried: String::new(),
        };
        let mut bytes = Vec::new();
        request.write(7, FLAG_ACK, &mut bytes);
        request.write(8, FLAG_ACK, &mut bytes);
        assert_eq!(bytes.len(), 2 * 24);
        let read: Vec<_> = frames(&bytes)
            .map(|it| (it.kind, it.sequence, it.body.len()))
            .collect();
        assert_eq!(read, [(16, 7, 5), (16, 8, 5)]);
    }

    #[test]
    fn broken_bytes_end_the_list() {
        assert_eq!(frames(&[1, 2, 3]).count(), 0);
        assert_eq!(frames(&[0; 64]).count(), 0);
        assert_eq!(frames(&[255; 64]).count(), 0);
        assert_eq!(attributes(&[0; 8]).count(), 0);
        assert_eq!(attributes(&[255; 8]).count(), 0);
        assert_eq!(attributes(&[4, 0, 1, 0, 9]).count(), 1);
    }
}
