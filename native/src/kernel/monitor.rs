//! Listens to a host: the trace of its packets and the events of its connections, in one order.
//!
//! Linux: netlink groups `NFNLGRP_NFTRACE` (9) and `NFNLGRP_CONNTRACK_{NEW,UPDATE,DESTROY}` (1, 2, 3) on
//! one socket inside the namespace. The kernel writes into the socket while it works on a packet, so
//! nothing needs to run meanwhile; the receive buffer is large, and when it overflows that is counted.
//!
//! **Left out**: how many messages an overflow lost is unknown; only that it happened is.

use std::{
    io,
    time::{Duration, Instant},
};

use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::{
    errno::Errno,
    sys::socket::{setsockopt, sockopt},
};

use super::{
    conntrack::{self, ConntrackEvent},
    error::Error,
    netlink::{Channel, Frame, frames},
    netns::Place,
    trace::{self, TraceEvent, TracedPacket},
};

const GROUPS: [u32; 4] = [1, 2, 3, 9];
/// Holds about 100,000 messages; a listener with 8 MiB lost some of 5,000 connections.
const RECEIVE_BUFFER_BYTES: usize = 64 << 20;

/// Something the kernel told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A step of a traced packet.
    Trace(TraceEvent),
    /// A change of a connection.
    Conntrack(ConntrackEvent),
}

/// What was heard since the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// In the kernel's order.
    pub events: Vec<Event>,
    /// How often the buffer overflowed. If it is not 0, the events are incomplete.
    pub n_overflows: usize,
    /// How many messages could not be read.
    pub n_malformed: usize,
}

impl Recording {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.n_overflows == 0 && self.n_malformed == 0
    }

    /// The trace messages.
    pub fn traces(&self) -> impl Iterator<Item = &TraceEvent> {
        self.events.iter().filter_map(|it| match it {
            Event::Trace(it) => Some(it),
            Event::Conntrack(_) => None,
        })
    }

    /// The connection events.
    pub fn connections(&self) -> impl Iterator<Item = &ConntrackEvent> {
        self.events.iter().filter_map(|it| match it {
            Event::Conntrack(it) => Some(it),
            Event::Trace(_) => None,
        })
    }

    /// The traced packets, put together.
    #[must_use]
    pub fn packets(&self) -> Vec<TracedPacket> {
        trace::group(self.traces())
    }

    fn note(&mut self, frame: &Frame<'_>) {
        let subsystem = frame.kind >> 8;
        let event = match (subsystem, frame.kind & 0xff) {
            (trace::SUBSYSTEM, trace::MESSAGE_TRACE) => trace::decode(frame).map(Event::Trace),
            (conntrack::SUBSYSTEM, _) => conntrack::decode(frame).map(Event::Conntrack),
            _ => None,
        };
        match event {
            Some(event) => self.events.push(event),
            None => self.n_malformed += 1,
        }
    }
}

/// A listener to one host.
#[derive(Debug)]
pub struct Monitor {
    channel: Channel,
}

impl Monitor {
    /// Begins to listen. Packets are traced once the rules of `trace::tracing_rules` are loaded.
    ///
    /// # Errors
    /// When Linux refuses; connection tracking and nf_tables must be there.
    pub fn open<'a>(place: impl Into<Place<'a>>) -> Result<Self, Error> {
        let place = place.into();
        let channel = place.run(|| Channel::open(NETLINK_NETFILTER))??;
        setsockopt(&channel, sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES)
            .map_err(|it| Error::system("enlarge the buffer of a netlink socket", it))?;
        for group in GROUPS {
            channel.join(group).map_err(|it| {
                Error::system(format!("listen to group {group} of netfilter {place}"), it)
            })?;
        }
        Ok(Self { channel })
    }

    /// What has been told up to now, without waiting.
    ///
    /// # Errors
    /// When the socket fails in another way than by overflowing.
    pub fn drain(&mut self) -> Result<Recording, Error> {
        let mut recording = Recording::default();
        while take(self.channel.receive_now(), &mut recording)? {}
        Ok(recording)
    }

    /// What is told until nothing has come for `quiet`, or until `at_most` has passed.
    ///
    /// # Errors
    /// When the socket fails in another way than by overflowing.
    pub fn collect(&mut self, quiet: Duration, at_most: Duration) -> Result<Recording, Error> {
        let started = Instant::now();
        let mut recording = Recording::default();
        // Zero would mean to wait for ever.
        self.channel
            .wait_at_most(quiet.max(Duration::from_micros(1)))?;
        while started.elapsed() < at_most && take(self.channel.receive(), &mut recording)? {}
        Ok(recording)
    }
}

/// Notes one buffer; false when there was nothing.
fn take(received: io::Result<&[u8]>, recording: &mut Recording) -> Result<bool, Error> {
    match received {
        Ok(bytes) => frames(bytes).for_each(|it| recording.note(&it)),
        Err(it) if it.kind() == io::ErrorKind::WouldBlock => return Ok(false),
        Err(it) if it.kind() == io::ErrorKind::Interrupted => {}
        Err(it) if it.raw_os_error() == Some(Errno::ENOBUFS as i32) => recording.n_overflows += 1,
        Err(it) => return Err(Error::system("listen to netfilter", it)),
    }
    Ok(true)
}
