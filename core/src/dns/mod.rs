//! Cluster DNS: what a pod asks, and what the server answers.
//!
//! The server imitates CoreDNS 1.14.7 with the plugins a cluster's Corefile uses: kubernetes,
//! k8s_external, cache, forward, hosts, rewrite, loadbalance. Names follow the kubernetes/dns
//! specification 1.1.0. The clients imitate the resolvers of glibc 2.36, musl 1.2 and Go 1.27, and
//! the files the kubelet writes for them.
//!
//! **Left out**: see each file; DNSSEC, and transports other than UDP and TCP on port 53.

mod asked;
mod cache;
mod cluster;
mod corefile;
mod dig;
mod external;
mod hosts;
mod kubernetes;
mod kubernetes_name;
mod message;
mod name;
mod outside;
mod plugins;
mod rewrite;
mod server;
mod wire;

mod client;
mod resolv_conf;
mod resolver;

pub use asked::Asked;
pub use cache::{Cache, CachePlugin, Lifetimes};
pub use corefile::{FILE as COREFILE, kubeadm_corefile};
pub use dig::dig_text;
pub use external::External;
pub use kubernetes::{Around, Kubernetes, PodMode};
pub use kubernetes_name::{Grammar, NameParts, parse_name};
pub use message::{
    Answer, Question, Rcode, Record, RecordData, RecordType, Transport, fully_qualified,
};
pub use name::{IllegalName, check_name, reverse_name};
pub use outside::{FILE as OUTSIDE_ZONE, Outside};
pub use server::Server;
pub use wire::{Frame, fit, message, query, refusal, size_limit};

pub use client::{
    Client, Exchange, Failure, Fate, LookUp, Network, Resolver, Sent, Settings, Single, Wanted,
};
pub use resolv_conf::{DnsEvent, NodeDns, ResolvConf, SearchLimits, pod_hosts};
pub use resolver::{Query, Resolution};
