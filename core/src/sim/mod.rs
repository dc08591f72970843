//! The simulated cluster: hosts with routes and rules, and the walks of packets between them.
//!
//! **Left out**: overlays: packets between nodes are routed, as with a plain routed CNI; packets take no time. Time
//! passes between them.

mod agenda;
mod alone;
mod balance;
mod base;
mod cluster;
mod connection;
mod http;
mod link;
mod lookup;
mod network;
mod outcome;
mod port_forward;
mod request;
mod start;
mod symptom;
mod timeline;
mod travel;
mod walk;
mod world;

pub use alone::{Alone, Origin, Passage};
pub use balance::{Balance, BalanceTarget};
pub use base::{BaseNotice, DNS_ADDRESS, DNS_ADDRESS_ASIDE};
pub use cluster::{AdvanceEnd, Advanced, Cluster, MAX_LOOKS};
pub use connection::OpenConnection;
pub use http::Onward;
pub use link::{LinkError, MAX_LINK, decode as decode_link, encode as encode_link};
pub use lookup::{Lookup, LookupPacket};
pub use network::{Host, HostId, HostKind, Link, Network, OUTSIDE_CLIENT};
pub use outcome::{By, Ending, Verdict, Why};
pub use port_forward::{PortForwardError, port_forward};
pub use request::{Destination, Request, RequestError, Source};
pub use start::{SETTLE_LIMIT, Start, StartFile, Started, begin, begin_again};
pub use symptom::{Heard, Stage, Symptom, Tool, nslookup_of, ping_words, symptom, symptoms, tools};
pub use timeline::{
    Abandoned, Happening, MAX_EVENTS, MAX_PASS, Record, Timeline, Told, TooManyEvents,
};
pub use travel::{Dropper, End, Journey, Leg, RouteChosen, Step, StepKind};
pub use walk::{Outcomes, Walk, WalkError, outcomes, walk};
pub use world::World;
pub(crate) use world::snapshot;
