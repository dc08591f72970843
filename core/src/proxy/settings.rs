//! What is wrong with a KubeProxyConfiguration, in kube-proxy's own words.
//!
//! `pkg/proxy/apis/kubeproxy/validation/validation.go` of Kubernetes 1.36. kube-proxy does not start with such a
//! configuration; here the field is read as if it were not there.
//!
//! **Left out**: fields that no rule comes from (addresses it serves health and metrics on, its client, its logs).

use crate::api::{Complaint, KubeProxyConfiguration};
use crate::ip::{cidr_family, parse_cidr_sloppy};

const CIDR_HINT: &str = "must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)";

/// The modes of `detectLocalMode`.
const DETECT_LOCAL_MODES: [&str; 4] = [
    "ClusterCIDR",
    "NodeCIDR",
    "BridgeInterface",
    "InterfaceNamePrefix",
];

/// What kube-proxy would complain about, with the path of each field.
#[must_use]
pub fn complaints(told: &KubeProxyConfiguration) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut invalid = |path: &str, value: String, why: &str| {
        let message = format!("Invalid value: {value}: {why}");
        complaints.push(Complaint::error(message).about(path.to_owned()));
    };
    for (path, bit) in [
        ("iptables.masqueradeBit", told.iptables.masquerade_bit),
        ("nftables.masqueradeBit", told.nftables.masquerade_bit),
    ] {
        if let Some(bit) = bit.filter(|it| *it > 31) {
            invalid(path, bit.to_string(), "must be within the range [0, 31]");
        }
    }
    let ranges: Vec<&str> = match told.cluster_cidr.as_str() {
        "" => Vec::new(),
        text => text.split(',').collect(),
    };
    let quoted = || format!("{:?}", told.cluster_cidr);
    let read: Vec<_> = ranges.iter().map(|it| parse_cidr_sloppy(it)).collect();
    let families = |idx: usize| read.get(idx).copied().flatten().map(cidr_family);
    match ranges.len() {
        0 => {}
        1 if read[0].is_none() => invalid("clusterCIDR", quoted(), CIDR_HINT),
        1 => {}
        2 if read.contains(&None) || families(0) == families(1) => invalid(
            "clusterCIDR",
            quoted(),
            "must be a valid DualStack CIDR block (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)",
        ),
        2 => {}
        _ => invalid(
            "clusterCIDR",
            quoted(),
            "only one CIDR allowed or a valid DualStack CIDR (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)",
        ),
    }
    let mode = told.detect_local_mode.as_str();
    if !mode.is_empty() && !DETECT_LOCAL_MODES.contains(&mode) {
        let known = DETECT_LOCAL_MODES.map(|it| format!("{it:?}")).join(", ");
        let message = format!("Unsupported value: {mode:?}: supported values: {known}");
        complaints.push(Complaint::error(message).about("detectLocalMode"));
    }
    complaints.extend(of_interfaces(told));
    complaints.extend(of_node_port_addresses(told));
    complaints
}

/// An interface that is looked for must be named.
fn of_interfaces(told: &KubeProxyConfiguration) -> Vec<Complaint> {
    let (path, name) = match told.detect_local_mode.as_str() {
        "BridgeInterface" => (
            "detectLocal.bridgeInterface",
            &told.detect_local.bridge_interface,
        ),
        "InterfaceNamePrefix" => (
            "detectLocal.interfaceNamePrefix",
            &told.detect_local.interface_name_prefix,
        ),
        _ => return Vec::new(),
    };
    let why = match name.len() {
        0 => "must not be empty",
        1..=15 => return Vec::new(),
        _ => "must not be longer than 15 characters",
    };
    let message = format!("Invalid value: {name:?}: {why}");
    vec![Complaint::error(message).about(path)]
}

fn of_node_port_addresses(told: &KubeProxyConfiguration) -> Vec<Complaint> {
    let addresses = &told.node_port_addresses;
    let complaint = |idx: usize, why: &str| {
        let message = format!("Invalid value: {:?}: {why}", addresses[idx]);
        Complaint::error(message).about(format!("nodePortAddresses[{idx}]"))
    };
    let mut complaints = Vec::new();
    for (idx, address) in addresses.iter().enumerate() {
        if address == "primary" {
            if addresses.len() > 1 {
                complaints.push(complaint(idx, "can't use both 'primary' and CIDRs"));
            }
        } else if parse_cidr_sloppy(address).is_none() {
            complaints.push(complaint(idx, "must be a valid CIDR"));
        }
    }
    complaints
}
