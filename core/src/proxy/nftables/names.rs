//! The names of chains, sets and maps.
//!
//! `servicePortPolicyClusterChainNameBase` and its kin, `pkg/proxy/nftables/proxier.go`.

use super::super::{Endpoint, ServicePort};
use sha2::{Digest, Sha256};

/// The longest name before its prefix: 256 characters less room for the longest prefix.
const MAX_BASE: usize = 240;

/// The names that are the same in every cluster.
pub struct Names {
    /// ClusterIPs.
    pub cluster_ips: &'static str,
    /// The node's addresses that take NodePorts.
    pub nodeport_ips: &'static str,
    /// Pods that reach themselves.
    pub hairpin_connections: &'static str,
    /// Addresses without endpoints.
    pub no_endpoint_services: &'static str,
    /// NodePorts without endpoints.
    pub no_endpoint_nodeports: &'static str,
    /// Addresses with a source filter.
    pub firewall_ips: &'static str,
    /// Addresses of Services.
    pub service_ips: &'static str,
    /// NodePorts of Services.
    pub service_nodeports: &'static str,
    /// The chain where a destination finds its Service.
    pub services: &'static str,
    /// The chain that masquerades.
    pub masquerading: &'static str,
    /// The chain that sets the mark, up to 1.35.
    pub mark_for_masquerade: &'static str,
    /// The chain that guards the service range.
    pub cluster_ips_check: &'static str,
    /// The chain that turns away traffic without endpoints.
    pub service_endpoints_check: &'static str,
    /// The same for NodePorts.
    pub nodeport_endpoints_check: &'static str,
    /// The chain that filters by source.
    pub firewall_check: &'static str,
    /// The chain that refuses.
    pub reject_chain: &'static str,
}

/// The names that are the same in every cluster.
pub const NAMES: Names = Names {
    cluster_ips: "cluster-ips",
    nodeport_ips: "nodeport-ips",
    hairpin_connections: "hairpin-connections",
    no_endpoint_services: "no-endpoint-services",
    no_endpoint_nodeports: "no-endpoint-nodeports",
    firewall_ips: "firewall-ips",
    service_ips: "service-ips",
    service_nodeports: "service-nodeports",
    services: "services",
    masquerading: "masquerading",
    mark_for_masquerade: "mark-for-masquerade",
    cluster_ips_check: "cluster-ips-check",
    service_endpoints_check: "service-endpoints-check",
    nodeport_endpoints_check: "nodeport-endpoints-check",
    firewall_check: "firewall-check",
    reject_chain: "reject-chain",
};

/// `ULMVA6XW-ns1/svc1/tcp/p80`
pub(in crate::proxy) fn service_base(port: &ServicePort) -> String {
    let (namespace, name, port_name, protocol) = port.key();
    hashed(&format!("{namespace}/{name}/{protocol}/{port_name}"))
}

/// `5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80`
pub(super) fn endpoint_base(port: &ServicePort, endpoint: &Endpoint) -> String {
    let (namespace, name, port_name, protocol) = port.key();
    let service_port = format!("{namespace}/{name}/{protocol}/{port_name}");
    let address = endpoint.address.to_string();
    endpoint_base_of(&service_port, &address, endpoint.port)
}

/// The same by the texts it is made of; colons of an address become points.
#[must_use]
pub fn endpoint_base_of(service_port: &str, address: &str, number: u16) -> String {
    let address = address.replace(':', ".");
    hashed(&format!("{service_port}__{address}/{number}"))
}

fn hashed(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let code = data_encoding::BASE32.encode(&digest);
    let mut base = format!("{}-{text}", &code[..8]);
    if base.len() > MAX_BASE {
        // No name that the API takes has letters of several bytes, but a manifest may be about to be corrected.
        base.truncate(base.floor_char_boundary(MAX_BASE - 3));
        base.push_str("...");
    }
    base
}

#[cfg(test)]
mod tests {
    use super::{MAX_BASE, hashed};

    #[test]
    fn a_name_is_cut_between_letters() {
        for n in 0..4 {
            let text = "a".repeat(n) + &"\u{fffd}".repeat(300);
            let name = hashed(&text);
            assert!(name.len() <= MAX_BASE && name.ends_with("..."), "{name}");
        }
    }
}
