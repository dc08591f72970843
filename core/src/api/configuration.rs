//! The cluster's own settings: kubeadm's ClusterConfiguration and KubeProxyConfiguration.
//!
//! `kubeadm.k8s.io/v1beta4` and `kubeproxy.config.k8s.io/v1alpha1` of Kubernetes 1.36.
//!
//! **Left out**: fields that do not change what happens to a packet of a Service in this model.

use crate::ip::{Cidr, Family, cidr_family, parse_cidr_sloppy};
use crate::record::record;
use serde::Serialize;

/// kubeadm's ClusterConfiguration, as far as Services go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterConfiguration {
    /// Which release the cluster runs: `v1.36.0`.
    pub kubernetes_version: Option<String>,
    /// Its address ranges and its DNS domain.
    pub networking: Networking,
}

record!(ClusterConfiguration: kubernetes_version, networking);

/// The cluster's ranges, each one or two (one a family), separated by a comma.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Networking {
    /// The range of ClusterIPs.
    pub service_subnet: Option<String>,
    /// The range of pods.
    pub pod_subnet: Option<String>,
    /// The domain of cluster DNS.
    pub dns_domain: Option<String>,
}

record!(Networking: service_subnet, pod_subnet, dns_domain);

/// kube-proxy's own configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KubeProxyConfiguration {
    /// Which rules it writes. Empty means iptables, as kube-proxy reads it.
    pub mode: String,
    /// The range of pods: what comes from elsewhere is masqueraded.
    pub cluster_cidr: String,
    /// How local traffic is told.
    pub detect_local_mode: String,
    /// Which node addresses take NodePort traffic.
    pub node_port_addresses: Vec<String>,
    /// What `detectLocalMode` looks for, where it is an interface.
    pub detect_local: DetectLocal,
    /// What only nftables mode reads.
    pub nftables: NftablesSettings,
    /// What only iptables mode reads.
    pub iptables: IptablesSettings,
    /// What only ipvs mode reads.
    pub ipvs: IpvsSettings,
    /// How connections are tracked.
    pub conntrack: ConntrackSettings,
}

record!(KubeProxyConfiguration:
    mode, cluster_cidr = "clusterCIDR", detect_local_mode, node_port_addresses, detect_local,
    nftables, iptables, ipvs, conntrack);

/// Interfaces by which local traffic is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectLocal {
    /// Pods hang on this bridge.
    pub bridge_interface: String,
    /// Pods' interfaces begin like this.
    pub interface_name_prefix: String,
}

record!(DetectLocal: bridge_interface, interface_name_prefix);

/// What only iptables mode reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IptablesSettings {
    /// Masquerade all ClusterIP traffic.
    pub masquerade_all: bool,
    /// Which bit of the mark asks for masquerade.
    pub masquerade_bit: Option<u8>,
    /// Whether NodePorts answer on 127.0.0.1 too, which they do unless told otherwise.
    pub localhost_node_ports: Option<bool>,
    /// How often everything is looked after at least: `30s`.
    pub sync_period: Option<String>,
}

record!(IptablesSettings: masquerade_all, masquerade_bit, localhost_node_ports, sync_period);

/// What only ipvs mode reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IpvsSettings {
    /// How a virtual server chooses among its real servers: `rr` unless told otherwise.
    pub scheduler: String,
}

record!(IpvsSettings: scheduler);

/// How connections are tracked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConntrackSettings {
    /// TCP packets out of their window are not invalid.
    pub tcp_be_liberal: bool,
    /// How many connections a core may track; 0 leaves the kernel's limit.
    pub max_per_core: Option<i32>,
    /// How many connections may be tracked at least.
    pub min: Option<i32>,
    /// How long an idle TCP connection is kept: `24h0m0s`.
    pub tcp_established_timeout: Option<String>,
    /// How long a TCP connection in CLOSE_WAIT is kept: `1h0m0s`.
    pub tcp_close_wait_timeout: Option<String>,
    /// How long a UDP flow without an answer is kept.
    pub udp_timeout: Option<String>,
    /// How long a UDP flow with answers is kept.
    pub udp_stream_timeout: Option<String>,
}

record!(ConntrackSettings:
    tcp_be_liberal, max_per_core, min, tcp_established_timeout, tcp_close_wait_timeout,
    udp_timeout, udp_stream_timeout);

/// What only nftables mode reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NftablesSettings {
    /// Masquerade all ClusterIP traffic.
    pub masquerade_all: bool,
    /// Which bit of the mark asks for masquerade.
    pub masquerade_bit: Option<u8>,
}

record!(NftablesSettings: masquerade_all, masquerade_bit);

/// A release, as far as behaviour depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct KubernetesVersion {
    /// 1, so far.
    pub major: u16,
    /// The release.
    pub minor: u16,
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        KubernetesVersion {
            major: 1,
            minor: 36,
        }
    }
}

impl std::fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl KubernetesVersion {
    /// Reads `v1.36.2`, `1.36` and the like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').split('.');
        Some(KubernetesVersion {
            major: parts.next()?.parse().ok()?,
            minor: parts.next()?.parse().ok()?,
        })
    }
}

impl ClusterConfiguration {
    /// The release, 1.36 unless told otherwise.
    #[must_use]
    pub fn version(&self) -> KubernetesVersion {
        self.kubernetes_version
            .as_deref()
            .and_then(KubernetesVersion::parse)
            .unwrap_or_default()
    }

    /// The ranges of ClusterIPs, 10.96.0.0/12 unless told otherwise.
    #[must_use]
    pub fn service_ranges(&self) -> Vec<Cidr> {
        ranges(self.networking.service_subnet.as_deref(), "10.96.0.0/12")
    }

    /// The ranges of pods, 10.244.0.0/16 unless told otherwise.
    #[must_use]
    pub fn pod_ranges(&self) -> Vec<Cidr> {
        ranges(self.networking.pod_subnet.as_deref(), "10.244.0.0/16")
    }

    /// The pod range of a family.
    #[must_use]
    pub fn pod_range(&self, family: Family) -> Option<Cidr> {
        self.pod_ranges()
            .into_iter()
            .find(|it| cidr_family(*it) == family)
    }

    /// The domain of cluster DNS, `cluster.local` unless told otherwise.
    #[must_use]
    pub fn dns_domain(&self) -> &str {
        match self.networking.dns_domain.as_deref() {
            Some(domain) if !domain.is_empty() => domain.trim_matches('.'),
            _ => "cluster.local",
        }
    }
}

fn ranges(told: Option<&str>, default: &str) -> Vec<Cidr> {
    let text = told.filter(|it| !it.trim().is_empty()).unwrap_or(default);
    text.split(',').filter_map(parse_cidr_sloppy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        let read = |text| KubernetesVersion::parse(text).map(|it| it.minor);
        assert_eq!(read("v1.36.2"), Some(36));
        assert_eq!(read("1.34"), Some(34));
        assert_eq!(read("latest"), None);
    }

    #[test]
    fn ranges_have_kubeadms_defaults() {
        let config = ClusterConfiguration::default();
        assert_eq!(config.service_ranges()[0].to_string(), "10.96.0.0/12");
        assert_eq!(config.dns_domain(), "cluster.local");
    }
}
