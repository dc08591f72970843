//! What is wrong with a KubeProxyConfiguration, in kube-proxy's own words; and what it asks of conntrack.
//!
//! `pkg/proxy/apis/config/validation/validation.go`, `pkg/proxy/apis/config/v1alpha1/defaults.go` and
//! `cmd/kube-proxy/app/conntrack.go` of Kubernetes 1.36. kube-proxy does not start with such a
//! configuration; here the field is read as if it were not there.
//!
//! **Left out**: setting the kernel's own limits by what conntrack is asked: connections are tracked with the kernel's
//! default timeouts; fields that no rule comes from (addresses it serves health and metrics on, its client, its logs).

use crate::api::{Complaint, KubeProxyConfiguration};
use crate::ip::{cidr_family, parse_cidr_sloppy};
use crate::time::Duration;

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
    complaints.extend(of_conntrack(told));
    complaints.extend(of_node_port_addresses(told));
    complaints
}

/// What kube-proxy writes to `net.netfilter.nf_conntrack_*` when it starts; none where it leaves the kernel's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConntrackSettings {
    /// Connections for each core.
    pub max_per_core: Option<u32>,
    /// Connections at least.
    pub min: Option<u32>,
    /// How long an idle TCP connection is kept.
    pub tcp_established_timeout: Option<Duration>,
    /// How long a TCP connection in CLOSE_WAIT is kept.
    pub tcp_close_wait_timeout: Option<Duration>,
    /// How long a UDP flow without an answer is kept.
    pub udp_timeout: Option<Duration>,
    /// How long a UDP flow with answers is kept.
    pub udp_stream_timeout: Option<Duration>,
    /// TCP packets out of their window are not invalid.
    pub tcp_be_liberal: bool,
}

impl ConntrackSettings {
    /// What a configuration comes to with its defaults. A zero leaves the kernel's value.
    #[must_use]
    pub fn read(told: &KubeProxyConfiguration) -> Self {
        let told = &told.conntrack;
        let number = |told: Option<i32>, default: u32| {
            let told = told.map_or(default, |it| u32::try_from(it).unwrap_or(default));
            Some(told).filter(|it| *it > 0)
        };
        let time = |told: &Option<String>, default: u64| {
            let told = told.as_deref().and_then(go_duration);
            let told = told.unwrap_or(Duration::from_secs(default));
            Some(told).filter(|it| it.as_millis() > 0)
        };
        ConntrackSettings {
            max_per_core: number(told.max_per_core, 32 * 1024),
            min: number(told.min, 128 * 1024),
            tcp_established_timeout: time(&told.tcp_established_timeout, 24 * 3600),
            tcp_close_wait_timeout: time(&told.tcp_close_wait_timeout, 3600),
            udp_timeout: time(&told.udp_timeout, 0),
            udp_stream_timeout: time(&told.udp_stream_timeout, 0),
            tcp_be_liberal: told.tcp_be_liberal,
        }
    }
}

/// A length of time as Go writes it: `1h0m0s`, `1.5s`, `250ms`; none if it is none, or less than nothing.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::from_millis(0));
    }
    let mut ms = 0.0;
    while !rest.is_empty() {
        let is_number = |it: char| it.is_ascii_digit() || it == '.';
        let end = rest.find(|it| !is_number(it))?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit_end = rest[end..]
            .find(is_number)
            .map_or(rest.len(), |it| end + it);
        let unit = match &rest[end..unit_end] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "µs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        ms += number * unit;
        rest = &rest[unit_end..];
    }
    // Centuries fit; what does not is no length of time that anybody means.
    (!text.is_empty() && ms < 1e15).then(|| Duration::from_millis(ms as u64))
}

fn of_conntrack(told: &KubeProxyConfiguration) -> Vec<Complaint> {
    let conntrack = &told.conntrack;
    let mut complaints = Vec::new();
    let mut invalid = |path: &str, value: &str, why: &str| {
        let message = format!("Invalid value: {value}: {why}");
        complaints.push(Complaint::error(message).about(path.to_owned()));
    };
    let at_least_nothing = "must be greater than or equal to 0";
    for (path, number) in [
        ("conntrack.maxPerCore", conntrack.max_per_core),
        ("conntrack.min", conntrack.min),
    ] {
        if let Some(number) = number.filter(|it| *it < 0) {
            invalid(path, &number.to_string(), at_least_nothing);
        }
    }
    for (path, time) in [
        (
            "conntrack.tcpEstablishedTimeout",
            &conntrack.tcp_established_timeout,
        ),
        (
            "conntrack.tcpCloseWaitTimeout",
            &conntrack.tcp_close_wait_timeout,
        ),
        ("conntrack.udpTimeout", &conntrack.udp_timeout),
        ("conntrack.udpStreamTimeout", &conntrack.udp_stream_timeout),
        ("iptables.syncPeriod", &told.iptables.sync_period),
    ] {
        let Some(text) = time.as_deref().filter(|it| go_duration(it).is_none()) else {
            continue;
        };
        match text.strip_prefix('-').and_then(go_duration) {
            Some(_) => invalid(path, &format!("{text:?}"), at_least_nothing),
            None => invalid(
                path,
                &format!("{text:?}"),
                "must be a duration such as 1h30m",
            ),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> KubeProxyConfiguration {
        serde_json::from_str(text).expect("a configuration")
    }

    #[test]
    fn every_bad_value_is_complained_about_at_its_field() {
        for (text, path, message) in [
            (
                r#"{"iptables": {"masqueradeBit": 32}}"#,
                "iptables.masqueradeBit",
                "Invalid value: 32: must be within the range [0, 31]",
            ),
            (
                r#"{"nftables": {"masqueradeBit": 99}}"#,
                "nftables.masqueradeBit",
                "Invalid value: 99: must be within the range [0, 31]",
            ),
            (
                r#"{"clusterCIDR": "10.244.0.0"}"#,
                "clusterCIDR",
                r#"Invalid value: "10.244.0.0": must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)"#,
            ),
            (
                r#"{"clusterCIDR": "10.0.0.0/8,10.9.0.0/16"}"#,
                "clusterCIDR",
                r#"Invalid value: "10.0.0.0/8,10.9.0.0/16": must be a valid DualStack CIDR block (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)"#,
            ),
            (
                r#"{"detectLocalMode": "Guess"}"#,
                "detectLocalMode",
                r#"Unsupported value: "Guess": supported values: "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix""#,
            ),
            (
                r#"{"detectLocalMode": "BridgeInterface"}"#,
                "detectLocal.bridgeInterface",
                r#"Invalid value: "": must not be empty"#,
            ),
            (
                r#"{"nodePortAddresses": ["172.18.0.3"]}"#,
                "nodePortAddresses[0]",
                r#"Invalid value: "172.18.0.3": must be a valid CIDR"#,
            ),
            (
                r#"{"nodePortAddresses": ["127.0.0.0/8", "primary"]}"#,
                "nodePortAddresses[1]",
                r#"Invalid value: "primary": can't use both 'primary' and CIDRs"#,
            ),
            (
                r#"{"conntrack": {"min": -1}}"#,
                "conntrack.min",
                "Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                r#"{"conntrack": {"udpTimeout": "-5s"}}"#,
                "conntrack.udpTimeout",
                r#"Invalid value: "-5s": must be greater than or equal to 0"#,
            ),
        ] {
            let complaints = complaints(&told(text));
            assert_eq!(complaints.len(), 1, "{text}: {complaints:?}");
            assert_eq!(complaints[0].path.as_deref(), Some(path));
            assert_eq!(complaints[0].message, message);
        }
        let good = r#"{"clusterCIDR": "10.244.0.0/16,fd00::/48", "detectLocalMode": "NodeCIDR",
            "nodePortAddresses": ["primary"], "iptables": {"masqueradeBit": 31, "syncPeriod": "1m"}}"#;
        assert_eq!(complaints(&told(good)), []);
    }

    #[test]
    fn conntrack_is_asked_what_kube_proxy_asks_unless_told_otherwise() {
        let default = ConntrackSettings::read(&KubeProxyConfiguration::default());
        let hours = |it: u64| Some(Duration::from_secs(it * 3600));
        assert_eq!(default.max_per_core, Some(32_768));
        assert_eq!(default.tcp_established_timeout, hours(24));
        assert_eq!(default.tcp_close_wait_timeout, hours(1));
        assert_eq!(default.udp_timeout, None);
        let told = ConntrackSettings::read(&told(
            r#"{"conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "2h30m", "udpStreamTimeout": "1.5s"}}"#,
        ));
        assert_eq!(told.max_per_core, None);
        assert_eq!(
            told.tcp_established_timeout,
            Some(Duration::from_secs(9000))
        );
        assert_eq!(told.udp_stream_timeout, Some(Duration::from_millis(1500)));
    }
}
