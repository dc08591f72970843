//! The cases of `tests/cases/kube-proxy-flows.json`: kube-proxy's own unit tests, restated as data.

use crate::one_node::ip;
use crate::text;
use packetwalk_core::api::{File, Object, read};
use packetwalk_core::ip::{Family, IpAddr, cidr_family};
use packetwalk_core::netfilter::Transaction;
use packetwalk_core::proxy::{
    Detector, Form, IptablesSettings, IpvsSettings, NodeFacts, NodePortAddresses, Settings,
    Snapshot,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// All cases.
///
/// # Panics
/// If the file is no JSON.
#[must_use]
pub fn cases() -> Value {
    serde_json::from_str(&text("tests/cases/kube-proxy-flows.json")).expect("JSON")
}

/// The items of a list; none of anything else.
#[must_use]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text; nothing for anything else.
#[must_use]
pub fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The texts of a list.
#[must_use]
pub fn strings(value: &Value) -> Vec<&str> {
    list(value).iter().map(string).collect()
}

/// The objects of a case, read as any manifest is.
///
/// # Panics
/// If there is a mistake in them.
#[must_use]
pub fn objects(values: &[Value]) -> Vec<Object> {
    let text: Vec<String> = values.iter().map(ToString::to_string).collect();
    let manifest = read(&[File {
        name: "case.json".into(),
        text: text.join("\n---\n").into(),
    }]);
    assert!(!manifest.has_errors(), "{:?}", manifest.complaints);
    manifest.objects.into_iter().map(|it| it.object).collect()
}

/// What kube-proxy on the node of a case knows.
///
/// # Panics
/// If something of the case cannot be read.
#[must_use]
pub fn snapshot(case: &Value, form: Form) -> Snapshot {
    let of = match string(&case["ip_family"]) {
        "IPv6" => Family::V6,
        _ => Family::V4,
    };
    let mut services = Vec::new();
    let mut endpoint_slices = Vec::new();
    for object in objects(list(&case["services"])) {
        if let Object::Service(it) = object {
            services.push(it);
        }
    }
    for object in objects(list(&case["endpointslices"])) {
        if let Object::EndpointSlice(it) = object {
            endpoint_slices.push(it);
        }
    }
    let all_ips: Vec<IpAddr> = strings(&case["node_ips"]).into_iter().map(ip).collect();
    let detector = match string(&case["local_detector"]["kind"]) {
        "ClusterCIDR" => Some(Detector::ClusterCidr(
            string(&case["local_detector"]["cidr"])
                .parse()
                .expect("a range"),
        )),
        "none" => None,
        other => panic!("detector {other}"),
    };
    let ranges = strings(&case["nodeport_addresses"])
        .into_iter()
        .map(|it| it.parse().expect("a range"));
    Snapshot {
        family: of,
        node: NodeFacts {
            name: string(&case["node_name"]).to_owned(),
            primary_ips: vec![ip(string(&case["node_ip"]))],
            all_ips,
            zone: None,
        },
        services,
        endpoint_slices,
        settings: Settings {
            form,
            service_cidrs: strings(&case["service_cidrs"])
                .into_iter()
                .map(|it| it.parse().expect("a range"))
                .collect(),
            detector,
            node_port_addresses: NodePortAddresses::Ranges(
                ranges.filter(|it| cidr_family(*it) == of).collect(),
            ),
            masquerade_all: case["masquerade_all"].as_bool().unwrap_or_default(),
            masquerade_mark: 0x4000,
            iptables: IptablesSettings {
                masquerade_all: case["masquerade_all"].as_bool().unwrap_or_default(),
                masquerade_mark: 0x4000,
                localhost_node_ports: case["localhost_nodeports"] == true,
                tcp_be_liberal: case["tcp_be_liberal"] == true,
                // Upstream's tests pretend an iptables older than 1.6.2.
                random_fully: false,
                accounting: case["nfacct"] == true,
                ..IptablesSettings::default()
            },
            ipvs: IpvsSettings::default(),
        },
    }
}

/// The commands of a dump by chain; only inside a chain does order count.
#[must_use]
pub fn by_object(tx: &Transaction) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for command in &tx.commands {
        let line = command.to_string();
        let words: Vec<&str> = line.split(' ').collect();
        let key = match words[1] {
            "rule" => words[..5].join(" "),
            _ => line.clone(),
        };
        all.entry(key).or_default().push(line);
    }
    all
}

/// The lines of an `iptables-restore` text by table and chain, without what kube-proxy ensures by
/// single calls of iptables: jumps out of built-in chains, and the canary.
#[must_use]
pub fn by_chain(text: &str) -> BTreeMap<(String, String), Vec<String>> {
    let mut all: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut table);
            continue;
        }
        let is_declared = line.starts_with(':');
        let words: Vec<&str> = line.trim_start_matches(':').split(' ').collect();
        let chain = match words.as_slice() {
            ["-A", chain, ..] => *chain,
            [chain, ..] if is_declared => *chain,
            _ => continue,
        };
        if !chain.starts_with("KUBE-") || chain == "KUBE-PROXY-CANARY" {
            continue;
        }
        let lines = all.entry((table.clone(), chain.to_owned())).or_default();
        if !is_declared {
            // Upstream's tests write the mark as a literal; the real one has eight digits.
            lines.push(line.replace("0x00004000", "0x4000"));
        }
    }
    all
}
