//! Hooks: the clock, keys, the page's shape, reduced motion, and the packet's flight.

pub mod clock;
pub mod flight;
pub mod keys;
#[cfg(feature = "everything")]
pub mod looking;
pub mod media;
pub mod shape;
