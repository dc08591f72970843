//! The languages rules are written in.
//!
//! **Left out**: iptables' language, which comes with iptables mode.

pub mod nft;
