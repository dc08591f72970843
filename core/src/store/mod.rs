//! The memory of objects: what the cluster holds at an instant.
//!
//! Objects are shared pointers, so a copy of the whole store costs almost nothing.
//!
//! **Left out**: revisions, watches and most of admission; a manifest is taken as a cluster's
//! state, and only what it leaves open is filled in.

mod allocator;
mod objects;
pub mod patch;

pub use allocator::{allocate, dynamic_start};
pub use objects::{Key, Objects};
