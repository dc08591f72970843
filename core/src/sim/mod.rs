//! The simulated cluster: hosts with routes and rules, and the walks of packets between them.
//!
//! **Left out**: time passing between walks (visits have it), faults, network policies. Packets between nodes are
//! routed as with a plain routed CNI; there is no overlay.

mod base;
mod cluster;
mod link;
mod lookup;
mod network;
mod outcome;
mod request;
mod start;
mod timeline;
mod travel;
mod visit;
mod walk;
mod world;

pub use base::{BaseNotice, DNS_ADDRESS, DNS_ADDRESS_ASIDE};
pub use cluster::{AdvanceEnd, Advanced, Cluster, MAX_LOOKS};
pub use link::{LinkError, MAX_LINK, decode as decode_link, encode as encode_link};
pub use lookup::{Lookup, LookupPacket};
pub use network::{Host, HostId, HostKind, Link, Network, OUTSIDE_CLIENT};
pub use outcome::{By, Ending, Verdict, Why};
pub use request::{Destination, Request, RequestError, Source};
pub use start::{SETTLE_LIMIT, Start, StartFile, Started, begin};
pub use timeline::{
    Abandoned, Happening, MAX_EVENTS, MAX_PASS, Record, Timeline, Told, TooManyEvents,
};
pub use travel::{Journey, Leg, RouteChosen, Step, StepKind};
pub use visit::{Visit, look_up_name, visit};
pub use walk::{Outcomes, Walk, WalkError, outcomes, walk};
pub use world::World;
pub(crate) use world::snapshot;
