//! The subcommands, one file each: its arguments and `run`.

pub mod apply;
pub mod clean;
pub mod cost;
pub mod dig;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod kubectl;
pub mod lab;
pub mod lesson;
pub mod render;
pub mod serve;
pub mod trace;
pub mod verify;
