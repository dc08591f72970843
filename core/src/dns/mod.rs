//! Cluster DNS: what a pod asks, and what the server answers.
//!
//! The server imitates CoreDNS 1.14's kubernetes plugin with kubeadm's Corefile; the client
//! imitates glibc's walk through the search list. Facts: kubernetes/dns specification 1.1.0.
//!
//! **Left out**: every type but A and AAAA, pod records, reverse names, TTLs other than the
//! Corefile's 30 seconds, caching, truncation, outside zones.

mod message;
mod resolver;
mod server;

pub use message::{
    Answer, Question, Rcode, Record, RecordData, RecordType, Transport, fully_qualified,
};
pub use resolver::{Query, Resolution, ResolvConf, resolve};
pub use server::answer;
