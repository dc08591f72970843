//! kube-proxy: from Services and EndpointSlices to rules, for one node and one family.
//!
//! Pure functions of a [`Snapshot`]. Imitates `pkg/proxy` of Kubernetes 1.34 to 1.37; every rule
//! carries a tag that [`Origins`] turns back into the object and field it came from.
//!
//! **Left out**: ipvs mode; incremental sync; health-check servers; metrics.

mod conntrack;
mod endpoints;
mod explain;
mod iptables;
mod nftables;
mod origin;
mod service_port;

pub use conntrack::stale_connections;
pub use endpoints::{Destination, Endpoint, Selected, SlicesByService, endpoints_of, select};
pub use iptables::IptablesSettings;
pub use nftables::{Form, NAMES as NFTABLES_NAMES};
pub use origin::{Origin, Origins, Reason};
pub use service_port::{ServicePort, service_ports};

use crate::api::{ClusterConfiguration, EndpointSlice, KubeProxyConfiguration, Service};
use crate::ip::{Cidr, Family, IpAddr, cidr_family, family, parse_cidr_sloppy};
use crate::netfilter::dialect::Dialect;
use crate::netfilter::{Ruleset, Tag, Transaction};
use std::sync::Arc;

/// A way to write rules.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// Its name in KubeProxyConfiguration.
    pub name: &'static str,
    /// The language of its rules.
    pub dialect: Dialect,
    /// The rules of one node and family.
    pub sync: fn(&Snapshot) -> Programme,
}

/// Every mode there is.
pub const MODES: [Mode; 2] = [
    Mode {
        name: "nftables",
        dialect: Dialect::Nft,
        sync: nftables::sync,
    },
    Mode {
        name: "iptables",
        dialect: Dialect::Iptables,
        sync: iptables::sync,
    },
];

/// The mode of this name.
#[must_use]
pub fn mode(name: &str) -> Option<&'static Mode> {
    MODES.iter().find(|it| it.name == name)
}

/// What kube-proxy on one node knows when it writes the rules of one family.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The family.
    pub family: Family,
    /// The node.
    pub node: NodeFacts,
    /// All Services.
    pub services: Vec<Arc<Service>>,
    /// All EndpointSlices.
    pub endpoint_slices: Vec<Arc<EndpointSlice>>,
    /// Its settings.
    pub settings: Settings,
}

/// What kube-proxy knows of its own node.
#[derive(Clone, Debug, Default)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its primary addresses, one a family.
    pub primary_ips: Vec<IpAddr>,
    /// All its addresses.
    pub all_ips: Vec<IpAddr>,
    /// Its zone.
    pub zone: Option<String>,
}

/// kube-proxy's settings, read and with their defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which release's rules it writes.
    pub form: Form,
    /// The ranges of ClusterIPs, where the API knows them.
    pub service_cidrs: Vec<Cidr>,
    /// How it tells local pods' traffic.
    pub detector: Option<Detector>,
    /// Which addresses take NodePort traffic.
    pub node_port_addresses: NodePortAddresses,
    /// In nftables mode: masquerade all ClusterIP traffic.
    pub masquerade_all: bool,
    /// In nftables mode: the mark that asks for masquerade.
    pub masquerade_mark: u32,
    /// What iptables mode reads.
    pub iptables: IptablesSettings,
}

/// How traffic from pods is told from other traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detector {
    /// By its source address.
    ClusterCidr(Cidr),
    /// By the interface it comes in by.
    BridgeInterface(String),
    /// By the beginning of that interface's name.
    InterfaceNamePrefix(String),
}

/// Which addresses of a node take NodePort traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodePortAddresses {
    /// Nothing is said: the primary address in nftables mode, all in iptables mode.
    Unset,
    /// The node's primary address.
    Primary,
    /// Addresses in these ranges; all, if there are none of the family.
    Ranges(Vec<Cidr>),
}

/// What a sync came to.
#[derive(Clone, Debug)]
pub struct Programme {
    /// The commands that make the rules from nothing.
    pub transaction: Transaction,
    /// Where every rule came from.
    pub origins: Origins,
    /// Two claims on one address and port: the first stands here. kube-proxy's own transaction would
    /// be refused whole, and the node would keep its old rules.
    pub conflicts: Vec<Conflict>,
}

/// Two claims on one key of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The key: `10.96.0.10 . tcp . 80`.
    pub key: String,
    /// Whose claim stands.
    pub first: Tag,
    /// Whose is left out.
    pub second: Tag,
}

impl Programme {
    /// The rules it makes.
    ///
    /// # Panics
    /// If the generator wrote a transaction that the kernel would refuse.
    #[must_use]
    pub fn ruleset(&self) -> Ruleset {
        let mut ruleset = Ruleset::default();
        self.transaction
            .apply(&mut ruleset)
            .expect("generated transactions refer only to what they made");
        ruleset
    }
}

impl Settings {
    /// The settings a cluster's configuration comes to, for one family and node.
    #[must_use]
    pub fn read(
        cluster: &ClusterConfiguration,
        kube_proxy: Option<&KubeProxyConfiguration>,
        family: Family,
        node_pod_ranges: &[Cidr],
    ) -> Self {
        let default = KubeProxyConfiguration::default();
        let told = kube_proxy.unwrap_or(&default);
        let cluster_cidrs: Vec<Cidr> = match told.cluster_cidr.trim() {
            "" => cluster.pod_ranges(),
            text => text.split(',').filter_map(parse_cidr_sloppy).collect(),
        };
        let of_family = |ranges: &[Cidr]| {
            ranges
                .iter()
                .copied()
                .find(|it| cidr_family(*it) == family)
                .map(Detector::ClusterCidr)
        };
        let detector = match told.detect_local_mode.as_str() {
            "NodeCIDR" => of_family(node_pod_ranges),
            "BridgeInterface" => {
                let name = told.detect_local.bridge_interface.clone();
                Some(Detector::BridgeInterface(name))
            }
            "InterfaceNamePrefix" => {
                let prefix = told.detect_local.interface_name_prefix.clone();
                Some(Detector::InterfaceNamePrefix(prefix))
            }
            _ => of_family(&cluster_cidrs),
        };
        Settings {
            form: Form::of(cluster.version()),
            service_cidrs: cluster
                .service_ranges()
                .into_iter()
                .filter(|it| cidr_family(*it) == family)
                .collect(),
            detector,
            node_port_addresses: node_port_addresses(&told.node_port_addresses, family),
            masquerade_all: told.nftables.masquerade_all,
            masquerade_mark: 1 << told.nftables.masquerade_bit.unwrap_or(14).min(31),
            iptables: IptablesSettings {
                masquerade_all: told.iptables.masquerade_all,
                masquerade_mark: 1 << told.iptables.masquerade_bit.unwrap_or(14).min(31),
                localhost_node_ports: told.iptables.localhost_node_ports.unwrap_or(true),
                tcp_be_liberal: told.conntrack.tcp_be_liberal,
                ..IptablesSettings::default()
            },
        }
    }
}

fn node_port_addresses(told: &[String], family: Family) -> NodePortAddresses {
    match told {
        [] => NodePortAddresses::Unset,
        [word] if word == "primary" => NodePortAddresses::Primary,
        ranges => NodePortAddresses::Ranges(
            ranges
                .iter()
                .filter_map(|it| parse_cidr_sloppy(it))
                .filter(|it| cidr_family(*it) == family)
                .collect(),
        ),
    }
}

impl Snapshot {
    /// The node's addresses that take NodePort traffic in nftables mode; none stands for all local addresses.
    #[must_use]
    pub fn node_port_ips(&self) -> Option<Vec<IpAddr>> {
        let of_family = |it: &&IpAddr| family(**it) == self.family;
        match &self.settings.node_port_addresses {
            NodePortAddresses::Unset | NodePortAddresses::Primary => Some(
                self.node
                    .primary_ips
                    .iter()
                    .filter(of_family)
                    .copied()
                    .collect(),
            ),
            NodePortAddresses::Ranges(ranges) if ranges.iter().all(|it| it.prefix_len() == 0) => {
                None
            }
            NodePortAddresses::Ranges(ranges) => Some(
                self.node
                    .all_ips
                    .iter()
                    .filter(of_family)
                    .filter(|ip| !ip.is_loopback() && ranges.iter().any(|it| it.contains(*ip)))
                    .copied()
                    .collect(),
            ),
        }
    }
}
