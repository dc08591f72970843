//! Headless Services: their name leads to the pods themselves, and no rule maps a port.
//!
//! **Left out**: clients that keep an address for ever.

use super::examination::{Examination, Ways};
use super::finding::{Finding, Severity, Tried};
use super::service::{Case, short};
use super::{ports, words};
use crate::api::{Kind, ObjectRef, StatefulSet};
use crate::ip::Protocol;
use crate::sim::{Source, Why};
use serde_json::{Value, json};

/// Asks for the ports of a headless Service that nothing was found wrong with yet.
pub(super) fn examine(it: &mut Examination<'_>, case: &Case<'_>, explained: &mut [bool]) {
    if !case.service.is_headless() || case.n_ready() == 0 || !it.has_dns {
        return;
    }
    for (idx, port) in case.service.spec.ports.iter().enumerate() {
        if explained.get(idx) == Some(&true) {
            continue;
        }
        let selector = &case.service.spec.selector;
        let Some(asker) = it
            .askers(&case.about.namespace, selector, 1)
            .into_iter()
            .next()
        else {
            continue;
        };
        let mut targets = case.pods.iter().filter_map(|pod| ports::target(pod, port));
        let mapped = targets.find(|it| *it != port.port);
        let ways = if mapped.is_some() {
            Ways::All
        } else {
            Ways::One
        };
        let tried = it.ask_port(&asker, case.service, port, ways);
        let Some(tried) = tried.filter(Tried::fails) else {
            continue;
        };
        if let (Some(target), Some(Why::NothingListens)) = (mapped, &tried.reason) {
            mapping(it, case, idx, target, tried);
            explained[idx] = true;
        }
    }
}

fn mapping(it: &mut Examination<'_>, case: &Case<'_>, idx: usize, target: i32, tried: Tried) {
    let port = &case.service.spec.ports[idx];
    let (own, target_text) = (port.port.to_string(), target.to_string());
    let sentence = [
        &short(&case.about),
        " is headless, so nothing turns port ",
        &own,
        " into ",
        &target_text,
        ": its name leads straight to the pods, where nothing listens on ",
        &own,
        ".",
    ];
    let id = "headless-port-mapping";
    let path = ports::path(idx, "port");
    let about = case.about.clone();
    let number = idx.to_string();
    let pointer = ["/spec/ports/", &number, "/port"].concat();
    let patch = json!([{"op": "replace", "path": pointer, "value": target}]);
    let finding = Finding::new(id, Severity::Warning, about, path, sentence.concat())
        .fact("port", own)
        .fact("targetPort", target_text)
        .mend(
            "name the pods' own port",
            words::json_patch(&case.about, &patch),
        );
    it.report(finding.shown(Some(tried)));
}

/// StatefulSets whose pods are named under a Service that is not there.
pub(super) fn stateful_sets(it: &mut Examination<'_>) {
    for set in it.objects.stateful_sets.values() {
        let service = &set.spec.service_name;
        let namespace = &set.metadata.namespace;
        if !service.is_empty() && it.objects.service(namespace, service).is_none() {
            service_missing(it, set);
        }
    }
}

fn service_missing(it: &mut Examination<'_>, set: &StatefulSet) {
    let service = &set.spec.service_name;
    let namespace = &set.metadata.namespace;
    let about = ObjectRef::new(Kind::StatefulSet, namespace, &set.metadata.name);
    let first_pod = [&set.metadata.name, "-0.", service].concat();
    let sentence = [
        "StatefulSet ",
        &short(&about),
        " names its pods under Service ",
        service,
        ", which does not exist: names like ",
        &first_pod,
        " mean nothing.",
    ];
    let services = it.objects.services.keys();
    let own = services.filter(|it| it.0 == *namespace);
    let names: Vec<&str> = own.map(|it| it.1.as_str()).collect();
    let near = crate::yaml::nearest_name(service, &names).unwrap_or("none");
    let id = "stateful-set-service-missing";
    let path = "spec.serviceName".to_owned();
    let finding = Finding::new(id, Severity::Warning, about, path, sentence.concat())
        .fact("serviceName", service.clone())
        .fact("nearest Service", near.to_owned())
        .mend("make that Service", words::create(&its_service(set)));
    let asker = it.askers(namespace, &crate::api::Labels::new(), 1);
    let asker = asker.into_iter().next().filter(|_| it.has_dns);
    let mut containers = set.spec.template.spec.containers.iter();
    let port = containers.find_map(|it| it.ports.first());
    let to = port.map(|it| [&first_pod, ":", &it.container_port.to_string()].concat());
    let tried = asker
        .zip(to)
        .and_then(|(asker, to)| it.ask(Source::Host(asker), &to, Protocol::Tcp, Ways::All));
    it.report(finding.shown(tried.filter(Tried::fails)));
}

/// The headless Service that a StatefulSet wants.
fn its_service(set: &StatefulSet) -> Value {
    let containers = set.spec.template.spec.containers.iter();
    let ports: Vec<Value> = containers
        .flat_map(|it| &it.ports)
        .map(|it| {
            let number = it.container_port.to_string();
            let name = it.name.clone().unwrap_or_else(|| ["p", &number].concat());
            let protocol = it.protocol.as_deref().unwrap_or("TCP");
            json!({"name": name, "port": it.container_port, "protocol": protocol})
        })
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": set.spec.service_name, "namespace": set.metadata.namespace},
        "spec": {"clusterIP": "None", "selector": set.spec.selector.match_labels, "ports": ports},
    })
}
