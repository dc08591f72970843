//! The subcommands, one file each: its arguments and `run`.

pub mod cost;
pub mod dig;
pub mod doctor;
pub mod kubectl;
pub mod lab;
pub mod lesson;
pub mod render;
pub mod serve;
pub mod trace;
pub mod verify;
