//! ExternalName: an alias in DNS and nothing else. It maps no port, selects no pod, and the server at its end is asked by the
//! alias's name.
//!
//! Names outside the cluster can only be judged where the zone of outside names was given.
//!
//! **Left out**: aliases for names of other clusters.

use super::examination::{Examination, Ways, written};
use super::finding::{Finding, Severity, Tried};
use super::service::{Case, short};
use super::{ports, words};
use crate::api::{Kind, Labels, ObjectRef, ServicePort};
use crate::ip::{Protocol, parse_sloppy};
use crate::sim::{Source, Why};
use crate::store::{Key, Objects};
use crate::yaml::nearest_name;
use serde_json::{Value, json};

/// How long a chain of aliases may be.
const MAX_CHAIN: usize = 16;

/// Looks at an alias.
pub(super) fn examine(it: &mut Examination<'_>, case: &Case<'_>) {
    let spec = &case.service.spec;
    let Some(target) = spec
        .external_name
        .as_deref()
        .map(|it| it.trim_end_matches('.'))
    else {
        return;
    };
    ignored(it, case);
    let tried = ask(it, case);
    if let Some(ip) = parse_sloppy(target) {
        is_address(it, case, &ip.to_string(), tried);
        return;
    }
    let domain = it.objects.cluster.dns_domain().to_owned();
    match follow(it.objects, case, target, &domain) {
        End::Loop { chain, members } => is_loop(it, case, &chain, &members, tried),
        End::Missing(namespace, name) => is_missing(it, case, (&namespace, &name), tried),
        End::Service => {}
        End::Outside => outside(it, case, target, tried),
    }
}

/// Where a chain of aliases ends.
enum End {
    Service,
    Outside,
    Missing(String, String),
    Loop {
        /// The names, one after the other.
        chain: Vec<String>,
        /// The aliases that lead to one another.
        members: Vec<Key>,
    },
}

fn follow(objects: &Objects, case: &Case<'_>, target: &str, domain: &str) -> End {
    let suffix = [".svc.", domain].concat();
    let mut chain = vec![short(&case.about)];
    let mut seen = vec![(case.about.namespace.clone(), case.about.name.clone())];
    let mut target = target.to_owned();
    for _ in 0..MAX_CHAIN {
        chain.push(target.clone());
        let Some(inside) = target.strip_suffix(&suffix) else {
            // A name without the domain is none, but may have been meant as one.
            let told = target.strip_suffix(".svc").unwrap_or(&target);
            return match told.split_once('.') {
                Some((name, namespace)) if objects.service(namespace, name).is_some() => {
                    End::Missing(namespace.to_owned(), name.to_owned())
                }
                None if objects.service(&case.about.namespace, told).is_some() => {
                    End::Missing(case.about.namespace.clone(), told.to_owned())
                }
                _ => End::Outside,
            };
        };
        // A pod's own name stands before that of its Service.
        let mut parts = inside.rsplit('.');
        let namespace = parts.next().unwrap_or_default().to_owned();
        let name = parts.next().unwrap_or_default().to_owned();
        let Some(service) = objects.service(&namespace, &name) else {
            return End::Missing(namespace, name);
        };
        if service.kind() != "ExternalName" {
            return End::Service;
        }
        let key = (namespace, name);
        if let Some(first) = seen.iter().position(|it| *it == key) {
            let members = seen.split_off(first);
            return End::Loop { chain, members };
        }
        seen.push(key);
        let next = service.spec.external_name.as_deref().unwrap_or_default();
        target = next.trim_end_matches('.').to_owned();
    }
    End::Loop {
        chain,
        members: seen,
    }
}

/// A request by the alias's name.
fn ask(it: &mut Examination<'_>, case: &Case<'_>) -> Option<Tried> {
    let asker = it
        .askers(&case.about.namespace, &Labels::new(), 1)
        .into_iter()
        .next()?;
    let name = it.name_of(&asker, case.service)?;
    let plain = ServicePort {
        port: 80,
        ..ServicePort::default()
    };
    let port = case.service.spec.ports.first().unwrap_or(&plain);
    let protocol = Protocol::from_name(port.protocol())?;
    let to = written(&name, port.port, port, protocol);
    it.ask(Source::Host(asker), &to, protocol, Ways::One)
}

fn new(
    id: &'static str,
    severity: Severity,
    case: &Case<'_>,
    sentence: &[&str],
    tried: Option<Tried>,
) -> Finding {
    let path = "spec.externalName".to_owned();
    let told = case.service.spec.external_name.clone().unwrap_or_default();
    Finding::new(id, severity, case.about.clone(), path, sentence.concat())
        .fact("externalName", told)
        .shown(tried.filter(Tried::fails))
}

fn is_address(it: &mut Examination<'_>, case: &Case<'_>, ip: &str, tried: Option<Tried>) {
    let name = short(&case.about);
    let sentence = [
        "externalName of ",
        &name,
        " is the address ",
        ip,
        ": DNS takes it for a name, which does not exist.",
    ];
    let finding = new(
        "external-name-is-address",
        Severity::Error,
        case,
        &sentence,
        tried,
    );
    let told: Vec<Value> = case
        .service
        .spec
        .ports
        .iter()
        .map(|it| json!({"name": it.name(), "port": it.port, "protocol": it.protocol()}))
        .collect();
    let ports = if told.is_empty() {
        vec![json!({"name": "", "port": 80, "protocol": "TCP"})]
    } else {
        told
    };
    let patch = json!({"spec": {"type": "ClusterIP", "externalName": null, "selector": null, "ports": ports}});
    let made = [&case.about.name, "-1"].concat();
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": made, "namespace": case.about.namespace,
            "labels": {"kubernetes.io/service-name": case.about.name},
        },
        "addressType": if ip.contains(':') { "IPv6" } else { "IPv4" },
        "endpoints": [{"addresses": [ip], "conditions": {"ready": true}}],
        "ports": ports,
    });
    let change = words::merge(&case.about, &patch);
    let command = [&change, " && ", &words::create(&slice)].concat();
    it.report(finding.mend(
        "make it a Service with an endpoint of that address",
        command,
    ));
}

fn is_loop(
    it: &mut Examination<'_>,
    case: &Case<'_>,
    chain: &[String],
    members: &[Key],
    tried: Option<Tried>,
) {
    let own = (case.about.namespace.clone(), case.about.name.clone());
    // Told once for all of them, at the first by name.
    if members.contains(&own) && members.iter().any(|it| *it < own) {
        return;
    }
    let sentence = [
        "The alias ",
        &short(&case.about),
        " leads round in a circle: ",
        &chain.join(" → "),
        ".",
    ];
    let mut finding = new(
        "external-name-loop",
        Severity::Error,
        case,
        &sentence,
        tried,
    );
    finding = finding.fact("chain", chain.join(" → "));
    let mut commands = vec![words::kubectl("delete", &case.about, "")];
    for (namespace, name) in members.iter().filter(|it| **it != own) {
        let other = ObjectRef::new(Kind::Service, namespace, name);
        commands.push(words::kubectl("delete", &other, ""));
        finding.follows(other, "It is part of the circle.".into());
    }
    it.report(finding.mend("take the aliases away", commands.join(" && ")));
}

fn is_missing(
    it: &mut Examination<'_>,
    case: &Case<'_>,
    (namespace, name): (&str, &str),
    tried: Option<Tried>,
) {
    // A StatefulSet may be named under it.
    if let Some(fault) = it.missing_service(namespace, name) {
        fault.follows(
            case.about.clone(),
            "It is an alias for that Service.".into(),
        );
        return;
    }
    let domain = it.objects.cluster.dns_domain();
    let target = case.service.spec.external_name.clone().unwrap_or_default();
    let near = nearest_service(it.objects, namespace, name);
    let exists = it.objects.service(namespace, name).is_some();
    let end = if exists {
        ", which is no whole name: nobody adds a search list to an alias."
    } else {
        ", and there is no such Service."
    };
    let sentence = [
        "The alias ",
        &short(&case.about),
        " leads to ",
        &target,
        end,
    ]
    .concat();
    let mut finding = new(
        "external-name-unknown",
        Severity::Error,
        case,
        &[&sentence],
        tried,
    );
    if let Some((namespace, name)) = near {
        let full = [&name, ".", &namespace, ".svc.", domain].concat();
        let patch = json!({"spec": {"externalName": full}});
        finding = finding
            .fact("nearest", [&name, ".", &namespace].concat())
            .mend(
                "name that Service in full",
                words::merge(&case.about, &patch),
            );
    } else {
        finding = finding.mend(
            "take the alias away",
            words::kubectl("delete", &case.about, ""),
        );
    }
    it.report(finding);
}

/// The Service that was probably meant: of that name elsewhere, or of a name like it.
pub(super) fn nearest_service(
    objects: &Objects,
    namespace: &str,
    name: &str,
) -> Option<(String, String)> {
    if objects.service(namespace, name).is_some() {
        return Some((namespace.to_owned(), name.to_owned()));
    }
    let own = objects.services.keys().filter(|it| it.0 == namespace);
    let names: Vec<&str> = own.map(|it| it.1.as_str()).collect();
    if let Some(near) = nearest_name(name, &names) {
        return Some((namespace.to_owned(), near.to_owned()));
    }
    let mut elsewhere = objects.services.keys().filter(|it| it.1 == name);
    if let Some(key) = elsewhere.next() {
        return Some(key.clone());
    }
    let namespaces: Vec<&str> = objects.namespaces.keys().map(String::as_str).collect();
    let near = nearest_name(namespace, &namespaces)?;
    let found = objects.service(near, name);
    found.map(|_| (near.to_owned(), name.to_owned()))
}

/// An alias for a name outside the cluster.
fn outside(it: &mut Examination<'_>, case: &Case<'_>, target: &str, tried: Option<Tried>) {
    let key = ("kube-system".to_owned(), "outside".to_owned());
    let has_zone = it.objects.config_maps.contains_key(&key);
    let is_nameless = tried
        .as_ref()
        .is_some_and(|it| it.reason == Some(Why::NoSuchName));
    if has_zone && is_nameless {
        let sentence = [
            "The alias ",
            &short(&case.about),
            " leads to ",
            target,
            ", which does not exist.",
        ];
        let finding = new(
            "external-name-unknown",
            Severity::Error,
            case,
            &sentence,
            tried,
        );
        let command = words::kubectl("delete", &case.about, "");
        it.report(finding.mend("take the alias away", command));
        return;
    }
    let ports = &case.service.spec.ports;
    let is_web = |it: &ServicePort| {
        matches!(it.port, 80 | 443 | 8080 | 8443) || it.name().starts_with("http")
    };
    let severity = if ports.iter().any(is_web) {
        Severity::Warning
    } else {
        Severity::Note
    };
    let is_refused = matches!(
        tried.as_ref().and_then(|it| it.reason.as_ref()),
        Some(Why::WrongHost | Why::WrongCertificate)
    );
    let tried = tried.filter(|_| is_refused);
    let sentence = [
        "The server at ",
        target,
        " is asked by the name ",
        &short(&case.about),
        ": one that serves web sites by name answers that it has no such site, or shows a certificate for another name.",
    ];
    let finding = new(
        "external-name-changes-host",
        severity,
        case,
        &sentence,
        tried,
    );
    it.report(finding.mend(
        "ask that server by its own name, without an alias",
        words::kubectl("delete", &case.about, ""),
    ));
}

/// Fields that mean nothing to an alias.
fn ignored(it: &mut Examination<'_>, case: &Case<'_>) {
    let spec = &case.service.spec;
    let maps = |it: &ServicePort| match &it.target_port {
        Some(crate::api::IntOrString::Int(target)) => *target != it.port && *target != 0,
        Some(crate::api::IntOrString::String(_)) => true,
        None => false,
    };
    if let Some(idx) = spec.ports.iter().position(maps) {
        let port = spec.ports[idx].port;
        let sentence = [
            &short(&case.about),
            " is an alias, which maps no ports: whoever asks port ",
            &port.to_string(),
            " of it asks that port of the server.",
        ];
        let patch = json!([{"op": "remove", "path": "/spec/ports"}]);
        let path = ports::path(idx, "targetPort");
        let about = case.about.clone();
        let id = "external-name-ports";
        let finding = Finding::new(id, Severity::Warning, about, path, sentence.concat());
        let finding = finding.fact("port", port.to_string());
        it.report(finding.mend(
            "leave the ports out",
            words::json_patch(&case.about, &patch),
        ));
    }
    if !spec.selector.is_empty() {
        let sentence = [
            &short(&case.about),
            " is an alias, which selects no pods: its selector means nothing.",
        ];
        let patch = json!({"spec": {"selector": null}});
        let path = "spec.selector".to_owned();
        let about = case.about.clone();
        let id = "external-name-selector";
        let finding = Finding::new(id, Severity::Warning, about, path, sentence.concat());
        let finding = finding.fact("selector", words::labels(&spec.selector));
        it.report(finding.mend("leave it out", words::merge(&case.about, &patch)));
    }
}
