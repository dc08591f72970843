//! Cluster DNS: what a pod asks, and what the server answers.
//!
//! The server imitates CoreDNS 1.14's kubernetes plugin with kubeadm's Corefile; the client
//! imitates glibc's walk through the search list. Facts: kubernetes/dns specification 1.1.0.
//!
//! **Left out**: every type but A and AAAA, pod records, reverse names, TTLs other than the
//! Corefile's 30 seconds, caching, truncation, outside zones.

mod client;
mod message;
mod resolv_conf;
mod resolver;
mod server;

pub use client::{
    Client, Exchange, Failure, Fate, LookUp, Network, Resolver, Sent, Settings, Single, Wanted,
};
pub use message::{
    Answer, Question, Rcode, Record, RecordData, RecordType, Transport, fully_qualified,
};
pub use resolv_conf::{DnsEvent, NodeDns, ResolvConf, SearchLimits, pod_hosts};
pub use resolver::{Query, Resolution, resolve};
pub use server::answer;
