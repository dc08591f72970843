//! What a name below a cluster's zone asks for.
//!
//! CoreDNS 1.14.7 `plugin/kubernetes/parse.go`. Labels are read from the right: kind, namespace,
//! Service; what is left is an endpoint, a port with its protocol, an endpoint in a cluster of a
//! multi-cluster zone, or a topology zone.

use super::name::{below, labels};

/// A name taken apart. What it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameParts {
    /// The name of a port.
    pub port: String,
    /// Its protocol.
    pub protocol: String,
    /// The name of an endpoint.
    pub endpoint: String,
    /// The cluster it is in.
    pub cluster: String,
    /// The topology zone it is to be in.
    pub topology_zone: String,
    /// Whether endpoints elsewhere will do where that zone has none.
    pub prefers_zone: bool,
    /// The Service; under `pod`, the address.
    pub service: String,
    /// The namespace.
    pub namespace: String,
    /// `svc`, `pod`, or nothing at the top of the zone.
    pub kind: String,
}

/// Which names a zone has beside the ordinary ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// No others.
    Plain,
    /// Endpoints of a topology zone.
    Zonal,
    /// Endpoints of a cluster.
    Multicluster,
}

/// Takes a name in lower case apart. None if it can name nothing.
#[must_use]
pub fn parse_name(name: &str, zone: &str, grammar: Grammar) -> Option<NameParts> {
    let mut parts = NameParts::default();
    let base = below(name, zone);
    if matches!(base, "" | "svc" | "pod") {
        return Some(parts);
    }
    let mut labels = labels(base);
    labels.reverse();
    let at = |idx: usize| labels.get(idx).copied().unwrap_or_default();
    parts.kind = at(0).to_owned();
    if !matches!(at(0), "svc" | "pod") {
        return None;
    }
    parts.namespace = at(1).to_owned();
    parts.service = at(2).to_owned();
    match labels.len() {
        0..=3 => {}
        4 => parts.endpoint = at(3).to_owned(),
        5 => {
            let is_port = at(3).starts_with('_') || at(4).starts_with('_');
            if grammar != Grammar::Multicluster || is_port {
                parts.protocol = without_underscore(at(3));
                parts.port = without_underscore(at(4));
            } else {
                parts.cluster = at(3).to_owned();
                parts.endpoint = at(4).to_owned();
            }
        }
        _ => {
            if grammar != Grammar::Zonal || at(3) != "_zone" || at(0) != "svc" {
                return None;
            }
            parts.prefers_zone = match at(4) {
                "pin" => false,
                "prefer" => true,
                _ => return None,
            };
            // The name of a topology zone may hold dots.
            let mut zone = labels.split_off(5);
            zone.reverse();
            parts.topology_zone = zone.join(".");
        }
    }
    Some(parts)
}

fn without_underscore(label: &str) -> String {
    label.strip_prefix('_').unwrap_or(label).to_owned()
}
