//! What two want and one can have: node ports, addresses, ports of nodes; and Services that say the same twice.
//!
//! **Left out**: load balancers' addresses that several Services share on purpose.

use super::examination::Examination;
use super::finding::{Finding, Severity};
use super::service::{about, copy, short};
use super::words;
use crate::api::{IntOrString, Kind, ObjectRef, Pod, Service};
use crate::ip::parse_sloppy;
use crate::store::Objects;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The range of node ports (`--service-node-port-range`).
const NODE_PORTS: std::ops::RangeInclusive<i32> = 30000..=32767;

/// Looks for what is claimed twice.
pub(super) fn examine(it: &mut Examination<'_>) {
    node_ports(it);
    addresses(it);
    hidden(it);
    same_selectors(it);
}

/// A claim: which Service, and which of its ports.
type Claim<'a> = (&'a Arc<Service>, usize);

/// A node port that nobody has yet.
fn free_node_port(objects: &Objects) -> i32 {
    let used = |port: i32| {
        let mut all = objects.services.values();
        all.any(|it| it.node_ports().any(|it| it == port))
    };
    NODE_PORTS
        .into_iter()
        .find(|it| !used(*it))
        .unwrap_or(*NODE_PORTS.start())
}

fn node_ports(it: &mut Examination<'_>) {
    let objects = it.objects;
    let mut claims: BTreeMap<(i32, &str), Claim<'_>> = BTreeMap::new();
    for service in objects.services.values().filter(|it| it.needs_node_ports()) {
        for (idx, port) in service.spec.ports.iter().enumerate() {
            let Some(number) = port.node_port() else {
                continue;
            };
            let Some(first) = claims.get(&(number, port.protocol())) else {
                claims.insert((number, port.protocol()), (service, idx));
                continue;
            };
            let own = about(service);
            let other = about(first.0);
            let sentence = [
                "Node port ",
                &number.to_string(),
                " of ",
                &short(&own),
                " is that of ",
                &short(&other),
                " already: whose requests come to it is luck.",
            ];
            let number_text = idx.to_string();
            let path = super::ports::path(idx, "nodePort");
            let pointer = ["/spec/ports/", &number_text, "/nodePort"].concat();
            let patch =
                json!([{"op": "replace", "path": pointer, "value": free_node_port(objects)}]);
            let id = "node-port-taken";
            let mut finding =
                Finding::new(id, Severity::Error, own.clone(), path, sentence.concat())
                    .fact("nodePort", number.to_string())
                    .fact("its other Service", short(&other))
                    .mend("take a free one", words::json_patch(&own, &patch));
            finding.follows(other, "Its node port may lead to the other Service.".into());
            it.report(finding);
        }
    }
}

fn addresses(it: &mut Examination<'_>) {
    let objects = it.objects;
    let mut claims: BTreeMap<(String, i32, &str), Claim<'_>> = BTreeMap::new();
    for service in objects
        .services
        .values()
        .filter(|it| it.kind() != "ExternalName")
    {
        let externals = service
            .spec
            .external_ips
            .iter()
            .filter_map(|it| parse_sloppy(it));
        let all: Vec<(String, bool)> = service
            .cluster_ips()
            .into_iter()
            .map(|it| (it.to_string(), true))
            .chain(externals.map(|it| (it.to_string(), false)))
            .collect();
        for (idx, port) in service.spec.ports.iter().enumerate() {
            for (ip, is_own) in &all {
                let claim = (ip.clone(), port.port, port.protocol());
                let Some(first) = claims.get(&claim) else {
                    claims.insert(claim, (service, idx));
                    continue;
                };
                if Arc::ptr_eq(first.0, service) {
                    continue;
                }
                let other = about(first.0);
                taken(it, service, (ip, port.port), &other, *is_own);
            }
        }
    }
}

fn taken(
    it: &mut Examination<'_>,
    service: &Service,
    (ip, port): (&str, i32),
    other: &ObjectRef,
    is_own: bool,
) {
    let own = about(service);
    let socket = [ip, " port ", &port.to_string()].concat();
    let sentence = [
        &socket,
        " of ",
        &short(&own),
        " is that of ",
        &short(other),
        " already: no request comes to it.",
    ];
    let path = if is_own {
        "spec.clusterIP"
    } else {
        "spec.externalIPs"
    };
    let id = "cluster-ip-taken";
    let finding = Finding::new(
        id,
        Severity::Error,
        own.clone(),
        path.into(),
        sentence.concat(),
    );
    let finding = finding
        .fact("address", socket)
        .fact("its other Service", short(other));
    let finding = if is_own {
        finding.mend(
            "make it again, with an address of its own",
            made_again(service, &own),
        )
    } else {
        let patch = json!({"spec": {"externalIPs": null}});
        finding.mend(
            "leave that address to the other",
            words::merge(&own, &patch),
        )
    };
    it.report(finding);
}

/// Deletes a Service and makes it again: its address cannot be changed.
fn made_again(service: &Service, own: &ObjectRef) -> String {
    let document = copy(service, &own.namespace);
    [
        &words::kubectl("delete", own, ""),
        " && ",
        &words::create(&document),
    ]
    .concat()
}

/// Node ports that are also ports of pods on a node: hostPort, or a port of a pod on the host's network.
fn hidden(it: &mut Examination<'_>) {
    let objects = it.objects;
    let mut claims: BTreeMap<(i32, &str), Claim<'_>> = BTreeMap::new();
    for service in objects.services.values().filter(|it| it.needs_node_ports()) {
        for (idx, port) in service.spec.ports.iter().enumerate() {
            if let Some(number) = port.node_port() {
                claims.insert((number, port.protocol()), (service, idx));
            }
        }
    }
    if claims.is_empty() {
        return;
    }
    for pod in objects.pods.values().filter(|it| !it.is_over()) {
        for (number, protocol, path) in node_side(it, pod) {
            let Some((service, idx)) = claims.get(&(number, protocol.as_str())) else {
                continue;
            };
            let at = ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
            let own = about(service);
            let node = pod.spec.node_name.clone().unwrap_or_default();
            let sentence = [
                "Port ",
                &number.to_string(),
                " of pod ",
                &short(&at),
                " on node ",
                &node,
                " is the node port of ",
                &short(&own),
                ": what comes to it goes to the Service.",
            ];
            let pointer = ["/spec/ports/", &idx.to_string(), "/nodePort"].concat();
            let patch =
                json!([{"op": "replace", "path": pointer, "value": free_node_port(objects)}]);
            let id = "node-port-hidden";
            let mut finding =
                Finding::new(id, Severity::Warning, at.clone(), path, sentence.concat())
                    .fact("port", number.to_string())
                    .fact("node", node)
                    .mend(
                        "give the Service another node port",
                        words::json_patch(&own, &patch),
                    );
            finding.follows(own, "Its node port hides the pod's port.".into());
            it.report(finding);
        }
    }
}

/// The ports that a pod has on its node, with their paths.
fn node_side(it: &Examination<'_>, pod: &Pod) -> Vec<(i32, String, String)> {
    let metadata = &pod.metadata;
    let about = ObjectRef::new(Kind::Pod, &metadata.namespace, &metadata.name);
    let Some(document) = it.world.cluster.store().document(&about) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let field = if pod.spec.host_network {
        "containerPort"
    } else {
        "hostPort"
    };
    let containers = document["spec"]["containers"].as_array();
    for (idx, container) in containers.into_iter().flatten().enumerate() {
        let ports = container["ports"].as_array();
        for (port_idx, port) in ports.into_iter().flatten().enumerate() {
            let number = port[field].as_i64().and_then(|it| i32::try_from(it).ok());
            let Some(number) = number.filter(|it| *it != 0) else {
                continue;
            };
            let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
            let (idx, port_idx) = (idx.to_string(), port_idx.to_string());
            let path = ["spec.containers[", &idx, "].ports[", &port_idx, "].", field].concat();
            found.push((number, protocol, path));
        }
    }
    found
}

/// Two Services that say the same: legal, and seldom meant.
fn same_selectors(it: &mut Examination<'_>) {
    let objects = it.objects;
    let mut seen: BTreeMap<(&str, String), &Arc<Service>> = BTreeMap::new();
    for service in objects.services.values() {
        if service.spec.selector.is_empty()
            || service.kind() != "ClusterIP"
            || service.is_headless()
        {
            continue;
        }
        let mut says = words::labels(&service.spec.selector);
        for port in &service.spec.ports {
            let number = port.port.to_string();
            let target = match &port.target_port {
                Some(IntOrString::Int(number)) => number.to_string(),
                Some(IntOrString::String(name)) => name.clone(),
                None => String::new(),
            };
            says.push_str(&[";", port.protocol(), &number, ":", &target].concat());
        }
        let key = (service.metadata.namespace.as_str(), says);
        let Some(first) = seen.get(&key) else {
            seen.insert(key, service);
            continue;
        };
        let (own, other) = (about(service), about(first));
        let sentence = [
            &short(&own),
            " and ",
            &short(&other),
            " select the same pods on the same ports: one pod may stand behind many Services.",
        ];
        let path = "spec.selector".to_owned();
        let id = "same-selector";
        let finding = Finding::new(id, Severity::Note, own.clone(), path, sentence.concat());
        let finding = finding
            .fact("selector", words::labels(&service.spec.selector))
            .fact("its other Service", short(&other));
        it.report(finding.mend("if one is enough", words::kubectl("delete", &own, "")));
    }
}
