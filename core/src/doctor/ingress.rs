//! Ingresses: a backend that does not exist, a port that it does not have, a class that nobody serves.
//!
//! An Ingress that has an address was read by somebody, whether that is in what was given or not.
//!
//! **Left out**: two Ingresses that claim one host and path.

use super::examination::Examination;
use super::external_name::nearest_service;
use super::finding::{Finding, Severity};
use super::service::short;
use super::words;
use crate::api::{Ingress, IngressBackend, Kind, ObjectRef, Service, ServicePort};
use crate::controllers::{class_of, controller_service};
use crate::ip::Protocol;
use crate::sim::{HostId, Source};
use crate::yaml::nearest_name;
use serde_json::{Value, json};

/// Looks at every Ingress.
pub(super) fn examine(it: &mut Examination<'_>) {
    for ingress in it.objects.ingresses.values() {
        let metadata = &ingress.metadata;
        let about = ObjectRef::new(Kind::Ingress, &metadata.namespace, &metadata.name);
        class(it, ingress, &about);
        for backend in backends(ingress) {
            look_at(it, &about, &backend);
        }
    }
}

/// A backend, and where it stands.
struct Backend<'a> {
    backend: &'a IngressBackend,
    /// `spec.rules[0].http.paths[1].backend`
    path: String,
    /// `/spec/rules/0/http/paths/1/backend`
    pointer: String,
    /// `shop.example.com/cart`
    route: String,
}

fn backends(ingress: &Ingress) -> Vec<Backend<'_>> {
    let mut found = Vec::new();
    if let Some(backend) = &ingress.spec.default_backend {
        found.push(Backend {
            backend,
            path: "spec.defaultBackend".into(),
            pointer: "/spec/defaultBackend".into(),
            route: "whatever no rule names".into(),
        });
    }
    for (rule_idx, rule) in ingress.spec.rules.iter().enumerate() {
        let paths = rule.http.iter().flat_map(|it| &it.paths);
        for (path_idx, path) in paths.enumerate() {
            let (rule_text, path_text) = (rule_idx.to_string(), path_idx.to_string());
            let host = rule.host.as_deref().unwrap_or("*");
            found.push(Backend {
                backend: &path.backend,
                path: [
                    "spec.rules[",
                    &rule_text,
                    "].http.paths[",
                    &path_text,
                    "].backend",
                ]
                .concat(),
                pointer: [
                    "/spec/rules/",
                    &rule_text,
                    "/http/paths/",
                    &path_text,
                    "/backend",
                ]
                .concat(),
                route: [host, path.path.as_deref().unwrap_or("/")].concat(),
            });
        }
    }
    found
}

/// A class that nobody serves.
fn class(it: &mut Examination<'_>, ingress: &Ingress, about: &ObjectRef) {
    let class = class_of(it.objects, ingress).map(str::to_owned);
    let has_address = !ingress.status.load_balancer.ingress.is_empty();
    let classes = &it.objects.ingress_classes;
    let is_named = class
        .as_ref()
        .is_some_and(|class| classes.contains_key(class));
    if has_address && (is_named || classes.is_empty()) {
        return;
    }
    let known: Vec<&str> = it
        .objects
        .ingress_classes
        .keys()
        .map(String::as_str)
        .collect();
    let path = "spec.ingressClassName".to_owned();
    let id = "ingress-class-unserved";
    let sentence = match &class {
        None => "names no class, and no class is the default".to_owned(),
        Some(class) if !known.contains(&class.as_str()) => {
            ["is of class ", class, ", which does not exist"].concat()
        }
        Some(class) => match controller_service(it.objects, class) {
            Some(service) if is_ready(it, service) => return,
            Some(service) => {
                let name = &service.metadata.name;
                [
                    "is of class ",
                    class,
                    ", whose controller ",
                    name,
                    " has no pod that is ready",
                ]
                .concat()
            }
            None => ["is of class ", class, ", whose controller is not here"].concat(),
        },
    };
    let sentence = [
        "Ingress ",
        &short(about),
        " ",
        &sentence,
        ": nobody reads it.",
    ]
    .concat();
    let all: Vec<String> = known.iter().map(|it| (*it).to_owned()).collect();
    let finding = Finding::new(id, Severity::Error, about.clone(), path, sentence)
        .fact("class", class.clone().unwrap_or_else(|| "none".into()))
        .fact("classes there are", words::list(&all));
    let finding = served(it, finding, about, &class.unwrap_or_default());
    it.report(finding);
}

/// With the class that was probably meant: one that somebody serves, if it is near or the only one.
fn served(it: &Examination<'_>, finding: Finding, about: &ObjectRef, told: &str) -> Finding {
    let known: Vec<&str> = it
        .objects
        .ingress_classes
        .keys()
        .map(String::as_str)
        .collect();
    let is_served = |class: &&&str| {
        let service = controller_service(it.objects, class);
        service.is_some_and(|service| is_ready(it, service))
    };
    let near = nearest_name(told, &known);
    match known.iter().find(is_served) {
        Some(class) if told.is_empty() || near.is_none_or(|near| near == *class) => {
            let patch = json!({"spec": {"ingressClassName": class}});
            finding.mend("name the class that is served", words::merge(about, &patch))
        }
        _ => finding.look("the classes there are", "kubectl get ingressclasses".into()),
    }
}

fn is_ready(it: &Examination<'_>, service: &Service) -> bool {
    let metadata = &service.metadata;
    let slices = it.objects.slices_of(&metadata.namespace, &metadata.name);
    slices
        .flat_map(|it| &it.endpoints)
        .any(|it| it.conditions.is_ready())
}

fn has_port(service: &Service, backend: &IngressBackend) -> bool {
    service.spec.ports.iter().any(|it| is_port(it, backend))
}

/// Whether a port is the one that a backend names.
fn is_port(port: &ServicePort, backend: &IngressBackend) -> bool {
    let told = backend.service.as_ref().map(|it| &it.port);
    told.is_some_and(|told| match (&told.name, told.number) {
        (Some(name), _) if !name.is_empty() => port.name() == name,
        (_, number) => number == Some(port.port),
    })
}

/// Whether something ready stands behind a backend's port.
fn has_endpoints(it: &Examination<'_>, service: &Service, backend: &IngressBackend) -> bool {
    let metadata = &service.metadata;
    let mut slices = it.objects.slices_of(&metadata.namespace, &metadata.name);
    let mut ports = service.spec.ports.iter();
    let Some(port) = ports.find(|it| is_port(it, backend)) else {
        return false;
    };
    slices.any(|slice| {
        let mut ports = slice.ports.iter();
        ports.any(|it| it.name.as_deref().unwrap_or_default() == port.name())
            && slice.endpoints.iter().any(|it| it.conditions.is_ready())
    })
}

fn look_at(it: &mut Examination<'_>, about: &ObjectRef, at: &Backend<'_>) {
    let Some(told) = &at.backend.service else {
        return;
    };
    let Some(service) = it.objects.service(&about.namespace, &told.name) else {
        no_service(it, about, at, &told.name);
        return;
    };
    let target = super::service::about(service);
    if !has_port(service, at.backend) {
        no_port(it, about, at, service);
        return;
    }
    let answer = if service.kind() == "ExternalName" || has_endpoints(it, service, at.backend) {
        " is answered with an error, 502 or 504."
    } else {
        " is answered 503."
    };
    let route = [&at.route, answer].concat();
    let fault = it.fault_of(&target);
    if let Some(fault) = fault.filter(|it| it.severity == Severity::Error) {
        fault.follows(about.clone(), route);
    }
    if service.spec.session_affinity.as_deref() == Some("ClientIP") {
        affinity(it, about, &target);
    }
}

fn new(
    it: &mut Examination<'_>,
    id: &'static str,
    about: &ObjectRef,
    (path, sentence): (String, String),
    at: &Backend<'_>,
) -> Finding {
    let finding = Finding::new(id, Severity::Error, about.clone(), path, sentence);
    let finding = finding.fact("route", at.route.clone());
    let tried = ask(it, about, at);
    finding.shown(tried)
}

/// The request that follows the route, where the controller's address is known.
fn ask(it: &mut Examination<'_>, about: &ObjectRef, at: &Backend<'_>) -> Option<super::Tried> {
    let key = (about.namespace.clone(), about.name.clone());
    let ingress = it.objects.ingresses.get(&key)?;
    let class = class_of(it.objects, ingress)?;
    controller_service(it.objects, class)?;
    let (host, path) = at.route.split_at_checked(at.route.find('/')?)?;
    let to = ["http://", host, path].concat();
    let tried = it.ask(
        Source::Host(HostId::Outside),
        &to,
        Protocol::Tcp,
        super::examination::Ways::One,
    );
    // A host that no zone knows says nothing about the route.
    tried.filter(|it| it.fails() && it.verdict != crate::sim::Verdict::NoSuchHost)
}

fn no_service(it: &mut Examination<'_>, about: &ObjectRef, at: &Backend<'_>, name: &str) {
    let near = nearest_service(it.objects, &about.namespace, name);
    let elsewhere = near.as_ref().filter(|it| it.0 != about.namespace);
    let mut sentence = [
        "Ingress ",
        &short(about),
        " sends ",
        &at.route,
        " to Service ",
        name,
    ]
    .concat();
    match elsewhere {
        Some((namespace, _)) => {
            sentence.push_str(
                &[
                    ", which is in namespace ",
                    namespace,
                    ": an Ingress reaches its own only.",
                ]
                .concat(),
            );
        }
        None => sentence.push_str(", which does not exist."),
    }
    let path = [&at.path, ".service.name"].concat();
    let id = "ingress-service-missing";
    let finding = new(it, id, about, (path, sentence), at).fact("Service", name.to_owned());
    let finding = match near {
        Some((namespace, near)) if namespace == about.namespace => {
            let patch = renamed(it, about, at, &near);
            finding.fact("nearest", near).mend(
                "name the Service that is meant",
                words::json_patch(about, &patch),
            )
        }
        Some((namespace, near)) => {
            let alias = alias(it, about, at, (&namespace, &near), name);
            finding
                .fact("nearest", [&near, ".", &namespace].concat())
                .mend("make an alias for it here", words::create(&alias))
        }
        None => {
            let command = without_route(it, about, at);
            finding.mend("take the route out", command)
        }
    };
    it.report(finding);
}

/// The patch that has a backend name another Service, and a port that it has.
fn renamed(it: &Examination<'_>, about: &ObjectRef, at: &Backend<'_>, near: &str) -> Value {
    let mut operations = vec![replace(at, "service/name", &near.into())];
    let service = it.objects.service(&about.namespace, near);
    let own = service.filter(|it| !has_port(it, at.backend));
    if let Some(port) = own.and_then(|it| it.spec.ports.first()) {
        operations.push(replace(at, "service/port", &json!({"number": port.port})));
    }
    operations.into()
}

/// An alias for a Service of another namespace.
fn alias(
    it: &Examination<'_>,
    about: &ObjectRef,
    at: &Backend<'_>,
    (namespace, near): (&str, &str),
    name: &str,
) -> Value {
    let domain = it.objects.cluster.dns_domain();
    let target = [near, ".", namespace, ".svc.", domain].concat();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": about.namespace},
        "spec": {
            "type": "ExternalName",
            "externalName": target,
            "ports": [{"port": number(it.objects.service(namespace, near), at)}],
        },
    })
}

/// Takes a route out: a rule must have a path, and an Ingress a rule.
fn without_route(it: &Examination<'_>, about: &ObjectRef, at: &Backend<'_>) -> String {
    let key = (about.namespace.clone(), about.name.clone());
    let spec = it.objects.ingresses.get(&key).map(|it| &it.spec);
    let rules = spec.map_or(&[][..], |it| &it.rules);
    let told = at.pointer.strip_prefix("/spec/rules/");
    let own: Option<usize> = told.and_then(|it| it.split('/').next()?.parse().ok());
    let rule = own.and_then(|it| rules.get(it)?.http.as_ref());
    let n_paths = rule.map_or(0, |it| it.paths.len());
    let pointer = match (n_paths, rules.len(), own) {
        (1, 1, _) => return words::kubectl("delete", about, ""),
        (1, _, Some(idx)) => ["/spec/rules/", &idx.to_string()].concat(),
        _ => at.pointer.trim_end_matches("/backend").to_owned(),
    };
    words::json_patch(about, &json!([{"op": "remove", "path": pointer}]))
}

fn number(service: Option<&std::sync::Arc<Service>>, at: &Backend<'_>) -> i32 {
    let told = at.backend.service.as_ref().and_then(|it| it.port.number);
    let first = service
        .and_then(|it| it.spec.ports.first())
        .map(|it| it.port);
    told.or(first).unwrap_or(80)
}

fn replace(at: &Backend<'_>, field: &str, value: &Value) -> Value {
    let path = [&at.pointer, "/", field].concat();
    json!({"op": "replace", "path": path, "value": value})
}

fn no_port(it: &mut Examination<'_>, about: &ObjectRef, at: &Backend<'_>, service: &Service) {
    let told = at.backend.service.as_ref().map(|it| &it.port);
    let asked = told.and_then(|it| it.name.clone().or(it.number.map(|it| it.to_string())));
    let asked = asked.unwrap_or_else(|| "none".into());
    let names: Vec<String> = service
        .spec
        .ports
        .iter()
        .map(|it| {
            let number = it.port.to_string();
            if it.name().is_empty() {
                number
            } else {
                [it.name(), "=", &number].concat()
            }
        })
        .collect();
    let name = &service.metadata.name;
    let sentence = [
        "Ingress ",
        &short(about),
        " sends ",
        &at.route,
        " to port ",
        &asked,
        " of Service ",
        name,
        ", which has ",
        &words::list(&names),
        ".",
    ];
    let path = [&at.path, ".service.port"].concat();
    let id = "ingress-port-missing";
    let finding = new(it, id, about, (path, sentence.concat()), at)
        .fact("port", asked.clone())
        .fact("the Service's ports", words::list(&names));
    let known: Vec<&str> = service.spec.ports.iter().map(ServicePort::name).collect();
    let near = nearest_name(&asked, &known);
    let mut ports = service.spec.ports.iter();
    let chosen = ports.clone().find(|it| near == Some(it.name()));
    let finding = match chosen.or_else(|| ports.next()) {
        Some(port) => {
            let patch = json!([replace(at, "service/port", &json!({"number": port.port}))]);
            finding.mend("name a port that it has", words::json_patch(about, &patch))
        }
        None => finding,
    };
    it.report(finding);
}

/// An affinity that the controller never meets: it sends to endpoints.
fn affinity(it: &mut Examination<'_>, ingress: &ObjectRef, service: &ObjectRef) {
    if it.reported("affinity-behind-ingress", service).is_some() {
        return;
    }
    let sentence = [
        "sessionAffinity of ",
        &short(service),
        " is kube-proxy's, and the controller of Ingress ",
        &short(ingress),
        " sends past it, straight to the endpoints.",
    ];
    let patch = json!({"spec": {"sessionAffinity": "None"}});
    let path = "spec.sessionAffinity".to_owned();
    let id = "affinity-behind-ingress";
    let finding = Finding::new(id, Severity::Note, service.clone(), path, sentence.concat());
    it.report(finding.mend("leave it out", words::merge(service, &patch)));
}
