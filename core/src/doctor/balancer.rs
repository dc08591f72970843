//! Load balancers: one that does not come, one that finds nobody to send to, one that leaves out who asks.
//!
//! **Left out**: quotas of clouds.

use super::examination::{Examination, Ways, bracketed, written};
use super::finding::{Finding, Severity, Tried};
use super::service::{Case, short};
use super::words;
use crate::api::ServicePort;
use crate::controllers::{Provider, SourceAddress, balancers};
use crate::ip::{Protocol, parse_sloppy};
use crate::sim::{HostId, Source, Why};
use crate::store::key;
use serde_json::json;

/// Looks at the load balancer of a Service. `is_explained` says that something else is wrong with it already.
pub(super) fn examine(it: &mut Examination<'_>, case: &Case<'_>, is_explained: bool) {
    if case.service.kind() != "LoadBalancer" {
        return;
    }
    if case.service.status.load_balancer.ingress.is_empty() {
        pending(it, case, is_explained);
        return;
    }
    affinity(it, case);
    if !is_explained && case.n_ready() > 0 {
        ask(it, case);
    }
}

/// Asks at the balancer's first address, from outside.
fn ask(it: &mut Examination<'_>, case: &Case<'_>) {
    let ingress = case.service.status.load_balancer.ingress.first();
    let name = ingress.and_then(|it| match (&it.ip, &it.hostname) {
        (Some(ip), _) => parse_sloppy(ip).map(bracketed),
        (None, hostname) => hostname.clone(),
    });
    let (Some(name), Some(port)) = (name, case.service.spec.ports.first()) else {
        return;
    };
    let Some(protocol) = Protocol::from_name(port.protocol()) else {
        return;
    };
    let to = written(&name, port.port, port, protocol);
    let asker = Source::Host(HostId::Outside);
    let Some(tried) = it.ask(asker, &to, protocol, Ways::One) else {
        return;
    };
    let has_ranges = !case.service.spec.load_balancer_source_ranges.is_empty();
    match &tried.reason {
        Some(Why::NoHealthyTarget) => no_target(it, case, tried),
        Some(Why::DroppedByRule | Why::DroppedByPolicy) if has_ranges => {
            source_ranges(it, case, tried);
        }
        _ => {}
    }
}

fn no_target(it: &mut Examination<'_>, case: &Case<'_>, tried: Tried) {
    let spec = &case.service.spec;
    let sentence = [
        "The load balancer of ",
        &short(&case.about),
        " finds nobody healthy to send to, though it has ready endpoints.",
    ];
    let node_ports: Vec<String> = case.service.node_ports().map(|it| it.to_string()).collect();
    let id = "balancer-no-healthy-target";
    let path = "spec".to_owned();
    let finding = Finding::new(
        id,
        Severity::Error,
        case.about.clone(),
        path,
        sentence.concat(),
    )
    .fact("ready endpoints", case.n_ready().to_string())
    .fact("node ports", words::list(&node_ports));
    let finding = if spec.external_traffic_policy.as_deref() == Some("Local") {
        let patch = json!({"spec": {"externalTrafficPolicy": "Cluster"}});
        finding.mend(
            "let every node pass requests on",
            words::merge(&case.about, &patch),
        )
    } else if spec.allocate_load_balancer_node_ports == Some(false) {
        let patch = json!({"spec": {"allocateLoadBalancerNodePorts": true}});
        finding.mend(
            "give it the node ports that it sends to",
            words::merge(&case.about, &patch),
        )
    } else {
        finding
    };
    it.report(finding.shown(Some(tried)));
}

/// Whoever asks from outside is in none of the ranges. Who that will be nobody knows, unless it is told.
fn source_ranges(it: &mut Examination<'_>, case: &Case<'_>, tried: Tried) {
    let ranges = &case.service.spec.load_balancer_source_ranges;
    let is_told = it.asked.from == Some(Source::Host(HostId::Outside));
    let severity = if is_told {
        Severity::Error
    } else {
        Severity::Note
    };
    let sentence = [
        "Only ",
        &words::list(ranges),
        " may use the load balancer of ",
        &short(&case.about),
        "; what comes from elsewhere, as from the client outside, is dropped.",
    ];
    let path = "spec.loadBalancerSourceRanges".to_owned();
    let own = [crate::sim::OUTSIDE_CLIENT, "/32"].concat();
    let mut wider = ranges.clone();
    wider.push(own);
    let patch = json!({"spec": {"loadBalancerSourceRanges": wider}});
    let id = "source-ranges";
    let finding = Finding::new(id, severity, case.about.clone(), path, sentence.concat())
        .fact("ranges", words::list(ranges))
        .fact("the client outside", crate::sim::OUTSIDE_CLIENT.to_owned())
        .mend("let that client in", words::merge(&case.about, &patch));
    it.report(finding.shown(Some(tried)));
}

/// An affinity by client address, where every client has the balancer's.
fn affinity(it: &mut Examination<'_>, case: &Case<'_>) {
    if case.service.spec.session_affinity.as_deref() != Some("ClientIP") {
        return;
    }
    let own = key(&case.service.metadata);
    let all = balancers(it.objects);
    let found = all.iter().find(|it| it.service == own);
    let hides = found.is_some_and(|it| it.source != SourceAddress::Kept);
    if !hides {
        return;
    }
    let sentence = [
        "The load balancer of ",
        &short(&case.about),
        " speaks in its own name: sessionAffinity ClientIP takes all its clients for one.",
    ];
    let path = "spec.sessionAffinity".to_owned();
    let patch = json!({"spec": {"sessionAffinity": "None"}});
    let id = "affinity-behind-proxy";
    let about = case.about.clone();
    let finding = Finding::new(id, Severity::Warning, about, path, sentence.concat());
    it.report(finding.mend("spread requests again", words::merge(&case.about, &patch)));
}

fn pending(it: &mut Examination<'_>, case: &Case<'_>, is_explained: bool) {
    let class = case.service.spec.load_balancer_class.clone();
    let provider = Provider::of(it.objects);
    let said = warned(it, case);
    let is_unserved = class.is_some() && !provider.serves_class(case.service);
    let name = short(&case.about);
    let mut path = "spec.type".to_owned();
    let mut id = "load-balancer-pending";
    let why = match (&class, &said) {
        (Some(class), _) if is_unserved => {
            id = "load-balancer-class";
            path = "spec.loadBalancerClass".into();
            ["nobody here serves the class ", class, "."].concat()
        }
        (_, Some(said)) => [said.trim_end_matches('.'), "."].concat(),
        _ if provider == Provider::Nobody => {
            "nothing in this cluster provides load balancers.".into()
        }
        _ => "it is still on its way.".into(),
    };
    let sentence = ["The load balancer of ", &name, " does not come: ", &why].concat();
    let mut finding = Finding::new(id, Severity::Warning, case.about.clone(), path, sentence);
    finding = finding.fact("provider", provider_name(provider).to_owned());
    if let Some(class) = class {
        finding = finding.fact("class", class);
    }
    if let Some(said) = said {
        finding = finding.fact("events say", said);
    }
    if let Some(to) = by_node(it, case).filter(|_| !is_explained) {
        finding = finding.fact("works meanwhile", to);
    }
    let spec = &case.service.spec;
    if spec.load_balancer_ip.is_some() && provider == Provider::MetalLb && !is_unserved {
        let patch = json!({"spec": {"loadBalancerIP": null}});
        finding = finding.mend(
            "take any address of the pools",
            words::merge(&case.about, &patch),
        );
    } else {
        let patch = json!({"spec": {"type": "NodePort", "loadBalancerClass": null}});
        finding = finding.mend(
            "do without a load balancer",
            words::merge(&case.about, &patch),
        );
    }
    it.report(finding);
}

/// The last warning among the events of a Service.
fn warned(it: &Examination<'_>, case: &Case<'_>) -> Option<String> {
    let events = it.objects.events.values();
    events
        .filter(|it| it.metadata.namespace == case.about.namespace)
        .filter(|it| it.involved_object.kind.as_deref() == Some("Service"))
        .filter(|it| it.involved_object.name.as_ref() == Some(&case.about.name))
        .filter(|it| it.kind == "Warning")
        .map(|it| it.message.clone())
        .last()
}

/// The way in by a node port, if it works.
fn by_node(it: &mut Examination<'_>, case: &Case<'_>) -> Option<String> {
    let port = case.service.spec.ports.first()?;
    let (port, number, protocol) = node_address(port, case)?;
    let node = it.objects.nodes.values().find(|it| it.is_ready())?;
    let ip = node.internal_ips().first().copied()?;
    let to = written(&bracketed(ip), number, port, protocol);
    let tried = it.ask(Source::Host(HostId::Outside), &to, protocol, Ways::One)?;
    (!tried.fails()).then_some(to)
}

fn node_address<'a>(
    port: &'a ServicePort,
    case: &Case<'_>,
) -> Option<(&'a ServicePort, i32, Protocol)> {
    let local = case.service.spec.external_traffic_policy.as_deref() == Some("Local");
    let protocol = Protocol::from_name(port.protocol())?;
    Some((port, port.node_port().filter(|_| !local)?, protocol))
}

const fn provider_name(provider: Provider) -> &'static str {
    match provider {
        Provider::Nobody => "none",
        Provider::MetalLb => "MetalLB",
        Provider::Aws => "Amazon",
        Provider::Gcp => "Google",
        Provider::Azure => "Microsoft",
    }
}
