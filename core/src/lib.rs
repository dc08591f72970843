//! packetwalk-core: a Kubernetes Service, from its name to a packet and back.
//!
//! The promise: everything shown is computed. Objects make endpoints, endpoints make rules, rules
//! decide about packets, and the rules that decide here are the rules Linux receives. The library
//! is pure: no clock, no file, no socket, no thread, no luck of its own.
//!
//! Modules in reading order, from the ground up: see `ARCHITECTURE.md` for the ladder.

pub mod chance;
mod indexed;
pub mod ip;
mod lines;
pub mod record;
pub mod sorted;
pub mod time;
pub mod yaml;

pub mod api;
pub mod net;
pub mod shell;

pub mod netfilter;
pub mod store;

pub mod controllers;
pub mod dns;
pub mod policy;
pub mod proxy;

pub mod sim;

pub mod doctor;
pub mod kubectl;
pub mod tools;

pub mod console;

pub mod lesson;

pub mod view;

pub mod export;
pub mod session;
