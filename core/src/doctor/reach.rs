//! Requests: one to every port, from somebody who might ask, and from the nodes and from outside where a policy keeps
//! traffic where it is.
//!
//! **Left out**: requests from outside to Services whose policy sends them anywhere: the request from inside meets the same
//! endpoints.

use super::examination::{Examination, Ways, bracketed, written};
use super::finding::{Finding, Severity, Tried};
use super::service::{Case, short};
use super::{network_policy, ports, words};
use crate::api::{Kind, Node, ObjectRef, Pod, ServicePort};
use crate::ip::Protocol;
use crate::policy::{Direction, looks};
use crate::sim::{HostId, Source, Why};
use serde_json::json;

/// How many askers are tried where the first is kept away by a policy.
const MAX_ASKERS: usize = 6;

/// Asks for every port of a Service that nothing was found wrong with yet.
pub(super) fn examine(it: &mut Examination<'_>, case: &Case<'_>, explained: &[bool]) {
    if case.service.is_headless() || case.endpoints().next().is_none() {
        return;
    }
    let mut is_well = true;
    for (idx, port) in case.service.spec.ports.iter().enumerate() {
        if explained.get(idx) == Some(&true) {
            is_well = false;
        } else {
            ask(it, case, idx, port);
        }
    }
    if is_well && case.n_ready() > 0 {
        internal_local(it, case);
        external_local(it, case);
    }
}

/// Whether policies say whom a pod may speak to.
fn is_guarded(it: &Examination<'_>, asker: &HostId) -> bool {
    let HostId::Pod(namespace, name) = asker else {
        return false;
    };
    let pod = it.objects.pod(namespace, name);
    let policies = it.objects.network_policies.values();
    let mut own = policies.filter(|it| it.metadata.namespace == *namespace);
    pod.is_some_and(|pod| {
        own.any(|it| looks(it, Direction::Egress) && it.spec.pod_selector.selects(pod.labels()))
    })
}

fn ask(it: &mut Examination<'_>, case: &Case<'_>, idx: usize, port: &ServicePort) {
    let namespace = &case.about.namespace;
    let askers = it.askers(namespace, &case.service.spec.selector, MAX_ASKERS);
    let mut worst = None;
    if !is_refused(it, case, port, &askers, &mut worst) {
        return;
    }
    // Somebody whom the pods' policies let in may get through.
    let allowed = network_policy::allowed(it, case);
    if !is_refused(it, case, port, &allowed, &mut worst) {
        return;
    }
    let Some((_, tried)) = worst else { return };
    match tried.reason {
        Some(Why::NameServerSilent | Why::NoSuchName) => no_dns(it, case, idx, port, tried),
        Some(Why::NetworkPolicy) => {
            let is_theirs = network_policy::examine(it, case, idx, port, tried.clone());
            // What an asker may send is its own affair, unless it is asked about.
            if !is_theirs && it.asked.from.is_some() {
                unexplained(it, case, idx, tried);
            }
        }
        _ => unexplained(it, case, idx, tried),
    }
}

/// Whether none of these gets an answer. The request that says most about why is kept, with whether policies say whom its
/// sender may speak to.
fn is_refused(
    it: &mut Examination<'_>,
    case: &Case<'_>,
    port: &ServicePort,
    askers: &[HostId],
    worst: &mut Option<(bool, Tried)>,
) -> bool {
    let keeps_local = case.service.spec.internal_traffic_policy.as_deref() == Some("Local");
    for asker in askers {
        let Some(tried) = it.ask_port(asker, case.service, port, Ways::One) else {
            continue;
        };
        let is_local = keeps_local && !serves(case, &node_of(it, asker));
        // What a controller of Ingresses answers to a host that it does not know is no fault of its Service.
        if !tried.is_lost() || is_local || is_unknown(it, case, &tried, port) {
            return false;
        }
        let policy = [Some(Why::NetworkPolicy), Some(Why::NameServerSilent)];
        let is_policy = policy.contains(&tried.reason);
        let guarded = is_guarded(it, asker);
        if worst.as_ref().is_none_or(|known| known.0 && !guarded) {
            *worst = Some((guarded, tried));
        }
        if !is_policy {
            break;
        }
    }
    true
}

/// The node that a request of somebody sets out on.
fn node_of(it: &Examination<'_>, asker: &HostId) -> String {
    match asker {
        HostId::Pod(namespace, name) => {
            let pod = it.objects.pod(namespace, name);
            let node = pod.and_then(|it| it.spec.node_name.clone());
            node.unwrap_or_default()
        }
        other => other.short().to_owned(),
    }
}

/// Whether the model cannot know: a machine's own program, or a pod that is believed to listen.
fn is_unknown(it: &Examination<'_>, case: &Case<'_>, tried: &Tried, port: &ServicePort) -> bool {
    if tried.reason != Some(Why::NothingListens) {
        return false;
    }
    let Some(object) = &tried.object else {
        return true;
    };
    match object.kind {
        Kind::Pod => {
            let pod = it.objects.pod(&object.namespace, &object.name);
            let protocol = Protocol::from_name(port.protocol());
            let believed = |pod: &Pod| {
                let number = ports::target(pod, port);
                number
                    .zip(protocol)
                    .is_some_and(|it| ports::is_probed(pod, it.0, it.1))
            };
            // Endpoints made by hand may lead to a pod of which little is known.
            let declares = |it: &Pod| !it.listens().is_empty();
            pod.is_none_or(|it| believed(it) || (case.pods.is_empty() && !declares(it)))
        }
        _ => true,
    }
}

/// Nobody can be asked by name: told once, and asked by address from then on.
fn no_dns(it: &mut Examination<'_>, case: &Case<'_>, idx: usize, port: &ServicePort, tried: Tried) {
    let about = ObjectRef::new(Kind::Service, "kube-system", "kube-dns");
    if let Some(fault) = it.fault_of(&about) {
        fault.follows(case.about.clone(), "Its name cannot be looked up.".into());
    } else {
        let sentence = if tried.reason == Some(Why::NoSuchName) {
            "Cluster DNS answers and knows no Service: its Corefile says nothing of them, or calls them otherwise."
        } else {
            "Cluster DNS does not answer: no Service can be asked by its name."
        };
        let path = "spec.selector".to_owned();
        let finding = Finding::new(
            "cluster-dns-silent",
            Severity::Error,
            about.clone(),
            path,
            sentence.into(),
        );
        let mut finding = finding.look(
            "its pods",
            "kubectl get pods -n kube-system -l k8s-app=kube-dns".into(),
        );
        finding.follows(case.about.clone(), "Its name cannot be looked up.".into());
        it.report(finding.shown(Some(tried)));
    }
    if it.has_dns {
        it.has_dns = false;
        ask(it, case, idx, port);
    }
}

/// A request that fails for a reason that no check knows.
fn unexplained(it: &mut Examination<'_>, case: &Case<'_>, idx: usize, tried: Tried) {
    let why = tried.says.unwrap_or("The request fails.");
    let sentence = [
        "A request to ",
        &short(&case.about),
        " from ",
        &tried.from,
        " fails: ",
        &lower(why),
    ]
    .concat();
    let path = ports::path(idx, "port");
    let severity = Severity::Error;
    let finding = Finding::new(
        "request-fails",
        severity,
        case.about.clone(),
        path,
        sentence,
    );
    let look = words::kubectl("describe", &case.about, "");
    it.report(finding.look("what is known of it", look).shown(Some(tried)));
}

/// A sentence as it goes on after a colon.
pub(super) fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|it| it.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Whether a node has an endpoint that takes traffic of its own.
fn serves(case: &Case<'_>, node: &str) -> bool {
    let mut own = case
        .endpoints()
        .filter(|it| it.node_name.as_deref() == Some(node));
    own.any(|it| {
        let conditions = &it.conditions;
        conditions.is_ready() || (conditions.is_serving() && conditions.is_terminating())
    })
}

fn is_up(it: &Examination<'_>, node: &str) -> bool {
    !it.world.network.is_down(&HostId::Node(node.to_owned()))
}

/// internalTrafficPolicy Local: pods on nodes without an endpoint.
fn internal_local(it: &mut Examination<'_>, case: &Case<'_>) {
    if case.service.spec.internal_traffic_policy.as_deref() != Some("Local") {
        return;
    }
    let nodes = it.objects.nodes.keys();
    let silent: Vec<String> = nodes
        .filter(|name| is_up(it, name) && !serves(case, name))
        .cloned()
        .collect();
    let (first, nodes_of_askers) = askers_on(it, &silent, &case.about.namespace);
    let Some(asker) = first else { return };
    let Some(port) = case.service.spec.ports.first() else {
        return;
    };
    let tried = it.ask_port(&asker, case.service, port, Ways::All);
    let Some(tried) = tried.filter(Tried::fails) else {
        return;
    };
    let sentence = [
        "internalTrafficPolicy is Local: pods on ",
        &words::list(&nodes_of_askers),
        " get no answer from ",
        &short(&case.about),
        ", which has no ready endpoint there.",
    ];
    let patch = json!({"spec": {"internalTrafficPolicy": "Cluster"}});
    let finding = Finding::new(
        "internal-policy-local",
        Severity::Warning,
        case.about.clone(),
        "spec.internalTrafficPolicy".into(),
        sentence.concat(),
    );
    let finding = finding
        .fact("nodes without an endpoint", words::list(&silent))
        .fact("of these with pods", words::list(&nodes_of_askers))
        .mend(
            "let endpoints of other nodes answer",
            words::merge(&case.about, &patch),
        )
        .shown(Some(tried));
    it.report(finding);
}

/// Somebody who asks from one of these nodes, of this namespace if there is one; and those of the nodes that have pods.
fn askers_on(it: &Examination<'_>, nodes: &[String], own: &str) -> (Option<HostId>, Vec<String>) {
    let runs_there = |it: &&Pod| {
        let on = it.spec.node_name.as_ref();
        let system = it.metadata.namespace == "kube-system";
        !system && !it.spec.host_network && !it.is_over() && on.is_some_and(|on| nodes.contains(on))
    };
    let pods = it.objects.pods.values().map(|it| &**it);
    let mut with_pods: Vec<String> = Vec::new();
    let mut first: Option<HostId> = None;
    for pod in pods.filter(runs_there) {
        let id = HostId::Pod(pod.metadata.namespace.clone(), pod.metadata.name.clone());
        let is_own = pod.metadata.namespace == own;
        let known_is_own = matches!(&first, Some(HostId::Pod(namespace, _)) if namespace == own);
        if it.world.network.host(&id).is_some() && (first.is_none() || (is_own && !known_is_own)) {
            first = Some(id);
        }
        if let Some(node) = &pod.spec.node_name {
            crate::sorted::insert_once(&mut with_pods, node.clone());
        }
    }
    (first, with_pods)
}

/// Whether pods are meant to run on a node.
fn is_for_pods(node: &Node) -> bool {
    let repels = |it: &crate::api::Taint| it.effect == "NoSchedule" || it.effect == "NoExecute";
    !node.spec.unschedulable && !node.spec.taints.iter().any(repels)
}

/// externalTrafficPolicy Local on node ports: nodes without an endpoint are silent. A load balancer knows which those are.
fn external_local(it: &mut Examination<'_>, case: &Case<'_>) {
    let spec = &case.service.spec;
    let is_local = spec.external_traffic_policy.as_deref() == Some("Local");
    if !is_local || case.service.kind() != "NodePort" {
        return;
    }
    let silent: Vec<&Node> = it
        .objects
        .nodes
        .values()
        .filter(|node| is_up(it, &node.metadata.name) && !serves(case, &node.metadata.name))
        .map(|it| &**it)
        .collect();
    let Some(node) = silent.iter().find(|it| is_for_pods(it)) else {
        return;
    };
    let (Some(ip), Some(port)) = (node.internal_ips().first().copied(), spec.ports.first()) else {
        return;
    };
    let (Some(number), Some(protocol)) = (port.node_port(), Protocol::from_name(port.protocol()))
    else {
        return;
    };
    let to = written(&bracketed(ip), number, port, protocol);
    let tried = it.ask(Source::Host(HostId::Outside), &to, protocol, Ways::All);
    let Some(tried) = tried.filter(Tried::fails) else {
        return;
    };
    let names: Vec<String> = silent.iter().map(|it| it.metadata.name.clone()).collect();
    let sentence = [
        "externalTrafficPolicy is Local: node port ",
        &number.to_string(),
        " of ",
        &words::list(&names),
        " drops what comes to it, since ",
        &short(&case.about),
        " has no ready endpoint there.",
    ];
    let patch = json!({"spec": {"externalTrafficPolicy": "Cluster"}});
    let finding = Finding::new(
        "external-policy-local",
        Severity::Warning,
        case.about.clone(),
        "spec.externalTrafficPolicy".into(),
        sentence.concat(),
    );
    let finding = finding
        .fact("nodes without an endpoint", words::list(&names))
        .mend(
            "let every node answer; pods no longer see the client's address",
            words::merge(&case.about, &patch),
        )
        .shown(Some(tried));
    it.report(finding);
}
