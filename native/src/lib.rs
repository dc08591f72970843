//! packetwalk on Linux: the rules and walks of the core on a terminal, the page on loopback, and
//! the kernel's opinion of both.
//!
//! A subcommand is one file in `commands`. Only `kernel` speaks to Linux; `lab` builds a world out
//! of it, `keeper` one that stays, and `compare` says where the world and the simulation differ. `node` is this machine as
//! it is, with rules that anybody may have loaded.
//!
//! **Left out**: live clusters, the Kubernetes API.

pub mod cli;
pub mod commands;
pub mod compare;
pub mod confirmed;
pub mod error;
mod figure;
pub mod input;
pub mod keeper;
pub mod kernel;
pub mod lab;
pub mod node;
pub mod output;
pub mod random;
pub mod typing;
