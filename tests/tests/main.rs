//! Every test that needs no page, in one program: a library as large as ours, linked once for each of fifty files,
//! costs minutes and gigabytes. One file a kind of test; `cargo test -p packetwalk-tests walks::` runs one.
//!
//! **Left out**: the page from end to end (`e2e.rs`), which has its own program because the page must be built first.

mod allocation;
mod api;
mod api_rows;
mod balancers;
mod conformance;
mod connection_tracking;
mod console;
mod control_plane;
mod convergence;
mod determinism;
mod dns;
mod dns_resolver;
mod dns_rows;
mod doctor;
mod endpoint_properties;
mod endpoint_rules;
mod endpoints;
mod evaluator_kernel;
mod explain;
mod exports;
mod first_look;
mod forms;
mod ingress;
mod iptables_rules;
mod ipvs;
mod kept_connections;
mod kernel_rows;
mod kube_proxy_cases;
mod kube_proxy_syncs;
mod kube_proxy_tables;
mod languages;
mod lessons;
mod living_tutorial;
mod load_balancers;
mod node_rulesets;
mod packet_flow;
mod patches;
mod properties;
mod rulesets;
mod service_types;
mod service_validation;
mod shell;
mod signs_of_life;
mod sync;
mod tidy;
mod timeline;
mod tools;
mod tools_and_faults;
mod transcripts;
mod tutorial;
mod usage;
mod walks;
mod workloads;
