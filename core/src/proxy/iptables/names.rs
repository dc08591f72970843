//! The names of chains.
//!
//! `portProtoHash`, `servicePortEndpointChainName` and the constants of
//! `pkg/proxy/iptables/proxier.go`.

use super::super::{Endpoint, ServicePort};
use sha2::{Digest, Sha256};

pub(super) const SERVICES: &str = "KUBE-SERVICES";
pub(super) const EXTERNAL_SERVICES: &str = "KUBE-EXTERNAL-SERVICES";
pub(super) const NODE_PORTS: &str = "KUBE-NODEPORTS";
pub(super) const PROXY_FIREWALL: &str = "KUBE-PROXY-FIREWALL";
/// The kubelet's chain, which kube-proxy duplicates.
pub(super) const FIREWALL: &str = "KUBE-FIREWALL";
/// By its absence kube-proxy notices that somebody flushed the rules.
pub(super) const CANARY: &str = "KUBE-PROXY-CANARY";

/// The chains of one service port.
pub(super) struct ServiceChains {
    /// Chooses among all endpoints.
    pub(super) cluster: String,
    /// Chooses among those of this node.
    pub(super) local: String,
    /// Takes traffic from outside.
    pub(super) external: String,
    /// Filters by source.
    pub(super) firewall: String,
}

impl ServiceChains {
    pub(super) fn of(port: &ServicePort) -> Self {
        let code = hash(&format!("{port}{}", port.protocol));
        ServiceChains {
            cluster: format!("KUBE-SVC-{code}"),
            local: format!("KUBE-SVL-{code}"),
            external: format!("KUBE-EXT-{code}"),
            firewall: format!("KUBE-FW-{code}"),
        }
    }
}

/// `KUBE-SEP-SXIVWICOYRO3J4NJ`: the chain of an endpoint, and the list of its clients.
pub(super) fn endpoint_chain(port: &ServicePort, endpoint: &Endpoint) -> String {
    let target = crate::ip::join_host_port(endpoint.address, endpoint.port);
    let code = hash(&format!("{port}{}{target}", port.protocol));
    format!("KUBE-SEP-{code}")
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut code = data_encoding::BASE32.encode(&digest);
    code.truncate(16);
    code
}
