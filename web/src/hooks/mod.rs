//! Hooks: keys, the page's shape, reduced motion, and the packet's flight.

pub mod flight;
pub mod keys;
pub mod media;
pub mod shape;
