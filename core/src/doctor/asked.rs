//! What a person asks about in particular: a request of their own, and a name that may not exist.
//!
//! **Left out**: destinations outside the cluster, of which nothing is known.

use super::examination::{Examination, Ways};
use super::external_name::nearest_service;
use super::finding::{Finding, Severity, Tried};
use super::reach::lower;
use super::words;
use crate::api::{IntOrString, Kind, Labels, ObjectRef, Service, ServicePort};
use crate::ip::{Protocol, parse_sloppy};
use crate::sim::{Destination, HostId, Source, Why};

/// Walks the request that was asked about, unless what is wrong with it is known already.
pub(super) fn examine(it: &mut Examination<'_>) {
    let Some(to) = it.asked.to.clone() else {
        return;
    };
    let from = match &it.asked.from {
        Some(from) => from.clone(),
        None => {
            let asker = it.askers("default", &Labels::new(), 1).into_iter().next();
            let Some(asker) = asker else { return };
            Source::Host(asker)
        }
    };
    let Some(tried) = it.ask(from.clone(), &to.to_string(), to.protocol, Ways::All) else {
        return;
    };
    if !tried.fails() {
        return;
    }
    let namespace = match &from {
        Source::Host(HostId::Pod(namespace, _)) => namespace.clone(),
        _ => "default".to_owned(),
    };
    let asked = named(it, &to.name, &namespace);
    let about = asked
        .as_ref()
        .map(|it| ObjectRef::new(Kind::Service, &it.0, &it.1));
    let exists = asked
        .as_ref()
        .filter(|at| it.objects.service(&at.0, &at.1).is_some());
    if tried.reason == Some(Why::NoSuchName) && exists.is_none() {
        unknown(it, &to.name, asked, tried);
        return;
    }
    if let Some(fault) = about.as_ref().and_then(|about| it.fault_of(about)) {
        // The request that was asked about shows it best.
        fault.request = Some(tried);
        return;
    }
    if let Some(at) = exists
        && let Some(service) = it.objects.service(&at.0, &at.1).cloned()
        && port_unknown(it, &service, &to, tried.clone())
    {
        return;
    }
    unexplained(it, about, &namespace, tried);
}

/// A request that fails for a reason that no check knows.
fn unexplained(it: &mut Examination<'_>, about: Option<ObjectRef>, namespace: &str, tried: Tried) {
    let why = tried.says.unwrap_or("the request fails.");
    let sentence = [
        "The request from ",
        &tried.from,
        " to ",
        &tried.to,
        " fails: ",
        &lower(why),
    ];
    let object = about.or_else(|| tried.object.clone());
    let object = object.unwrap_or_else(|| ObjectRef::new(Kind::Namespace, "", namespace));
    let id = "request-fails";
    let path = String::new();
    let finding = Finding::new(id, Severity::Error, object, path, sentence.concat());
    it.report(finding.shown(Some(tried)));
}

/// A port that the Service does not have: perhaps the pods', or the nodes'. Whether it is so.
fn port_unknown(
    it: &mut Examination<'_>,
    service: &Service,
    to: &Destination,
    tried: Tried,
) -> bool {
    let Some(number) = to.port.map(i32::from) else {
        return false;
    };
    let protocol = |it: &ServicePort| Protocol::from_name(it.protocol()) == Some(to.protocol);
    let ports = &service.spec.ports;
    let has = |it: &ServicePort| it.port == number && protocol(it);
    if service.kind() == "ExternalName" || ports.iter().any(has) {
        return false;
    }
    let about = super::service::about(service);
    let own: Vec<String> = ports
        .iter()
        .map(|it| [it.protocol(), " ", &it.port.to_string()].concat())
        .collect();
    let number_text = number.to_string();
    let is_target = |it: &ServicePort| it.target_port == Some(IntOrString::Int(number));
    let end = if service.node_ports().any(|it| it == number) {
        ": that is the nodes' port, which is open on their addresses only."
    } else if ports.iter().any(is_target) {
        ": that is the pods' port, which is behind the Service's."
    } else {
        "."
    };
    let name = super::service::short(&about);
    let has = words::list(&own);
    let sentence = [&name, " has no port ", &number_text, "; it has ", &has, end];
    let id = "port-unknown";
    let path = "spec.ports".to_owned();
    let finding = Finding::new(id, Severity::Error, about, path, sentence.concat());
    let finding = finding
        .fact("asked for", number_text)
        .fact("its ports", has);
    it.report(finding.shown(Some(tried)));
    true
}

/// The Service that a name means to somebody of a namespace: namespace and name.
fn named(it: &Examination<'_>, name: &str, namespace: &str) -> Option<(String, String)> {
    if let Some(ip) = parse_sloppy(name) {
        let mut services = it.objects.services.values();
        let found = services.find(|it| it.cluster_ips().contains(&ip))?;
        let metadata = &found.metadata;
        return Some((metadata.namespace.clone(), metadata.name.clone()));
    }
    let domain = [".svc.", it.objects.cluster.dns_domain()].concat();
    let name = name.trim_end_matches('.');
    let inside = name
        .strip_suffix(&domain)
        .or_else(|| name.strip_suffix(".svc"));
    let told = inside.unwrap_or(name);
    match told.split_once('.') {
        None => Some((namespace.to_owned(), told.to_owned())),
        Some((service, namespace)) if !namespace.contains('.') => {
            Some((namespace.to_owned(), service.to_owned()))
        }
        Some(_) => None,
    }
}

fn unknown(it: &mut Examination<'_>, name: &str, asked: Option<(String, String)>, tried: Tried) {
    let (namespace, service) = asked.unwrap_or_else(|| ("default".into(), name.to_owned()));
    let near = nearest_service(it.objects, &namespace, &service);
    let object = ObjectRef::new(Kind::Namespace, "", &namespace);
    let mut sentence = ["The name ", name, " means nothing to ", &tried.from].concat();
    let elsewhere = near
        .as_ref()
        .filter(|it| it.0 != namespace && it.1 == service);
    match (&near, elsewhere) {
        (_, Some((other, _))) => {
            let told = [": Service ", &service, " is in namespace ", other, "."];
            sentence.push_str(&told.concat());
        }
        (Some((_, near)), None) => {
            sentence.push_str(&[": there is a Service ", near, "."].concat());
        }
        (None, None) => sentence.push_str(": there is no Service of that name."),
    }
    let id = "name-unknown";
    let mut finding = Finding::new(id, Severity::Error, object, String::new(), sentence);
    finding = finding.fact("name", name.to_owned());
    if let Some((other, near)) = near {
        let whole = [&near, ".", &other].concat();
        let told = if other == namespace { near } else { whole };
        finding = finding.fact("nearest", told);
    }
    it.report(finding.shown(Some(tried)));
}
