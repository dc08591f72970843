//! The client's side: from the name somebody typed to the questions that are asked.
//!
//! glibc 2.36's `res_search`: names with fewer dots than `ndots` try the search list first, A and
//! AAAA together, and stop at the first name that has an address.
//!
//! **Left out**: timeouts, other resolvers' ways, dnsConfig.

use super::message::{Answer, Rcode, RecordType};
use super::server::answer;
use crate::ip::{IpAddr, parse_sloppy};
use crate::store::Objects;
use serde::Serialize;
use std::fmt;

/// What a pod's resolver is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvConf {
    /// Whom it asks.
    pub nameservers: Vec<IpAddr>,
    /// What it appends to short names.
    pub search: Vec<String>,
    /// From how many dots on a name counts as complete.
    pub ndots: usize,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Query {
    /// The full name asked for.
    pub name: String,
    /// The type asked for.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What a look-up came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// Every question, in order.
    pub queries: Vec<Query>,
    /// The addresses; none if there is no such name.
    pub addresses: Vec<IpAddr>,
}

impl ResolvConf {
    /// What kubelet writes for a pod of this namespace with dnsPolicy ClusterFirst.
    #[must_use]
    pub fn cluster_first(namespace: &str, domain: &str, nameservers: Vec<IpAddr>) -> Self {
        ResolvConf {
            nameservers,
            search: vec![
                format!("{namespace}.svc.{domain}"),
                format!("svc.{domain}"),
                domain.to_owned(),
            ],
            ndots: 5,
        }
    }

    /// What a host is told that does not ask cluster DNS: here, nothing.
    #[must_use]
    pub fn outside() -> Self {
        ResolvConf {
            nameservers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
        }
    }

    /// The full names a typed name stands for, in the order they are tried.
    #[must_use]
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let as_is = format!("{name}.");
        let searched = self.search.iter().map(|it| format!("{name}.{it}."));
        let n_dots = name.matches('.').count();
        if n_dots >= self.ndots {
            std::iter::once(as_is).chain(searched).collect()
        } else {
            searched.chain(std::iter::once(as_is)).collect()
        }
    }
}

impl fmt::Display for ResolvConf {
    /// As the file reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "search {}", self.search.join(" "))?;
        for nameserver in &self.nameservers {
            writeln!(f, "nameserver {nameserver}")?;
        }
        writeln!(f, "options ndots:{}", self.ndots)
    }
}

/// Resolves a name as the pod would. An address is its own answer and asks nothing.
#[must_use]
pub fn resolve(objects: &Objects, conf: &ResolvConf, name: &str) -> Resolution {
    let mut resolution = Resolution {
        queries: Vec::new(),
        addresses: Vec::new(),
    };
    if let Some(ip) = parse_sloppy(name) {
        resolution.addresses.push(ip);
        return resolution;
    }
    if conf.nameservers.is_empty() {
        return resolution;
    }
    for candidate in conf.candidates(name) {
        for kind in [RecordType::A, RecordType::AAAA] {
            let answer = answer(objects, &candidate, kind);
            if answer.rcode == Rcode::NoError {
                resolution.addresses.extend(answer.addresses());
            }
            resolution.queries.push(Query {
                name: candidate.clone(),
                kind,
                answer,
            });
        }
        if !resolution.addresses.is_empty() {
            break;
        }
    }
    resolution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_try_the_search_list_first_and_long_ones_last() {
        let conf = ResolvConf::cluster_first("default", "cluster.local", Vec::new());
        assert_eq!(
            conf.candidates("api"),
            [
                "api.default.svc.cluster.local.",
                "api.svc.cluster.local.",
                "api.cluster.local.",
                "api."
            ]
        );
        assert_eq!(conf.candidates("a.b.c.d.e.f")[0], "a.b.c.d.e.f.");
        assert_eq!(conf.candidates("example.com."), ["example.com."]);
    }
}
