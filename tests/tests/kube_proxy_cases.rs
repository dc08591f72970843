//! kube-proxy's own unit tests, restated as data: dumps, flows, endpoint selection, names.
//!
//! `tests/cases/kube-proxy-flows.json` holds them (Apache-2.0, see NOTICE). All cases of nftables mode
//! and of iptables mode run, in every form of rules their flows hold for. Repeated syncs are tested in
//! `kube_proxy_syncs.rs`, the tables of the file in `kube_proxy_tables.rs`.

use packetwalk_core::api::{File, Kind, Object, ObjectRef, read};
use packetwalk_core::ip::{Family, family};
use packetwalk_core::net::{Packet, Protocol, RouteTable};
use packetwalk_core::netfilter::dialect::{iptables, nft};
use packetwalk_core::netfilter::{Probability, Ruleset, TableFamily, Transaction};
use packetwalk_core::proxy::{Endpoint, Form, NodeFacts, ServicePort, mode, select, service_ports};
use packetwalk_tests::kube_proxy::{by_chain, by_object, cases, list, snapshot, string, strings};
use packetwalk_tests::one_node::{self, fates};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

fn generate(case: &Value, form: Form) -> Transaction {
    let sync = mode("nftables").expect("a mode").sync;
    sync(&snapshot(case, form)).transaction
}

/// A node with the case's addresses.
fn routes(case: &Value) -> RouteTable {
    one_node::routes(&strings(&case["node_ips"]))
}

fn packet(flow: &Value) -> Packet {
    let port = flow["dest_port"].as_u64();
    let port = port.and_then(|it| u16::try_from(it).ok()).expect("a port");
    let protocol = Protocol::from_name(string(&flow["protocol"])).expect("a protocol");
    let (from, to) = (string(&flow["source_ip"]), string(&flow["dest_ip"]));
    one_node::packet(from, to, port, protocol)
}

fn form(name: &str) -> Form {
    match name {
        "G2" => Form::G2,
        "G3" => Form::G3,
        "G4" => Form::G4,
        other => panic!("{other}"),
    }
}

#[test]
fn every_upstream_flow_of_nftables_mode_ends_as_upstream_says() {
    let cases = cases();
    let mut n_flows = 0;
    for case in list(&cases["cases"]) {
        if case["proxy_mode"] != "nftables" {
            continue;
        }
        for flow in list(&case["flows"]) {
            for name in strings(&flow["kernel_verified"]) {
                let mut ruleset = Ruleset::default();
                let transaction = generate(case, form(name));
                transaction.apply(&mut ruleset).expect("applies");
                let expected: BTreeSet<(String, bool)> = match &flow["expected_output"] {
                    Value::String(verdict) => BTreeSet::from([(verdict.clone(), false)]),
                    targets => strings(targets)
                        .into_iter()
                        .map(|it| (it.to_owned(), flow["masquerade"] == true))
                        .collect(),
                };
                let fates = fates(&ruleset, &routes(case), &packet(flow));
                assert_eq!(
                    fates,
                    expected,
                    "{} {name}: {}",
                    string(&case["id"]),
                    string(&flow["name"])
                );
                n_flows += 1;
            }
        }
    }
    assert_eq!(n_flows, 3 * 128, "every flow in every form");
}

/// Upstream has no flows of ipvs mode. What it says of nftables mode holds there too, but for policy Local: there it
/// leaves pods and the node itself only the endpoints of their node, as everybody else.
#[test]
fn ipvs_mode_takes_upstreams_flows_to_the_same_ends_but_for_policy_local() {
    let cases = cases();
    let (mut n_same, mut n_fewer) = (0, 0);
    for case in list(&cases["cases"]) {
        if case["proxy_mode"] != "nftables" {
            continue;
        }
        let mut snapshot = snapshot(case, Form::G4);
        // As any iptables of today: masquerade shows even where the address is the node's own.
        snapshot.settings.iptables.random_fully = true;
        let ruleset = (mode("ipvs").expect("a mode").sync)(&snapshot).ruleset();
        let mut routes = routes(case);
        let bound = ruleset.ipvs.addresses().iter();
        let bound: Vec<_> = bound.map(|it| it.address.into()).collect();
        routes.add_dummy("kube-ipvs0", &bound);
        for flow in list(&case["flows"]) {
            let wanted: BTreeSet<(String, bool)> = match &flow["expected_output"] {
                Value::String(verdict) => BTreeSet::from([(verdict.clone(), false)]),
                targets => strings(targets)
                    .into_iter()
                    .map(|it| (it.to_owned(), flow["masquerade"] == true))
                    .collect(),
            };
            let found = fates(&ruleset, &routes, &packet(flow));
            if found == wanted {
                n_same += 1;
                continue;
            }
            let ends = |of: &BTreeSet<(String, bool)>| -> BTreeSet<String> {
                of.iter().map(|it| it.0.clone()).collect()
            };
            let (id, name) = (string(&case["id"]), string(&flow["name"]));
            assert!(
                ends(&found).is_subset(&ends(&wanted)) && found.len() < wanted.len(),
                "{id}, {name}: {found:?}, wanted {wanted:?}"
            );
            n_fewer += 1;
        }
    }
    assert_eq!((n_same, n_fewer), (121, 7));
}

#[test]
fn every_upstream_dump_of_nftables_mode_is_generated() {
    let cases = cases();
    let mut n_dumps = 0;
    for case in list(&cases["cases"]) {
        let dump = strings(&case["expected_dump"]);
        let is_a_later_sync = case["previous_step"].is_string();
        if case["proxy_mode"] != "nftables" || dump.is_empty() || is_a_later_sync {
            continue;
        }
        let id = string(&case["id"]);
        let expected = nft::parse(&dump.join("\n")).unwrap_or_else(|it| panic!("{id}: {it}"));
        let generated = by_object(&generate(case, Form::G2));
        let expected = by_object(&expected);
        for (key, lines) in &expected {
            assert_eq!(generated.get(key), Some(lines), "{id}: {key}");
        }
        for key in generated.keys() {
            assert!(expected.contains_key(key), "{id}: not expected: {key}");
        }
        n_dumps += 1;
    }
    assert_eq!(n_dumps, 3);
}

#[test]
fn endpoints_are_selected_as_upstream_selects_them() {
    let cases = cases();
    let rows = list(&cases["endpoint_selection_cases"]);
    for row in rows {
        let node = NodeFacts {
            name: row["node_name"].as_str().unwrap_or("node-1").to_owned(),
            zone: row["node_labels"]["topology.kubernetes.io/zone"]
                .as_str()
                .map(str::to_owned),
            ..NodeFacts::default()
        };
        let endpoints = list(&row["endpoints"]).iter().map(endpoint).map(Arc::new);
        let endpoints: Vec<Arc<Endpoint>> = endpoints.collect();
        let port = service_port(row);
        let selected = select(&port, &endpoints, &node);
        let names = |list: &[Arc<Endpoint>]| -> BTreeSet<String> {
            list.iter()
                .map(|it| packetwalk_core::ip::join_host_port(it.address, it.port))
                .collect()
        };
        let wanted = |key: &str| -> BTreeSet<String> {
            strings(&row[key]).into_iter().map(str::to_owned).collect()
        };
        let name = string(&row["name"]);
        assert_eq!(
            names(&selected.cluster),
            wanted("cluster_endpoints"),
            "{name}"
        );
        assert_eq!(names(&selected.local), wanted("local_endpoints"), "{name}");
        assert_eq!(
            names(&selected.all),
            wanted("all_reachable_endpoints"),
            "{name}"
        );
        assert_eq!(
            Some(selected.has_endpoints),
            row["has_any_endpoints"].as_bool(),
            "{name}"
        );
    }
    assert_eq!(rows.len(), 26);
}

fn endpoint(value: &Value) -> Endpoint {
    let socket: std::net::SocketAddr = string(&value["endpoint"]).parse().expect("a socket");
    let is = |key: &str| value[key].as_bool().unwrap_or_default();
    let hints = |key: &str| {
        strings(&value[key])
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    Endpoint {
        address: socket.ip(),
        port: socket.port(),
        ready: is("ready"),
        serving: is("serving"),
        terminating: is("terminating"),
        local: is("local"),
        zone_hints: hints("zone_hints"),
        node_hints: hints("node_hints"),
        slice: Arc::new(ObjectRef::new(Kind::EndpointSlice, "ns", "slice")),
        idx: 0,
        target: None,
    }
}

fn service_port(row: &Value) -> ServicePort {
    let is = |key: &str| row[key].as_bool().unwrap_or_default();
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: 10.20.30.40, ports: [{port: 80}]}\n";
    let manifest = read(&[File {
        name: "row".into(),
        text: text.into(),
    }]);
    let services: Vec<_> = manifest
        .objects
        .into_iter()
        .filter_map(|it| match it.object {
            Object::Service(it) => Some(it),
            _ => None,
        })
        .collect();
    let mut port = service_ports(&services, Family::V4).remove(0);
    port.internal_policy_is_local = is("internal_policy_local");
    port.external_policy_is_local = is("external_policy_local");
    port.node_port = is("externally_accessible").then_some(12345);
    assert_eq!(family(port.cluster_ip), Family::V4);
    port
}

fn iptables_cases(cases: &Value) -> impl Iterator<Item = &Value> {
    list(&cases["cases"])
        .iter()
        .filter(|it| it["proxy_mode"] == "iptables")
}

fn generate_iptables(case: &Value) -> Transaction {
    let sync = mode("iptables").expect("a mode").sync;
    sync(&snapshot(case, Form::G4)).transaction
}

#[test]
fn every_upstream_flow_of_iptables_mode_ends_as_upstream_says() {
    let cases = cases();
    let mut n_flows = 0;
    for case in iptables_cases(&cases) {
        let sync = mode("iptables").expect("a mode").sync;
        let mut snapshot = snapshot(case, Form::G4);
        // As any iptables of today: masquerade shows even where the address is the node's own.
        snapshot.settings.iptables.random_fully = true;
        let ruleset = sync(&snapshot).ruleset();
        for flow in list(&case["flows"]) {
            let packet = packet(flow);
            let unchanged = || {
                let port = packet.destination_port().unwrap_or_default();
                packetwalk_core::ip::join_host_port(packet.destination, port)
            };
            let expected: BTreeSet<(String, bool)> = match &flow["expected_output"] {
                Value::String(verdict) => BTreeSet::from([match verdict.as_str() {
                    "ACCEPT" | "NO_MATCH" => (unchanged(), false),
                    verdict => (verdict.to_owned(), false),
                }]),
                targets => strings(targets)
                    .into_iter()
                    .map(|it| (it.to_owned(), flow["masquerade"] == true))
                    .collect(),
            };
            let (id, name) = (string(&case["id"]), string(&flow["name"]));
            assert_eq!(
                fates(&ruleset, &routes(case), &packet),
                expected,
                "{id}: {name}"
            );
            n_flows += 1;
        }
    }
    assert_eq!(n_flows, 152);
}

#[test]
fn every_upstream_dump_of_iptables_mode_is_generated() {
    let cases = cases();
    let mut n_dumps = 0;
    for case in iptables_cases(&cases) {
        let dump = strings(&case["expected_dump"]);
        if dump.is_empty() || case["previous_step"].is_string() {
            continue;
        }
        let id = string(&case["id"]);
        let generated = by_chain(&iptables::restore(&generate_iptables(case)));
        assert_eq!(generated, by_chain(&dump.join("\n")), "{id}");
        n_dumps += 1;
    }
    assert_eq!(n_dumps, 2);
}

#[test]
fn upstreams_dumps_survive_reading_and_printing_to_the_letter() {
    let cases = cases();
    let mut n_lines = 0;
    for case in iptables_cases(&cases) {
        let text = strings(&case["expected_dump"]).join("\n");
        let read = iptables::parse(&text, TableFamily::Ip).expect("upstream's own text");
        let printed = iptables::restore(&read).replace("0x00004000", "0x4000");
        assert_eq!(
            by_chain(&printed),
            by_chain(&text),
            "{}",
            string(&case["id"])
        );
        n_lines += text.lines().count();
    }
    assert!(n_lines > 300, "{n_lines}");
}

#[test]
fn single_rules_that_upstream_asks_for_are_there_or_not() {
    let cases = cases();
    let mut n_rows = 0;
    for case in iptables_cases(&cases) {
        let id = string(&case["id"]);
        let text = iptables::restore(&generate_iptables(case));
        let generated = by_chain(&text);
        let wanted = &case["expected_chain"];
        if wanted.is_object() {
            let key = (
                string(&wanted["table"]).to_owned(),
                string(&wanted["chain"]).to_owned(),
            );
            assert_eq!(generated[&key], strings(&wanted["rules"]), "{id}");
            n_rows += 1;
        }
        let wanted = &case["expected_lb_rule"];
        // The gate is locked since 1.32: it can no longer be off.
        if wanted.is_object() && case["lb_ip_mode_enabled"] == true {
            let line = format!(
                "-m {protocol} -p {protocol} -d {} --dport {} -j KUBE-EXT-",
                string(&wanted["lb_ip"]),
                wanted["port"],
                protocol = string(&wanted["protocol"])
            );
            assert_eq!(
                Some(text.contains(&line)),
                wanted["present"].as_bool(),
                "{id}"
            );
            n_rows += 1;
        }
        if let Some(wanted) = case["expected_kube_firewall_rule"].as_bool() {
            assert_eq!(text.contains("KUBE-FIREWALL"), wanted, "{id}");
            n_rows += 1;
        }
    }
    assert_eq!(n_rows, 3 + 3 + 2);
}

#[test]
fn chains_of_iptables_mode_have_upstreams_names_and_rules_its_probabilities() {
    let cases = cases();
    let mut n_names = 0;
    for row in list(&cases["naming_cases"]) {
        let wanted = match string(&row["kind"]) {
            "iptables_service_hash" => format!("KUBE-SVC-{}", string(&row["expected"])),
            "iptables_endpoint_chain" => string(&row["expected"]).to_owned(),
            _ => continue,
        };
        let endpoint = row["endpoint"].as_str().unwrap_or("10.0.0.1:1");
        let (address, number) = endpoint.rsplit_once(':').expect("a socket");
        let (service, port_name) = string(&row["label"]).split_once(':').expect("a port");
        let (namespace, name) = service.split_once('/').expect("a name");
        let case = serde_json::json!({
            "ip_family": "IPv4", "node_name": "n", "node_ip": "192.168.0.2",
            "node_ips": ["192.168.0.2"], "local_detector": {"kind": "none"},
            "services": [{"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"clusterIP": "172.30.0.1", "ports": [{"name": port_name, "port": 80}]}}],
            "endpointslices": [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": "s", "namespace": namespace,
                    "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4", "endpoints": [{"addresses": [address]}],
                "ports": [{"name": port_name, "port": number.parse::<u16>().expect("a port"),
                    "protocol": "TCP"}]}],
        });
        let generated = by_chain(&iptables::restore(&generate_iptables(&case)));
        let key = ("nat".to_owned(), wanted);
        assert!(
            generated.contains_key(&key),
            "{row}: {:?}",
            generated.keys()
        );
        n_names += 1;
    }
    assert_eq!(n_names, 6);
    let probabilities = cases["probability_cases"].as_object().expect("a table");
    for (n, wanted) in probabilities {
        let n = n.parse().expect("a number");
        assert_eq!(
            Probability::one_in(n).written(),
            string(wanted),
            "one in {n}"
        );
    }
    assert_eq!(probabilities.len(), 8);
}
