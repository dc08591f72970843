//! Cluster DNS: what a pod asks, and what the server answers.
//!
//! The server imitates CoreDNS 1.14's kubernetes plugin with kubeadm's Corefile; the client
//! imitates glibc's walk through the search list. Facts: kubernetes/dns specification 1.1.0.
//!
//! **Left out**: every type but A and AAAA, pod records, reverse names, TTLs other than the
//! Corefile's 30 seconds, caching, truncation, outside zones.

mod cache;
mod external;
mod kubernetes;
mod kubernetes_name;
mod message;
mod name;
mod resolver;
mod server;
mod wire;

pub use cache::{Cache, CachePlugin, Lifetimes};
pub use external::External;
pub use kubernetes::{Around, Kubernetes, PodMode};
pub use kubernetes_name::{Grammar, NameParts, parse_name};
pub use message::{
    Answer, Question, Rcode, Record, RecordData, RecordType, Transport, fully_qualified,
};
pub use name::reverse_name;
pub use resolver::{Query, Resolution, ResolvConf, resolve};
pub use server::answer;
pub use wire::{Frame, fit, message, refusal, size_limit};
