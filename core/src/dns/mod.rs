//! Cluster DNS: what a pod asks, and what the server answers.
//!
//! The server imitates CoreDNS 1.14's kubernetes plugin with kubeadm's Corefile; the clients imitate
//! the resolvers of glibc 2.36, musl 1.2 and Go 1.27, and the files the kubelet writes for them.
//! Facts: kubernetes/dns specification 1.1.0.
//!
//! **Left out**: every type but A and AAAA, pod records, reverse names, TTLs other than the
//! Corefile's 30 seconds, caching, truncation, outside zones.

mod cache;
mod client;
mod external;
mod kubernetes;
mod kubernetes_name;
mod message;
mod name;
mod resolv_conf;
mod resolver;
mod server;
mod wire;

pub use cache::{Cache, CachePlugin, Lifetimes};
pub use client::{
    Client, Exchange, Failure, Fate, LookUp, Network, Resolver, Sent, Settings, Single, Wanted,
};
pub use external::External;
pub use kubernetes::{Around, Kubernetes, PodMode};
pub use kubernetes_name::{Grammar, NameParts, parse_name};
pub use message::{
    Answer, Question, Rcode, Record, RecordData, RecordType, Transport, fully_qualified,
};
pub use name::reverse_name;
pub use resolv_conf::{DnsEvent, NodeDns, ResolvConf, SearchLimits, pod_hosts};
pub use resolver::{Query, Resolution, resolve};
pub use server::answer;
pub use wire::{Frame, fit, message, refusal, size_limit};
