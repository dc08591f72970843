//! kube-proxy: from Services and EndpointSlices to rules, for one node and one family.
//!
//! Pure functions of a [`Snapshot`]. Imitates `pkg/proxy` of Kubernetes 1.34 to 1.37; every rule
//! carries a tag that [`Origins`] turns back into the object and field it came from.
//!
//! [`Syncer`] is kube-proxy as it runs: it is told of changes and writes only what comes of them.
//!
//! **Left out**: health-check servers; metrics but those of [`Metrics`].

mod conntrack_cleanup;
mod detector;
mod endpoints;
mod explain;
mod iptables;
mod ipvs;
mod nftables;
mod origin;
mod served;
mod service_port;
mod settings;
mod sync;
mod tables;

pub use conntrack_cleanup::{Frontends, clean_stale_connections, stale_connections};
pub use detector::Detector;
pub use endpoints::{Destination, Endpoint, Selected, SlicesByService, endpoints_of, select};
pub use iptables::IptablesSettings;
pub use ipvs::{DUMMY_INTERFACE, IpvsReason, IpvsSettings, is_deprecated, listing as ipvs_listing};
pub use nftables::{Form, NAMES as NFTABLES_NAMES, endpoint_base_of};
pub use origin::{Origin, Origins, Path, Reason};
pub use served::{Served, ServedPort};
pub use service_port::{ServicePort, service_ports};
pub use settings::{ConntrackSettings, complaints as configuration_complaints};
pub use sync::{Change, Memory, Metrics, SyncKind, Synced, Syncer};

use crate::api::{ClusterConfiguration, EndpointSlice, KubeProxyConfiguration, Service};
use crate::ip::{Cidr, Family, IpAddr, cidr_family, family, parse_cidr_sloppy};
use crate::netfilter::dialect::{Dialect, iptables as iptables_text, nft};
use crate::netfilter::{Ruleset, TableFamily, Tag, Transaction};
use crate::sorted::insert_by_key;
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
    /// The same, where what its Services and slices come to was read before, for all nodes at once.
    pub write: fn(&Snapshot, &Served) -> Programme,
    /// What it remembers from one sync to the next, before the first.
    pub memory: fn() -> Memory,
}

impl Mode {
    /// A node's rules in this mode, as the node's own tools list them.
    #[must_use]
    pub fn list(&self, ruleset: &Ruleset) -> String {
        match (self.name, self.dialect) {
            (ipvs::NAME, _) => ipvs_listing(ruleset),
            (_, Dialect::Nft) => nft::list(ruleset),
            (_, Dialect::Iptables) => [TableFamily::Ip, TableFamily::Ip6]
                .map(|it| iptables_text::save(ruleset, it))
                .concat(),
        }
    }
}

/// Every mode there is.
pub const MODES: [Mode; 3] = [
    Mode {
        name: "nftables",
        dialect: Dialect::Nft,
        sync: |it| nftables::write(it, &Served::of(it)),
        write: nftables::write,
        memory: || Memory::Nftables(nftables::Memory::default()),
    },
    Mode {
        name: "iptables",
        dialect: Dialect::Iptables,
        sync: |it| iptables::write(it, &Served::of(it)),
        write: iptables::write,
        memory: || Memory::Iptables(iptables::Memory::default()),
    },
    Mode {
        name: ipvs::NAME,
        dialect: Dialect::Iptables,
        sync: |it| ipvs::write(it, &Served::of(it)),
        write: ipvs::write,
        memory: || Memory::Nothing,
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
    /// What iptables mode reads, and of it ipvs mode what is about masquerade.
    pub iptables: IptablesSettings,
    /// What ipvs mode reads.
    pub ipvs: IpvsSettings,
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
    /// Two claims on one address and port: the first by name stands here. In kube-proxy's nftables mode the one
    /// stands that it happens to visit last, in iptables mode the one that it happens to visit first.
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
            masquerade_mark: masquerade_mark(told.nftables.masquerade_bit),
            iptables: IptablesSettings {
                masquerade_all: told.iptables.masquerade_all,
                masquerade_mark: masquerade_mark(told.iptables.masquerade_bit),
                localhost_node_ports: told.iptables.localhost_node_ports.unwrap_or(true),
                tcp_be_liberal: told.conntrack.tcp_be_liberal,
                sync_period: told
                    .iptables
                    .sync_period
                    .as_deref()
                    .and_then(settings::go_duration)
                    .filter(|it| it.as_millis() > 0)
                    .unwrap_or(IptablesSettings::default().sync_period),
                ..IptablesSettings::default()
            },
            ipvs: IpvsSettings::read(&told.ipvs),
        }
    }
}

impl Settings {
    /// The same with the ranges of ServiceCIDR objects; in the order of their texts, as kube-proxy has them.
    #[must_use]
    pub fn with_service_cidrs<'a>(
        mut self,
        told: impl Iterator<Item = &'a String>,
        family: Family,
    ) -> Self {
        let read = told.filter_map(|it| parse_cidr_sloppy(it));
        for range in read.filter(|it| cidr_family(*it) == family) {
            if !self.service_cidrs.contains(&range) {
                insert_by_key(&mut self.service_cidrs, range, ToString::to_string);
            }
        }
        self
    }
}

/// Bit 14, unless a bit is told that a mark has.
fn masquerade_mark(bit: Option<u8>) -> u32 {
    1 << bit.filter(|it| *it < 32).unwrap_or(14)
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
