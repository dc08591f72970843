//! A whole cluster by lot, small enough to be built in namespaces: nodes, pods with sockets, Services with and without
//! selectors, endpoints in every state, NetworkPolicies, cluster DNS, and kube-proxy's settings.
//!
//! **Left out**: controllers' own kinds (Deployments, Ingresses): a pod is a pod, whoever wrote it. Nodes that are off.

use super::Dice;
use super::objects::{self, MACHINES, Machine, NAMESPACE};
use packetwalk_core::kubectl::printers::yaml;
use serde_json::{Value, json};

/// A cluster by lot, as documents in the order of a manifest.
#[derive(Clone, Debug)]
pub struct RandomWorld {
    /// The documents.
    pub documents: Vec<Value>,
}

/// A pod, before it is a document.
struct Pod {
    name: String,
    node: usize,
    app: &'static str,
    /// One of each family, as far as it has them.
    addresses: Vec<String>,
    is_ready: bool,
    is_on_host: bool,
}

const APPS: [&str; 3] = ["a", "b", "c"];
/// The first of the ports that a pod listens on; the next has a name of its own too.
const FIRST_PORT: usize = 8080;
/// The ports that have a name, in the order of their numbers.
const PORT_NAMES: [&str; 2] = ["first", "second"];

impl RandomWorld {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let n_nodes = 1 + dice.below(MACHINES.len());
        let mut documents = objects::settings(&mut dice);
        let nodes = MACHINES.iter().take(n_nodes).enumerate();
        documents.extend(nodes.map(|(idx, it)| node(it, idx)));
        let pods = pods(&mut dice, n_nodes);
        documents.extend(pods.iter().map(|it| it.document(&mut dice)));
        for idx in 0..2 + dice.below(4) {
            documents.extend(service(&mut dice, idx, &pods));
        }
        for idx in 0..dice.below(3).saturating_sub(dice.below(2)) {
            documents.push(policy(&mut dice, idx));
        }
        if dice.one_in(2) {
            documents.extend(cluster_dns());
        }
        RandomWorld { documents }
    }

    /// The whole world as a manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        text_of(&self.documents)
    }
}

/// Documents as a manifest.
#[must_use]
pub fn text_of(documents: &[Value]) -> String {
    let texts: Vec<String> = documents.iter().map(yaml::emit).collect();
    texts.join("---\n")
}

/// The networks of a node's pods, without their lengths' host bits.
fn pod_networks(node: usize) -> [String; 2] {
    let number = node + 1;
    [
        format!("10.244.{number}.0/24"),
        format!("fd00:244:0:{number}::/64"),
    ]
}

fn node(machine: &Machine, idx: usize) -> Value {
    let mut document = machine.document();
    let networks = pod_networks(idx);
    document["spec"] = json!({"podCIDR": networks[0], "podCIDRs": networks});
    document
}

/// One of every application, and some more.
fn pods(dice: &mut Dice, n_nodes: usize) -> Vec<Pod> {
    let n_pods = APPS.len() + dice.below(5);
    let pods = (0..n_pods).map(|idx| {
        let node = dice.below(n_nodes);
        // A node's ports can be held once: only one pod is on its node's network.
        let is_on_host = idx == 0 && dice.one_in(4);
        let mut addresses = match is_on_host {
            true => vec![MACHINES[node].v4.to_owned(), MACHINES[node].v6.to_owned()],
            false => vec![
                format!("10.244.{}.{}", node + 1, idx + 2),
                format!("fd00:244:0:{}::{}", node + 1, idx + 2),
            ],
        };
        if dice.one_in(6) {
            addresses.remove(dice.below(2));
        }
        Pod {
            name: format!("p{idx}"),
            node,
            // One of each, and then more of those that have the most.
            app: APPS
                .get(idx)
                .copied()
                .unwrap_or_else(|| dice.one_of(&APPS[..2])),
            addresses,
            is_ready: !dice.one_in(4),
            is_on_host,
        }
    });
    pods.collect()
}

impl Pod {
    fn document(&self, dice: &mut Dice) -> Value {
        let Pod {
            name,
            node,
            app,
            addresses,
            is_ready,
            is_on_host,
        } = self;
        let mut ports = Vec::new();
        for (idx, port_name) in PORT_NAMES.iter().enumerate() {
            let port = FIRST_PORT + idx;
            if !dice.one_in(8) {
                ports.push(json!({"name": port_name, "containerPort": port}));
            }
            if !dice.one_in(4) {
                let name = format!("{port_name}-udp");
                ports.push(json!({"name": name, "containerPort": port, "protocol": "UDP"}));
            }
        }
        let mut spec = json!({
            "nodeName": MACHINES[*node].name,
            "containers": [{"name": "app", "image": "app", "ports": ports}],
        });
        if *is_on_host {
            spec["hostNetwork"] = json!(true);
        }
        let ips: Vec<Value> = addresses.iter().map(|it| json!({"ip": it})).collect();
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": app}},
            "spec": spec,
            "status": {"phase": "Running", "podIP": addresses[0], "podIPs": ips,
                "conditions": [{"type": "Ready", "status": if *is_ready { "True" } else { "False" }}]}})
    }
}

/// A Service, and what stands behind it where it has no selector.
fn service(dice: &mut Dice, idx: usize, pods: &[Pod]) -> Vec<Value> {
    let mut service = objects::service(dice, idx);
    let spec = &mut service["spec"];
    if spec["type"] == "ExternalName" {
        return vec![service];
    }
    if !spec["sessionAffinityConfig"].is_null() {
        // Long enough not to run out while packets are sent.
        let secs = dice.one_of(&[10_800, 60, 86_400]);
        spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] = json!(secs);
    }
    let has_selector = !dice.one_in(3);
    if has_selector {
        spec["selector"] = json!({"app": dice.one_of(&APPS)});
        for port in spec["ports"].as_array_mut().into_iter().flatten() {
            port["targetPort"] = match (dice.below(4), port["protocol"] == "UDP") {
                (0, false) => json!(dice.one_of(&PORT_NAMES)),
                (0, true) => json!(format!("{}-udp", dice.one_of(&PORT_NAMES))),
                _ => json!(FIRST_PORT + dice.below(3)),
            };
        }
        return vec![service];
    }
    let of_two = spec["ipFamilies"].as_array().map_or(1, Vec::len);
    let ports = spec["ports"].clone();
    let mut all = vec![service];
    if of_two == 1 && dice.one_in(3) {
        all.push(endpoints(dice, idx, &ports, pods));
    } else {
        let n_slices = dice.below(4);
        all.extend((0..n_slices).map(|number| slice(dice, idx, number, &ports, pods)));
    }
    all
}

/// The ports of what stands behind a Service: its own by name, most of the time.
fn target_ports(dice: &mut Dice, ports: &Value) -> Vec<Value> {
    let mut targets = Vec::new();
    for port in ports.as_array().into_iter().flatten() {
        if dice.one_in(6) {
            continue;
        }
        let mut target = json!({"port": FIRST_PORT + dice.below(2), "protocol": port["protocol"]});
        if !port["name"].is_null() {
            target["name"] = port["name"].clone();
        }
        targets.push(target);
    }
    targets
}

fn addresses_of(pods: &[Pod], is_v6: bool) -> Vec<(&Pod, &String)> {
    let all = pods.iter().flat_map(|pod| {
        let of_it = pod
            .addresses
            .iter()
            .filter(move |it| it.contains(':') == is_v6);
        of_it.map(move |it| (pod, it))
    });
    all.collect()
}

/// Endpoints of the older kind, which a controller mirrors into slices.
fn endpoints(dice: &mut Dice, idx: usize, ports: &Value, pods: &[Pod]) -> Value {
    let (mut ready, mut unready) = (Vec::new(), Vec::new());
    for (_, address) in addresses_of(pods, false) {
        match dice.below(4) {
            0 => unready.push(json!({"ip": address})),
            1 => {}
            _ => ready.push(json!({"ip": address})),
        }
    }
    let mut subset = json!({"ports": target_ports(dice, ports)});
    for (name, addresses) in [("addresses", ready), ("notReadyAddresses", unready)] {
        if !addresses.is_empty() {
            subset[name] = json!(addresses);
        }
    }
    let is_empty = subset["addresses"].is_null() && subset["notReadyAddresses"].is_null();
    json!({"apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": format!("s{idx}"), "namespace": NAMESPACE},
        "subsets": if is_empty { json!([]) } else { json!([subset]) }})
}

/// A slice with endpoints in every state; some are in two slices, some are nobody's.
fn slice(dice: &mut Dice, idx: usize, number: usize, ports: &Value, pods: &[Pod]) -> Value {
    let is_v6 = dice.one_in(3);
    let known = addresses_of(pods, is_v6);
    let mut endpoints = Vec::new();
    for _ in 0..dice.below(4) {
        if known.is_empty() {
            break;
        }
        let (pod, address) = dice.one_of(&known);
        let mut endpoint = json!({"addresses": [address]});
        let mut conditions = json!({});
        for name in ["ready", "serving", "terminating"] {
            match dice.below(4) {
                0 => conditions[name] = json!(true),
                1 => conditions[name] = json!(false),
                _ => {}
            }
        }
        endpoint["conditions"] = conditions;
        if !dice.one_in(5) {
            endpoint["nodeName"] = json!(MACHINES[pod.node].name);
        }
        if dice.one_in(3) {
            let zones = dice.some_of(&["zone-1", "zone-2"]).into_iter();
            let zones: Vec<Value> = zones.map(|it| json!({"name": it})).collect();
            let nodes = dice.some_of(&["node-a", "node-b"]).into_iter();
            let nodes: Vec<Value> = nodes.map(|it| json!({"name": it})).collect();
            endpoint["hints"] = json!({"forZones": zones, "forNodes": nodes});
        }
        endpoints.push(endpoint);
    }
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": format!("s{idx}-{number}"), "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": format!("s{idx}")}},
        "addressType": if is_v6 { "IPv6" } else { "IPv4" },
        "endpoints": endpoints, "ports": target_ports(dice, ports)})
}

fn policy(dice: &mut Dice, idx: usize) -> Value {
    let peer = |dice: &mut Dice| match dice.below(3) {
        0 => {
            json!({"ipBlock": {"cidr": dice.one_of(&["10.244.1.0/24", "172.18.0.0/16", "0.0.0.0/0", "fd00:244::/56"])}})
        }
        1 => json!({"podSelector": {}}),
        _ => json!({"podSelector": {"matchLabels": {"app": dice.one_of(&APPS)}}}),
    };
    let rules = |dice: &mut Dice, peers: &str| -> Vec<Value> {
        let n_rules = dice.below(3);
        let rules = (0..n_rules).map(|_| {
            let mut rule = json!({});
            if !dice.one_in(4) {
                rule[peers] = json!([peer(dice)]);
            }
            if dice.one_in(2) {
                let port = match dice.below(4) {
                    0 => json!("first"),
                    _ => json!(FIRST_PORT + dice.below(2)),
                };
                let protocol = match port.is_string() {
                    true => "TCP",
                    false => dice.one_of(&["TCP", "UDP"]),
                };
                rule["ports"] = json!([{"port": port, "protocol": protocol}]);
            }
            rule
        });
        rules.collect()
    };
    let chosen = match dice.below(4) {
        0 => json!({}),
        _ => json!({"matchLabels": {"app": dice.one_of(&APPS)}}),
    };
    let mut spec = json!({"podSelector": chosen});
    let types = dice.one_of(&[vec!["Ingress"], vec!["Egress"], vec!["Ingress", "Egress"]]);
    for kind in &types {
        let (field, peers) = match *kind {
            "Ingress" => ("ingress", "from"),
            _ => ("egress", "to"),
        };
        spec[field] = json!(rules(dice, peers));
    }
    spec["policyTypes"] = json!(types);
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("n{idx}"), "namespace": NAMESPACE}, "spec": spec})
}

/// Where cluster DNS answers.
const DNS_ADDRESS: &str = "10.96.0.10";

/// Cluster DNS, as small as it can be: a pod behind a Service.
fn cluster_dns() -> [Value; 3] {
    let labels = json!({"k8s-app": "kube-dns"});
    let ports = [("dns", "UDP"), ("dns-tcp", "TCP")];
    let of_service: Vec<Value> = ports
        .iter()
        .map(|(name, it)| json!({"name": name, "port": 53, "targetPort": 53, "protocol": it}))
        .collect();
    let of_pod: Vec<Value> = ports
        .iter()
        .map(|(name, it)| json!({"name": name, "containerPort": 53, "protocol": it}))
        .collect();
    [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}),
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "coredns-0", "namespace": "kube-system", "labels": labels},
            "spec": {"nodeName": MACHINES[0].name, "dnsPolicy": "Default",
                "containers": [{"name": "coredns", "image": "coredns", "ports": of_pod}]},
            "status": {"phase": "Running", "podIP": "10.244.1.99", "podIPs": [{"ip": "10.244.1.99"}],
                "conditions": [{"type": "Ready", "status": "True"}]}}),
        json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "spec": {"selector": labels, "clusterIP": DNS_ADDRESS, "clusterIPs": [DNS_ADDRESS], "ports": of_service}}),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetwalk_core::api::{File, Severity, read};
    use std::collections::BTreeSet;

    #[test]
    fn worlds_are_read_without_an_error_and_have_every_field_in_play() {
        let mut seen = BTreeSet::new();
        for seed in 0..120 {
            let text = RandomWorld::new(seed).manifest();
            assert_eq!(text, RandomWorld::new(seed).manifest());
            let manifest = read(&[File {
                name: format!("{seed}.yaml").into(),
                text: text.as_str().into(),
            }]);
            let errors = manifest.complaints.iter();
            let errors: Vec<_> = errors.filter(|it| it.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{errors:?}\n{text}");
            seen.extend(text.split_whitespace().map(str::to_owned));
        }
        for word in [
            "NodePort",
            "LoadBalancer",
            "ExternalName",
            "clusterIP:",
            "None",
            "externalTrafficPolicy:",
            "internalTrafficPolicy:",
            "sessionAffinity:",
            "externalIPs:",
            "loadBalancerSourceRanges:",
            "trafficDistribution:",
            "publishNotReadyAddresses:",
            "healthCheckNodePort:",
            "RequireDualStack",
            "EndpointSlice",
            "Endpoints",
            "NetworkPolicy",
            "hostNetwork:",
            "masqueradeAll:",
            "nodePortAddresses:",
            "node-c",
            "kube-dns",
            "UDP",
            "SCTP",
            "second-udp",
        ] {
            assert!(seen.contains(word), "no world has {word}");
        }
    }
}
