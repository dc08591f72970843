//! NetworkPolicies that keep a Service's port closed: they look at packets after the destination was rewritten, so they name
//! the pod's port.
//!
//! A policy is there to keep somebody out; what is wrong is a port that nobody at all can reach.
//!
//! **Left out**: policies of an asker for what it sends, unless they keep everybody from it.

use super::examination::Examination;
use super::finding::{Finding, Severity, Tried};
use super::service::{Case, short};
use super::{ports, words};
use crate::api::{
    IntOrString, Kind, LabelSelector, NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, ObjectRef, Pod, ServicePort,
};
use crate::policy::{Direction, looks};
use crate::sim::HostId;
use serde_json::json;
use std::sync::Arc;

/// How many of the pods that a policy lets in are asked.
const MAX_ALLOWED: usize = 4;

/// The policies that say who may speak to the pods of a Service.
fn policies_of<'a>(it: &Examination<'a>, case: &Case<'_>) -> Vec<&'a Arc<NetworkPolicy>> {
    let all = it.objects.network_policies.values();
    let own = all.filter(|it| it.metadata.namespace == case.about.namespace);
    let chooses = |it: &NetworkPolicy| {
        let selector = &it.spec.pod_selector;
        case.pods.iter().any(|pod| selector.selects(pod.labels()))
    };
    own.filter(|it| looks(it, Direction::Ingress) && chooses(it))
        .collect()
}

/// Some of the pods that policies let in, to be asked as well.
pub(super) fn allowed(it: &Examination<'_>, case: &Case<'_>) -> Vec<HostId> {
    let mut found = Vec::new();
    for policy in policies_of(it, case) {
        for peer in policy.spec.ingress.iter().flat_map(|it| &it.from) {
            let pods = it.objects.pods.values();
            let meant = pods.filter(|pod| is_meant(it, policy, peer, pod));
            let ids = meant.map(|it| {
                let metadata = &it.metadata;
                HostId::Pod(metadata.namespace.clone(), metadata.name.clone())
            });
            found.extend(
                ids.filter(|id| it.world.network.host(id).is_some())
                    .take(MAX_ALLOWED),
            );
        }
    }
    found.truncate(MAX_ALLOWED * MAX_ALLOWED);
    found
}

/// Whether a peer of a policy is this pod.
fn is_meant(
    it: &Examination<'_>,
    policy: &NetworkPolicy,
    peer: &NetworkPolicyPeer,
    pod: &Pod,
) -> bool {
    if peer.ip_block.is_some() || pod.is_over() {
        return false;
    }
    let namespace = &pod.metadata.namespace;
    let in_namespace = match &peer.namespace_selector {
        None => *namespace == policy.metadata.namespace,
        Some(selector) => {
            let known = it.objects.namespaces.get(namespace);
            known.is_some_and(|it| selector.selects(&it.metadata.labels))
        }
    };
    let is_chosen = |it: &LabelSelector| it.selects(pod.labels());
    in_namespace && peer.pod_selector.as_ref().is_none_or(is_chosen)
}

fn covers(rule: &NetworkPolicyPort, protocol: &str, number: i32, pod: &Pod) -> bool {
    let of_protocol = rule.protocol.as_deref().unwrap_or("TCP") == protocol;
    let has = match &rule.port {
        None => true,
        Some(IntOrString::Int(first)) => {
            *first <= number && number <= rule.end_port.unwrap_or(*first)
        }
        Some(IntOrString::String(name)) => pod.named_port(name, protocol) == Some(number),
    };
    of_protocol && has
}

/// Reports that policies keep everybody from a port, after every asker was kept away. Whether policies of the pods do.
pub(super) fn examine(
    it: &mut Examination<'_>,
    case: &Case<'_>,
    idx: usize,
    port: &ServicePort,
    tried: Tried,
) -> bool {
    let policies = policies_of(it, case);
    let mut targets = case.pods.iter();
    let target = targets.find_map(|pod| Some((&***pod, ports::target(pod, port)?)));
    let (Some((pod, number)), Some(first)) = (target, policies.first()) else {
        return false;
    };
    let wrong = names_service_port(&policies, port, number, pod);
    let finding = match wrong {
        Some((policy, path, pointer)) => {
            let at = (path, pointer.as_str());
            service_port(case, policy, at, port, number)
        }
        None => closed(case, first, &policies, port, (pod, number)),
    };
    let at = [
        &ports::path(idx, "port"),
        " gets no answer: requests are dropped.",
    ]
    .concat();
    let known = it.reported(finding.id, &finding.object);
    if let Some(known) = known.filter(|it| it.path == finding.path) {
        known.follows(case.about.clone(), at);
        return true;
    }
    let mut finding = finding.shown(Some(tried));
    finding.follows(case.about.clone(), at);
    it.report(finding);
    true
}

/// A policy that names the Service's port.
fn service_port(
    case: &Case<'_>,
    policy: &NetworkPolicy,
    (path, pointer): (String, &str),
    port: &ServicePort,
    number: i32,
) -> Finding {
    let about = reference(policy);
    let own = port.port.to_string();
    let target = number.to_string();
    let sentence = [
        "NetworkPolicy ",
        &short(&about),
        " allows port ",
        &own,
        ", which is the Service's: what reaches the pods of ",
        &short(&case.about),
        " is for port ",
        &target,
        ".",
    ];
    let id = "network-policy-service-port";
    let patch = json!([{"op": "replace", "path": pointer, "value": number}]);
    Finding::new(id, Severity::Error, about.clone(), path, sentence.concat())
        .fact("the policy allows", own)
        .fact("the pods get", target)
        .mend("allow the pods' port", words::json_patch(&about, &patch))
}

/// Policies of which none lets anybody in who is here.
fn closed(
    case: &Case<'_>,
    policy: &NetworkPolicy,
    policies: &[&Arc<NetworkPolicy>],
    port: &ServicePort,
    (pod, number): (&Pod, i32),
) -> Finding {
    let about = reference(policy);
    let names: Vec<String> = policies.iter().map(|it| it.metadata.name.clone()).collect();
    let target = number.to_string();
    let sentence = [
        "NetworkPolicies (",
        &words::list(&names),
        ") choose the pods of ",
        &short(&case.about),
        ", and none lets anybody here speak to port ",
        &target,
        ".",
    ];
    // Whom they let in may be somebody who is not in what was given.
    let opens = |rule: &NetworkPolicyIngressRule| opens(rule, port.protocol(), number, pod);
    let mut rules = policies.iter().flat_map(|it| &it.spec.ingress);
    let severity = if rules.any(|it| opens(it) && !it.from.is_empty()) {
        Severity::Warning
    } else {
        Severity::Error
    };
    let rule = json!({"ports": [{"port": number, "protocol": port.protocol()}]});
    let patch = if policy.spec.ingress.is_empty() {
        json!([{"op": "add", "path": "/spec/ingress", "value": [rule]}])
    } else {
        json!([{"op": "add", "path": "/spec/ingress/-", "value": rule}])
    };
    let path = "spec.ingress".to_owned();
    let id = "network-policy-closes-port";
    Finding::new(id, severity, about.clone(), path, sentence.concat())
        .fact("policies", words::list(&names))
        .fact("port", target)
        .mend(
            "let everybody speak to that port",
            words::json_patch(&about, &patch),
        )
}

/// Whether a rule is about a port.
fn opens(rule: &NetworkPolicyIngressRule, protocol: &str, number: i32, pod: &Pod) -> bool {
    let mut ports = rule.ports.iter();
    rule.ports.is_empty() || ports.any(|it| covers(it, protocol, number, pod))
}

fn reference(policy: &NetworkPolicy) -> ObjectRef {
    let metadata = &policy.metadata;
    ObjectRef::new(Kind::NetworkPolicy, &metadata.namespace, &metadata.name)
}

/// A policy that names the Service's port where no policy names the pod's.
fn names_service_port<'a>(
    policies: &[&'a Arc<NetworkPolicy>],
    port: &ServicePort,
    number: i32,
    pod: &Pod,
) -> Option<(&'a NetworkPolicy, String, String)> {
    let protocol = port.protocol();
    let rules = policies.iter().flat_map(|it| &it.spec.ingress);
    let opens = |rule: &NetworkPolicyIngressRule| opens(rule, protocol, number, pod);
    if number == port.port || rules.into_iter().any(opens) {
        return None;
    }
    for policy in policies {
        for (rule_idx, rule) in policy.spec.ingress.iter().enumerate() {
            let mut ports = rule.ports.iter().enumerate();
            let own = IntOrString::Int(port.port);
            let found = ports.find(|it| {
                it.1.port.as_ref() == Some(&own)
                    && it.1.protocol.as_deref().unwrap_or("TCP") == protocol
            });
            if let Some((port_idx, _)) = found {
                let (rule, port) = (rule_idx.to_string(), port_idx.to_string());
                let path = ["spec.ingress[", &rule, "].ports[", &port, "].port"].concat();
                let pointer = ["/spec/ingress/", &rule, "/ports/", &port, "/port"].concat();
                return Some((policy, path, pointer));
            }
        }
    }
    None
}
