//! The tables of `tests/cases/kube-proxy-flows.json` beside its cases, and the check that nothing of the file is left
//! out.

use packetwalk_core::api::{ClusterConfiguration, Kind, Networking, Object};
use packetwalk_core::ip::{Family, join_host_port};
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::Object as Noun;
use packetwalk_core::proxy::{
    Change, Form, NodeFacts, Settings, SlicesByService, Snapshot, Syncer, endpoint_base_of,
    endpoints_of, mode, service_ports,
};
use packetwalk_core::time::Instant;
use packetwalk_tests::kube_proxy::{cases, list, objects, snapshot, string, strings};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a case may expect, in which mode, and the test that looks at it. Cases of ipvs mode get rows of their own.
const EXPECTATIONS: &[(&str, &str, &str)] = &[
    (
        "nftables",
        "flows",
        "kube_proxy_cases: every_upstream_flow_of_nftables_mode_ends_as_upstream_says",
    ),
    (
        "nftables",
        "expected_dump",
        "kube_proxy_cases and kube_proxy_syncs",
    ),
    ("nftables", "expected_metrics", "here"),
    ("nftables", "expected_lb_rule", "here"),
    ("nftables", "stale_empty_chains", "kube_proxy_syncs"),
    (
        "nftables",
        "expected_transaction_operations",
        "kube_proxy_syncs",
    ),
    ("nftables", "resolved_nodeport_ips", "here"),
    (
        "iptables",
        "flows",
        "kube_proxy_cases: every_upstream_flow_of_iptables_mode_ends_as_upstream_says",
    ),
    (
        "iptables",
        "expected_dump",
        "kube_proxy_cases and kube_proxy_syncs",
    ),
    (
        "iptables",
        "expected_chain",
        "kube_proxy_cases: single_rules_that_upstream_asks_for_are_there_or_not",
    ),
    ("iptables", "expected_lb_rule", "kube_proxy_cases and here"),
    (
        "iptables",
        "expected_kube_firewall_rule",
        "kube_proxy_cases",
    ),
    ("iptables", "expected_metrics", "here"),
    ("iptables", "partial_sync_services", "kube_proxy_syncs"),
    ("iptables", "stale_nat_chains_deleted", "kube_proxy_syncs"),
    (
        "iptables",
        "expected_nat_rules_total_metric",
        "kube_proxy_syncs",
    ),
    ("iptables", "resolved_nodeport_ips", "here"),
];

/// What describes a case and expects nothing.
const DESCRIPTIONS: &[&str] = &[
    "id",
    "source_test",
    "proxy_mode",
    "ip_family",
    "node_name",
    "node_ip",
    "node_ips",
    "local_detector",
    "service_cidrs",
    "nodeport_addresses",
    "nodeport_match_all",
    "masquerade_mark",
    "masquerade_all",
    "localhost_nodeports",
    "nfacct",
    "services",
    "endpointslices",
    "expected_dump_kind",
    "tcp_be_liberal",
    "lb_ip_mode_enabled",
    "previous_step",
    "ruleset_generation",
    "operations_breakdown",
];

/// The tables of the file, their lengths, and where they are tested.
const TABLES: &[(&str, usize, &str)] = &[
    ("cases", 79, "the three files kube_proxy_*.rs"),
    ("endpoint_selection_cases", 26, "kube_proxy_cases"),
    ("endpoints_map_cases", 15, "here"),
    ("health_check_cases", 2, "here"),
    ("naming_cases", 17, "here and kube_proxy_cases"),
    ("probability_cases", 8, "kube_proxy_cases"),
    ("service_cidr_cases", 4, "here"),
    ("service_map_cases", 6, "here"),
];

#[test]
fn nothing_of_the_file_is_left_out() {
    let cases = cases();
    let tables = cases.as_object().expect("a table of tables");
    let lengths: BTreeMap<&str, usize> = tables
        .iter()
        .filter(|it| it.0 != "meta")
        .map(|(name, it)| {
            (
                &**name,
                it.as_array()
                    .map_or_else(|| it.as_object().map_or(0, serde_json::Map::len), Vec::len),
            )
        })
        .collect();
    let known: BTreeMap<&str, usize> = TABLES.iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(lengths, known);
    let mut used: BTreeSet<(&str, &str)> = BTreeSet::new();
    for case in list(&cases["cases"]) {
        let (id, mode) = (string(&case["id"]), string(&case["proxy_mode"]));
        let mut n_expectations = 0;
        for (key, value) in case.as_object().expect("a case") {
            if DESCRIPTIONS.contains(&&**key) {
                continue;
            }
            let row = EXPECTATIONS.iter().find(|it| it.0 == mode && it.1 == key);
            let row = row.unwrap_or_else(|| panic!("{id}: nobody looks at {key}"));
            used.insert((row.0, row.1));
            let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            n_expectations += usize::from(!is_empty || key == "resolved_nodeport_ips");
        }
        assert!(n_expectations > 0, "{id} expects nothing");
    }
    let known: BTreeSet<(&str, &str)> = EXPECTATIONS.iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(used, known, "a row nobody needs");
}

#[test]
fn node_port_addresses_are_found_as_upstream_finds_them() {
    for case in list(&cases()["cases"]) {
        let snapshot = snapshot(case, Form::G2);
        let told: BTreeSet<String> = strings(&case["resolved_nodeport_ips"])
            .into_iter()
            .map(str::to_owned)
            .collect();
        let is = match string(&case["proxy_mode"]) {
            "nftables" => snapshot
                .node_port_ips()
                .map(|it| it.iter().map(ToString::to_string).collect()),
            _ => jumps_to_node_ports(&snapshot),
        };
        assert_eq!(
            is.is_none(),
            case["nodeport_match_all"] == true,
            "{}",
            case["id"]
        );
        let is: BTreeSet<String> = is.unwrap_or_default();
        assert_eq!(is, told, "{}", case["id"]);
    }
}

/// The addresses from which KUBE-SERVICES leads to KUBE-NODEPORTS; none if all local ones do.
fn jumps_to_node_ports(snapshot: &Snapshot) -> Option<BTreeSet<String>> {
    let iptables = mode("iptables").expect("a mode");
    let text = iptables
        .dialect
        .print(&(iptables.sync)(snapshot).transaction);
    let jumps = text
        .lines()
        .filter(|it| it.starts_with("-A KUBE-SERVICES") && it.ends_with("-j KUBE-NODEPORTS"));
    let addresses = jumps.map(|it| {
        let address = it.split_once(" -d ")?.1.split(' ').next()?;
        (!it.contains("addrtype")).then(|| address.to_owned())
    });
    addresses.collect()
}

#[test]
fn services_without_local_endpoints_are_counted_as_upstream_counts_them() {
    let mut n_cases = 0;
    for case in list(&cases()["cases"]) {
        let told = &case["expected_metrics"];
        if !told.is_object() {
            continue;
        }
        let mode = mode(string(&case["proxy_mode"])).expect("a mode");
        let mut syncer = Syncer::of(mode, &snapshot(case, Form::G2));
        syncer.sync(Instant::START);
        let metrics = syncer.metrics();
        for (policy, is) in [
            ("internal", metrics.without_local_endpoints_internal),
            ("external", metrics.without_local_endpoints_external),
        ] {
            let name =
                format!("sync_proxy_rules_no_local_endpoints_total{{traffic_policy={policy}}}");
            assert_eq!(
                told[name].as_u64(),
                u64::try_from(is).ok(),
                "{}: {policy}",
                case["id"]
            );
        }
        n_cases += 1;
    }
    assert_eq!(n_cases, 9);
}

/// The gate that upstream's tests still turn off is locked since 1.32. With it off, `ipMode` was not looked at.
#[test]
fn load_balancers_by_ip_mode_have_rules_or_not() {
    let mut n_cases = [0, 0];
    for case in list(&cases()["cases"]) {
        let told = &case["expected_lb_rule"];
        if !told.is_object() {
            continue;
        }
        let is_on = case["lb_ip_mode_enabled"] == true;
        let snapshot = snapshot(case, Form::G2);
        let mode = mode(string(&case["proxy_mode"])).expect("a mode");
        let text = mode.dialect.print(&(mode.sync)(&snapshot).transaction);
        let ip = string(&told["lb_ip"]);
        let is_there = match mode.name {
            "nftables" => text.contains(&format!("{{ {ip} . ")),
            _ => text.contains(&format!("-d {ip} --dport")),
        };
        let ingress = &case["services"][0]["status"]["loadBalancer"]["ingress"][0];
        let wanted = match (is_on, ingress["ipMode"].as_str()) {
            (true, _) => told["present"] == true,
            (false, mode) => mode != Some("Proxy"),
        };
        assert_eq!(is_there, wanted, "{}", case["id"]);
        n_cases[usize::from(is_on)] += 1;
    }
    assert_eq!(n_cases.iter().sum::<usize>(), 9, "{n_cases:?}");
}

#[test]
fn chains_of_nftables_mode_have_upstreams_names() {
    let cases = cases();
    let mut n_names = 0;
    for row in list(&cases["naming_cases"]) {
        let prefix = match string(&row["kind"]) {
            "nft_service_base" => "service-",
            "nft_endpoint_base" => "endpoint-",
            _ => continue,
        };
        let told = row["endpoint"].as_str().unwrap_or("10.0.0.1:1");
        let endpoint: std::net::SocketAddr = told.parse().expect("a socket");
        let (namespace, name) = (string(&row["namespace"]), string(&row["service"]));
        let port = |number: u16| {
            let protocol = string(&row["protocol"]).to_uppercase();
            json!({"name": string(&row["port_name"]), "port": number, "protocol": protocol})
        };
        let (family, cluster_ip) = match endpoint.is_ipv6() {
            true => ("IPv6", "fd00::9"),
            false => ("IPv4", "172.30.0.1"),
        };
        let case = json!({
            "ip_family": family, "node_name": "n", "node_ip": "192.168.0.2",
            "node_ips": ["192.168.0.2"], "local_detector": {"kind": "none"},
            "services": [{"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"clusterIP": cluster_ip, "ports": [port(80)]}}],
            "endpointslices": [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": "s", "namespace": namespace,
                    "labels": {"kubernetes.io/service-name": name}},
                "addressType": family, "endpoints": [{"addresses": [endpoint.ip().to_string()]}],
                "ports": [port(endpoint.port())]}],
        });
        let sync = mode("nftables").expect("a mode").sync;
        let commands = sync(&snapshot(&case, Form::G2)).transaction.commands;
        let wanted = format!("{prefix}{}", string(&row["expected"]));
        let is_there = commands
            .iter()
            .any(|it| matches!(&it.object, Noun::Chain(it) if *it.name == *wanted));
        // Upstream's test names two addresses as no address is printed: one group of zeros is no `::`.
        let (address, number) = told.rsplit_once(':').expect("a port");
        let address = address.trim_matches(['[', ']']);
        let is_printed_so = endpoint.ip().to_string() == address;
        assert_eq!(is_there, is_printed_so, "{row}");
        if !is_printed_so {
            let protocol = string(&row["protocol"]);
            let service_port = format!(
                "{namespace}/{name}/{protocol}/{}",
                string(&row["port_name"])
            );
            let number = number.parse().expect("a number");
            let base = endpoint_base_of(&service_port, address, number);
            assert_eq!(base, string(&row["expected"]));
        }
        n_names += 1;
    }
    assert_eq!(n_names, 11);
}

#[test]
fn ranges_of_cluster_ips_are_told_by_family() {
    let cases = cases();
    for row in list(&cases["service_cidr_cases"]) {
        let family = match string(&row["family"]) {
            "IPv6" => Family::V6,
            _ => Family::V4,
        };
        let config = ClusterConfiguration {
            networking: Networking {
                service_subnet: Some(strings(&row["input"]).join(",")),
                ..Networking::default()
            },
            ..ClusterConfiguration::default()
        };
        let read = Settings::read(&config, None, family, &[]).service_cidrs;
        let read: Vec<String> = read.iter().map(ToString::to_string).collect();
        assert_eq!(read.join(","), string(&row["expected"]));
    }
}

#[test]
fn service_ports_are_made_as_upstream_makes_them() {
    let cases = cases();
    for row in list(&cases["service_map_cases"]) {
        // Upstream's objects have fields no API server takes: they are read without being validated.
        let services: Vec<_> = list(&row["services"]).iter().map(service).collect();
        let ports = service_ports(&services, Family::V4);
        let told = row["expected_service_ports"].as_u64();
        assert_eq!(told, u64::try_from(ports.len()).ok(), "{row}");
        let checks: BTreeMap<String, u64> = ports
            .iter()
            .filter_map(|it| {
                let metadata = &it.service.metadata;
                let name = format!("{}/{}", metadata.namespace, metadata.name);
                Some((name, it.health_check_node_port()?.into()))
            })
            .collect();
        assert_eq!(
            json!(checks),
            row["expected_health_check_node_ports"],
            "{row}"
        );
    }
}

fn service(document: &Value) -> Arc<packetwalk_core::api::Service> {
    Arc::new(serde_json::from_value(document.clone()).expect("a Service"))
}

/// The endpoints of each service port, by upstream's name for it.
fn endpoints(
    services: &[Arc<packetwalk_core::api::Service>],
    slices: &[Arc<packetwalk_core::api::EndpointSlice>],
    node: &NodeFacts,
) -> Value {
    let slices = SlicesByService::new(slices, Family::V4);
    let mut all = serde_json::Map::new();
    for port in service_ports(services, Family::V4) {
        let found = endpoints_of(&port, &slices, node);
        if found.is_empty() {
            continue;
        }
        let protocol = port.protocol.to_string().to_uppercase();
        let list = found
            .iter()
            .map(|it| json!({"endpoint": join_host_port(it.address, it.port), "local": it.local}));
        all.insert(format!("{port}/{protocol}"), list.collect());
    }
    Value::Object(all)
}

/// A Service for each that slices name, with every port any of them has.
fn services_of(slices: &[Value]) -> Vec<Arc<packetwalk_core::api::Service>> {
    let mut ports: BTreeMap<(String, String), BTreeSet<(String, String)>> = BTreeMap::new();
    for slice in slices {
        let metadata = &slice["metadata"];
        let service = string(&metadata["labels"]["kubernetes.io/service-name"]);
        let key = (
            string(&metadata["namespace"]).to_owned(),
            service.to_owned(),
        );
        for port in list(&slice["ports"]) {
            let port = (
                string(&port["name"]).to_owned(),
                string(&port["protocol"]).to_owned(),
            );
            ports.entry(key.clone()).or_default().insert(port);
        }
    }
    let services = ports
        .into_iter()
        .enumerate()
        .map(|(idx, ((namespace, name), ports))| {
            let ports = ports
                .into_iter()
                .map(|(name, protocol)| json!({"name": name, "port": 80, "protocol": protocol}));
            let ports: Vec<Value> = ports.collect();
            service(&json!({"metadata": {"name": name, "namespace": namespace},
            "spec": {"clusterIP": format!("172.30.1.{idx}"), "ports": ports}}))
        });
    services.collect()
}

fn slices(values: &[Value]) -> Vec<Arc<packetwalk_core::api::EndpointSlice>> {
    let present: Vec<Value> = values.iter().filter(|it| !it.is_null()).cloned().collect();
    let read = objects(&present).into_iter().filter_map(|it| match it {
        Object::EndpointSlice(it) => Some(it),
        _ => None,
    });
    read.collect()
}

#[test]
fn changes_of_slices_come_to_upstreams_endpoints() {
    let cases = cases();
    let node = NodeFacts {
        name: "test-node".into(),
        ..NodeFacts::default()
    };
    let settings = Settings::read(&ClusterConfiguration::default(), None, Family::V4, &[]);
    for row in list(&cases["endpoints_map_cases"]) {
        let name = string(&row["name"]);
        let (previous, current) = (list(&row["previous_slices"]), list(&row["current_slices"]));
        let all: Vec<Value> = previous
            .iter()
            .chain(current)
            .filter(|it| !it.is_null())
            .cloned()
            .collect();
        let services = services_of(&all);
        let (before, after) = (slices(previous), slices(current));
        assert_eq!(
            endpoints(&services, &before, &node),
            row["expected_before"],
            "{name}"
        );
        assert_eq!(
            endpoints(&services, &after, &node),
            row["expected_after"],
            "{name}"
        );
        let nftables = mode("nftables").expect("a mode");
        let mut syncer = Syncer::new(nftables, Family::V4, node.clone(), settings.clone());
        for it in services {
            syncer.tell(Change::Service(it));
        }
        for it in before.iter().cloned() {
            syncer.tell(Change::Slice(it));
        }
        syncer.sync(Instant::START);
        for it in after.iter().cloned() {
            syncer.tell(Change::Slice(it));
        }
        for it in &before {
            if !after
                .iter()
                .any(|other| other.metadata.name == it.metadata.name)
            {
                syncer.tell(Change::SliceGone {
                    namespace: it.metadata.namespace.clone(),
                    name: it.metadata.name.clone(),
                });
            }
        }
        let synced = syncer.sync(Instant::START);
        let told = row["conntrack_cleanup_required"].as_bool();
        assert_eq!(Some(synced.cleans_conntrack), told, "{name}");
        let ready: BTreeMap<String, usize> = syncer
            .local_ready_endpoints()
            .into_iter()
            .map(|((namespace, name), n)| (format!("{namespace}/{name}"), n))
            .collect();
        assert_eq!(json!(ready), row["local_ready_endpoints"], "{name}");
    }
}

#[test]
fn health_checks_count_ready_endpoints_of_the_node() {
    let cases = cases();
    for row in list(&cases["health_check_cases"]) {
        let read = slices(std::slice::from_ref(&row["slice"]));
        let services = services_of(std::slice::from_ref(&row["slice"]));
        let node = NodeFacts {
            name: "test-node".into(),
            ..NodeFacts::default()
        };
        let settings = Settings::read(&ClusterConfiguration::default(), None, Family::V4, &[]);
        let mut syncer = Syncer::new(
            mode("nftables").expect("a mode"),
            Family::V4,
            node,
            settings,
        );
        for it in services {
            assert_eq!(
                service_ports(std::slice::from_ref(&it), Family::V4)[0].protocol,
                Protocol::Tcp
            );
            syncer.tell(Change::Service(it));
        }
        for it in read {
            assert_eq!(
                Object::EndpointSlice(it.clone()).reference().kind,
                Kind::EndpointSlice
            );
            syncer.tell(Change::Slice(it));
        }
        syncer.sync(Instant::START);
        let told = row["expected_services_with_local_ready_endpoints"].as_u64();
        let is = u64::try_from(syncer.local_ready_endpoints().len()).ok();
        assert_eq!(is, told, "{}", row["name"]);
    }
}
