//! The memory of objects: what the cluster holds at an instant, and how it came about.
//!
//! A [`Store`] keeps every object twice: as the API document, whole, and in its typed form, which is all that
//! controllers, DNS and kube-proxy look at. Both are shared pointers, so a copy of the whole store costs little.
//!
//! **Left out**: storage beyond memory; several API servers.

mod admission;
mod allocator;
pub mod api;
mod change;
mod index;
mod kept;
mod merge;
mod objects;
pub mod patch;
pub mod service;
mod storage;
mod write;

pub use allocator::{
    Allocators, IpAllocator, IpFault, Owner, PortAllocator, PortFault, PortRange, RangeReadiness,
    allocate, dynamic_start,
};
pub use change::{Change, ChangeKind};
pub use kept::Kept;
pub use merge::{changes, merge};
pub use objects::{Key, Named, Namespaced, Objects, key};
pub use storage::{MAX_CHANGES, Store};
pub use write::{Note, NoteKind, Part, Propagation, Write};
